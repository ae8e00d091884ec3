/// The sum of ids modulo 2^256, each read as a little-endian number: what a range's fingerprint is made of.
///
/// Sums can be added and taken from each other, so a store can keep them per block or per subtree.
public struct IDSum: Hashable, Sendable {
    /// The number, least significant limb first.
    private var limb0, limb1, limb2, limb3: UInt64

    /// The sum of no ids.
    public init() {
        limb0 = 0
        limb1 = 0
        limb2 = 0
        limb3 = 0
    }

    public init(_ id: ItemID) {
        limb0 = id.word0.byteSwapped
        limb1 = id.word1.byteSwapped
        limb2 = id.word2.byteSwapped
        limb3 = id.word3.byteSwapped
    }

    public static func += (a: inout IDSum, b: IDSum) {
        let carry0: Bool, carry1a: Bool, carry1b: Bool, carry2a: Bool, carry2b: Bool
        (a.limb0, carry0) = a.limb0.addingReportingOverflow(b.limb0)
        (a.limb1, carry1a) = a.limb1.addingReportingOverflow(b.limb1)
        (a.limb1, carry1b) = a.limb1.addingReportingOverflow(carry0 ? 1 : 0)
        (a.limb2, carry2a) = a.limb2.addingReportingOverflow(b.limb2)
        (a.limb2, carry2b) = a.limb2.addingReportingOverflow(carry1a || carry1b ? 1 : 0)
        a.limb3 = a.limb3 &+ b.limb3 &+ (carry2a || carry2b ? 1 : 0)
    }

    public static func -= (a: inout IDSum, b: IDSum) {
        let borrow0: Bool, borrow1a: Bool, borrow1b: Bool, borrow2a: Bool, borrow2b: Bool
        (a.limb0, borrow0) = a.limb0.subtractingReportingOverflow(b.limb0)
        (a.limb1, borrow1a) = a.limb1.subtractingReportingOverflow(b.limb1)
        (a.limb1, borrow1b) = a.limb1.subtractingReportingOverflow(borrow0 ? 1 : 0)
        (a.limb2, borrow2a) = a.limb2.subtractingReportingOverflow(b.limb2)
        (a.limb2, borrow2b) = a.limb2.subtractingReportingOverflow(borrow1a || borrow1b ? 1 : 0)
        a.limb3 = a.limb3 &- b.limb3 &- (borrow2a || borrow2b ? 1 : 0)
    }

    public static func += (a: inout IDSum, id: ItemID) { a += IDSum(id) }

    public static func -= (a: inout IDSum, id: ItemID) { a -= IDSum(id) }

    public static func + (a: IDSum, b: IDSum) -> IDSum {
        var result = a
        result += b
        return result
    }

    public static func - (a: IDSum, b: IDSum) -> IDSum {
        var result = a
        result -= b
        return result
    }

    /// The 32 little-endian bytes, then the number of ids as a varint: what is hashed (wire section 1.4).
    func preimage(count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(42)
        let id = ItemID(limb0.byteSwapped, limb1.byteSwapped, limb2.byteSwapped, limb3.byteSwapped)
        id.append(to: &bytes, count: ItemID.length)
        Varint.append(UInt64(clamping: count), to: &bytes)
        return bytes
    }
}

/// Hashes 33 to 42 bytes. The protocol wants SHA-256; its first 16 bytes are used.
///
/// It is called for every fingerprint, from whatever runs the session. A hash of less than 16 bytes is filled up with
/// zeros. Two sides that use different functions find that everything differs.
public typealias HashFunction = @Sendable (_ bytes: [UInt8]) -> [UInt8]

/// What stands for all ids of a range: two ranges are taken to be equal when theirs are.
struct Fingerprint: Equatable, Sendable {
    static let length = 16

    private let high, low: UInt64

    init(_ sum: IDSum, count: Int, hash: HashFunction) {
        var digest = hash(sum.preimage(count: count))
        while digest.count < Fingerprint.length { digest.append(0) }
        self.init(digest, at: 0)
    }

    /// Reads the 16 bytes that start at `offset`; the caller has checked that they are there.
    init(_ message: [UInt8], at offset: Int) {
        high = ItemID.word(message, offset)
        low = ItemID.word(message, offset + 8)
    }

    func append(to bytes: inout [UInt8]) {
        ItemID(high, low, 0, 0).append(to: &bytes, count: Fingerprint.length)
    }
}
