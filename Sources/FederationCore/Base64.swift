/// Standard base64 with padding (RFC 4648, 4), of which every byte string has exactly one spelling.
///
/// libcrypto's decoder skips white space and ignores stray bits; two spellings of one key would be two keys to
/// whoever compares text.
package enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let pad = UInt8(ascii: "=")

    package static func encode(_ bytes: [UInt8]) -> [UInt8] {
        let alphabet = alphabet
        var text: [UInt8] = []
        // The whole at once: growing would leave copies of a secret behind in freed memory.
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var place = 0
        while place < bytes.count {
            let count = min(bytes.count - place, 3)
            var bits = UInt32(bytes[place]) << 16
            if count > 1 { bits |= UInt32(bytes[place + 1]) << 8 }
            if count > 2 { bits |= UInt32(bytes[place + 2]) }
            text.append(alphabet[Int(bits >> 18)])
            text.append(alphabet[Int(bits >> 12 & 63)])
            text.append(count > 1 ? alphabet[Int(bits >> 6 & 63)] : pad)
            text.append(count > 2 ? alphabet[Int(bits & 63)] : pad)
            place += 3
        }
        return text
    }

    /// `nil` unless `text` is what `encode` makes of `count` bytes.
    package static func decode(_ text: [UInt8], count: Int) -> [UInt8]? { decode(text[...], count: count) }

    /// The same of a part of a text.
    package static func decode(_ text: ArraySlice<UInt8>, count: Int) -> [UInt8]? {
        guard text.count == (count + 2) / 3 * 4 else { return nil }
        let padding = (3 - count % 3) % 3
        var bytes: [UInt8] = []
        // The whole at once: growing would leave copies of a secret behind in freed memory.
        bytes.reserveCapacity(count)
        let values = values
        let whole = text.endIndex - (padding > 0 ? 4 : 0)
        var place = text.startIndex
        while place < whole {
            let (a, b) = (values[Int(text[place])], values[Int(text[place + 1])])
            let (c, d) = (values[Int(text[place + 2])], values[Int(text[place + 3])])
            guard a | b | c | d < 64 else { return nil }
            bytes.append(a << 2 | b >> 4)
            bytes.append(b << 4 | c >> 2)
            bytes.append(c << 6 | d)
            place += 4
        }
        guard padding > 0 else { return bytes }
        let (a, b) = (values[Int(text[place])], values[Int(text[place + 1])])
        let c = padding == 1 ? values[Int(text[place + 2])] : 0
        let stray = padding == 1 ? c & 3 : b & 15
        guard a | b | c < 64, stray == 0, text.suffix(padding).allSatisfy({ $0 == pad }) else { return nil }
        bytes.append(a << 2 | b >> 4)
        if padding == 1 { bytes.append(b << 4 | c >> 2) }
        return bytes
    }

    /// What each byte stands for; 255 where it is no digit.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 255, count: 256)
        for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
        return values
    }()
}

extension [UInt8] {
    /// Without leading and trailing ASCII white space.
    package func trimmingWhitespace() -> ArraySlice<UInt8> {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
        let rest = drop(while: isSpace)
        guard let last = rest.lastIndex(where: { !isSpace($0) }) else { return [] }
        return rest[...last]
    }
}
