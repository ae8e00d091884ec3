internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationHTTP
internal import FederationStore
internal import Synchronization
#if FAIL_POINTS
    internal import FailPoints
#endif

/// One node, opened: its database, identity, key and peers. A daemon runs it; a command opens it for one task.
final class Node: Sendable {
    let opened: OpenedNode
    let logger: Logger
    let client = CurlClient()
    let access = NodeAccess()
    let takingAccess = Mutex(())
    /// What polls came to, for whoever watches.
    let pollCounts = Mutex(PollCounts())
    /// Of all its listeners together, also once they are renewed.
    let heldRequests = HeldRequests()
    let began = SystemClock.now()
    private let meshSets = MeshSets()
    private let openedIntake: Intake
    private let running: Mutex<Running>
    private let isStopped: Mutex<NodeStop?>
    private let isRecovering: Bool
    /// It works on a copy of its database, which is thrown away.
    let isRehearsal: Bool
    /// Events of ours, on their way into the log.
    let writes: GroupCommit
    /// Rung when there is something to tend that should not wait.
    let bell = MaintenanceBell()

    /// A peer that is polled, and given what it cannot ask for, and the way to it.
    struct Poller: Sendable {
        var driver: PollDriver<ContinuousClock>
        var pusher: PushDriver<ContinuousClock>
        var transport: PeerTransport

        /// Polls and pushes until its task is cancelled, and returns once both have ended.
        func run() async {
            async let pushing: Void = pusher.run()
            await driver.run()
            await pushing
        }
    }

    /// What the node does at the moment: a daemon's configuration may change while it runs.
    struct Running: Sendable {
        var config: Config
        var pollers: [String: Poller] = [:]
        var replayers: [String: any RunningReplayer] = [:]
        /// When a request last came in the name of each peer that comes to us.
        var heard: [String: WallTime] = [:]
        /// A daemon polls: nobody else makes a poller of this node.
        var isDaemon = false
        /// How the configuration file stands against `config`; `nil` without a daemon.
        var file: ConfigStanding?
    }

    /// What is run, which is what the file said when it was last taken.
    var config: Config { running.withLock { $0.config } }
    var isDaemon: Bool { running.withLock { $0.isDaemon } }
    var configStanding: ConfigStanding? { running.withLock { $0.file } }

    var identity: NodeIdentity { identity(by: config) }

    func identity(by config: Config) -> NodeIdentity {
        var identity = opened.identity
        identity.name = config.name
        identity.mode = config.mode
        return identity
    }

    var intake: Intake {
        var intake = openedIntake
        let config = config
        intake.policy.replayAttempts = config.quarantineAfter
        intake.policy.signatures = SignaturePolicy(config)
        return intake
    }

    var store: SQLiteStore { opened.store }
    var wires: Wires { Wires(meshSets: meshSets) { self.config.peersAsRuled } }

    /// Opens the node of a configuration.
    ///
    /// Opening it for writing brings what an older program wrote up to date: records of an older function are
    /// computed anew, and what was held is tried again.
    ///
    /// - Parameters:
    ///   - replayer: the host application's; it is given what it has missed before this returns.
    ///   - checksPages: see `OpenedNode`.
    init(
        configPath: String, use: OpenedNode.Use, logger: Logger, replayer: (any EventReplayer)? = nil,
        checksPages: Bool = false
    ) async throws(CommandFailure) {
        opened = try await OpenedNode(configPath: configPath, use: use, checksPages: checksPages)
        self.logger = logger
        writes = GroupCommit(opened.writer, opened.store)
        isStopped = Mutex(use.recovers ? nil : opened.stopped)
        isRecovering = use.recovers
        isRehearsal = use.draft != nil
        running = Mutex(Running(config: opened.file.config))
        openedIntake = Intake(opened.intakePolicy(recovers: use.recovers, replayer: replayer))
        if use.locks {
            try await catchUpReplayer()
            try await upgrade()
        }
    }

    func close() async {
        client.close()
        await store.close()
        // A driver knows its listener, which knows this node.
        changeRunning { $0.pollers = [:] }
        opened.lock?.release()
    }

    /// Why nothing may be written, if so.
    var stopped: NodeStop? { store.isDamaged ? .damaged : isStopped.withLock { $0 } }

    func stop(_ reason: NodeStop) {
        // What is being recovered from is no news.
        guard !isRecovering else { return }
        isStopped.withLock { $0 = $0 ?? reason }
    }

    /// Changes the log in one transaction.
    ///
    /// - Parameter isDryRun: the transaction is undone.
    /// - Throws: also where this node has stopped writing.
    func write<Value: Sendable>(
        isDryRun: Bool = false, _ body: @Sendable (inout SQLiteLog, Intake) throws(StoreFailure) -> Value
    ) async throws(CommandFailure) -> Value {
        if let stopped { throw stopped.failure }
        let intake = intake
        do throws(StoreFailure) {
            if isDryRun {
                return try await store.rehearse { (log: inout SQLiteLog) throws(StoreFailure) in try body(&log, intake) }
            }
            return try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in try body(&log, intake) }
        } catch {
            throw CommandFailure(error)
        }
    }

    // MARK: Peers

    /// The poller of every configured peer that can be asked, for a command that polls by itself.
    ///
    /// - Parameter firstPoll: the command asks for its polls itself, and would otherwise poll a peer twice where that
    ///   comes a moment too late.
    func startPollers(listener: any PollListener, firstPoll: Instant) -> [String: Poller] {
        running.withLock { running in
            guard !running.isDaemon else { return running.pollers }
            for peer in running.config.peers where running.pollers[peer.name] == nil && !peer.comesToUs {
                running.pollers[peer.name] = makePoller(
                    peer, of: running.config, listener: listener, firstPoll: firstPoll)
            }
            return running.pollers
        }
    }

    /// Makes the poller of every configured peer that can be asked, for a daemon. From now on only it makes any.
    func makePollers(listener: any PollListener) {
        running.withLock { running in
            running.isDaemon = true
            for peer in running.config.peers where !peer.comesToUs {
                running.pollers[peer.name] = makePoller(peer, of: running.config, listener: listener)
            }
        }
    }

    func poller(_ name: String) -> Poller? { running.withLock { $0.pollers[name] } }
    var allPollers: [String: Poller] { running.withLock { $0.pollers } }

    /// Changes what runs, in one step for everybody who looks.
    func changeRunning<Value: Sendable>(_ body: (inout Running) -> sending Value) -> Value {
        running.withLock { body(&$0) }
    }

    /// - Parameter config: what the entry is a part of.
    func makePoller(
        _ entry: Config.Peer, of config: Config, listener: any PollListener, firstPoll: Instant = .start
    ) -> Poller {
        let key = opened.key
        let transport = PeerTransport(
            client: client, endpoint: entry.endpoint?.url ?? "", timeout: entry.timeout,
            host: entry.endpoint?.numericHost ?? "", signer: { key.sign($0).bytes },
            credentials: { self.credentials(for: entry.name) })
        var policy = PollPolicy()
        // A request that may take long is not a poll that stands still.
        policy.stall = max(policy.stall, entry.timeout + policy.hold + .seconds(60))
        let choice = entry.wire
        let peer = polled(entry, of: config)
        let pusher = PushDriver(
            machine: PushMachine(
                // What a rehearsal has taken in is nobody's yet, and nothing may be changed elsewhere either.
                interval: config.interval(for: entry), isAllowed: config.serves(entry) && !isRehearsal,
                channel: peer.channel),
            clock: ContinuousClock(), store: NodePushStore(store: store),
            transport: NodePushTransport(transport: transport, node: { [self] in identity }))
        let driver = PollDriver(
            peer: peer, node: identity(by: config), policy: policy, clock: ContinuousClock(),
            wallClock: SystemClock.now, transport: transport, store: NodePollStore(node: self), listener: listener,
            firstPoll: firstPoll, pushes: { pusher.post($0) },
            exchange: { self.wires.exchange(for: choice) })
        return Poller(driver: driver, pusher: pusher, transport: transport)
    }

    /// A peer by its entry, and by what is shown to it now.
    private func polled(_ entry: Config.Peer, of config: Config) -> PolledPeer {
        var peer = PolledPeer(entry, of: config)
        peer.channel = access.channel(to: entry, of: config, beside: opened.file.path)
        return peer
    }

    /// The configuration, or a file that it names, may say something else of any peer.
    func reconfigurePollers() {
        let config = config
        let identity = identity(by: config)
        for (name, poller) in allPollers {
            guard let entry = config.peers.first(where: { $0.name == name }) else { continue }
            let peer = polled(entry, of: config)
            poller.driver.post(.reconfigured(peer, identity))
            poller.pusher.post(.allowed(config.serves(entry)))
            poller.pusher.post(.channel(peer.channel))
        }
    }

    // MARK: Bringing up to date

    /// Records or events that one transaction brings up to date.
    private static let upgradeBatch = 500

    /// After an upgrade of the program. Each batch is a transaction, so an interrupted one goes on where it was.
    private func upgrade() async throws(CommandFailure) {
        guard opened.stopped == nil else { return }
        let intake = intake
        do throws(StoreFailure) {
            try await noteSignaturePolicy()
            let (oldRecords, newProgram) = try await store.read { (log) throws(StoreFailure) in
                (try intake.hasOldRecords(in: log), try intake.hasNewProgram(programVersion, in: log))
            }
            if oldRecords {
                try await inBatches("making records anew") { (last: String?, log) throws(StoreFailure) in
                    try intake.rebuildRecords(after: last, limit: Node.upgradeBatch, now: SystemClock.now(), into: &log)
                }
            }
            if newProgram {
                try await inBatches("trying held events again") { (last: ULID?, log) throws(StoreFailure) in
                    try intake.retryHeld(
                        after: last, limit: Node.upgradeBatch, program: programVersion, now: SystemClock.now(), into: &log)
                }
            }
        } catch {
            throw CommandFailure(error)
        }
    }

    /// Before what is held is tried again: what a release gives to the replayer, catching up would give it once more.
    private func catchUpReplayer() async throws(CommandFailure) {
        guard opened.stopped == nil else { return }
        let intake = intake
        do throws(StoreFailure) {
            guard try await store.read({ (log) throws(StoreFailure) in try intake.owesReplayer(in: log) }) else { return }
            if intake.policy.replayer == nil {
                logger.warning("this node has a replayer in another program, which is given what comes now when it runs next")
            }
            try await inBatches("catching up the replayer") { (_: Bool?, log) throws(StoreFailure) in
                try intake.catchUpReplayer(limit: 500, now: SystemClock.now(), into: &log) ? nil : true
            }
        } catch {
            throw CommandFailure(error)
        }
    }

    private func inBatches<Place: Sendable>(
        _ what: StaticString,
        _ batch: @Sendable (Place?, inout SQLiteLog) throws(StoreFailure) -> Place?
    ) async throws(StoreFailure) {
        logger.info(what)
        let clock = ContinuousClock()
        let start = clock.now
        var progress = Progress(at: .start)
        var pace = ProgressPace(isTerminal: false, at: .start)
        var last: Place?
        repeat {
            let from = last
            last = try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in try batch(from, &log) }
            #if FAIL_POINTS
                FailPoint.upgradeBatch.pass()
            #endif
            let now = Instant(start.duration(to: clock.now))
            progress.reached(progress.done + Int64(Node.upgradeBatch), at: now)
            guard last != nil, pace.isDue(at: now) else { continue }
            let rate = progress.rate.map { String(Int64($0.rounded())) } ?? "?"
            logger.info(what, ["done": String(progress.done), "per_second": rate])
        } while last != nil
    }
}

extension PolledPeer {
    init(_ entry: Config.Peer, of config: Config) {
        self.init(
            name: entry.name, mode: entry.mode, interval: config.interval(for: entry), wireNamespace: entry.wire.text,
            expectedID: entry.id, expectedKey: entry.publicKey?.text, firstContact: config.firstContact(of: entry))
    }
}
