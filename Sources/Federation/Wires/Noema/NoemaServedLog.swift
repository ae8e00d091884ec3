import FederationCore

/// The log as a Noema puller sees it: in order of id, only what it can replay, never what lies ahead of its time.
struct NoemaServedLog {
    let view: any LogReading
    let now: WallTime
    let sha256: SHA256
    var pageBytes = Limits.pageBytes

    /// The events after `since` as one JSON array, each exactly as it is stored: at most `limit`, and at most a page of
    /// bytes. What is withheld does not count, so a short page means the end of the log or a full page of bytes; of the
    /// latter a puller gets the rest at its next poll, from its cursor on.
    func page(since: ULID?, limit: Int) throws(StoreFailure) -> [UInt8] {
        var writer = JSONWriter()
        var failure: StoreFailure?
        writer.array { writer in
            do throws(StoreFailure) { try write(since: since, limit: limit, to: &writer) } catch { failure = error }
        }
        if let failure { throw failure }
        return writer.bytes
    }

    private func write(since: ULID?, limit: Int, to writer: inout JSONWriter) throws(StoreFailure) {
        // An id ahead of its time would carry a puller's cursor past everything written until then.
        let through = ULID(lastOf: now.advanced(by: Limits.earlyAfter))
        var after = since
        var count = 0
        var verdicts = NoemaVerdicts(now: now, sha256)
        while count < limit {
            let batch = try view.events(after: after, through: through, limit: limit, bytes: pageBytes)
            guard let last = batch.last else { return }
            for stored in batch where try verdicts.verdict(on: stored.event, in: view) == .served {
                let event = NoemaView.encoded(stored.event)
                guard count == 0 || writer.bytes.count + event.count < pageBytes else { return }
                writer.raw(event)
                count += 1
                guard count < limit else { return }
            }
            after = last.event.id
        }
    }
}

extension ULID {
    /// The greatest ULID of a millisecond.
    init(lastOf time: WallTime) { self.init(milliseconds: time.milliseconds, random: (.max, .max)) }

    /// Reads a cursor by Noema's test, which looks at the letters only: one past the last ULID is past any event.
    init?(cursor text: String) {
        if let id = ULID(text) {
            self = id
        } else if let first = text.utf8.first, (0x38...0x5A).contains(first), ULID("0" + text.dropFirst()) != nil,
            ULID("0000000000000000000000000" + text.prefix(1)) != nil
        {
            self = .max
        } else {
            return nil
        }
    }
}
