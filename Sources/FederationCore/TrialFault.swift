/// The steps of a poll, in the order in which they are shown.
package enum TrialStep: String, Hashable, Sendable, CaseIterable {
    case config, dns, tcp, tls, identity, auth, page, verify, replay, commit
}

/// Whose word it is that a peer is another node, or has another key, than the one that answers.
package enum IdentitySource: String, Hashable, Sendable {
    case config
    /// A person compared the words.
    case paired
    /// The first answer was believed.
    case pinned
    /// The key that was known so far has signed that this one takes its place.
    case succession
}

/// Why one step of a poll does not go well: typed facts, from which its step, its reason and what mends it follow.
package enum TrialFault: Hashable, Sendable {
    // config
    case paused
    /// It cannot be asked: it comes to us.
    case comesToUs
    case nothingFlows(own: NodeMode, peer: PeerMode)
    /// This node writes nothing: its database is a copy, or older than what was published.
    case stopped(isCopy: Bool)
    /// A file with keys or certificates cannot be used.
    case keyFile(String)
    // dns, tcp, tls
    case nameUnknown
    case nameTimeout
    case refused
    case connectTimeout
    case forbiddenAddress(AddressKind)
    case tls(TLSFault)
    // identity
    /// It is connected, and does not answer the first question.
    case silent(TransportFailure)
    case noNode(status: Int)
    case noIdentity
    case oldManifest(Int)
    case ourselves
    case otherNode(expected: ULID, shown: ULID, by: IdentitySource)
    case otherKey(expected: String, shown: String?, by: IdentitySource)
    /// A person has to say first who it is.
    case waits
    /// It speaks another wire than the one it was pinned with.
    case otherWire(WireName?)
    // auth
    case keyRefused
    case forbidden
    case secretMissing
    // page
    case busy
    case servesNothing
    /// Nothing is fetched from it, and by the mode that it shows it fetches nothing either.
    case fetchesNothing
    case status(Int)
    case broken(TransportFailure)
    case malformed(WireViolation)
    case remoteError
    case endless
    // verify, replay
    /// An event of the next page is not taken, or not applied.
    case event(ReplayProblem, code: String)
    /// The next page is well, but events that came before are still not applied.
    case aside(ReplayProblem, code: String, held: Int, refused: Int)
    // commit
    case store(StoreFailure)

    package var step: TrialStep {
        switch self {
        case .paused, .comesToUs, .nothingFlows, .stopped, .keyFile: .config
        case .nameUnknown, .nameTimeout: .dns
        case .refused, .connectTimeout, .forbiddenAddress: .tcp
        case .tls: .tls
        case .silent, .noNode, .noIdentity, .oldManifest, .ourselves, .otherNode, .otherKey, .waits, .otherWire: .identity
        case .keyRefused, .forbidden, .secretMissing: .auth
        case .busy, .servesNothing, .fetchesNothing, .status, .broken, .malformed, .remoteError, .endless: .page
        case .event(let problem, _), .aside(let problem, _, _, _): problem.reason == .signature ? .verify : .replay
        case .store: .commit
        }
    }

    /// `nil` for what is no failure of a poll: it is not polled, waits or is left alone.
    package var reason: Reason? {
        switch self {
        case .paused, .comesToUs, .nothingFlows, .stopped, .waits, .busy, .fetchesNothing: nil
        case .keyFile, .keyRefused, .forbidden, .secretMissing: .auth
        case .nameUnknown, .nameTimeout: .networkDNS
        case .refused: .networkRefused
        case .connectTimeout: .networkTimeout
        case .forbiddenAddress, .noNode, .otherWire, .servesNothing, .status, .malformed, .remoteError, .endless: .other
        case .tls: .networkTLS
        case .silent(let failure), .broken(let failure): failure.reason
        case .noIdentity: .identityMissing
        case .oldManifest: .invalidFrontmatter
        case .ourselves, .otherNode, .otherKey: .identityMismatch
        case .event(let problem, _), .aside(let problem, _, _, _): problem.reason
        case .store(let failure): failure.isFull ? .storeFull : .other
        }
    }

    /// A word that names the case, for machine-readable output.
    package var code: String {
        switch self {
        case .paused: "paused"
        case .comesToUs: "comes_to_us"
        case .nothingFlows: "nothing_flows"
        case .stopped(let isCopy): isCopy ? "copied" : "behind"
        case .keyFile: "key_file"
        case .nameUnknown: "name_unknown"
        case .nameTimeout: "name_timeout"
        case .refused: "refused"
        case .connectTimeout: "connect_timeout"
        case .forbiddenAddress: "forbidden_address"
        case .tls(let fault): "tls_" + fault.rawValue
        case .silent: "no_answer"
        case .noNode: "no_node"
        case .noIdentity: "no_identity"
        case .oldManifest: "old_manifest"
        case .ourselves: "ourselves"
        case .otherNode: "other_node"
        case .otherKey: "other_key"
        case .waits: "waits_for_person"
        case .otherWire: "other_wire"
        case .keyRefused: "key_refused"
        case .forbidden: "forbidden"
        case .secretMissing: "secret_missing"
        case .busy: "busy"
        case .servesNothing: "serves_nothing"
        case .fetchesNothing: "fetches_nothing"
        case .status: "status"
        case .broken: "broken_off"
        case .malformed: "malformed"
        case .remoteError: "remote_error"
        case .endless: "endless"
        case .event(_, let code), .aside(_, let code, _, _): code
        case .store(let failure):
            switch failure {
            case .full: "disk_full"
            case .quota: "store_quota"
            case .readOnly, .cannotOpen: "store_not_writable"
            case .corrupt: "store_damaged"
            case .busy: "store_busy"
            case .olderSchema, .newerSchema, .notOurs, .io, .interrupted, .other: "store"
            }
        }
    }
}

extension TrialFault {
    /// Why who answers is not accepted.
    package init(_ refusal: PeerRule.Refusal, shown: PeerIdentity) {
        self =
            switch refusal {
            case .ourselves: .ourselves
            case .otherNode(let expected, let source): .otherNode(expected: expected, shown: shown.id, by: source)
            case .otherKey(let expected, let source):
                .otherKey(expected: expected, shown: shown.publicKey.flatMap { PublicKey($0)?.text }, by: source)
            }
    }

    /// What a conversation came to, given how far it had come.
    ///
    /// - Parameters:
    ///   - isKnown: who answers had been accepted.
    ///   - isNumeric: the endpoint is an address, and no name is looked up.
    ///   - route: of the request that failed.
    package init(_ failure: ExchangeFailure, isKnown: Bool, isTLS: Bool, isNumeric: Bool, route: RouteFacts) {
        switch failure {
        case .transport(let transport):
            self = TrialFault.transport(
                transport, isKnown: isKnown, isTLS: isTLS, isNumeric: isNumeric, route: route)
        case .status(401): self = .keyRefused
        case .status(403): self = .forbidden
        case .status(HTTPResponse.busy): self = .busy
        case .status(let status): self = isKnown ? .status(status) : .noNode(status: status)
        case .identityMissing: self = .noIdentity
        case .manifestVersion(let version): self = .oldManifest(version)
        // The host judges identities; an exchange says so where the node that answers has changed amid the conversation.
        case .identityMismatch: self = .noIdentity
        case .peerServesNothing: self = .servesNothing
        case .malformed(let violation): self = isKnown ? .malformed(violation) : .noIdentity
        case .remoteError: self = isKnown ? .remoteError : .noIdentity
        case .replay(let problem): self = .event(problem, code: problem.reason.rawValue)
        case .store(let failure): self = .store(failure)
        case .wireChanged: self = .otherWire(nil)
        case .tooManyPages: self = .endless
        case .secretMissing: self = .secretMissing
        }
    }

    private static func transport(
        _ failure: TransportFailure, isKnown: Bool, isTLS: Bool, isNumeric: Bool, route: RouteFacts
    ) -> TrialFault {
        switch failure {
        case .nameResolution: return .nameUnknown
        case .refused where !route.isConnected: return .refused
        case .forbiddenAddress(let kind): return .forbiddenAddress(kind)
        case .tls: return .tls(route.tls ?? .handshake)
        case .timeout where route.lookedUp == nil && !isNumeric && !route.isConnected: return .nameTimeout
        case .timeout where !route.isConnected: return .connectTimeout
        // What answers an encrypted greeting in no time or in clear speaks something else.
        case _ where isTLS && route.isConnected && route.secured == nil && !isKnown: return .tls(.handshake)
        default: return isKnown ? .broken(failure) : .silent(failure)
        }
    }
}
