import FederationCore
import Testing

@Suite struct ExactTextTests {
    /// Texts that differ at each place from none to past two words, by each other's bytes, prefixes among them.
    private static let texts: [String] = {
        let long = "0123456789abcdefXYZ"
        var texts = ["", "e\u{301}", "\u{e9}", "\u{0}", "\u{0}\u{0}", "\u{7f}", "\u{80}", "\u{10ffff}"]
        for count in 0...long.count {
            texts.append(String(long.prefix(count)))
            texts.append(long.prefix(count) + "\u{1}")
            texts.append(long.prefix(count) + "~" + long.dropFirst(count + 1))
            texts.append(long.prefix(count) + "ü" + long.dropFirst(count + 1))
        }
        return texts
    }()

    @Test func isTheSameAndComesBeforeByItsBytes() {
        for one in ExactTextTests.texts {
            for other in ExactTextTests.texts {
                let (bytes, others) = (Array(one.utf8), Array(other.utf8))
                #expect((ExactText(one) == ExactText(other)) == (bytes == others), "\(bytes) \(others)")
                #expect((ExactText(one) < ExactText(other)) == bytes.lexicographicallyPrecedes(others), "\(bytes) \(others)")
            }
        }
    }
}
