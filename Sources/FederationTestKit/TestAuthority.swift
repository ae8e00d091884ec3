internal import COpenSSL
package import FederationCore
internal import FederationCrypto
internal import Glibc

/// Makes certificates for tests: an authority of its own, and what it signs. Never for anything else: the keys are
/// written without a password.
package final class TestAuthority {
    /// A certificate and its key, in PEM.
    package struct Issued: Sendable {
        package var certificate: [UInt8]
        package var key: [UInt8]
        /// SHA-256 of its SubjectPublicKeyInfo.
        package var pin: Digest
    }

    package enum Purpose: String, Sendable { case server = "serverAuth", client = "clientAuth" }

    private let pair: OpaquePointer
    private let root: OpaquePointer

    package init(name: String = "test authority") {
        pair = TestAuthority.makeKey()
        root = TestAuthority.make(
            name: name, key: pair, days: -1...30, signer: pair, issuer: nil,
            extensions: [(NID_basic_constraints, "critical,CA:TRUE"), (NID_key_usage, "critical,keyCertSign")])
    }

    deinit {
        X509_free(root)
        EVP_PKEY_free(pair)
    }

    /// The authority's own certificate, in PEM.
    package var pem: [UInt8] { TestAuthority.pem { PEM_write_bio_X509($0, root) } }

    /// - Parameters:
    ///   - names: what the certificate is for, as `DNS:localhost` or `IP:127.0.0.1`.
    ///   - days: from and until when it holds, counted from now.
    package func issue(
        _ names: [String] = ["IP:127.0.0.1", "DNS:localhost"], for purpose: Purpose = .server,
        days: ClosedRange<Int> = -1...30
    ) -> Issued {
        let key = TestAuthority.makeKey()
        var extensions = [(NID_basic_constraints, "critical,CA:FALSE"), (NID_ext_key_usage, purpose.rawValue)]
        if !names.isEmpty { extensions.append((NID_subject_alt_name, names.joined(separator: ","))) }
        let certificate = TestAuthority.make(
            name: "test node", key: key, days: days, signer: pair, issuer: root, extensions: extensions)
        defer {
            EVP_PKEY_free(key)
            X509_free(certificate)
        }
        let text = TestAuthority.pem { PEM_write_bio_X509($0, certificate) }
        let keyText = TestAuthority.pem { PEM_write_bio_PrivateKey($0, key, nil, nil, 0, nil, nil) }
        // What was just made is a certificate.
        return Issued(certificate: text, key: keyText, pin: (try? Certificate(pem: text))?.key ?? .lowest)
    }

    private static func makeKey() -> OpaquePointer {
        var key: OpaquePointer?
        let context = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, nil)
        defer { EVP_PKEY_CTX_free(context) }
        EVP_PKEY_keygen_init(context)
        EVP_PKEY_CTX_set_group_name(context, "P-256")
        EVP_PKEY_keygen(context, &key)
        guard let key else { preconditionFailure("libcrypto made no key") }
        return key
    }

    private static func make(
        name: String, key: OpaquePointer, days: ClosedRange<Int>, signer: OpaquePointer, issuer: OpaquePointer?,
        extensions: [(Int32, String)]
    ) -> OpaquePointer {
        guard let certificate = X509_new() else { preconditionFailure("out of memory") }
        X509_set_version(certificate, 2)
        var random = SystemRandom()
        ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), random.next() >> 1)
        X509_gmtime_adj(X509_getm_notBefore(certificate), days.lowerBound * 86_400)
        X509_gmtime_adj(X509_getm_notAfter(certificate), days.upperBound * 86_400)
        X509_set_pubkey(certificate, key)
        let commonName = Array(name.utf8)
        X509_NAME_add_entry_by_NID(
            X509_get_subject_name(certificate), NID_commonName, MBSTRING_ASC, commonName, Int32(commonName.count), -1, 0)
        X509_set_issuer_name(certificate, X509_get_subject_name(issuer ?? certificate))
        for (nid, text) in extensions {
            let value = X509V3_EXT_conf_nid(nil, nil, nid, text)
            X509_add_ext(certificate, value, -1)
            X509_EXTENSION_free(value)
        }
        precondition(X509_sign(certificate, signer, EVP_sha256()) > 0, "libcrypto could not sign")
        return certificate
    }

    private static func pem(_ write: (OpaquePointer?) -> Int32) -> [UInt8] {
        let sink = BIO_new(BIO_s_mem())
        defer { BIO_free(sink) }
        _ = write(sink)
        var text = [UInt8](repeating: 0, count: 8192)
        let count = BIO_read(sink, &text, Int32(text.count))
        return Array(text.prefix(Int(max(count, 0))))
    }
}
