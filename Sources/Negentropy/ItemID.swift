/// The 32 bytes that name an item, compared as unsigned bytes from the first one on.
///
/// Usually a SHA-256. Ids must be hashes of content: the fingerprints of the protocol add ids up, so that ids which
/// count up hide each other by chance, and those that somebody may choose freely by intent.
public struct ItemID: Hashable, Sendable {
    /// The bytes in order, eight to a word, the first byte of each word highest: word order is byte order.
    let word0, word1, word2, word3: UInt64

    /// The number of bytes of every id.
    public static let length = 32

    /// The 32 zero bytes, below every other id.
    public static let zero = ItemID(0, 0, 0, 0)

    init(_ word0: UInt64, _ word1: UInt64, _ word2: UInt64, _ word3: UInt64) {
        self.word0 = word0
        self.word1 = word1
        self.word2 = word2
        self.word3 = word3
    }

    /// The id of exactly 32 bytes; `nil` for any other number of them.
    public init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == ItemID.length else { return nil }
        // An array first: walking a collection of another module's type byte by byte looks its type up at every byte.
        self.init(Array(bytes), at: 0)
    }

    /// The first 32 bytes, with zeros after them where there are fewer.
    init(padding bytes: some Sequence<UInt8>) {
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        var index: UInt64 = 0
        for byte in bytes {
            let bits = UInt64(byte) << (56 - 8 * (index & 7))
            switch index >> 3 {
            case 0: words.0 |= bits
            case 1: words.1 |= bits
            case 2: words.2 |= bits
            case 3: words.3 |= bits
            default: break
            }
            index += 1
        }
        self.init(words.0, words.1, words.2, words.3)
    }

    /// Reads the 32 bytes that start at `offset`; the caller has checked that they are there.
    init(_ message: [UInt8], at offset: Int) {
        self.init(
            ItemID.word(message, offset), ItemID.word(message, offset + 8), ItemID.word(message, offset + 16),
            ItemID.word(message, offset + 24))
    }

    /// Eight bytes as a number, the first one highest.
    @inline(__always)
    static func word(_ message: [UInt8], _ start: Int) -> UInt64 {
        var value = UInt64(message[start]) << 56
        value |= UInt64(message[start + 1]) << 48
        value |= UInt64(message[start + 2]) << 40
        value |= UInt64(message[start + 3]) << 32
        value |= UInt64(message[start + 4]) << 24
        value |= UInt64(message[start + 5]) << 16
        value |= UInt64(message[start + 6]) << 8
        return value | UInt64(message[start + 7])
    }

    /// The 32 bytes in order.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(ItemID.length)
        append(to: &bytes, count: ItemID.length)
        return bytes
    }

    /// Appends the first `count` bytes, at most 32.
    func append(to bytes: inout [UInt8], count: Int) {
        append(word0, to: &bytes, count: count)
        append(word1, to: &bytes, count: count - 8)
        append(word2, to: &bytes, count: count - 16)
        append(word3, to: &bytes, count: count - 24)
    }

    @inline(__always)
    private func append(_ word: UInt64, to bytes: inout [UInt8], count: Int) {
        guard count > 0 else { return }
        if count >= 8 {
            // SAFETY: the bytes of a local number, for the length of the call.
            unsafe withUnsafeBytes(of: word.bigEndian) { unsafe bytes.append(contentsOf: $0) }
            return
        }
        for index in 0..<UInt64(count) { bytes.append(UInt8(truncatingIfNeeded: word >> (56 - 8 * index))) }
    }

    /// The first `length` bytes of this id and zeros after them.
    func prefix(_ length: Int) -> ItemID {
        func kept(_ word: UInt64, from start: Int) -> UInt64 {
            let bytes = Swift.min(Swift.max(length - start, 0), 8)
            return bytes == 8 ? word : word & ~(UInt64.max >> UInt64(8 * bytes))
        }
        return ItemID(kept(word0, from: 0), kept(word1, from: 8), kept(word2, from: 16), kept(word3, from: 24))
    }

    /// How many leading bytes this id and another have in common: 32 for equal ids.
    func sharedPrefixLength(with other: ItemID) -> Int {
        if word0 != other.word0 { return (word0 ^ other.word0).leadingZeroBitCount / 8 }
        if word1 != other.word1 { return 8 + (word1 ^ other.word1).leadingZeroBitCount / 8 }
        if word2 != other.word2 { return 16 + (word2 ^ other.word2).leadingZeroBitCount / 8 }
        if word3 != other.word3 { return 24 + (word3 ^ other.word3).leadingZeroBitCount / 8 }
        return ItemID.length
    }
}

extension ItemID: Comparable {
    public static func < (a: ItemID, b: ItemID) -> Bool {
        if a.word0 != b.word0 { return a.word0 < b.word0 }
        if a.word1 != b.word1 { return a.word1 < b.word1 }
        if a.word2 != b.word2 { return a.word2 < b.word2 }
        return a.word3 < b.word3
    }
}

extension ItemID: CustomStringConvertible {
    /// 64 lower-case hexadecimal digits.
    public var description: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
