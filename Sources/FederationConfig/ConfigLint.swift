package import FederationCore

/// What is known of a node beside its configuration, for judging what that will come to.
package struct LintKnowledge: Hashable, Sendable {
    /// This node's identity.
    package var own: ULID?
    /// The mode that a peer's node showed when it was met last, by the name of its entry.
    package var shownModes: [String: NodeMode] = [:]
    /// Peers that a person has confirmed.
    package var paired: Set<String> = []
    /// What the database takes, without what is to be used again.
    package var databaseBytes: Int64?
    /// A key for requests comes from the environment.
    package var hasEnvironmentKey = false

    package init() {}
}

extension DecodedConfig {
    /// What is allowed, and has consequences that are hardly meant, in the order of the text.
    package func findings(_ known: LintKnowledge = LintKnowledge()) -> [ConfigWarning] {
        var lint = ConfigLint(config: config, root: root, known: known)
        lint.run()
        return (warnings + lint.found).enumerated().sorted {
            ($0.element.at, $0.offset) < ($1.element.at, $1.offset)
        }.map(\.element)
    }
}

/// Goes through a configuration, one subject after another.
private struct ConfigLint {
    let config: Config
    let root: YAMLNode
    let known: LintKnowledge
    private(set) var found: [ConfigWarning] = []

    init(config: Config, root: YAMLNode, known: LintKnowledge) {
        self.config = config
        self.root = root
        self.known = known
    }

    mutating func run() {
        listeners()
        access()
        node()
        for (index, peer) in config.peers.enumerated() { self.peer(peer, [.key("peers"), .index(index)]) }
    }

    private mutating func warn(_ fact: ConfigWarning.Fact, _ path: ConfigPath) {
        found.append(ConfigWarning(at: root.nearest(to: path).at, path: path, fact: fact))
    }

    // MARK: The node

    private var listening: [ListenAddress] { config.listening }
    private var hasRingKey: Bool { known.hasEnvironmentKey || config.access.sharedKeyFile != nil }

    private mutating func listeners() {
        let all: [(ListenAddress?, ConfigPath)] = [
            (config.listen, [.key("listen")]), (config.tls.listen, [.key("tls"), .key("listen")]),
            (config.monitor.listen, [.key("monitor"), .key("listen")]), (config.page.listen, [.key("page"), .key("listen")]),
        ]
        var seen: [ListenAddress: ConfigPath] = [:]
        for case (let listen?, let path) in all {
            if listen.port != 0, let first = seen[listen] { warn(.sameListener(listen, first: first), path) }
            seen[listen] = seen[listen] ?? path
            // Of a monitor and a page the node says where they are.
            let isTold = ([[.key("monitor"), .key("listen")], [.key("page"), .key("listen")]] as [ConfigPath]).contains(path)
            if listen.port == 0, !isTold { warn(.randomPort, path) }
        }
        if config.access.allowOpen {
            if let listen = config.listen, !listen.isLoopback { warn(.openInClear, [.key("listen")]) }
            if let listen = config.tls.listen, !listen.isLoopback, !asksForProof { warn(.openWithoutKey, [.key("tls"), .key("listen")]) }
            if let listen = config.monitor.listen, !listen.isLoopback { warn(.monitorOpen, [.key("monitor"), .key("listen")]) }
            let isNeeded = all.contains { $0.0.map { !$0.isLoopback } ?? false } || config.peers.contains { sendsKeyInClear($0) }
            if !isNeeded { warn(.allowOpenUnneeded, [.key("access"), .key("allow_open")]) }
        }
        let fetched = config.peers.contains { config.serves($0) && !($0.endpoint?.isLoopback ?? true) }
        if fetched, !listening.isEmpty, listening.allSatisfy(\.isLoopback) {
            warn(.onlyThisMachineReachesUs, [.key(config.listen == nil ? "tls" : "listen")])
        }
        if listening.isEmpty {
            if !config.hosts.isEmpty { warn(.withoutListener("hosts"), [.key("hosts")]) }
            if !config.access.proxies.isEmpty { warn(.withoutListener("access.proxies"), [.key("access"), .key("proxies")]) }
        }
    }

    /// Somebody who asks over TLS has to show something.
    private var asksForProof: Bool {
        hasRingKey || config.tls.clientAuthority != nil || config.peers.contains { $0.keyFile != nil }
    }

    private mutating func access() {
        for range in config.access.announcedAllow {
            for kind in [AddressKind.metadata, .loopback] where AddressGuard.has(kind, in: range) {
                warn(.announcedAllows(kind), [.key("access"), .key("announced_allow")])
            }
        }
        if config.tls.clientCertificate != nil, !config.peers.contains(where: { $0.endpoint?.scheme == .https }) {
            warn(.clientCertificateUnused, [.key("tls"), .key("client_certificate")])
        }
        if config.access.firstContact == .ask, !config.peers.isEmpty, config.peers.allSatisfy({ $0.id != nil && $0.publicKey != nil }) {
            warn(.firstContactUnneeded, [.key("access"), .key("first_contact")])
        }
    }

    private mutating func node() {
        if config.peers.isEmpty {
            // A node that others fetch from need not know them.
            if listening.isEmpty { warn(.alone, [.key("peers")]) }
        } else if config.peers.allSatisfy({ $0.mode == .paused }) {
            warn(.allPaused, [.key("peers")])
        }
        if config.verify == .off, config.peers.contains(where: { $0.publicKey != nil }) { warn(.keysWithoutVerify, [.key("verify")]) }
        if ["/tmp/", "/var/tmp/", "/dev/shm/"].contains(where: { config.data.hasPrefix($0) }) { warn(.dataIsTemporary, [.key("data")]) }
        if let size = known.databaseBytes, let limit = config.store.maxSize, size > limit.bytes {
            warn(.quotaIsPassed(size: size), [.key("store"), .key("max_size")])
        }
    }

    // MARK: Peers

    private func sendsKeyInClear(_ peer: Config.Peer) -> Bool {
        guard let endpoint = peer.endpoint, endpoint.scheme == .http, !endpoint.isLoopback else { return false }
        return hasRingKey || peer.keyFile != nil
    }

    private mutating func peer(_ peer: Config.Peer, _ entry: ConfigPath) {
        if let id = peer.id, id == known.own { warn(.ownIdentity, entry.appending(.key("id"))) }
        if let endpoint = peer.endpoint { way(to: peer, endpoint, entry) }
        modes(of: peer, entry)
        if peer.verify == .off, config.verify != .off { warn(.takesUnsigned, entry.appending(.key("verify"))) }
        let isNamed = peer.id != nil && peer.publicKey != nil
        if peer.firstContact == .ask, isNamed { warn(.firstContactUnneeded, entry.appending(.key("first_contact"))) }
        if config.firstContact(of: peer) == .ask, !isNamed, peer.mode != .paused, !known.paired.contains(peer.name) {
            let key: PathPart = peer.firstContact == nil ? .key("name") : .key("first_contact")
            warn(.waitsForPerson(peer: peer.name), entry.appending(key))
        }
        if config.interval(for: peer) > .seconds(3600), config.fetches(from: peer), peer.endpoint != nil {
            warn(.seldomPolled(config.interval(for: peer)), entry.appending(.key(peer.interval == nil ? "name" : "interval")))
        }
        if peer.comesToUs, !listening.isEmpty, listening.allSatisfy(\.isLoopback) {
            warn(.onlyThisMachineComes, entry.appending(.key("name")))
        }
    }

    private mutating func way(to peer: Config.Peer, _ endpoint: Endpoint, _ entry: ConfigPath) {
        let at = entry.appending(.key("endpoint"))
        if ["0.0.0.0", "::"].contains(endpoint.host.text) { return warn(.endpointIsNowhere, at) }
        if endpoint.scheme == .http {
            if peer.tlsPin != nil { warn(.uncheckedWithoutTLS("tls_pin"), entry.appending(.key("tls_pin"))) }
            if peer.authority != nil { warn(.uncheckedWithoutTLS("ca"), entry.appending(.key("ca"))) }
            if sendsKeyInClear(peer) {
                warn(.keyInClear, at)
            } else if !endpoint.isLoopback {
                warn(.plainHTTP, at)
            }
        }
        if let listen = config.tls.listen, endpoint.scheme == .https, endpoint.port == listen.port,
            endpoint.host.text == listen.address || config.hosts.contains(endpoint.host.text)
        {
            warn(.endpointIsOurOwn, at)
        }
        let same = config.peers.first { other in
            other.name != peer.name && other.endpoint.map { $0 != endpoint && $0.leadsWhere(endpoint) } ?? false
        }
        if let same, same.name < peer.name { warn(.sameEndpoint(same.name), at) }
    }

    /// What the peer's node has shown of its own mode, against ours.
    private mutating func modes(of peer: Config.Peer, _ entry: ConfigPath) {
        guard let shown = known.shownModes[peer.name], peer.mode != .paused else { return }
        let comesIn = config.fetches(from: peer) && shown.serves
        let goesOut = config.serves(peer) && shown.fetches
        guard config.fetches(from: peer) || config.serves(peer), !comesIn else { return }
        if !goesOut {
            warn(.bothSidesLetNothingFlow(own: config.mode, theirs: shown), entry.appending(.key("mode")))
        } else if config.fetches(from: peer) {
            warn(.peerServesNothing, entry.appending(.key("mode")))
        }
    }
}

extension Endpoint {
    /// Another spelling of the same place of this machine.
    fileprivate func leadsWhere(_ other: Endpoint) -> Bool { port == other.port && isLoopback && other.isLoopback && path == other.path }
}
