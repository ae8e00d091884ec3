import FederationCore
import FederationCrypto
import FederationTestKit
import Synchronization
import Testing

/// What a node does where two histories claim to be one origin's.
@Suite struct ChainRivalTests {
    /// An origin of 70 events that has changed its key since, and what a thief of the old key makes up in their place.
    private func robbed() throws -> (origin: ChainOrigin, thief: ChainOrigin) {
        var origin = try ChainOrigin(1, seed: 1)
        var thief = try ChainOrigin(1, seed: 1)
        thief.now = thief.now.advanced(by: .milliseconds(3))
        try origin.write(70)
        try thief.write(70)
        try origin.rotate(to: 2)
        try origin.write(10)
        #expect(Set(origin.events.map(\.id)).isDisjoint(with: thief.events.map(\.id)))
        return (origin, thief)
    }

    @Test(arguments: [false, true], [3, 70]) func aThiefOfAnOldKeyMakesUpNoBeginning(
        attests: Bool, count: Int
    ) throws {
        let (origin, thief) = try robbed()
        let successions = origin.attestations.filter { $0.next != nil }
        var node = CheckCounter().node()
        try node.meet(origin)
        // The thief comes first, to a node that knows the origin as it is now.
        try node.take(Array(thief.events.prefix(count)), successions + (attests ? thief.attestations : []))
        #expect(node.log.unprovedCounts() == [.provisional: Int64(count)], "no more than somebody's word")
        try node.take(origin.events, origin.attestations)
        while try node.intake.review(now: node.now, limit: 50, into: &node.log) {}
        try node.retryDue()
        #expect(node.log.attestedOrigins() == [origin.id: 80] || node.log.attestedOrigins() == [origin.id: 70])
        for event in origin.events {
            let stored = node.log.event(event.id)
            #expect(stored?.verification.isProved == true && stored?.hold == nil)
        }
        for event in thief.events.prefix(count) { #expect(node.log.event(event.id)?.hold == .signature) }
        #expect(try !Equivocation.all(in: node.log).isEmpty, "somebody has signed two histories by this key")
    }

    /// A page at a time: what the old key has attested counts once its successor's word is reached.
    @Test func whatAnOldKeyAttestedIsConfirmedByTheNext() throws {
        let (origin, thief) = try robbed()
        var node = CheckCounter().node()
        try node.meet(origin)
        let successions = origin.attestations.filter { $0.next != nil }
        let first = origin.attestations.filter { $0.next == nil && $0.number <= 64 }
        #expect(first.map(\.number) == [64])
        try node.take(Array(origin.events.prefix(66)), successions + first)
        #expect(node.log.attestedOrigins() == [origin.id: 64])
        #expect(node.log.unprovedCounts() == [.provisional: 66])
        try node.take(Array(origin.events.suffix(14)), origin.attestations)
        while try node.intake.review(now: node.now, limit: 50, into: &node.log) {}
        #expect(node.log.unprovedCounts().isEmpty)
        let before = node.inventory
        #expect(try node.take(thief.events, thief.attestations).refused == 70)
        #expect(node.inventory == before)
    }

    /// Two events under one id, both signed by their origin: every node keeps the one that the chain holds, whatever came
    /// first.
    @Test(arguments: [false, true]) func ofTwoVariantsTheChainsIsKept(comesLast: Bool) throws {
        var origin = try ChainOrigin(1, seed: 1)
        try origin.write(64)
        let honest = origin.events[9]
        var other = honest
        other.timestamp = "2026-01-01T00:00:07Z"
        other.signature = origin.key.sign(other.signingPreimage(dataHash: try other.fingerprint(sha256).dataHash)).description
        var node = CheckCounter().node()
        try node.meet(origin)
        if comesLast { try node.take([other], []) }
        try node.take(origin.events, origin.attestations)
        if !comesLast { try node.take([other], []) }
        let stored = try #require(node.log.event(honest.id))
        #expect(stored.event.timestamp == honest.timestamp && stored.verification == .chained)
        #expect(node.log.attestedOrigins() == [origin.id: 64])
    }

    /// Many events were taken in before the first checkpoint came.
    @Test func aChainThatIsFarBehindCatchesUp() throws {
        var origin = try ChainOrigin(1, seed: 1)
        try origin.write(300)
        var node = CheckCounter().node()
        try node.meet(origin)
        try node.take(Array(origin.events.prefix(290)), [])
        let last = try #require(origin.attestations.last)
        try node.take(Array(origin.events.suffix(10)), [last])
        #expect(node.log.attestedOrigins() == [origin.id: last.number])
    }

    /// Nothing is hashed for what anybody could have written.
    @Test func junkCheckpointsCostNothing() throws {
        var origin = try ChainOrigin(1, seed: 1)
        try origin.write(64)
        let hashed = Mutex(0)
        var node = CheckCounter().node()
        try node.meet(origin)
        try node.take(origin.events, [])
        node.intake.policy.sha256 = { bytes in
            hashed.withLock { $0 += 1 }
            return sha256(bytes)
        }
        let honest = try #require(origin.attestations.last)
        let junk = (1...Limits.attestationsPerPage).map { number in
            var each = honest
            each.number = UInt64(number)
            return each
        }
        try node.take([], junk.filter { $0.number != 64 })
        #expect(hashed.withLock { $0 } < 10)
        try node.take([], [honest])
        #expect(hashed.withLock { $0 } > 64 && node.log.attestedOrigins() == [origin.id: 64])
    }

    /// Whoever met the origin after it had split knows one of its keys, and nothing of the other one.
    @Test(arguments: [2, 3] as [UInt8]) func aNodeThatMetOneOfTwoIsFrozenToo(chosen: UInt8) throws {
        var origin = try ChainOrigin(1, seed: 1)
        try origin.write(10)
        var thief = origin
        try origin.rotate(to: 2)
        thief.now = thief.now.advanced(by: .seconds(1))
        try thief.rotate(to: 3)
        try origin.write(3)
        try thief.write(3)
        var node = CheckCounter().node()
        try node.meet(thief)
        try node.take(thief.events, thief.attestations)
        #expect(node.log.eventCount() == 13)
        try node.take([], origin.attestations)
        #expect(try FrozenOrigin.all(in: node.log).map(\.origin) == [origin.id])
        var late = thief
        late.now = late.now.advanced(by: .seconds(60))
        try late.write(1)
        #expect(try node.take(Array(late.events.suffix(1)), []).refused == 1)
        #expect(node.quarantined.contains { $0.contains("frozen_origin") })
        let key = try #require(PublicKey(ChainOrigin.key(chosen).publicKey.description))
        #expect(try FrozenOrigin.choose(key, of: origin.id, now: node.now, in: &node.log))
        #expect(node.log.state(StateKey.publicKey(of: origin.id)) == key.text, "the pin follows the choice")
        while try node.intake.review(now: node.now, limit: 5, into: &node.log) {}
        try node.retryDue()
        let (right, wrong) = chosen == 2 ? (origin, thief) : (thief, origin)
        try node.take(right.events, right.attestations)
        for event in right.events { #expect(node.log.event(event.id).map { $0.hold == nil } == true) }
        for event in wrong.events.suffix(3) {
            #expect(node.log.event(event.id).map { $0.hold == .signature } ?? true)
        }
    }

    /// Two events of one number that nobody looked at when they came.
    @Test func twoThatAreProvedOnlyLaterAreNoticedThen() throws {
        var origin = try ChainOrigin(1, seed: 1)
        try origin.write(5)
        var twin = origin
        twin.now = twin.now.advanced(by: .seconds(1))
        try twin.write(1)
        try origin.write(1)
        var node = CheckCounter().node(.off)
        try node.take(origin.events + twin.events.suffix(1), [])
        #expect(try Equivocation.all(in: node.log).isEmpty)
        node.intake.policy.signatures.mode = .warn
        try SignatureReview.note(node.intake.policy.signatures, now: node.now, in: &node.log)
        while try node.intake.review(now: node.now, limit: 50, into: &node.log) {}
        #expect(try Equivocation.all(in: node.log).map(\.number) == [6])
    }

    /// A person has taken a pin away: what the key before had attested stands in nobody's way.
    @Test func checkpointsOfAForgottenKeyGoWithTheNextPin() throws {
        var old = try ChainOrigin(1, seed: 1)
        try old.write(64)
        var new = try ChainOrigin(1, seed: 2)
        new.now = new.now.advanced(by: .milliseconds(3))
        try new.write(64)
        var node = CheckCounter().node()
        try node.meet(old)
        try node.take(old.events, old.attestations)
        #expect(node.log.attestedOrigins() == [old.id: 64])
        try node.log.setState(StateKey.publicKey(of: old.id), nil)
        try node.meet(new)
        #expect(node.log.attestedOrigins().isEmpty)
    }

    /// The same thief, where the origin was known by the key before it changed: what he attested was believed then.
    @Test func aThiefWhoDivergedBelowTheChangeIsFoundOutAfterwards() throws {
        var origin = try ChainOrigin(1, seed: 1)
        try origin.write(10)
        let known = origin
        var thief = origin
        thief.now = thief.now.advanced(by: .milliseconds(3))
        try thief.write(54)
        try origin.write(10)
        try origin.rotate(to: 2)
        try origin.write(64)
        var node = CheckCounter().node()
        try node.meet(known)
        try node.take(known.events, known.attestations)
        try node.take(thief.events, thief.attestations)
        #expect(node.log.attestedOrigins() == [origin.id: 64])
        #expect(node.log.event(thief.events[12].id)?.verification == .chained)
        for reviewsFirst in [true, false] {
            var node = node
            try node.take([], origin.attestations.filter { $0.next != nil })
            if reviewsFirst { while try node.intake.review(now: node.now, limit: 50, into: &node.log) {} }
            try node.take(origin.events, origin.attestations)
            while try node.intake.review(now: node.now, limit: 50, into: &node.log) {}
            try node.retryDue()
            #expect(node.log.attestedOrigins() == [origin.id: 84])
            for event in origin.events {
                let stored = node.log.event(event.id)
                #expect(stored?.hold == nil && stored?.verification.isProved == true)
            }
            for event in thief.events.dropFirst(10) { #expect(node.log.event(event.id)?.hold == .signature) }
        }
    }

    /// Events that the chain does not know, in turn from one part of it and another: each part is looked at once.
    @Test func eventsUnknownToTheChainCostNoMoreThanItsLength() throws {
        var origin = try ChainOrigin(1, seed: 1)
        try origin.log.setMeta(.ownNumber, "1")
        for number in 1...128 {
            try origin.write(1)
            try origin.log.setMeta(.ownNumber, String(number * 2 + 1))
        }
        let later = origin.now.advanced(by: Limits.ownHolePatience)
        while try origin.chain.signIfDue(quiet: .seconds(9), now: later, in: &origin.log) {}
        let hashed = Mutex(0)
        var node = CheckCounter().node()
        try node.meet(origin)
        try node.take(origin.events, origin.attestations)
        let odd = origin.events.filter { ($0.number ?? 1) % 2 == 1 }
        #expect(odd.isEmpty)
        #expect(node.log.attestedOrigins() == [origin.id: 256])
        let template = try #require(origin.events.last)
        var unknown: [Event] = []
        for step in 0..<60 {
            var event = template
            // Near the beginning and near the end by turns, and always a number that the chain does not have.
            let near: UInt64 = 3 + UInt64(step)
            let far: UInt64 = 201 - UInt64(step)
            let number = step % 2 == 0 ? near : far + 1
            event.id = Sample.id(500_000 + Int64(step))
            event.clock = ReceivedClock(VectorClock([origin.id: number]))
            unknown.append(try event.signed(by: origin.key))
        }
        node.intake.policy.sha256 = { bytes in
            hashed.withLock { $0 += 1 }
            return sha256(bytes)
        }
        try node.take(unknown, [])
        // A few for each event, and the whole chain once.
        let count = hashed.withLock { $0 }
        #expect(count < 836)
    }

    /// Successors that nobody can choose among are kept twice, and no more: two are enough to freeze.
    @Test func aKeysManySuccessorsTakeNoRoom() throws {
        var origin = try ChainOrigin(1, seed: 1)
        try origin.write(3)
        let before = origin
        var node = CheckCounter().node()
        try node.meet(origin)
        for seed in 10..<20 {
            var thief = before
            try thief.rotate(to: UInt8(seed))
            try node.take([], thief.attestations)
        }
        #expect(node.log.successions(of: origin.id).count == 2)
        #expect(try FrozenOrigin.all(in: node.log).first?.candidates.count == 2)
    }

    /// Two changes of key without an event between, of which the checkpoint at the place was missed.
    @Test func twoChangesAtOnePlaceAreFollowedOver() throws {
        var origin = try ChainOrigin(1, seed: 1)
        try origin.write(10)
        try origin.rotate(to: 2)
        try origin.rotate(to: 3)
        try origin.write(64)
        var node = CheckCounter().node()
        try node.meet(origin)
        let last = try #require(origin.attestations.last { $0.next == nil })
        try node.take(origin.events, origin.attestations.filter { $0.next != nil } + [last])
        #expect(node.log.attestedOrigins() == [origin.id: last.number])
    }

    /// An origin that is doubted again and again keeps no other one waiting.
    @Test func scansTakeTurns() throws {
        var (first, second) = (try ChainOrigin(1, seed: 1), try ChainOrigin(2, seed: 2))
        try first.write(4)
        try second.write(4)
        var node = CheckCounter().node()
        try node.meet(first)
        try node.meet(second)
        try node.take(first.events + second.events, [])
        while try node.intake.review(now: node.now, limit: 50, into: &node.log) {}
        try second.rotate(to: 3)
        try node.take([], second.attestations)
        var seed: UInt8 = 10
        for _ in 0..<12 {
            seed += 1
            try first.rotate(to: seed)
            try node.take([], first.attestations)
            _ = try node.intake.review(now: node.now, limit: 3, into: &node.log)
        }
        #expect(node.log.wireValue("signatures", peer: "", key: "review:\(second.id)") == nil, "its turn has come")
    }
}
