import Federation
import FederationCore
import FederationTestKit
import Synchronization
import Testing

/// One request and one page a poll.
private struct OnePage: Exchange {
    private var step = 0

    mutating func begin(_ context: ExchangeContext) -> ExchangeStep { .request(HTTPRequest(.get, "/events"), seals: []) }

    mutating func resume(_ answer: ExchangeAnswer, now: WallTime) -> ExchangeStep {
        step += 1
        switch answer {
        case .transport(let failure): return .failed(.transport(failure))
        case .response: return .identify(PeerIdentity(id: Sample.node(2), name: "beta", version: "1", wire: .native))
        case .identityAccepted: return .take(PulledPage(items: [], cursor: .position("e.\(step)")))
        default: return .finished(ExchangeProgress(isComplete: true, wire: .native))
        }
    }
}

/// A peer, a store and a listener that do as they are told and write down what they were asked.
private final class FakeWorld: PollTransport, PollStore, PollListener {
    struct State {
        var requests = 0
        var commits: [PeerCommit] = []
        var reports: [PollReport] = []
        var failure: TransportFailure?
        var hangs = false
        var wasCancelled = false
        /// Set, a commit waits for it.
        var gate: Gate?
    }
    let state = Mutex(State())
    let reported = AsyncStream.makeStream(of: PollReport.self)

    func perform(_ request: HTTPRequest, seals: [RequestSeal]) async throws(TransportFailure) -> HTTPResponse {
        let (failure, hangs) = state.withLock {
            $0.requests += 1
            return ($0.failure, $0.hangs)
        }
        if hangs {
            await Gate().wait()
            state.withLock { $0.wasCancelled = true }
            throw .cancelled
        }
        if let failure { throw failure }
        return HTTPResponse(status: 200)
    }

    func sign(_ bytes: [UInt8], secret: String) async -> [UInt8]? { nil }
    func memory(_ question: PeerQuestion) async throws(StoreFailure) -> PeerMemory { PeerMemory() }

    func commit(_ commit: PeerCommit) async throws(StoreFailure) -> PageOutcome {
        if commit.page != nil, let gate = state.withLock(\.gate) { await gate.wait(throughCancellation: true) }
        state.withLock { $0.commits.append(commit) }
        return PageOutcome()
    }

    func outbox(after seq: Int64, limit: Int, bytes: Int) async throws(StoreFailure) -> (
        events: [StoredEvent], through: Int64
    ) { ([], seq) }

    func lines(of response: HTTPResponse) async -> ReadLines? { nil }
    func reconcile(_ question: ReconcileQuestion) async throws(StoreFailure) -> ReconcileAnswer { .malformed }

    func polled(_ report: PollReport) async {
        state.withLock { $0.reports.append(report) }
        reported.continuation.yield(report)
    }

    func found(_ future: OwnFuture, at peer: String) async {}

    var requests: Int { state.withLock(\.requests) }
    var wasCancelled: Bool { state.withLock(\.wasCancelled) }
    var forgotten: Bool { state.withLock { $0.commits.contains(where: \.forgets) } }
    var pages: Int { state.withLock { $0.commits.count { $0.page != nil } } }
}

/// Lets whoever waits pass once it is opened, or once the waiter is cancelled.
private final class Gate: Sendable {
    private let state = Mutex<(isOpen: Bool, waiting: CheckedContinuation<Void, Never>?)>((false, nil))
    private let arrivals = AsyncStream.makeStream(of: Void.self)

    func open() {
        state.withLock {
            $0.isOpen = true
            let waiting = $0.waiting
            $0.waiting = nil
            return waiting
        }?.resume()
    }

    func wait(throughCancellation: Bool = false) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOpen = state.withLock {
                    if !$0.isOpen { $0.waiting = continuation }
                    return $0.isOpen
                }
                arrivals.continuation.yield()
                if isOpen { continuation.resume() }
            }
        } onCancel: {
            if !throughCancellation { open() }
        }
    }

    /// Returns once somebody waits.
    func arrival() async {
        var iterator = arrivals.stream.makeAsyncIterator()
        await iterator.next()
    }
}

@Suite struct PollDriverTests {
    private let clock = VirtualClock()
    private let world = FakeWorld()

    private func driver(mode: PeerMode = .sync) -> PollDriver<VirtualClock> {
        let node = NodeIdentity(id: Sample.node(1), name: "alpha", version: "1", mode: .sync, publicKey: nil)
        return PollDriver(
            peer: PolledPeer(name: "beta", mode: mode), node: node, clock: clock, wallClock: { Sample.epoch },
            transport: world, store: world, listener: world, random: SeededRandom(seed: 7)
        ) { OnePage() }
    }

    @Test func itPollsAtOnceAndThenWhenTheMachineWakes() async {
        let driver = driver()
        let run = Task { await driver.run() }
        var reports = world.reported.stream.makeAsyncIterator()
        #expect(await reports.next()?.result == .complete)
        #expect(world.pages == 1)
        // The first timers are the watchdogs of the first poll's own requests.
        while await clock.nextSleep().sinceStart > .seconds(30) {}
        clock.advance(by: .seconds(30))
        #expect(await reports.next()?.result == .complete)
        #expect(world.pages == 2)
        run.cancel()
        await run.value
    }

    @Test func aFailureIsReportedAndWaitedFor() async {
        world.state.withLock { $0.failure = .refused }
        let driver = driver()
        let run = Task { await driver.run() }
        var reports = world.reported.stream.makeAsyncIterator()
        let report = await reports.next()
        #expect(report?.result == .failed(.transport(.refused)))
        let (status, now) = await driver.status()
        #expect(status.state == .waiting)
        #expect(status.nextPoll == report?.nextPoll)
        #expect(now == .start)
        run.cancel()
        await run.value
    }

    @Test func whoeverAsksForAPollIsTold() async {
        let driver = driver()
        let run = Task { await driver.run() }
        #expect(await driver.syncNow().result == .complete)
        #expect(await driver.reset().result == .incomplete)
        #expect(world.forgotten)
        run.cancel()
        await run.value
        #expect(await driver.syncNow().result == .stopped)
    }

    @Test func aPausedPeerIsNotContacted() async {
        let driver = driver(mode: .paused)
        let run = Task { await driver.run() }
        #expect(await driver.syncNow().result == .paused)
        #expect(world.requests == 0)
        run.cancel()
        await run.value
    }

    @Test func stoppingCutsARequestShort() async {
        world.state.withLock { $0.hangs = true }
        let driver = driver()
        let run = Task { await driver.run() }
        let asked = Task { await driver.syncNow() }
        while world.requests == 0 { await Task.yield() }
        run.cancel()
        await run.value
        #expect(world.wasCancelled)
        #expect(await asked.value.result == .stopped)
    }

    @Test func stoppingCarriesTheCommitInHandThrough() async {
        let gate = Gate()
        world.state.withLock { $0.gate = gate }
        let driver = driver()
        let run = Task { await driver.run() }
        await gate.arrival()
        run.cancel()
        #expect(world.pages == 0)
        gate.open()
        await run.value
        #expect(world.pages == 1)
    }

    /// Else the page in hand would write again what a reset has just forgotten.
    @Test func aResetComesBehindTheCommitInHand() async {
        let gate = Gate()
        world.state.withLock { $0.gate = gate }
        let driver = driver()
        let run = Task { await driver.run() }
        await gate.arrival()
        let reset = Task { await driver.reset() }
        for _ in 1...1000 { await Task.yield() }
        #expect(!world.forgotten)
        gate.open()
        #expect(await reset.value.result != .stopped)
        let kinds = world.state.withLock { $0.commits.map { $0.page != nil ? "page" : $0.forgets ? "reset" : "other" } }
        #expect(kinds.firstIndex(of: "page") == 0 && kinds.contains("reset"), "\(kinds)")
        run.cancel()
        await run.value
    }

    @Test func aCallerWhoGivesUpIsAnsweredAndForgotten() async {
        world.state.withLock { $0.hangs = true }
        let driver = driver()
        let run = Task { await driver.run() }
        let asked = Task { await driver.syncNow() }
        while world.requests == 0 { await Task.yield() }
        asked.cancel()
        #expect(await asked.value.result == .stopped)
        run.cancel()
        await run.value
    }
}
