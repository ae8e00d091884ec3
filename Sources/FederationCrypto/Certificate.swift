internal import COpenSSL
package import FederationCore

/// What a certificate says, as far as this program asks (X.509, RFC 5280).
package struct Certificate: Hashable, Sendable {
    /// Seconds since 1970 from which and up to which it holds.
    package var validity: ClosedRange<Int64>
    /// SHA-256 of its SubjectPublicKeyInfo (RFC 7469, 2.4).
    package var key: Digest

    package enum Failure: Error, Hashable, Sendable {
        /// No certificate in PEM at the beginning of the text.
        case noCertificate
        /// No private key in PEM, or one with a password.
        case noKey
        /// The key is not the certificate's.
        case keyMismatch
        case crypto
    }

    /// The first certificate of a PEM text.
    package init(pem: [UInt8]) throws(Failure) {
        self = try unsafe Certificate.withFirst(of: pem) { (certificate) throws(Failure) in
            try unsafe Certificate(certificate)
        }
    }

    /// Makes sure that a private key is the one of a chain's first certificate.
    package static func check(_ pem: [UInt8], fits key: [UInt8]) throws(Failure) {
        try unsafe withFirst(of: pem) { (certificate) throws(Failure) in
            guard let source = unsafe BIO_new_mem_buf(key, Int32(clamping: key.count)) else { throw .crypto }
            defer { unsafe BIO_free(source) }
            // A callback that gives no password: without one libcrypto would ask on the terminal.
            guard let pair = unsafe PEM_read_bio_PrivateKey(source, nil, { _, _, _, _ in -1 }, nil) else { throw .noKey }
            defer { unsafe EVP_PKEY_free(pair) }
            guard unsafe X509_check_private_key(certificate, pair) == 1 else { throw .keyMismatch }
        }
    }

    private static func withFirst<Value>(
        of pem: [UInt8], _ body: (OpaquePointer) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        guard let source = unsafe BIO_new_mem_buf(pem, Int32(clamping: pem.count)) else { throw .crypto }
        defer { unsafe BIO_free(source) }
        guard let certificate = unsafe PEM_read_bio_X509(source, nil, { _, _, _, _ in -1 }, nil) else {
            throw .noCertificate
        }
        defer { unsafe X509_free(certificate) }
        return try unsafe body(certificate)
    }

    private init(_ certificate: OpaquePointer) throws(Failure) {
        guard let from = unsafe Certificate.seconds(X509_get0_notBefore(certificate)),
            let to = unsafe Certificate.seconds(X509_get0_notAfter(certificate)), from <= to
        else { throw .noCertificate }
        let length = unsafe i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), nil)
        guard length > 0 else { throw .crypto }
        var der = [UInt8](repeating: 0, count: Int(length))
        let written = unsafe der.withUnsafeMutableBufferPointer { buffer in
            var end = buffer.baseAddress
            return unsafe i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &end)
        }
        guard written == length else { throw .crypto }
        validity = from...to
        key = sha256(der)
    }

    private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64? {
        var days: Int32 = 0
        var seconds: Int32 = 0
        guard let epoch = unsafe ASN1_TIME_set(nil, 0) else { return nil }
        defer { unsafe ASN1_TIME_free(epoch) }
        guard unsafe ASN1_TIME_diff(&days, &seconds, epoch, time) == 1 else { return nil }
        return Int64(days) * 86_400 + Int64(seconds)
    }
}
