import Foundation
import Negentropy
import NegentropyTestKit

/// Two sets of `count` items each, of which `differences` in all are on one side only, half on each.
///
/// Timestamps are random within `count` seconds. The differences are anywhere, or the newest items.
struct BenchSets {
    enum Place: String, CaseIterable { case scattered, newest }

    let count: Int
    let differences: Int
    let place: Place
    let a: [Item]
    let b: [Item]

    init(count: Int, differences: Int, place: Place, seed: UInt64 = 7) {
        self.count = count
        self.differences = differences
        self.place = place
        var numbers = SeededNumbers(seed)
        var items = (0..<count + differences / 2).map { _ in
            Item(timestamp: 1_700_000_000 + numbers.next() % UInt64(count), id: numbers.id())
        }
        if place == .newest { items.sort() }
        // The last ones are the different ones: by chance anywhere, or, once sorted, the newest.
        let common = Array(items[..<(count - differences / 2)])
        let different = items[common.count...]
        a = common + different.enumerated().filter { $0.offset % 2 == 0 }.map(\.element)
        b = common + different.enumerated().filter { $0.offset % 2 == 1 }.map(\.element)
    }

    /// Both sets as files, for whatever measures them in a process of its own: 8 little-endian bytes of timestamp and
    /// 32 of id for each item.
    func write(to directory: URL) throws -> (a: URL, b: URL) {
        let urls = (directory.appendingPathComponent("a"), directory.appendingPathComponent("b"))
        try BenchSets.write(a, to: urls.0)
        try BenchSets.write(b, to: urls.1)
        return urls
    }

    private static func write(_ items: [Item], to url: URL) throws {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(items.count * 40)
        for item in items {
            for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: item.timestamp >> UInt64(8 * shift))) }
            bytes += item.id.bytes
        }
        try Data(bytes).write(to: url)
    }

    static func read(_ path: String) throws -> [Item] {
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        return stride(from: 0, to: bytes.count - 39, by: 40).compactMap { start in
            let timestamp = (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[start + $1]) << UInt64(8 * $1) }
            return ItemID(bytes[(start + 8)..<(start + 40)]).map { Item(timestamp: timestamp, id: $0) }
        }
    }
}
