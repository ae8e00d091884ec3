/// A number of bytes as configurations say it.
public struct ByteCount: Hashable, Comparable, Sendable {
    public var bytes: Int64

    package init(_ bytes: Int64) { self.bytes = bytes }

    public static func < (a: ByteCount, b: ByteCount) -> Bool { a.bytes < b.bytes }

    private static let units: [(name: String, bytes: Int64)] = [
        ("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1000),
        ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1),
    ]

    /// Reads `<digits>` and a unit: `KB`, `MB`, `GB`, `TB` are powers of 1000, `KiB`, `MiB`, `GiB`, `TiB` of 1024.
    /// Numbers too large to hold saturate, so that a bound refuses them.
    ///
    /// - Throws: `.notASize`, or `.sizeWithoutUnit` for digits alone.
    init(configured text: String) throws(ConfigProblem.Reason) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard !digits.isEmpty else { throw .notASize(text) }
        let unit = text.dropFirst(digits.count)
        guard !unit.isEmpty else { throw .sizeWithoutUnit(text) }
        guard let known = ByteCount.units.first(where: { $0.name == unit }) else { throw .notASize(text) }
        let (product, overflow) = (Int64(digits) ?? .max).multipliedReportingOverflow(by: known.bytes)
        self.init(overflow ? .max : product)
    }

    /// The shortest of `2GB`, `512MiB` and the like that says it exactly.
    public var shortText: String {
        let exact = ByteCount.units.filter { bytes % $0.bytes == 0 && bytes >= $0.bytes }
        guard let unit = exact.max(by: { $0.bytes < $1.bytes }) else { return "\(bytes)B" }
        return "\(bytes / unit.bytes)\(unit.name)"
    }
}

extension ValueReader where Value == ByteCount {
    package static func size(in range: ClosedRange<ByteCount>) -> ValueReader {
        ValueReader { (text) throws(ConfigProblem.Reason) in
            let size = try ByteCount(configured: text)
            guard range.contains(size) else { throw .sizeOutOfRange(range) }
            return size
        }
    }
}
