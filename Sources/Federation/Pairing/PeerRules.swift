internal import FederationConfig
internal import FederationCore

extension Config {
    /// What this configuration says of who `peer` is.
    func rule(for peer: Peer, own: ULID) -> PeerRule {
        PeerRule(own: own, id: peer.id, key: peer.publicKey?.text, firstContact: firstContact(of: peer))
    }

    /// Whether a person has still to say who `peer` is.
    func waits(_ peer: Peer, own: ULID, in log: some LogReading) throws(StoreFailure) -> Bool {
        let pairing = try log.state(StateKey.peer(peer.name, .pairing)).flatMap { PeerPairing(json: $0) }
        return rule(for: peer, own: own).asks(pairing)
    }

    /// The entries, each with the rule for first contact that counts for it.
    var peersAsRuled: [Peer] {
        peers.map { peer in
            var peer = peer
            peer.firstContact = firstContact(of: peer)
            return peer
        }
    }
}

extension Config.Peer {
    /// Whether a person has still to say who it is, by its own rule alone.
    func waits(own: ULID, in log: some LogReading) throws(StoreFailure) -> Bool {
        let pairing = try log.state(StateKey.peer(name, .pairing)).flatMap { PeerPairing(json: $0) }
        return PeerRule(own: own, id: id, key: publicKey?.text, firstContact: firstContact ?? .pin).asks(pairing)
    }
}
