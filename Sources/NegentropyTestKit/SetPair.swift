public import Negentropy

/// Two sets to be reconciled, made from a seed.
public struct SetPair: Sendable {
    public var a: [Item]
    public var b: [Item]

    public init(a: [Item], b: [Item]) {
        self.a = a
        self.b = b
    }

    public var swapped: SetPair { SetPair(a: b, b: a) }

    /// What the timestamps and ids of a pair look like.
    public enum Shape: String, CaseIterable, Sendable {
        case spread, equalTimestamps, sharedPrefixes, full64Bits, newestDiffer
    }

    /// From nearly equal to nothing in common; at most `most` items together.
    public init(_ shape: Shape, most: Int, using numbers: inout SeededNumbers) {
        let all = SetPair.items(Int.random(in: 0...most, using: &numbers), shape, &numbers)
        if shape == .newestDiffer {
            self.init(a: Array(all[..<Int.random(in: 0...all.count, using: &numbers)]), b: all)
            return
        }
        let onlyOne = Int.random(in: 0...50, using: &numbers)
        self.init(a: [], b: [])
        for item in all {
            let place = Int.random(in: 0..<100, using: &numbers)
            if place >= onlyOne { a.append(item) }
            if place < 100 - onlyOne { b.append(item) }
        }
    }

    private static func items(_ count: Int, _ shape: Shape, _ numbers: inout SeededNumbers) -> [Item] {
        let stem = (0..<31).map { _ in UInt8.random(in: 0...255, using: &numbers) }
        return (0..<count).map { index in
            switch shape {
            case .spread, .newestDiffer:
                return Item(timestamp: 1_700_000_000_000 + UInt64(index) * 977, id: numbers.id())
            case .equalTimestamps:
                return Item(timestamp: 1_700_000_000, id: numbers.id())
            case .sharedPrefixes:
                // Ids that agree in up to 25 bytes. The rest is long enough that no two sums are equal by chance.
                let length = Int.random(in: 20...25, using: &numbers)
                let id = ItemID(Array(stem[..<length]) + numbers.id().bytes[length...]) ?? .zero
                return Item(timestamp: UInt64(index / 200), id: id)
            case .full64Bits:
                let edges: [UInt64] = [0, 1, .max - 1, 1 << 63, (1 << 63) - 1, numbers.next() % .max]
                return Item(timestamp: edges[Int.random(in: 0..<edges.count, using: &numbers)], id: numbers.id())
            }
        }
    }

    /// Runs of items that only one side has, as outages leave them.
    public init(runsUpTo most: Int, using numbers: inout SeededNumbers) {
        self.init(a: [], b: [])
        var owner = 2
        for index in 0..<Int.random(in: 0...most, using: &numbers) {
            if Int.random(in: 0..<12, using: &numbers) == 0 { owner = Int.random(in: 0...2, using: &numbers) }
            let item = Item(timestamp: UInt64(index), id: numbers.id())
            if owner != 0 { a.append(item) }
            if owner != 1 { b.append(item) }
        }
    }
}

/// The shape of set on which the reference's truncation can lose differences (wire section 2): one side has much, the
/// other only parts of it and then nothing, so that "nothing" meets "nothing".
public struct DirectedPairs {
    public let a: [Item]
    private let blockLength = 470

    /// - Parameter a: 7,520 items in order, or more.
    public init(over a: [Item]) { self.a = a }

    public init(using numbers: inout SeededNumbers) {
        var timestamp: UInt64 = 1_000_000
        var items: [Item] = []
        for _ in 0..<16 * blockLength {
            timestamp += 1 + numbers.next() % 300
            items.append(Item(timestamp: timestamp, id: numbers.id()))
        }
        a = items
    }

    public func next(using numbers: inout SeededNumbers) -> SetPair {
        var b: [Item] = []
        for block in 0..<4 {
            let count = Int.random(in: 23...30, using: &numbers)
            b += a[block * blockLength + 5..<block * blockLength + 5 + count]
        }
        let missing = Set((0..<4).map { _ in Int.random(in: 0..<blockLength, using: &numbers) })
        b += (0..<blockLength).filter { !missing.contains($0) }.map { a[4 * blockLength + $0] }
        return SetPair(a: a, b: b)
    }
}

/// A frame limit, or none: the smallest, one near it, or any up to a megabyte.
public func anyFrameLimit(using numbers: inout SeededNumbers) -> Int? {
    let smallest = ReconcileSettings.minFrameLimit
    switch Int.random(in: 0..<5, using: &numbers) {
    case 0: return nil
    case 1: return smallest
    case 2: return Int.random(in: smallest...1 << 20, using: &numbers)
    default: return Int.random(in: smallest...12_000, using: &numbers)
    }
}
