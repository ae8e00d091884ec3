internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationHTTP
internal import FederationStore

/// Looks who a peer is, in this process: it works beside a running daemon, which never pays for the slow hash.
///
/// Nothing is written. What a peer answers is compared with what is known of it as a poll would.
package enum PeerMeeting {
    /// Every configured peer as it is known, without asking any.
    package static func all(configPath: String) async throws(CommandFailure) -> PairingOverview {
        let node = try await OpenedNode(configPath: configPath, use: .read)
        var overview = PairingOverview(node)
        do throws(StoreFailure) {
            for entry in node.file.config.peers { overview.peers.append(try await known(entry, to: node)) }
        } catch {
            await node.store.close()
            throw CommandFailure(error)
        }
        await node.store.close()
        for index in overview.peers.indices { overview.peers[index].findWords(for: overview) }
        return overview
    }

    /// One peer, as it answers now; one that comes to us, as it last did.
    package static func meet(_ peer: String, configPath: String) async throws(CommandFailure) -> PairingOverview {
        let node = try await OpenedNode(configPath: configPath, use: .read)
        let config = node.file.config
        guard let entry = config.peers.first(where: { $0.name == peer }) else {
            await node.store.close()
            throw CommandFailure(.unknownPeer, ["peer": peer], list: config.peers.map(\.name))
        }
        var overview = PairingOverview(node)
        do throws(StoreFailure) {
            var facts = try await known(entry, to: node)
            if entry.endpoint != nil { try await ask(entry, of: node, &facts) }
            facts.findWords(for: overview)
            overview.peers = [facts]
        } catch {
            await node.store.close()
            throw CommandFailure(error)
        }
        await node.store.close()
        return overview
    }

    /// What the database says.
    private static func known(_ entry: Config.Peer, to node: OpenedNode) async throws(StoreFailure) -> PairingFacts {
        let rule = node.file.config.rule(for: entry, own: node.identity.id)
        return try await node.store.read { (log) throws(StoreFailure) in
            let pin = try log.state(StateKey.peer(entry.name, .identity)).flatMap { ULID($0) }
            let pairing = try log.state(StateKey.peer(entry.name, .pairing)).flatMap { PeerPairing(json: $0) }
            let standing = PairingStanding(of: rule, pin: pin, pairing: pairing)
            var facts = PairingFacts(peer: entry.name, endpoint: entry.endpoint?.url, standing: standing, pairing: pairing)
            facts.protection = entry.endpoint.map { $0.scheme == .https ? .tls : $0.isLoopback ? .loopback : .plain }
            facts.id = (standing == .pending ? pairing?.id : nil) ?? entry.id ?? pin
            let key = try facts.id.flatMap { (id) throws(StoreFailure) in try log.state(StateKey.publicKey(of: id)) }
            facts.publicKey = entry.publicKey?.text ?? (standing == .pending ? pairing?.key : nil) ?? key
            return facts
        }
    }

    private static func ask(_ entry: Config.Peer, of node: OpenedNode, _ facts: inout PairingFacts) async throws(StoreFailure) {
        let wire = try await node.store.read { (log) throws(StoreFailure) in
            try log.state(StateKey.peer(entry.name, .wire)).flatMap { WireName(rawValue: $0) }
        }
        let machine = await PeerLook(node: node, entry: entry).identity(pinnedWire: wire)
        guard let answered = machine.identity else {
            if case .failed(let failure) = machine.ending { facts.failure = failure.reason } else { facts.failure = .other }
            return
        }
        facts.id = answered.id
        facts.name = answered.name
        facts.publicKey = answered.publicKey.flatMap { PublicKey($0)?.text }
        let now = SystemClock.now()
        let check = SignaturePolicy(node.file.config).check
        var question = PeerQuestion(peer: entry.name, wireNamespace: entry.wire.text, keyOwner: answered.id)
        question.expectedKey = entry.publicKey?.text
        question.successions = answered.successions
        let memory = try await node.store.read { [question] (log) throws(StoreFailure) in
            try PeerMemory(question, from: log, check: check)
        }
        let rule = node.file.config.rule(for: entry, own: node.identity.id)
        switch rule.verdict(on: answered, memory, at: now) {
        case .refused: facts.failure = .identityMismatch
        case .waits(let pairing): (facts.standing, facts.pairing) = (.pending, pairing)
        case .accepted: break
        }
    }
}

extension PairingFacts {
    /// The words for it and the node that `overview` is of, where it shows a key.
    fileprivate mutating func findWords(for overview: PairingOverview) {
        guard let id, let key = publicKey.flatMap({ PublicKey($0) }), let own = PublicKey(overview.publicKey) else { return }
        words = PairingPhrase(.init(id: overview.id, key: own), .init(id: id, key: key), hash: Scrypt.hash)
    }
}

extension PairingOverview {
    fileprivate init(_ node: OpenedNode) {
        self.init(id: node.identity.id, name: node.identity.name, publicKey: node.identity.publicKey ?? "", peers: [])
    }
}
