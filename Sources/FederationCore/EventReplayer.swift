/// What a host application gives to receive the events of others as they are applied.
///
/// It is called inside the transaction that stores the event, in order of arrival and for applicable events only: not
/// for held ones until they are released, and not for our own writes. What it writes through `log` (its own wire
/// values, under a namespace of its own) is exactly once; an effect elsewhere is at least once, because the
/// transaction may still fail.
public protocol EventReplayer: Sendable {
    /// Changes whenever it may apply what it failed on: held events are then given to it again.
    var version: String { get }

    /// Applies one event. One that came as a stub is given again when its `data` arrives.
    ///
    /// Where it answers `.failed` it must have written nothing. Such an event is given again at the next polls, and
    /// held after `IntakePolicy.replayAttempts` of them.
    func replay(_ entry: LogEntry, into log: inout some LogWriting) throws(StoreFailure) -> ReplayAnswer
}

public enum ReplayAnswer: Hashable, Sendable {
    case applied
    case failed(Reason)
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
