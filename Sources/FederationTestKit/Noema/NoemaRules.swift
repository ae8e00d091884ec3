package import FederationCore

/// Which line of Noema a stand-in behaves as. They share the wire's shapes and differ in answers, replay and bugs.
package enum NoemaRules: String, Hashable, Sendable, CaseIterable {
    /// The line up to v0.18.
    case go
    /// The line from v0.19 on.
    case rust
}

/// What a stand-in does about signatures (Noema section 8.5).
package enum NoemaVerifyMode: String, Hashable, Sendable, CaseIterable { case off, warn, enforce }

/// What a stock Noema node is set to: its manifest, `cortex.md`, and how it was started.
package struct NoemaSettings: Sendable {
    /// One entry of `federation.peers`.
    package struct Peer: Hashable, Sendable {
        package var name: String
        package var isPaused: Bool
        /// `pubkey`: a key that the peer must show (section 8.6).
        package var hardPin: String?

        package init(_ name: String, isPaused: Bool = false, hardPin: String? = nil) {
            self.name = name
            self.isPaused = isPaused
            self.hardPin = hardPin
        }
    }

    package var rules: NoemaRules
    package var name: String
    package var id: ULID
    /// `serverInfo.version`; empty shows as `dev` (section 2.2).
    package var version: String
    package var mode = NodeMode.sync
    package var verify = NoemaVerifyMode.off
    package var interval: Duration = .seconds(30)
    package var peers: [Peer]
    /// The ring's key; `nil` is an open node.
    package var sharedKey: String?
    /// Thirty-two bytes; `nil` signs nothing.
    package var signingSeed: [UInt8]?
    /// Host names that a Rust node accepts beside the loopback ones.
    package var allowedHosts: [String] = []
    /// Keep-alive comments in each event stream that a Rust node answers: one for every 15 s that it took.
    package var keepAliveComments = 0
    /// When a request of the puller is given up. The Go line has no limit of its own (section 10.2, 7); this is then
    /// when its network does.
    package var requestDeadline: Duration = .seconds(60)
    /// Where its random numbers begin; two nodes need two seeds.
    package var seed: UInt64

    package init(_ rules: NoemaRules, name: String, id: ULID, peers: [Peer] = [], seed: UInt64 = 1) {
        self.rules = rules
        self.name = name
        self.id = id
        self.peers = peers
        self.seed = seed
        version = rules == .go ? "v0.18.0" : "0.22.0"
    }
}
