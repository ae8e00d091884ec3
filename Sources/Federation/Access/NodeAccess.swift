internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationHTTP
internal import Synchronization

/// Who may ask this node, and what it shows to those it asks: keys and certificates as their files say now.
final class NodeAccess: Sendable {
    private struct State {
        var policy = AccessPolicy()
        var page = AccessPolicy()
        var pageServer: ServerTLS?
        var proxies = ProxyPolicy([])
        var keys: AccessKeys?
        var certificate: CertificateFacts?
        var server: ServerTLS?
        /// What the files were when they were read.
        var read: [String: FileSignature] = [:]
        /// What the configuration names could not be read as a whole.
        var isUntaken = false
        /// Of the certificates that vouch for clients.
        var authority: Digest?
        var rates = RateLimiter(
            rate: Limits.requestsPerSecond, burst: Limits.requestBurst, senders: Limits.sendersRemembered)
        var refusalRates = RateLimiter(
            rate: Limits.refusalsPerSecond, burst: Limits.refusalBurst, senders: Limits.sendersRemembered)
        var refused = RefusedRequests()
    }

    /// The certificate that is served.
    struct CertificateFacts: Hashable, Sendable {
        var file: String
        var validity: ClosedRange<Int64>
        var key: Digest
    }

    /// Which of the listeners is asked.
    enum Door { case peers, page }

    private let began = ContinuousClock.now
    private let state = Mutex(State())

    // MARK: What the files say

    /// Reads every key and certificate that the configuration names. On failure what was read before stands.
    ///
    /// - Returns: whether others are admitted now than before.
    @discardableResult
    func take(_ config: Config, beside path: String, now: WallTime) throws(CommandFailure) -> Bool {
        let files = NodeAccess.files(of: config, beside: path)
        // Before the files are read: one that changes meanwhile is read again.
        let signatures = Dictionary(uniqueKeysWithValues: files.map { ($0, FileSignature($0)) })
        state.withLock { $0.isUntaken = true }
        let keys = try AccessKeys(config, beside: path)
        let material = try TLSMaterial(config, beside: path, now: now)
        var policy = AccessPolicy()
        policy.keys = keys.accepted
        policy.asksForCertificate = config.tls.clientAuthority != nil
        for peer in config.peers { if let pin = peer.tlsPin { policy.pins[pin] = peer.name } }
        return state.withLock { state in
            let isOther = state.policy != policy || state.authority != material?.authorityDigest
            state.isUntaken = false
            state.authority = material?.authorityDigest
            state.policy = policy
            state.page.keys = keys.acceptedByPage
            state.proxies = ProxyPolicy(config.access.proxies)
            state.keys = keys
            state.read = signatures
            guard let material, let file = config.tls.certificate else { return isOther }
            state.certificate = CertificateFacts(
                file: AccessFile.path(file, beside: path), validity: material.facts.validity, key: material.facts.key)
            if let server = state.pageServer {
                server.certificate = material.certificate
            } else {
                // A browser that has a certificate would ask its user which one to show.
                state.pageServer = ServerTLS(material.certificate)
            }
            if let server = state.server {
                server.certificate = material.certificate
                server.authority = material.authority
            } else {
                // Clients are always asked: a pin may come with the next change of the configuration.
                state.server = ServerTLS(material.certificate, asksClients: true, authority: material.authority)
            }
            return isOther
        }
    }

    /// Whether a file is another than the one that was read, or one could not be.
    var isStale: Bool {
        let (read, isUntaken) = state.withLock { ($0.read, $0.isUntaken) }
        return isUntaken || read.contains { FileSignature($0.key) != $0.value }
    }

    /// Also those that are read only when a peer is asked: it is asked anew once they change.
    private static func files(of config: Config, beside path: String) -> Set<String> {
        let names = [
            config.access.sharedKeyFile, config.tls.certificate, config.tls.key, config.tls.clientAuthority,
            config.page.keyFile, config.tls.clientCertificate, config.tls.clientKey,
        ] + config.peers.flatMap { [$0.keyFile, $0.authority] }
        return Set(names.compactMap { $0 }.map { AccessFile.path($0, beside: path) })
    }

    var server: ServerTLS? { state.withLock { $0.server } }
    var pageServer: ServerTLS? { state.withLock { $0.pageServer } }
    /// Whether whoever looks at the page must show its key.
    var pageAsksForKey: Bool { state.withLock { !$0.page.isOpen } }
    var certificate: CertificateFacts? { state.withLock { $0.certificate } }
    var keySource: AccessKeys.Source? { state.withLock { $0.keys?.source } }
    var overriddenKeyFile: String? { state.withLock { $0.keys?.overridden } }
    var refused: RefusedRequests { state.withLock { $0.refused } }

    // MARK: As a server

    /// Who asks, and from where.
    struct Sender: Sendable {
        var caller: AccessPolicy.Caller
        var address: String
        /// The certificates that vouched for it, as they were.
        fileprivate var authority: Digest?
    }

    func admit(_ request: ServedRequest, at door: Door = .peers) throws(AccessFailure) -> Sender {
        let now = Instant(began.duration(to: .now))
        let (policy, authority, address) = state.withLock { state in
            (door == .page ? state.page : state.policy, state.authority, state.proxies.origin(of: request.remoteAddress, request.fields))
        }
        let caller: AccessPolicy.Caller
        do throws(AccessPolicy.Refusal) {
            caller = try policy.caller(request.fields, over: request.channel, sha256: sha256)
        } catch {
            // Who has the key is answered, whoever else stands behind the same address.
            let isWithinRate = state.withLock { $0.refusalRates.allows(address, at: now) }
            throw refuse(isWithinRate ? AccessFailure(error) : .rate)
        }
        var sender = address
        if case .peer(let name) = caller { sender = "peer " + name }
        guard state.withLock({ $0.rates.allows(sender, at: now) }) else { throw refuse(.rate) }
        return Sender(caller: caller, address: address, authority: authority)
    }

    /// Whether a request that was admitted would be admitted now: it was held, and keys may have changed. Where the
    /// authorities have, a client is to ask again, and is looked at anew.
    func stillAdmits(_ request: ServedRequest, as sender: Sender, at door: Door = .peers) -> Bool {
        let (policy, authority) = state.withLock { (door == .page ? $0.page : $0.policy, $0.authority) }
        let now = try? policy.caller(request.fields, over: request.channel, sha256: sha256)
        return now == sender.caller && authority == sender.authority
    }

    /// Keys that are accepted and so short that they could be guessed.
    var hasShortKey: Bool { state.withLock { $0.keys?.shortest.map { $0 < Limits.keyLength } ?? false } }

    func count(_ cause: RefusedRequests.Cause) { state.withLock { $0.refused.count(cause) } }

    private func refuse(_ failure: AccessFailure) -> AccessFailure {
        count(failure.cause)
        return failure
    }

    // MARK: As a client

    /// What is shown to a peer, and what it must show.
    func credentials(for peer: Config.Peer, of config: Config, beside path: String) -> ChannelCredentials {
        var credentials = ChannelCredentials()
        credentials.authority = peer.authority.map { AccessFile.path($0, beside: path) }
        credentials.pin = peer.tlsPin
        guard let endpoint = peer.endpoint else { return credentials }
        if endpoint.scheme == .https, let chain = config.tls.clientCertificate, let key = config.tls.clientKey {
            credentials.certificate = (AccessFile.path(chain, beside: path), AccessFile.path(key, beside: path))
        }
        // The configuration is refused where a key would cross a network in clear; this is the lock behind that door.
        if endpoint.scheme == .https || endpoint.isLoopback || config.access.allowOpen {
            credentials.bearer = state.withLock { $0.keys?.sent(to: peer.name) }
        }
        return credentials
    }

    /// Another one where a peer is shown something else than before, or must show it: also by another file of the same name.
    func channel(to peer: Config.Peer, of config: Config, beside path: String) -> Digest {
        let credentials = credentials(for: peer, of: config, beside: path)
        let files = [credentials.authority, credentials.certificate?.chain, credentials.certificate?.key]
        let parts = [credentials.bearer?.digest().hex ?? "", credentials.pin?.hex ?? ""]
            + files.map { $0.map { "\($0) \(FileSignature($0))" } ?? "" }
        return sha256(Array(parts.joined(separator: "\n").utf8))
    }
}

/// Why a request is turned away.
enum AccessFailure: Error, Hashable, Sendable {
    case key
    case certificate
    case contradiction
    case rate

    init(_ refusal: AccessPolicy.Refusal) {
        self =
            switch refusal {
            case .key: .key
            case .certificate: .certificate
            case .contradiction: .contradiction
            }
    }

    var cause: RefusedRequests.Cause {
        switch self {
        case .key: .key
        case .certificate: .certificate
        case .contradiction: .contradiction
        case .rate: .rate
        }
    }

    var response: HTTPResponse {
        switch self {
        case .key:
            // Word for word what Noema nodes answer, and look for (its section 2.4).
            HTTPResponse(
                status: 401, fields: ["Content-Type": "application/json"],
                body: Array("{\"error\":\"unauthorized: NOEMA_MCP_KEY / access.shared_key_file required\"}".utf8))
        case .certificate, .contradiction:
            HTTPResponse(
                status: 403, fields: ["Content-Type": "application/json"],
                body: Array("{\"error\":{\"code\":\"\(cause.rawValue)\"}}".utf8))
        case .rate: HTTPResponse(status: 429, fields: ["Retry-After": "1"])
        }
    }
}
