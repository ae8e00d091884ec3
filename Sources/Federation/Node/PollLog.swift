internal import FederationCore
internal import FederationStore
internal import Synchronization

/// Writes to the log what polls find, and stops the node's writing when one proves that its past is missing.
struct PollLog: PollListener {
    let node: Node

    func polled(_ report: PollReport) async {
        let logger = node.logger
        node.pollCounts.withLock { $0.count(report) }
        if let id = report.firstContact { logger.info("pinned a peer", ["peer": report.peer, "id": id.description]) }
        switch report.result {
        case .failed(let failure):
            let reason = failure.reason.rawValue
            // A peer that stays away is one line, and then silence until something changes.
            if report.isRepeated {
                logger.debug("still failing", ["peer": report.peer, "reason": reason, "failures": "\(report.failuresInARow)"])
            } else {
                logger.warning("poll failed", ["peer": report.peer, "reason": reason, "failures": "\(report.failuresInARow)"])
            }
        case .complete, .incomplete:
            if report.failuresInARow > 0 { logger.info("reachable again", ["peer": report.peer]) }
            if report.filled > 0 {
                logger.info("events that were missing came", ["peer": report.peer, "events": String(report.filled)])
            }
            let outcome = report.outcome
            guard outcome.applied + outcome.held + outcome.refused + outcome.deferred > 0 else { return }
            logger.info(
                "pulled",
                [
                    "peer": report.peer, "applied": "\(outcome.applied)", "held": "\(outcome.held)",
                    "refused": "\(outcome.refused)", "deferred": "\(outcome.deferred)",
                ])
        case .pending: if let pairing = report.pairing { waits(report.peer, pairing, isRepeated: report.isRepeated) }
        case .busy: logger.debug("the peer is busy", ["peer": report.peer])
        case .paused, .stopped: break
        }
    }

    /// Said once, and again when another node answers.
    func waits(_ peer: String, _ pairing: PeerPairing, isRepeated: Bool) {
        guard !isRepeated else { return node.logger.debug("still waits for a person", ["peer": peer]) }
        let facts: KeyValuePairs = ["peer": peer, "id": pairing.id.description, "command": "federation pair \(peer)"]
        if pairing.hasChanged {
            node.logger.warning("another node or key answers where one waits for a person: nothing is exchanged", facts)
        } else {
            node.logger.warning("a peer waits for a person: nothing is exchanged before", facts)
        }
    }

    func found(_ future: OwnFuture, at peer: String) async {
        switch future {
        case .claimed(let number):
            node.logger.warning("a peer holds more of our events than we wrote", ["peer": peer, "number": "\(number)"])
        case .unproven:
            node.logger.info("what a peer claimed of our events was not proved", ["peer": peer])
        case .proven: foundBehind(at: peer)
        }
    }

    /// - Parameter peer: `nil` where it was found in what was put aside here.
    func foundBehind(at peer: String?) {
        node.stop(.behind)
        let facts: KeyValuePairs<String, String> = if let peer { ["peer": peer] } else { [:] }
        node.logger.error("this database is older than what this node has published: it writes nothing", facts)
    }
}

/// Adds up what polls brought, peer by peer, for a command that starts the polls itself.
final class SyncTally: PollListener {
    private let log: PollLog
    private let totals = Mutex<[String: PageOutcome]>([:])

    init(log: PollLog) { self.log = log }

    func total(of peer: String) -> PageOutcome { totals.withLock { $0[peer] ?? PageOutcome() } }

    func polled(_ report: PollReport) async {
        totals.withLock { $0[report.peer, default: PageOutcome()].add(report.outcome) }
        await log.polled(report)
    }

    func found(_ future: OwnFuture, at peer: String) async { await log.found(future, at: peer) }
}
