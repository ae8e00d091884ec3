internal import FederationConfig
internal import FederationCore

/// What a trial of a peer came to, with what is known of how it fared before.
struct TrialReport: Sendable {
    var entry: Config.Peer
    var trial: PeerTrial
    /// Of its entry.
    var mendPlace = MendPlace()
    var health = PeerHealth()
    var lastSeen: String?
    var lastHeard: WallTime?
    var poll: PollStatus?
    var nextTryIn: Duration?
    var isDaemon = false
    /// What a configured peer would be shown of this node's keys was not.
    var isWithheld = false
    /// The origin of the first event that is not applied from before.
    var asideOrigin: String?
    /// Of the configuration file that could not be taken.
    var problems: [String] = []

    func write(to writer: inout JSONWriter, at now: WallTime) {
        writer.member("peer", entry.name)
        if let endpoint = entry.endpoint { writer.member("endpoint", endpoint.url) }
        members(&writer)
        history(&writer, at: now)
        if !problems.isEmpty { writer.member("config_problems", problems) }
    }

    /// The steps, the fault and what mends it.
    func members(_ writer: inout JSONWriter, isOk: Bool = true) {
        writer.member("ok", isOk && trial.fault == nil)
        writer.key("steps")
        writer.array { writer in
            for (step, standing) in trial.standings {
                writer.object {
                    $0.member("step", step.rawValue)
                    $0.member("standing", standing.word)
                }
            }
        }
        if let last = trial.lastGood { writer.member("last_good", last.rawValue) }
        if let fault = trial.fault {
            writer.member("failed", fault.step.rawValue)
            writer.member("code", fault.code)
            if let reason = fault.reason { writer.member("reason", reason.rawValue) }
            writer.key("facts")
            writer.object { fault.members(&$0) }
            mendPlace.write(fault.mends(place), to: &writer)
        }
        route(&writer)
    }

    var place: TrialPlace {
        var place = TrialPlace(peer: entry.name, endpoint: entry.endpoint?.url ?? "", timeout: entry.timeout)
        place.hasOwnKey = entry.keyFile != nil
        place.identity = trial.identity?.id
        place.isWithheld = isWithheld
        place.origin = trial.faultOrigin ?? asideOrigin
        return place
    }

    private func route(_ writer: inout JSONWriter) {
        writer.key("way")
        writer.object {
            if let address = trial.route.address { $0.member("address", address) }
            for (name, time) in [
                ("dns_ms", trial.route.lookedUp), ("tcp_ms", trial.route.connected), ("tls_ms", trial.route.secured),
            ] { if let time { $0.member(name, Int64(time / .milliseconds(1))) } }
        }
        if let wire = trial.wire { writer.member("wire", wire.rawValue) }
        if let identity = trial.identity { PreviewReport.members(of: identity, &writer) }
        if let drift = trial.drift { writer.member("clock_drift_seconds", Int64((drift / .seconds(1)).rounded())) }
        if let page = trial.page {
            writer.key("page")
            writer.object {
                $0.member("events", page.items.count)
                $0.member("applied", trial.outcome.applied)
                $0.member("duplicates", trial.outcome.duplicates)
                $0.member("held", trial.outcome.held)
                $0.member("refused", trial.outcome.refused)
                $0.member("deferred", trial.outcome.deferred)
                if let rest = page.rest { $0.member("remaining", rest.events) }
            }
        }
    }

    func history(_ writer: inout JSONWriter, at now: WallTime) {
        writer.member("consecutive_failures", health.consecutiveFailures)
        if !health.failingSince.isEmpty { writer.member("failing_since", health.failingSince) }
        if !health.lastSuccess.isEmpty { writer.member("last_success", health.lastSuccess) }
        if let error = health.lastError {
            writer.member("last_reason", error.reason.rawValue)
            writer.member("last_failed", error.observedAt)
        }
        if let lastSeen, !lastSeen.isEmpty { writer.member("last_seen", lastSeen) }
        if let lastHeard { writer.member("last_heard", lastHeard.rfc3339) }
        writer.member("running", isDaemon)
        if let poll { writer.member("state", poll.state.rawValue) }
        if let nextTryIn { writer.member("next_poll_in", "\(nextTryIn.components.seconds)s") }
        LagReport(poll, health)?.write(to: &writer, at: now)
    }
}

extension PeerTrial.Standing {
    fileprivate var word: String {
        switch self {
        case .passed: "passed"
        case .failed: "failed"
        case .unneeded: "unneeded"
        case .notReached: "not_reached"
        }
    }
}

extension TrialFault {
    /// The facts of the case.
    func members(_ writer: inout JSONWriter) {
        switch self {
        case .nothingFlows(let own, let peer):
            writer.member("own_mode", own.rawValue)
            writer.member("peer_mode", peer.rawValue)
        case .keyFile(let file): writer.member("file", file)
        case .forbiddenAddress(let kind): writer.member("address_kind", kind.rawValue)
        case .silent(let failure), .broken(let failure): writer.member("transport", failure.reason.rawValue)
        case .noNode(let status), .status(let status): writer.member("status", status)
        case .oldManifest(let version): writer.member("manifest", version)
        case .otherNode(let expected, let shown, let source):
            writer.member("expected", expected.description)
            writer.member("shown", shown.description)
            writer.member("by", source.rawValue)
        case .otherKey(let expected, let shown, let source):
            writer.member("expected", expected)
            if let shown { writer.member("shown", shown) }
            writer.member("by", source.rawValue)
        case .event(let problem, _): event(problem, &writer)
        case .aside(let problem, _, let held, let refused):
            event(problem, &writer)
            writer.member("held", held)
            writer.member("refused", refused)
        case .store(.quota(let limit)): writer.member("limit", limit)
        case .paused, .comesToUs, .stopped, .nameUnknown, .nameTimeout, .refused, .connectTimeout, .tls, .noIdentity, .ourselves,
            .waits, .otherWire, .keyRefused, .forbidden, .secretMissing, .busy, .servesNothing, .fetchesNothing, .malformed, .remoteError, .endless,
            .store:
            break
        }
    }

    private func event(_ problem: ReplayProblem, _ writer: inout JSONWriter) {
        if !problem.eventID.isEmpty { writer.member("event_id", problem.eventID) }
        if !problem.subject.isEmpty { writer.member("trace_id", problem.subject) }
    }
}
