internal import COpenSSL

/// An Ed25519 key pair. Its secret half never appears in a description and is overwritten when it is released.
package final class SigningKey: Sendable {
    /// The number of bytes of every seed.
    package static let seedLength = 32

    package let publicKey: VerifyingKey
    private let handle: KeyHandle

    /// The key pair of a 32-byte seed, as a key file holds it. Overwriting `seed` is up to whoever made it.
    public convenience init(seed: [UInt8]) throws(CryptoFailure) {
        guard seed.count == SigningKey.seedLength else { throw .seedLength(seed.count) }
        ERR_clear_error()
        let pointer = unsafe seed.withUnsafeBufferPointer { secret in
            unsafe EVP_PKEY_new_raw_private_key(copenssl_ed25519(), nil, secret.baseAddress, secret.count)
        }
        guard let pointer = unsafe pointer else { throw .drained() }
        try unsafe self.init(owning: pointer)
    }

    /// A new key pair from libcrypto's generator for private values.
    package static func generate() throws(CryptoFailure) -> SigningKey {
        ERR_clear_error()
        guard let context = unsafe EVP_PKEY_CTX_new_id(copenssl_ed25519(), nil) else { throw .drained() }
        defer { unsafe EVP_PKEY_CTX_free(context) }
        var pointer: OpaquePointer?
        guard unsafe EVP_PKEY_keygen_init(context) == 1, unsafe EVP_PKEY_keygen(context, &pointer) == 1,
            let pointer = unsafe pointer
        else { throw .drained() }
        return try unsafe SigningKey(owning: pointer)
    }

    private init(owning pointer: OpaquePointer) throws(CryptoFailure) {
        handle = unsafe KeyHandle(owning: pointer)
        var key = [UInt8](repeating: 0, count: VerifyingKey.length)
        var length = key.count
        guard unsafe EVP_PKEY_get_raw_public_key(handle.pointer, &key, &length) == 1, length == key.count,
            let publicKey = VerifyingKey(bytes: key)
        else { throw .drained() }
        self.publicKey = publicKey
    }

    /// The signature of `message`: the same one every time (RFC 8032, 5.1.6).
    package func sign(_ message: [UInt8]) -> Signature {
        ERR_clear_error()
        var signed = [UInt8](repeating: 0, count: Signature.length)
        var length = signed.count
        let context = unsafe EVP_MD_CTX_new()
        defer { unsafe EVP_MD_CTX_free(context) }
        let outcome = unsafe message.withUnsafeBufferPointer { text in
            // libcrypto takes no null message, not even an empty one.
            unsafe withUnsafePointer(to: 0 as UInt8) { nothing in
                unsafe EVP_DigestSignInit(context, nil, nil, nil, handle.pointer) == 1
                    && EVP_DigestSign(context, &signed, &length, text.baseAddress ?? nothing, text.count) == 1
            }
        }
        // Signing with a key that libcrypto accepted fails only where memory has run out.
        guard outcome, let signature = Signature(bytes: signed) else { preconditionFailure("libcrypto could not sign") }
        return signature
    }

    /// Lends the seed and overwrites the copy it lent.
    func withSeed<Value, Failure: Error>(_ body: ([UInt8]) throws(Failure) -> Value) throws(Failure) -> Value {
        var seed = [UInt8](repeating: 0, count: SigningKey.seedLength)
        defer { wipe(&seed) }
        var length = seed.count
        let outcome = unsafe EVP_PKEY_get_raw_private_key(handle.pointer, &seed, &length)
        precondition(outcome == 1 && length == seed.count, "an Ed25519 key without its seed")
        return try body(seed)
    }
}

extension SigningKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    package var description: String { "<hidden>" }
    package var debugDescription: String { "<hidden>" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}

/// Overwrites bytes that must not be found in memory later; the compiler may not leave it out.
package func wipe(_ bytes: inout [UInt8]) {
    unsafe bytes.withUnsafeMutableBytes { unsafe OPENSSL_cleanse($0.baseAddress, $0.count) }
}

func wipe(_ bytes: UnsafeMutableRawBufferPointer) { unsafe OPENSSL_cleanse(bytes.baseAddress, bytes.count) }
