package import FederationCore

/// Why a Noema node refuses something. Noema itself tells failures apart by their texts, so these have them.
package enum NoemaFailure: Error, Hashable, Sendable {
    // Replay
    case invalidTraceID(String)
    case unknownAction(String)
    case unknownType(String)
    case invalidTier(String)
    case contentHashMismatch
    case malformedPayload
    /// A `promote` or `demote` that does not say whereto.
    case missingTier
    case noSuchTrace(String)
    /// The trace's file is not where it should be, as when one in the trash is to be archived.
    case fileNotFound(String)
    /// SQLite's UNIQUE constraint: Go takes it for success wherever it comes from.
    case uniqueConstraint
    case unsigned
    case badSignature
    case keyChanged
    case noKey
    case sourceLocked
    // Local commands
    case immutableTier
    case notDivergence
    case originNotInDivergence(String)
    case usage
    case publishMode
    // Polling
    case unreadableBatch
    case tooManyEvents
    case idNotAfterCursor(String)

    /// The words that its classification and its tests look for, as far as they are known.
    package func text(_ rules: NoemaRules) -> String {
        switch self {
        case .invalidTraceID(let id): "invalid trace ID: \(id)"
        case .unknownAction(let action):
            rules == .go ? "unknown event action: \(action)" : "federation does not replay action \(action)"
        case .unknownType(let type): "unrecognized type: \(type)"
        case .invalidTier(let tier): "invalid tier: \(tier)"
        case .contentHashMismatch: "content hash mismatch"
        case .malformedPayload: "malformed event data"
        case .missingTier: "event data has no target tier"
        case .noSuchTrace(let id): "trace not found: \(id)"
        case .fileNotFound(let id): "rename \(id): no such file or directory"
        case .uniqueConstraint: "UNIQUE constraint failed: traces.id"
        case .unsigned: "event is unsigned"
        case .badSignature: "event signature does not verify"
        case .keyChanged: "event carries another signing key than the pinned one"
        case .noKey: "no signing key known for the event's cortex"
        case .sourceLocked: "trace is locked to its source"
        case .immutableTier: "long-tier traces are immutable"
        case .notDivergence: "trace is not a divergence"
        case .originNotInDivergence(let origin): "origin \(origin) not found in divergence"
        case .usage: "exactly one of accept and body is needed"
        case .publishMode: "this cortex is in publish mode"
        case .unreadableBatch: "cannot parse events"
        case .tooManyEvents: "peer answered with more events than asked for"
        case .idNotAfterCursor(let id): "event \(id) is not after the cursor"
        }
    }
}

/// Noema's tables from the text of an error to a reason (Noema section 3.6).
package enum NoemaClassification {
    /// The error values that Go's replay wraps, which it recognises before it looks at a text.
    package enum Sentinel: Hashable, Sendable { case invalidTraceID, invalidFrontmatter }

    /// A poll that failed anywhere but in the identity phase or in replay.
    package static func network(_ text: String, _ rules: NoemaRules) -> Reason {
        switch rules {
        case .go: first(goNetwork, in: text) ?? .other
        case .rust: first(rust, in: text.lowercased()) ?? .other
        }
    }

    /// A failure of the identity phase. A network error met there, or another signing key, is `other` in Go.
    package static func identity(_ text: String, _ rules: NoemaRules) -> Reason {
        rules == .go ? first(goIdentity, in: text) ?? .other : network(text, .rust)
    }

    /// A failure of replay. `nil` text is no failure.
    package static func replay(_ text: String?, sentinel: Sentinel? = nil, _ rules: NoemaRules) -> Reason? {
        guard let text else { return nil }
        guard rules == .go else { return network(text, .rust) }
        switch sentinel {
        case .invalidTraceID: return .invalidTraceID
        case .invalidFrontmatter: return .invalidFrontmatter
        case nil: return first(goReplay, in: text) ?? .other
        }
    }

    static func replay(_ failure: NoemaFailure, _ rules: NoemaRules) -> Reason {
        if case .invalidTraceID = failure, rules == .go { return .invalidTraceID }
        return replay(failure.text(rules), rules) ?? .other
    }

    private typealias Table = [(texts: [String], reason: Reason)]

    private static func first(_ table: Table, in text: String) -> Reason? {
        table.first { row in row.texts.contains { text.contains($0) } }?.reason
    }

    private static let goNetwork: Table = [
        (["connection refused"], .networkRefused),
        (["i/o timeout", "context deadline exceeded", "deadline exceeded"], .networkTimeout),
        (["no such host", "server misbehaving", "no route to host"], .networkDNS),
        (["x509:", "tls:", "certificate"], .networkTLS),
        (["connection reset"], .networkReset),
        (["EOF"], .networkEOF),
        (["401", "Unauthorized"], .auth),
    ]

    private static let goIdentity: Table = [
        (["identity mismatch"], .identityMismatch),
        (["no cortex id", "pre-dates the cortex-id"], .identityMissing),
        (["schema version"], .invalidFrontmatter),
    ]

    private static let goReplay: Table = [
        (["unknown action"], .unknownAction),
        (["unrecognized type", "unknown trace type"], .unknownType),
    ]

    private static let rust: Table = [
        (["identity mismatch", "signing key"], .identityMismatch),
        (["unauthorized", "http status 401", "status: 401", "status 401"], .auth),
        (["tls", "certificate"], .networkTLS),
        (
            [
                "connection refused", "client error (connect)", "tcp connect error", "connect error",
                "error sending request for url",
            ], .networkRefused
        ),
        (["timeout", "deadline"], .networkTimeout),
        (["dns", "no such host"], .networkDNS),
        (["unknown action", "does not replay action"], .unknownAction),
        (["invalid trace id"], .invalidTraceID),
    ]
}

extension TransportFailure {
    /// What a client of either line says of it: Go's words, of which Rust's table knows most.
    var noemaText: String {
        switch self {
        case .refused: "dial tcp 192.0.2.1:3000: connect: connection refused"
        case .timeout: "context deadline exceeded"
        case .nameResolution: "dial tcp: lookup peer: no such host"
        case .tls: "tls: failed to verify certificate: x509: certificate signed by unknown authority"
        case .reset: "read tcp 192.0.2.1:3000: connection reset by peer"
        case .endOfFile: "unexpected EOF"
        case .answerTooLarge, .malformedAnswer, .cancelled, .other, .forbiddenAddress: "request failed"
        }
    }
}
