import FederationCore
import FederationCrypto
import FederationTestKit
import Testing

/// Since when an event is proved, or is not, and what had shown it.
@Suite struct ProofTimeTests {
    private func node(_ mode: SignatureMode) -> SampleNode {
        var node = SampleNode(9)
        node.intake.policy.originCheck = nil
        node.intake.policy.signatures = SignaturePolicy(mode, check: Sample.sealCheck)
        return node
    }

    private func note(_ number: Int64) -> Event {
        Sample.event(Sample.id(number), "create", "20260101-note-\(number)", origin: 1, clock: [1: UInt64(number)])
    }

    private func found(_ id: ULID, _ node: SampleNode, keptAfter: Int64 = 0) -> ProofTime? {
        node.log.event(id)?.foundProved(keptAfter: keptAfter)
    }

    @Test func whatIsProvedAsItComesIsKeptNowhere() throws {
        var node = node(.enforce)
        try node.pin(1, of: 1)
        let came = node.now
        try node.take([note(1).sealed(by: 1)])
        node.pass(60)
        // Again, and looked at again: nothing is other.
        try node.take([note(1).sealed(by: 1)], from: "another")
        try node.reviewAll()
        #expect(node.log.event(Sample.id(1))?.proofTime == nil)
        #expect(found(Sample.id(1), node) == ProofTime(.arrival, at: came))
        // Nobody kept it of one that was there before that was kept.
        #expect(found(Sample.id(1), node, keptAfter: 1) == ProofTime(.unknown, at: nil))
    }

    @Test func whatThisNodeWritesIsProvedAsItIsWritten() throws {
        var node = node(.enforce)
        let written = node.now
        var snapshot = Snapshot()
        (snapshot.title, snapshot.type) = ("Note", "note")
        let id = try node.write(.create(subject: "20260101-own", snapshot)).events[0]
        node.pass(60)
        #expect(found(id, node) == ProofTime(.own, at: written))
        #expect(found(id, node, keptAfter: 1) == ProofTime(.own, at: written))
    }

    @Test func aKeyThatIsShownLaterProvesIt() throws {
        var node = node(.enforce)
        let came = node.now
        try node.take([note(1).sealed(by: 1)])
        #expect(node.log.event(Sample.id(1))?.verification == .provisional)
        #expect(found(Sample.id(1), node) == ProofTime(.arrival, at: came), "found to be under a key not met")
        node.pass(60)
        try node.pin(1, of: 1)
        node.pass(60)
        try node.reviewAll()
        #expect(node.log.event(Sample.id(1))?.verification == .pinned)
        #expect(found(Sample.id(1), node) == ProofTime(.review, at: came.advanced(by: .seconds(120))))
    }

    @Test func itIsNotOnceTheKeyWasAForgersAndIsAgainOnceItIsNot() throws {
        var node = node(.warn)
        try node.pin(7, of: 1)
        try node.take([note(1).sealed(by: 7)])
        var times: [WallTime] = []
        // Each is met in its turn, and the one before was none of the origin's.
        for key in [1, 7] as [UInt64] {
            node.pass(60)
            try node.pin(key, of: 1)
            try node.reviewAll()
            times.append(node.now)
            let stored = node.log.event(Sample.id(1))
            #expect(stored?.verification == (key == 1 ? .invalid : .pinned))
            #expect(found(Sample.id(1), node) == ProofTime(.review, at: node.now))
        }
        #expect(times[0] < times[1])
    }

    @Test func underOffNobodyHasLooked() throws {
        var node = node(.off)
        try node.take([note(1).sealed(by: 1)])
        #expect(found(Sample.id(1), node) == nil)
        node.pass(60)
        node.intake.policy.signatures.mode = .warn
        try SignatureReview.note(node.intake.policy.signatures, now: node.now, in: &node.log)
        try node.reviewAll()
        #expect(node.log.event(Sample.id(1))?.verification == .provisional)
        #expect(found(Sample.id(1), node) == ProofTime(.review, at: node.now))
    }

    @Test func anotherCopyBringsTheSignature() throws {
        var node = node(.warn)
        try node.pin(1, of: 1)
        let came = node.now
        try node.take([note(1)])
        #expect(node.log.event(Sample.id(1))?.verification == .unsigned)
        #expect(found(Sample.id(1), node) == ProofTime(.arrival, at: came))
        node.pass(60)
        try node.take([note(1).sealed(by: 1)])
        #expect(node.log.event(Sample.id(1))?.verification == .pinned)
        #expect(found(Sample.id(1), node) == ProofTime(.copy, at: node.now))
    }

    /// A chain that comes later proves what nothing had; what its own signature had proved is proved since then.
    @Test func aChainThatComesLaterProvesWhatNothingHad() throws {
        var origin = try ChainOrigin(1, seed: 1)
        try origin.write(64)
        for isMetBefore in [false, true] {
            var node = CheckCounter().node(.warn)
            let came = node.now
            if isMetBefore { try node.meet(origin) }
            try node.take(origin.events, [])
            #expect(node.log.unprovedCounts() == (isMetBefore ? [:] : [.provisional: 64]))
            node.pass(60)
            if !isMetBefore {
                // Met without the review that follows.
                try node.log.setState(StateKey.publicKey(of: origin.id), origin.key.publicKey.description)
            }
            try node.take([], origin.attestations)
            for event in origin.events {
                let stored = try #require(node.log.event(event.id))
                #expect(stored.verification == .chained)
                let wanted = isMetBefore ? ProofTime(.arrival, at: came) : ProofTime(.chain, at: node.now)
                #expect(stored.foundProved(keptAfter: 0) == wanted)
            }
        }
    }

    /// The whole of a stub comes later than what proved it.
    @Test func whatRestoresAStubTakesItsTimeOver() throws {
        for keptAfter in [0, 1] as [Int64] {
            var node = node(.enforce)
            try node.pin(1, of: 1)
            let came = node.now
            let event = try note(1).sealed(by: 1)
            try node.take([event.stubbed])
            if keptAfter > 0 { try node.log.setMeta(.proofTimesAfter, String(keptAfter)) }
            node.pass(60)
            try node.take([event], from: "another")
            let stored = try #require(node.log.event(event.id))
            #expect(stored.event == event && stored.peer == "another" && stored.receivedAt == node.now)
            let wanted = keptAfter > 0 ? ProofTime(.unknown, at: nil) : ProofTime(.arrival, at: came)
            #expect(stored.foundProved(keptAfter: keptAfter) == wanted)
        }
    }
}

extension SampleNode {
    fileprivate mutating func pass(_ seconds: Int) { now = now.advanced(by: .seconds(seconds)) }

    /// The origin shows its key to this node itself.
    fileprivate mutating func pin(_ key: UInt64, of origin: UInt64) throws {
        var commit = PeerCommit(peer: "peer", wireNamespace: "auto")
        commit.key = PeerCommit.KeyPin(owner: Sample.node(origin), publicKey: "sample:key \(key)")
        _ = try commit.write(to: &log, intake: intake, now: now)
    }

    fileprivate mutating func reviewAll() throws {
        while try intake.review(now: now, limit: 10, into: &log) {}
    }
}
