package import FederationCore
internal import FederationCrypto

/// The log, as pushing sees it.
package protocol PushStore: Sendable {
    /// What follows a position that the peer holds; `nil` if nothing does.
    func page(after position: String?, bytes: Int) async throws(StoreFailure) -> PushPage?
    /// Single events that a peer lacks although it holds `position`; see `PushPage.mending`.
    func mending(
        _ items: [LogItem], holding position: String, upTo last: String, bytes: Int
    ) async throws(StoreFailure) -> (page: PushPage?, through: Int)
    /// Waits until the log has an event after `seq`, for a while at most, and gives the place of the last one.
    ///
    /// - Returns: `nil` where it has none; `isOver` once nobody is to wait any more.
    func growth(past seq: Int64) async -> (head: Int64?, isOver: Bool)
}

/// The way of a page to its peer.
package protocol PushTransport: Sendable {
    func push(_ page: PushPage, to node: ULID) async -> PushAnswer
}

/// Carries out what one `PushMachine` asks for: it moves bytes and time, and decides nothing.
package actor PushDriver<C: Clock> where C.Duration == Duration {
    private var machine: PushMachine
    private let clock: C
    private let epoch: C.Instant
    private let store: any PushStore
    private let transport: any PushTransport
    private var random: any RandomNumberGenerator & Sendable

    private enum Message: Sendable {
        case input(PushMachine.Input)
        /// Somebody wants to know when there is nothing more to push at the moment.
        case settle(UInt64)
    }

    private let messages: AsyncStream<Message>
    private nonisolated let inbox: AsyncStream<Message>.Continuation
    private var work: [RequestID: Task<Void, Never>] = [:]
    private var timer: (wakeAt: Instant, task: Task<Void, Never>)?
    private var watch: Task<Void, Never>?
    /// Whoever asked and was not looked at, and whoever waits.
    private var arriving: [UInt64: CheckedContinuation<Void, Never>] = [:]
    private var settling: [CheckedContinuation<Void, Never>] = []
    private var lastID: UInt64 = 0
    private var hasEnded = false

    package init(
        machine: PushMachine, clock: C, store: any PushStore, transport: any PushTransport,
        random: any RandomNumberGenerator & Sendable = SystemRandom()
    ) {
        self.machine = machine
        self.clock = clock
        epoch = clock.now
        self.store = store
        self.transport = transport
        self.random = random
        (messages, inbox) = AsyncStream.makeStream()
    }

    /// Pushes until its task is cancelled. Returns once what was begun has ended. To be called once.
    package func run() async {
        for await message in messages {
            switch message {
            case .input(let input): handle(input)
            case .settle(let id): if let continuation = arriving.removeValue(forKey: id) { settling.append(continuation) }
            }
            if machine.status.state != .pushing { resumeSettled() }
        }
        hasEnded = true
        inbox.finish()
        handle(.stop)
        watch?.cancel()
        for task in work.values { await task.value }
        work = [:]
        await watch?.value
        settling += arriving.values
        arriving = [:]
        resumeSettled()
    }

    /// Tells the machine of something that happened. Anybody may, at any time.
    package nonisolated func post(_ input: PushMachine.Input) { inbox.yield(.input(input)) }

    package var status: PushStatus { machine.status }

    /// Returns once everything that was posted is dealt with and there is nothing to push at the moment, or pushing has
    /// failed, or the driver does not run.
    package func settle() async {
        guard !hasEnded else { return }
        lastID += 1
        let id = lastID
        await withCheckedContinuation { continuation in
            arriving[id] = continuation
            inbox.yield(.settle(id))
        }
    }

    private func resumeSettled() {
        for continuation in settling { continuation.resume() }
        settling = []
    }

    private func handle(_ input: PushMachine.Input) {
        let now = Instant(epoch.duration(to: clock.now))
        for effect in machine.handle(input, at: now, using: &random) { perform(effect) }
        rearm()
        // Only who is wanted watches the log; one that was wanted once goes on.
        if machine.isWanted, watch == nil { watch = Task { [store, inbox] in await PushDriver.watch(store, inbox) } }
    }

    private func perform(_ effect: PushMachine.Effect) {
        switch effect {
        case .load(let id, let position, let bytes):
            begin(id) { [store] in
                do throws(StoreFailure) {
                    return .loaded(id, try await store.page(after: position, bytes: bytes))
                } catch {
                    return .unreadable(id, error)
                }
            }
        case .find(let id, let items, let position, let last, let bytes):
            begin(id) { [store] in
                do throws(StoreFailure) {
                    let found = try await store.mending(items, holding: position, upTo: last, bytes: bytes)
                    return .found(id, found.page, through: found.through)
                } catch {
                    return .unreadable(id, error)
                }
            }
        case .send(let id, let page, let node):
            begin(id) { [transport] in .answered(id, await transport.push(page, to: node)) }
        case .cancel(let id): work[id]?.cancel()
        }
    }

    private func begin(_ id: RequestID, _ body: @escaping @Sendable () async -> PushMachine.Input) {
        work[id] = Task {
            inbox.yield(.input(await body()))
            if !hasEnded { work[id] = nil }
        }
    }

    private static func watch(_ store: any PushStore, _ inbox: AsyncStream<Message>.Continuation) async {
        var seen: Int64 = 0
        while !Task.isCancelled {
            let (head, isOver) = await store.growth(past: seen)
            if isOver { return }
            guard let head, head > seen else { continue }
            seen = head
            inbox.yield(.input(.grown))
        }
    }

    /// Sees to it that the machine is woken at its `wakeAt`, as `PollDriver.rearm` does.
    private func rearm() {
        guard !hasEnded, let wakeAt = machine.wakeAt else {
            timer?.task.cancel()
            timer = nil
            return
        }
        guard wakeAt > Instant(epoch.duration(to: clock.now)) else {
            inbox.yield(.input(.tick))
            return
        }
        if let timer, timer.wakeAt <= wakeAt { return }
        timer?.task.cancel()
        let deadline = epoch.advanced(by: wakeAt.sinceStart)
        let task = Task {
            guard (try? await clock.sleep(until: deadline, tolerance: nil)) != nil else { return }
            timer = nil
            inbox.yield(.input(.tick))
        }
        timer = (wakeAt, task)
    }
}
