/// A replayer and a log that was open without it.
///
/// One durable value says how they stand: none, and the log never had a replayer; empty, and it has been given
/// everything; else a `LogCursor`, after which it has not. It is written before anything is taken in without the
/// replayer, so a crash at any moment loses no event and repeats none.
extension Intake {
    static let replayerKey = "replayer"

    /// Whether `catchUpReplayer` has something to do before this node may take events in.
    package func owesReplayer(in log: some LogReading) throws(StoreFailure) -> Bool {
        let stored = try log.wireValue(Intake.namespace, peer: "", key: Intake.replayerKey)
        return policy.replayer == nil ? stored == [] : stored != []
    }

    /// Without a replayer, notes for the one that this log has had where it is left behind. With one, gives it the next
    /// events that it has missed: from the first of the log, where it is new here.
    ///
    /// One that it fails on is held at once, as nobody will offer it again by itself.
    ///
    /// - Returns: whether all is done.
    package func catchUpReplayer(
        limit: Int, now: WallTime, into log: inout some LogWriting
    ) throws(StoreFailure) -> Bool {
        let stored = try log.wireValue(Intake.namespace, peer: "", key: Intake.replayerKey)
        guard let replayer = policy.replayer else {
            guard stored == [] else { return true }
            try keep(try leftBehind(in: log), in: &log)
            return true
        }
        guard stored != [] else { return true }
        let cursor = stored.flatMap { LogCursor(String(decoding: $0, as: UTF8.self)) } ?? .start
        let page = try log.page(after: cursor, limit: limit)
        let upkeep = RecordUpkeep(policy, now: now)
        // Our own writes are the host's: it has what it wrote.
        for event in page.events where event.hold == nil && !event.peer.isEmpty {
            guard let entry = LogEntry(event, policy.sha256) else { throw .corrupt }
            guard case .failed(let reason) = try replayer.replay(entry, lending: &log) else { continue }
            try log.setHold(event.event.id, .replayer(reason))
            _ = try upkeep.update(event.event.subject, in: &log)
        }
        try keep(page.hasMore ? page.next : nil, in: &log)
        return !page.hasMore
    }

    /// The head, and what is held up to there: the replayer has seen the rest.
    private func leftBehind(in log: some LogReading) throws(StoreFailure) -> LogCursor {
        let held = try log.held(after: nil, limit: Limits.cursorWaiting)
        return LogCursor(try log.head(), waiting: held.map(\.id))
    }

    private func keep(_ cursor: LogCursor?, in log: inout some LogWriting) throws(StoreFailure) {
        try log.setWireValue(
            Intake.namespace, peer: "", key: Intake.replayerKey, cursor.map { Array($0.withoutEpoch.text.utf8) } ?? [])
    }

    /// Whether the log has a replayer that this process does not have.
    func lacksReplayer(in log: some LogReading) throws(StoreFailure) -> Bool {
        guard policy.replayer == nil else { return false }
        return try log.wireValue(Intake.namespace, peer: "", key: Intake.replayerKey) != nil
    }
}
