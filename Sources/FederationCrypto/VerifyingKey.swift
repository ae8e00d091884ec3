internal import COpenSSL
internal import CSodium
internal import FederationCore

/// An Ed25519 public key: 32 bytes, written `ed25519:` and base64 (Noema section 8.1).
package struct VerifyingKey: Sendable {
    package static let length = 32

    package let bytes: [UInt8]
    private let handle: KeyHandle

    /// `nil` unless there are exactly 32 bytes.
    package init?(bytes: [UInt8]) {
        guard bytes.count == VerifyingKey.length else { return nil }
        ERR_clear_error()
        let pointer = unsafe bytes.withUnsafeBufferPointer { key in
            unsafe EVP_PKEY_new_raw_public_key(copenssl_ed25519(), nil, key.baseAddress, key.count)
        }
        guard let pointer = unsafe pointer else {
            ERR_clear_error()
            return nil
        }
        self.bytes = bytes
        handle = unsafe KeyHandle(owning: pointer)
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
    package func verify(_ signature: Signature, of message: [UInt8]) -> Bool {
        verifiesFast(signature, message) || verifiesExactly(signature, message)
    }

    private func verifiesFast(_ signature: Signature, _ message: [UInt8]) -> Bool {
        guard VerifyingKey.hasSodium else { return false }
        return unsafe crypto_sign_ed25519_verify_detached(signature.bytes, message, UInt64(message.count), bytes) == 0
    }

    private static let hasSodium = sodium_init() >= 0

    private func verifiesExactly(_ signature: Signature, _ message: [UInt8]) -> Bool {
        ERR_clear_error()
        // A mismatch is an answer here, not an error: it must not stay in the queue.
        defer { ERR_clear_error() }
        guard let context = unsafe EVP_MD_CTX_new() else { return false }
        defer { unsafe EVP_MD_CTX_free(context) }
        guard unsafe EVP_DigestVerifyInit(context, nil, nil, nil, handle.pointer) == 1 else { return false }
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

/// One of libcrypto's keys, freed once.
// SAFETY: the pointer is private to this module, valid until `deinit`, and the key is never changed after its
// creation; libcrypto allows concurrent reading of such a key.
@safe final class KeyHandle: @unchecked Sendable {
    let pointer: OpaquePointer

    init(owning pointer: OpaquePointer) { unsafe self.pointer = pointer }

    /// libcrypto overwrites a private key before it gives the memory back.
    deinit { unsafe EVP_PKEY_free(pointer) }
}
