import FederationCore
import FederationStore
import Glibc
import Synchronization
import Testing

/// What waits for the database is counted, and no more once it had its turn.
struct StoreQueueTests {
    private final class Gate: Sendable {
        let isReached = Atomic(false)
        let isOpen = Atomic(false)
    }

    @Test(.timeLimit(.minutes(5))) func writesThatWaitAreCounted() async throws {
        let scratch = ScratchDirectory()
        let store = try SQLiteStore(path: scratch.file("a.db"))
        #expect(store.queues.writes == 0 && store.queues.reads == 0)
        let gate = Gate()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    try await store.write { (_: inout SQLiteLog) throws(StoreFailure) in
                        gate.isReached.store(true, ordering: .relaxed)
                        while !gate.isOpen.load(ordering: .relaxed) { usleep(1000) }
                    }
                }
            }
            // One holds the writer; the others wait for it.
            while !gate.isReached.load(ordering: .relaxed) || store.queues.writes != 3, !Task.isCancelled {
                await Task.yield()
            }
            gate.isOpen.store(true, ordering: .relaxed)
            try await group.waitForAll()
        }
        #expect(store.queues.writes == 0)
        await store.close()
    }
}
