import FederationCore
import Synchronization
import Testing

@testable import Federation

/// Something that waits until it is let go.
private actor Door {
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private var isOpen = false

    func wait() async {
        if isOpen { return }
        await withCheckedContinuation { waiting.append($0) }
    }

    func open() {
        isOpen = true
        for continuation in waiting { continuation.resume() }
        waiting = []
    }
}

@Suite struct HeldRequestsTests {
    @Test func noMoreAreHeldThanThereIsRoomFor() async throws {
        let held = HeldRequests(atMost: 5, fromOneAddress: 3)
        let door = Door()
        func hold(_ address: String) -> Task<Bool, any Error> {
            Task { try await held.hold(from: address) { () throws(StoreFailure) in await door.wait() } != nil }
        }
        let first = (0..<3).map { _ in hold("10.0.0.1") }
        await eventually { held.count == 3 }
        // An address has its share, whoever else waits.
        #expect(try await hold("10.0.0.1").value == false)
        let others = [hold("10.0.0.2"), hold("10.0.0.3")]
        await eventually { held.count == 5 }
        #expect(try await hold("10.0.0.4").value == false)
        await door.open()
        for task in first + others { #expect(try await task.value) }
        // And room again, for the same addresses.
        #expect(held.count == 0)
        #expect(try await hold("10.0.0.1").value)
        #expect(held.count == 0)
    }

    @Test func aWaitThatFailsLeavesItsPlace() async throws {
        let held = HeldRequests(atMost: 1, fromOneAddress: 1)
        for _ in 0..<3 {
            await #expect(throws: StoreFailure.busy) {
                _ = try await held.hold(from: "::1") { () throws(StoreFailure) -> Int in throw .busy }
            }
        }
        #expect(try await held.hold(from: "::1") { () throws(StoreFailure) in 7 } == 7 && held.count == 0)
    }

    @Test func theBoundsAreThoseOfTheDocument() async throws {
        let held = HeldRequests()
        let door = Door()
        let tasks = (0..<Limits.heldRequestsPerAddress + 1).map { _ in
            Task { try await held.hold(from: "10.0.0.1") { () throws(StoreFailure) in await door.wait() } != nil }
        }
        await eventually { held.count == Limits.heldRequestsPerAddress }
        await door.open()
        var refused = 0
        for task in tasks where try await !task.value { refused += 1 }
        // The last may have come after the door was open.
        #expect(refused <= 1)
    }
}

/// Counts who is inside at one time.
private final class Crowd: Sendable {
    private let counts = Mutex((inside: 0, most: 0))
    var most: Int { counts.withLock { $0.most } }

    func enter() { counts.withLock { $0 = ($0.inside + 1, max($0.most, $0.inside + 1)) } }
    func leave() { counts.withLock { $0.inside -= 1 } }
}

@Suite struct PushGateTests {
    @Test func fewAreLookedAtTogetherAndTheRestInTurn() async throws {
        let gate = PushGate(atOnce: 2, waitingAtMost: 3)
        let door = Door()
        let crowd = Crowd()
        let tasks = (0..<5).map { _ in
            Task {
                try await gate.pass { () throws(StoreFailure) in
                    crowd.enter()
                    await door.wait()
                    crowd.leave()
                } != nil
            }
        }
        await eventually { await gate.waitingCount == 3 }
        // No room to wait either: come again.
        #expect(try await gate.pass { () throws(StoreFailure) in true } == nil)
        await door.open()
        for task in tasks { #expect(try await task.value) }
        #expect(crowd.most == 2)
        #expect(try await gate.pass { () throws(StoreFailure) in true } == true)
    }

    @Test func whoHasGoneLeavesTheQueueAndAFailureItsPlace() async throws {
        let gate = PushGate(atOnce: 1, waitingAtMost: 2)
        let door = Door()
        let first = Task { try await gate.pass { () throws(StoreFailure) in await door.wait() } != nil }
        await eventually { await gate.inHand == 1 }
        let gone = Task { try await gate.pass { () throws(StoreFailure) in true } }
        await eventually { await gate.waitingCount == 1 }
        gone.cancel()
        #expect(try await gone.value == nil)
        #expect(await gate.waitingCount == 0)
        await door.open()
        #expect(try await first.value)
        await #expect(throws: StoreFailure.busy) { _ = try await gate.pass { () throws(StoreFailure) -> Int in throw .busy } }
        #expect(try await gate.pass { () throws(StoreFailure) in 7 } == 7)
    }
}
