internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationHTTP
internal import FederationStore
internal import Synchronization

/// What answers on one address, by what the node's configuration says now.
final class WireServerSlot: Sendable {
    private let address: ListenAddress
    private let isTLS: Bool
    private let slot: Mutex<WireServer>

    /// - Parameter address: where it listens, with the real port.
    init(_ node: Node, at address: ListenAddress, isTLS: Bool) {
        self.address = address
        self.isTLS = isTLS
        slot = Mutex(WireServer(node, address: address, isTLS: isTLS))
    }

    var server: WireServer { slot.withLock { $0 } }

    /// Answers by what the configuration says by now.
    func renew(_ node: Node) {
        let server = WireServer(node, address: address, isTLS: isTLS)
        slot.withLock { $0 = server }
    }
}

extension WireServer {
    /// What answers for `node` on one address.
    init(_ node: Node, address: ListenAddress, isTLS: Bool) {
        self.init(
            store: node.store, node: { node.identity }, wires: node.wires.all,
            requestGuard: RequestGuard(
                addresses: [address.address], names: node.config.hosts, port: address.port,
                scheme: isTLS ? "https" : "http"),
            access: node.access, logger: node.logger,
            commit: { (commit) throws(StoreFailure) in try await node.commit(commit) },
            contact: { node.met($0) },
            callBack: { name, exchange in node.poller(name)?.driver.post(.calledBack(exchange)) },
            statusText: { (log) throws(StoreFailure) in
                NoemaStatusText.of(try StatusReport(of: node.config, identity: node.identity, in: log, now: SystemClock.now()))
            },
            mode: { name in node.config.peers.first { $0.name == name }?.mode },
            acquaintance: { (id, log) throws(StoreFailure) in try node.acquaintance(id, in: log) },
            waits: { (name, log) throws(StoreFailure) in try node.waits(name, in: log) }, pusher: { node.pusher($0) },
            held: node.heldRequests)
    }
}

extension Node {
    /// What goes with the requests to a peer, by what runs now.
    func credentials(for peer: String) -> ChannelCredentials {
        let config = config
        guard let entry = config.peers.first(where: { $0.name == peer }) else { return ChannelCredentials() }
        return access.credentials(for: entry, of: config, beside: opened.file.path)
    }

    /// Commits what a route says must be on disk before its answer.
    func commit(_ commit: RouteCommit) async throws(StoreFailure) -> PageOutcome {
        if let change = commit.whole {
            let outcome = try await NodePollStore(node: self).commit(change)
            await took(outcome, from: change.peer)
            if let pairing = change.pairing, !pairing.isPaired {
                PollLog(node: self).waits(change.peer, pairing, isRepeated: false)
            }
            return outcome
        }
        if let announcement = commit.announcement {
            try await keep(announcement)
            return PageOutcome()
        }
        let namespace = config.peers.first { $0.name == commit.peerName }?.wire.text ?? ""
        var change = PeerCommit(peer: commit.peerName, wireNamespace: namespace)
        change.page = commit.page
        change.wireValues = commit.wireValues
        return try await NodePollStore(node: self).commit(change)
    }

    /// A peer came and brought something.
    private func took(_ outcome: PageOutcome, from peer: String) async {
        pollCounts.withLock { $0.count(outcome, from: peer) }
        if outcome.foundOwnFuture { await PollLog(node: self).found(.proven, at: peer) }
        guard outcome.applied + outcome.held + outcome.refused + outcome.deferred > 0 else { return }
        logger.info(
            "was given",
            [
                "peer": peer, "applied": "\(outcome.applied)", "held": "\(outcome.held)",
                "refused": "\(outcome.refused)", "deferred": "\(outcome.deferred)",
            ])
    }

    /// A request is a sign of life of the peer that it names, as far as that is known: nobody is polled more often for
    /// it than once an interval. Of a peer whose identity is not known yet it is one if it comes from where the peer's
    /// endpoint leads, and so is a request that names nobody.
    func met(_ contact: WireServer.Contact) {
        hear(contact.claimedNode)
        for (name, poller) in allPollers {
            if let claimed = contact.claimedNode, let identity = contact.identities[name] {
                if identity == claimed { poller.driver.post(.contact) }
            } else if poller.transport.address == contact.remoteAddress {
                poller.driver.post(.contact)
            }
        }
    }

    /// What is known of a node that names itself.
    func acquaintance(_ id: ULID, in log: some LogReading) throws(StoreFailure) -> WireServer.Acquaintance {
        let config = config
        let pinned = try log.state(StateKey.publicKey(of: id)).flatMap { $0.isEmpty ? nil : $0 }
        var known = WireServer.Acquaintance(key: pinned, modes: [], identities: [:])
        var (entries, waits) = ([Config.Peer](), false)
        for entry in config.peers {
            var identity = entry.id
            if identity == nil { identity = try log.state(StateKey.peer(entry.name, .identity)).flatMap { ULID($0) } }
            guard let identity else { continue }
            known.identities[entry.name] = identity
            guard identity == id else { continue }
            entries.append(entry)
            // Whoever waits for a person's word is nobody yet, and gets what anybody gets.
            if try config.waits(entry, own: opened.identity.id, in: log) { waits = true }
        }
        known.key = entries.first?.publicKey?.text ?? known.key
        if !waits { known.peerName = entries.first?.name }
        if known.peerName != nil || known.key != nil { known.modes = entries.map(\.mode) }
        return known
    }

    /// Whether a person has still to say who a peer is.
    func waits(_ peer: String, in log: some LogReading) throws(StoreFailure) -> Bool {
        let config = config
        guard let entry = config.peers.first(where: { $0.name == peer }), config.firstContact(of: entry) == .ask else {
            return false
        }
        return try config.waits(entry, own: opened.identity.id, in: log)
    }

    /// Notes when a peer that comes to us last came, or somebody in its name.
    private func hear(_ claimed: ULID?) {
        guard let claimed, let entry = config.peers.first(where: { $0.comesToUs && $0.id == claimed }) else { return }
        changeRunning { $0.heard[entry.name] = SystemClock.now() }
    }
}
