import Negentropy
import NegentropyTestKit
import Testing

@testable import NegentropyHarness

/// The sets of the session vectors, by the formulas that the vectors give.
enum VectorSets {
    static func make(_ vector: VectorTests.Session) throws -> (a: [Item], b: [Item]) {
        if let a = vector.itemsA, let b = vector.itemsB { return (try items(a), try items(b)) }
        switch vector.name {
        case "multi-round":
            let all = (0..<2000).map { item(1_700_000_000 + 7 * UInt64($0 / 3), "negvec-multi-\($0)") }
            return (without(all) { $0 % 401 == 5 }, without(all) { $0 % 503 == 9 })
        case "frame-4096":
            let all = frame
            return (without(all) { $0 % 11 == 4 }, without(all) { $0 % 13 == 6 })
        case "frame-4096-one-sided":
            return (Array(frame.prefix(100)), frame)
        case "frame-4096-truncation-bug":
            return truncation
        default:
            Issue.record("no formula for \(vector.name)")
            return ([], [])
        }
    }

    /// SHA-256 of the sorted ids.
    static func digest(_ ids: Set<ItemID>) -> String {
        Hex.text(SHA256.hash(ids.sorted().flatMap(\.bytes)))
    }

    private static var frame: [Item] {
        (0..<3000).map { item(1_700_000_000 + 2 * UInt64($0), "negvec-frame-\($0)") }
    }

    /// 16 blocks of 470 items against parts of the first five blocks.
    static let truncation: (a: [Item], b: [Item]) = {
        let length = 470
        var timestamp: UInt64 = 1_000_000
        let a = (0..<16 * length).map { index in
            let random = item(0, "negvec-loss-23-t-\(index)").id.bytes
            timestamp += 1 + random.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) } % 300
            return item(timestamp, "negvec-loss-23-\(index)")
        }
        var b: [Item] = []
        for (block, count) in [29, 28, 30, 23].enumerated() { b += a[block * length + 5..<block * length + 5 + count] }
        b += (0..<length).filter { ![282, 319, 364, 467].contains($0) }.map { a[4 * length + $0] }
        return (a, b)
    }()

    private static func without(_ items: [Item], _ isLeftOut: (Int) -> Bool) -> [Item] {
        items.enumerated().filter { !isLeftOut($0.offset) }.map(\.element)
    }

    private static func items(_ rows: [[String]]) throws -> [Item] {
        try rows.map { row in
            let id = try #require(Hex.bytes(row[1]).flatMap { ItemID($0) })
            return Item(timestamp: try #require(UInt64(row[0])), id: id)
        }
    }
}
