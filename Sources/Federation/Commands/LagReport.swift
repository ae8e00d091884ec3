internal import FederationCore

/// How far we are behind a peer, and how far a poll under way has come: the same members wherever they are told.
struct LagReport: Sendable {
    var lag: PeerLag
    /// The last word about it still stands. Else it is how things were when the peer was last heard.
    var isCurrent: Bool

    /// - Parameter poll: of a daemon's poller; what it does not know the peer's health may.
    init?(_ poll: PollStatus?, _ health: PeerHealth) {
        if let poll, let lag = poll.lag {
            self.lag = lag
            isCurrent = poll.knowsLag
        } else if let lag = health.lag {
            // A poll of a wire that does not say has begun since: what was known is no more.
            if let poll, poll.pulled > 0 { return nil }
            self.lag = lag
            isCurrent = false
        } else {
            return nil
        }
    }

    func write(to writer: inout JSONWriter, at now: WallTime) {
        writer.key("lag")
        writer.object {
            $0.member("events", lag.rest.events)
            if let bytes = lag.rest.bytes { $0.member("bytes", bytes) }
            if let age = lag.age(at: now) { $0.member("seconds", age.components.seconds) }
            if let oldest = lag.rest.oldest { $0.member("oldest_event", oldest.description) }
            $0.member("observed_at", lag.observedAt.rfc3339)
            $0.member("current", isCurrent)
        }
    }
}

/// How far a poll under way has come, and how long it will still take once that can be measured.
struct PullReport: Sendable {
    var pulled: Int64
    var remaining: Int64?
    /// Events a second; `nil` before it is measured.
    var rate: Double?
    var toGo: Duration?

    /// - Returns: `nil` where nothing is being pulled.
    init?(_ status: PollStatus, at now: Instant) {
        switch status.state {
        case .greeting, .pulling, .replaying: break
        case .following, .idle, .waiting, .pending, .busy, .paused, .stopped: return nil
        }
        pulled = status.pulled
        remaining = status.remaining
        guard var progress = status.progress else { return }
        // A standstill shows: what was measured a while ago is not how fast it goes now.
        progress.reached(progress.done, of: progress.total, at: now)
        rate = progress.rate
        if remaining != nil { toGo = progress.remaining }
    }

    func members(_ writer: inout JSONWriter) {
        writer.member("pulled", pulled)
        if let remaining { writer.member("remaining", remaining) }
        if let rate {
            let tenths = Int64(clamping: Int((rate * 10).rounded()))
            writer.key("events_per_second")
            writer.raw(Array("\(tenths / 10).\(tenths % 10)".utf8))
        }
        if let toGo { writer.member("seconds_to_go", toGo.components.seconds) }
    }
}
