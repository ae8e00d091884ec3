/// Takes the events of a page into the log, inside one transaction that the caller owns.
///
/// Every event ends in one of four ways, decided by the event, the log and constants alone: in the log and applied, in
/// the log and held, not in the log and kept as evidence (refused), or set aside until its time (deferred). Only a
/// failure that may pass by itself stops a page: what came before it stays taken in, and the cursor waits below it.
package struct Intake: Sendable {
    package var policy: IntakePolicy

    /// The namespace of the durable values that intake keeps for itself (`LogWriting.setWireValue`).
    static let namespace = "intake"

    package init(_ policy: IntakePolicy) { self.policy = policy }

    /// Takes in a page, moves the cursor as the page's kind says, and makes the records anew that it changed.
    ///
    /// - Parameters:
    ///   - peer: the configured name of the peer that gave it.
    ///   - now: our wall clock.
    /// - Throws: what the store threw; the transaction is then to be given up.
    package func take(
        _ page: PulledPage, from peer: String, now: WallTime, into log: inout some LogWriting
    ) throws(StoreFailure) -> PageOutcome {
        var pass = try IntakePass(policy, peer: peer, now: now, log)
        var ending = PageEnding(horizon: now.advanced(by: Limits.deferredAfter))
        try pass.lookAhead(at: page.items, in: log)
        try pass.prove(page, in: &log)
        for (place, item) in page.items.enumerated() {
            let findings = page.findings(at: place)
            let verdict = try pass.arrive(item, at: place, findings, into: &log)
            ending.note(item, verdict)
            if case .failed = verdict { break }
        }
        if ending.isWhole { try pass.keepProof(in: &log) }
        let holds = try pass.finish(into: &log)
        var outcome = ending.outcome(holds: holds)
        outcome.unprovenAttestations = pass.unprovenAttestations
        outcome.foundOwnFuture = pass.foundOwnEvent != nil
        outcome.cursor = try ending.moveCursor(page.cursor, of: peer, in: &log)
        return outcome
    }
}

/// What became of one item of a page.
enum Arrival: Hashable {
    /// New in the log; whether it is applied or held shows when its subject's record is made.
    case stored(ULID)
    case duplicate
    case refused(Reason)
    case deferred
    case failed(Reason)
}

/// What a page comes to: counts, the first problem, and how far the cursor may go.
private struct PageEnding {
    private struct Entry {
        var arrival: Arrival
        var id: ULID?
        /// What stood in the place of an id that is none.
        var unreadable = ""
        var subject: String

        var idText: String { id?.description ?? unreadable }
    }

    /// An id beyond it leads no cursor, whatever became of its event: everything honest would lie below.
    let horizon: WallTime
    private var entries: [Entry] = []

    init(horizon: WallTime) { self.horizon = horizon }

    mutating func note(_ item: PulledItem, _ arrival: Arrival) {
        switch item {
        case .event(let event, _):
            entries.append(Entry(arrival: arrival, id: event.id, subject: event.subject))
        case .unreadable(_, _, let id, let subject):
            entries.append(Entry(arrival: arrival, id: ULID(id), unreadable: id, subject: subject))
        }
    }

    func outcome(holds: [ULID: HoldReason]) -> PageOutcome {
        var outcome = PageOutcome()
        for entry in entries { outcome.count(entry.arrival, holds, entry.idText, entry.subject) }
        return outcome
    }

    var isWhole: Bool { !entries.contains { if case .failed = $0.arrival { true } else { false } } }

    /// - Returns: `last_event` as it stands then.
    func moveCursor(
        _ kind: PulledPage.Cursor, of peer: String, in log: inout some LogWriting
    ) throws(StoreFailure) -> ULID? {
        let key = StateKey.peer(peer, .lastEvent)
        let before = try log.state(key).flatMap { ULID($0) }
        var after = before
        switch kind {
        case .none: break
        case .byEvent:
            if let reached, reached > before ?? .min { after = reached }
        case .position(let position):
            guard isWhole else { break }
            let positionKey = StateKey.peer(peer, .position)
            if try log.state(positionKey) != position { try log.setState(positionKey, position) }
            // The position is what leads on; the last event is for people.
            after = entries.last { $0.id != nil }?.id ?? before
        }
        if let after, after != before { try log.setState(key, after.description) }
        return after
    }

    /// The greatest id dealt with below every id that is not, and below every id beyond the horizon.
    private var reached: ULID? {
        var bound = ULID.max
        for entry in entries {
            guard let id = entry.id else { continue }
            if case .failed = entry.arrival { bound = min(bound, id) }
            if id.time > horizon { bound = min(bound, id) }
        }
        return entries.compactMap(\.id).filter { $0 < bound }.max()
    }
}

extension PageOutcome {
    /// - Parameter eventID: made into a text only where there is a problem to name.
    mutating func count(
        _ arrival: Arrival, _ holds: [ULID: HoldReason], _ eventID: @autoclosure () -> String, _ subject: String
    ) {
        func problem(_ reason: Reason) -> ReplayProblem {
            ReplayProblem(reason: reason, eventID: eventID(), subject: subject)
        }
        switch arrival {
        case .stored(let id):
            if let hold = holds[id] {
                held += 1
                firstProblem = firstProblem ?? problem(hold.reason)
            } else {
                applied += 1
            }
        case .duplicate: duplicates += 1
        case .refused(let reason):
            refused += 1
            firstProblem = firstProblem ?? problem(reason)
        case .deferred: deferred += 1
        case .failed(let reason): stoppedBy = stoppedBy ?? problem(reason)
        }
    }
}

extension Event {
    /// Checks what the content of a create or update says of itself (Noema section 7.1); a stub says nothing.
    ///
    /// - Parameter read: `data`, where it was read already.
    /// - Returns: what it says, without its body; `nil` of any other event.
    @discardableResult
    func checkContent(_ sha256: SHA256, data read: JSON? = nil) throws(EventRefusal) -> Snapshot? {
        guard let data, knownAction?.isContent == true else { return nil }
        let json: JSON
        do { json = if let read { read } else { try JSON(data) } } catch { throw .notJSON(error) }
        let snapshot = try Snapshot(json: json, withBody: false)
        guard !snapshot.contentHash.isEmpty else { return snapshot }
        let body = json["body"]?.stringBytes ?? []
        guard snapshot.contentHash == Snapshot.contentHash(of: body, sha256) else { throw .contentHashMismatch }
        return snapshot
    }
}

extension LogEntry {
    /// The same without its `data`, made here.
    var stubbed: LogEntry {
        var entry = self
        entry.event.payload = .stub(
            Event.Stub(dataHash: fingerprint.dataHash, normalHash: fingerprint.normalHash))
        return entry
    }

    /// Keeps what another copy in the same bytes had better: its signature and how it was proved.
    mutating func inherit(from stored: StoredEvent) {
        if stored.event.signature != nil, event.signature == nil || stored.verification.rank > verification.rank {
            event.signature = stored.event.signature
            event.publicKey = stored.event.publicKey
        }
        verification = Verification.stronger(stored.verification, verification)
    }
}
