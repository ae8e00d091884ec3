/// An Ed25519 public key in the text form of Noema section 8.1: `ed25519:` and the base64 of 32 bytes.
///
/// Only its spelling is known here. Whether it is a point that libcrypto accepts is for FederationCrypto to say.
public struct PublicKey: Hashable, Sendable {
    private static let prefix = "ed25519:"
    private static let length = 32

    /// The one spelling that every key has.
    public let text: String

    /// Reads the text form; white space around it is ignored, anything else about it is not.
    package init?(_ text: some StringProtocol) {
        let trimmed = Array(text.utf8).trimmingWhitespace()
        guard trimmed.starts(with: PublicKey.prefix.utf8) else { return nil }
        let digits = trimmed.dropFirst(PublicKey.prefix.utf8.count)
        guard Base64.decode(digits, count: PublicKey.length) != nil else { return nil }
        self.text = PublicKey.prefix + String(decoding: digits, as: UTF8.self)
    }

    /// Its 32 bytes.
    package var bytes: [UInt8] {
        Base64.decode(Array(text.utf8).dropFirst(PublicKey.prefix.utf8.count), count: PublicKey.length) ?? []
    }

    /// Whether two texts name one key. Texts that are no keys are compared as they are.
    package static func isSame(_ a: String, _ b: String) -> Bool {
        // Asked of each event, and almost always so.
        if a.isExactly(b) { return true }
        guard let a = PublicKey(a), let b = PublicKey(b) else { return false }
        return a == b
    }
}
