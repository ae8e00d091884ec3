internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationHTTP
internal import FederationStore

extension CommandService {
    /// `why PEER`: the steps of a poll, tried now, and what mends the first that does not go well.
    func whyPeer(_ name: String) async throws(CommandFailure) -> [UInt8] {
        let config = node.config
        guard let entry = config.peers.first(where: { $0.name == name }) else {
            throw CommandFailure(.unknownPeer, ["peer": name], list: config.peers.map(\.name))
        }
        var report = TrialReport(entry: entry, trial: await trial(of: entry, in: config))
        report.mendPlace = MendPlace(of: name, in: config, file: node.opened.fileNow)
        try await addHistory(to: &report)
        let now = SystemClock.now()
        let asideOrigin = try await read { (log) throws(StoreFailure) in try TrialFault.asideOrigin(of: name, in: log) }
        if case .aside = report.trial.fault { report.asideOrigin = asideOrigin }
        report.problems = node.configStanding?.problems ?? []
        return jsonObject { report.write(to: &$0, at: now) }
    }

    /// How the peer fared before, by the database and by what this program has seen.
    func addHistory(to report: inout TrialReport) async throws(CommandFailure) {
        let name = report.entry.name
        let known = try await read { (log) throws(StoreFailure) in
            let health = try log.state(StateKey.peer(name, .health)) ?? ""
            return (PeerHealth(json: Array(health.utf8)), try log.state(StateKey.peer(name, .lastSeen)))
        }
        (report.health, report.lastSeen) = known
        if let poller = node.poller(name) {
            let (status, instant) = await poller.driver.status()
            report.poll = status
            report.nextTryIn = status.nextPoll.map { max(.zero, $0.since(instant)) }
        }
        report.isDaemon = node.isDaemon
        report.lastHeard = node.changeRunning { $0.heard[name] }
    }

    private func trial(of entry: Config.Peer, in config: Config) async -> PeerTrial {
        let identity = node.identity
        let peer = PolledPeer(entry, of: config)
        func failed(_ fault: TrialFault) -> PeerTrial { PeerTrial(fault, peer: peer, node: identity) }
        if let fault = node.stopped?.fault { return failed(fault) }
        guard let endpoint = entry.endpoint else { return failed(.comesToUs) }
        if !node.isDaemon {
            do throws(CommandFailure) { try node.takeAccess() } catch { return failed(.keyFile(error.facts["file"] ?? "")) }
        }
        // A connection and a cache of names of its own: nothing that was there before speaks for the way.
        let client = CurlClient()
        defer { client.close() }
        let key = node.opened.key
        let transport = PeerTransport(
            client: client, endpoint: endpoint.url, timeout: entry.timeout, signer: { key.sign($0).bytes },
            credentials: { [node] in node.credentials(for: entry.name) })
        let driver = PeerTrialDriver(ground: node.trialGround, transport: transport)
        var question = PeerQuestion(peer: peer.name, wireNamespace: peer.wireNamespace)
        question.expectedKey = peer.expectedKey
        do throws(StoreFailure) {
            let aside = try await node.store.read { (log) throws(StoreFailure) in try TrialFault(aside: peer.name, in: log) }
            return await driver.run(
                PeerTrial(
                    node.wires.exchange(for: entry.wire), peer: peer, node: identity,
                    memory: try await driver.memory(question).get(), aside: aside, isTLS: endpoint.scheme == .https,
                    isNumeric: endpoint.numericHost != nil))
        } catch {
            return failed(.store(error))
        }
    }
}

extension NodeStop {
    /// Why no peer is asked.
    var fault: TrialFault {
        switch self {
        case .damaged: .store(.corrupt)
        case .copied: .stopped(isCopy: true)
        case .behind: .stopped(isCopy: false)
        }
    }
}

extension Node {
    /// Where a trial reads what is known, and takes pages in.
    var trialGround: PeerTrialDriver.Ground {
        PeerTrialDriver.Ground(
            store: store, database: opened.directory.database, isDaemon: isDaemon, intake: intake,
            check: SignaturePolicy(config).check)
    }
}
