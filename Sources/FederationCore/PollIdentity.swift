/// Who answers a poll, and what follows for what is pinned of it.
extension PollMachine {
    /// What the configuration says of who the peer is.
    var rule: PeerRule {
        PeerRule(own: node.id, id: peer.expectedID, key: peer.expectedKey, firstContact: peer.firstContact)
    }

    /// Compares who answered with who should.
    mutating func compare(_ identity: PeerIdentity, _ poll: Poll, _ now: Moment) -> [Effect] {
        var poll = poll
        switch rule.verdict(on: identity, poll.memory, at: now.wall) {
        case .refused: return conclude(.failed(.identityMismatch), poll, now)
        case .waits(let pairing):
            poll.waiting = pairing
            // A Noema session is ended as it should be; of any other wire the next request would be one too many.
            guard identity.wire == .noema else { return conclude(.pending, poll, now) }
            return resume(poll, .identityAccepted, now)
        case .accepted(let key):
            if poll.memory.pin == nil {
                poll.newPin = identity.id
                poll.firstContact = identity.id
            }
            if let key { poll.newKey = PeerCommit.KeyPin(owner: identity.id, publicKey: key) }
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

    /// What was wrong may have been what was said now, and there is something to fetch.
    mutating func confirmed(_ now: Moment) -> [Effect] {
        switch state {
        case .paused, .stopped, .forgetting: return []
        case .waiting:
            forgetFailures()
            state = .idle(until: now.instant)
            return []
        case .idle: return pollSoon(now)
        case .polling:
            isOvertaken = true
            return pollSoon(now)
        }
    }

    /// What the peer wants of us, where it may have it.
    private mutating func offers(of identity: PeerIdentity) -> [Effect] {
        let mayHave = node.mode.serves && (peer.mode == .sync || peer.mode == .publish)
        return offer(mayHave ? identity.wants : nil)
    }

    /// Tells whoever pushes what the peer wants, once there is something to tell.
    mutating func offer(_ offer: PushOffer?) -> [Effect] {
        guard offer != nil || isOffered else { return [] }
        isOffered = offer != nil
        return [.offered(offer)]
    }
}
