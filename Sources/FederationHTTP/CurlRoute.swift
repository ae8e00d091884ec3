internal import CCurl
internal import FederationCore

extension RouteFacts {
    /// What a transfer that is done knows of its way.
    init(of easy: UnsafeMutableRawPointer?, _ code: CURLcode) {
        self.init()
        func time(_ info: CURLINFO) -> Duration? {
            var microseconds: curl_off_t = 0
            unsafe ccurl_get_offset(easy, info, &microseconds)
            return microseconds > 0 ? .microseconds(Int64(microseconds)) : nil
        }
        lookedUp = time(CURLINFO_NAMELOOKUP_TIME_T)
        connected = time(CURLINFO_CONNECT_TIME_T)
        secured = time(CURLINFO_APPCONNECT_TIME_T)
        var text: UnsafePointer<CChar>?
        unsafe ccurl_get_string(easy, CURLINFO_PRIMARY_IP, &text)
        address = unsafe text.flatMap { unsafe $0.pointee == 0 ? nil : String(cString: $0) }
        var verdict = 0
        unsafe ccurl_get_long(easy, CURLINFO_SSL_VERIFYRESULT, &verdict)
        tls = TLSFault(code, verdict: verdict)
    }
}

extension TLSFault {
    /// The meaning of libcurl's result code and of OpenSSL's verdict on the certificate (its `X509_V_ERR_…`).
    fileprivate init?(_ code: CURLcode, verdict: Int) {
        switch code {
        case CURLE_PEER_FAILED_VERIFICATION:
            switch verdict {
            case 9: self = .notYetValid
            case 10: self = .expired
            // OpenSSL has found nothing (libcurl begins with 1), so libcurl's own look at the name has; or OpenSSL's at one.
            case 0, 1, 62, 64: self = .otherName
            default: self = .unknownAuthority
            }
        case CURLE_SSL_PINNEDPUBKEYNOTMATCH: self = .otherPin
        case CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CRL_BADFILE: self = .ownFile
        case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CIPHER, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_SHUTDOWN_FAILED,
            CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_CLIENTCERT, CURLE_USE_SSL_FAILED:
            self = .handshake
        default: return nil
        }
    }
}
