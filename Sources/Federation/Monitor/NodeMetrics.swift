internal import FederationConfig
internal import FederationCore
internal import FederationStore
internal import Synchronization

/// What a running node is measured by. Nothing in it takes longer in a longer log.
struct NodeMetrics: Sendable {
    struct Peer: Sendable {
        var name: String
        var isPaused: Bool
        var comesToUs: Bool
        var wire: String
        var health: PeerHealth
        var counts: PollCounts.OfPeer
        /// `nil` for a peer that is never polled.
        var poll: PollStatus?
        var nextPollIn: Duration?
        /// Of a poll under way, once it is measured.
        var toGo: Duration?
        /// How far its clock is ahead of ours.
        var clockDrift: Duration?
    }

    var version: String
    var name: String
    var began: WallTime
    var events: Int64
    var missing: UInt64
    var divergences: Int
    var held: Int
    var refused: Int
    var deferred: Int
    var equivocating: Int
    var frozen: Int
    var disk: DiskFacts
    var room: StoreRoom
    var stopped: NodeStop?
    var configProblems: Int
    var certificateEnds: Int64?
    var turnedAway: RefusedRequests
    var peers: [Peer]
    /// What waits for its turn in the store, and requests that wait for news.
    var queues: SQLiteStore.Queues
    var heldRequests: Int
    var replayers: [ReplayerReport] = []

    /// Why the node does not do its work, as codes: what `/readyz` says.
    var problems: [String] { [stopped?.rawValue, room.fullness(on: disk)].compactMap { $0 } }
}

extension Node {
    func metrics() async throws(StoreFailure) -> NodeMetrics {
        let config = config
        let counts = pollCounts.withLock { counts in
            counts.keep(only: Set(config.peers.map(\.name)))
            return counts
        }
        let (disk, stopped, standing) = (try await store.disk(), stopped, configStanding)
        var facts = try await store.read { (log) throws(StoreFailure) in
            var peers: [NodeMetrics.Peer] = []
            for entry in config.peers {
                let health = try log.state(StateKey.peer(entry.name, .health)) ?? ""
                let wire = try log.state(StateKey.peer(entry.name, .wire)) ?? ""
                peers.append(
                    NodeMetrics.Peer(
                        name: entry.name, isPaused: entry.mode == .paused, comesToUs: entry.comesToUs,
                        wire: wire.isEmpty ? entry.wire.text : wire, health: PeerHealth(json: Array(health.utf8)),
                        counts: counts[entry.name]))
            }
            return NodeMetrics(
                version: self.identity.version, name: config.name, began: self.began, events: try log.eventCount(),
                missing: try log.origins().missingNumbers, divergences: try log.recordCount(divergedOnly: true),
                held: try log.heldCount(peer: nil), refused: try log.quarantineCount(kind: .refused, peer: nil),
                deferred: try log.quarantineCount(kind: .deferred, peer: nil),
                equivocating: try Equivocation.all(in: log).count, frozen: try FrozenOrigin.all(in: log).count, disk: disk,
                room: self.store.room, stopped: stopped, configProblems: standing?.problems.count ?? 0,
                certificateEnds: self.access.certificate?.validity.upperBound, turnedAway: self.access.refused, peers: peers,
                queues: self.store.queues, heldRequests: self.heldRequests.count)
        }
        facts.replayers = try await replayerReports()
        for index in facts.peers.indices {
            guard let poller = poller(facts.peers[index].name) else { continue }
            let (status, now) = await poller.driver.status()
            facts.peers[index].poll = status
            facts.peers[index].clockDrift = poller.transport.clockDrift
            facts.peers[index].nextPollIn = status.nextPoll.map { max(.zero, $0.since(now)) }
            facts.peers[index].toGo = PullReport(status, at: now)?.toGo
        }
        return facts
    }
}

// MARK: As families

extension NodeMetrics {
    func families(now: WallTime) -> [MetricFamily] { process + log + door + peerGauges(now: now) + peerCounters + replayerFamilies }

    private var process: [MetricFamily] {
        let facts = ProcessFacts()
        var build = MetricFamily("federation_build_info", .gauge, "The program that runs.")
        build.add(1, ["version": version, "node": name])
        return [
            build,
            MetricFamily("process_start_time_seconds", .gauge, "When the process began, in seconds since 1970.",
                Double(began.milliseconds) / 1000),
            MetricFamily("process_cpu_seconds", .counter, "Processor time, of user and system.", facts.processorSeconds),
            MetricFamily("process_resident_memory_bytes", .gauge, "Resident memory.", facts.residentBytes.map(Double.init)),
            MetricFamily("process_open_fds", .gauge, "Open file descriptors.", facts.openFiles.map(Double.init)),
            MetricFamily("process_max_fds", .gauge, "File descriptors that the process may open.", facts.mostFiles),
        ]
    }

    private var log: [MetricFamily] {
        func gauge(_ name: String, _ help: String, _ value: Double?) -> MetricFamily {
            MetricFamily("federation_" + name, .gauge, help, value)
        }
        return [
            gauge("stopped", "1 where the node writes nothing, as its database may be older than what it has published.",
                stopped == nil ? 0 : 1),
            gauge("config_problems", "Problems of the configuration file, where it could not be taken.", Double(configProblems)),
            gauge("events", "Events in the log.", Double(events)),
            gauge("missing_events", "Numbers that are missing in the sequences of origins.", Double(missing)),
            gauge("diverged_records", "Records with more than one edit that nobody has resolved.", Double(divergences)),
            gauge("held_events", "Events in the log that are not applied.", Double(held)),
            gauge("quarantined_events", "Events that were not taken in, kept as evidence.", Double(refused)),
            gauge("deferred_events", "Events that wait for their time.", Double(deferred)),
            gauge("equivocating_origins", "Origins that have signed two events under one number.", Double(equivocating)),
            gauge("frozen_origins", "Origins that have named two successors of one key.", Double(frozen)),
            gauge("database_bytes", "Size of the database.", Double(disk.database)),
            gauge("database_reusable_bytes", "Of those, what holds nothing.", Double(disk.reusable)),
            gauge("write_ahead_log_bytes", "Size of the write-ahead log.", Double(disk.writeAheadLog)),
            gauge("database_quota_bytes", "What both may take together, where the configuration says.",
                room.maxBytes.map { Double($0) }),
            gauge("disk_free_bytes", "Free on the file system of the database.", disk.free.map { Double($0) }),
            gauge("certificate_expiry_timestamp_seconds", "When the certificate that is served ends.",
                certificateEnds.map { Double($0) }),
        ]
    }

    private var door: [MetricFamily] {
        var refused = MetricFamily("federation_requests_refused", .counter, "Requests that were turned away, by why.")
        for cause in RefusedRequests.Cause.allCases { refused.add(Double(turnedAway[cause]), ["cause": cause.rawValue]) }
        var queues = MetricFamily("federation_queue_length", .gauge, "Work that waits for its turn.")
        queues.add(Double(self.queues.writes), ["queue": "writes"])
        queues.add(Double(self.queues.reads), ["queue": "reads"])
        queues.add(Double(heldRequests), ["queue": "held_requests"])
        return [refused, queues]
    }

    private func peerGauges(now: WallTime) -> [MetricFamily] {
        var up = MetricFamily("federation_peer_up", .gauge, "1 where the last poll went well; paused peers are left out.")
        var info = MetricFamily("federation_peer_info", .gauge, "How a peer is met.")
        var success = MetricFamily(
            "federation_peer_last_success_timestamp_seconds", .gauge, "When a poll last went well, in seconds since 1970.")
        var failures = MetricFamily("federation_peer_consecutive_failures", .gauge, "Polls that failed since then.")
        var next = MetricFamily("federation_peer_next_poll_seconds", .gauge, "How long until the next poll.")
        var drift = MetricFamily(
            "federation_peer_clock_drift_seconds", .gauge, "How far the peer's clock is ahead of this node's, to a second or so.")
        var lag = LagFamilies()
        var held = MetricFamily("federation_peer_held_events", .gauge, "Events by way of this peer that are not applied.")
        var refused = MetricFamily("federation_peer_quarantined_events", .gauge, "Events of this peer that were not taken.")
        for peer in peers {
            let labels = ["peer": peer.name]
            info.add(1, ["peer": peer.name, "wire": peer.wire, "comes_to_us": String(peer.comesToUs)])
            failures.add(Double(peer.health.consecutiveFailures), labels)
            held.add(Double(peer.health.held), labels)
            refused.add(Double(peer.health.refused), labels)
            let seen = WallTime(rfc3339: peer.health.lastSuccess)
            if let seen { success.add(Double(seen.milliseconds) / 1000, labels) }
            if !peer.isPaused { up.add(seen != nil && peer.health.consecutiveFailures == 0 ? 1 : 0, labels) }
            if let wait = peer.nextPollIn { next.add(wait / .seconds(1), labels) }
            lag.add(peer, labels, at: now)
            if let ahead = peer.clockDrift { drift.add(ahead / .seconds(1), labels) }
        }
        return [up, info, success, failures, next, drift] + lag.all + [held, refused]
    }

    private var peerCounters: [MetricFamily] {
        var polls = MetricFamily("federation_polls", .counter, "Polls that went well.")
        var failures = MetricFamily("federation_poll_failures", .counter, "Polls that failed, by why.")
        var duration = MetricFamily(
            "federation_poll_duration_seconds", .histogram, "How long polls took, but for those that wait for news.")
        var taken = MetricFamily("federation_events_received", .counter, "New events of a peer, by what became of them.")
        for peer in peers {
            let labels = ["peer": peer.name]
            polls.add(Double(peer.counts.succeeded), labels)
            for reason in Reason.allCases {
                if let count = peer.counts.failures[reason] {
                    failures.add(Double(count), ["peer": peer.name, "reason": reason.rawValue])
                }
            }
            duration.add(peer.counts.took, labels)
            let outcome = peer.counts.outcome
            for (word, count) in [
                ("applied", outcome.applied), ("held", outcome.held), ("refused", outcome.refused),
                ("deferred", outcome.deferred), ("duplicate", outcome.duplicates),
            ] { taken.add(Double(count), ["peer": peer.name, "outcome": word]) }
        }
        return [polls, failures, duration, taken]
    }
}

/// How far we are behind each peer, where that is known now.
private struct LagFamilies {
    private var events = MetricFamily(
        "federation_peer_lag_events", .gauge, "Events that the peer has and that are still to come, where it says.")
    private var bytes = MetricFamily("federation_peer_lag_bytes", .gauge, "What those take, where the peer says.")
    private var seconds = MetricFamily(
        "federation_peer_lag_seconds", .gauge, "The age of the oldest of those, where the peer says.")
    private var toGo = MetricFamily(
        "federation_peer_catch_up_seconds", .gauge, "About how long the poll under way will take, as fast as it goes now.")

    var all: [MetricFamily] { [events, bytes, seconds, toGo] }

    mutating func add(_ peer: NodeMetrics.Peer, _ labels: [String: String], at now: WallTime) {
        if let toGo = peer.toGo { self.toGo.add(toGo / .seconds(1), labels) }
        guard let report = LagReport(peer.poll, peer.health), report.isCurrent else { return }
        events.add(Double(report.lag.rest.events), labels)
        if let known = report.lag.rest.bytes { bytes.add(Double(known), labels) }
        if let age = report.lag.age(at: now) { seconds.add(age / .seconds(1), labels) }
    }
}
