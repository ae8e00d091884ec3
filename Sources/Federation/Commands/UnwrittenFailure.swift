internal import FederationCore

extension StatusReport.Peer {
    /// How the peer is: what the database says, and what this process knows beyond it. That nothing can be written is
    /// itself nothing that could be written down.
    func healthShown(at now: WallTime) -> PeerHealth {
        guard let poll, let failure = poll.failure, case .store = failure, health.lastError?.reason != failure.reason else {
            return health
        }
        var health = health
        health.consecutiveFailures = max(health.consecutiveFailures, poll.attempt)
        health.lastError = PeerHealth.LastError(reason: failure.reason, observedAt: now)
        return health
    }
}
