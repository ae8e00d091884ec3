/// An event that a record is made of, and what was found out of it already.
struct RecordSource {
    let stored: StoredEvent
    let findings: EventFindings?
}

/// Keeps the record of a subject, the holds of its events and what a purge removes in step with the log.
struct RecordUpkeep {
    /// What came of giving an event to the host's replayer.
    enum Offer: Hashable {
        /// It is applied, or nobody asks for it.
        case go
        /// It failed too often: the event is stored, held.
        case hold(Reason)
        /// It failed, and may succeed at the next poll.
        case stop(Reason)
    }

    let sha256: SHA256
    let replayer: (any EventReplayer)?
    let replayAttempts: Int
    let now: WallTime
    private let policy: IntakePolicy?

    init(_ policy: IntakePolicy, now: WallTime) {
        self.policy = policy
        sha256 = policy.sha256
        replayer = policy.replayer
        replayAttempts = policy.replayAttempts
        self.now = now
    }

    /// For our own writes, which no replayer is given.
    init(sha256: @escaping SHA256, now: WallTime) {
        policy = nil
        self.sha256 = sha256
        replayer = nil
        replayAttempts = 1
        self.now = now
    }

    /// Gives an event that is not yet stored to the replayer, if it will be applied.
    func offer(_ entry: LogEntry, in log: inout some LogWriting) throws(StoreFailure) -> Offer {
        guard let replayer, try isApplicable(entry.event, in: log) else { return .go }
        let attempts = ReplayAttempts(peer: entry.peer)
        switch try replayer.replay(entry, lending: &log) {
        case .applied:
            try attempts.set(nil, of: entry.event.id, in: &log)
            return .go
        case .failed(let reason):
            let count = try attempts.count(of: entry.event.id, in: log) + 1
            let isLast = count >= replayAttempts
            try attempts.set(isLast ? nil : count, of: entry.event.id, in: &log)
            return isLast ? .hold(reason) : .stop(reason)
        }
    }

    private func isApplicable(_ event: Event, in log: some LogReading) throws(StoreFailure) -> Bool {
        let others = try log.events(of: event.subject).filter { !$0.isHeldApart && $0.event.id != event.id }
        let outcome = RecordFunction.record(of: event.subject, from: others.map(\.event) + [event])
        return outcome.standings.first { $0.id == event.id }?.hold == nil
    }

    /// Makes the record of a subject anew, holds and releases its events, and removes what a purge is due to remove.
    ///
    /// - Parameters:
    ///   - retriesReplayer: gives what the replayer holds to it again.
    ///   - believed: events whose signature holds them no longer.
    ///   - known: all events of the subject in order of id, where the caller knows them.
    /// - Returns: the events that are held now.
    func update(
        _ subject: String, retriesReplayer: Bool = false, believing believed: Set<ULID> = [],
        knowing known: [RecordSource]? = nil,
        in log: inout some LogWriting
    ) throws(StoreFailure) -> [ULID: HoldReason] {
        // Most subjects that are new have one event, of which this was found out already. The case alone is looked at: to
        // compare with `nil`, the record would be copied.
        if let known, known.count == 1, known[0].stored.hold == nil, let found = known[0].findings,
            case .some = found.loneRecord
        {
            try log.setRecord(subject, found.loneRecord)
            return [:]
        }
        let stored = if let known { known.map(\.stored) } else { try log.events(of: subject) }
        var found: [ULID: Snapshot] = [:]
        for source in known ?? [] { found[source.stored.event.id] = source.findings?.snapshot }
        var held: [ULID: HoldReason] = [:]
        for event in stored where event.isHeldApart {
            guard !(retriesReplayer && event.isHeldByReplayer), !believed.contains(event.event.id) else { continue }
            held[event.event.id] = event.hold
        }
        // A release may fail at the replayer, and then others are released or not: at most once for each event.
        var offered: Set<ULID> = []
        var check = policy.map { SignatureReview.ReleaseCheck($0, believing: believed) }
        var outcome: RecordOutcome
        repeat {
            outcome = RecordFunction.record(
                of: subject, from: stored.filter { held[$0.event.id] == nil }.map(\.event), knowing: found)
        } while try release(stored, outcome, &check, &offered, &held, in: &log)
        outcome.record?.heldCount += held.count
        for standing in outcome.standings { held[standing.id] = standing.hold }
        for event in stored where event.hold != held[event.event.id] {
            try log.setHold(event.event.id, held[event.event.id])
        }
        // A purge of ours lets others count, whose signatures were not looked at here.
        if policy == nil, stored.contains(where: { $0.hold != nil && held[$0.event.id] == nil }) {
            try SignatureReview.begin(now: now, in: &log)
        }
        try log.setRecord(subject, outcome.record)
        if outcome.record?.purge != nil { try removePurged(subject, stored, in: &log) }
        return held
    }

    /// Gives events that are no longer held to the replayer, once none of them is held for its signature.
    ///
    /// - Returns: whether one of them is held again.
    private func release(
        _ stored: [StoredEvent], _ outcome: RecordOutcome, _ check: inout SignatureReview.ReleaseCheck?,
        _ offered: inout Set<ULID>, _ held: inout [ULID: HoldReason], in log: inout some LogWriting
    ) throws(StoreFailure) -> Bool {
        guard check != nil, stored.contains(where: { $0.hold != nil }) else { return false }
        let applied = Set(outcome.standings.filter { $0.hold == nil }.map(\.id))
        let released = stored.filter { $0.hold != nil && applied.contains($0.event.id) }
        let forged = try check?.forged(among: released, in: log) ?? []
        guard forged.isEmpty else {
            for id in forged { held[id] = .signature }
            return true
        }
        guard let replayer else { return false }
        for event in released {
            guard offered.insert(event.event.id).inserted, let entry = LogEntry(event, sha256),
                case .failed(let reason) = try replayer.replay(entry, lending: &log)
            else { continue }
            held[event.event.id] = .replayer(reason)
            return true
        }
        return false
    }
}

extension StoredEvent {
    var isHeldByReplayer: Bool { if case .replayer = hold { true } else { false } }

    /// The hold is not the record function's to lift.
    var isHeldApart: Bool { isHeldByReplayer || hold == .signature }
}

extension LogEntry {
    /// The entry by which an event of the log got there; `nil` if the log is damaged.
    init?(_ stored: StoredEvent, _ sha256: SHA256) {
        guard let fingerprint = try? stored.event.fingerprint(sha256) else { return nil }
        self.init(
            event: stored.event, fingerprint: fingerprint, verification: stored.verification, peer: stored.peer,
            receivedAt: stored.receivedAt, dataSeen: stored.dataSeen)
    }
}

// Removal of what was purged.
extension RecordUpkeep {
    private static let prefix = "purge:"
    private static let nextKey = "next_purge"

    /// Removes the `data` of a purged subject's events once its purge is final, and until then notes when it will be.
    private func removePurged(
        _ subject: String, _ stored: [StoredEvent], in log: inout some LogWriting
    ) throws(StoreFailure) {
        let removable = Compaction.removable(of: subject, from: stored, now: now)
        let isRemovable = Set(removable)
        for event in stored where isRemovable.contains(event.event.id) {
            guard let fingerprint = try? event.event.fingerprint(sha256) else { continue }
            let stub = Event.Stub(dataHash: fingerprint.dataHash, normalHash: fingerprint.normalHash)
            try log.strip(event.event.id, to: stub)
        }
        let purges = stored.filter { $0.event.knownAction?.isPurge == true }
        let isOpen = removable.isEmpty && stored.contains { !$0.event.isStub && $0.event.knownAction?.isPurge != true }
        let due = purges.map { $0.receivedAt.advanced(by: Limits.purgeGrace) }.min()
        try schedule(subject, isOpen ? due : nil, in: &log)
    }

    private func schedule(
        _ subject: String, _ due: WallTime?, in log: inout some LogWriting
    ) throws(StoreFailure) {
        let key = RecordUpkeep.prefix + subject
        let value = due.map { Array(String($0.milliseconds).utf8) }
        guard try log.wireValue(Intake.namespace, peer: "", key: key) != value else { return }
        try log.setWireValue(Intake.namespace, peer: "", key: key, value)
        if let due, try RecordUpkeep.nextPurge(in: log).map({ due < $0 }) ?? true {
            try log.setWireValue(Intake.namespace, peer: "", key: RecordUpkeep.nextKey, value)
        }
    }

    private static func nextPurge(in log: some LogReading) throws(StoreFailure) -> WallTime? {
        try log.wireValue(Intake.namespace, peer: "", key: nextKey).flatMap(time)
    }

    private static func time(_ value: [UInt8]) -> WallTime? {
        Int64(String(decoding: value, as: UTF8.self)).map(WallTime.init(milliseconds:))
    }

    /// Removes what purges are due to remove by now, at most `limit` subjects.
    func removeDuePurges(limit: Int, in log: inout some LogWriting) throws(StoreFailure) {
        guard let next = try RecordUpkeep.nextPurge(in: log), next <= now else { return }
        var subjects: [String] = []
        var following: WallTime?
        for (key, value) in try log.wireValues(Intake.namespace, peer: "") {
            let prefix = RecordUpkeep.prefix.utf8
            // By bytes: a subject may begin with a mark that would join the colon to one character.
            guard key.utf8.starts(with: prefix), let due = RecordUpkeep.time(value) else { continue }
            if due <= now, subjects.count < limit {
                subjects.append(String(decoding: key.utf8.dropFirst(prefix.count), as: UTF8.self))
            } else {
                following = min(following ?? due, due)
            }
        }
        for subject in subjects { _ = try update(subject, in: &log) }
        try log.setWireValue(
            Intake.namespace, peer: "", key: RecordUpkeep.nextKey,
            following.map { Array(String($0.milliseconds).utf8) })
    }
}
