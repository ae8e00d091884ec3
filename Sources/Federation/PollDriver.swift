package import FederationCore
internal import FederationCrypto

/// Carries out what one `PollMachine` asks for: it moves bytes and time, and decides nothing.
package actor PollDriver<C: Clock> where C.Duration == Duration {
    private var machine: PollMachine
    private let clock: C
    private let epoch: C.Instant
    private let wallClock: @Sendable () -> WallTime
    private let transport: any PollTransport
    private let store: any PollStore
    private let listener: any PollListener
    private let pushes: @Sendable (PushMachine.Input) -> Void
    private var random: any RandomNumberGenerator & Sendable

    private let inputs: AsyncStream<PollMachine.Input>
    private nonisolated let inbox: AsyncStream<PollMachine.Input>.Continuation
    /// What is being carried out, by the request it answers.
    private var work: [RequestID: Task<Void, Never>] = [:]
    /// Commits come one after the other, in the order in which the machine asks for them.
    private var lastCommit: Task<Void, Never>?
    private var timer: (wakeAt: Instant, task: Task<Void, Never>)?
    private var lastTicket: UInt64 = 0
    private var waiting: [PollTicket: CheckedContinuation<PollReport, Never>] = [:]
    private var hasEnded = false

    /// `firstPoll` is when the peer is polled first, unless something asks for it before. `pushes` is told
    /// what the peer wants to be given of our log.
    package init(
        peer: PolledPeer, node: NodeIdentity, policy: PollPolicy = PollPolicy(), clock: C,
        wallClock: @escaping @Sendable () -> WallTime, transport: any PollTransport, store: any PollStore,
        listener: any PollListener, random: any RandomNumberGenerator & Sendable = SystemRandom(),
        firstPoll: Instant = .start, pushes: @escaping @Sendable (PushMachine.Input) -> Void = { _ in },
        exchange: @escaping @Sendable () -> any Exchange
    ) {
        machine = PollMachine(peer: peer, node: node, policy: policy, at: firstPoll, exchange: exchange)
        self.clock = clock
        epoch = clock.now
        self.wallClock = wallClock
        self.transport = transport
        self.store = store
        self.listener = listener
        self.pushes = pushes
        self.random = random
        (inputs, inbox) = AsyncStream.makeStream()
    }

    /// Polls until its task is cancelled. Returns once what was begun has ended: a request is cut short, a commit is
    /// carried through. To be called once.
    package func run() async {
        inbox.yield(.tick)
        for await input in inputs { await handle(input) }
        timer?.task.cancel()
        timer = nil
        hasEnded = true
        inbox.finish()
        await handle(.stop)
        for task in work.values { await task.value }
        work = [:]
        // Whoever asked for something that was never looked at.
        for continuation in waiting.values { continuation.resume(returning: ended) }
        waiting = [:]
    }

    /// Polls now and gives the report of that poll; `stopped` where none will come.
    package func syncNow() async -> PollReport { await report { .syncNow($0) } }

    /// Compares our log with the peer's now and gives the report; `stopped` where none will come.
    package func reconcileNow(at moment: WallTime? = nil) async -> PollReport {
        await report { .reconcileNow($0, at: moment) }
    }

    /// Forgets the peer's pin and cursor. `failed` says that the store would not.
    package func reset() async -> PollReport { await report { .reset($0) } }

    /// Tells the machine of something that happened. Anybody may, at any time.
    package nonisolated func post(_ input: PollMachine.Input) { inbox.yield(input) }

    /// How the peer's polling stands, and the moment that its times are to be compared with.
    package func status() -> (status: PollStatus, now: Instant) { (machine.status, now) }

    /// How long ago the machine wanted to be woken and was not: nothing while its timer is kept. That this returns shows that
    /// inputs are taken.
    func lateness() -> Duration {
        guard !hasEnded, let wakeAt = machine.wakeAt else { return .zero }
        return max(.zero, now.since(wakeAt))
    }

    private var now: Instant { Instant(epoch.duration(to: clock.now)) }

    private func handle(_ input: PollMachine.Input) async {
        if case .answered(let id, _) = input { work[id] = nil }
        let moment = Moment(now, wallClock())
        for effect in machine.handle(input, at: moment, using: &random) { await perform(effect) }
        rearm()
    }

    private func perform(_ effect: PollMachine.Effect) async {
        switch effect {
        case .load(let id, let question): begin(id) { await self.load(question) }
        case .send(let id, let request, let seals): begin(id) { await self.send(request, seals) }
        case .commit(let id, let commit):
            let before = lastCommit
            begin(id) {
                await before?.value
                return await self.commit(commit)
            }
            lastCommit = work[id]
        case .loadOutbox(let id, let after, let limit, let bytes):
            begin(id) { await self.loadOutbox(after: after, limit: limit, bytes: bytes) }
        case .reconcile(let id, let question): begin(id) { await self.reconcile(question) }
        case .sign(let id, let bytes, let secret): begin(id) { await self.sign(bytes, secret) }
        case .cancel(let id): work[id]?.cancel()
        case .found(let future): await listener.found(future, at: machine.peer.name)
        case .offered(let offer): pushes(.offered(offer))
        case .lacking(let items): pushes(.lacking(items))
        case .report(let report, let tickets):
            await listener.polled(report)
            for ticket in tickets { waiting.removeValue(forKey: ticket)?.resume(returning: report) }
        }
    }

    private func begin(_ id: RequestID, _ body: @escaping @Sendable () async -> PollMachine.Answer) {
        // Not on this actor: what was asked with may be a page, and letting go of a thousand events takes a while.
        work[id] = Task.detached { [inbox] in
            let answer = await body()
            withExtendedLifetime(body) { _ = inbox.yield(.answered(id, answer)) }
        }
    }

    private nonisolated func load(_ question: PeerQuestion) async -> PollMachine.Answer {
        do { return .memory(try await store.memory(question)) } catch { return .store(error) }
    }

    private nonisolated func send(_ request: HTTPRequest, _ seals: [RequestSeal]) async -> PollMachine.Answer {
        do {
            var response = try await transport.perform(request, seals: seals)
            if request.asksForLines, let lines = await store.lines(of: response) {
                response.lines = lines
                response.body = []
            }
            return .response(response)
        } catch { return .transport(error) }
    }

    private nonisolated func commit(_ commit: PeerCommit) async -> PollMachine.Answer {
        do { return .committed(try await store.commit(commit)) } catch { return .store(error) }
    }

    private nonisolated func loadOutbox(after seq: Int64, limit: Int, bytes: Int) async -> PollMachine.Answer {
        do {
            let (events, through) = try await store.outbox(after: seq, limit: limit, bytes: bytes)
            return .outbox(events, through: through)
        } catch { return .store(error) }
    }

    private nonisolated func reconcile(_ question: ReconcileQuestion) async -> PollMachine.Answer {
        do { return .reconciled(try await store.reconcile(question)) } catch { return .store(error) }
    }

    private nonisolated func sign(_ bytes: [UInt8], _ secret: String) async -> PollMachine.Answer {
        await transport.sign(bytes, secret: secret).map { .signed($0) } ?? .secretMissing
    }

    /// Sees to it that the machine is woken at its `wakeAt`. A timer that was set for an earlier time is left alone, and leads
    /// here again when it is over: a peer that is followed would have one set anew many times a second.
    private func rearm() {
        guard !hasEnded, let wakeAt = machine.wakeAt else {
            timer?.task.cancel()
            timer = nil
            return
        }
        guard wakeAt > now else {
            inbox.yield(.tick)
            return
        }
        if let timer, timer.wakeAt <= wakeAt { return }
        timer?.task.cancel()
        let deadline = epoch.advanced(by: wakeAt.sinceStart)
        let task = Task {
            guard (try? await clock.sleep(until: deadline, tolerance: nil)) != nil else { return }
            timer = nil
            inbox.yield(.tick)
        }
        timer = (wakeAt, task)
    }

    private func report(of input: (PollTicket) -> PollMachine.Input) async -> PollReport {
        lastTicket += 1
        let ticket = PollTicket(lastTicket)
        let input = input(ticket)
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                guard !hasEnded, !Task.isCancelled else { return continuation.resume(returning: ended) }
                waiting[ticket] = continuation
                inbox.yield(input)
            }
        } onCancel: {
            Task { await self.abandon(ticket) }
        }
    }

    private var ended: PollReport { PollReport(peer: machine.peer.name, result: .stopped) }

    private func abandon(_ ticket: PollTicket) { waiting.removeValue(forKey: ticket)?.resume(returning: ended) }
}
