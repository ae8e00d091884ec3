/// Making stubs of what has been overtaken, some records at a time, so that whoever writes meanwhile hardly waits.
///
/// What was done stays done, and what is a stub is passed over: a run that was cut short is begun anew.
package struct CompactionRun: Sendable {
    /// What one stretch of records came to.
    package struct Step: Hashable, Sendable {
        /// The last record that was looked at; `nil` where there are none after it.
        package var last: String?
        /// Events that were looked at, events whose `data` is gone, of how many records, and the bytes that this frees in
        /// their rows.
        package var seen: Int64 = 0
        package var stubs: Int64 = 0
        package var records: Int64 = 0
        package var bytes: Int64 = 0

        package init() {}
    }

    private let sha256: SHA256
    private let kept: Duration
    private let now: WallTime
    private let records: Int

    /// - Parameters:
    ///   - kept: see `Compaction.removable`.
    ///   - records: how many are looked at in one step, at most.
    package init(
        keptFor kept: Duration, now: WallTime, records: Int = Limits.compactionRecords, sha256: @escaping SHA256
    ) {
        self.sha256 = sha256
        self.kept = kept
        self.now = now
        self.records = records
    }

    /// What `run` would do; changes nothing.
    package func rehearse(after subject: String?, in log: some LogReading) throws(StoreFailure) -> Step {
        try plan(after: subject, in: log).step
    }

    /// Looks at the records after `subject`, until some have been, and removes what may be removed of them.
    package func run(after subject: String?, in log: inout some LogWriting) throws(StoreFailure) -> Step {
        let (step, stubs) = try plan(after: subject, in: log)
        for (id, stub) in stubs { try log.strip(id, to: stub) }
        return step
    }

    private func plan(
        after subject: String?, in log: some LogReading
    ) throws(StoreFailure) -> (step: Step, stubs: [(ULID, Event.Stub)]) {
        var step = Step()
        var stubs: [(ULID, Event.Stub)] = []
        var room = Limits.compactionBytes
        let subjects = try log.subjects(after: subject, limit: records)
        for subject in subjects {
            // A record is looked at whole: what lets one update go may itself be let go.
            let events = try log.events(of: subject)
            let removable = Set(Compaction.removable(of: subject, from: events, keptFor: kept, now: now))
            for stored in events where removable.contains(stored.event.id) {
                guard let data = stored.event.data, let hashes = try? stored.event.fingerprint(sha256) else { continue }
                stubs.append((stored.event.id, Event.Stub(dataHash: hashes.dataHash, normalHash: hashes.normalHash)))
                step.stubs += 1
                step.bytes += Int64(max(0, data.count - 2 * Digest.length))
            }
            step.seen += Int64(events.count)
            step.records += removable.isEmpty ? 0 : 1
            step.last = subject
            room -= events.reduce(0) { $0 + ($1.event.data?.count ?? 0) }
            if room <= 0 { return (step, stubs) }
        }
        if subjects.count < records { step.last = nil }
        return (step, stubs)
    }
}
