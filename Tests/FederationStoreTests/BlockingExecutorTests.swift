import Glibc
import Testing

@testable import FederationStore

private actor Counter {
    private let executor = BlockingExecutor(label: "counter")
    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
    private var value = 0

    func add() -> Int {
        let read = value
        sched_yield()
        value = read + 1
        return value
    }

    func isIsolated() { assertIsolated() }
}

@Test func jobsRunOneAfterAnother() async {
    let counter = Counter()
    await counter.isIsolated()
    let results = await withTaskGroup(of: Int.self) { group in
        for _ in 0..<500 { group.addTask { await counter.add() } }
        return await group.reduce(into: Set<Int>()) { $0.insert($1) }
    }
    #expect(results == Set(1...500))
}
