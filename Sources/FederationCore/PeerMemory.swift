/// What the store knows of a peer, read in one consistent view when a poll begins.
///
/// It is read anew for each poll, so a command that changed it (`reset-peer`, `quarantine drop`) needs no notice.
package struct PeerMemory: Hashable, Sendable {
    /// The pinned identity.
    package var pin: ULID?
    /// The pinned public key of `keyOwner`.
    package var key: String?
    package var keyOwner: ULID?
    /// The key that `key`, or the one that the configuration names, has been succeeded by.
    package var successor: String?
    /// Who the peer is by a person's word, or who waits for it.
    package var pairing: PeerPairing?
    /// The pinned wire.
    package var wire: WireName?
    package var cursor: ULID?
    package var position: String?
    package var health = PeerHealth()
    package var wireValues: [String: [UInt8]] = [:]
    /// The highest number that this node has given an event of its own.
    package var ownNumber: UInt64 = 0
    /// How many numbers below the highest are missing, over all origins; `nil` where it was not asked for.
    package var missingNumbers: UInt64?
    /// The newest holes in the numbers of origins, as many as were asked for.
    package var holes: [NumberHole] = []
    /// Events whose text the records lack, as many as were asked for.
    package var incompleteHeads: [ULID] = []

    package init() {}

    /// Reads what `question` asks for.
    ///
    /// - Parameter check: looks at the signatures of changes of key that the peer shows.
    package init(
        _ question: PeerQuestion, from log: some LogReading, check: SignatureCheck = { _, _, _ in false }
    ) throws(StoreFailure) {
        func state(_ what: StateKey.OfPeer) throws(StoreFailure) -> String? {
            try log.state(StateKey.peer(question.peer, what)).flatMap { $0.isEmpty ? nil : $0 }
        }
        pin = try state(.identity).flatMap { ULID($0) }
        keyOwner = question.keyOwner ?? pin
        pairing = try state(.pairing).flatMap { PeerPairing(json: $0) }
        let confirmed = pairing.flatMap { $0.isPaired && $0.id == keyOwner ? $0.key : nil }
        if let keyOwner { key = try log.state(StateKey.publicKey(of: keyOwner)).flatMap { $0.isEmpty ? nil : $0 } }
        if let keyOwner, let root = question.expectedKey ?? confirmed ?? key {
            let offered = question.successions.filter { $0.origin == keyOwner && $0.isSigned(check) }
            let ring = OriginRing(
                OriginKey(text: root, source: .pinned), try Successions(of: keyOwner, offered: offered, in: log))
            if !ring.isFrozen, ring.current != root { successor = ring.current }
        }
        wire = try state(.wire).flatMap { WireName(rawValue: $0) }
        cursor = try state(.lastEvent).flatMap { ULID($0) }
        position = try state(.position)
        health = PeerHealth(json: Array((try state(.health) ?? "").utf8))
        for (key, value) in try log.wireValues(question.wireNamespace, peer: question.peer) { wireValues[key] = value }
        ownNumber = try log.meta(.ownNumber).flatMap { UInt64($0) } ?? 0
        if question.holes > 0 { holes = try log.newestHoles(limit: question.holes) }
        if question.heads > 0 { incompleteHeads = try log.incompleteHeads(limit: question.heads) }
        if question.countsMissingNumbers { missingNumbers = try log.origins().missingNumbers }
    }
}

/// What a poll asks the store about its peer.
package struct PeerQuestion: Hashable, Sendable {
    package var peer: String
    package var wireNamespace: String
    /// Whose public key is asked for; without one, the pinned identity's.
    package var keyOwner: ULID?
    /// The key that the configuration names, and changes of key that the peer shows.
    package var expectedKey: String?
    package var successions: [Attestation] = []
    /// Counting goes through every origin of the log, so it is asked for rarely.
    package var countsMissingNumbers: Bool
    /// How many of the newest holes are asked for.
    package var holes: Int
    /// How many events whose text the records lack.
    package var heads = 0

    package init(
        peer: String, wireNamespace: String, keyOwner: ULID? = nil, countsMissingNumbers: Bool = false, holes: Int = 0
    ) {
        self.peer = peer
        self.wireNamespace = wireNamespace
        self.keyOwner = keyOwner
        self.countsMissingNumbers = countsMissingNumbers
        self.holes = holes
    }
}
