package import FederationCore

/// A clock as Noema keeps it: any text as key, where only 26 characters make a stable one (Noema section 1.7).
package struct NoemaClock: Hashable, Sendable, ExpressibleByDictionaryLiteral {
    package private(set) var counters: [String: UInt64]

    package init(_ counters: [String: UInt64] = [:]) { self.counters = counters }
    package init(dictionaryLiteral elements: (String, UInt64)...) {
        counters = Dictionary(elements) { $1 }
    }

    package subscript(key: String) -> UInt64 { counters[key] ?? 0 }
    package var isEmpty: Bool { counters.isEmpty }

    /// The most keys a merged clock may have.
    package static let limit = 256

    /// The entries whose keys are not display names of old logs.
    package var stable: NoemaClock { NoemaClock(counters.filter { $0.key.utf8.count == ULID.length }) }

    /// One more event of `key`. Go's counter wraps, and so does this one.
    package mutating func increment(_ key: String) { counters[key, default: 0] &+= 1 }

    package func merging(_ other: NoemaClock) -> NoemaClock {
        NoemaClock(counters.merging(other.counters, uniquingKeysWith: max))
    }

    /// What an ingested event does to the node's clock: unstable keys go, and one with too many keys changes nothing.
    ///
    /// - Returns: whether it was merged.
    package mutating func mergeIngested(_ other: NoemaClock) -> Bool {
        let merged = stable.merging(other.stable)
        guard merged.counters.count <= NoemaClock.limit else { return false }
        self = merged
        return true
    }

    /// Go's comparison: −1 before, +1 after, and 0 for concurrent **and** for equal.
    package func goCompare(_ other: NoemaClock) -> Int {
        switch compare(other) {
        case .before: -1
        case .after: 1
        case .equal, .concurrent: 0
        }
    }

    /// The comparison with four answers. A missing key is zero.
    package func compare(_ other: NoemaClock) -> ClockOrder {
        let below = counters.allSatisfy { $0.value <= other[$0.key] }
        let above = other.counters.allSatisfy { $0.value <= self[$0.key] }
        return below ? (above ? .equal : .before) : (above ? .after : .concurrent)
    }

    /// Rust's comparison for replay: where names of old logs make two clocks concurrent, their stable keys decide,
    /// if both have some and they are strictly ordered.
    package func rustCompare(_ other: NoemaClock) -> ClockOrder {
        let raw = compare(other)
        let (mine, theirs) = (stable, other.stable)
        let hasUnstable = mine.counters.count < counters.count || theirs.counters.count < other.counters.count
        guard raw == .concurrent, hasUnstable, !mine.isEmpty, !theirs.isEmpty else { return raw }
        let filtered = mine.compare(theirs)
        return filtered == .before || filtered == .after ? filtered : raw
    }

    /// With sorted keys, as both lines write it.
    package var json: [UInt8] {
        var writer = JSONWriter()
        writer.object { for (key, counter) in sorted { $0.member(key, counter) } }
        return writer.bytes
    }

    var sorted: [(String, UInt64)] {
        counters.sorted { isBefore($0.key, $1.key) }.map { ($0.key, $0.value) }
    }
}

/// Byte order, which is how SQLite and both lines sort texts.
func isBefore(_ a: String, _ b: String) -> Bool { a.utf8.lexicographicallyPrecedes(b.utf8) }
