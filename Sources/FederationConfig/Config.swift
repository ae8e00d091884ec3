public import FederationCore

/// What a configuration file says. Each default is written here, once.
public struct Config: Hashable, Sendable {
    /// What the node is called; peers and people see it.
    public var name: String
    /// The data directory; relative to the directory of the configuration file.
    public var data = "data"
    /// Where the server listens; without it the node polls and is not polled.
    public var listen: ListenAddress?
    /// Names by which requests may address this node (in `Host`), beside `localhost` and the addresses listened on.
    public var hosts: [String] = []
    /// What the node as a whole does with the ring.
    public var mode = NodeMode.sync
    /// From the end of one poll of a peer to the next.
    public var interval = Duration.seconds(30)
    /// How often a retryable failure to apply an event is met before the event is set aside.
    public var quarantineAfter = 3
    public var verify = Verify.warn
    public var log = Log()
    public var store = Store()
    public var access = Access()
    public var tls = TLS()
    public var monitor = Monitor()
    public var page = Page()
    public var peers: [Peer] = []
    public var replayers: [Replayer] = []

    /// A node with every default and no peers.
    public init(name: String) { self.name = name }

    /// What is done when an event's signature is missing or wrong.
    public enum Verify: String, Hashable, Sendable, CaseIterable { case off, warn, enforce }

    /// What is logged.
    public struct Log: Hashable, Sendable {
        public var level = LogLevel.info
        public var format = LogFormat.auto
        package init() {}
    }

    /// How much room the database may take.
    public struct Store: Hashable, Sendable {
        /// What the database and its write-ahead log may take together; `nil` for as much as the disk has.
        public var maxSize: ByteCount?
        package init() {}
    }

    /// The least that is logged, from the most to the fewest lines.
    public enum LogLevel: String, Hashable, Sendable, CaseIterable { case debug, info, warning, error }

    /// How a line of the log is written: `auto` is for systemd's journal where that reads it, and text elsewhere.
    public enum LogFormat: String, Hashable, Sendable, CaseIterable { case auto, text, journal, json }

    /// Another node, as one entry of `peers` names it.
    public struct Peer: Hashable, Sendable {
        public var name: String
        /// Where it answers. Without one it is never polled: it comes to us, and pushes what is new there.
        public var endpoint: Endpoint?
        /// What is exchanged with it: `publish` fetches nothing from it, `subscribe` serves it nothing.
        public var mode = PeerMode.sync
        /// The mode that a paused peer has again once it is resumed: what its entry says beside `paused: true`.
        public var resumesAs = PeerMode.sync
        public var wire = WireChoice.auto
        /// In place of the node's `interval`.
        public var interval: Duration?
        /// How long a request to it may take, from its first byte to the last of the answer.
        public var timeout = Limits.requestDeadline
        /// The identity that the peer must show. Without it the first one shown is pinned; a peer without an endpoint
        /// has one.
        public var id: ULID?
        /// Relaxes the node's `verify` for events whose origin is this peer.
        public var verify: Verify?
        /// The signing key that the peer must show. Without it the first one shown is pinned.
        public var publicKey: PublicKey?
        /// Keys between this node and the peer alone, mode 0600, one on each line: the first is sent, all are accepted.
        public var keyFile: String?
        /// Certificates in PEM that vouch for the peer, in place of the system's.
        public var authority: String?
        /// SHA-256 of the SubjectPublicKeyInfo of the peer's TLS key, as a server and as a client.
        public var tlsPin: Digest?
        /// In place of the node's `access.first_contact`.
        public var firstContact: FirstContact?
        var settings: [AnyWireSettings] = []

        package init(name: String, endpoint: Endpoint?) {
            self.name = name
            self.endpoint = endpoint
        }

        /// It cannot be asked, so it comes to us.
        package var comesToUs: Bool { endpoint == nil }

        /// The settings of a wire that this peer may be spoken to by; `nil` for those of any other wire.
        package func settings<Settings: WireSettings>(_: Settings.Type) -> Settings? {
            settings.lazy.compactMap { $0.base as? Settings }.first
        }
    }

    /// From the end of one poll of `peer` to the next: its own interval, or else the node's.
    public func interval(for peer: Peer) -> Duration { peer.interval ?? interval }

    /// What becomes of `peer` at first contact: its own rule, or else the node's.
    package func firstContact(of peer: Peer) -> FirstContact { peer.firstContact ?? access.firstContact }

    /// Whether this node fetches from `peer`, by its own mode and the peer's.
    package func fetches(from peer: Peer) -> Bool { mode.fetches(from: peer.mode) }

    /// Whether this node serves `peer`, by its own mode and the peer's.
    package func serves(_ peer: Peer) -> Bool { mode.serves(peer.mode) }
}

extension Config {
    /// How often a peer may be polled.
    package static let intervals: ClosedRange<Duration> = .milliseconds(10) ... .seconds(24 * 3600)
    /// How long a request may be given.
    package static let timeouts: ClosedRange<Duration> = .seconds(1) ... .seconds(600)
    /// How large a store may be told to become.
    package static let storeSizes: ClosedRange<ByteCount> = ByteCount(1_000_000)...ByteCount(1_000_000_000_000_000)
    static let quarantineTries = 1...100
}
