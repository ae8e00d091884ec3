/// What `federation_state` keeps of one peer.
public struct PeerState: Hashable, Sendable {
    public var name: String
    /// As the configuration names it; `nil` for a peer that comes to us.
    public var endpoint: String?
    /// The identity that was pinned at first contact; `nil` before it.
    public var id: ULID?
    /// RFC 3339; `nil` if it was never reached.
    public var lastSeen: String?
    /// The last event that was synced from it, in its order; `nil` if none was.
    public var lastEvent: ULID?
    /// How far into its order of arrival we are, on the native wire: an opaque text.
    public var position: String?
    /// The wire that was pinned with the identity.
    public var wire: WireName?
    public var health: PeerHealth

    /// Reads it. A value that is missing, empty or not to be read is `nil`, and health that is not is empty: none of
    /// it should keep anybody from seeing the rest.
    package init(of name: String, endpoint: String?, in log: some LogReading) throws(StoreFailure) {
        func state(_ what: StateKey.OfPeer) throws(StoreFailure) -> String? {
            try log.state(StateKey.peer(name, what)).flatMap { $0.isEmpty ? nil : $0 }
        }
        self.name = name
        self.endpoint = endpoint
        id = try state(.identity).flatMap { ULID($0) }
        lastSeen = try state(.lastSeen)
        lastEvent = try state(.lastEvent).flatMap { ULID($0) }
        position = try state(.position)
        wire = try state(.wire).flatMap { WireName(rawValue: $0) }
        health = PeerHealth(json: Array((try state(.health) ?? "").utf8))
    }
}
