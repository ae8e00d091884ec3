/// The 32 bytes of a SHA-256.
public struct Digest: Hashable, Sendable {
    let a, b, c, d: UInt64

    /// 32 zero bytes: at or below every digest.
    package static let lowest = Digest(0, 0, 0, 0)

    /// Of four words, each the number that eight bytes make, the first of them the most significant.
    package init(_ a: UInt64, _ b: UInt64, _ c: UInt64, _ d: UInt64) {
        self.a = a
        self.b = b
        self.c = c
        self.d = d
    }

    /// The number of bytes of every digest.
    package static let length = 32

    /// `nil` unless there are exactly 32 bytes.
    package init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == Digest.length else { return nil }
        // An array first: walking an unknown collection byte by byte looks its type up at every byte.
        self.init(span: Array(bytes).span)
    }

    /// `nil` unless there are exactly 32 bytes.
    package init?(span bytes: Span<UInt8>) {
        guard bytes.count == Digest.length else { return nil }
        func word(_ start: Int) -> UInt64 {
            var word: UInt64 = 0
            for place in start..<start + 8 { word = word << 8 | UInt64(bytes[place]) }
            return word
        }
        self.init(word(0), word(8), word(16), word(24))
    }

    /// Reads 64 hexadecimal digits; `nil` for anything else.
    package init?(hex: some StringProtocol) {
        let digits = Array(hex.utf8)
        guard digits.count == 2 * Digest.length else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let upper = hexValue(digits[index]), let lower = hexValue(digits[index + 1]) else { return nil }
            bytes.append(upper << 4 | lower)
        }
        self.init(bytes)
    }

    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Digest.length)
        append(to: &bytes)
        return bytes
    }

    /// Appends the 32 bytes.
    func append(to bytes: inout [UInt8]) {
        unsafe withUnsafeBytes(of: (a.bigEndian, b.bigEndian, c.bigEndian, d.bigEndian)) {
            unsafe bytes.append(contentsOf: $0)
        }
    }

    /// Writes the 32 bytes into the first 32 places of `bytes`, which must have as many.
    @unsafe package func write(to bytes: UnsafeMutableBufferPointer<UInt8>) {
        unsafe withUnsafeBytes(of: (a.bigEndian, b.bigEndian, c.bigEndian, d.bigEndian)) {
            unsafe UnsafeMutableRawBufferPointer(bytes).copyMemory(from: $0)
        }
    }

    /// 64 lower-case hexadecimal digits.
    public var hex: String { hexadecimal(bytes) }
}

extension Digest: Comparable {
    public static func < (x: Digest, y: Digest) -> Bool { (x.a, x.b, x.c, x.d) < (y.a, y.b, y.c, y.d) }
}

extension Digest: CustomStringConvertible {
    public var description: String { hex }
}

/// How Core asks for a SHA-256: it has no hash of its own, so whoever composes it gives one.
package typealias SHA256 = @Sendable ([UInt8]) -> Digest

/// Lower-case hexadecimal digits, two a byte.
package func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for byte in bytes {
        text.append(digits[Int(byte >> 4)])
        text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
}

/// The value of one hexadecimal digit of either case.
func hexValue(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 0x30...0x39: digit - 0x30
    case 0x41...0x46: digit - 0x41 + 10
    case 0x61...0x66: digit - 0x61 + 10
    default: nil
    }
}
