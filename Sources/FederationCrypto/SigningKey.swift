internal import COpenSSL
internal import CSodium

/// An Ed25519 key pair. Its secret half never appears in a description, and lies in memory that is neither swapped nor in
/// a core dump, as far as the system allows, and is overwritten when it is released.
// SAFETY: the secret is private to this class, valid until `deinit`, and never changed after `init`.
@safe package final class SigningKey: @unchecked Sendable {
    /// The number of bytes of every seed.
    package static let seedLength = 32

    package let publicKey: VerifyingKey
    /// The seed and the public key behind it: what libsodium calls the secret key.
    private let secret: UnsafeMutablePointer<UInt8>

    /// The key pair of a 32-byte seed, as a key file holds it. Overwriting `seed` is up to whoever made it.
    public init(seed: [UInt8]) throws(CryptoFailure) {
        guard seed.count == SigningKey.seedLength else { throw .seedLength(seed.count) }
        let count = Int(crypto_sign_ed25519_SECRETKEYBYTES)
        guard sodium_init() >= 0, let memory = unsafe sodium_malloc(count) else { throw .library(code: 0) }
        unsafe secret = memory.bindMemory(to: UInt8.self, capacity: count)
        var key = [UInt8](repeating: 0, count: VerifyingKey.length)
        _ = unsafe crypto_sign_ed25519_seed_keypair(&key, secret, seed)
        guard let publicKey = VerifyingKey(bytes: key) else { preconditionFailure("a public key of another length") }
        self.publicKey = publicKey
    }

    /// A new key pair from libcrypto's generator for private values.
    package static func generate() throws(CryptoFailure) -> SigningKey {
        ERR_clear_error()
        var seed = [UInt8](repeating: 0, count: SigningKey.seedLength)
        defer { wipe(&seed) }
        guard unsafe RAND_priv_bytes(&seed, Int32(seed.count)) == 1 else { throw .drained() }
        return try SigningKey(seed: seed)
    }

    /// The signature of `message`: the same one every time (RFC 8032, 5.1.6).
    ///
    /// libsodium makes it in half the time that libcrypto takes.
    package func sign(_ message: [UInt8]) -> Signature {
        var signed = [UInt8](repeating: 0, count: Signature.length)
        _ = unsafe crypto_sign_ed25519_detached(&signed, nil, message, UInt64(message.count), secret)
        guard let signature = Signature(bytes: signed) else { preconditionFailure("a signature of another length") }
        return signature
    }

    /// Lends the seed and overwrites the copy it lent.
    func withSeed<Value, Failure: Error>(_ body: ([UInt8]) throws(Failure) -> Value) throws(Failure) -> Value {
        var seed = unsafe Array(UnsafeBufferPointer(start: secret, count: SigningKey.seedLength))
        defer { wipe(&seed) }
        return try body(seed)
    }

    deinit { unsafe sodium_free(secret) }
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
