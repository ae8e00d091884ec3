/// What polls came to since the process began, peer by peer: for whoever watches how they go over time.
package struct PollCounts: Hashable, Sendable {
    package struct OfPeer: Hashable, Sendable {
        package fileprivate(set) var succeeded = 0
        /// Polls that failed, by why.
        package fileprivate(set) var failures: [Reason: Int] = [:]
        /// Events that were new here: applied, held, not taken, and set aside until their time.
        package fileprivate(set) var outcome = PageOutcome()
        /// Seconds that polls took, but for those that waited for news.
        package fileprivate(set) var took = MetricFamily.Histogram(
            bounds: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300])
    }

    private var peers: [String: OfPeer] = [:]

    package init() {}

    package subscript(peer: String) -> OfPeer { peers[peer] ?? OfPeer() }

    package mutating func count(_ report: PollReport) {
        switch report.result {
        case .complete, .incomplete, .failed: peers[report.peer, default: OfPeer()].count(report)
        case .pending, .busy, .paused, .stopped: break
        }
    }

    /// Events that a peer brought by itself.
    package mutating func count(_ outcome: PageOutcome, from peer: String) {
        peers[peer, default: OfPeer()].outcome.add(outcome)
    }

    /// Forgets peers that are configured no more.
    package mutating func keep(only names: Set<String>) { peers = peers.filter { names.contains($0.key) } }
}

extension PollCounts.OfPeer {
    fileprivate mutating func count(_ report: PollReport) {
        outcome.add(report.outcome)
        if case .failed(let failure) = report.result {
            failures[failure.reason, default: 0] += 1
        } else {
            succeeded += 1
        }
        if !report.isHold, let time = report.took { took.observe(time / .seconds(1)) }
    }
}
