internal import Dispatch
internal import FederationConfig
internal import FederationCore
internal import FederationHTTP
internal import FederationStore
internal import Glibc

/// `federation run`: serves peers and commands and polls the ring, until SIGTERM or SIGINT.
package enum Daemon {
    /// Returns once everything in hand is done: polls end, a commit under way is carried through, and requests are
    /// answered.
    ///
    /// What the configuration says is taken in while it runs, whenever the file changes and at SIGHUP. A service manager
    /// that has started the process is told how it is (`docs/service.md`).
    ///
    /// - Parameters:
    ///   - configPath: the configuration of the node to run.
    ///   - level: instead of the configuration's.
    ///   - format: how the lines are written.
    ///   - log: takes whole lines; called from any thread.
    package static func run(
        configPath: String, level: Logger.Level? = nil, format: Logger.Format, log: @escaping @Sendable (String) -> Void
    ) async throws(CommandFailure) {
        // Before anything opens one: what is opened first is what the runtime itself needs.
        try DescriptorRoom.make()
        let signals = StopSignals()
        let hangups = HangupSignals()
        let service = try ServiceEnvironment.take()
        let sockets = try HandedOverSockets(service.sockets)
        let configured = Logger.Level(try loadConfig(configPath).config.log.level)
        let threshold = LogThreshold(level ?? configured)
        let logger = Logger(
            threshold: threshold, format: format, tail: LogTail(), now: SystemClock.now, write: log)
        let opening = service.manager.map { manager in Task { await manager.extendWhileWorking() } }
        defer { opening?.cancel() }
        let node = try await Node(configPath: configPath, use: .write, logger: logger, checksPages: true)
        if let stopped = node.stopped {
            await node.close()
            throw stopped.failure
        }
        if node.opened.isElsewhere { logger.warning("the database was made on another machine") }
        do throws(CommandFailure) {
            do { try await OpenedNode.beginEpoch(of: node.store, isServed: true) } catch { throw CommandFailure(error) }
            let run = NodeRun(node, threshold: level == nil ? threshold : nil, sockets: sockets)
            let servers = try await start(run)
            opening?.cancel()
            logger.info(
                "running", ["node": node.identity.name, "id": node.identity.id.description, "listen": servers.address])
            if let address = servers.tlsAddress { logger.info("serving TLS", ["listen": address]) }
            if let address = servers.monitorAddress { logger.info("may be watched", ["listen": address]) }
            if let address = servers.pageAddress { logger.info("serving a page", ["url": address]) }
            await poll(run, for: service.manager, rereadAt: hangups.stream) {
                await signals.first()
                logger.info("stopping")
                service.manager?.stopping(within: Limits.drain)
                boundDrain(logger)
            }
            // Whoever waits for news is answered now, not at the end of the wait.
            node.store.commits.close()
            await servers.stop()
            await node.close()
            logger.info("stopped")
        } catch {
            await node.close()
            throw error
        }
    }

    /// Ends the process once what is in hand has taken longer than it may. It is then as after a kill: nothing that was
    /// acknowledged is lost.
    private static func boundDrain(_ logger: Logger) {
        Task.detached {
            guard (try? await Task.sleep(for: Limits.drain)) != nil else { return }
            logger.error("what was in hand did not end in time; the process ends without it")
            _exit(1)
        }
    }

    struct Servers {
        var control: HTTPServer
        var peers: [HTTPServer] = []
        /// Where peers are answered in clear; empty where nowhere.
        var address = ""
        /// Where they are answered over TLS.
        var tlsAddress: String?
        /// Where it answers whoever watches it.
        var monitorAddress: String?
        /// Where browsers find the page.
        var pageAddress: String?

        func stop() async {
            for server in peers { await server.stop() }
            await control.stop()
        }
    }

    /// The control socket is there before peers are answered, and both before the first poll.
    static func start(_ run: NodeRun) async throws(CommandFailure) -> Servers {
        let node = run.node
        node.changeRunning { [sockets = run.sockets] in $0.config.take(sockets) }
        try openAccess(node)
        // Copies of the database that a killed rehearsal has left.
        ImportRehearsal.removeLeftovers(in: node.opened.directory.path)
        node.makePollers(listener: PollLog(node: node))
        let control = ControlServer(service: CommandService(node: node, reloader: run.reloader))
        let listening: Result<HTTPServer, HTTPServerFailure> = await node.opened.directory.withControlSocketPath { path in
            do throws(HTTPServerFailure) {
                return .success(try HTTPServer(unixSocket: path, limits: ControlServer.limits) { await control.answer($0) })
            } catch {
                return .failure(error)
            }
        }
        let path = node.opened.directory.controlSocket
        let controlServer: HTTPServer
        do { controlServer = try listening.get() } catch { throw CommandFailure(error, address: path) }
        var servers = Servers(control: controlServer)
        do throws(CommandFailure) {
            if let listen = node.config.listen {
                let (server, address) = try run.listener.start(at: listen, on: run.sockets[.peers], tls: nil)
                servers.peers.append(server)
                servers.address = address.description
            }
            if let listen = node.config.tls.listen {
                guard let tls = node.access.server else {
                    throw CommandFailure(.listen, ["address": listen.description, "why": "'tls' names no certificate"])
                }
                let (server, address) = try run.listener.start(at: listen, on: run.sockets[.tls], tls: tls)
                servers.peers.append(server)
                servers.tlsAddress = address.description
            }
            if let listen = node.config.monitor.listen {
                let (server, address) = try MonitorServer.start(node, at: listen, on: run.sockets[.monitor])
                servers.peers.append(server)
                servers.monitorAddress = address.description
            }
            if let listen = node.config.page.listen {
                let (server, url) = try PageServer.start(node, at: listen, on: run.sockets[.page])
                servers.peers.append(server)
                servers.pageAddress = url
            }
            return servers
        } catch {
            await servers.stop()
            throw error
        }
    }

    /// Reads keys and certificates, and makes sure that no door stands open that nobody meant to.
    private static func openAccess(_ node: Node) throws(CommandFailure) {
        let file = node.opened.file
        var decoded = file.decoded
        decoded.config = node.config
        let openings = decoded.openings(hasEnvironmentKey: AccessKeys.isInEnvironment)
        guard openings.isEmpty else {
            throw CommandFailure(.configProblems, list: openings.map { $0.line(in: file.path) })
        }
        try node.takeAccess()
        if let file = node.access.overriddenKeyFile {
            node.logger.warning("the environment's key stands before that of a file", ["file": file])
        }
        if node.config.access.allowOpen, [node.config.listen, node.config.tls.listen, node.config.monitor.listen,
            node.config.page.listen].contains(where: { $0.map { !$0.isLoopback } ?? false }) {
            node.logger.warning("this node answers others than this machine as 'allow_open' says")
        }
    }

    /// Polls the ring, tends the log, and takes in changes of the configuration, until `stopped` returns.
    ///
    /// - Parameters:
    ///   - manager: is told when peers are answered, and from then on how the daemon is.
    ///   - rereadAt: signs that the configuration is to be read, beside changes of the file.
    static func poll(
        _ run: NodeRun, for manager: ServiceManager? = nil, rereadAt hangups: AsyncStream<Void>? = nil, until stopped: () async -> Void
    ) async {
        for (name, poller) in run.node.allPollers { await run.tasks.begin(name, poller) }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await Maintenance(node: run.node).run() }
            group.addTask { await DamageWatch(node: run.node).run() }
            group.addTask { await CredentialWatch(node: run.node).run() }
            group.addTask { await run.replayers.run() }
            group.addTask { await ConfigWatch(path: run.node.opened.file.path).run { _ = await run.reloader.reload() } }
            manager?.ready(HealthLine.starting(run.node.config.peers.count))
            if let manager { group.addTask { await DaemonPulse(node: run.node, manager: manager).run() } }
            if let hangups { group.addTask { for await _ in hangups { await reread(run, for: manager) } } }
            await stopped()
            group.cancelAll()
            await run.tasks.endAll()
        }
    }
}

extension Daemon {
    /// At SIGHUP: reads the configuration and says what came of it, also where that is nothing.
    private static func reread(_ run: NodeRun, for manager: ServiceManager?) async {
        manager?.reloading()
        let reload = await run.reloader.reload()
        if let difference = reload.difference {
            run.node.logger.info(
                "the configuration was read again",
                ["changes": String(difference.count), "needs_restart": reload.standing.needsRestart.joined(separator: ",")])
            manager?.ready("read its configuration again: \(difference.count) changes")
        } else {
            run.node.logger.error(
                "the configuration was read again and cannot be used", ["problems": String(reload.standing.problems.count)])
            manager?.ready("its configuration has problems; the last good one runs on")
        }
    }
}

/// What makes a node run, and lets what it runs by change.
struct NodeRun: Sendable {
    let node: Node
    let listener: PeerListener
    let tasks = PollTasks()
    let replayers: ReplayerTasks
    let reloader: ConfigReloader
    /// Where it listens, and on what.
    let sockets: HandedOverSockets

    /// - Parameters:
    ///   - threshold: what the configuration's log level sets; `nil` where something else has set it.
    ///   - sockets: what a service manager has opened in our place.
    init(_ node: Node, threshold: LogThreshold?, sockets: HandedOverSockets = HandedOverSockets()) {
        self.node = node
        self.sockets = sockets
        listener = PeerListener(node)
        let replayers = ReplayerTasks(node: node)
        self.replayers = replayers
        reloader = ConfigReloader(
            node: node, tasks: tasks, threshold: threshold, sockets: sockets, renewServers: listener.renew,
            takeReplayers: { await replayers.take($0) })
    }
}

extension Logger.Level {
    init(_ level: Config.LogLevel) {
        switch level {
        case .debug: self = .debug
        case .info: self = .info
        case .warning: self = .warning
        case .error: self = .error
        }
    }
}

extension CommandFailure {
    init(_ failure: HTTPServerFailure, address: String) {
        let why =
            switch failure {
            case .notAnAddress: "it is not an address to listen on"
            case .addressInUse: "something listens there already"
            case .addressNotHere: "no interface of this machine has that address"
            case .notPermitted: "that needs a privilege this process lacks"
            case .notAListener: "what was handed over is no TCP socket that listens"
            case .system(let code): SystemText.of(Int32(truncatingIfNeeded: code))
            }
        self.init(.listen, ["address": address, "why": why])
    }
}
