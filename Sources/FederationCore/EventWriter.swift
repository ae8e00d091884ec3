/// A signature with the key that made it, both as events carry them.
package struct EventSeal: Hashable, Sendable {
    package var signature: String
    package var publicKey: String

    package init(signature: String, publicKey: String) {
        self.signature = signature
        self.publicKey = publicKey
    }
}

/// Writes this node's own events, inside a transaction that the caller owns.
///
/// Every event is signed. None is written that Noema peers could never be given, and none that would hide an edit its
/// author had not seen: a write names the heads it was based on, and is refused with the current ones if they differ.
package struct EventWriter: Sendable {
    package static let requestIDLength = 128

    /// Our own identity.
    package var node: ULID
    /// Our display name, as events carry it.
    package var name: String
    package var sha256: SHA256
    /// Signs the preimage of an event.
    package var sign: @Sendable ([UInt8]) -> EventSeal

    package init(
        node: ULID, name: String, sha256: @escaping SHA256, sign: @escaping @Sendable ([UInt8]) -> EventSeal
    ) {
        self.node = node
        self.name = name
        self.sha256 = sha256
        self.sign = sign
    }

    /// Writes what is asked for, or nothing, with all that belongs to it: a `WritePass` of one write.
    package func write(
        _ request: WriteRequest, requestID: String? = nil, now: WallTime, random: inout some RandomNumberGenerator,
        into log: inout some LogWriting
    ) throws(WriteFailure) -> Written {
        var pass: WritePass
        do throws(StoreFailure) { pass = try WritePass(self, in: log) } catch { throw .store(error) }
        let written = try pass.write(request, requestID: requestID, now: now, random: &random, into: &log)
        do throws(StoreFailure) { try pass.finish(now: now, in: &log) } catch { throw .store(error) }
        return written
    }

    /// - Parameter stored: all events of the draft's subject, in order of id.
    func append(
        _ draft: EventDraft, behind stored: [StoredEvent], _ clock: inout NodeClock, now: WallTime,
        random: (UInt64, UInt64), in log: inout some LogWriting
    ) throws(StoreFailure) -> Result<ULID, WriteRefusal> {
        let minted = try Minting.id(for: draft.subject, now: now, random: random, in: log)
        let event: Event
        let fingerprint: EventFingerprint
        do throws(WriteRefusal) {
            (event, fingerprint) = try sealed(draft, id: minted.get(), clock, stored, now: now)
        } catch {
            return .failure(error)
        }
        let entry = LogEntry(event: event, fingerprint: fingerprint, verification: .pinned, peer: "", receivedAt: now)
        let added = StoredEvent(entry, seq: try log.append(entry))
        if let number = clock.nextNumber { clock.give(number) }
        // In order of id, as ours is greater than all of its subject.
        let known = (stored + [added]).map { RecordSource(stored: $0, findings: nil) }
        _ = try RecordUpkeep(sha256: sha256, now: now).update(draft.subject, knowing: known, in: &log)
        return .success(event.id)
    }

    private func sealed(
        _ draft: EventDraft, id: ULID, _ nodeClock: NodeClock, _ stored: [StoredEvent], now: WallTime
    ) throws(WriteRefusal) -> (Event, EventFingerprint) {
        guard let number = nodeClock.nextNumber else { throw .numbersExhausted }
        let applied = stored.filter { $0.hold == nil }.map(\.event)
        let clock = try Minting.clock(of: draft.action, number: number, node: node, applied: applied).get()
        guard draft.data.count <= Limits.eventDataBytes else {
            throw .tooLarge(bytes: draft.data.count, limit: Limits.eventDataBytes)
        }
        var event = Event(
            id: id, action: draft.action.rawValue, subject: draft.subject, origin: node.description, originName: name,
            timestamp: now.rfc3339, payload: .full(draft.data), clock: ReceivedClock(clock))
        guard let fingerprint = try? event.fingerprint(sha256) else {
            throw .withheld(.malformedData)
        }
        let seal = sign(event.signingPreimage(dataHash: fingerprint.dataHash))
        event.signature = seal.signature
        event.publicKey = seal.publicKey
        let bytes = event.json.count
        guard bytes <= Limits.eventBytes else { throw .tooLarge(bytes: bytes, limit: Limits.eventBytes) }
        // An id that is early is given later; everything else that is withheld is so for good.
        let servedFrom = max(now, event.id.time)
        if case .withheld(let reason) = NoemaView.verdict(
            on: event, history: stored.map(\.event), now: servedFrom, sha256)
        {
            throw .withheld(reason)
        }
        return (event, fingerprint)
    }
}

/// An event of ours before it has an id, a clock and a signature.
struct EventDraft: Hashable {
    var action: NoemaAction
    var subject: String
    /// In normal form, so that no relay can change the bytes that are signed.
    var data: [UInt8]

    init(_ action: NoemaAction, _ subject: String, data: [UInt8] = Array("{}".utf8)) {
        self.action = action
        self.subject = subject
        self.data = data
    }
}

extension Snapshot {
    /// What an edit of a record starts from: the content of its shown head, with the tags and the tier that stand now.
    ///
    /// - Parameter data: of the shown head.
    /// - Throws: as `Snapshot(data:)`.
    package init(editing record: Record, data: [UInt8]) throws(EventRefusal) {
        try self.init(data: data)
        tags = record.tags
        if !tier.isEmpty || record.tier != Tier.short.rawValue { tier = record.tier }
    }
}

/// The answers to the last writes that had a request id.
enum WriteRequestLog {
    /// So many are remembered, and some before them: the oldest are looked for with each 64th event of ours.
    static let limit = 1000
    private static let pruning: UInt64 = 64
    private static let namespace = "writer"

    static func answer(
        to requestID: String, _ request: WriteRequest, in log: some LogReading
    ) throws(StoreFailure) -> Result<Written, WriteRefusal>? {
        guard let value = try log.wireValue(namespace, peer: "", key: requestID) else { return nil }
        let words = value.split(separator: 0x20, maxSplits: 2, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        guard words.count == 3, words[1] == request.kind else { return .failure(.requestIDReused) }
        // Whoever repeats a create has made up another id for it.
        if case .create = request {} else {
            guard words[2].isExactly(request.subject) else { return .failure(.requestIDReused) }
        }
        let events = words[0].split(separator: ",").compactMap { ULID($0) }
        return .success(Written(subject: words[2], events: events, isRepeated: true))
    }

    /// - Parameter number: of the last event that was written.
    static func keep(
        _ requestID: String, _ request: WriteRequest, _ written: Written, through number: UInt64,
        in log: inout some LogWriting
    ) throws(StoreFailure) {
        // The number is behind the ids, where an older program finds no id.
        let first = (written.events.map(\.description) + [String(number)]).joined(separator: ",")
        try log.setWireValue(
            namespace, peer: "", key: requestID, Array("\(first) \(request.kind) \(request.subject)".utf8))
    }

    /// Forgets the oldest, where it is time to.
    ///
    /// - Parameters:
    ///   - number: of the last event that was written.
    ///   - count: how many were written.
    static func prune(through number: UInt64, count: Int, in log: inout some LogWriting) throws(StoreFailure) {
        guard number % pruning < UInt64(count) else { return }
        let known = try log.wireValues(namespace, peer: "")
        guard known.count > limit else { return }
        // By number: ids follow the clock, which may have been set back. What has none was kept by an older program.
        let oldest = known.map { (key: $0.key, number: self.number(in: $0.value), value: $0.value) }
            .sorted { $0.number != $1.number ? $0.number < $1.number : $0.value.lexicographicallyPrecedes($1.value) }
        for row in oldest.prefix(known.count - limit) { try log.setWireValue(namespace, peer: "", key: row.key, nil) }
    }

    private static func number(in value: [UInt8]) -> UInt64 {
        let word = value.prefix { $0 != 0x20 }.split(separator: UInt8(ascii: ",")).last ?? []
        return UInt64(String(decoding: word, as: UTF8.self)) ?? 0
    }
}
