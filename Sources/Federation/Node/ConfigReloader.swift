internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationStore

/// Takes what the configuration file says into a running node: peer by peer, and one reading at a time.
///
/// A file with problems changes nothing. Peers that did not change go on as if nothing had happened.
actor ConfigReloader {
    private let node: Node
    private let tasks: PollTasks
    /// `nil` where the command line has fixed the level.
    private let threshold: LogThreshold?
    /// They listen where they do, whatever the file says.
    private let sockets: HandedOverSockets
    /// Makes anew what answers peers, once the node's name, mode or hosts have changed.
    private let renewServers: @Sendable () -> Void
    private let takeReplayers: @Sendable ([Config.Replayer]) async -> Void
    private var inHand: Task<ConfigReload, Never>?

    init(
        node: Node, tasks: PollTasks, threshold: LogThreshold?, sockets: HandedOverSockets,
        renewServers: @escaping @Sendable () -> Void,
        takeReplayers: @escaping @Sendable ([Config.Replayer]) async -> Void
    ) {
        self.node = node
        self.tasks = tasks
        self.threshold = threshold
        self.sockets = sockets
        self.renewServers = renewServers
        self.takeReplayers = takeReplayers
        let digest = sha256(node.opened.file.bytes).hex
        let path = node.opened.file.path
        node.changeRunning { $0.file = ConfigStanding(path: path, digest: digest, takenAt: SystemClock.now()) }
    }

    /// Reads the file and takes in what changed. Returns once it is done: peers that went are polled no more.
    func reload() async -> ConfigReload {
        let before = inHand
        let task = Task { () -> ConfigReload in
            _ = await before?.value
            return await self.readAndTake()
        }
        inHand = task
        return await task.value
    }

    /// What a reload would do now; nothing is taken in.
    func rehearse() async -> ConfigReload {
        _ = await inHand?.value
        var reading = ConfigReading(of: node, listeningOn: sockets)
        switch reading.difference(to: node) {
        case .failure(let failure):
            reading.standing.problems = failure.lines(in: reading.standing.path)
            return ConfigReload(standing: reading.standing, difference: nil)
        case .success(let difference):
            reading.standing.problems = []
            reading.standing.needsRestart = difference.needsRestart.map(\.key.rawValue)
            return ConfigReload(standing: reading.standing, difference: difference)
        }
    }

    private func readAndTake() async -> ConfigReload {
        let reading = ConfigReading(of: node, listeningOn: sockets)
        var standing = reading.standing
        let difference: ConfigDifference
        switch reading.difference(to: node) {
        case .failure(let failure): return refused(failure, standing, isNews: reading.isNews)
        case .success(let found): difference = found
        }
        if !standing.problems.isEmpty {
            node.logger.info("the configuration has no problems any more", ["file": standing.path])
        }
        let needsRestart = difference.needsRestart.map(\.key.rawValue)
        for change in difference.needsRestart where !standing.needsRestart.contains(change.key.rawValue) {
            node.logger.warning(
                "a changed key needs a restart", ["key": change.key.rawValue, "from": change.from, "to": change.to])
        }
        standing.problems = []
        standing.needsRestart = needsRestart
        if !difference.isEmpty { standing.takenAt = SystemClock.now() }
        await take(difference, standing)
        return ConfigReload(standing: standing, difference: difference)
    }

    /// What ran before runs on. What is wrong is said once, however often the file is looked at.
    private func refused(_ failure: ConfigFailure, _ standing: ConfigStanding, isNews: Bool) -> ConfigReload {
        var standing = standing
        standing.problems = failure.lines(in: standing.path)
        if isNews {
            node.logger.error("the configuration cannot be used; the last good one runs on", ["file": standing.path])
            for line in standing.problems { node.logger.error("configuration problem", ["problem": line]) }
        }
        node.changeRunning { $0.file = standing }
        return ConfigReload(standing: standing, difference: nil)
    }

    private func take(_ difference: ConfigDifference, _ standing: ConfigStanding) async {
        let config = difference.running
        let replaced = difference.changed.filter(\.needsAnotherPoller).map(\.peer)
        let gone = difference.removed.map(\.name) + replaced.map(\.name)
        node.changeRunning { running in
            running.config = config
            running.file = standing
            for name in gone { running.pollers[name] = nil }
        }
        if node.store.room != StoreRoom(config) {
            node.store.room = StoreRoom(config)
            // What a peer has may have waited for it.
            for poller in node.allPollers.values { poller.driver.post(.contact) }
        }
        // Before anybody is answered or asked by the new entries. What cannot be read is said, and tried again.
        do throws(CommandFailure) { try node.takeAccess() } catch {
            node.logger.error(
                "a key or certificate file cannot be used; what was read before stays",
                ["code": error.code.rawValue, "file": error.facts["file"] ?? ""])
        }
        await node.writes.rename(config.name)
        threshold?.level = Logger.Level(config.log.level)
        if !difference.node.isEmpty {
            renewServers()
            // What is held is answered by what holds now.
            node.store.commits.wakeAll()
        }
        if difference.node.contains(where: { $0.key == .replayers }) {
            // A program that takes its time to end delays nothing else.
            Task { [takeReplayers] in await takeReplayers(config.replayers) }
        }
        // Two pollers of one peer would take turns at its cursor.
        await tasks.end(gone)
        do throws(StoreFailure) { try await node.noteSignaturePolicy() } catch {
            node.logger.warning("signatures are not looked at again by the new policy", ["store": "\(error)"])
        }
        node.reconfigurePollers()
        for entry in difference.added + replaced where !entry.comesToUs {
            let poller = node.makePoller(entry, of: config, listener: PollLog(node: node))
            node.changeRunning { $0.pollers[entry.name] = poller }
            await tasks.begin(entry.name, poller)
        }
        log(difference)
    }

    private func log(_ difference: ConfigDifference) {
        let logger = node.logger
        for change in difference.node {
            logger.info("configuration changed", ["key": change.key.rawValue, "from": change.from, "to": change.to])
        }
        for peer in difference.added {
            logger.info("peer added", ["peer": peer.name, "endpoint": peer.endpoint?.url ?? "(comes to us)"])
        }
        for peer in difference.removed { logger.info("peer removed", ["peer": peer.name]) }
        for each in difference.changed {
            for change in each.keys {
                logger.info(
                    "peer changed",
                    ["peer": each.peer.name, "key": change.key.rawValue, "from": change.from, "to": change.to])
            }
        }
    }
}

/// The configuration file as it is now, for a node that runs by what it said before.
private struct ConfigReading {
    var standing: ConfigStanding
    /// The file is not what was read last.
    let isNews: Bool
    private let decoded: Result<DecodedConfig, ConfigFailure>

    init(of node: Node, listeningOn sockets: HandedOverSockets) {
        let path = node.opened.file.path
        standing = node.configStanding ?? ConfigStanding(path: path, digest: "", takenAt: SystemClock.now())
        do throws(ConfigFailure) {
            let bytes = try ConfigFile.read(path)
            let digest = sha256(bytes).hex
            isNews = digest != standing.digest
            standing.digest = digest
            node.logger.debug("configuration read", ["file": path, "digest": digest])
            decoded = Config.decode(bytes).mapError { .problems($0) }.map { decoded in
                var decoded = decoded
                decoded.config.take(sockets)
                return decoded
            }
        } catch {
            isNews = !standing.digest.isEmpty
            standing.digest = ""
            decoded = .failure(error)
        }
    }

    /// What would change, unless the file has problems.
    func difference(to node: Node) -> Result<ConfigDifference, ConfigFailure> {
        decoded.flatMap { decoded in
            let difference = ConfigDifference(from: node.config, to: decoded.config)
            // Also of what would run: listeners stay as they are until a restart, whatever keys the text takes away.
            var running = decoded
            running.config = difference.running
            let openings = [decoded, running].flatMap { $0.openings(hasEnvironmentKey: AccessKeys.isInEnvironment) }
            guard openings.isEmpty else {
                let distinct: [ConfigProblem] = openings.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
                return .failure(.problems(ConfigProblems(problems: distinct)))
            }
            return .success(difference)
        }
    }
}
