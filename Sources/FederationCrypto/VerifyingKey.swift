internal import COpenSSL
internal import CSodium
internal import FederationCore

/// An Ed25519 public key: 32 bytes, written `ed25519:` and base64 (Noema section 8.1).
package struct VerifyingKey: Sendable {
    package static let length = 32

    package let bytes: [UInt8]

    /// `nil` unless there are exactly 32 bytes. Any are taken: that some are no point of the curve is seen when a
    /// signature is verified, which then is wrong.
    package init?(bytes: [UInt8]) {
        guard bytes.count == VerifyingKey.length else { return nil }
        self.bytes = bytes
    }

    /// Reads the text form; white space around it is ignored, anything else about it is not.
    package init?(_ text: some StringProtocol) {
        guard let bytes = Ed25519Text.read(String(text), count: VerifyingKey.length) else { return nil }
        self.init(bytes: bytes)
    }

    /// Whether the holder of this key signed exactly `message`, which is libcrypto's to say.
    ///
    /// libsodium is asked first, as it takes little more than half the time. It accepts nothing that libcrypto does not:
    /// both compare the bytes of one and the same point, and libsodium refuses some keys and points beside (of small
    /// order, or not in their one spelling). So its yes is enough, and only of what it refuses libcrypto is asked.
    /// That it is such a libsodium is seen at its first use (`FastVerification`).
    package func verify(_ signature: Signature, of message: [UInt8]) -> Bool {
        FastVerification.isExact && verifiesFast(signature, message) || verifiesExactly(signature, message)
    }

    fileprivate func verifiesFast(_ signature: Signature, _ message: [UInt8]) -> Bool {
        unsafe crypto_sign_ed25519_verify_detached(signature.bytes, message, UInt64(message.count), bytes) == 0
    }

    private func verifiesExactly(_ signature: Signature, _ message: [UInt8]) -> Bool {
        ERR_clear_error()
        // A mismatch is an answer here, not an error: it must not stay in the queue.
        defer { ERR_clear_error() }
        guard let key = unsafe EVP_PKEY_new_raw_public_key(copenssl_ed25519(), nil, bytes, bytes.count) else { return false }
        defer { unsafe EVP_PKEY_free(key) }
        guard let context = unsafe EVP_MD_CTX_new() else { return false }
        defer { unsafe EVP_MD_CTX_free(context) }
        guard unsafe EVP_DigestVerifyInit(context, nil, nil, nil, key) == 1 else { return false }
        return unsafe signature.bytes.withUnsafeBufferPointer { signed in
            unsafe message.withUnsafeBufferPointer { text in
                // libcrypto takes no null message, not even an empty one.
                unsafe withUnsafePointer(to: 0 as UInt8) { nothing in
                    unsafe EVP_DigestVerify(
                        context, signed.baseAddress, signed.count, text.baseAddress ?? nothing, text.count) == 1
                }
            }
        }
    }
}

/// Whether this libsodium accepts nothing that libcrypto refuses.
///
/// A later one, or one that was built otherwise, may compare points but for what a factor of eight takes away, as RFC 8032
/// permits: a node with it would take events that others refuse. It would show it by the second of these, of a key beside
/// the group, and by the third, whose S is not below the group's order.
enum FastVerification {
    static let isExact = sodium_init() >= 0 && accepts(honest) && !accepts(cofactored) && !accepts(unreduced)

    /// A key and a signature by it over `message`.
    typealias Vector = (key: StaticString, signature: StaticString)

    static let message = Array("federation".utf8)
    static let honest: Vector = (
        "ed25519:08cXp75jEsvaSWVHlbMvsJBjUle5S071aT61wvn7l+M=",
        "ed25519:8FYoA6XOjSiJRHHvKfoUtg1kiF8L44S/qtDuZaZTsWwbLS7xYAch0hHfeTlsqS4jI9XzPcpci2fuNzBjVcq6Aw=="
    )
    static let cofactored: Vector = (
        "ed25519:XT9atz7yZdWeGMxVY5Kcr+8nhEAD4L8wgQDMWdlGvJc=",
        "ed25519:8FYoA6XOjSiJRHHvKfoUtg1kiF8L44S/qtDuZaZTsWzDVJ0yDp8jdDPqxMmXMIcgoWFWiIzXeNI8ez7E+K/JBw=="
    )
    static let unreduced: Vector = (
        "ed25519:08cXp75jEsvaSWVHlbMvsJBjUle5S071aT61wvn7l+M=",
        "ed25519:8FYoA6XOjSiJRHHvKfoUtg1kiF8L44S/qtDuZaZTsWwIASROe2ozKuh7cdxKow04I9XzPcpci2fuNzBjVcq6Ew=="
    )

    private static func accepts(_ vector: Vector) -> Bool {
        guard let key = VerifyingKey(vector.key.description), let signature = Signature(vector.signature.description)
        else { return false }
        return key.verifiesFast(signature, message)
    }
}

extension VerifyingKey: Hashable {
    /// In constant time, so that comparing with a pinned key tells nobody how much of a guess was right.
    package static func == (a: VerifyingKey, b: VerifyingKey) -> Bool {
        unsafe a.bytes.withUnsafeBytes { first in
            unsafe b.bytes.withUnsafeBytes { second in
                unsafe CRYPTO_memcmp(first.baseAddress, second.baseAddress, VerifyingKey.length) == 0
            }
        }
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(bytes) }
}

extension VerifyingKey: CustomStringConvertible {
    package var description: String { Ed25519Text.write(bytes) }
}
