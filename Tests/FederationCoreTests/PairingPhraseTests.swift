import FederationCore
import FederationCrypto
import Testing

/// Six words for two nodes.
@Suite struct PairingPhraseTests {
    private static let alpha = PairingPhrase.Side(
        id: ULID("01KNJX4991ASW6NNKS9BQHNCGB")!, key: PublicKey("ed25519:A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=")!)
    private static let beta = PairingPhrase.Side(
        id: ULID("01KNJX7Q3W2V9H8D6B5A4C3E2F")!, key: PublicKey("ed25519:LB+0jMLPWjc+6yXzZFm8KOGQCwjA2YzdGgbNEfcDCJo=")!)

    /// As slow as a test can bear: what is hashed is what is looked at.
    private static let quick: SlowHash = { password, salt, _, length in
        Array(sha256(salt + password).bytes.prefix(length))
    }

    // MARK: The list

    @Test func thereAre2048PlainWordsInOrder() {
        let words = PairingWords.all.map(String.init)
        #expect(words.count == 1 << 11 && Set(words).count == words.count)
        #expect(words == words.sorted())
        #expect(words.allSatisfy { (3...7).contains($0.utf8.count) && $0.utf8.allSatisfy { (0x61...0x7A).contains($0) } })
        #expect(Set(words.map { $0.prefix(4) }).count == words.count, "four letters are enough to tell them apart")
    }

    @Test func noWordBecomesAnotherByOneLetter() {
        var seen: [String: Substring] = [:]
        for word in PairingWords.all {
            let letters = Array(word)
            // Two words are one letter apart if they share a pattern with a letter left out, or with one covered.
            var patterns = Set([String(word)])
            for index in letters.indices {
                patterns.insert(String(letters[..<index] + letters[(index + 1)...]))
                patterns.insert(String(letters[..<index] + ["?"] + letters[(index + 1)...]))
            }
            for pattern in patterns {
                #expect(seen[pattern] == nil, "\(word) and \(seen[pattern] ?? "")")
                seen[pattern] = word
            }
        }
    }

    /// Nodes of all versions must show the same words for ever.
    @Test func theListIsTheOneThatWasReleased() {
        let text = PairingWords.all.joined(separator: "\n") + "\n"
        #expect(sha256(Array(text.utf8)).hex == "69357a18d5e73489db365a7b65b96dcd4d38b17aa780a1fd9506eba52af76ea2")
    }

    // MARK: The words

    @Test func theWordsOfTwoKnownNodes() {
        let phrase = PairingPhrase(PairingPhraseTests.alpha, PairingPhraseTests.beta, hash: Scrypt.hash)
        #expect(phrase?.text == "conduct shrimp cascade cavort saga birch")
        #expect(phrase == PairingPhrase(PairingPhraseTests.beta, PairingPhraseTests.alpha, hash: Scrypt.hash))
    }

    @Test func aHashOf66BitsBecomesSixPlaces() {
        let words = PairingWords.all
        #expect(PairingPhrase(hash: [UInt8](repeating: 0, count: 9)).words == Array(repeating: String(words[0]), count: 6))
        #expect(PairingPhrase(hash: [UInt8](repeating: 0xFF, count: 9)).words == Array(repeating: String(words[2047]), count: 6))
        // 00000000001 00000000010 00000000011 00000000100 00000000101 00000000110 and six bits that count for nothing.
        let counted: [UInt8] = [0x00, 0x20, 0x08, 0x01, 0x80, 0x40, 0x0A, 0x01, 0xBF]
        #expect(PairingPhrase(hash: counted).words == (1...6).map { String(words[$0]) })
    }

    @Test func whateverDiffersGivesOtherWords() throws {
        let (alpha, beta) = (PairingPhraseTests.alpha, PairingPhraseTests.beta)
        let words = try #require(PairingPhrase(alpha, beta, hash: PairingPhraseTests.quick))
        var others: Set<PairingPhrase> = [words]
        for other in [
            PairingPhrase.Side(id: beta.id, key: alpha.key), .init(id: alpha.id, key: beta.key),
            .init(id: beta.id, key: PublicKey("ed25519:CL1bqmzrC/Jo404NOwylmpEhfHutd0CsI4sn1xa5JGI=")!),
            .init(id: ULID("01KNJX7Q3W2V9H8D6B5A4C3E2G")!, key: beta.key),
        ] {
            let phrase = try #require(PairingPhrase(alpha, other, hash: PairingPhraseTests.quick))
            #expect(others.insert(phrase).inserted)
        }
    }

    @Test func theOrderOfTheTwoIsNotAsked() {
        let (alpha, beta) = (PairingPhraseTests.alpha, PairingPhraseTests.beta)
        #expect(PairingPhrase.password(alpha, beta) == PairingPhrase.password(beta, alpha))
        let lines = String(decoding: PairingPhrase.password(alpha, beta), as: UTF8.self)
        #expect(lines == "\(alpha.id) \(alpha.key.text)\n\(beta.id) \(beta.key.text)\n")
    }

    @Test func whatAPersonWritesIsReadGenerously() {
        let phrase = PairingPhrase(hash: [UInt8](repeating: 0, count: 9))
        let word = String(PairingWords.all[0])
        for text in [phrase.text, phrase.text.uppercased(), "  " + phrase.words.joined(separator: "-\n"), "1. " + phrase.text] {
            #expect(phrase.isWritten(as: text), "\(text)")
        }
        for text in ["", word, phrase.text + " " + word, String(phrase.text.dropLast()), phrase.text.replacing("a", with: "á")] {
            #expect(!phrase.isWritten(as: text), "\(text)")
        }
    }

    @Test func withoutMemoryThereAreNoWords() {
        #expect(PairingPhrase(PairingPhraseTests.alpha, PairingPhraseTests.beta) { _, _, _, _ in nil } == nil)
        #expect(PairingPhrase.cost.bytes == 64 << 20)
    }
}
