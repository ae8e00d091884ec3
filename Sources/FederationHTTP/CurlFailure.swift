internal import CCurl
internal import FederationCore
internal import Glibc

extension TransportFailure {
    /// The meaning of libcurl's result code and of the system's error behind it (0 if there was none).
    init(_ code: CURLcode, systemError: Int) {
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY:
            self = .nameResolution
        case CURLE_COULDNT_CONNECT:
            self = Int32(truncatingIfNeeded: systemError) == ETIMEDOUT ? .timeout : .refused
        case CURLE_OPERATION_TIMEDOUT:
            self = .timeout
        case CURLE_GOT_NOTHING, CURLE_PARTIAL_FILE:
            self = .endOfFile
        case CURLE_SEND_ERROR, CURLE_RECV_ERROR:
            self = TransportFailure.broken(code, systemError: Int32(truncatingIfNeeded: systemError))
        case CURLE_HTTP2_STREAM:
            self = .reset
        case CURLE_WEIRD_SERVER_REPLY, CURLE_UNSUPPORTED_PROTOCOL, CURLE_HTTP2, CURLE_BAD_CONTENT_ENCODING:
            self = .malformedAnswer
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CIPHER,
            CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CRL_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_ENGINE_NOTFOUND,
            CURLE_SSL_ENGINE_SETFAILED, CURLE_SSL_ENGINE_INITFAILED, CURLE_SSL_SHUTDOWN_FAILED,
            CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_SSL_INVALIDCERTSTATUS, CURLE_SSL_CLIENTCERT, CURLE_USE_SSL_FAILED:
            self = .tls
        default:
            self = .other(code: Int(code.rawValue))
        }
    }

    /// A connection that broke while bytes moved.
    private static func broken(_ code: CURLcode, systemError: Int32) -> TransportFailure {
        switch systemError {
        case ECONNRESET, EPIPE, ECONNABORTED: .reset
        case ETIMEDOUT: .timeout
        case ENETUNREACH, EHOSTUNREACH, ENETDOWN: .refused
        // The system saw nothing wrong: libcurl could not make sense of what it read (a malformed chunk).
        case 0 where code == CURLE_RECV_ERROR: .malformedAnswer
        default: .other(code: Int(code.rawValue))
        }
    }
}
