/// How two clocks relate.
public enum ClockOrder: Hashable, Sendable { case before, after, equal, concurrent }

/// How many events of each origin something has seen. A missing origin has seen none.
///
/// Keys are ULIDs: other keys of a received clock (display names in old Noema logs) are kept with the event for its
/// signature, and never compared (`ReceivedClock`).
public struct VectorClock: Hashable, Sendable {
    /// An origin, and how many of its events were seen: never none.
    package struct Entry: Hashable, Sendable {
        package let origin: ULID
        package fileprivate(set) var counter: UInt64

        init(origin: ULID, counter: UInt64) { (self.origin, self.counter) = (origin, counter) }
    }

    /// In order of origin. A list and no dictionary: every event brings a clock, and two in order are walked side by side.
    package private(set) var entries: [Entry] = []

    /// Has seen nothing.
    public init() {}

    /// Entries of zero say nothing and are left out.
    public init(_ counters: [ULID: UInt64]) {
        entries = counters.lazy.filter { $0.value > 0 }.map { Entry(origin: $0.key, counter: $0.value) }
            .sorted { $0.origin < $1.origin }
    }

    /// - Precondition: in order of origin, each once, with counters above zero.
    init(inOrder entries: [Entry]) { self.entries = entries }

    /// How many events of `origin` it has seen; zero for one that it does not name.
    public subscript(origin: ULID) -> UInt64 {
        get {
            let place = place(of: origin)
            return place < entries.count && entries[place].origin == origin ? entries[place].counter : 0
        }
        set {
            let place = place(of: origin)
            if place < entries.count, entries[place].origin == origin {
                if newValue == 0 { entries.remove(at: place) } else { entries[place].counter = newValue }
            } else if newValue > 0 {
                entries.insert(Entry(origin: origin, counter: newValue), at: place)
            }
        }
    }

    /// Where `origin` stands, or would.
    private func place(of origin: ULID) -> Int {
        // Most often it is looked for at the end, or stands there.
        guard let last = entries.last, origin <= last.origin else { return entries.count }
        var (low, high) = (0, entries.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if entries[middle].origin < origin { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Counters above zero.
    public var counters: [ULID: UInt64] {
        Dictionary(uniqueKeysWithValues: entries.lazy.map { ($0.origin, $0.counter) })
    }

    public var count: Int { entries.count }
    public var isEmpty: Bool { entries.isEmpty }

    /// Entries by origin, for anything that must not depend on hash order.
    public var sorted: [(origin: ULID, counter: UInt64)] { entries.map { ($0.origin, $0.counter) } }

    /// Without the entries for which `isKept` is false.
    func filter(_ isKept: (Entry) -> Bool) -> VectorClock {
        var kept = self
        kept.entries.removeAll { !isKept($0) }
        return kept
    }

    /// How `self` relates to `other`, component by component.
    public func compare(_ other: VectorClock) -> ClockOrder {
        let below = isCovered(by: other)
        let above = other.isCovered(by: self)
        return below ? (above ? .equal : .before) : (above ? .after : .concurrent)
    }

    /// Every component is at most the other's.
    package func isCovered(by other: VectorClock) -> Bool {
        var rest = other.entries[...]
        for entry in entries {
            while let first = rest.first, first.origin < entry.origin { rest.removeFirst() }
            guard let first = rest.first, first.origin == entry.origin, entry.counter <= first.counter else { return false }
        }
        return true
    }

    /// The component-wise maximum.
    public mutating func merge(_ other: VectorClock) {
        // In place: nearly always one entry grows by one.
        for entry in other.entries where entry.counter > self[entry.origin] { self[entry.origin] = entry.counter }
    }

    /// Merges unless the result would have more than `limit` entries; then the clock stays as it was.
    ///
    /// - Returns: whether it was merged (Noema section 1.7: the event itself stays replayed either way).
    public mutating func mergeCapped(_ other: VectorClock, limit: Int = Limits.nodeClockEntries) -> Bool {
        let news = other.entries.count { self[$0.origin] == 0 }
        // A clock already past the limit (the limit was lowered) still takes higher counts of entries it has.
        guard news == 0 || count + news <= limit else { return false }
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

    /// The entries with ULID keys, which are the ones that are compared.
    public let vector: VectorClock
    /// What the author wrote, where it is not just the vector in its order, as clocks of ours are.
    let written: [Entry]?

    package static let empty = ReceivedClock(VectorClock())

    /// - Precondition: the bounds of `entries` were checked (`EventDecoding`).
    init(entries: [Entry]) {
        var vector = VectorClock()
        var (isPlain, last) = (true, ULID.min)
        for (place, entry) in entries.enumerated() {
            guard let origin = ULID(entry.key) else {
                isPlain = false
                continue
            }
            if entry.counter == 0 || place > 0 && origin <= last { isPlain = false }
            last = origin
            vector[origin] = entry.counter
        }
        self.vector = vector
        written = isPlain ? nil : entries
    }

    /// The clock a node of ours writes: ULID keys in order.
    package init(_ vector: VectorClock) {
        self.vector = vector
        written = nil
    }

    /// At most `Limits.receivedClockEntries`, each key once, each counter below `Limits.counter`.
    public var entries: [Entry] {
        written ?? vector.entries.map { Entry(key: $0.origin.description, counter: $0.counter) }
    }

    /// The entries in order of their keys' bytes.
    var sorted: [Entry] { written?.sorted { $0.key.precedesExactly($1.key) } ?? entries }

    public var count: Int { written?.count ?? vector.count }
    public var isEmpty: Bool { count == 0 }
}
