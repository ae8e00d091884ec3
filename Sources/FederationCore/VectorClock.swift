/// How two clocks relate.
public enum ClockOrder: Hashable, Sendable { case before, after, equal, concurrent }

/// How many events of each origin something has seen. A missing origin has seen none.
///
/// Keys are ULIDs: other keys of a received clock (display names in old Noema logs) are kept with the event for its
/// signature, and never compared (`ReceivedClock`).
public struct VectorClock: Hashable, Sendable {
    /// Counters above zero.
    public private(set) var counters: [ULID: UInt64] = [:]

    /// Has seen nothing.
    public init() {}

    /// Entries of zero say nothing and are left out.
    public init(_ counters: [ULID: UInt64]) { self.counters = counters.filter { $0.value > 0 } }

    /// How many events of `origin` it has seen; zero for one that it does not name.
    public subscript(origin: ULID) -> UInt64 {
        get { counters[origin] ?? 0 }
        set { counters[origin] = newValue == 0 ? nil : newValue }
    }

    public var count: Int { counters.count }
    public var isEmpty: Bool { counters.isEmpty }

    /// Entries by origin, for anything that must not depend on hash order.
    public var sorted: [(origin: ULID, counter: UInt64)] {
        counters.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// How `self` relates to `other`, component by component.
    public func compare(_ other: VectorClock) -> ClockOrder {
        let below = isCovered(by: other)
        let above = other.isCovered(by: self)
        return below ? (above ? .equal : .before) : (above ? .after : .concurrent)
    }

    /// Every component is at most the other's.
    package func isCovered(by other: VectorClock) -> Bool {
        counters.allSatisfy { $0.value <= other[$0.key] }
    }

    /// The component-wise maximum.
    public mutating func merge(_ other: VectorClock) { counters.merge(other.counters, uniquingKeysWith: max) }

    /// Merges unless the result would have more than `limit` entries; then the clock stays as it was.
    ///
    /// - Returns: whether it was merged (Noema section 1.7: the event itself stays replayed either way).
    public mutating func mergeCapped(_ other: VectorClock, limit: Int = Limits.nodeClockEntries) -> Bool {
        let news = other.counters.keys.count { counters[$0] == nil }
        // A clock already past the limit (the limit was lowered) still takes higher counts of entries it has.
        guard news == 0 || counters.count + news <= limit else { return false }
        merge(other)
        return true
    }
}

/// The clock of an event exactly as its author wrote it: any keys, in their order.
public struct ReceivedClock: Hashable, Sendable {
    /// One key with its counter, as they came.
    public struct Entry: Hashable, Sendable {
        public var key: String
        public var counter: UInt64
    }

    /// At most `Limits.receivedClockEntries`, each key once, each counter below `Limits.counter`.
    public let entries: [Entry]
    /// The entries with ULID keys, which are the ones that are compared.
    public let vector: VectorClock

    package static let empty = ReceivedClock(entries: [])

    /// - Precondition: the bounds of `entries` were checked (`EventDecoding`).
    init(entries: [Entry]) {
        self.entries = entries
        var vector = VectorClock()
        for entry in entries { if let origin = ULID(entry.key) { vector[origin] = entry.counter } }
        self.vector = vector
    }

    /// The clock a node of ours writes: ULID keys in order.
    package init(_ vector: VectorClock) {
        self.vector = vector
        entries = vector.sorted.map { Entry(key: $0.origin.description, counter: $0.counter) }
    }

    public var isEmpty: Bool { entries.isEmpty }
}
