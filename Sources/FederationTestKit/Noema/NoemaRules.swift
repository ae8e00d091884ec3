public import FederationCore

/// Which line of Noema a stand-in behaves as. They share the wire's shapes and differ in answers, replay and bugs.
public enum NoemaRules: String, Hashable, Sendable, CaseIterable {
    /// The line up to v0.18.
    case go
    /// The line from v0.19 on.
    case rust
}

/// What a stand-in does about signatures (Noema section 8.5).
public enum NoemaVerifyMode: String, Hashable, Sendable, CaseIterable { case off, warn, enforce }

/// What a stock Noema node is set to: its manifest, `cortex.md`, and how it was started.
public struct NoemaSettings: Sendable {
    /// One entry of `federation.peers`.
    public struct Peer: Hashable, Sendable {
        public var name: String
        public var isPaused: Bool
        /// `pubkey`: a key that the peer must show (section 8.6).
        public var hardPin: String?

        public init(_ name: String, isPaused: Bool = false, hardPin: String? = nil) {
            self.name = name
            self.isPaused = isPaused
            self.hardPin = hardPin
        }
    }

    public var rules: NoemaRules
    public var name: String
    public var id: ULID
    /// `serverInfo.version`; empty shows as `dev` (section 2.2).
    public var version: String
    public var mode = NodeMode.sync
    public var verify = NoemaVerifyMode.off
    public var interval: Duration = .seconds(30)
    public var peers: [Peer]
    /// The ring's key; `nil` is an open node.
    public var sharedKey: String?
    /// Thirty-two bytes; `nil` signs nothing.
    public var signingSeed: [UInt8]?
    /// Host names that a Rust node accepts beside the loopback ones.
    public var allowedHosts: [String] = []
    /// Keep-alive comments in each event stream that a Rust node answers: one for every 15 s that it took.
    public var keepAliveComments = 0
    /// When a request of the puller is given up. The Go line has no limit of its own (section 10.2, 7); this is then
    /// when its network does.
    public var requestDeadline: Duration = .seconds(60)
    /// Where its random numbers begin; two nodes need two seeds.
    public var seed: UInt64

    public init(_ rules: NoemaRules, name: String, id: ULID, peers: [Peer] = [], seed: UInt64 = 1) {
        self.rules = rules
        self.name = name
        self.id = id
        self.peers = peers
        self.seed = seed
        version = rules == .go ? "v0.18.0" : "0.22.0"
    }
}
