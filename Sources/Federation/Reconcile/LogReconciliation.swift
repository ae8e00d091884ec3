package import FederationCore
internal import FederationCrypto
internal import Negentropy

/// Both sides of comparing two logs, message by message.
///
/// Nothing is kept between messages: each is answered from a fresh view of the log, which may have changed since. What
/// arrives meanwhile is found now or by the next comparison.
package enum LogReconciliation {
    /// Answers what a conversation asks of our own log.
    package static func answer(
        _ question: ReconcileQuestion, in log: any LogReading
    ) throws(StoreFailure) -> ReconcileAnswer {
        switch question {
        case .digests(let below): return .digests(try LogDigests(of: log, below: below, sha256))
        case .open:
            let store = try LogItemStore(log)
            var session = Initiator(store: store, settings: settings, hash: hash)
            guard let message = try? session.open() else { return .malformed }
            if let failure = store.failure { throw failure }
            return .round(ReconcileRound(message: message))
        case .answer(let message): return try round(message, in: log)
        }
    }

    /// The answer to a peer that asks; `nil` if its message is none.
    static func respond(to message: [UInt8], in log: any LogReading) throws(StoreFailure) -> [UInt8]? {
        let store = try LogItemStore(log)
        var session = Responder(store: store, settings: settings, hash: hash)
        guard let answer = try? session.answer(message) else { return nil }
        if let failure = store.failure { throw failure }
        return answer
    }

    private static func round(_ message: [UInt8], in log: any LogReading) throws(StoreFailure) -> ReconcileAnswer {
        let store = try LogItemStore(log)
        var session = Initiator(store: store, settings: settings, hash: hash)
        guard (try? session.open()) != nil else { return .malformed }
        // What the opening message lists differs from nothing yet.
        let opened = store.listed.count
        guard let step = try? session.receive(message) else { return .malformed }
        var round = ReconcileRound(message: nil)
        if case .send(let next) = step { round.message = next }
        if !session.have.isEmpty {
            for range in store.listed[opened...] {
                for item in store.items(in: range) where session.have.contains(item.id) {
                    if let digest = Digest(item.id.bytes) { round.have.append(LogItem(time: item.timestamp, digest: digest)) }
                }
            }
        }
        for id in session.need {
            guard let digest = Digest(id.bytes), let times = session.places[id] else { continue }
            if let entry = try log.quarantineEntry(digest: digest) {
                round.aside.append(AsideItem(entry, digest: digest))
            } else {
                round.need.append(NeededItem(digest: digest, times: times))
            }
        }
        // The session's order is that of a set; a run is to be the same each time.
        round.need.sort { ($0.times.lowerBound, $0.digest) < ($1.times.lowerBound, $1.digest) }
        round.aside.sort { $0.digest < $1.digest }
        if let failure = store.failure { throw failure }
        return .round(round)
    }

    private static let hash: HashFunction = { sha256($0).bytes }

    /// The frame limit keeps a short request from drawing a long answer; the peer's own limit is its choice.
    private static let settings: ReconcileSettings = {
        let made = try? ReconcileSettings(
            frameLimit: Limits.reconcileFrameBytes, maxMessageBytes: Limits.reconcileMessageBytes)
        return made ?? .standard
    }()
}
