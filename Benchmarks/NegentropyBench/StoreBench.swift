import Negentropy
import NegentropyTestKit

/// What it costs to hold items: to make a store, to change it, and its memory. To be run in a process of its own, so
/// that no memory freed before is taken again.
struct StoreBench {
    enum Kind: String, CaseIterable { case sealed, ordered, ascending }

    private let kind: Kind
    /// The last tenth is inserted into a store that holds the others, and taken out again.
    private let items: [Item]
    private let count: Int

    init(_ kind: Kind, count: Int) {
        self.kind = kind
        self.count = count
        var numbers = SeededNumbers(11)
        var items = (0..<count + count / 10).map { _ in
            Item(timestamp: 1_700_000_000_000 + numbers.next() % UInt64(count * 1000), id: numbers.id())
        }
        if kind == .ascending { items[..<count].sort() }
        self.items = items
    }

    func run() throws {
        let (before, start) = (residentBytes(), processorTime())
        switch kind {
        case .sealed:
            let store = try SealedStore(items[..<count])
            let made = processorTime() - start
            print("sealed    \(size): made in \(milliseconds(made)) ms, \(memory(since: before))")
            withExtendedLifetime(store) {}
        case .ordered, .ascending:
            var store = OrderedStore()
            for item in items[..<count] { try store.insert(item) }
            let each = microseconds(processorTime() - start, over: count)
            print("\(kind.rawValue.padding(9)) \(size): \(each) µs an item, \(memory(since: before))")
            try change(&store)
        }
    }

    private func change(_ store: inout OrderedStore) throws {
        let others = items[count...]
        let start = processorTime()
        for item in others { try store.insert(item) }
        let inserted = processorTime()
        for item in others { store.remove(item) }
        let removed = processorTime()
        // A session keeps a copy of the store: the paths that are written are copied.
        let snapshot = store
        for item in others { try store.insert(item) }
        let end = processorTime()
        print("  then: insert \(microseconds(inserted - start, over: others.count)) µs, "
            + "remove \(microseconds(removed - inserted, over: others.count)) µs, "
            + "insert beside a snapshot \(microseconds(end - removed, over: others.count)) µs")
        withExtendedLifetime(snapshot) {}
    }

    private var size: String { "\(String(count).padded(8)) items" }

    /// Pages come in larger pieces than a small store needs.
    private func memory(since before: Int) -> String {
        let bytes = Double(residentBytes() - before) / Double(count)
        return count < 100_000 ? "too few for memory" : "\(decimal(bytes, places: 1)) bytes an item"
    }

    private func microseconds(_ nanoseconds: UInt64, over count: Int) -> String {
        decimal(Double(nanoseconds) / 1000 / Double(count), places: 2)
    }
}
