internal import FederationCore

/// An Ed25519 signature: 64 bytes, written `ed25519:` and base64 (Noema section 8.1).
package struct Signature: Hashable, Sendable {
    package static let length = 64

    package let bytes: [UInt8]

    /// `nil` unless there are exactly 64 bytes. Whether it is anybody's signature is for `VerifyingKey.verify` to say.
    package init?(bytes: [UInt8]) {
        guard bytes.count == Signature.length else { return nil }
        self.bytes = bytes
    }

    /// Reads the text form; white space around it is ignored, anything else about it is not.
    package init?(_ text: some StringProtocol) {
        guard let bytes = Ed25519Text.read(String(text), count: Signature.length) else { return nil }
        self.bytes = bytes
    }
}

extension Signature: CustomStringConvertible {
    package var description: String { Ed25519Text.write(bytes) }
}

/// How keys and signatures are written.
enum Ed25519Text {
    private static let prefix = "ed25519:"

    static func write(_ bytes: [UInt8]) -> String { prefix + String(decoding: Base64.encode(bytes), as: UTF8.self) }

    static func read(_ text: String, count: Int) -> [UInt8]? {
        let trimmed = Array(text.utf8).trimmingWhitespace()
        guard trimmed.starts(with: prefix.utf8) else { return nil }
        return Base64.decode(trimmed.dropFirst(prefix.utf8.count), count: count)
    }
}
