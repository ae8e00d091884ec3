/// What is done about an event of the quarantine.
package enum RetryResult: Hashable, Sendable {
    case applied
    case held(HoldReason)
    /// It is in the log already.
    case duplicate
    case refused(Reason)
    case deferred
    /// The host's replayer failed, and may succeed later.
    case failed(Reason)
    /// Only the beginning of the event was kept; a peer has to give it again.
    case evidenceIncomplete
    /// There is no such row, or no such held event.
    case notFound
}

extension QuarantineEntry {
    /// The code of an event whose id lies too far ahead.
    package static let deferredCode = "deferred"
}

/// What becomes of events that were set aside, refused or held, once something has changed.
///
/// Each call is one batch of one transaction that the caller owns, so that nobody waits long for the writer.
extension Intake {
    /// Takes in what waited for its time: events that were far ahead, and variants whose wait is over. Removes the
    /// `data` of what was purged long enough ago.
    ///
    /// - Returns: what became of at most `limit` events, a page of bytes of them. All that are not taken in wait for another
    ///   time; where it is of none, no more are due.
    package func retryDue(
        now: WallTime, limit: Int, into log: inout some LogWriting
    ) throws(StoreFailure) -> PageOutcome {
        var outcome = PageOutcome()
        // What waits is kept whole, and may be long.
        let due = try log.quarantineDue(at: now, limit: limit, bytes: Limits.pageBytes)
        if !due.isEmpty {
            var pass = try IntakePass(policy, peer: "", now: now, log)
            var arrivals: [(QuarantineEntry, Arrival)] = []
            for row in due {
                pass.peer = row.peer
                let arrival = try pass.arrive(PulledItem(json: row.bytes), into: &log)
                try settle(row, arrival, now: now, in: &log)
                arrivals.append((row, arrival))
            }
            let holds = try pass.finish(into: &log)
            for (row, arrival) in arrivals { outcome.count(arrival, holds, row.eventID, row.subject) }
            outcome.foundOwnFuture = pass.foundOwnEvent != nil
        }
        try removeDue(now: now, limit: limit, in: &log)
        return outcome
    }

    /// Removes the `data` of what was purged long enough ago; a part of `retryDue` that needs no room.
    package func removeDue(now: WallTime, limit: Int, in log: inout some LogWriting) throws(StoreFailure) {
        try RecordUpkeep(policy, now: now).removeDuePurges(limit: limit, in: &log)
    }

    /// Tries one row of the quarantine again, whatever it waits for.
    package func retry(
        row: Int64, now: WallTime, into log: inout some LogWriting
    ) throws(StoreFailure) -> RetryResult {
        guard let entry = try log.quarantineEntry(row) else { return .notFound }
        guard policy.sha256(entry.bytes) == entry.hash else { return .evidenceIncomplete }
        var pass = try IntakePass(policy, peer: entry.peer, now: now, log)
        let arrival = try pass.arrive(PulledItem(json: entry.bytes), into: &log)
        try settle(entry, arrival, now: now, in: &log)
        let holds = try pass.finish(into: &log)
        switch arrival {
        case .stored(let id): return holds[id].map(RetryResult.held) ?? .applied
        case .duplicate: return .duplicate
        case .refused(let reason): return .refused(reason)
        case .deferred: return .deferred
        case .failed(let reason): return .failed(reason)
        }
    }

    /// Forgets a row of the quarantine. The event stays away unless a peer gives it again.
    ///
    /// - Returns: whether there was such a row.
    package func drop(row: Int64, in log: inout some LogWriting) throws(StoreFailure) -> Bool {
        guard try log.quarantineEntry(row) != nil else { return false }
        try log.removeQuarantine(row)
        return true
    }

    /// A row that was tried: gone if its event is in the log, else not due again before something has changed.
    private func settle(
        _ row: QuarantineEntry, _ arrival: Arrival, now: WallTime, in log: inout some LogWriting
    ) throws(StoreFailure) {
        switch arrival {
        case .stored, .duplicate:
            if try log.quarantineEntry(row.row) != nil { try log.removeQuarantine(row.row) }
        case .refused, .deferred:
            // Its own new row says when; the old one is the same unless its bytes were cut.
            guard let due = try log.quarantineEntry(row.row)?.retryAt, due <= now else { return }
            try log.setQuarantineRetry(row.row, at: nil)
        case .failed:
            try log.setQuarantineRetry(row.row, at: now.advanced(by: Limits.variantWait))
        }
    }

    /// Tries held events again that `after` comes before in order of id, when the program or its replayer is new.
    ///
    /// - Parameter program: the version of this program; it is kept (`MetaKey.program`) once all were tried.
    /// - Returns: where to go on, or `nil` when all were tried.
    package func retryHeld(
        after id: ULID?, limit: Int, program: String, now: WallTime, into log: inout some LogWriting
    ) throws(StoreFailure) -> ULID? {
        let batch = try log.held(after: id, limit: limit)
        let upkeep = RecordUpkeep(policy, now: now)
        for subject in Set(batch.map { ExactText($0.subject) }).sorted() {
            _ = try upkeep.update(subject.text, retriesReplayer: true, in: &log)
        }
        guard let last = batch.last else {
            try log.setMeta(.program, generation(program))
            return nil
        }
        return last.id
    }

    /// Whether `retryHeld` is due: not without the replayer that the log has, which may be what holds them.
    package func hasNewProgram(_ program: String, in log: some LogReading) throws(StoreFailure) -> Bool {
        if try lacksReplayer(in: log) { return false }
        return try log.meta(.program) != generation(program)
    }

    private func generation(_ program: String) -> String {
        policy.replayer.map { "\(program) replayer \($0.version)" } ?? program
    }

    /// Tries one held event again.
    package func retry(
        held id: ULID, now: WallTime, into log: inout some LogWriting
    ) throws(StoreFailure) -> RetryResult {
        guard let event = try log.event(id), event.hold != nil else { return .notFound }
        let holds = try RecordUpkeep(policy, now: now).update(event.event.subject, retriesReplayer: true, in: &log)
        return holds[id].map(RetryResult.held) ?? .applied
    }

    /// Makes the records of the subjects after `subject` anew, when `RecordFunction.version` is another than the one
    /// that made them.
    ///
    /// - Returns: where to go on, or `nil` when all are made (and the version is kept).
    package func rebuildRecords(
        after subject: String?, limit: Int, now: WallTime, into log: inout some LogWriting
    ) throws(StoreFailure) -> String? {
        let subjects = try log.subjects(after: subject, limit: limit)
        let upkeep = RecordUpkeep(policy, now: now)
        for subject in subjects { _ = try upkeep.update(subject, in: &log) }
        guard let last = subjects.last else {
            try log.setMeta(.recordVersion, String(RecordFunction.version))
            return nil
        }
        return last
    }

    /// Whether `rebuildRecords` is due.
    package func hasOldRecords(in log: some LogReading) throws(StoreFailure) -> Bool {
        try log.meta(.recordVersion) != String(RecordFunction.version)
    }
}
