/// Why a poll failed or an event is not applied: a fixed set, because these strings stand in databases.
///
/// A new one may be added, none may change its meaning, and an unknown one reads as `other`.
/// The strings are Noema's (section 3.6) but for `store_full` and `signature`.
public enum Reason: String, Hashable, Sendable, CaseIterable {
    case invalidTraceID = "invalid_trace_id"
    case unknownAction = "unknown_action"
    case unknownType = "unknown_type"
    case invalidFrontmatter = "invalid_frontmatter"
    case networkRefused = "network_refused"
    case networkTimeout = "network_timeout"
    case networkDNS = "network_dns"
    case networkTLS = "network_tls"
    case networkReset = "network_reset"
    case networkEOF = "network_eof"
    case auth
    case identityMismatch = "identity_mismatch"
    case identityMissing = "identity_missing"
    /// Ours, beside Noema's fourteen: this node has no room to take in what the peer has.
    case storeFull = "store_full"
    /// Ours as well: an event is not signed as its origin signs.
    case signature
    case other

    /// Reads a stored reason; one that a newer version wrote is `other`.
    public init(stored text: String) { self = Reason(rawValue: text) ?? .other }

    /// The peer could not be reached, or the connection did not hold.
    public var isNetwork: Bool {
        switch self {
        case .networkRefused, .networkTimeout, .networkDNS, .networkTLS, .networkReset, .networkEOF: true
        case .invalidTraceID, .unknownAction, .unknownType, .invalidFrontmatter, .auth, .identityMismatch,
            .identityMissing, .storeFull, .signature, .other:
            false
        }
    }

    /// This side is older than the event: upgrading it is the remedy (Noema section 3.6).
    public var isSchemaWidening: Bool {
        switch self {
        case .invalidTraceID, .unknownAction, .unknownType: true
        case .invalidFrontmatter, .networkRefused, .networkTimeout, .networkDNS, .networkTLS, .networkReset,
            .networkEOF, .auth, .identityMismatch, .identityMissing, .storeFull, .signature, .other:
            false
        }
    }
}

extension TransportFailure {
    public var reason: Reason {
        switch self {
        case .refused: .networkRefused
        case .timeout: .networkTimeout
        case .nameResolution: .networkDNS
        case .tls: .networkTLS
        case .reset: .networkReset
        case .endOfFile: .networkEOF
        case .answerTooLarge, .malformedAnswer, .forbiddenAddress, .cancelled, .other: .other
        }
    }
}
