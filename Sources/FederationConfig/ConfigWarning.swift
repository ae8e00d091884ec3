package import FederationCore

/// Something that is allowed, but hardly meant: what it will come to.
package struct ConfigWarning: Hashable, Sendable {
    package enum Severity: String, Hashable, Sendable, CaseIterable {
        /// Something that the configuration asks for cannot happen.
        case broken
        /// Somebody may read, change or lose what is not meant for that.
        case risk
        /// It works, and not as one may think.
        case notice
    }

    package enum Fact: Hashable, Sendable {
        /// The peer's endpoint is what this node itself listens on.
        case endpointIsOurOwn
        /// With these two modes nothing goes either way.
        case nothingFlows(own: NodeMode, peer: PeerMode)
        /// The only way open is for others to pull from here, and nothing listens.
        case nothingListens
        /// A peer without an endpoint comes to us, and nothing listens.
        case nobodyCanCome
        /// Two peers must show one identity.
        case sameIdentity(ULID, first: Mark)
        /// A peer's own `verify` only ever relaxes the node's.
        case verifyRelaxesNothing(own: Config.Verify)
        /// The mode that the peer's node shows lets nothing through beside ours.
        case bothSidesLetNothingFlow(own: NodeMode, theirs: NodeMode)
        case peerServesNothing
        case ownIdentity
        case endpointIsNowhere
        case sameEndpoint(String)
        case sameListener(ListenAddress, first: ConfigPath)
        case allPaused
        case quotaIsPassed(size: Int64)
        case waitsForPerson(peer: String)
        case openInClear
        case openWithoutKey
        case monitorOpen
        case keyInClear
        case plainHTTP
        case uncheckedWithoutTLS(String)
        case announcedAllows(AddressKind)
        case keysWithoutVerify
        case takesUnsigned
        case dataIsTemporary
        case randomPort
        case allowOpenUnneeded
        case onlyThisMachineReachesUs
        case onlyThisMachineComes
        case withoutListener(String)
        case clientCertificateUnused
        case firstContactUnneeded
        case alone
        case seldomPolled(Duration)
    }

    package var at: Mark
    package var path: ConfigPath
    package var fact: Fact

    /// As `ConfigProblem.line(in:)`.
    package func line(in file: String) -> String { ConfigProblem.line(in: file, at: at, path: path, text: text) }

    package var severity: Severity { fact.kind.severity }
    /// A word that names the case, for machine-readable output.
    package var code: String { fact.kind.rawValue }

    /// The consequence, in one sentence.
    package var text: String {
        switch fact {
        case .endpointIsOurOwn: "this is the address that this node itself listens on"
        case .nothingFlows(let own, let peer):
            "nothing will flow: this node's mode is '\(own.rawValue)' and the peer's is '\(peer.rawValue)'"
        case .nothingListens: "nothing will flow: by its mode others pull from this node, but it has no 'listen'"
        case .verifyRelaxesNothing(let own):
            "this relaxes nothing: a peer's 'verify' counts only where it asks for less than the node's '\(own.rawValue)'"
        case .nobodyCanCome:
            "only bundles lead to this peer: without 'endpoint' it comes to us, but this node has no 'listen'"
        case .sameIdentity(_, let first): "another peer has the same identity, first at \(first)"
        case .bothSidesLetNothingFlow(let own, let theirs):
            "nothing will flow: this node's mode is '\(own.rawValue)', and the peer's node shows '\(theirs.rawValue)'"
        case .peerServesNothing: "nothing will come from this peer: its node shows mode 'subscribe', and serves nobody"
        case .ownIdentity: "this is this node's own identity: whoever shows it is refused"
        case .endpointIsNowhere: "this is no address to ask at: a node listens there, and is reached at another"
        case .sameEndpoint(let other): "peer '\(other.shown)' leads to the same place: what is there is asked for twice"
        case .sameListener(_, let first): "'\(first)' has the same address: the node will not start"
        case .allPaused: "nothing will flow: every peer is paused"
        case .quotaIsPassed(let size): "nothing will be taken in: the database has \(size) bytes already"
        case .waitsForPerson(let peer): "nothing will be exchanged before a person has run 'federation pair \(peer)'"
        case .openInClear: "whoever reaches this address can read the log, and on the way read and change what is sent"
        case .openWithoutKey: "whoever reaches this address can read the log: nobody is asked for a key"
        case .monitorOpen: "whoever reaches this address can read the names of peers and how they are, in clear"
        case .keyInClear: "the key for requests crosses the network in clear: whoever listens can use it"
        case .plainHTTP: "what is exchanged can be read on the way, and who answers is known by its signature alone"
        case .uncheckedWithoutTLS(let key): "this checks nothing: '\(key)' counts for https, and the endpoint is http"
        case .announcedAllows(.metadata):
            "addresses where a cloud keeps its secrets are among these: they are not asked all the same"
        case .announcedAllows(let kind):
            "others can have this node ask addresses of the kind '\(kind.rawValue)' by naming them"
        case .keysWithoutVerify: "no event is checked: 'pubkey' of a peer then says only which key that peer must show"
        case .takesUnsigned: "whoever answers for this peer can write in its name: its own events are not checked"
        case .dataIsTemporary: "the database may be gone after the next start of the machine"
        case .randomPort: "another port is listened on after each start: peers cannot be told where"
        case .allowOpenUnneeded: "nothing needs this: a later change could open the node without a question"
        case .onlyThisMachineReachesUs: "nobody on another machine can fetch from here: what is written here goes out only by being pushed"
        case .onlyThisMachineComes: "this peer can come only if it runs on this machine: the node listens on loopback alone"
        case .withoutListener(let key): "'\(key)' has no effect: nothing is listened on"
        case .clientCertificateUnused: "this has no effect: no endpoint of a peer is https"
        case .firstContactUnneeded: "this has no effect: 'id' and 'pubkey' say who the peer is"
        case .alone: "nothing will flow: there is no peer, and nobody can come"
        case .seldomPolled(let interval):
            "what this peer has may come \(interval.shortText) late, where it cannot hold a request until it has news"
        }
    }
}

extension ConfigWarning {
    /// What kind of thing it is: the words stand in machine-readable output.
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        case endpointIsOurOwn = "endpoint_is_own"
        case nothingFlows = "nothing_flows"
        case nothingListens = "nothing_listens"
        case nobodyCanCome = "nobody_can_come"
        case sameIdentity = "same_identity"
        case verifyRelaxesNothing = "verify_relaxes_nothing"
        case bothSidesLetNothingFlow = "both_sides"
        case peerServesNothing = "peer_serves_nothing"
        case ownIdentity = "own_identity"
        case endpointIsNowhere = "endpoint_is_nowhere"
        case sameEndpoint = "same_endpoint"
        case sameListener = "same_listener"
        case allPaused = "all_paused"
        case quotaIsPassed = "quota_passed"
        case waitsForPerson = "waits_for_person"
        case openInClear = "open_in_clear"
        case openWithoutKey = "open_without_key"
        case monitorOpen = "monitor_open"
        case keyInClear = "key_in_clear"
        case plainHTTP = "plain_http"
        case uncheckedWithoutTLS = "unchecked_without_tls"
        case announcedAllows = "announced_allows"
        case keysWithoutVerify = "keys_without_verify"
        case takesUnsigned = "takes_unsigned"
        case dataIsTemporary = "data_is_temporary"
        case randomPort = "random_port"
        case allowOpenUnneeded = "allow_open_unneeded"
        case onlyThisMachineReachesUs = "loopback_only"
        case onlyThisMachineComes = "loopback_only_peer"
        case withoutListener = "without_listener"
        case clientCertificateUnused = "client_certificate_unused"
        case firstContactUnneeded = "first_contact_unneeded"
        case alone
        case seldomPolled = "seldom_polled"

        package var severity: Severity {
            switch self {
            case .endpointIsOurOwn, .nothingFlows, .nothingListens, .sameIdentity, .bothSidesLetNothingFlow,
                .peerServesNothing, .ownIdentity, .endpointIsNowhere, .sameEndpoint, .sameListener, .allPaused, .quotaIsPassed, .alone:
                .broken
            case .openInClear, .openWithoutKey, .monitorOpen, .keyInClear, .plainHTTP, .uncheckedWithoutTLS, .announcedAllows,
                .keysWithoutVerify, .takesUnsigned, .dataIsTemporary:
                .risk
            case .nobodyCanCome, .verifyRelaxesNothing, .waitsForPerson, .randomPort, .allowOpenUnneeded, .onlyThisMachineReachesUs,
                .onlyThisMachineComes, .withoutListener, .clientCertificateUnused, .firstContactUnneeded, .seldomPolled:
                .notice
            }
        }
    }
}

extension ConfigWarning.Fact {
    package var kind: ConfigWarning.Kind {
        switch self {
        case .endpointIsOurOwn: .endpointIsOurOwn
        case .nothingFlows: .nothingFlows
        case .nothingListens: .nothingListens
        case .nobodyCanCome: .nobodyCanCome
        case .sameIdentity: .sameIdentity
        case .verifyRelaxesNothing: .verifyRelaxesNothing
        case .bothSidesLetNothingFlow: .bothSidesLetNothingFlow
        case .peerServesNothing: .peerServesNothing
        case .ownIdentity: .ownIdentity
        case .endpointIsNowhere: .endpointIsNowhere
        case .sameEndpoint: .sameEndpoint
        case .sameListener: .sameListener
        case .allPaused: .allPaused
        case .quotaIsPassed: .quotaIsPassed
        case .waitsForPerson: .waitsForPerson
        case .openInClear: .openInClear
        case .openWithoutKey: .openWithoutKey
        case .monitorOpen: .monitorOpen
        case .keyInClear: .keyInClear
        case .plainHTTP: .plainHTTP
        case .uncheckedWithoutTLS: .uncheckedWithoutTLS
        case .announcedAllows: .announcedAllows
        case .keysWithoutVerify: .keysWithoutVerify
        case .takesUnsigned: .takesUnsigned
        case .dataIsTemporary: .dataIsTemporary
        case .randomPort: .randomPort
        case .allowOpenUnneeded: .allowOpenUnneeded
        case .onlyThisMachineReachesUs: .onlyThisMachineReachesUs
        case .onlyThisMachineComes: .onlyThisMachineComes
        case .withoutListener: .withoutListener
        case .clientCertificateUnused: .clientCertificateUnused
        case .firstContactUnneeded: .firstContactUnneeded
        case .alone: .alone
        case .seldomPolled: .seldomPolled
        }
    }
}

extension Config {
    /// Where peers can come to: in clear, and by TLS.
    var listening: [ListenAddress] { [listen, tls.listen].compactMap { $0 } }

    func warnings(in root: YAMLNode) -> [ConfigWarning] {
        var warnings: [ConfigWarning] = []
        func warn(_ fact: ConfigWarning.Fact, _ path: ConfigPath) {
            warnings.append(ConfigWarning(at: root.nearest(to: path).at, path: path, fact: fact))
        }
        if mode == .publish, listening.isEmpty { warn(.nothingListens, [.key("mode")]) }
        var identities: [ULID: Mark] = [:]
        for (index, peer) in peers.enumerated() {
            let entry: ConfigPath = [.key("peers"), .index(index)]
            if let listen, peer.endpoint?.names(listen) ?? false { warn(.endpointIsOurOwn, entry.appending(.key("endpoint"))) }
            if peer.mode != .paused {
                if !fetches(from: peer), !serves(peer) {
                    warn(.nothingFlows(own: mode, peer: peer.mode), entry.appending(.key("mode")))
                } else if peer.comesToUs, listening.isEmpty {
                    warn(.nobodyCanCome, entry.appending(.key("endpoint")))
                } else if mode.fetches, !fetches(from: peer), listening.isEmpty {
                    warn(.nothingListens, entry.appending(.key("mode")))
                }
            }
            if let own = peer.verify, !own.asksLess(than: verify) {
                warn(.verifyRelaxesNothing(own: verify), entry.appending(.key("verify")))
            }
            if let id = peer.id {
                let path = entry.appending(.key("id"))
                if let first = identities[id] {
                    warn(.sameIdentity(id, first: first), path)
                } else {
                    identities[id] = root.nearest(to: path).at
                }
            }
        }
        return warnings
    }
}

extension Config.Verify {
    fileprivate func asksLess(than other: Config.Verify) -> Bool {
        switch (self, other) {
        case (.off, .warn), (.off, .enforce), (.warn, .enforce): true
        default: false
        }
    }
}

extension Endpoint {
    /// Whether a request to this endpoint would reach `listen`. Port 0 is not known before it is bound.
    fileprivate func names(_ listen: ListenAddress) -> Bool {
        guard port == listen.port else { return false }
        return host.text == listen.address || host == .name("localhost")
    }
}
