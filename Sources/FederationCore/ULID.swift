/// A 128-bit identifier that sorts by time: 48 bits of Unix milliseconds, then 80 bits of randomness.
///
/// Its text is 26 characters of upper-case Crockford base 32 (Noema section 1.3); text order, value order and time
/// order are the same. Only the canonical spelling is accepted: lower case, the letters I L O U, and a first
/// character above `7` (which would need a 129th bit) are not ULIDs.
public struct ULID: Hashable, Sendable {
    /// The milliseconds in the upper 48 bits, then the first 16 random bits.
    public let high: UInt64
    /// The last 64 random bits.
    public let low: UInt64

    /// The number of characters of every ULID.
    package static let length = 26

    /// The largest millisecond count a ULID can carry: the year 10889.
    package static let maxMilliseconds: Int64 = 0xFFFF_FFFF_FFFF

    package static let min = ULID(high: 0, low: 0)
    package static let max = ULID(high: .max, low: .max)

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// The ULID of a time and 80 random bits: `random.0` gives its low 16 bits, `random.1` all 64.
    ///
    /// A time before 1970 or past `maxMilliseconds` is clamped.
    package init(milliseconds: Int64, random: (UInt64, UInt64)) {
        let clamped = UInt64(Swift.min(Swift.max(milliseconds, 0), ULID.maxMilliseconds))
        self.init(high: clamped << 16 | (random.0 & 0xFFFF), low: random.1)
    }

    /// The smallest ULID of a millisecond: every id of that time or later is at or above it.
    package init(floorOf time: WallTime) {
        self.init(milliseconds: time.milliseconds, random: (0, 0))
    }

    /// A fresh ULID at `time`.
    package init(at time: WallTime, using random: inout some RandomNumberGenerator) {
        self.init(milliseconds: time.milliseconds, random: (random.next(), random.next()))
    }

    /// Reads the canonical 26 characters; `nil` for anything else.
    public init?(_ text: some StringProtocol) { self.init(String(text)) }

    /// Reads the canonical 26 characters; `nil` for anything else.
    public init?(_ text: String) { self.init(characters: text.utf8.span) }

    /// Reads the canonical 26 characters; `nil` for anything else.
    package init?(characters: Span<UInt8>) {
        guard characters.count == ULID.length else { return nil }
        var high: UInt64 = 0
        var low: UInt64 = 0
        for place in characters.indices {
            guard let digit = ULID.digit(of: characters[place]) else { return nil }
            if place == 0, digit > 7 { return nil }
            high = high << 5 | low >> 59
            low = low << 5 | digit
        }
        self.init(high: high, low: low)
    }

    /// How many characters of a ULID stand for its time.
    package static let timeLength = 10

    /// The Unix milliseconds that the first ten characters of a ULID stand for; `nil` for anything else.
    package static func milliseconds(characters: Span<UInt8>) -> UInt64? {
        guard characters.count == timeLength else { return nil }
        var milliseconds: UInt64 = 0
        for place in characters.indices {
            guard let digit = digit(of: characters[place]), place > 0 || digit <= 7 else { return nil }
            milliseconds = milliseconds << 5 | digit
        }
        return milliseconds
    }

    /// Unix milliseconds.
    public var milliseconds: Int64 { Int64(high >> 16) }

    public var time: WallTime { WallTime(milliseconds: milliseconds) }

    /// The next ULID in order, or `nil` after the last one.
    public var successor: ULID? {
        let (nextLow, carry) = low.addingReportingOverflow(1)
        guard carry else { return ULID(high: high, low: nextLow) }
        let (nextHigh, overflow) = high.addingReportingOverflow(1)
        return overflow ? nil : ULID(high: nextHigh, low: nextLow)
    }

    private static let alphabet: StaticString = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

    private static func digit(of byte: UInt8) -> UInt64? {
        switch byte {
        case 0x30...0x39: UInt64(byte - 0x30)
        case 0x41...0x48: UInt64(byte - 0x41) + 10  // A to H
        case 0x4A, 0x4B: UInt64(byte - 0x4A) + 18  // J K
        case 0x4D, 0x4E: UInt64(byte - 0x4D) + 20  // M N
        case 0x50...0x54: UInt64(byte - 0x50) + 22  // P to T
        case 0x56...0x5A: UInt64(byte - 0x56) + 27  // V to Z
        default: nil
        }
    }
}

extension ULID: Comparable {
    public static func < (a: ULID, b: ULID) -> Bool { a.high == b.high ? a.low < b.low : a.high < b.high }
}

extension ULID: CustomStringConvertible {
    public var description: String {
        unsafe String(unsafeUninitializedCapacity: ULID.length) { characters in
            unsafe write(to: characters)
            return ULID.length
        }
    }

    /// Appends the 26 characters.
    package func append(to text: inout [UInt8]) {
        unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: ULID.length) { characters in
            unsafe write(to: characters)
            unsafe text.append(contentsOf: characters)
        }
    }

    /// Writes the 26 characters into the first 26 places of `characters`, which must have as many.
    @unsafe package func write(to characters: UnsafeMutableBufferPointer<UInt8>) {
        // From the last character on, each of the lowest five bits, which no place of the alphabet lies beyond.
        let alphabet = unsafe ULID.alphabet.utf8Start
        var (high, low) = (high, low)
        for index in stride(from: ULID.length - 1, through: 0, by: -1) {
            unsafe characters.initializeElement(at: index, to: alphabet[Int(low & 31)])
            low = high << 59 | low >> 5
            high >>= 5
        }
    }
}
