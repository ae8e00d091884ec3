internal import CMicroHTTPD

/// A certificate chain with its private key, as a TLS server shows it (GnuTLS).
///
/// Whether they fit each other, are in time and name the right host is for the caller to have checked.
@safe package final class ServerCertificate: Sendable {
    package enum Failure: Error, Hashable, Sendable {
        /// GnuTLS finds no certificate in the text, or one that it cannot use: its error code.
        case chain(code: Int)
        case key(code: Int)
    }

    /// A longer chain is a mistake: what is served is the certificate and what leads to its root.
    private static let longestChain: UInt32 = 16

    // SAFETY: written by `init` and freed by `deinit` alone; GnuTLS reads them in handshakes, while a `TLSSession`
    // holds this object.
    nonisolated(unsafe) let chain: UnsafeMutablePointer<gnutls_pcert_st>
    let length: UInt32
    nonisolated(unsafe) let key: gnutls_privkey_t

    /// - Parameters:
    ///   - pem: the certificate, then those that lead to its root, in PEM.
    ///   - key: the private key, in PEM, without a password.
    package init(pem: [UInt8], key keyText: [UInt8]) throws(Failure) {
        let capacity = Int(ServerCertificate.longestChain)
        let chain = UnsafeMutablePointer<gnutls_pcert_st>.allocate(capacity: capacity)
        unsafe chain.initialize(repeating: gnutls_pcert_st(), count: capacity)
        var length = ServerCertificate.longestChain
        var code = unsafe withDatum(pem) { datum in
            unsafe gnutls_pcert_list_import_x509_raw(chain, &length, datum, GNUTLS_X509_FMT_PEM, 0)
        }
        guard code >= 0, length > 0 else {
            unsafe chain.deallocate()
            throw .chain(code: Int(code))
        }
        var key: gnutls_privkey_t?
        code = unsafe gnutls_privkey_init(&key)
        if code >= 0 {
            code = unsafe withDatum(keyText) { datum in
                unsafe gnutls_privkey_import_x509_raw(key, datum, GNUTLS_X509_FMT_PEM, nil, 0)
            }
        }
        guard code >= 0, let key = unsafe key else {
            unsafe ServerCertificate.free(chain, length)
            if let key = unsafe key { unsafe gnutls_privkey_deinit(key) }
            throw .key(code: Int(code))
        }
        unsafe self.chain = chain
        self.length = length
        unsafe self.key = key
    }

    deinit {
        unsafe ServerCertificate.free(chain, length)
        unsafe gnutls_privkey_deinit(key)
    }

    private static func free(_ chain: UnsafeMutablePointer<gnutls_pcert_st>, _ length: UInt32) {
        for index in 0..<Int(length) { unsafe gnutls_pcert_deinit(chain + index) }
        unsafe chain.deallocate()
    }
}

/// Lends bytes to GnuTLS, which copies what it keeps.
func withDatum(_ bytes: [UInt8], _ body: (UnsafePointer<gnutls_datum_t>) -> Int32) -> Int32 {
    let count = UInt32(clamping: bytes.count)
    return unsafe bytes.withUnsafeBufferPointer { buffer in
        // GnuTLS takes a mutable pointer and does not write to it; a copy would be one more to wipe.
        var datum = unsafe gnutls_datum_t(data: UnsafeMutablePointer(mutating: buffer.baseAddress), size: count)
        return unsafe body(&datum)
    }
}
