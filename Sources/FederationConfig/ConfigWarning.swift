package import FederationCore

/// Something that is allowed, but hardly meant.
package struct ConfigWarning: Hashable, Sendable {
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
    }

    package var at: Mark
    package var path: ConfigPath
    package var fact: Fact

    package var text: String {
        switch fact {
        case .endpointIsOurOwn: "this is the address that this node itself listens on"
        case .nothingFlows(let own, let peer):
            "nothing will flow: this node's mode is '\(own.rawValue)' and the peer's is '\(peer.rawValue)'"
        case .nothingListens: "nothing will flow: by its mode others pull from this node, but it has no 'listen'"
        case .verifyRelaxesNothing(let own):
            "this relaxes nothing: a peer's 'verify' counts only where it asks for less than the node's '\(own.rawValue)'"
        case .nobodyCanCome:
            "nothing will flow: without 'endpoint' this peer comes to us, but this node has no 'listen'"
        case .sameIdentity(_, let first): "another peer has the same identity, first at \(first)"
        }
    }

    /// As `ConfigProblem.line(in:)`.
    package func line(in file: String) -> String { ConfigProblem.line(in: file, at: at, path: path, text: text) }
}

extension Config {
    func warnings(in root: YAMLNode) -> [ConfigWarning] {
        var warnings: [ConfigWarning] = []
        func warn(_ fact: ConfigWarning.Fact, _ path: ConfigPath) {
            warnings.append(ConfigWarning(at: root.nearest(to: path).at, path: path, fact: fact))
        }
        if mode == .publish, listen == nil { warn(.nothingListens, [.key("mode")]) }
        var identities: [ULID: Mark] = [:]
        for (index, peer) in peers.enumerated() {
            let entry: ConfigPath = [.key("peers"), .index(index)]
            if let listen, peer.endpoint?.names(listen) ?? false { warn(.endpointIsOurOwn, entry.appending(.key("endpoint"))) }
            if peer.mode != .paused {
                if !fetches(from: peer), !serves(peer) {
                    warn(.nothingFlows(own: mode, peer: peer.mode), entry.appending(.key("mode")))
                } else if peer.comesToUs, listen == nil {
                    warn(.nobodyCanCome, entry.appending(.key("endpoint")))
                } else if mode.fetches, !fetches(from: peer), listen == nil {
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
