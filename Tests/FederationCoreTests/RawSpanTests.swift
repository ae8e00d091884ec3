import Testing

@testable import FederationCore

/// Whatever byte stands wherever in a word of eight or behind the last one, also beside another such.
@Test func plainTextEndsAtTheFirstByteThatIsNone() {
    func isPlain(_ byte: UInt8) -> Bool { (0x20...0x7F).contains(byte) && byte != 0x22 && byte != 0x5C }
    for byte in UInt8.min ... .max {
        for count in [1, 7, 8, 9, 17, 19] {
            for place in 0..<count {
                var text = [UInt8](repeating: 0x61, count: count)
                text[place] = byte
                if place + 1 < count { text[place + 1] = byte ^ 1 }
                for start in 0...count {
                    let expected = text[start...].firstIndex { !isPlain($0) } ?? count
                    #expect(text.span.bytes.endOfPlainText(from: start) == expected)
                }
            }
        }
    }
}

@Test func aNewlineIsFoundWhereverItStands() {
    for byte in UInt8.min ... .max {
        for place in 0..<19 {
            var text = [UInt8](repeating: byte, count: 19)
            text[place] = 0x0A
            for start in 0...19 {
                #expect(text.span.bytes.firstNewline(from: start) == text[start...].firstIndex(of: 0x0A))
            }
        }
    }
}
