/// A hash that is slow on purpose, given as a function: `nil` where there is no memory for it.
package typealias SlowHash = @Sendable (_ password: [UInt8], _ salt: [UInt8], _ cost: SlowHashCost, _ length: Int) -> [UInt8]?

/// What one slow hash (scrypt, RFC 7914) costs: `blocks` × `blockSize` × 128 bytes of memory, and the time to fill them.
package struct SlowHashCost: Hashable, Sendable {
    package var blocks: Int
    package var blockSize: Int
    package var lanes: Int

    package init(blocks: Int, blockSize: Int, lanes: Int) {
        self.blocks = blocks
        self.blockSize = blockSize
        self.lanes = lanes
    }

    package var bytes: Int { 128 * blocks * blockSize }
}

/// Six words for two nodes: the same on both, for these two identities and keys and for no others.
///
/// They depend on nothing else, so each side finds them alone, in any order and at any time. A person who sees the same
/// words on both nodes knows that each of them means the other, and no third. They are 66 bits of a slow hash: whoever
/// stands between and may choose keys for both sides has to find two of his that meet (decision 0096).
package struct PairingPhrase: Hashable, Sendable {
    /// One of the two nodes.
    package struct Side: Hashable, Sendable {
        package var id: ULID
        package var key: PublicKey

        package init(id: ULID, key: PublicKey) {
            self.id = id
            self.key = key
        }

        fileprivate var line: [UInt8] { Array("\(id) \(key.text)\n".utf8) }
    }

    package static let wordCount = 6
    /// Tells this use of the hash from every other, and this way of making words from any later one.
    package static let salt = Array("federation-pairing-v1".utf8)
    /// 64 MiB.
    package static let cost = SlowHashCost(blocks: 1 << 16, blockSize: 8, lanes: 1)
    private static let bitsPerWord = 11
    package static let hashLength = (wordCount * bitsPerWord + 7) / 8

    package let words: [String]

    /// - Returns: `nil` where there was no memory for the hash.
    package init?(_ one: Side, _ other: Side, hash: SlowHash) {
        let bytes = hash(PairingPhrase.password(one, other), PairingPhrase.salt, PairingPhrase.cost, PairingPhrase.hashLength)
        guard let bytes, bytes.count == PairingPhrase.hashLength else { return nil }
        self.init(hash: bytes)
    }

    /// The words of a hash: its bits from the first on, eleven for each.
    package init(hash: [UInt8]) {
        words = (0..<PairingPhrase.wordCount).map { word in
            var index = 0
            for bit in word * PairingPhrase.bitsPerWord..<(word + 1) * PairingPhrase.bitsPerWord {
                index = index << 1 | Int(hash[bit / 8] >> (7 - UInt8(bit % 8)) & 1)
            }
            return String(PairingWords.all[index])
        }
    }

    /// What is hashed: a line for each side, in order of their bytes, so that both sides hash the same.
    package static func password(_ one: Side, _ other: Side) -> [UInt8] {
        let (a, b) = (one.line, other.line)
        return a.lexicographicallyPrecedes(b) ? a + b : b + a
    }

    package var text: String { words.joined(separator: " ") }

    /// Whether somebody has written these words: in this order, whatever stands between them, in any case.
    package func isWritten(as text: String) -> Bool {
        let written = text.utf8.split { !$0.isLetter }.map { String(decoding: $0.map { $0 | 0x20 }, as: UTF8.self) }
        return written == words
    }
}

extension UInt8 {
    fileprivate var isLetter: Bool { (0x61...0x7A).contains(self | 0x20) }
}
