/// Who answers a poll, and what follows for what is pinned of it.
extension PollMachine {
    /// Compares who answered with who should (Noema sections 3.3 and 8.6).
    mutating func compare(_ identity: PeerIdentity, _ poll: Poll, _ now: Moment) -> [Effect] {
        var poll = poll
        guard let key = acceptedKey(of: identity, poll.memory) else {
            return conclude(.failed(.identityMismatch), poll, now)
        }
        if poll.memory.pin == nil {
            poll.newPin = identity.id
            poll.firstContact = identity.id
        }
        if case .pins(let publicKey) = key {
            poll.newKey = PeerCommit.KeyPin(owner: identity.id, publicKey: publicKey)
        }
        if poll.memory.wire != identity.wire { poll.newWire = identity.wire }
        poll.identity = identity
        var effects: [Effect] = []
        if let held = identity.heldOfOurs, held > poll.memory.ownNumber {
            poll.claimsOwnFuture = true
            effects.append(.found(.claimed(number: held)))
        }
        effects += offers(of: identity)
        return effects + resume(poll, .identityAccepted, now)
    }

    /// What the peer wants of us, where it may have it.
    private mutating func offers(of identity: PeerIdentity) -> [Effect] {
        let mayHave = node.mode.serves && (peer.mode == .sync || peer.mode == .publish)
        let offer = mayHave ? identity.wants : nil
        guard offer != nil || isOffered else { return [] }
        isOffered = offer != nil
        return [.offered(offer)]
    }

    private enum KeyChange { case none, pins(String) }

    /// What follows for the pinned key; `nil` where the identity or its key is not the expected one.
    private func acceptedKey(of identity: PeerIdentity, _ memory: PeerMemory) -> KeyChange? {
        guard identity.id != node.id, identity.id == peer.expectedID ?? identity.id,
            identity.id == memory.pin ?? identity.id
        else { return nil }
        // What is no key is as good as none: it must neither be pinned nor take a pin away.
        let advertised = identity.publicKey.flatMap { PublicKey($0)?.text }
        if let expected = peer.expectedKey {
            // Once it has a successor, whoever shows the old one has stolen it, or is an old copy.
            guard let advertised, advertised == memory.successor ?? expected else { return nil }
            return memory.key == advertised ? KeyChange.none : .pins(advertised)
        }
        // A peer that shows no key keeps the pin it has: nothing is downgraded.
        guard let advertised else { return KeyChange.none }
        guard let known = memory.key else { return .pins(advertised) }
        if PublicKey.isSame(known, advertised) { return KeyChange.none }
        return advertised == memory.successor ? .pins(advertised) : nil
    }
}
