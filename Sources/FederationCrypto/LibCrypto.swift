internal import COpenSSL

/// What concerns the library as a whole.
package enum LibCrypto {
    /// Keeps it as it is until the process is gone. By itself it takes itself apart in `exit`, while other threads may
    /// still close their TLS connections. To be called before anything else uses it.
    package static func stayUntilTheEnd() {
        _ = OPENSSL_init_crypto(UInt64(OPENSSL_INIT_NO_ATEXIT), nil)
    }
}
