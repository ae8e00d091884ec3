import Federation
import FederationCore
import FederationTestKit
import Synchronization
import Testing

/// A log that is a number, and a peer that takes what comes.
private final class FakeLog: PushStore, PushTransport {
    struct State {
        var head: Int64 = 2
        var pushed: [String] = []
        var answer = PushAnswer.taken
        var hangs = false
    }
    let state = Mutex(State())
    let grew = AsyncStream.makeStream(of: Void.self)

    func page(after position: String?, bytes: Int) async throws(StoreFailure) -> PushPage? {
        let head = state.withLock(\.head)
        guard position != String(head) else { return nil }
        return PushPage(from: position, to: String(head), head: String(head), body: [])
    }

    func mending(
        _ items: [LogItem], holding position: String, upTo last: String, bytes: Int
    ) async throws(StoreFailure) -> (page: PushPage?, through: Int) {
        (PushPage(from: position, to: position, head: position, body: []), items.count)
    }

    func growth(past seq: Int64) async -> (head: Int64?, isOver: Bool) {
        while !Task.isCancelled {
            let head = state.withLock(\.head)
            if head > seq { return (head, false) }
            try? await Task.sleep(for: .milliseconds(1))
        }
        return (nil, true)
    }

    func push(_ page: PushPage, to node: ULID) async -> PushAnswer {
        let (answer, hangs) = state.withLock {
            $0.pushed.append("\(page.from ?? "start")-\(page.to)")
            return ($0.answer, $0.hangs)
        }
        if hangs { try? await Task.sleep(for: .seconds(3600)) }
        return answer
    }

    var pushed: [String] { state.withLock(\.pushed) }
}

@Suite struct PushDriverTests {
    private let log = FakeLog()
    private let clock = VirtualClock()
    private var offer: PushOffer { PushOffer(node: Sample.node(2), position: nil) }

    private func driver() -> PushDriver<VirtualClock> {
        PushDriver(
            machine: PushMachine(interval: .seconds(60)), clock: clock, store: log, transport: log,
            random: SeededRandom(seed: 1))
    }

    @Test func whatIsWantedIsPushedAndThenWhatIsCommitted() async {
        let driver = driver()
        let run = Task { await driver.run() }
        driver.post(.offered(offer))
        await driver.settle()
        #expect(log.pushed == ["start-2"])
        log.state.withLock { $0.head = 5 }
        await eventually { log.pushed == ["start-2", "2-5"] }
        driver.post(.lacking([.first]))
        await driver.settle()
        #expect(log.pushed == ["start-2", "2-5", "5-5"])
        run.cancel()
        await run.value
        #expect(await driver.status.state == .stopped)
    }

    @Test func aFailureIsTriedAgainAtItsTime() async {
        let driver = driver()
        log.state.withLock { $0.answer = .failed(.transport(.refused)) }
        let run = Task { await driver.run() }
        driver.post(.offered(offer))
        // Who waits to be settled is not kept waiting by a back-off.
        await driver.settle()
        #expect(await driver.status.failure == .transport(.refused))
        log.state.withLock { $0.answer = .taken }
        await eventually {
            clock.advance(by: .seconds(1))
            return log.pushed.count > 1
        }
        await driver.settle()
        #expect(await driver.status == PushStatus(state: .current, attempt: 0, failure: nil))
        run.cancel()
        await run.value
    }

    @Test func theEndCutsARequestShort() async {
        let driver = driver()
        log.state.withLock { $0.hangs = true }
        let run = Task { await driver.run() }
        driver.post(.offered(offer))
        await eventually { !log.pushed.isEmpty }
        let waits = Task { await driver.settle() }
        run.cancel()
        await run.value
        await waits.value
        // Who comes later is answered as well.
        await driver.settle()
        driver.post(.offered(offer))
        #expect(log.pushed.count == 1)
    }
}
