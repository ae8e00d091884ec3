import FederationCore
import FederationCrypto
import FederationTestKit
import Testing

/// What becomes of events by what their signatures show.
@Suite struct SignaturePolicyTests {
    /// A node that knows these keys of origins: pinned, or learnt from a relay.
    private func node(
        _ mode: SignatureMode, pinned: [UInt64: UInt64] = [:], peers: [SignaturePolicy.Peer] = []
    ) throws -> SampleNode {
        var node = SampleNode(9)
        node.intake.policy.originCheck = nil
        node.intake.policy.signatures = SignaturePolicy(mode, peers: peers, check: Sample.sealCheck)
        for (origin, key) in pinned { try node.pin(key, of: origin) }
        return node
    }

    private func note(_ number: Int64, origin: UInt64 = 1, clock: UInt64? = nil) -> Event {
        Sample.event(
            Sample.id(number), "create", "20260101-note-\(number)", origin: origin, clock: [origin: clock ?? UInt64(number)])
    }

    /// One way in which an event is signed or not, and what it comes to where the origin's key is pinned.
    enum Forgery: String, CaseIterable, CustomTestStringConvertible {
        case honest, stripped, resigned, forged, strippedKey, borrowed

        var testDescription: String { rawValue }

        var code: String? {
            switch self {
            case .honest, .strippedKey: nil
            case .stripped: "unsigned"
            case .resigned: "swapped_key"
            case .forged, .borrowed: "bad_signature"
            }
        }

        var proof: Verification {
            switch self {
            case .honest, .strippedKey: .pinned
            case .stripped: .unsigned
            case .resigned, .forged, .borrowed: .invalid
            }
        }

        func apply(to event: Event) throws -> Event {
            var event = try event.sealed(by: self == .resigned ? 7 : 1)
            switch self {
            case .honest, .resigned: break
            case .stripped: (event.signature, event.publicKey) = (nil, nil)
            case .strippedKey: event.publicKey = nil
            case .forged: event.payload = .full(Sample.snapshot("forged"))
            // Another node's signature under the right key's name.
            case .borrowed: event.signature = try event.sealed(by: 7).signature
            }
            return event
        }
    }

    @Test(arguments: Forgery.allCases, [false, true])
    func enforceRefusesWarnTakesInAndOffDoesNotLook(_ forgery: Forgery, looksAhead: Bool) throws {
        let event = try forgery.apply(to: note(1))
        for mode in SignatureMode.allCases {
            var node = try node(mode, pinned: [1: 1])
            node.looksAhead = looksAhead
            let before = node.log.states(prefix: "").map(\.key)
            let outcome = try node.take([event])
            if mode == .enforce, let code = forgery.code {
                #expect(outcome.refused == 1 && outcome.firstProblem?.reason == .signature)
                #expect(node.quarantined == ["refused \(code) \(event.id)"])
                #expect(node.inventory.isEmpty && node.records.isEmpty)
                #expect(node.log.states(prefix: "").map(\.key) == before, "a refused event teaches no key and no clock")
            } else {
                #expect(outcome.applied == 1 && node.quarantined.isEmpty)
                #expect(node.log.event(event.id)?.verification == (mode == .off ? Verification.none : forgery.proof))
            }
        }
    }

    @Test func whatIsRefusedChangesNothingOfWhatIsThere() throws {
        var node = try node(.enforce, pinned: [1: 1])
        let event = try note(1).sealed(by: 1)
        try node.take([event])
        let (before, records) = (node.inventory, node.records)
        for forgery in Forgery.allCases where forgery.code != nil {
            // The same id, and the next event of the record.
            try node.take([forgery.apply(to: note(1))])
            let next = Sample.event(Sample.id(2), "update", event.subject, clock: [1: 2], body: "taken over")
            #expect(try node.take([forgery.apply(to: next)]).refused == 1)
        }
        #expect(node.inventory == before && node.records == records)
    }

    @Test func withoutAKnownKeyTheFirstRelayedOneIsLearntAndIsProvisional() throws {
        var node = try node(.enforce)
        #expect(try node.take([note(1).sealed(by: 1)]).applied == 1)
        #expect(node.log.event(Sample.id(1))?.verification == .provisional)
        #expect(node.log.state(StateKey.relayedKey(of: Sample.node(1))) == "sample:key 1")
        #expect(node.log.state(StateKey.publicKey(of: Sample.node(1))) == nil)
        #expect(try node.take([note(2).sealed(by: 2)]).refused == 1)
        var keyless = try note(3, origin: 3).sealed(by: 3)
        keyless.publicKey = nil
        try node.take([keyless])
        #expect(node.quarantined == ["refused swapped_key \(Sample.id(2))", "refused unknown_key \(Sample.id(3))"])
    }

    @Test func aPeersOwnWordRelaxesForItsOwnEventsAlone() throws {
        let peers = [SignaturePolicy.Peer(name: "beta", id: Sample.node(2), mode: .warn)]
        var node = try node(.enforce, pinned: [1: 1, 2: 2], peers: peers)
        // Whoever brings it: beta is unsigned, and so is what beta relays of another.
        #expect(try node.take([note(1, origin: 2)], from: "gamma").applied == 1)
        #expect(try node.take([note(2, origin: 1)], from: "beta").refused == 1)
        // It never asks for more.
        var strict = try self.node(.warn, peers: [SignaturePolicy.Peer(name: "b", id: Sample.node(2), mode: .enforce)])
        #expect(try strict.take([note(1, origin: 2)]).applied == 1)
    }

    @Test func aPeerIsKnownByItsPinWhereItsEntryNamesNoIdentity() throws {
        let peers = [SignaturePolicy.Peer(name: "beta", mode: .off)]
        var node = try node(.enforce, peers: peers)
        #expect(try node.take([note(1, origin: 2)]).refused == 1)
        try node.log.setState(StateKey.peer("beta", .identity), Sample.node(2).description)
        #expect(try node.take([note(2, origin: 2)]).applied == 1)
        #expect(node.log.event(Sample.id(2))?.verification == Verification.none)
    }

    @Test func objectsThatNobodySignsAreNotRefusedUnlessTheirOriginHasAKey() throws {
        var node = try node(.enforce, pinned: [1: 1])
        func object(_ origin: UInt64) -> Event {
            Sample.event(Sample.id(Int64(origin)), "mesh:put", "mesh:doc-\(origin)", origin: origin, data: Array("{}".utf8))
        }
        #expect(try node.take([object(5)]).refused == 0)
        #expect(node.log.event(Sample.id(5))?.verification == .unsigned)
        #expect(try node.take([object(1)]).refused == 1)
    }

    @Test func ofTwoVariantsTheProvedOneWinsUnderEveryMode() throws {
        for mode in [SignatureMode.warn, .enforce] {
            for order in [[0, 1], [1, 0]] {
                var node = try node(mode, pinned: [1: 1])
                let both = [try note(1).sealed(by: 1), try Forgery.forged.apply(to: note(1))]
                for index in order { try node.take([both[index]]) }
                #expect(node.log.event(Sample.id(1))?.event == both[0])
            }
        }
    }
}

/// What becomes of events that are here once their origin's key is known better.
@Suite struct SignatureReviewTests {
    private func node(_ mode: SignatureMode) -> SampleNode {
        var node = SampleNode(9)
        node.intake.policy.originCheck = nil
        node.intake.policy.signatures = SignaturePolicy(mode, check: Sample.sealCheck)
        return node
    }

    private func note(_ number: Int64, sealedBy key: UInt64) throws -> Event {
        try Sample.event(Sample.id(number), "create", "20260101-note-\(number)", origin: 1, clock: [1: UInt64(number)])
            .sealed(by: key)
    }

    @Test func theSameKeySeenDirectlyProvesWhatWasProvisional() throws {
        var node = node(.enforce)
        try node.take((1...5).map { try note($0, sealedBy: 1) })
        try node.pin(1, of: 1)
        // A stop between two batches loses nothing.
        #expect(try node.review(limit: 2))
        #expect(node.log.unprovedCounts() == [.provisional: 3])
        while try node.review(limit: 2) {}
        #expect(node.log.unprovedCounts().isEmpty)
        #expect(node.log.state(StateKey.relayedKey(of: Sample.node(1))) == nil)
        #expect(try !SignatureReview.isDue(in: node.log))
    }

    @Test func whatArrivesDuringAReviewWasJudgedAsItCame() throws {
        var node = node(.enforce)
        try node.take((1...4).map { try note($0, sealedBy: 1) })
        try node.pin(1, of: 1)
        #expect(try node.review(limit: 2))
        // Of an origin of which nothing is known but what its events show: not proved, and looked at a moment ago.
        try node.take([Sample.event(Sample.id(5), "create", "20260101-note-5", origin: 2, clock: [2: 1]).sealed(by: 2)])
        #expect(try node.review(limit: 2))
        // Having come to the head that it began with, the review ends.
        #expect(try !node.review(limit: 2))
        #expect(node.log.unprovedCounts() == [.provisional: 1])
    }

    @Test func anEventThatMovesBehindAReviewIsMetWhereItStands() throws {
        var node = node(.enforce)
        let whole = try (1...5).map { try note($0, sealedBy: 1) }
        // A relay that had compacted its log gave stubs.
        try node.take(
            whole.map { event in
                let print = try event.fingerprint(sha256)
                var stub = event
                stub.payload = .stub(Event.Stub(dataHash: print.dataHash, normalHash: print.normalHash))
                return stub
            })
        #expect(node.log.unprovedCounts() == [.provisional: 5])
        try node.pin(1, of: 1)
        #expect(try node.review(limit: 2))
        // Whole, each takes a new place in the order of arrival, with what was found of it as a stub.
        try node.take(whole)
        #expect(node.log.event(Sample.id(5)).map { !$0.event.isStub && $0.seq > 5 } == true)
        while try node.review(limit: 2) {}
        #expect(node.log.unprovedCounts().isEmpty)
    }

    @Test func thereIsNothingToReviewOfAnEmptyLog() throws {
        var node = node(.enforce)
        try node.note()
        try node.pin(1, of: 1)
        #expect(try !SignatureReview.isDue(in: node.log))
        // Another policy is another matter: what the one before had judged may be about to be written.
        node.intake.policy.signatures.mode = .off
        try node.note()
        #expect(try SignatureReview.isDue(in: node.log))
    }

    @Test func whatAForgerRelayedFirstCountsForNothingOnceTheOriginIsMet() throws {
        var node = node(.enforce)
        // A forger's key was learnt first, so the honest event was refused.
        try node.take([note(1, sealedBy: 7)])
        let honest = try note(2, sealedBy: 1)
        #expect(try node.take([honest]).refused == 1)
        try node.pin(1, of: 1)
        while try node.review(limit: 10) {}
        try node.retryDue()
        #expect(node.log.event(Sample.id(1))?.hold == .signature)
        #expect(node.log.event(Sample.id(1))?.verification == .invalid)
        #expect(node.log.event(honest.id)?.verification == .pinned && node.quarantined.isEmpty)
        #expect(node.records.map(\.subject).contains("20260101-note-2"))
        #expect(node.log.record("20260101-note-1")?.heads.isEmpty ?? true)
        // Taken back by asking for less, and held again by asking for more.
        node.intake.policy.signatures.mode = .warn
        try node.note()
        while try node.review(limit: 10) {}
        #expect(node.log.event(Sample.id(1))?.hold == nil && node.log.record("20260101-note-1")?.heads.count == 1)
        node.intake.policy.signatures.mode = .enforce
        try node.note()
        while try node.review(limit: 10) {}
        #expect(node.log.event(Sample.id(1))?.hold == .signature)
    }

    /// What is held for another reason is no way round the signature: it is looked at before it counts.
    @Test func whatAForgerRelayedFirstDoesNotCountOnceNothingElseHoldsIt() throws {
        var node = node(.enforce)
        // It waits for one of an action that is not known, whose honest variant is a plain create.
        let unknown = Sample.event(Sample.id(1), "enlighten", "20260101-note-1", origin: 1, clock: [1: 1])
        let edit = Sample.event(Sample.id(2), "update", "20260101-note-1", origin: 1, clock: [1: 2])
        #expect(try node.take([unknown.sealed(by: 7), edit.sealed(by: 7)]).held == 2)
        #expect(node.log.event(edit.id)?.hold == .waits)
        try node.pin(1, of: 1)
        while try node.review(limit: 10) {}
        #expect(node.log.event(edit.id)?.hold == .waits && node.log.event(edit.id)?.verification == .invalid)
        #expect(try node.take([note(1, sealedBy: 1)]).applied == 1)
        #expect(node.log.event(edit.id)?.hold == .signature)
        #expect(node.log.record("20260101-note-1")?.heads == [Sample.id(1)])
        // By hand no more than by itself.
        #expect(try node.intake.retry(held: edit.id, now: node.now, into: &node.log) == .held(.signature))
        node.intake.policy.signatures.mode = .warn
        try node.note()
        while try node.review(limit: 10) {}
        #expect(node.log.event(edit.id)?.hold == nil && node.log.record("20260101-note-1")?.heads == [edit.id])
    }

    /// Nor where it comes whole, in place of its stub, in the page that lets it count.
    @Test func whatAForgerRelayedAsAStubDoesNotCountWhenItComesWhole() throws {
        var node = node(.enforce)
        let unknown = Sample.event(Sample.id(1), "enlighten", "20260101-note-1", origin: 1, clock: [1: 1])
        let edit = try Sample.event(Sample.id(2), "update", "20260101-note-1", origin: 1, clock: [1: 2]).sealed(by: 7)
        #expect(try node.take([unknown.sealed(by: 7), edit.stubbed()]).held == 2)
        try node.pin(1, of: 1)
        while try node.review(limit: 10) {}
        #expect(node.log.event(edit.id)?.hold == .waits && node.log.event(edit.id)?.verification == .invalid)
        try node.take([note(1, sealedBy: 1), edit])
        #expect(node.log.event(edit.id)?.event.isStub == false && node.log.event(edit.id)?.hold == .signature)
        #expect(node.log.record("20260101-note-1")?.heads == [Sample.id(1)])
    }

    /// A purge asks for no type any more, and our own is written without a look at others' signatures.
    @Test func whatAnOwnPurgeLetsCountIsLookedAtAgain() throws {
        var node = node(.enforce)
        let subject = "20260101-note-1"
        let create = Sample.event(Sample.id(1), "create", subject, origin: 2, clock: [2: 1])
        let edit = Sample.event(Sample.id(2), "update", subject, origin: 1, clock: [1: 1, 2: 1], data: Sample.snapshot("x", type: "poem"))
        #expect(try node.take([create.sealed(by: 2), edit.sealed(by: 7)]).held == 1)
        try node.pin(1, of: 1)
        while try node.review(limit: 10) {}
        #expect(node.log.event(edit.id)?.hold == .unknownType)
        try node.write(.purge(subject: subject, reason: ""))
        while try node.review(limit: 10) {}
        #expect(node.log.event(edit.id)?.hold == .signature)
    }

    @Test func whatTheReplayerHoldsIsLookedAtBeforeItIsGivenAgain() throws {
        var node = node(.enforce)
        let forged = try note(1, sealedBy: 7)
        let replayer = FailingReplayer(failing: [forged.id])
        node.intake.policy.replayer = replayer
        node.intake.policy.replayAttempts = 1
        try node.take([forged])
        #expect(node.log.event(forged.id)?.hold == .replayer(.invalidFrontmatter))
        try node.pin(1, of: 1)
        while try node.review(limit: 10) {}
        replayer.failing = []
        #expect(try node.intake.retry(held: forged.id, now: node.now, into: &node.log) == .held(.signature))
        #expect(replayer.applied.isEmpty)
        // Believed after all, it is given to the replayer, which has never seen it.
        node.intake.policy.signatures.mode = .warn
        try node.note()
        while try node.review(limit: 10) {}
        #expect(node.log.event(forged.id)?.hold == nil && replayer.applied == [forged.id])
    }

    @Test func aHardPinLooksAgainAtWhatAnotherPinHadProved() throws {
        var node = node(.enforce)
        try node.pin(7, of: 1)
        try node.take([note(1, sealedBy: 7)])
        #expect(node.log.event(Sample.id(1))?.verification == .pinned)
        let key = try #require(PublicKey("ed25519:LB+0jMLPWjc+6yXzZFm8KOGQCwjA2YzdGgbNEfcDCJo="))
        node.intake.policy.signatures.peers = [SignaturePolicy.Peer(name: "alpha", id: Sample.node(1), key: key)]
        try node.note()
        while try node.review(limit: 10) {}
        #expect(node.log.event(Sample.id(1))?.verification == .invalid)
        #expect(try !SignatureReview.note(node.intake.policy.signatures, now: node.now, in: &node.log), "noted once")
    }

    @Test func anOlderLogIsLookedAtOnce() throws {
        var node = node(.off)
        try node.take([note(1, sealedBy: 1)])
        #expect(node.log.event(Sample.id(1))?.verification == Verification.none)
        node.intake.policy.signatures.mode = .warn
        try node.note()
        while try node.review(limit: 10) {}
        #expect(node.log.event(Sample.id(1))?.verification == .provisional)
    }

    @Test func aForgottenKeyLeavesWhatItProved() throws {
        var node = node(.enforce)
        try node.pin(1, of: 1)
        try node.take([note(1, sealedBy: 1)])
        // `reset-peer --key-rotated`, and the peer shows another key.
        try node.log.setState(StateKey.publicKey(of: Sample.node(1)), nil)
        try node.pin(2, of: 1)
        while try node.review(limit: 10) {}
        #expect(node.log.event(Sample.id(1))?.verification == .pinned)
        #expect(try node.take([note(2, sealedBy: 2)]).applied == 1)
    }
}

extension SampleNode {
    /// The origin shows its key to this node itself.
    fileprivate mutating func pin(_ key: UInt64, of origin: UInt64) throws {
        var commit = PeerCommit(peer: "peer", wireNamespace: "auto")
        commit.key = PeerCommit.KeyPin(owner: Sample.node(origin), publicKey: "sample:key \(key)")
        _ = try commit.write(to: &log, intake: intake, now: now)
    }

    fileprivate mutating func review(limit: Int) throws -> Bool { try intake.review(now: now, limit: limit, into: &log) }

    fileprivate mutating func note() throws { try SignatureReview.note(intake.policy.signatures, now: now, in: &log) }
}

/// Noema's two ways to write `data` (section 8.3), with the vectors of section 8.4.
@Suite struct SignedFormTests {
    private static let escaped = #"{"title":"t","type":"note","body":"a \u003c b \u0026 c"}"#
    private static let raw = #"{"title":"t","type":"note","body":"a < b & c"}"#
    private static let goSignature =
        "ed25519:dMGOdlp35h+VFvKsIvchNEAAd7EXfDyJCK1bbiGmbR3y83s4l+SwxS8IhMCHXJthrdWA6cIPiXr69tfjaZ8eDQ=="
    private static let rustSignature =
        "ed25519:iKpdn1k629mIFhdkP2F/eCwzReSjMVMQjZDEcigoxzF+N8yQjBTeGFrFOyYZEuHMuCqllmVCohn90HNS4uAxBA=="

    private func event(_ data: String, _ signature: String) throws -> Event {
        let text = """
            {"id":"01HV000000000000000000000A","action":"update","trace_id":"20260609-why-we-chose-go",\
            "cortex_id":"01HV0000000000000000000CTX","origin":"research-cortex","timestamp":"2026-06-09T14:23:00Z",\
            "data":\(data),"vclock":{"01HV0000000000000000000CTX":7,"01HV00000000000000000PEER":3},\
            "signature":"\(signature)","pubkey":"ed25519:A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="}
            """
        return try Event(json: Array(text.utf8))
    }

    private func refusal(_ event: Event) throws -> String? {
        var node = SampleNode(9)
        node.intake.policy.originCheck = nil
        node.intake.policy.signatures = SignaturePolicy(.enforce) { preimage, signature, key in
            guard let signature = Signature(signature), let key = VerifyingKey(key) else { return false }
            return key.verify(signature, of: preimage)
        }
        // Long before our time, and about a record that has no create here: neither is asked of a signature.
        _ = try node.take([event])
        return node.log.quarantine(kind: nil, peer: nil, limit: 1).first?.code
    }

    @Test func eachLineIsVerifiedDirectlyAndAsTheOtherRelaysIt() throws {
        for data in [SignedFormTests.escaped, SignedFormTests.raw] {
            #expect(try refusal(event(data, SignedFormTests.goSignature)) == nil)
            #expect(try refusal(event(data, SignedFormTests.rustSignature)) == nil)
        }
    }

    @Test func whatIsOnlyLikeItIsNot() throws {
        for data in [
            #"{"title":"t","type":"note","body":"a < b & d"}"#, #"{"type":"note","title":"t","body":"a < b & c"}"#, "{}",
        ] {
            #expect(try refusal(event(data, SignedFormTests.goSignature)) == "bad_signature")
            #expect(try refusal(event(data, SignedFormTests.rustSignature)) == "bad_signature")
        }
    }
}
