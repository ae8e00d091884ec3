internal import COpenSSL

/// Why libcrypto did not do what it was asked.
package enum CryptoFailure: Error, Hashable, Sendable {
    /// An Ed25519 seed is 32 bytes.
    case seedLength(Int)
    /// libcrypto's own first error code, 0 when it named none, as libsodium never does.
    case library(code: UInt)

    /// Empties this thread's error queue, whose first entry is the cause of what just failed.
    ///
    /// The queue is per thread and outlives the call that filled it: an entry left behind would be blamed on the
    /// next caller.
    static func drained() -> CryptoFailure {
        let first = ERR_get_error()
        ERR_clear_error()
        return .library(code: UInt(first))
    }
}
