/// Who a node is, as it says of itself.
public struct NodeIdentity: Hashable, Sendable {
    public var id: ULID
    public var name: String
    /// The program's version, shown to peers.
    package var version: String
    package var mode: NodeMode
    /// `ed25519:` and base64.
    public var publicKey: String?

    package init(id: ULID, name: String, version: String, mode: NodeMode, publicKey: String?) {
        self.id = id
        self.name = name
        self.version = version
        self.mode = mode
        self.publicKey = publicKey
    }
}

/// Which way events flow (Noema section 5.4): `publish` fetches nothing, `subscribe` serves nothing.
public enum NodeMode: String, Hashable, Sendable, CaseIterable {
    case sync, publish, subscribe

    public var fetches: Bool { self != .publish }
    public var serves: Bool { self != .subscribe }
}

/// The mode of one peer: the node's own modes towards it, or nothing at all.
public enum PeerMode: String, Hashable, Sendable, CaseIterable { case sync, publish, subscribe, paused }

extension NodeMode {
    /// Whether a node of this mode fetches from a peer whose entry has that one.
    package func fetches(from peer: PeerMode) -> Bool { fetches && (peer == .sync || peer == .subscribe) }

    /// Whether it serves such a peer.
    package func serves(_ peer: PeerMode) -> Bool { serves && (peer == .sync || peer == .publish) }
}
