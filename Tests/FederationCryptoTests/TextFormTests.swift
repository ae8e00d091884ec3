import FederationCrypto
import Testing

private let zeroKey = "ed25519:" + String(repeating: "A", count: 43) + "="

@Test func keysAndSignaturesAreWrittenAsTheyWereRead() throws {
    #expect(try #require(VerifyingKey(NoemaVector.publicKey)).description == NoemaVector.publicKey)
    #expect(try #require(Signature(NoemaVector.signature)).description == NoemaVector.signature)
    #expect(VerifyingKey(zeroKey)?.bytes == [UInt8](repeating: 0, count: 32))
}

@Test func everyRemainderOfThreeSurvivesBase64() throws {
    // 32 bytes leave a remainder of two, 64 of one: the two that are padded.
    var random = SystemRandom()
    for _ in 0..<200 {
        let key = try #require(VerifyingKey(bytes: random.bytes(32)))
        #expect(VerifyingKey(key.description) == key)
        let signature = try #require(Signature(bytes: random.bytes(64)))
        #expect(Signature(signature.description) == signature)
    }
}

@Test func whiteSpaceAroundIsIgnored() {
    #expect(VerifyingKey(" \t\r\n" + NoemaVector.publicKey + "\n")?.description == NoemaVector.publicKey)
    #expect(Signature("\n" + NoemaVector.signature + " ")?.description == NoemaVector.signature)
}

@Test(arguments: [
    "",
    "ed25519:",
    // No prefix, another prefix, white space behind the prefix or inside.
    String(repeating: "A", count: 43) + "=",
    "Ed25519:" + String(repeating: "A", count: 43) + "=",
    "ed25519: " + String(repeating: "A", count: 43) + "=",
    "ed25519:" + String(repeating: "A", count: 20) + "\n" + String(repeating: "A", count: 23) + "=",
    // Padding missing, doubled, in the middle; text behind it.
    "ed25519:" + String(repeating: "A", count: 43),
    "ed25519:" + String(repeating: "A", count: 43) + "==",
    "ed25519:" + String(repeating: "A", count: 42) + "==",
    "ed25519:" + String(repeating: "A", count: 42) + "=A",
    "ed25519:" + String(repeating: "A", count: 43) + "=A",
    // Two bits below the last byte that are not zero: a second spelling of the same key.
    "ed25519:" + String(repeating: "A", count: 42) + "B=",
    // Digits of the URL alphabet, of other scripts, of other lengths.
    "ed25519:" + String(repeating: "A", count: 42) + "_=",
    "ed25519:" + String(repeating: "A", count: 42) + "\u{FF21}=",
    "ed25519:" + String(repeating: "A", count: 44),
    "ed25519:" + String(repeating: "A", count: 47) + "=",
])
func aKeyHasOneSpelling(text: String) {
    #expect(VerifyingKey(text) == nil)
}

@Test func aSignatureIsNotAKeyNorTheOtherWayRound() {
    #expect(VerifyingKey(NoemaVector.signature) == nil)
    #expect(Signature(NoemaVector.publicKey) == nil)
    #expect(Signature(bytes: [UInt8](repeating: 0, count: 63)) == nil)
    #expect(VerifyingKey(bytes: [UInt8](repeating: 0, count: 33)) == nil)
    // Four bits below the last byte of a signature that are not zero.
    #expect(Signature(NoemaVector.signature.replacing("CA==", with: "CB==")) == nil)
}
