import FederationCore
import Testing

@Suite struct EscapingTests {
    @Test(arguments: [
        ("plain text, naïve 日本語 🎉", "plain text, naïve 日本語 🎉"),
        ("", ""),
        ("two\nlines\r\n\ttab", "two\\nlines\\r\\n\\ttab"),
        ("\u{1B}[31mred\u{1B}[0m", "\\u{1B}[31mred\\u{1B}[0m"),
        ("nul\0bell\u{7}del\u{7F}", "nul\\u{0}bell\\u{7}del\\u{7F}"),
        ("c1 \u{9B}31m \u{85}", "c1 \\u{9B}31m \\u{85}"),
        ("back\\slash \\n", "back\\\\slash \\\\n"),
        ("abc\u{202E}fdp.exe\u{2066}\u{200B}\u{FEFF}", "abc\\u{202E}fdp.exe\\u{2066}\\u{200B}\\u{FEFF}"),
        ("\u{2028}\u{2029}\u{A0}\u{AD}", "\\u{2028}\\u{2029}\\u{A0}\\u{AD}"),
        ("\u{E0041}\u{E000}\u{10FFFF}", "\\u{E0041}\\u{E000}\\u{10FFFF}"),
        ("\u{FFFD}", "\u{FFFD}"),
        ("e\u{301}", "e\u{301}"),
    ])
    func whatCouldMoveACursorIsWrittenAsAnEscape(text: String, escaped: String) {
        #expect(Array(text.escapedForTerminal.unicodeScalars) == Array(escaped.unicodeScalars))
    }

    @Test func noScalarComesThroughThatCouldEndALine() {
        for value in UInt32(0)...0x2FFFF {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let escaped = String(scalar).escapedForTerminal
            #expect(!escaped.isEmpty)
            for shown in escaped.unicodeScalars where shown.value < 0x20 || (0x7F...0x9F).contains(shown.value) {
                Issue.record("U+\(String(value, radix: 16)) came through")
            }
        }
    }

    @Test func aLongTextIsCutBeforeAnEscapeNotInsideOne() {
        #expect("abcdef".escapedForTerminal(limit: 6) == "abcdef")
        #expect("abcdefg".escapedForTerminal(limit: 6) == "abcdef…")
        #expect("abcd\u{1B}".escapedForTerminal(limit: 6) == "abcd…")
        #expect("\u{1B}".escapedForTerminal(limit: 0) == "…")
        #expect("".escapedForTerminal(limit: 0) == "")
    }
}
