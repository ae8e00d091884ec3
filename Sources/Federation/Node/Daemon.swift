internal import Dispatch
internal import FederationConfig
internal import FederationCore
internal import FederationHTTP
internal import FederationStore
internal import Glibc

/// `federation run`: serves peers and commands and polls the ring, until SIGTERM or SIGINT.
public enum Daemon {
    /// Returns once everything in hand is done: polls end, a commit under way is carried through, and requests are
    /// answered.
    ///
    /// - Parameters:
    ///   - configPath: the configuration of the node to run.
    ///   - level: instead of the configuration's.
    ///   - log: takes whole lines; called from any thread.
    public static func run(
        configPath: String, level: Logger.Level? = nil, log: @escaping @Sendable (String) -> Void
    ) async throws(CommandFailure) {
        let signals = StopSignals()
        let configured = Logger.Level(try loadConfig(configPath).config.log.level)
        let logger = Logger(level: level ?? configured, now: SystemClock.now, write: log)
        let node = try await Node(configPath: configPath, use: .write, logger: logger)
        if let stopped = node.stopped {
            await node.close()
            throw stopped.failure
        }
        if node.opened.isElsewhere { logger.warning("the database was made on another machine") }
        do throws(CommandFailure) {
            do { try await OpenedNode.beginEpoch(of: node.store, isServed: true) } catch { throw CommandFailure(error) }
            let servers = try await start(node)
            logger.info(
                "running", ["node": node.identity.name, "id": node.identity.id.description, "listen": servers.address])
            await poll(node) { await signals.first() }
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
        var peers: HTTPServer?
        var address: String

        func stop() async {
            await peers?.stop()
            await control.stop()
        }
    }

    /// The control socket is there before peers are answered, and both before the first poll.
    static func start(_ node: Node) async throws(CommandFailure) -> Servers {
        _ = node.startPollers(listener: PollLog(node: node))
        let control = ControlServer(service: CommandService(node: node))
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
        guard let listen = node.config.listen else { return Servers(control: controlServer, peers: nil, address: "") }
        do throws(HTTPServerFailure) {
            let server = try PeerListener.start(node, address: listen.address, port: listen.port)
            return Servers(control: controlServer, peers: server, address: "\(listen.address):\(server.port)")
        } catch {
            await controlServer.stop()
            throw CommandFailure(error, address: listen.description)
        }
    }

    /// Polls the ring, and tends the log, until `stopped` returns.
    static func poll(_ node: Node, until stopped: () async -> Void) async {
        await withTaskGroup(of: Void.self) { group in
            for poller in node.allPollers.values { group.addTask { await poller.driver.run() } }
            group.addTask { await Maintenance(node: node).run() }
            await stopped()
            group.cancelAll()
        }
    }
}

/// Serves a node's wires on one address.
enum PeerListener {
    static func start(_ node: Node, address: String, port: UInt16) throws(HTTPServerFailure) -> HTTPServer {
        // The guard needs the real port, which is known once the server listens; until then nobody is answered.
        let slot = WireServerSlot()
        let server = try HTTPServer(address: address, port: port) { request in
            guard let wires = slot.value else { return HTTPResponse(status: 503) }
            return await wires.answer(request)
        }
        slot.set(WireServer(node, address: address, port: server.port))
        return server
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
