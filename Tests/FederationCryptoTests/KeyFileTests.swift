import FederationCore
import FederationTestKit
import Glibc
import Testing

@testable import FederationCrypto

@Suite struct KeyFileTests {
    private func withFile<Value>(_ text: String, mode: mode_t = 0o600, _ body: (String) throws -> Value) throws -> Value {
        var template = Array("/tmp/federation-key-XXXXXX\0".utf8CString.dropLast())
        let path = template.withUnsafeMutableBufferPointer { name -> String in
            let descriptor = mkstemp(name.baseAddress!)
            _ = Glibc.write(descriptor, text, text.utf8.count)
            fchmod(descriptor, mode)
            close(descriptor)
            return String(cString: name.baseAddress!)
        }
        defer { unlink(path) }
        return try body(path)
    }

    private func text(_ secret: Secret) -> String { secret.withBytes { String(decoding: $0, as: UTF8.self) } }

    @Test func theFingerprintIsNoemas() throws {
        // Noema section 5.2.
        let key = try withFile("ring-secret\r\n") { try KeyFile.readOne($0) }
        #expect(
            key.fingerprint
                == "SHA256:e2:ff:19:2a:44:e8:c3:82:43:3c:4e:37:f0:92:ce:7c:19:48:fb:ef:b8:6f:09:da:a2:97:65:2c:27:20:a7:99")
        #expect("\(key)" == "<hidden>")
        #expect(String(reflecting: key) == "<hidden>")
        #expect(key.digest(after: "Bearer ") == sha256(Array("Bearer ring-secret".utf8)))
    }

    @Test func aFileMayHoldSeveralKeysWhereSeveralAreMeant() throws {
        let keys = try withFile("\n  new-key  \n\nold-key\n") { try KeyFile.read($0) }
        #expect(keys.map(text) == ["new-key", "old-key"])
        #expect(throws: KeyFileFailure.malformed) { try withFile("one\ntwo\n") { try KeyFile.readOne($0) } }
    }

    @Test(arguments: ["", "\n \n", "two words\n", "\u{7F}\n", "caf\u{E9}\n", String(repeating: "k\n", count: 17)])
    func whatHoldsNoKeyIsRefused(_ text: String) {
        #expect(throws: KeyFileFailure.malformed) { try withFile(text) { try KeyFile.read($0) } }
    }

    @Test(arguments: [0o640, 0o604, 0o660, 0o644] as [mode_t])
    func whatOthersCouldHaveReadIsRefused(_ mode: mode_t) {
        #expect(throws: KeyFileFailure.tooWide(mode: mode)) { try withFile("key\n", mode: mode) { try KeyFile.read($0) } }
    }

    @Test func aNewKeyIsReadBackAndNeverReplaced() throws {
        try withFile("") { path in
            #expect(throws: KeyFileFailure.exists) { try KeyFile.make(at: path) }
            unlink(path)
            let made = try KeyFile.make(at: path)
            #expect(made.count == 44)
            #expect(text(try KeyFile.readOne(path)) == text(made))
        }
    }

    @Test func aLongFileIsRefused() {
        #expect(throws: KeyFileFailure.tooLarge(limit: 4096)) {
            try withFile(String(repeating: "k", count: 4097)) { try KeyFile.read($0) }
        }
    }
}

@Suite struct CertificateTests {
    private let authority = TestAuthority()

    @Test func itsTimeAndItsKeyAreRead() throws {
        let issued = authority.issue(days: -2...40)
        let certificate = try Certificate(pem: issued.certificate + authority.pem)
        #expect((certificate.validity.upperBound - certificate.validity.lowerBound) / 86_400 == 42)
        #expect(certificate.key == issued.pin)
        try Certificate.check(issued.certificate, fits: issued.key)
    }

    @Test func whatDoesNotFitIsSaid() {
        let issued = authority.issue()
        let other = authority.issue()
        #expect(throws: Certificate.Failure.keyMismatch) { try Certificate.check(issued.certificate, fits: other.key) }
        #expect(throws: Certificate.Failure.noKey) { try Certificate.check(issued.certificate, fits: issued.certificate) }
        #expect(throws: Certificate.Failure.noCertificate) { try Certificate(pem: issued.key) }
        #expect(throws: Certificate.Failure.noCertificate) { try Certificate(pem: []) }
    }
}
