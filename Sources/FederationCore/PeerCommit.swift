/// What a poll puts on disk in one transaction: events, and what they and the answer change about the peer.
///
/// Events, records, clock, cursor and health commit together or not at all.
package struct PeerCommit: Hashable, Sendable {
    package struct KeyPin: Hashable, Sendable {
        package var owner: ULID
        package var publicKey: String

        package init(owner: ULID, publicKey: String) {
            self.owner = owner
            self.publicKey = publicKey
        }
    }

    /// What must still be so when the transaction begins, or nothing is written.
    ///
    /// Who was met at this place under this key is not met again by somebody else in between.
    package struct Condition: Hashable, Sendable {
        /// How far the peer's log is read; `nil`: not at all.
        package var position: String?
        /// The key that is pinned for `owner`; `nil`: none.
        package var key: String?
        package var owner: ULID

        package init(position: String?, key: String?, of owner: ULID) {
            self.position = position
            self.key = key
            self.owner = owner
        }
    }

    package var peer: String
    package var onlyIf: Condition?
    /// Events to replay, before anything else here but `pin` and `key` is written.
    package var page: PulledPage?
    package var wireNamespace: String
    /// Values of the wire's own; `nil` removes one.
    package var wireValues: [String: [UInt8]?] = [:]
    /// The identity to pin, on first contact.
    package var pin: ULID?
    /// The public key to pin.
    package var key: KeyPin?
    /// Changes of key by which it follows from the one known.
    package var successions: [Attestation] = []
    /// The peer answered as itself at this time.
    package var seenAt: WallTime?
    /// The wire to pin, with the identity that answered on it.
    package var wire: WireName?
    package var health: PeerHealthChange?
    /// How long the poll took, where that says something.
    package var took: Duration?
    /// The peer's log and ours were shown to be equal.
    package var proof: SyncProof?
    /// Who waits for a person's word. Nothing, once one has been given.
    package var pairing: PeerPairing?
    /// What is pinned here was met before anybody had confirmed who the peer is. Once somebody has, it does not count.
    package var isBeforePairing = false
    /// Forget the pin, the cursor and whatever else makes the next poll anything but a first one.
    package var forgets = false

    package init(peer: String, wireNamespace: String) {
        self.peer = peer
        self.wireNamespace = wireNamespace
    }

    /// Carries it out, inside one transaction that the caller owns.
    ///
    /// - Returns: what became of the page; empty without one.
    package func write(
        to log: inout some LogWriting, intake: Intake, now: WallTime
    ) throws(StoreFailure) -> PageOutcome {
        var outcome = PageOutcome()
        if let onlyIf, try !isInPlace(onlyIf, log) {
            outcome.isInPlace = false
            outcome.position = try log.state(StateKey.peer(peer, .position))
            return outcome
        }
        if isBeforePairing, pin != nil || key != nil, try self.paired(in: log) != nil { throw .interrupted }
        // Before the page, which is judged by who the peer is and by its key.
        if let pin { try log.setState(StateKey.peer(peer, .identity), pin.description) }
        if let key, !successions.isEmpty {
            var keys = try OriginKeys(intake.policy.signatures, intake.policy.sha256, in: log)
            try keys.take(successions, of: key.owner, now: now, in: &log)
        }
        if let key { try OriginKeys.pin(key.publicKey, of: key.owner, now: now, in: &log) }
        if let page {
            outcome = try intake.take(page, from: peer, now: now, into: &log)
            if outcome.stoppedBy == nil { try keep(page.wireValues, in: &log) }
        }
        try writePeer(to: &log, outcome, now: now)
        if onlyIf != nil { outcome.position = try log.state(StateKey.peer(peer, .position)) }
        return outcome
    }

    private func paired(in log: some LogReading) throws(StoreFailure) -> PeerPairing? {
        let stored = try log.state(StateKey.peer(peer, .pairing)).flatMap { PeerPairing(json: $0) }
        return stored?.isPaired == true ? stored : nil
    }

    private func isInPlace(_ condition: Condition, _ log: some LogReading) throws(StoreFailure) -> Bool {
        let position = try log.state(StateKey.peer(peer, .position)) ?? ""
        let key = try log.state(StateKey.publicKey(of: condition.owner)) ?? ""
        return position == condition.position ?? "" && key == condition.key ?? ""
    }

    private func keep(_ values: [String: [UInt8]?], in log: inout some LogWriting) throws(StoreFailure) {
        for (name, value) in values.sorted(by: { $0.key < $1.key }) {
            try log.setWireValue(wireNamespace, peer: peer, key: name, value)
        }
    }

    private func writePeer(
        to log: inout some LogWriting, _ outcome: PageOutcome, now: WallTime
    ) throws(StoreFailure) {
        if forgets { try PeerReset(of: peer, in: log, wireNamespace: wireNamespace).write(to: &log) }
        try keep(wireValues, in: &log)
        if let pairing, try paired(in: log) == nil { try log.setState(StateKey.peer(peer, .pairing), pairing.json) }
        if let wire { try log.setState(StateKey.peer(peer, .wire), wire.rawValue) }
        if let proof { try log.setState(StateKey.peer(peer, .proof), proof.json) }
        if let seenAt { try log.setState(StateKey.peer(peer, .lastSeen), seenAt.rfc3339) }
        if var health {
            // All of a page that comes by itself is one commit, so how it ended is known only here.
            if let problem = outcome.stoppedBy, case .succeeded = health.result {
                health.result = .failed(problem.reason, eventID: problem.eventID, subject: problem.subject)
            }
            // What follows the page is not what follows the part of it that was taken.
            if outcome.stoppedBy != nil { health.lag = nil }
            let stored = try log.state(StateKey.peer(peer, .health)) ?? ""
            let standing = try PeerStanding(of: peer, in: log)
            let after = health.applied(to: PeerHealth(json: Array(stored.utf8)), standing: standing)
            try log.setState(StateKey.peer(peer, .health), String(decoding: after.json, as: UTF8.self))
            let noted = NotedPoll(of: health.result, events: outcome.new, took: took, lag: health.lag?.rest.events)
            try PollHistory.note(noted, of: peer, at: now, in: &log)
        }
    }
}

/// What forgetting a peer removes (Noema section 6, `reset-peer`): shown before it is done, and what was done.
///
/// The log, the records and the peer's health stay.
public struct PeerReset: Hashable, Sendable {
    public var peer: String
    public var pin: ULID?
    public var cursor: ULID?
    public var lastSeen: String?
    public var position: String?
    /// The pinned public key goes as well.
    public var forgetsKey: Bool
    /// The entry of the pinned identity in the node-wide clock goes as well.
    public var dropsClockEntry: Bool
    public var wireNamespace: String
    /// Names of the wire's own values.
    public var wireValues: [String]
    /// What a person has said of who the peer is, or has still to say, goes as well.
    package var forgetsPairing: Bool
    /// What the peer has said that is of no use of another node, or from another place, goes as well: the mode of its node,
    /// and how far we are behind it. The rest of its health is what we have seen, and stays.
    package var forgetsShown: Bool

    public var isEmpty: Bool {
        !forgetsPairing && !forgetsShown && pin == nil && cursor == nil && lastSeen == nil && position == nil && wireValues.isEmpty
    }

    /// Looks up what there is to forget; changes nothing.
    package init(of peer: String, in log: some LogReading, wireNamespace: String) throws(StoreFailure) {
        func state(_ what: StateKey.OfPeer) throws(StoreFailure) -> String? {
            try log.state(StateKey.peer(peer, what)).flatMap { $0.isEmpty ? nil : $0 }
        }
        self.peer = peer
        self.wireNamespace = wireNamespace
        let pin = try state(.identity).flatMap { ULID($0) }
        self.pin = pin
        cursor = try state(.lastEvent).flatMap { ULID($0) }
        lastSeen = try state(.lastSeen)
        position = try state(.position)
        forgetsPairing = try state(.pairing) != nil
        let health = PeerHealth(json: Array((try state(.health) ?? "").utf8))
        forgetsShown = health.mode != nil || health.lag != nil
        forgetsKey = false
        dropsClockEntry = false
        wireValues = try log.wireValues(wireNamespace, peer: peer).map(\.key)
        if let pin {
            forgetsKey = try log.state(StateKey.publicKey(of: pin)) != nil
            dropsClockEntry = VectorClock(stored: try log.state(StateKey.clock) ?? "")[pin] > 0
        }
    }

    package func write(to log: inout some LogWriting) throws(StoreFailure) {
        for what in [StateKey.OfPeer.identity, .lastEvent, .lastSeen, .position, .wire, .proof, .pairing] {
            try log.setState(StateKey.peer(peer, what), nil)
        }
        for name in wireValues { try log.setWireValue(wireNamespace, peer: peer, key: name, nil) }
        if forgetsShown {
            let key = StateKey.peer(peer, .health)
            var health = PeerHealth(json: Array((try log.state(key) ?? "").utf8))
            (health.mode, health.lag) = (nil, nil)
            try log.setState(key, String(decoding: health.json, as: UTF8.self))
        }
        guard let pin else { return }
        try log.setState(StateKey.publicKey(of: pin), nil)
        if dropsClockEntry {
            var clock = VectorClock(stored: try log.state(StateKey.clock) ?? "")
            clock[pin] = 0
            try log.setState(StateKey.clock, clock.stored)
        }
    }
}

extension VectorClock {
    /// Reads the node-wide clock as `federation_state` keeps it; malformed text is an empty clock (Noema section 4).
    package init(stored text: String) {
        self.init()
        for (key, value) in (try? JSON(Array(text.utf8)))?.members ?? [] {
            if let origin = ULID(key), let counter = value.unsigned, counter < Limits.counter { self[origin] = counter }
        }
    }

    /// A JSON object of identity to counter, in order of identity.
    public var stored: String {
        var writer = JSONWriter()
        writer.object { writer in
            for (origin, counter) in sorted { writer.member(origin.description, counter) }
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
