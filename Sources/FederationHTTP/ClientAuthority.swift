internal import CMicroHTTPD

/// The certificates that vouch for clients (GnuTLS).
@safe package final class ClientAuthority: Sendable {
    package enum Failure: Error, Hashable, Sendable {
        /// No certificate in the text, or one that GnuTLS cannot use: its error code.
        case certificates(code: Int)
    }

    // SAFETY: filled by `init`, freed by `deinit`, and only read between: GnuTLS allows that from several threads.
    private nonisolated(unsafe) let list: gnutls_x509_trust_list_t

    /// - Parameter pem: one or more certificates in PEM.
    package init(pem: [UInt8]) throws(Failure) {
        var list: gnutls_x509_trust_list_t?
        let made = unsafe gnutls_x509_trust_list_init(&list, 0)
        guard made >= 0, let list = unsafe list else { throw .certificates(code: Int(made)) }
        let count = unsafe withDatum(pem) { datum in
            unsafe gnutls_x509_trust_list_add_trust_mem(list, datum, nil, GNUTLS_X509_FMT_PEM, 0, 0)
        }
        guard count > 0 else {
            unsafe gnutls_x509_trust_list_deinit(list, 1)
            throw .certificates(code: Int(count))
        }
        unsafe self.list = list
    }

    deinit { unsafe gnutls_x509_trust_list_deinit(list, 1) }

    /// Whether the chain, its leaf first, leads to one of these certificates, is in time, and is for clients.
    func vouches(for chain: inout [gnutls_x509_crt_t?]) -> Bool {
        var status: UInt32 = 0
        let purpose = Array("1.3.6.1.5.5.7.3.2\0".utf8)  // id-kp-clientAuth (RFC 5280, 4.2.1.12)
        let code = unsafe purpose.withUnsafeBufferPointer { purpose in
            var wanted = unsafe gnutls_typed_vdata_st(
                type: GNUTLS_DT_KEY_PURPOSE_OID, data: UnsafeMutablePointer(mutating: purpose.baseAddress),
                size: UInt32(purpose.count - 1))
            return unsafe chain.withUnsafeMutableBufferPointer { chain in
                unsafe gnutls_x509_trust_list_verify_crt2(
                    list, chain.baseAddress, UInt32(chain.count), &wanted, 1, 0, &status, nil)
            }
        }
        return code >= 0 && status == 0
    }
}
