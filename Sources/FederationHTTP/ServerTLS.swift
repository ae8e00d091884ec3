internal import CMicroHTTPD
internal import FederationCore
internal import Synchronization

/// What a TLS server shows and asks for. Both can be exchanged while it serves: connections that begin later meet the
/// new certificate, and every later request is judged by the new authority.
package final class ServerTLS: Sendable {
    private struct State {
        var certificate: ServerCertificate
        var authority: ClientAuthority?
    }

    /// Whether clients are asked for a certificate. One that has none is served as well: who may do what is for the
    /// handler to say.
    let asksClients: Bool
    private let state: Mutex<State>

    /// - Parameter authority: vouches for clients; of one it does not vouch for, the handler is told so.
    package init(_ certificate: ServerCertificate, asksClients: Bool = false, authority: ClientAuthority? = nil) {
        self.asksClients = asksClients
        state = Mutex(State(certificate: certificate, authority: authority))
    }

    package var certificate: ServerCertificate {
        get { state.withLock { $0.certificate } }
        set { state.withLock { $0.certificate = newValue } }
    }

    package var authority: ClientAuthority? {
        get { state.withLock { $0.authority } }
        set { state.withLock { $0.authority = newValue } }
    }
}

/// One TLS connection of a server, from its first byte to its end.
final class TLSSession: Sendable {
    private struct State {
        /// Held until the connection ends: GnuTLS points into it.
        var certificate: ServerCertificate?
        var client: ClientCertificate?
        var judge: ClientAuthority?
        var isRead = false
    }

    private let tls: ServerTLS
    private let state = Mutex(State())

    init(_ tls: ServerTLS) { self.tls = tls }

    func takeCertificate() -> ServerCertificate {
        let certificate = tls.certificate
        state.withLock { $0.certificate = certificate }
        return certificate
    }

    /// What the client has shown; read once for each authority that judges it. On the server's thread.
    func client(of session: gnutls_session_t) -> ClientCertificate? {
        guard tls.asksClients else { return nil }
        let authority = tls.authority
        return state.withLock { state in
            if !state.isRead || state.judge !== authority {
                state.client = unsafe ClientCertificate(of: session, judgedBy: authority)
                state.judge = authority
                state.isRead = true
            }
            return state.client
        }
    }
}

extension ClientCertificate {
    /// A chain that is longer is not looked at.
    private static let longestChain: UInt32 = 16

    fileprivate init?(of session: gnutls_session_t, judgedBy authority: ClientAuthority?) {
        var count: UInt32 = 0
        guard let shown = unsafe gnutls_certificate_get_peers(session, &count), count > 0,
            count <= ClientCertificate.longestChain
        else { return nil }
        var chain: [gnutls_x509_crt_t?] = unsafe []
        defer { for unsafe certificate in unsafe chain { unsafe gnutls_x509_crt_deinit(certificate) } }
        for index in 0..<Int(count) {
            var certificate: gnutls_x509_crt_t?
            guard unsafe gnutls_x509_crt_init(&certificate) >= 0 else { return nil }
            unsafe chain.append(certificate)
            guard unsafe gnutls_x509_crt_import(certificate, shown + index, GNUTLS_X509_FMT_DER) >= 0 else { return nil }
        }
        var digest = [UInt8](repeating: 0, count: 32)
        var length = digest.count
        let flags = UInt32(bitPattern: Int32(GNUTLS_KEYID_USE_SHA256.rawValue))
        guard unsafe gnutls_x509_crt_get_key_id(chain[0], flags, &digest, &length) >= 0,
            let key = Digest(digest)
        else { return nil }
        self.init(key: key, isVouchedFor: unsafe authority?.vouches(for: &chain) ?? false)
    }
}

/// The TLS connections of this process, by GnuTLS's session: what it gives to the callback that asks for a certificate.
enum TLSSessions {
    private static let all = Mutex<[UInt: TLSSession]>([:])

    static func add(_ session: UInt, _ connection: TLSSession) { all.withLock { $0[session] = connection } }
    /// The session is freed by now, and its address may be another connection's, of another server.
    static func remove(_ session: UInt, _ connection: TLSSession) {
        all.withLock { if $0[session] === connection { $0[session] = nil } }
    }
    static func find(_ session: UInt) -> TLSSession? { all.withLock { $0[session] } }

    /// For `cmhd_settings.certificate`, on the thread of a connection's server.
    static let certificate: @convention(c) (
        gnutls_session_t?, UnsafePointer<gnutls_datum_t>?, Int32, UnsafePointer<gnutls_pk_algorithm_t>?, Int32,
        UnsafeMutablePointer<UnsafeMutablePointer<gnutls_pcert_st>?>?, UnsafeMutablePointer<UInt32>?,
        UnsafeMutablePointer<gnutls_privkey_t?>?
    ) -> Int32 = { session, _, _, _, _, chain, length, key in
        guard let chain = unsafe chain, let length = unsafe length, let key = unsafe key,
            let connection = find(UInt(bitPattern: session))
        else { return -1 }
        let certificate = connection.takeCertificate()
        unsafe chain.pointee = certificate.chain
        unsafe length.pointee = certificate.length
        unsafe key.pointee = certificate.key
        return 0
    }
}
