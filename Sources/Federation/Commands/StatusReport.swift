internal import FederationConfig
internal import FederationCore
internal import FederationCrypto

/// What `status` says: the node, its log, and each peer.
struct StatusReport: Sendable {
    struct Peer: Sendable {
        var entry: Config.Peer
        var interval: Duration
        var health: PeerHealth
        var pin: String?
        var lastEvent: String?
        var lastSeen: String?
        var wire: String?
        /// When its log and ours were last shown to be equal.
        var proof: SyncProof?
        /// The key that is pinned of it.
        var key: PeerKeyReport?
        /// How well it is known who it is.
        var standing = PairingStanding.unmet
        var pairing: PeerPairing?
        /// What its mesh sessions came to; `nil` for a peer of another wire.
        var mesh: MeshStatistics?
        /// `nil` where no daemon polls.
        var poll: PollStatus?
        /// When somebody last asked in the name of a peer that comes to us; nothing proves that it was the peer.
        var lastHeard: WallTime?
        /// How far what the peer wants of ours is pushed to it.
        var push: PushStatus?
        var nextPollIn: Duration?
        /// Of a poll under way.
        var pull: PullReport?
    }

    var identity: NodeIdentity
    var listen: String?
    var interval: Duration
    var isRunning: Bool
    var access: AccessReport?
    /// How the configuration file stands against what runs; `nil` where no daemon does.
    var configuration: ConfigStanding?
    var stopped: NodeStop?
    var events: Int64
    var records: Int
    var divergences: Int
    var held: Int
    var refused: Int
    var deferred: Int
    var clock: VectorClock
    /// The last event whose clock the node-wide clock had no room for.
    var refusedMerge: String?
    /// The last event that names a number of ours too far ahead to be followed.
    var farOwnNumber: String?
    /// Configured peers whose newest own events lie ahead of our clock.
    var peersAhead: Int
    /// Origins whose events are here and who are neither this node nor a peer, where a Noema peer relays them.
    var strangers: [String]
    var origins: [OriginSummary]
    /// As many as are told of one by one.
    var numbers: [OriginNumbers]
    var withheld: WithheldCount?
    var signatures: SignatureReport
    /// Where it was asked for.
    var disk: DiskFacts?
    var room = StoreRoom()
    var peers: [Peer]
    /// Nodes that others have suggested, the newest first.
    var announced: [AnnouncementReport] = []
    /// When it was asked for.
    var now: WallTime
    var replayers: [ReplayerReport] = []

    /// How the node is as a whole.
    var state: String {
        if stopped != nil { return "stopped" }
        if configuration.map({ !$0.problems.isEmpty }) ?? false { return "degraded" }
        let failing = peers.contains {
            let health = $0.healthShown(at: now)
            return $0.entry.mode != .paused
                && (health.consecutiveFailures > 0 || health.lastError != nil || $0.push?.failure != nil)
        }
        if replayers.contains(where: \.isDegraded) { return "degraded" }
        return failing || held > 0 || refused > 0 || fullness != nil ? "degraded" : "ok"
    }

    /// Why the log takes in nothing more, if so.
    var fullness: String? { disk.flatMap { room.fullness(on: $0) } }

    var json: [UInt8] {
        jsonObject { writer in
            writer.key("node")
            writer.object { node in
                node.member("id", identity.id.description)
                node.member("name", identity.name)
                node.member("version", identity.version)
                node.member("mode", identity.mode.rawValue)
                if let listen { node.member("listen", listen) }
                if let key = identity.publicKey { node.member("public_key", key) }
                if let key = identity.publicKey.flatMap({ VerifyingKey($0) }) {
                    node.member("key_fingerprint", key.fingerprint)
                }
            }
            writer.member("state", state)
            writer.member("running", isRunning)
            writer.member("interval", interval.shortText)
            if let configuration {
                writer.key("config")
                configuration.write(to: &writer)
            }
            access?.write(to: &writer)
            writer.member("events", events)
            writer.member("records", records)
            writer.member("divergences", divergences)
            writer.member("held", held)
            writer.member("refused", refused)
            writer.member("deferred", deferred)
            diskMembers(&writer)
            signatures.write(to: &writer)
            warnings(&writer)
            gaps(&writer)
            writer.key("origins")
            writer.array { for origin in numbers { origin.write(to: &$0) } }
            if let withheld {
                writer.member("withheld", withheld.events)
                writer.member("withheld_records", withheld.subjects)
            }
            writer.key("vclock")
            writer.raw(Array(clock.stored.utf8))
            writer.key("peers")
            writer.array { for each in peers { peer(each, &$0) } }
            if !replayers.isEmpty {
                writer.key("replayers")
                writer.array { for each in replayers { each.write(to: &$0) } }
            }
            writer.key("announced")
            writer.array { for each in announced { each.write(to: &$0) } }
        }
    }

    private func diskMembers(_ writer: inout JSONWriter) {
        guard let disk else { return }
        writer.key("disk")
        writer.object {
            $0.member("database", disk.database)
            $0.member("reusable", disk.reusable)
            $0.member("write_ahead_log", disk.writeAheadLog)
            if let free = disk.free { $0.member("free", free) }
            if let quota = room.maxBytes { $0.member("quota", quota) }
        }
    }

    /// Codes, each with the event it is about; the words are the command line's.
    private func warnings(_ writer: inout JSONWriter) {
        func warn(_ code: String, _ event: String? = nil, _ writer: inout JSONWriter) {
            writer.object {
                $0.member("code", code)
                if let event { $0.member("event", event) }
            }
        }
        writer.key("warnings")
        writer.array { writer in
            if let stopped { warn(stopped.rawValue, nil, &writer) }
            if let fullness { warn(fullness, nil, &writer) }
            if let refusedMerge { warn("clock_full", refusedMerge, &writer) }
            if signatures.invalid > 0 { warn("signature_invalid", nil, &writer) }
            if !signatures.equivocating.isEmpty { warn("equivocation", nil, &writer) }
            if !signatures.frozen.isEmpty { warn("frozen_origin", nil, &writer) }
            if let farOwnNumber { warn("own_number_far", farOwnNumber, &writer) }
            // Most of them cannot be wrong at once; we can.
            if peersAhead * 2 > peers.count { warn("own_clock_slow", nil, &writer) }
        }
    }

    private func gaps(_ writer: inout JSONWriter) {
        writer.key("gaps")
        writer.array { writer in
            for origin in origins where origin.missingNumbers > 0 {
                writer.object {
                    $0.member("origin", origin.origin)
                    $0.member("highest", origin.highestNumber)
                    $0.member("missing", origin.missingNumbers)
                }
            }
        }
    }

    private func peer(_ peer: Peer, _ writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("name", peer.entry.name)
            if let endpoint = peer.entry.endpoint { writer.member("endpoint", endpoint.url) }
            if peer.entry.comesToUs { writer.member("comes_to_us", true) }
            writer.member("mode", peer.entry.mode.rawValue)
            writer.member("wire", peer.wire ?? peer.entry.wire.text)
            writer.member("interval", peer.interval.shortText)
            if let pin = peer.pin ?? (peer.entry.comesToUs ? peer.entry.id?.description : nil) { writer.member("id", pin) }
            if let key = peer.key { key.write(to: &writer) }
            PairingReport(standing: peer.standing, pairing: peer.pairing).write(to: &writer)
            if !peer.health.version.isEmpty {
                writer.member("version", peer.health.version)
                writer.member("version_observed_at", peer.health.versionObservedAt)
                if let skew = VersionSkew(of: peer.health.version, from: identity.version) {
                    writer.member("version_skew", skew == .older ? "older" : "newer")
                }
            }
            if let lastSeen = peer.lastSeen { writer.member("last_seen", lastSeen) }
            if let lastHeard = peer.lastHeard { writer.member("last_heard", lastHeard.rfc3339) }
            if let lastEvent = peer.lastEvent { writer.member("last_event", lastEvent) }
            if let proof = peer.proof {
                writer.key("in_sync")
                writer.object {
                    $0.member("at", proof.at.rfc3339)
                    $0.member("events", proof.events)
                    $0.member("digest", proof.digest)
                }
            }
            if !peer.health.lastSuccess.isEmpty { writer.member("last_success", peer.health.lastSuccess) }
            let health = peer.healthShown(at: now)
            writer.member("consecutive_failures", health.consecutiveFailures)
            if !health.failingSince.isEmpty { writer.member("failing_since", health.failingSince) }
            if let error = health.lastError {
                writer.key("last_error")
                writer.object {
                    $0.member("reason", error.reason.rawValue)
                    if !error.eventID.isEmpty { $0.member("event_id", error.eventID) }
                    if !error.subject.isEmpty { $0.member("trace_id", error.subject) }
                    $0.member("observed_at", error.observedAt)
                }
            }
            writer.member("held", peer.health.held)
            writer.member("refused", peer.health.refused)
            writer.member("deferred", peer.health.deferred)
            if let withheld, peer.wire == WireName.noema.rawValue { writer.member("withheld", withheld.events) }
            if let mesh = peer.mesh {
                writer.key("mesh")
                mesh.write(to: &writer)
            }
            if let poll = peer.poll {
                writer.member("state", poll.state.rawValue)
                writer.member("attempt", poll.attempt)
                if let since = poll.busySince { writer.member("busy_since", since.rfc3339) }
                if poll.tally.failedComparisons > 0 { writer.member("failed_comparisons", poll.tally.failedComparisons) }
                if poll.tally.unprovenAttestations > 0 {
                    writer.member("unproven_attestations", poll.tally.unprovenAttestations)
                }
            }
            if let push = peer.push, push.state != .silent {
                writer.key("push")
                writer.object {
                    $0.member("state", push.state.rawValue)
                    $0.member("attempt", push.attempt)
                    if let failure = push.failure { $0.member("reason", failure.reason.rawValue) }
                }
            }
            LagReport(peer.poll, peer.health)?.write(to: &writer, at: now)
            if let pull = peer.pull, pull.pulled > 0 {
                writer.key("progress")
                writer.object { pull.members(&$0) }
            }
            if let next = peer.nextPollIn { writer.member("next_poll_in", max(.zero, next).wholeSeconds) }
        }
    }
}

extension Duration {
    /// `12s`, cut to whole seconds.
    fileprivate var wholeSeconds: String { "\(components.seconds)s" }
}

/// What the Noema wire does not give its peers, because they could not replay it (`NoemaView`).
struct WithheldCount: Sendable {
    var events = 0
    /// Subjects whose create or update is among them: a Noema peer's next edit of one may hide it. At most twenty.
    var subjects: [String] = []

    /// Reads the whole log.
    init(in log: any LogReading, now: WallTime) throws(StoreFailure) {
        var after: Int64 = 0
        var verdicts = NoemaVerdicts(now: now, sha256)
        while true {
            let page = try log.events(after: after, limit: 1000, bytes: Limits.pageBytes)
            guard let last = page.last else { return }
            after = last.seq
            for stored in page {
                guard case .withheld(let why) = try verdicts.verdict(on: stored.event, in: log) else { continue }
                events += 1
                // A stub was overtaken, and the peer gets what overtook it.
                if why != .stub, stored.event.knownAction?.isContent == true, subjects.count < 20, !subjects.contains(stored.event.subject) {
                    subjects.append(stored.event.subject)
                }
            }
        }
    }
}
