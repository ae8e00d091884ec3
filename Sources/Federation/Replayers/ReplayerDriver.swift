internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationStore
internal import Synchronization
#if FAIL_POINTS
    internal import FailPoints
#endif

/// Carries out what one `ReplayerMachine` asks for: it moves bytes and time, and decides nothing.
actor ReplayerDriver: RunningReplayer {
    nonisolated let entry: Config.Replayer
    private let name: String
    private let command: ReplayerProcess.Command
    private let store: SQLiteStore
    private let logger: Logger
    private var machine: ReplayerMachine
    private var random = SystemRandom()
    private let clock = ContinuousClock()
    private let epoch: ContinuousClock.Instant
    private let log: ProgramLog

    private typealias Posted = (run: UInt64, input: ReplayerMachine.Input)
    private let inputs: AsyncStream<Posted>
    private nonisolated let inbox: AsyncStream<Posted>.Continuation
    private var process: ReplayerProcess?
    /// What an earlier process says is of no interest.
    private var run: UInt64 = 1
    private var timer: (wakeAt: Instant, task: Task<Void, Never>)?
    private var news: Task<Void, Never>?
    private var lastTicket: UInt64 = 0
    private var asked: [ReplayerTicket: CheckedContinuation<Int?, Never>] = [:]
    private var hasEnded = false

    /// How soon it is noticed that an event which was held is applied: its place in the log is an old one.
    private static let patience = Duration.seconds(2)

    /// - Parameter directory: where programs run that name none.
    init(_ entry: Config.Replayer, _ exec: Config.Replayer.Exec, node: Node, directory: String) {
        self.entry = entry
        name = entry.name
        store = node.store
        logger = node.logger
        command = ReplayerProcess.Command(
            arguments: exec.command, directory: exec.directory.map { ConfigFile.beside(node.opened.file.path, $0) } ?? directory,
            environment: exec.environment)
        machine = ReplayerMachine(
            name: entry.name, node: node.identity,
            policy: ReplayerMachine.Policy(
                window: exec.window, timeout: exec.timeout, attempts: node.config.quarantineAfter))
        epoch = clock.now
        log = ProgramLog(entry.name, logger: node.logger)
        (inputs, inbox) = AsyncStream.makeStream()
    }

    /// Returns once its task is cancelled, the program has ended, and what it has dealt with is on disk.
    func runToEnd() async {
        let loop = Task { await self.loop() }
        await withTaskCancellationHandler { await loop.value } onCancel: { inbox.yield((0, .stop)) }
    }

    private func loop() async {
        inbox.yield((0, .tick))
        for await (run, input) in inputs where run == 0 || run == self.run {
            if case .exited = input { process = nil }
            handle(input)
            if case .line = input { process?.took() }
            if machine.isOver { break }
        }
        hasEnded = true
        timer?.task.cancel()
        news?.cancel()
        for continuation in asked.values { continuation.resume(returning: nil) }
        asked = [:]
    }

    func report() async -> ReplayerReport {
        var report = ReplayerReport(entry, machine.status)
        report.nextIn = machine.status.nextStart.map { max(.zero, $0.since(now)) }
        return report
    }

    /// Does what a person asks for; `nil` where it could not be kept.
    func change(_ change: ReplayerChange) async -> Int? {
        guard !hasEnded else { return nil }
        lastTicket += 1
        let ticket = ReplayerTicket(lastTicket)
        return await withCheckedContinuation { continuation in
            asked[ticket] = continuation
            inbox.yield((0, .change(ticket, change)))
        }
    }

    private var now: Instant { Instant(epoch.duration(to: clock.now)) }

    private func handle(_ input: ReplayerMachine.Input) {
        for effect in machine.handle(input, at: Moment(now, SystemClock.now()), using: &random) { perform(effect) }
        rearm()
        watch()
    }

    private func perform(_ effect: ReplayerMachine.Effect) {
        switch effect {
        case .load: work(.load) { [store, name] () throws(StoreFailure) in
            .loaded(try await store.read { (log) throws(StoreFailure) in try ReplayerMemory(of: name, in: log) })
        }
        case .spawn: spawn()
        case .write(let line): process?.write(line)
        case .closeInput: process?.closeInput()
        case .signal(.terminate): process?.signal(ProcessSignal.terminate)
        case .signal(.kill): process?.signal(ProcessSignal.kill)
        case .signal(.none): break
        case .read(let token, let after, let limit): work(.read(token)) { [store] () throws(StoreFailure) in
            .page(token, try await store.read { (log) throws(StoreFailure) in try log.page(after: after, limit: limit) })
        }
        case .locate(let token, let place): work(.locate) { [store] () throws(StoreFailure) in
            .located(
                token,
                try await store.read { (log) throws(StoreFailure) in
                    guard let head = try log.head(), place.seq <= head.seq else { return false }
                    return try log.id(at: place.seq) == place.id
                })
        }
        case .readLane(let token, let subject, let own, let from, let through):
            work(.lane(token, subject)) { [store] () throws(StoreFailure) in
                let event = try await store.read { (log) throws(StoreFailure) in
                    try log.nextEvent(of: subject.text, own: own, from: from, through: through)
                }
                return .lane(token, subject, through: through, event)
            }
        case .keep(let memory, let before): work(.keep) { [store, name] () throws(StoreFailure) in
            try await store.attempt(evenIfFull: true) { (log: inout SQLiteLog) throws(StoreFailure) in
                try memory.keep(name, before: before, in: &log)
            }
            #if FAIL_POINTS
                FailPoint.replayerKept.pass()
            #endif
            return .kept(memory)
        }
        case .changed(let ticket, let count): asked.removeValue(forKey: ticket)?.resume(returning: count)
        case .report(let report): say(report)
        }
    }

    private func work(
        _ what: ReplayerMachine.StoreWork, _ body: @escaping @Sendable () async throws(StoreFailure) -> ReplayerMachine.Input
    ) {
        Task {
            do throws(StoreFailure) {
                inbox.yield((0, try await body()))
            } catch {
                logger.warning("a replayer could not use the store", ["replayer": name, "store": "\(error)"])
                inbox.yield((0, .storeFailed(what)))
            }
        }
    }

    private func spawn() {
        run += 1
        let (run, inbox) = (run, inbox)
        do throws(FileFailure) {
            process = try ReplayerProcess(command, log: log.take) { inbox.yield((run, $0)) }
            inbox.yield((run, .spawned))
        } catch {
            inbox.yield((run, .spawnFailed(code: error.code)))
        }
    }

    private func say(_ report: ReplayerReportLine) {
        switch report {
        case .greeted(let program, let version):
            logger.info("replayer runs", ["replayer": name, "program": program, "version": version])
        case .failed(let fault):
            logger.warning(
                "replayer failed", ["replayer": name, "why": fault.code, "number": fault.number.map(String.init) ?? ""])
        case .parked(let id, let subject, let code):
            logger.warning(
                "a replayer refused an event", ["replayer": name, "event": "\(id)", "subject": subject, "code": code])
        case .startedOver: logger.warning("a replayer is given the log anew", ["replayer": name])
        }
    }

    /// Keeps the one timer at the machine's `wakeAt`.
    private func rearm() {
        guard timer?.wakeAt != machine.wakeAt else { return }
        timer?.task.cancel()
        timer = nil
        guard let wakeAt = machine.wakeAt, !hasEnded else { return }
        let deadline = epoch.advanced(by: wakeAt.sinceStart)
        let task = Task {
            guard (try? await clock.sleep(until: deadline, tolerance: nil)) != nil else { return }
            timer = nil
            inbox.yield((0, .tick))
        }
        timer = (wakeAt, task)
    }

    /// Waits for the log to grow, while that is all there is to do.
    private func watch() {
        guard let seen = machine.waitsPast, news == nil, !hasEnded, !store.commits.isClosed else { return }
        news = Task {
            _ = await store.commits.wait(past: seen, atMost: ReplayerDriver.patience)
            news = nil
            if !Task.isCancelled { inbox.yield((0, .news)) }
        }
    }
}

/// The system's numbers.
private enum ProcessSignal {
    static let kill: Int32 = 9
    static let terminate: Int32 = 15
}

/// Logs what a program writes to its standard error, as much of it as a log can bear.
private final class ProgramLog: Sendable {
    private let name: String
    private let logger: Logger
    private let clock = ContinuousClock()
    private let epoch: ContinuousClock.Instant
    private let state = Mutex(
        (limiter: RateLimiter(rate: Limits.replayerLogRate, burst: Limits.replayerLogBurst, senders: 1), left: 0))

    init(_ name: String, logger: Logger) {
        self.name = name
        self.logger = logger
        epoch = clock.now
    }

    @Sendable func take(_ line: [UInt8]) {
        let now = Instant(epoch.duration(to: clock.now))
        let left: Int? = state.withLock { state in
            guard state.limiter.allows("", at: now) else {
                state.left += 1
                return nil
            }
            defer { state.left = 0 }
            return state.left
        }
        guard let left else { return }
        if left > 0 { logger.warning("lines of a replayer were left out", ["replayer": name, "lines": String(left)]) }
        logger.info("replayer says", ["replayer": name, "line": String(decoding: line, as: UTF8.self)])
    }
}
