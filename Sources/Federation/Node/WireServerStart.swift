internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationStore
internal import Synchronization

/// Holds what answers requests once it can be made.
final class WireServerSlot: Sendable {
    private struct Filled: Sendable {
        var server: WireServer
        var address: String
        var port: UInt16
    }

    private let slot = Mutex<Filled?>(nil)

    var value: WireServer? { slot.withLock { $0?.server } }
    /// Where it answers.
    var place: (address: String, port: UInt16)? { slot.withLock { $0.map { ($0.address, $0.port) } } }

    func set(_ server: WireServer, address: String, port: UInt16) {
        slot.withLock { $0 = Filled(server: server, address: address, port: port) }
    }
}

extension WireServer {
    /// What answers for `node` on one address.
    init(_ node: Node, address: String, port: UInt16) {
        self.init(
            store: node.store, identity: node.identity, wires: node.wires.all,
            requestGuard: RequestGuard(addresses: [address], names: node.config.hosts, port: port), logger: node.logger,
            commit: { (commit) throws(StoreFailure) in try await node.commit(commit) },
            contact: { await node.met($0) },
            callBack: { name, exchange in node.poller(name)?.driver.post(.calledBack(exchange)) },
            statusText: { (log) throws(StoreFailure) in
                NoemaStatusText.of(try StatusReport(of: node.config, identity: node.identity, in: log, now: SystemClock.now()))
            },
            unserved: { await node.isUnserved($0) })
    }
}

extension Node {
    /// Commits what a route says must be on disk before its answer.
    func commit(_ commit: RouteCommit) async throws(StoreFailure) -> PageOutcome {
        let namespace = config.peers.first { $0.name == commit.peerName }?.wire.text ?? ""
        var change = PeerCommit(peer: commit.peerName, wireNamespace: namespace)
        change.page = commit.page
        change.wireValues = commit.wireValues
        return try await NodePollStore(node: self).commit(change)
    }

    /// A request proves only where it comes from: it wakes a peer whose endpoint leads to that address, and of a
    /// request that names its node only that one.
    func met(_ contact: WireServer.Contact) async {
        for (name, poller) in allPollers where poller.transport.address == contact.remoteAddress {
            if let claimed = contact.claimedNode, await pin(of: name) != claimed { continue }
            poller.driver.post(.contact)
        }
    }

    private func pin(of peer: String) async -> ULID? {
        let stored = try? await store.read { (log) throws(StoreFailure) in try log.state(StateKey.peer(peer, .identity)) }
        return stored.flatMap { $0 }.flatMap { ULID($0) }
    }

    /// Whether this identity is the pin of a peer that the configuration says is not served.
    func isUnserved(_ id: ULID) async -> Bool {
        for entry in config.peers where !config.serves(entry) && entry.mode != .paused {
            if await pin(of: entry.name) == id { return true }
        }
        return false
    }
}
