import FederationCore
import FederationCrypto
import FederationTestKit
import Testing

@Suite struct VariantsTests {
    private let id = Sample.id(1)

    /// Variants of one id in order of their digests.
    private func variants(_ count: Int) throws -> [Event] {
        try (1...count).map { Sample.event(id, "create", clock: [1: 1], body: "variant \($0)") }
            .sorted { try $0.fingerprint(sha256).digest < $1.fingerprint(sha256).digest }
    }

    @Test func theSmallerDigestWinsAndTheLoserIsKeptWhole() throws {
        let two = try variants(2)
        for order in [two, two.reversed()] {
            var node = SampleNode(9)
            for event in order { try node.take([event]) }
            #expect(node.log.event(id)?.event == two[0])
            let evidence = try #require(node.log.quarantine(kind: .refused, peer: "peer", limit: 9).first)
            #expect(evidence.code == "losing_variant" && evidence.bytes == two[1].json)
            #expect(node.log.record(two[0].subject)?.heads == [id])
            #expect(node.quarantined.count == 1)
        }
    }

    @Test func aBetterProvedVariantWinsWhateverItsDigest() throws {
        let three = try variants(3)
        var node = SampleNode(9, pinned: [1], provisional: [2])
        try node.take([three[0]])
        try node.take([three[1].sealed(by: 2)])
        #expect(node.log.event(id)?.verification == .provisional)
        try node.take([three[2].sealed(by: 1)])
        #expect(node.log.event(id)?.event == (try three[2].sealed(by: 1)))
        #expect(node.log.event(id)?.replacements == 2)
        try node.take(three)
        #expect(node.log.event(id)?.verification == .pinned)
    }

    @Test func aFullEventGoesBeforeAStubOfAnother() throws {
        let two = try variants(2)
        var node = SampleNode(9)
        try node.take([two[0].stubbed()])
        try node.take([two[1]])
        #expect(node.log.event(id)?.event == two[1])
    }

    @Test func aReplacedRowLeavesThePositionsOnItGood() throws {
        let two = try variants(2)
        var node = SampleNode(9)
        try node.take([two[1]])
        let position = try #require(node.log.head())
        try node.take([two[0]])
        #expect(node.log.id(at: position.seq) == position.id)
        let following = node.log.events(after: position.seq, limit: 9, bytes: .max)
        #expect(following.map(\.event) == [two[0]])
    }

    @Test func fromTheThirdReplacementOnEachWaitsTwiceAsLong() throws {
        let many = try variants(12)
        var node = SampleNode(9)
        var waits: [Duration] = []
        for event in many.reversed() {
            if try node.take([event]).deferred == 1 {
                let due = try #require(node.log.quarantine(kind: .deferred, peer: nil, limit: 1).first?.retryAt)
                waits.append(due.since(node.now))
                node.now = due
                #expect(try node.retryDue().applied == 1)
            }
            #expect(node.log.event(id)?.event == event)
        }
        #expect(waits == [1, 2, 4, 8, 16, 32, 60, 60, 60].map { .seconds($0 * 60) })
        #expect(node.log.quarantineCount(kind: .deferred, peer: nil) == 0)
        #expect(node.log.quarantineCount(kind: .refused, peer: nil) == many.count - 1)
    }

    @Test func aWaitThatTheClockLeftBehindIsOver() throws {
        let many = try variants(5)
        var node = SampleNode(9)
        for event in many[2...].reversed() { try node.take([event]) }
        #expect(try node.take([many[1]]).deferred == 1)
        node.now = Sample.time(-10_000_000)
        #expect(try node.take([many[0]]).applied == 1)
    }

    @Test func aWaitingVariantDoesNotHoldUpTheCursor() throws {
        let many = try variants(4)
        var node = SampleNode(9)
        for event in many[1...].reversed() { try node.take([event], cursor: .byEvent) }
        let outcome = try node.take([many[0], Sample.event(Sample.id(5), "vote")], cursor: .byEvent)
        #expect(outcome.deferred == 1 && outcome.cursor == Sample.id(5))
    }

    @Test func bothSubjectsOfAnIDAreMadeAnew() throws {
        var node = SampleNode(9, pinned: [1])
        let weak = Sample.event(id, "create", "20260101-first")
        try node.take([weak])
        try node.take([Sample.event(id, "create", "20260101-second").sealed(by: 1)])
        #expect(node.log.record("20260101-first") == nil)
        #expect(node.log.record("20260101-second")?.heads == [id])
    }

    /// The winner of every set of variants, stubs and proofs among them, does not depend on the order of arrival.
    @Test func anyOrderEndsWithTheSameWinner() throws {
        var random = SeededRandom(seed: 7)
        for round in 0..<60 {
            var set: [Event] = []
            for variant in try variants(2 + random.below(3)) {
                var variant = variant
                if random.chance(0.5) { variant = try variant.sealed(by: UInt64(1 + random.below(3))) }
                if random.chance(0.7) { set.append(variant) }
                if random.chance(0.4) { set.append(try variant.stubbed()) }
                if random.chance(0.2) { set.append(try lying(stubOf: variant, &random)) }
            }
            let purge = random.chance(0.3) ? [Sample.event(Sample.id(0), "purge", origin: 5, clock: [5: 1])] : []
            var winners: Set<String> = []
            for _ in 0..<8 {
                var node = SampleNode(9, pinned: [1], provisional: [2])
                for event in (set + purge).shuffled(using: &random) {
                    try node.take([event])
                    if random.chance(0.3) { node.now = node.now.advanced(by: .seconds(30)) }
                }
                try settle(&node)
                let winner = try #require(node.log.event(id) ?? node.log.event(Sample.id(0)))
                winners.insert("\(winner.digest) \(winner.verification)")
                #expect(winner.replacements < 2 * set.count)
            }
            #expect(winners.count == 1, "round \(round)")
        }
    }

    /// A stub whose hash of the normal form is not that of its data.
    private func lying(stubOf event: Event, _ random: inout SeededRandom) throws -> Event {
        var stub = try event.stubbed()
        guard case .stub(var hashes) = stub.payload else { return stub }
        hashes.normalHash = sha256([UInt8(truncatingIfNeeded: random.next())])
        stub.payload = .stub(hashes)
        return stub
    }

    /// Lets all waits pass.
    private func settle(_ node: inout SampleNode) throws {
        for _ in 0..<40 where node.log.quarantineCount(kind: .deferred, peer: nil) > 0 {
            node.now = node.now.advanced(by: .seconds(3600))
            try node.retryDue()
        }
        #expect(node.log.quarantineCount(kind: .deferred, peer: nil) == 0)
    }
}
