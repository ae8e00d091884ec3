public import FederationConfig
public import FederationCore
internal import FederationCrypto
internal import FederationStore
internal import Synchronization

/// The node of a configuration file, run inside this program: what `federation run` does, with a replayer of the
/// program's own.
///
/// ```swift
/// let node = try await EmbeddedNode(configPath: "federation.yaml", replayer: Index())
/// try await node.run()  // serves and polls until the task is cancelled
/// ```
///
/// It holds the data directory's lock from its opening to its end: no daemon runs beside it, and the command line
/// reaches it as it would a daemon. Opened but not running, it reads and writes and neither serves nor polls.
public final class EmbeddedNode: Sendable {
    let node: Node
    /// Who this node is: its name is what the configuration says now.
    public var identity: NodeIdentity { node.identity }
    /// Its log, records and state, for reading. After `stop` it reads what is on disk.
    public let log: NodeLog
    private let phase = Mutex(Phase.opened)
    private let threshold: LogThreshold

    private enum Phase {
        case opened
        case starting
        case running(Task<Void, Never>, AsyncStream<Never>.Continuation)
        case ended
    }

    /// Opens the node, which `federation init` or `NodeSetup.make` has made, and gives the replayer what it has missed:
    /// events that were applied before it first came, or while the log was open without it.
    ///
    /// - Parameters:
    ///   - configPath: the configuration file; its data directory stands beside it.
    ///   - replayer: receives the events of others from now on; without one there are the records alone.
    ///   - logLine: takes the lines that a daemon would print, at the configuration's `log.level`; called from any
    ///     thread. Without it the node is silent.
    /// - Throws: the failure with its facts: a configuration's problems, a directory that is locked or holds no node, a
    ///   key that cannot be used, or what the store said.
    public init(
        configPath: String, replayer: (any EventReplayer)? = nil, logLine: (@Sendable (String) -> Void)? = nil
    ) async throws(CommandFailure) {
        let threshold = LogThreshold(Logger.Level(try loadConfig(configPath).config.log.level))
        self.threshold = threshold
        let logger = logLine.map { Logger(threshold: threshold, tail: LogTail(), now: SystemClock.now, write: $0) } ?? .silent
        node = try await Node(configPath: configPath, use: .write, logger: logger, replayer: replayer)
        log = NodeLog(store: node.store, identity: node.identity, config: { [node] in node.config })
    }

    /// The configuration that it runs by: what its file said when it was opened, or while it runs when a change of it was
    /// last taken in.
    public var config: Config { node.config }

    // MARK: Running

    /// Serves and polls until the task is cancelled; then ends as `stop` does. May be called once, instead of `start`.
    ///
    /// - Throws: what `start` throws.
    public func run() async throws(CommandFailure) {
        try await start()
        await withTaskCancellationHandler {
            await running?.value
        } onCancel: {
            endRunning()
        }
    }

    /// Serves and polls while `body` runs, and ends as `stop` does once it has returned or thrown: what uses the node is
    /// over before the node is. May be called once, instead of `start`.
    ///
    /// - Returns: what `body` returns.
    /// - Throws: what `start` throws, before `body` is called, or what `body` throws.
    public func run<Value>(while body: () async throws -> Value) async throws -> Value {
        try await start()
        do {
            let value = try await body()
            await stop()
            return value
        } catch {
            await stop()
            throw error
        }
    }

    /// Begins to serve and to poll, and returns once peers and commands can reach the node. May be called once.
    ///
    /// - Throws: where the address cannot be listened on, or the node writes nothing because its database is a copy or
    ///   older than what it has published. It is then closed.
    public func start() async throws(CommandFailure) {
        let isFirst = phase.withLock { phase in
            guard case .opened = phase else { return false }
            phase = .starting
            return true
        }
        precondition(isFirst, "a node is started once")
        let servers: Daemon.Servers
        let run = NodeRun(node, threshold: threshold)
        do throws(CommandFailure) {
            if let stopped = node.stopped { throw stopped.failure }
            do { try await OpenedNode.beginEpoch(of: node.store, isServed: true) } catch { throw CommandFailure(error) }
            servers = try await Daemon.start(run)
        } catch {
            await close()
            throw error
        }
        let (asked, stopping) = AsyncStream.makeStream(of: Never.self)
        let node = node
        let task = Task {
            await Daemon.poll(run) { for await _ in asked {} }
            // Whoever waits for news is answered now, not at the end of the wait.
            node.store.commits.close()
            await servers.stop()
            await node.close()
        }
        phase.withLock { $0 = .running(task, stopping) }
    }

    /// Ends polling and serving and closes the database: a commit under way is carried through, requests are answered,
    /// and the data directory is free for another process when this returns. Does nothing the second time.
    public func stop() async {
        guard let running else { return await close() }
        endRunning()
        await running.value
        phase.withLock { $0 = .ended }
    }

    private var running: Task<Void, Never>? {
        phase.withLock { if case .running(let task, _) = $0 { task } else { nil } }
    }

    private func endRunning() { phase.withLock { if case .running(_, let stopping) = $0 { stopping.finish() } } }

    private func close() async {
        let isOpen = phase.withLock { phase in
            defer { phase = .ended }
            if case .ended = phase { return false }
            return true
        }
        if isOpen { await node.close() }
    }

    // MARK: The ring

    /// Polls peers now, all or those named, and returns once each is caught up or has failed: a peer that cannot ask
    /// for what we have has been given it then. Peers that come to us are not polled.
    ///
    /// - Returns: one report each, in the order of the configuration; names that no peer has are left out. `stopped`
    ///   where the node does not run.
    public func syncNow(_ names: [String]? = nil) async -> [PollReport] {
        let wanted = config.peers.filter { !$0.comesToUs }.map(\.name).filter { names?.contains($0) ?? true }
        return await withTaskGroup(of: PollReport.self) { group in
            for name in wanted {
                group.addTask { [node] in
                    guard let poller = node.poller(name) else { return PollReport(peer: name, result: .stopped) }
                    let report = await poller.driver.syncNow()
                    await poller.pusher.settle()
                    return report
                }
            }
            var reports: [String: PollReport] = [:]
            for await report in group { reports[report.peer] = report }
            return wanted.compactMap { reports[$0] }
        }
    }

    /// Forgets pin, cursor and health of peers, so that their next polls are first contacts (`federation reset-peer`).
    ///
    /// - Parameters:
    ///   - names: the peers, as the configuration names them.
    ///   - dryRun: only says what would be forgotten.
    /// - Throws: `unknownPeer` where a name is no peer's; nothing is forgotten then.
    public func reset(_ names: [String], dryRun: Bool = false) async throws(CommandFailure) -> PeerResetPlan {
        try await node.reset(names, scope: .everything, dryRun: dryRun)
    }

    // MARK: Writing

    /// Writes events of this node's own: signed, durable and in the records when this returns, or nothing.
    ///
    /// They are not given to the replayer: whoever writes knows what it wrote.
    ///
    /// - Parameters:
    ///   - request: what is to be written.
    ///   - requestID: where given, a second write with the same one answers what the first did.
    public func write(_ request: WriteRequest, requestID: String? = nil) async throws(WriteFailure) -> Written {
        try await node.attempt(request, requestID: requestID)
    }

    /// Creates a record of this content, whose hash is computed. Its id is made of the title and the day.
    public func create(_ content: Snapshot, requestID: String? = nil) async throws(WriteFailure) -> Written {
        var content = content
        content.contentHash = Snapshot.contentHash(of: content.body, sha256)
        var random = SystemRandom()
        let subject = TraceIDMinting.traceID(title: content.title, at: SystemClock.now(), using: &random)
        return try await write(.create(subject: subject, content), requestID: requestID)
    }

    /// Changes the content of a record, based on what it says now.
    ///
    /// - Parameters:
    ///   - subject: the record's id.
    ///   - requestID: as for `write`.
    ///   - change: is given what the record shows, with its present tags and tier.
    /// - Throws: `headsChanged` where another edit came between, `diverged` where several stand side by side; look
    ///   again, then.
    public func edit(
        _ subject: String, requestID: String? = nil, _ change: @Sendable (inout Snapshot) -> Void
    ) async throws(WriteFailure) -> Written {
        let found: (heads: [ULID], content: Snapshot)?
        do throws(StoreFailure) { found = try await log.editable(subject) } catch { throw .store(error) }
        guard let (heads, before) = found else { throw .refused(.unknownSubject) }
        var content = before
        change(&content)
        content.contentHash = Snapshot.contentHash(of: content.body, sha256)
        return try await write(.update(subject: subject, content, base: .heads(heads)), requestID: requestID)
    }

    // MARK: Following

    /// A reader of the log that keeps its place in this node's database under a name, each name its own.
    public func follower(named name: String) -> LogFollower { LogFollower(name: name, store: node.store, log: log) }
}
