import FederationCore
import FederationTestKit
import Testing

@testable import FederationStore

@Suite struct CommitSignalTests {
    private let directory: ScratchDirectory
    private let store: SQLiteStore

    init() throws {
        directory = ScratchDirectory()
        store = try SQLiteStore(path: directory.file("federation.db"))
    }

    private static func add(_ number: Int64, to store: SQLiteStore) async throws {
        let event = Sample.event(
            Sample.id(number), "create", "20260101-note-\(number)", origin: 9, clock: [9: UInt64(number) + 1])
        let entry = try Sample.entry(event)
        try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in _ = try log.append(entry) }
    }

    /// Returns once somebody waits.
    private func waiters(_ count: Int, on store: SQLiteStore) async {
        while store.commits.waiterCount < count { await Task.yield() }
    }

    @Test func aCommitWakesEveryWaiter() async throws {
        let store = store
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<20 { group.addTask { await store.commits.wait(past: 0, atMost: .seconds(60)) } }
            await waiters(20, on: store)
            try await CommitSignalTests.add(1, to: store)
            for try await woken in group { #expect(woken) }
        }
        #expect(store.commits.waiterCount == 0)
    }

    @Test func whatIsThereAlreadyEndsAWaitAtOnce() async throws {
        try await CommitSignalTests.add(1, to: store)
        #expect(await store.commits.wait(past: 0, atMost: .seconds(60)))
        #expect(await !store.commits.wait(past: 1, atMost: .milliseconds(1)))
    }

    @Test func aCommitOfAnotherProcessWakesToo() async throws {
        let path = directory.file("federation.db")
        // Another store is another process as far as this one's signal knows.
        let other = try SQLiteStore(path: path)
        try await CommitSignalTests.add(1, to: other)
        // Written before anybody watched.
        #expect(await store.commits.wait(past: 0, atMost: .seconds(60)))
        for number in 2...50 {
            let store = store
            async let woken = store.commits.wait(past: Int64(number) - 1, atMost: .seconds(60))
            try await CommitSignalTests.add(Int64(number), to: other)
            #expect(await woken)
        }
        await other.close()
    }

    @Test func aReaderBesideTheWriterIsWoken() async throws {
        let reader = try SQLiteStore(path: directory.file("federation.db"), access: .readOnly)
        async let woken = reader.commits.wait(past: 0, atMost: .seconds(60))
        await waiters(1, on: reader)
        try await CommitSignalTests.add(1, to: store)
        #expect(await woken)
        await reader.close()
    }

    @Test func aCommitWithoutAnEventWakesNobody() async throws {
        let store = store
        async let woken = store.commits.wait(past: 0, atMost: .milliseconds(50))
        await waiters(1, on: store)
        try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in try log.setState("a", "b") }
        #expect(await !woken)
    }

    @Test func aFailedTransactionWakesNobody() async throws {
        let store = store
        let entry = try Sample.entry(Sample.event(Sample.id(1), "create", "20260101-note-1", origin: 9, clock: [9: 1]))
        async let woken = store.commits.wait(past: 0, atMost: .milliseconds(50))
        await waiters(1, on: store)
        await #expect(throws: StoreFailure.full) {
            try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in
                _ = try log.append(entry)
                throw .full
            }
        }
        try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in try log.setState("a", "b") }
        #expect(await !woken)
    }

    @Test func cancellingAndClosingEndAWait() async throws {
        let store = store
        let waiting = Task { await store.commits.wait(past: 0, atMost: .seconds(600)) }
        await waiters(1, on: store)
        waiting.cancel()
        #expect(await !waiting.value)
        let cancelledBefore = Task {
            withUnsafeCurrentTask { unsafe $0?.cancel() }
            return await store.commits.wait(past: 0, atMost: .seconds(600))
        }
        #expect(await !cancelledBefore.value)
        let another = Task { await store.commits.wait(past: 0, atMost: .seconds(600)) }
        await waiters(1, on: store)
        await store.close()
        #expect(await !another.value)
        #expect(await !store.commits.wait(past: 0, atMost: .seconds(600)))
        #expect(store.commits.waiterCount == 0)
    }
}
