/// What a poll learnt about its peer, as a change of `PeerHealth`.
package struct PeerHealthChange: Hashable, Sendable {
    package enum Result: Hashable, Sendable {
        /// The poll goes on: a page of it is being committed.
        case underWay
        case succeeded
        case failed(Reason, eventID: String, subject: String)
        /// It was met, and a person has to say first who it is: neither a success nor a failure.
        case waits
    }

    package var at: WallTime
    /// What the peer said its program's version is, where it was heard and it is who it should be.
    package var version: String?
    /// The mode that its node shows, where it does.
    package var mode: NodeMode?
    package var result: Result
    /// What the peer says that is still to come; `nil` where it has said nothing of it.
    package var lag: PeerLag?

    package init(at: WallTime, version: String? = nil, result: Result) {
        self.at = at
        self.version = version
        self.result = result
    }

    /// The health after this change.
    ///
    /// While anything of this peer is held or refused, its health says so with the reason, also after a success.
    package func applied(to before: PeerHealth, standing: PeerStanding) -> PeerHealth {
        var health = before
        if let version, !version.isEmpty {
            health.version = PeerHealth.safeVersion(version)
            health.versionObservedAt = at.rfc3339
        }
        health.held = standing.held
        health.refused = standing.refused
        health.deferred = standing.deferred
        health.lag = lag ?? before.lag
        health.mode = mode ?? before.mode
        switch result {
        case .underWay:
            if health.consecutiveFailures == 0 { health.lastError = error(standing, before) }
        case .succeeded:
            health.lastSuccess = at.rfc3339
            health.consecutiveFailures = 0
            health.failingSince = ""
            health.lastError = error(standing, before)
        case .waits:
            health.consecutiveFailures = 0
            health.failingSince = ""
            health.lastError = error(standing, before)
        case .failed(let reason, let eventID, let subject):
            health.consecutiveFailures = min(before.consecutiveFailures, Int.max - 1) + 1
            if before.consecutiveFailures == 0 { health.failingSince = at.rfc3339 }
            health.lastError = PeerHealth.LastError(reason: reason, eventID: eventID, subject: subject, observedAt: at)
        }
        return health
    }

    /// Why something is still held or refused. The time at which it was first said stays.
    private func error(_ standing: PeerStanding, _ before: PeerHealth) -> PeerHealth.LastError? {
        guard let problem = standing.problem else { return nil }
        if let said = before.lastError, said.reason == problem.reason, said.eventID == problem.eventID { return said }
        return PeerHealth.LastError(
            reason: problem.reason, eventID: problem.eventID, subject: problem.subject, observedAt: at)
    }
}

/// What stands in the store against a peer: events it gave that are not applied here.
package struct PeerStanding: Hashable, Sendable {
    package var held = 0
    package var refused = 0
    package var deferred = 0
    /// The first of those held, else of those refused.
    package var problem: ReplayProblem?

    package init() {}

    package init(of peer: String, in log: some LogReading) throws(StoreFailure) {
        held = try log.heldCount(peer: peer)
        refused = try log.quarantineCount(kind: .refused, peer: peer)
        deferred = try log.quarantineCount(kind: .deferred, peer: peer)
        if held > 0, let event = try log.heldEvents(peer: peer, after: nil, limit: 1).first, let hold = event.hold {
            problem = ReplayProblem(
                reason: hold.reason, eventID: event.event.id.description, subject: event.event.subject)
        } else if refused > 0, let row = try log.quarantine(kind: .refused, peer: peer, limit: 1).first {
            problem = ReplayProblem(reason: row.reason, eventID: row.eventID, subject: row.subject)
        }
    }
}
