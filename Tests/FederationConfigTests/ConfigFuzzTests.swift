import FederationConfig
import FederationCore
import Testing

/// xorshift64*: the same numbers on every run and machine.
struct SeededNumbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return state &* 0x2545_F491_4F6C_DD1D
    }
}

@Suite struct ConfigFuzzTests {
    private static let pieces: [[UInt8]] =
        [
            "\n", "\r\n", "\r", "\t", " ", "  ", "- ", ": ", ":", "? ", "#", " #", "[", "]", "{", "}", ",", "&a ", "*a",
            "!!x ", "|", ">-\n", "---\n", "...\n", "%YAML 1.1\n", "%TAG ! x\n", "'", "\"", "\\", "\\x00", "\\u202E",
            "~",
            "<<: ", "@", "9223372036854775808", "-", "0", "h", "ms", "peers", "peers:\n", "peers: []\n", "name: ",
            "http://[::1]:1/", "[::1]:1", "ä", "日本", "🎉", "\u{FEFF}", "\u{85}", "\u{2028}", "\0", "\u{1B}[31m",
        ].map { Array($0.utf8) } + [[0xFF], [0xC3], [0xE2, 0x82], [0xED, 0xA0, 0x80]]

    private static func mutated(_ text: [UInt8], using random: inout SeededNumbers) -> [UInt8] {
        var text = text
        for _ in 0..<Int.random(in: 1...6, using: &random) {
            let at = Int.random(in: 0...text.count, using: &random)
            let end = min(text.count, at + Int.random(in: 0...12, using: &random))
            switch Int.random(in: 0..<6, using: &random) {
            case 0: text.insert(UInt8.random(in: 0...255, using: &random), at: at)
            case 1: text.removeSubrange(at..<end)
            case 2: text.insert(contentsOf: text[at..<end], at: Int.random(in: 0...text.count, using: &random))
            case 3: text.removeSubrange(at...)
            default: text.insert(contentsOf: pieces.randomElement(using: &random) ?? [], at: at)
            }
        }
        return text
    }

    /// 20,000 texts, each a valid one with up to six changes. A failing run repeats exactly.
    @Test func whateverTheBytesReadingAndEditingThemDoNotTrap() throws {
        var random = SeededNumbers(state: 0x5EED)
        let peer = Config.Peer(name: "omega", endpoint: try Endpoint("http://[::1]:4999/x"))
        let texts = ConfigEditorTests.layouts.map { Array($0.before.utf8) }
        var valid = 0
        var edited = 0
        for round in 0..<20_000 {
            let text = Self.mutated(texts[round % texts.count], using: &random)
            switch Config.decode(text) {
            case .failure(let problems):
                #expect(!problems.problems.isEmpty)
                for line in problems.problems.map(\.line) where line.utf8.contains(where: { $0 < 0x20 }) {
                    Issue.record("\(line.escapedForTerminal) holds a control character")
                }
            case .success(let decoded):
                valid += 1
                guard let result = try? ConfigEditor(text).appending(peer) else { continue }
                edited += 1
                #expect(try Config.decode(result).get().config.peers.count == decoded.config.peers.count + 1)
            }
        }
        // The changes leave enough whole to say something about editing, and the editor rarely gives up.
        #expect(valid > 1000)
        #expect(edited * 100 > valid * 95, "\(edited) of \(valid)")
    }
}
