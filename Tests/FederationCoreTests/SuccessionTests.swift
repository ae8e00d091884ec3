import FederationCore
import FederationCrypto
import FederationTestKit
import Testing

/// An origin that changes its key, as those see it who follow.
@Suite struct SuccessionTests {
    /// An origin that has changed its key some times, with events before, between and after.
    private func origin(rotations: Int, between count: Int = 20) throws -> ChainOrigin {
        var origin = try ChainOrigin(1, seed: 1)
        try origin.write(count)
        for rotation in 0..<rotations {
            try origin.rotate(to: UInt8(2 + rotation))
            try origin.write(count)
        }
        return origin
    }

    @Test(arguments: [1, 2, 5]) func aFreshNodeProvesTheWholeLogAcrossRotations(rotations: Int) throws {
        let origin = try origin(rotations: rotations)
        #expect(Set(origin.events.compactMap(\.publicKey)).count == rotations + 1)
        for startsWithNewest in [true, false] {
            var node = CheckCounter().node()
            // Met as it is now, or pinned when it had its first key.
            if startsWithNewest { try node.meet(origin) } else { try node.meet(ChainOrigin(1, seed: 1)) }
            let outcome = try node.take(origin.events, origin.attestations)
            #expect(outcome.applied == origin.events.count && node.quarantined.isEmpty)
            #expect(node.log.unprovedCounts().isEmpty)
            #expect(origin.events.allSatisfy { node.log.event($0.id)?.verification.isProved == true })
        }
    }

    @Test func pageByPageToo() throws {
        let origin = try origin(rotations: 3)
        var node = CheckCounter().node()
        try node.meet(origin)
        let successions = origin.attestations.filter { $0.next != nil }
        for start in stride(from: 0, to: origin.events.count, by: 7) {
            let page = Array(origin.events[start..<min(start + 7, origin.events.count)])
            let last = page.last?.number ?? 0
            let checkpoint = origin.attestations.last { $0.next == nil && $0.number <= last }
            try node.take(page, successions + [checkpoint].compactMap { $0 })
        }
        #expect(node.quarantined.isEmpty && node.log.unprovedCounts().isEmpty)
        #expect(node.log.eventCount() == Int64(origin.events.count))
    }

    /// Whoever has stolen a key that was given up can sign with it, and is believed by nobody.
    @Test func aKeyThatWasGivenUpSignsNothingMore() throws {
        var origin = try ChainOrigin(1, seed: 1)
        try origin.write(10)
        var thief = origin
        thief.now = thief.now.advanced(by: .seconds(5))
        try origin.rotate(to: 2)
        try origin.write(5)
        try thief.write(1)
        let late = try #require(thief.events.last)
        // Backdated: a number that the honest origin has used, under an id of its own.
        var backdated = late
        backdated.clock = ReceivedClock(VectorClock([origin.id: 4]))
        backdated = try backdated.signed(by: thief.key)
        var node = CheckCounter().node()
        try node.meet(origin)
        try node.take(origin.events, origin.attestations)
        let before = node.inventory
        #expect(try node.take([late], []).refused == 1)
        #expect(try node.take([backdated], []).refused == 1)
        #expect(node.inventory == before)
        #expect(Set(node.log.quarantine(kind: nil, peer: nil, limit: 9).map(\.code)) == ["swapped_key", "past_key"])
    }

    @Test func aSuccessionNeedsBothHands() throws {
        var origin = try ChainOrigin(1, seed: 1)
        try origin.write(5)
        let first = origin
        try origin.rotate(to: 2)
        let succession = try #require(origin.attestations.first { $0.next != nil })
        let thief = try ChainOrigin.key(9)
        guard case .succession(let next, _) = succession.kind else { return }
        var wrongs: [Attestation] = []
        var wrong = succession
        // The old key names a key that never agreed, and a stranger names itself.
        let refused = thief.sign([]).description
        wrong.kind = .succession(next: next, acceptance: refused)
        wrongs.append(wrong)
        wrong = succession
        wrong.signature = refused
        wrongs.append(wrong)
        wrong = succession
        wrong.head = sha256([7])
        wrongs.append(wrong)
        var node = CheckCounter().node()
        try node.meet(first)
        try node.take([], wrongs)
        #expect(node.log.successions(of: origin.id).isEmpty)
        try node.take([], [succession])
        #expect(node.log.successions(of: origin.id).count == 1)
    }

    @Test func twoSuccessorsFreezeTheOriginUntilAPersonChooses() throws {
        var origin = try ChainOrigin(1, seed: 1)
        try origin.write(10)
        var thief = origin
        let known = origin
        try origin.rotate(to: 2)
        try origin.write(3)
        try thief.rotate(to: 3)
        thief.now = thief.now.advanced(by: .seconds(1))
        try thief.write(3)
        for isThiefFirst in [false, true] {
            var node = CheckCounter().node()
            try node.meet(known)
            try node.take(known.events, [])
            let (first, second) = isThiefFirst ? (thief, origin) : (origin, thief)
            try node.take(Array(first.events.suffix(3)), first.attestations)
            #expect(node.log.eventCount() == 13)
            try node.take(Array(second.events.suffix(3)), second.attestations)
            let frozen = try FrozenOrigin.all(in: node.log)
            #expect(frozen.map(\.origin) == [origin.id])
            #expect(Set(frozen[0].candidates.map(\.text)) == [origin, thief].map { $0.key.publicKey.description }.reduce(into: []) { $0.insert($1) })
            try first.continued(1) { try node.take([$0], []) }
            #expect(node.quarantined.contains { $0.contains("frozen_origin") }, "nothing more, of neither")

            let chosen = try #require(PublicKey(origin.key.publicKey.description))
            #expect(try FrozenOrigin.choose(chosen, of: origin.id, now: node.now, in: &node.log))
            #expect(try FrozenOrigin.all(in: node.log).isEmpty)
            while try node.intake.review(now: node.now, limit: 5, into: &node.log) {}
            try node.retryDue()
            for event in origin.events { #expect(node.log.event(event.id)?.hold == nil && node.log.event(event.id) != nil) }
            for event in thief.events.suffix(3) {
                let stored = node.log.event(event.id)
                #expect(stored == nil || stored?.hold == .signature, "what the other key signed counts for nothing")
            }
        }
    }

    /// An origin that changes its key before its first event attests to a chain of none; what a stranger said of it goes.
    @Test func aStrangersWordOnAChainThatHasNotBegunIsForgotten() throws {
        var origin = try ChainOrigin(1, seed: 1)
        let stranger = try ChainOrigin.key(9)
        let checkpoint = Attestation(
            kind: .checkpoint, origin: origin.id, number: 0, head: sha256([]),
            key: try #require(PublicKey(stranger.publicKey.description)), signature: stranger.sign([]).description)
        var node = CheckCounter().node()
        try node.meet(origin)
        try node.log.keep(checkpoint, fits: true, at: Sample.epoch)
        try origin.rotate(to: 2)
        #expect(origin.attestations.map(\.number) == [0, 0])
        try node.take([], origin.attestations)
        #expect(node.log.firstCheckpoint(of: origin.id, from: 0) == nil)
        // What follows is the new key's.
        try origin.write(3)
        let outcome = try node.take(origin.events, origin.attestations)
        #expect(outcome.applied == 3 && node.quarantined.isEmpty)
    }

    /// A relay cannot make two statements of one.
    @Test func aSuccessionInAnotherSpellingIsTheSameOne() throws {
        var origin = try ChainOrigin(1, seed: 1)
        try origin.write(5)
        let first = origin
        try origin.rotate(to: 2)
        let succession = try #require(origin.attestations.first { $0.next != nil })
        guard case .succession(let next, let acceptance) = succession.kind else { return }
        var spaced = succession
        spaced.signature = " \(succession.signature)\n"
        spaced.kind = .succession(next: next, acceptance: "\t\(acceptance)")
        #expect(try Attestation(JSON(spaced.json)) == succession)
        for wrong in ["", "ed25519:", "ed25519:AA==", String(succession.signature.dropLast(4)), succession.signature + "AAAA"] {
            var cut = succession
            cut.signature = wrong
            #expect(try Attestation(JSON(cut.json)) == nil)
        }
        // Even where one is kept, it names no other successor.
        var node = CheckCounter().node()
        try node.meet(first)
        try node.take([], [succession])
        try node.take([], [spaced])
        #expect(try FrozenOrigin.all(in: node.log).isEmpty && node.log.contradictions().isEmpty)
        try origin.write(3)
        #expect(try node.take(origin.events, origin.attestations).applied == 8)
        #expect(node.quarantined.isEmpty)
        let chosen = try FrozenOrigin.choose(next, of: origin.id, now: node.now, in: &node.log)
        #expect(!chosen, "there is nothing to choose")
    }

    /// A thief with the old key, who makes up history after its end and attests it.
    @Test func aStolenOldKeyAttestsNothingThatCameAfterIt() throws {
        var origin = try ChainOrigin(1, seed: 1)
        try origin.write(20)
        var thief = origin
        thief.now = thief.now.advanced(by: .seconds(5))
        try origin.rotate(to: 2)
        try thief.write(44)
        let forged = thief.attestations.filter { $0.number > 20 }
        #expect(forged.map(\.number) == [64] && forged[0].key.text == thief.key.publicKey.description)
        for hidesKeys in [false, true] {
            var node = CheckCounter().node()
            try node.meet(origin)
            try node.take(origin.events, origin.attestations)
            let before = node.inventory
            let events = thief.events.suffix(44).map { event in
                var event = event
                if hidesKeys { event.publicKey = nil }
                return event
            }
            #expect(try node.take(events, forged).refused == 44)
            #expect(node.inventory == before && node.log.attestedOrigins() == [origin.id: 20])
        }
    }

    /// What a stolen key had attested before its end became known.
    @Test func whatAStolenKeyHadAttestedIsForgotten() throws {
        var origin = try ChainOrigin(1, seed: 1)
        try origin.write(20)
        let known = origin
        var thief = origin
        thief.now = thief.now.advanced(by: .seconds(5))
        try thief.write(44)
        try origin.rotate(to: 2)
        try origin.write(64)
        var node = CheckCounter().node()
        try node.meet(known)
        try node.take(thief.events, thief.attestations)
        #expect(node.log.attestedOrigins() == [origin.id: 64])
        try node.take([], origin.attestations.filter { $0.next != nil })
        #expect(node.log.attestedOrigins().isEmpty)
        while try node.intake.review(now: node.now, limit: 50, into: &node.log) {}
        #expect(node.log.heldCount(peer: nil) == 44)
        try node.take(origin.events, origin.attestations)
        #expect(node.log.attestedOrigins() == [origin.id: 84])
        #expect(node.log.lastCheckpoint(of: origin.id, through: 99)?.key.text == origin.key.publicKey.description)
        for event in origin.events { #expect(node.log.event(event.id)?.verification.isProved == true) }
    }

    /// One origin's change of key is no reason to look at others, nor to keep a scan from its end.
    @Test func aChangeOfKeyLooksAgainAtItsOriginAlone() throws {
        var (origin, other) = (try ChainOrigin(1, seed: 1), try ChainOrigin(2, seed: 5))
        try origin.write(5)
        try other.write(20)
        var node = CheckCounter().node()
        try node.meet(origin)
        try node.take(other.events, [])
        try node.meet(other)
        // Without the head that it goes to.
        func place(_ key: String) -> String? {
            node.log.wireValue("signatures", peer: "", key: key).map { value in
                let words = String(decoding: value, as: UTF8.self).split(separator: " ")
                return ([words[0]] + words.dropFirst(2)).joined(separator: " ")
            }
        }
        let own = "review:\(origin.id)"
        #expect(try node.intake.review(now: node.now, limit: 5, into: &node.log))
        #expect(place("review") == "5" && place(own) == nil)
        try origin.rotate(to: 2)
        try node.take([], origin.attestations)
        #expect(place("review") == "5" && place(own) == "0")
        while place("review") != nil { _ = try node.intake.review(now: node.now, limit: 5, into: &node.log) }
        _ = try node.intake.review(now: node.now, limit: 5, into: &node.log)
        #expect(place(own) == "5")
        try origin.rotate(to: 3)
        try node.take([], origin.attestations)
        #expect(place(own) == "5 again")
        var steps = 0
        while try node.intake.review(now: node.now, limit: 5, into: &node.log) { steps += 1 }
        #expect(steps == 8 && place(own) == nil, "to its end, and once more from the beginning")
    }

    @Test func contactFollowsASuccessionAndNothingElse() throws {
        var origin = try ChainOrigin(1, seed: 1)
        try origin.write(3)
        let old = origin.key.publicKey.description
        try origin.rotate(to: 2)
        try origin.rotate(to: 3)
        let check = CheckCounter().policy(.off).check
        var log = MemoryStorage()
        try log.setState(StateKey.publicKey(of: origin.id), old)
        func memory(_ successions: [Attestation], expected: String? = nil) throws -> PeerMemory {
            var question = PeerQuestion(peer: "p", wireNamespace: "auto", keyOwner: origin.id)
            question.successions = successions
            question.expectedKey = expected
            return try PeerMemory(question, from: log, check: check)
        }
        let steps = origin.attestations.filter { $0.next != nil }
        #expect(try memory(steps).successor == origin.key.publicKey.description)
        #expect(try memory(steps, expected: old).successor == origin.key.publicKey.description)
        #expect(try memory([]).successor == nil)
        #expect(try memory([steps[1]]).successor == nil, "a step is missing")
        var forged = steps[0]
        forged.signature = steps[1].signature
        #expect(try memory([forged, steps[1]]).successor == nil)
        // The newest key is not followed back to an old one.
        try log.setState(StateKey.publicKey(of: origin.id), origin.key.publicKey.description)
        #expect(try memory(steps).successor == nil)
    }
}

extension Event {
    func signed(by key: SigningKey) throws -> Event {
        var event = self
        event.signature = key.sign(signingPreimage(dataHash: try fingerprint(sha256).dataHash)).description
        event.publicKey = key.publicKey.description
        return event
    }
}

extension ChainOrigin {
    /// Changes its key as `keygen --force` does.
    mutating func rotate(to seed: UInt8) throws {
        let next = try ChainOrigin.key(seed)
        let seal: @Sendable ([UInt8]) -> EventSeal = {
            EventSeal(signature: next.sign($0).description, publicKey: next.publicKey.description)
        }
        guard try chain.succeed(by: seal, now: now, in: &log) != nil else { throw StoreFailure.corrupt }
        key = next
    }

    /// The events that it would write next.
    fileprivate func continued(_ count: Int, _ body: (Event) throws -> Void) throws {
        var copy = self
        let before = copy.events.count
        copy.now = copy.now.advanced(by: .seconds(60))
        try copy.write(count)
        for event in copy.events.dropFirst(before) { try body(event) }
    }
}
