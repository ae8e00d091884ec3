import FederationCore
import FederationCrypto
import FederationTestKit
import Testing

@Suite struct OwnChainTests {
    @Test func aCheckpointFollowsManyEventsAtOnceAndFewOnceItIsQuiet() throws {
        var origin = try ChainOrigin(1, seed: 1)
        try origin.write(63)
        #expect(origin.attestations.isEmpty)
        try origin.write(1)
        #expect(origin.attestations.map(\.number) == [64])
        try origin.write(3)
        #expect(origin.attestations.count == 1)
        #expect(try origin.chain.quiet(now: origin.now, in: origin.log) == nil)
        let later = origin.now.advanced(by: Limits.checkpointQuiet)
        let quiet = try #require(try origin.chain.quiet(now: later, in: origin.log))
        #expect(try !origin.chain.signIfDue(quiet: quiet, now: later, in: &origin.log))
        #expect(origin.attestations.map(\.number) == [64, 67])
        #expect(try origin.chain.quiet(now: later, in: origin.log) == nil, "there is nothing more to say")
    }

    /// A log of an older program is attested piece by piece.
    @Test func oneCheckpointCoversNoMoreThanOthersCanFollow() throws {
        var origin = try ChainOrigin(1, seed: 1)
        try origin.write(Limits.checkpointLinks + 70, attests: false)
        #expect(origin.attestations.isEmpty)
        #expect(try origin.chain.signIfDue(quiet: .zero, now: origin.now, in: &origin.log))
        #expect(try !origin.chain.signIfDue(quiet: .zero, now: origin.now, in: &origin.log))
        #expect(origin.attestations.map(\.number) == [UInt64(Limits.checkpointLinks), UInt64(Limits.checkpointLinks) + 70])
    }

    /// Several writes of one transaction are attested once. A log that nothing was written to, as it takes nothing or has
    /// it already, is not.
    @Test func aTransactionIsAttestedBehindItsWrites() throws {
        var origin = try ChainOrigin(1, seed: 1)
        try origin.write(Limits.checkpointEvents, attests: false)
        let nothing = try WritePass(origin.writer, in: origin.log)
        try nothing.finish(now: origin.now, in: &origin.log)
        #expect(try write(["a", "a", "b"], &origin) == [false, true, false])
        let highest = UInt64(Limits.checkpointEvents) + 2
        #expect(origin.attestations.map(\.number) == [highest])
        for made in origin.log.attestations(afterRow: 0, limit: 9) { try origin.log.setAttestation(row: made.row, fits: nil) }
        #expect(try write(["a"], &origin) == [true])
        #expect(origin.attestations.isEmpty && origin.events.last?.number == highest)
    }

    /// Whoever follows is given them as one page, and looks at one signature for all of them.
    @Test func someThatAreWrittenTogetherAreAttestedAtOnce() throws {
        for (count, attested) in [(Limits.checkpointTogether - 1, [UInt64]()), (Limits.checkpointTogether, [5, 9])] {
            var origin = try ChainOrigin(1, seed: 1)
            try origin.write(1)
            for part in ["a", "b"] { _ = try write((0..<count).map { "\(part)\($0)" }, &origin) }
            #expect(origin.attestations.map(\.number) == attested)
            #expect(origin.events.compactMap(\.number) == (1...UInt64(1 + 2 * count)).map { $0 })
        }
    }

    /// Writes in one transaction, each under a name of its own; says which of them were made before.
    private func write(_ names: [String], _ origin: inout ChainOrigin) throws -> [Bool] {
        var (random, snapshot) = (SeededRandom(seed: 2), Snapshot())
        (snapshot.title, snapshot.type) = ("Note", "note")
        var pass = try WritePass(origin.writer, in: origin.log)
        let repeated = try names.map { name in
            try pass.write(
                .create(subject: "20260101-note-\(name)", snapshot), requestID: name, now: origin.now, random: &random,
                into: &origin.log
            ).isRepeated
        }
        try pass.finish(now: origin.now, in: &origin.log)
        return repeated
    }

    /// What a disk has lost, a chain must not deny: it may come back. After a day nobody waits any more.
    @Test func nothingIsSignedPastAnEventThatWasLostLately() throws {
        var origin = try ChainOrigin(1, seed: 1)
        try origin.write(10)
        let lost = try #require(origin.events.first { $0.number == 6 })
        origin.log.lose(lost.id, at: origin.now)
        let later = origin.now.advanced(by: Limits.checkpointQuiet)
        #expect(try !origin.chain.signIfDue(quiet: Limits.checkpointQuiet, now: later, in: &origin.log))
        #expect(origin.attestations.map(\.number) == [5])
        #expect(try !origin.chain.signIfDue(quiet: Limits.checkpointQuiet, now: later, in: &origin.log))
        #expect(origin.attestations.map(\.number) == [5])
        let tomorrow = later.advanced(by: Limits.ownHolePatience)
        _ = try origin.chain.signIfDue(quiet: Limits.checkpointQuiet, now: tomorrow, in: &origin.log)
        #expect(origin.attestations.map(\.number) == [5, 10])
    }

    @Test func nothingIsSignedThatWouldDenyOneOfTwo() throws {
        var origin = try ChainOrigin(1, seed: 1)
        try origin.write(10)
        var twin = origin
        twin.now = twin.now.advanced(by: .seconds(1))
        try twin.write(1)
        try origin.write(1)
        _ = try origin.log.append(Sample.entry(#require(twin.events.last), verification: .pinned, peer: ""))
        try origin.write(80)
        #expect(origin.attestations.map(\.number).max() ?? 0 <= 10)
    }
}

@Suite struct ChainProofTests {
    @Test func whatLeadsNowhereIsCounted() throws {
        var origin = try ChainOrigin(1, seed: 1)
        try origin.write(128)
        var node = CheckCounter().node()
        try node.meet(origin)
        let last = try #require(origin.attestations.last)
        var forged = last
        forged.head = .lowest
        var unknown = last
        unknown.origin = Sample.node(77)
        #expect(try node.take(origin.events, [forged, unknown]).unprovenAttestations == 2)
        // What is proved, and what is known already, is no reason to wonder.
        #expect(try node.take(origin.events, [last]).unprovenAttestations == 0)
        #expect(try node.take([], origin.attestations).unprovenAttestations == 0)
    }

    @Test func aPageIsProvedByHashingAndOneSignature() throws {
        var origin = try ChainOrigin(1, seed: 1)
        try origin.write(128)
        let counter = CheckCounter()
        var node = counter.node()
        try node.meet(origin)
        #expect(try node.take(origin.events, Array(origin.attestations.suffix(1))).applied == 128)
        #expect(counter.count == 1)
        #expect(node.log.attestedOrigins() == [origin.id: 128])
        for event in origin.events { #expect(node.log.event(event.id)?.verification == .chained) }
        // The next page goes on from there, and what is behind the checkpoint is checked one by one.
        try origin.write(70)
        counter.reset()
        try node.take(Array(origin.events.suffix(70)), Array(origin.attestations.suffix(1)))
        #expect(counter.count == 1 + 6)
        #expect(node.log.attestedOrigins() == [origin.id: 192])
        #expect(node.log.unprovedCounts().isEmpty)
    }

    @Test func whatWasCheckedOneByOneIsFoldedInByTheNextCheckpoint() throws {
        var origin = try ChainOrigin(1, seed: 1)
        try origin.write(64)
        let counter = CheckCounter()
        var node = counter.node()
        try node.meet(origin)
        try node.take(Array(origin.events.prefix(40)), [])
        #expect(counter.count == 40 && node.log.event(origin.events[0].id)?.verification == .pinned)
        counter.reset()
        try node.take(Array(origin.events.suffix(24)), origin.attestations)
        #expect(counter.count == 1)
        for event in origin.events { #expect(node.log.event(event.id)?.verification == .chained) }
        // A checkpoint alone, later, is worth as much.
        var late = counter.node()
        try late.meet(origin)
        try late.take(origin.events, [])
        try late.take([], origin.attestations)
        #expect(late.log.event(origin.events[0].id)?.verification == .chained)
    }

    enum Meddling: String, CaseIterable, CustomTestStringConvertible {
        case changed, resigned, stripped, renamed, left, foreignCheckpoint, otherHead

        var testDescription: String { rawValue }
    }

    /// A page that does not fit falls back to single signatures: the honest events are taken in, the others refused.
    @Test(arguments: Meddling.allCases) func aPageThatDoesNotFitFallsBackToSingleSignatures(_ meddling: Meddling) throws {
        var origin = try ChainOrigin(1, seed: 1)
        try origin.write(64)
        var events = origin.events
        var checkpoint = try #require(origin.attestations.last)
        let other = try ChainOrigin.key(9)
        var refused = 1
        switch meddling {
        case .changed: events[5].timestamp = "2026-01-01T00:00:01Z"
        case .resigned: events[5].signature = other.sign([1]).description
        case .stripped: (events[5].signature, events[5].publicKey) = (nil, nil)
        case .renamed: events[5].publicKey = other.publicKey.description
        case .left:
            events.remove(at: 5)
            refused = 0
        case .foreignCheckpoint:
            checkpoint.signature = other.sign(Attestation.checkpointPreimage(of: origin.id, at: checkpoint.tip)).description
            checkpoint.key = try #require(PublicKey(other.publicKey.description))
            refused = 0
        case .otherHead:
            checkpoint.head = sha256([1])
            refused = 0
        }
        let counter = CheckCounter()
        var node = counter.node()
        try node.meet(origin)
        let outcome = try node.take(events, [checkpoint])
        #expect(outcome.applied == events.count - refused && outcome.refused == refused)
        #expect(node.log.attestedOrigins().isEmpty)
        #expect(node.log.event(events[0].id)?.verification == .pinned)
        #expect(counter.count >= events.count - refused, "each by its own signature")
    }

    @Test func aChainUnderAKeyThatARelayBroughtProvesNoMoreThanThat() throws {
        var origin = try ChainOrigin(1, seed: 1)
        try origin.write(64)
        let counter = CheckCounter()
        var node = counter.node()
        try node.take(origin.events, origin.attestations)
        #expect(counter.count == 1)
        #expect(node.log.unprovedCounts() == [.provisional: 64])
        #expect(node.log.state(StateKey.relayedKey(of: origin.id)) == origin.key.publicKey.description)
        // A key that no event bears is not learnt from whoever attests by it.
        var stranger = counter.node()
        try stranger.take([], origin.attestations)
        #expect(stranger.log.state(StateKey.relayedKey(of: origin.id)) == nil)
    }

    /// Held because no key was known, and then named by the chain of the key that is.
    @Test func whatTheChainProvesIsHeldNoLonger() throws {
        for comesAgain in [false, true] {
            var origin = try ChainOrigin(1, seed: 1)
            try origin.write(64)
            let events = origin.events.map { event in
                var event = event
                event.publicKey = nil
                return event
            }
            var node = CheckCounter().node(.warn)
            try node.take(events, [])
            #expect(node.log.unprovedCounts() == [.unknownKey: 64] && node.log.heldCount(peer: nil) == 0)
            node.intake.policy.signatures.mode = .enforce
            try SignatureReview.note(node.intake.policy.signatures, now: node.now, in: &node.log)
            while try node.intake.review(now: node.now, limit: 50, into: &node.log) {}
            #expect(node.log.heldCount(peer: nil) == 64)
            try node.meet(origin)
            try node.take(comesAgain ? events : [], origin.attestations)
            #expect(node.log.unprovedCounts().isEmpty && node.log.heldCount(peer: nil) == 0)
            #expect(events.allSatisfy { node.log.record($0.subject)?.heads.count == 1 })
        }
    }

    /// A better signed copy of what is held for its signature is enough as well.
    @Test func aProvedCopyReleasesWhatWasHeld() throws {
        var origin = try ChainOrigin(1, seed: 1)
        try origin.write(1)
        let honest = try #require(origin.events.first)
        var stripped = honest
        (stripped.signature, stripped.publicKey) = (nil, nil)
        var node = CheckCounter().node(.warn)
        try node.meet(origin)
        try node.take([stripped], [])
        node.intake.policy.signatures.mode = .enforce
        try SignatureReview.note(node.intake.policy.signatures, now: node.now, in: &node.log)
        while try node.intake.review(now: node.now, limit: 50, into: &node.log) {}
        #expect(node.log.event(honest.id)?.hold == .signature)
        try node.take([honest], [])
        #expect(node.log.event(honest.id)?.hold == nil && node.log.event(honest.id)?.verification == .pinned)
        #expect(node.log.record(honest.subject)?.heads.count == 1)
    }

    @Test func twoEventsUnderOneNumberAreNoticedAndBothKept() throws {
        var origin = try ChainOrigin(1, seed: 1)
        try origin.write(63)
        var twin = origin
        twin.now = twin.now.advanced(by: .seconds(1))
        try twin.write(1)
        try origin.write(1)
        let second = try #require(twin.events.last)
        #expect(second.number == origin.events.last?.number && second.id != origin.events.last?.id)
        for isTwinFirst in [false, true] {
            var node = CheckCounter().node()
            try node.meet(origin)
            if isTwinFirst { try node.take([second], []) }
            try node.take(origin.events, origin.attestations)
            if !isTwinFirst { try node.take([second], []) }
            #expect(node.log.eventCount() == 65, "both are kept")
            let found = try Equivocation.all(in: node.log)
            #expect(found.map(\.origin) == [origin.id] && found.map(\.number) == [64])
            #expect(Set(found.first?.events ?? []) == [second.id, origin.events[63].id])
        }
    }

    /// Under `warn` anybody's event gets into the log, and neither frames its origin nor stands in the way of its chain.
    @Test(arguments: [false, true]) func whatItsOriginHasNotSignedAccusesNobody(isForgedFirst: Bool) throws {
        var origin = try ChainOrigin(1, seed: 1)
        try origin.write(64)
        let forger = try { () throws -> ChainOrigin in
            var forger = try ChainOrigin(1, seed: 9)
            forger.now = forger.now.advanced(by: .milliseconds(3))
            try forger.write(5)
            return forger
        }()
        var forged = forger.events
        (forged[2].signature, forged[2].publicKey) = (nil, nil)
        #expect(Set(forged.map(\.id)).isDisjoint(with: origin.events.map(\.id)))
        var node = CheckCounter().node(.warn)
        try node.meet(origin)
        if isForgedFirst { #expect(try node.take(forged, []).applied == 5) }
        try node.take(origin.events, origin.attestations)
        if !isForgedFirst { #expect(try node.take(forged, []).applied == 5) }
        #expect(try Equivocation.all(in: node.log).isEmpty)
        #expect(node.log.attestedOrigins() == [origin.id: 64])
        #expect(origin.events.allSatisfy { node.log.event($0.id)?.verification == .chained })
        // And the next checkpoint goes on from there.
        try origin.write(64)
        try node.take(Array(origin.events.suffix(64)), Array(origin.attestations.suffix(1)))
        #expect(node.log.attestedOrigins() == [origin.id: 128])
    }

    /// Whoever relays first can make up a key and a history, until the origin shows its own.
    @Test func aMadeUpKeysChainIsForgottenOnceTheOriginIsMet() throws {
        var origin = try ChainOrigin(1, seed: 1)
        try origin.write(64)
        var forger = try ChainOrigin(1, seed: 9)
        forger.now = forger.now.advanced(by: .milliseconds(3))
        try forger.write(192)
        var node = CheckCounter().node()
        try node.take(forger.events, forger.attestations)
        #expect(node.log.attestedOrigins() == [origin.id: 192])
        try node.meet(origin)
        #expect(node.log.attestedOrigins().isEmpty)
        while try node.intake.review(now: node.now, limit: 50, into: &node.log) {}
        #expect(node.log.heldCount(peer: nil) == 192)
        try node.take(origin.events, origin.attestations)
        #expect(node.log.attestedOrigins() == [origin.id: 64])
        #expect(origin.events.allSatisfy { node.log.event($0.id)?.verification == .chained })
    }

    @Test func anEventThatTheChainDoesNotKnowIsNoticed() throws {
        var origin = try ChainOrigin(1, seed: 1)
        try origin.write(10)
        // Number 11 is given to an event that is never shown, and 12 goes on.
        var hidden = origin
        hidden.now = hidden.now.advanced(by: .seconds(1))
        try hidden.write(1)
        try origin.log.setMeta(.ownNumber, "11")
        try origin.write(60)
        // It waits for its own for a day, and then says that there is none.
        let later = origin.now.advanced(by: Limits.ownHolePatience)
        while try origin.chain.signIfDue(quiet: .seconds(9), now: later, in: &origin.log) {}
        #expect(origin.attestations.last?.number == 71)
        var node = CheckCounter().node()
        try node.meet(origin)
        try node.take(origin.events, origin.attestations)
        #expect(try Equivocation.all(in: node.log).isEmpty)
        try node.take([#require(hidden.events.last)], [])
        #expect(try Equivocation.all(in: node.log).map(\.number) == [11])
        // What was lost and comes again is none.
        let lost = origin.events[3]
        node.log.lose(lost.id, at: node.now)
        try node.take([lost], [])
        #expect(try Equivocation.all(in: node.log).map(\.count) == [1])
    }

    @Test func twoChainsOfOneOriginAreKeptAsEvidence() throws {
        var origin = try ChainOrigin(1, seed: 1)
        try origin.write(60)
        var twin = origin
        twin.now = twin.now.advanced(by: .seconds(1))
        try twin.write(4)
        try origin.write(4)
        var node = CheckCounter().node()
        try node.meet(origin)
        try node.take(origin.events, origin.attestations)
        try node.take([], twin.attestations)
        #expect(node.log.contradictions() == twin.attestations)
        #expect(node.log.attestedOrigins() == [origin.id: 64])
    }
}
