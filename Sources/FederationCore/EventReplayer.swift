/// What a host application gives to receive the events of others as they are applied.
///
/// It is called inside the transaction that stores the event, in order of arrival and for applicable events only: not
/// for held ones until they are released, and not for our own writes. What it keeps in `log` is exactly once; an effect
/// elsewhere is at least once, because the transaction may still fail. (An effect elsewhere that must be exactly once
/// is made by following the log from outside: `LogCursor`.)
///
/// A log that never had a replayer, or took events in while another program without one had it open, gives it what it
/// has missed when the node is next opened with it, before anything new (`Intake.catchUpReplayer`).
public protocol EventReplayer: Sendable {
    /// Changes whenever it may apply what it failed on: held events are then given to it again.
    var version: String { get }

    /// Applies one event. One that came as a stub is given again when its `data` arrives, an id that another variant has
    /// taken is given again with that, and one that was held for its signature when it counts again.
    ///
    /// Where it answers `.failed` it must have kept nothing. Such an event is given again at the next polls, and
    /// held after as many of them as the configuration's `quarantine_after` says. It runs on the store's own thread,
    /// and nothing else is written meanwhile: it must not wait for anything.
    func replay(_ entry: LogEntry, into log: inout ReplayLog) throws(StoreFailure) -> ReplayAnswer
}

/// What came of giving an event to a replayer.
public enum ReplayAnswer: Hashable, Sendable {
    case applied
    /// It could not be applied; `reason` is what the peer's health and `quarantine` show.
    case failed(Reason)
}

/// The log as a replayer sees it, lent for one event: it may look, and keep values of its own that commit with the
/// event or not at all.
///
/// It can be neither copied nor sent, so nothing of the transaction is left once `replay` returns.
public struct ReplayLog: ~Copyable {
    static let namespace = "replayer"
    private var log: any LogWriting

    init(_ log: some LogWriting) { self.log = log }

    /// The events of a subject that are stored already, in order of id: the one being given is not yet among them.
    public func events(of subject: String) throws(StoreFailure) -> [StoredEvent] { try log.events(of: subject) }

    /// The record of a subject as the log has it now, before the event being given.
    public func record(_ subject: String) throws(StoreFailure) -> Record? { try log.record(subject) }

    /// A value that this replayer keeps; `nil` where it keeps none.
    public func value(_ key: String) throws(StoreFailure) -> [UInt8]? {
        try log.wireValue(ReplayLog.namespace, peer: "", key: key)
    }

    /// Keeps a value, or removes it (`nil`), in the transaction of the event.
    public mutating func setValue(_ key: String, _ value: [UInt8]?) throws(StoreFailure) {
        try log.setWireValue(ReplayLog.namespace, peer: "", key: key, value)
    }

    fileprivate consuming func giveBack<Log: LogWriting>(to log: inout Log) {
        if let changed = self.log as? Log { log = changed }
    }
}

extension LogReading {
    /// The values that the replayer keeps, in order of key.
    package func replayerValues() throws(StoreFailure) -> [(key: String, value: [UInt8])] {
        try wireValues(ReplayLog.namespace, peer: "")
    }
}

extension EventReplayer {
    /// Gives it an event, and lends it the log meanwhile.
    func replay(_ entry: LogEntry, lending log: inout some LogWriting) throws(StoreFailure) -> ReplayAnswer {
        var lent = ReplayLog(log)
        let answer = try replay(entry, into: &lent)
        lent.giveBack(to: &log)
        return answer
    }
}

/// How often the replayer has failed on an event, kept between polls.
struct ReplayAttempts {
    /// Events whose count is kept for one peer: it stops at one, and a rescan may stop at another.
    static let limit = 16

    let peer: String

    func count(of id: ULID, in log: some LogReading) throws(StoreFailure) -> Int {
        let stored = try log.wireValue(Intake.namespace, peer: peer, key: key(id)) ?? []
        return Int(String(decoding: stored, as: UTF8.self)) ?? 0
    }

    func set(_ count: Int?, of id: ULID, in log: inout some LogWriting) throws(StoreFailure) {
        let known = try log.wireValues(Intake.namespace, peer: peer).map(\.key).filter { $0.hasPrefix("attempts:") }
        if count == nil, !known.contains(key(id)) { return }
        try log.setWireValue(Intake.namespace, peer: peer, key: key(id), count.map { Array(String($0).utf8) })
        // Events that were never offered again: the oldest go.
        for old in known.filter({ $0 != key(id) }).dropLast(ReplayAttempts.limit - 1) {
            try log.setWireValue(Intake.namespace, peer: peer, key: old, nil)
        }
    }

    private func key(_ id: ULID) -> String { "attempts:\(id)" }
}
