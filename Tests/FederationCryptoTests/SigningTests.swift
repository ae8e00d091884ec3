import FederationCore
import Testing

@testable import FederationCrypto

/// Vector (B) of Noema section 8.4.
enum NoemaVector {
    static let seed = [UInt8](0..<32)
    static let publicKey = "ed25519:A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
    static let preimage = bytes(
        """
        6e6f656d612d6576656e742d7369672d76310a0000001a303148563030303030303030303030303030303030303030304100\
        0000067570646174650000001832303236303630392d7768792d77652d63686f73652d676f0000001a303148563030303030\
        30303030303030303030303030304354580000000f72657365617263682d636f7274657800000014323032362d30362d3039\
        5431343a32333a30305a0000004b0000001a3031485630303030303030303030303030303030303030435458000000000000\
        000700000019303148563030303030303030303030303030303030504545520000000000000003000000204d0fd675ea7e73\
        b2d8fd3c60587aaadd40e43299b517b20a571ea37311035cab
        """)
    static let signature =
        "ed25519:LVlBUKtvX8w3aDxYz8elSfQ157YZROmVeWdOVRCL3eOTC/SMeWqoX0zipiPx8ExUzqlSxoYJzASJlg/kFvYVCA=="

    static func bytes(_ hex: String) -> [UInt8] {
        let digits = hex.compactMap(\.hexDigitValue)
        return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}

@Test func noemasVectorIsSignedAndVerified() throws {
    let key = try SigningKey(seed: NoemaVector.seed)
    #expect(key.publicKey.description == NoemaVector.publicKey)
    #expect(NoemaVector.preimage.count == 275)
    #expect(
        sha256(NoemaVector.preimage).hex == "7f9984d6460be7ee7a8806b697beed2fbfa48e18356e70ead8da583a12f2670c")
    let signature = try #require(Signature(NoemaVector.signature))
    #expect(key.sign(NoemaVector.preimage) == signature)
    #expect(key.publicKey.verify(signature, of: NoemaVector.preimage))
}

@Test func noemasPublishedFixtureVerifies() throws {
    // Vector (A) of Noema section 8.4; its preimage is put together as section 8.2 says.
    func field(_ bytes: [UInt8]) -> [UInt8] {
        let count = UInt32(bytes.count)
        return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: count >> $0) } + bytes
    }
    let data = """
        {"title":"network-rust-create","type":"fact","author":"test","tags":["network"],"origin":"rust-source",\
        "tier":"short","body":"created by the Rust implementation",\
        "content_hash":"sha256:4ab6c6ce318973fb3f99cd552ad4bc8eda13e8cf4fbf307fdb5bf045b4ac3bf1"}
        """
    let cortex = "01M01NJPQ0A6W5Z2JC3V867G0G"
    var preimage = Array("noema-event-sig-v1\n".utf8)
    for text in [
        "01M01NJPRMG2F25DEGFG3BEZKR", "create", "20260815-network-rust-create", cortex, "rust-source",
        "2026-08-15T02:56:22Z",
    ] {
        preimage += field(Array(text.utf8))
    }
    preimage += field(field(Array(cortex.utf8)) + [0, 0, 0, 0, 0, 0, 0, 1])
    preimage += field(sha256(Array(data.utf8)).bytes)
    #expect(sha256(preimage).hex == "3e2bd96f56c0a38137f88531c803ecd9c307f456d8c980e4f7c8a36e5463f860")

    let key = try #require(VerifyingKey("ed25519:LB+0jMLPWjc+6yXzZFm8KOGQCwjA2YzdGgbNEfcDCJo="))
    let signature = try #require(
        Signature("ed25519:1nXkQ+QwIPuEkaTqkdk9A2tSm4MwOwjW4gkEh4trKF1VRf8bRfyfFyEU1Xrw5T2/+ewtC5T/Ab7TREZk9qRAAQ=="))
    #expect(key.verify(signature, of: preimage))
}

@Test func oneChangedBitIsNotVerified() throws {
    let key = try #require(VerifyingKey(NoemaVector.publicKey))
    let signature = try #require(Signature(NoemaVector.signature))
    for index in [0, 100, 274] {
        var message = NoemaVector.preimage
        message[index] ^= 1
        #expect(!key.verify(signature, of: message))
    }
    for index in 0..<Signature.length {
        var bytes = signature.bytes
        bytes[index] ^= 0x80
        #expect(try !key.verify(#require(Signature(bytes: bytes)), of: NoemaVector.preimage))
    }
    #expect(key.verify(signature, of: NoemaVector.preimage), "a mismatch must not spoil the next answer")
}

@Test func theEmptyMessageIsSignedAsRFC8032Says() throws {
    // Test 1 of RFC 8032, section 7.1.
    let seed = NoemaVector.bytes("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    let key = try SigningKey(seed: seed)
    let signature = key.sign([])
    #expect(
        hexadecimal(signature.bytes) == """
            e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0\
            595bbe24655141438e7a100b
            """)
    #expect(key.publicKey.verify(signature, of: []))
    #expect(!key.publicKey.verify(signature, of: [0]))
}

@Test func libcryptoHasTheLastWord() throws {
    // A key and a point that are the neutral element: S·B - h·A is that element again, whatever was signed. libsodium
    // refuses such a key; a node that has always accepted it would differ from one that does not.
    let neutral: [UInt8] = [1] + [UInt8](repeating: 0, count: 31)
    let key = try #require(VerifyingKey(bytes: neutral))
    let signature = try #require(Signature(bytes: neutral + [UInt8](repeating: 0, count: 32)))
    #expect(key.verify(signature, of: [1, 2, 3]))
    // And S is below the order of the group (RFC 8032, 5.1.7), or else there would be a second signature to each.
    let order = NoemaVector.bytes("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010")
    #expect(try !key.verify(#require(Signature(bytes: neutral + order)), of: [1, 2, 3]))
}

@Test func whatOnlySomeVerifiersAcceptIsRefused() throws {
    #expect(FastVerification.isExact, "this libsodium is used at all")
    for (vector, isAccepted) in [
        (FastVerification.honest, true), (FastVerification.cofactored, false), (FastVerification.unreduced, false),
    ] {
        let key = try #require(VerifyingKey(vector.key.description))
        let signature = try #require(Signature(vector.signature.description))
        #expect(key.verify(signature, of: FastVerification.message) == isAccepted)
    }
}

@Test func generatedKeysDiffer() throws {
    let first = try SigningKey.generate()
    let second = try SigningKey.generate()
    #expect(first.publicKey != second.publicKey)
    let signature = first.sign([1, 2, 3])
    #expect(first.publicKey.verify(signature, of: [1, 2, 3]))
    #expect(!second.publicKey.verify(signature, of: [1, 2, 3]))
}

@Test func aSeedOfAnotherLengthIsRefused() {
    for count in [0, 31, 33, 64] {
        #expect(throws: CryptoFailure.seedLength(count)) { try SigningKey(seed: [UInt8](repeating: 7, count: count)) }
    }
}

@Test func aSigningKeyShowsNothingOfItself() throws {
    let key = try SigningKey(seed: NoemaVector.seed)
    #expect("\(key)" == "<hidden>")
    #expect(String(reflecting: key) == "<hidden>")
    var dumped = ""
    dump(key, to: &dumped)
    #expect(dumped == "- <hidden> #0\n")
}

@Test func aKeyIsSharedBetweenThreads() async throws {
    let key = try SigningKey.generate()
    await withTaskGroup(of: Bool.self) { group in
        for number in 0..<64 {
            group.addTask {
                let message = [UInt8(number)]
                return key.publicKey.verify(key.sign(message), of: message) && sha256(message) != sha256([])
            }
        }
        for await outcome in group { #expect(outcome) }
    }
}

@Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ("{}", "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"),
    (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
])
func sha256AnswersTheKnownVectors(text: String, hex: String) {
    #expect(sha256(Array(text.utf8)).hex == hex)
}

@Test func randomBytesHaveTheAskedCount() {
    var random = SystemRandom()
    for count in [0, 1, 7, 8, 9, 32] { #expect(random.bytes(count).count == count) }
    #expect(random.bytes(32) != random.bytes(32))
}
