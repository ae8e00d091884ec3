import Dispatch
import FederationCore
import Glibc
import Synchronization
import Testing

@testable import FederationStore

/// Whoever watches a rewriting of the file sees that it gets on.
@Suite struct RewriteTests {
    private final class IsOver: Sendable { let value = Atomic(false) }

    private func filled(_ scratch: ScratchDirectory, values: Int) async throws -> SQLiteStore {
        let store = try SQLiteStore(path: scratch.file("federation.db"))
        let value = [UInt8](repeating: 0x61, count: 1 << 20)
        for number in 0..<values {
            try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in
                try log.setWireValue("test", peer: "", key: "\(number)", value)
            }
        }
        return store
    }

    @Test func itsWorkGrowsWhileItLastsAndIsNoneBeforeAndAfter() async throws {
        let scratch = ScratchDirectory()
        defer { withExtendedLifetime(scratch) {} }
        let store = try await filled(scratch, values: 64)
        #expect(store.rewriteWork == nil)
        // From a thread of its own: what else is tested may have those that tasks share.
        let isOver = IsOver()
        let (looks, looked) = AsyncStream.makeStream(of: [UInt64].self)
        DispatchQueue(label: "looks").async {
            var seen: [UInt64] = []
            while !isOver.value.load(ordering: .relaxed) {
                if let work = store.rewriteWork, work != seen.last { seen.append(work) }
                usleep(1000)
            }
            looked.yield(seen)
        }
        try await store.rewrite()
        #expect(store.rewriteWork == nil)
        isOver.value.store(true, ordering: .relaxed)
        let work = try #require(await looks.first { _ in true })
        #expect(work.count > 1 && work == work.sorted(), "\(work.count) looks")
        await store.close()
    }

    @Test func aQuickCheckThatIsNotQuickIsStopped() async throws {
        let scratch = ScratchDirectory()
        defer { withExtendedLifetime(scratch) {} }
        let store = try await filled(scratch, values: 64)
        let whole = try await store.facts(within: .seconds(600))
        #expect(whole.quickCheck == "ok" && whole.quickCheckStopped == nil)
        // Where the time is over before it begins, there is nothing to stop.
        var short = whole
        for _ in 0..<50 where short.quickCheckStopped == nil { short = try await store.facts(within: .milliseconds(2)) }
        #expect(short.quickCheckStopped == .milliseconds(2) && short.quickCheck.isEmpty)
        // What is asked after it is answered.
        #expect(short.rows["wire_values"] == 64)
        #expect(try await store.facts(within: .seconds(600)).quickCheck == "ok")
        await store.close()
    }
}
