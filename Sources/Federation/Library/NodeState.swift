internal import FederationConfig
public import FederationCore
internal import FederationStore

/// The table `federation_state` of a node: what it knows of itself and of its peers, under the keys of `StateKey`.
///
/// All of it can be read. What the node itself keeps there is written with the events it belongs to, in one
/// transaction, so a host can write only under keys of its own (`StateKey.host`).
public struct NodeState: Sendable {
    let store: SQLiteStore
    let config: @Sendable () -> Config

    /// The value of a key; `nil` where there is none.
    public func value(_ key: String) async throws(StoreFailure) -> String? {
        try await store.read { (log) throws(StoreFailure) in try log.state(key) }
    }

    /// The keys that begin with `prefix` and their values, in order of key.
    public func values(prefix: String) async throws(StoreFailure) -> [(key: String, value: String)] {
        try await store.read { (log) throws(StoreFailure) in try log.states(prefix: prefix) }
    }

    /// Keeps a value of the host's own under `StateKey.host(name)`, or removes it (`nil`).
    ///
    /// - Throws: `readOnly` where another process runs the node.
    public func set(_ name: String, _ value: String?) async throws(StoreFailure) {
        let key = StateKey.host(name)
        try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in try log.setState(key, value) }
    }

    /// The node-wide clock.
    public func clock() async throws(StoreFailure) -> VectorClock {
        VectorClock(stored: try await value(StateKey.clock) ?? "")
    }

    /// How a peer is; empty for one that nothing is known of.
    public func health(of peer: String) async throws(StoreFailure) -> PeerHealth {
        PeerHealth(json: Array((try await value(StateKey.peer(peer, .health)) ?? "").utf8))
    }

    /// What is kept of one peer of the configuration; `nil` where it names none so.
    public func peer(_ name: String) async throws(StoreFailure) -> PeerState? {
        try await peers().first { $0.name == name }
    }

    /// What is kept of each peer, in the order of the configuration, from one view.
    public func peers() async throws(StoreFailure) -> [PeerState] {
        let entries = config().peers
        return try await store.read { (log) throws(StoreFailure) in
            var peers: [PeerState] = []
            for entry in entries { peers.append(try PeerState(of: entry.name, endpoint: entry.endpoint?.url, in: log)) }
            return peers
        }
    }
}
