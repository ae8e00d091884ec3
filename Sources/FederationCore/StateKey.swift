/// The keys of `federation_state`, spelled as Noema spells them (section 4), with ours beside them.
public enum StateKey: Sendable {
    /// The node-wide clock: a JSON object of identity to counter.
    public static let clock = "vclock"

    /// What is kept of one configured peer.
    public enum OfPeer: String, Hashable, Sendable, CaseIterable {
        case lastEvent = "last_event"
        case lastSeen = "last_seen"
        /// The pinned identity.
        case identity = "cortex_id"
        case health
        /// How far into its order of arrival we are (native wire).
        case position
        /// The wire that was pinned with the identity.
        case wire
        /// When its log and ours were last shown to be equal (`SyncProof`).
        case proof
        /// Who it is by a person's word, or who waits for it (`PeerPairing`).
        case pairing
    }

    /// The key of what is kept of the peer that the configuration calls `name`.
    public static func peer(_ name: String, _ what: OfPeer) -> String { "peer:\(name):\(what.rawValue)" }

    /// Nodes that others have suggested (`Announcements`).
    package static let announced = "announced"

    /// A value of the host application's own.
    public static func host(_ name: String) -> String { "host:\(name)" }

    /// The pinned public key of an identity.
    package static func publicKey(of identity: ULID) -> String { "cortexkey:\(identity)" }

    /// A public key that was learnt from a relayed event, until its owner is met.
    package static func relayedKey(of identity: ULID) -> String { "relayedkey:\(identity)" }
}
