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
    /// What the configuration says is taken in while it runs, whenever the file changes and at SIGHUP.
    ///
    /// - Parameters:
    ///   - configPath: the configuration of the node to run.
    ///   - level: instead of the configuration's.
    ///   - log: takes whole lines; called from any thread.
    package static func run(
        configPath: String, level: Logger.Level? = nil, log: @escaping @Sendable (String) -> Void
    ) async throws(CommandFailure) {
        let signals = StopSignals()
        let hangups = HangupSignals()
        let configured = Logger.Level(try loadConfig(configPath).config.log.level)
        let threshold = LogThreshold(level ?? configured)
        let logger = Logger(threshold: threshold, now: SystemClock.now, write: log)
        let node = try await Node(configPath: configPath, use: .write, logger: logger)
        if let stopped = node.stopped {
            await node.close()
            throw stopped.failure
        }
        if node.opened.isElsewhere { logger.warning("the database was made on another machine") }
        do throws(CommandFailure) {
            do { try await OpenedNode.beginEpoch(of: node.store, isServed: true) } catch { throw CommandFailure(error) }
            let run = NodeRun(node, threshold: level == nil ? threshold : nil)
            let servers = try await start(run)
            logger.info(
                "running", ["node": node.identity.name, "id": node.identity.id.description, "listen": servers.address])
            if let address = servers.tlsAddress { logger.info("serving TLS", ["listen": address]) }
            if let address = servers.monitorAddress { logger.info("may be watched", ["listen": address]) }
            await poll(run, rereadAt: hangups.stream) { await signals.first() }
            logger.info("stopping")
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

    struct Servers {
        var control: HTTPServer
        var peers: [HTTPServer] = []
        /// Where peers are answered in clear; empty where nowhere.
        var address = ""
        /// Where they are answered over TLS.
        var tlsAddress: String?
        /// Where it answers whoever watches it.
        var monitorAddress: String?

        func stop() async {
            for server in peers { await server.stop() }
            await control.stop()
        }
    }

    /// The control socket is there before peers are answered, and both before the first poll.
    static func start(_ run: NodeRun) async throws(CommandFailure) -> Servers {
        let node = run.node
        try openAccess(node)
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
                let (server, address) = try run.listener.start(at: listen, tls: nil)
                servers.peers.append(server)
                servers.address = address.description
            }
            if let listen = node.config.tls.listen, let tls = node.access.server {
                let (server, address) = try run.listener.start(at: listen, tls: tls)
                servers.peers.append(server)
                servers.tlsAddress = address.description
            }
            if let listen = node.config.monitor.listen {
                let (server, address) = try MonitorServer.start(node, at: listen)
                servers.peers.append(server)
                servers.monitorAddress = address.description
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
        let openings = file.decoded.openings(hasEnvironmentKey: AccessKeys.isInEnvironment)
        guard openings.isEmpty else {
            throw CommandFailure(.configProblems, list: openings.map { $0.line(in: file.path) })
        }
        try node.takeAccess()
        if let file = node.access.overriddenKeyFile {
            node.logger.warning("the environment's key stands before that of a file", ["file": file])
        }
        if node.config.access.allowOpen, [node.config.listen, node.config.tls.listen, node.config.monitor.listen].contains(where: { $0.map { !$0.isLoopback } ?? false }) {
            node.logger.warning("this node answers others than this machine as 'allow_open' says")
        }
    }

    /// Polls the ring, tends the log, and takes in changes of the configuration, until `stopped` returns.
    ///
    /// - Parameter rereadAt: signs that the configuration is to be read, beside changes of the file.
    static func poll(
        _ run: NodeRun, rereadAt hangups: AsyncStream<Void>? = nil, until stopped: () async -> Void
    ) async {
        for (name, poller) in run.node.allPollers { await run.tasks.begin(name, poller) }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await Maintenance(node: run.node).run() }
            group.addTask { await CredentialWatch(node: run.node).run() }
            group.addTask { await ConfigWatch(path: run.node.opened.file.path).run { _ = await run.reloader.reload() } }
            if let hangups { group.addTask { for await _ in hangups { _ = await run.reloader.reload() } } }
            await stopped()
            group.cancelAll()
            await run.tasks.endAll()
        }
    }
}

/// What makes a node run, and lets what it runs by change.
struct NodeRun: Sendable {
    let node: Node
    let listener: PeerListener
    let tasks = PollTasks()
    let reloader: ConfigReloader

    /// - Parameter threshold: what the configuration's log level sets; `nil` where something else has set it.
    init(_ node: Node, threshold: LogThreshold?) {
        self.node = node
        listener = PeerListener(node)
        reloader = ConfigReloader(node: node, tasks: tasks, threshold: threshold, renewServers: listener.renew)
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
            case .system(let code): SystemText.of(Int32(truncatingIfNeeded: code))
            }
        self.init(.listen, ["address": address, "why": why])
    }
}
