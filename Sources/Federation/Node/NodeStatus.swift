internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationStore

extension Node {
    /// How the node and its peers are, from one consistent view of the database and, in a daemon, its pollers.
    func statusReport() async throws(StoreFailure) -> StatusReport {
        let config = config
        let now = SystemClock.now()
        var report = try await store.read { (log) throws(StoreFailure) in
            try StatusReport(of: config, identity: self.identity, in: log, now: now)
        }
        report.disk = try await store.disk()
        report.room = store.room
        report.stopped = stopped
        report.replayers = try await replayerReports()
        report.isRunning = isDaemon
        report.configuration = configStanding
        if isDaemon { report.access = AccessReport(access, listen: config.tls.listen, now: now) }
        let heard = changeRunning { $0.heard }
        for index in report.peers.indices {
            if report.peers[index].entry.comesToUs { report.peers[index].lastHeard = heard[report.peers[index].entry.name] }
            guard let poller = poller(report.peers[index].entry.name) else { continue }
            let (status, instant) = await poller.driver.status()
            report.peers[index].poll = status
            report.peers[index].nextPollIn = status.nextPoll.map { $0.since(instant) }
            report.peers[index].pull = PullReport(status, at: instant)
            report.peers[index].push = await poller.pusher.status
        }
        return report
    }

    /// Polls peers now and waits until each is caught up or has failed. Without a daemon their pollers live that long.
    func sync(_ names: [String]) async throws(CommandFailure) -> [PollReport] {
        if let stopped { throw stopped.failure }
        let isDaemon = isDaemon
        if !isDaemon { try takeAccess() }
        let tally = SyncTally(log: PollLog(node: self))
        let pollers = startPollers(listener: tally, firstPoll: Instant(Limits.controlDeadline))
        let wanted = names.compactMap { pollers[$0] }
        return await withTaskGroup(of: PollReport?.self) { group in
            let running = isDaemon ? [] : wanted.map { poller in Task { await poller.run() } }
            for poller in wanted {
                group.addTask {
                    let report = await poller.driver.syncNow()
                    // What it wants of ours goes as well: both sides are caught up then.
                    await poller.pusher.settle()
                    return report
                }
            }
            var reports: [String: PollReport] = [:]
            for await report in group { if let report { reports[report.peer] = report } }
            for task in running { task.cancel() }
            for task in running { await task.value }
            // Here every poll since the start is this command's; a daemon's earlier ones are not.
            return names.compactMap { name in
                guard var report = reports[name] else { return nil }
                if !isDaemon { report.outcome = tally.total(of: name) }
                return report
            }
        }
    }

    /// Forgets what is known of peers (Noema section 6), or only says what would be forgotten.
    ///
    /// A running poller does it itself, between two of its polls, so that none of them writes back what is forgotten.
    func reset(
        _ names: [String], scope: PeerResetPlan.Scope, dryRun: Bool
    ) async throws(CommandFailure) -> PeerResetPlan {
        let config = config
        let planned = await store.attemptRead { (log) throws(PeerResetPlan.Failure) in
            try PeerResetPlan(names, known: config.peers.map(\.name), scope: scope, in: log) { name in
                config.peers.first { $0.name == name }?.wire.text ?? ""
            }
        }
        let plan: PeerResetPlan
        do throws(PeerResetPlan.Failure) { plan = try planned.get() } catch {
            switch error {
            case .unknownPeers(let unknown, let known): throw CommandFailure(.unknownPeer, ["peer": unknown[0]], list: known)
            case .store(let failure): throw CommandFailure(failure)
            }
        }
        guard !dryRun else { return plan }
        let pollers = allPollers
        if scope == .everything, !pollers.isEmpty {
            for reset in plan.resets { _ = await pollers[reset.peer]?.driver.reset() }
        }
        do throws(StoreFailure) {
            let polled = Set(scope == .everything ? Array(pollers.keys) : [])
            try await store.write { [plan] (log: inout SQLiteLog) throws(StoreFailure) in
                // A peer that comes to us has no poller that could do it.
                try plan.write(to: &log, but: polled)
            }
        } catch {
            throw CommandFailure(error)
        }
        return plan
    }
}

extension SQLiteStore {
    /// A read that fails in a way of its own.
    fileprivate func attemptRead(
        _ body: @Sendable (any LogReading) throws(PeerResetPlan.Failure) -> PeerResetPlan
    ) async -> Result<PeerResetPlan, PeerResetPlan.Failure> {
        do throws(StoreFailure) {
            return try await read { (log) throws(StoreFailure) in
                do throws(PeerResetPlan.Failure) { return .success(try body(log)) } catch { return .failure(error) }
            }
        } catch {
            return .failure(.store(error))
        }
    }
}

extension StatusReport {
    /// Everything but what only a running daemon knows.
    init(
        of config: Config, identity: NodeIdentity, in log: any LogReading, now: WallTime
    ) throws(StoreFailure) {
        self.identity = identity
        self.now = now
        listen = config.listen?.description
        interval = config.interval
        isRunning = false
        events = try log.eventCount()
        records = try log.recordCount(divergedOnly: false)
        divergences = try log.recordCount(divergedOnly: true)
        held = try log.heldCount(peer: nil)
        refused = try log.quarantineCount(kind: .refused, peer: nil)
        deferred = try log.quarantineCount(kind: .deferred, peer: nil)
        clock = VectorClock(stored: try log.state(StateKey.clock) ?? "")
        refusedMerge = try log.meta(.refusedMerge)
        farOwnNumber = try log.meta(.farOwnNumber)
        origins = try log.origins()
        signatures = try SignatureReport(of: config, events: events, in: log)
        var numbers: [OriginNumbers] = []
        let attested = try log.attestedOrigins()
        for origin in origins.prefix(Limits.originsListed) {
            let chain = ULID(origin.origin).flatMap { attested[$0] }
            numbers.append(try OriginNumbers(origin, attested: chain, in: log))
        }
        self.numbers = numbers
        var peers: [Peer] = []
        for entry in config.peers {
            func state(_ what: StateKey.OfPeer) throws(StoreFailure) -> String? {
                try log.state(StateKey.peer(entry.name, what)).flatMap { $0.isEmpty ? nil : $0 }
            }
            let pin = try state(.identity)
            let pairing = try state(.pairing).flatMap { PeerPairing(json: $0) }
            let rule = config.rule(for: entry, own: identity.id)
            var peer = Peer(
                    entry: entry, interval: config.interval(for: entry),
                    health: PeerHealth(json: Array((try state(.health) ?? "").utf8)), pin: pin,
                    lastEvent: try state(.lastEvent), lastSeen: try state(.lastSeen), wire: try state(.wire),
                    proof: try state(.proof).flatMap(SyncProof.init(json:)),
                    key: try PeerKeyReport(of: entry, identity: pin, in: log),
                    mesh: try MeshStatistics(of: entry, in: log))
            peer.pairing = pairing
            peer.standing = PairingStanding(of: rule, pin: pin.flatMap { ULID($0) }, pairing: pairing)
            peers.append(peer)
        }
        self.peers = peers
        announced = try AnnouncementReport.all(of: config, in: log)
        let pins = Set(peers.compactMap(\.pin))
        peersAhead = try StatusReport.originsAhead(in: log, now: now).intersection(pins).count
        let servesNoema = peers.contains { $0.wire == WireName.noema.rawValue }
        strangers = servesNoema ? origins.map(\.origin).filter { $0 != identity.id.description && !pins.contains($0) } : []
        withheld = servesNoema ? try WithheldCount(in: log, now: now) : nil
    }

    /// Origins with events that lie ahead of our clock by more than clocks may differ.
    private static func originsAhead(in log: any LogReading, now: WallTime) throws(StoreFailure) -> Set<String> {
        let bound = ULID(floorOf: now.advanced(by: Limits.earlyAfter))
        return Set(try log.events(after: bound, through: .max, limit: 1000, bytes: Limits.pageBytes).map(\.event.origin))
    }
}
