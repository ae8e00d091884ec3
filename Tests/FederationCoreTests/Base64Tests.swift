import FederationCore
import Testing

@Test(arguments: [
    // RFC 4648, 10.
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
    ("foobar", "Zm9vYmFy"),
])
func theExamplesOfBase64(bytes: String, text: String) {
    #expect(Base64.encode(Array(bytes.utf8)) == Array(text.utf8))
    #expect(Base64.decode(Array(text.utf8), count: bytes.utf8.count) == Array(bytes.utf8))
}

/// Whatever byte stands wherever: what is decoded has no other spelling, and what has one is decoded.
@Test(arguments: 1...7)
func whatIsDecodedHasOneSpelling(count: Int) {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 * 37 + 251) }
    let text = Base64.encode(bytes)
    #expect(Base64.decode(text, count: count) == bytes)
    #expect(Base64.decode(text, count: count + 1) == nil && Base64.decode(text, count: count - 1) == nil)
    for place in text.indices {
        for byte in UInt8.min ... .max {
            var changed = text
            changed[place] = byte
            let decoded = Base64.decode(changed, count: count)
            if let decoded { #expect(Base64.encode(decoded) == changed) }
            let isDigit = alphabet.contains(byte)
            if !isDigit && byte != text[place] { #expect(decoded == nil) }
            if isDigit && count % 3 == 0 { #expect(decoded != nil) }
        }
    }
}

private let alphabet = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
