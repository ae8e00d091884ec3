import FederationCore
import FederationTestKit
import Testing

@Suite struct MintingTests {
    private let subject = "20260101-note"
    private let hour: Int64 = 3_600_000

    private func write(_ node: inout SampleNode, _ request: WriteRequest? = nil) throws -> Event {
        var snapshot = Snapshot()
        snapshot.type = "note"
        let written = try node.write(request ?? .create(subject: subject, snapshot))
        return try #require(written.events.last.flatMap { node.log.event($0)?.event })
    }

    @Test func anIDIsOfNow() throws {
        var node = SampleNode(1, now: Sample.time(77))
        #expect(try write(&node).id.time == Sample.time(77))
    }

    @Test func anIDFollowsEverythingThatIsNotEarly() throws {
        var node = SampleNode(1)
        let ahead = Sample.id(300_000, salt: 5)
        let early = Sample.event(Sample.id(300_001), "vote", "20260101-x", origin: 2)
        try node.take([Sample.event(ahead, "vote", "20260101-other", origin: 2), early])
        let id = try write(&node).id
        #expect(id > ahead && id.time == ahead.time)
    }

    @Test func anIDFollowsEveryIDOfItsSubjectHoweverEarly() throws {
        var node = SampleNode(1)
        let early = Sample.event(Sample.id(20 * hour), origin: 2, clock: [2: 1])
        try node.take([early])
        let update = try write(&node, .change(subject: subject, .archive))
        #expect(update.id > early.id && update.id.time == early.id.time)
        #expect(node.log.record(subject)?.lifecycle == .archived)
    }

    @Test func twoNodesThatLookBackOnTheSameIDMintTwo() throws {
        var (one, two) = (SampleNode(1), SampleNode(2))
        let ahead = Sample.event(Sample.id(60_000), origin: 3, clock: [3: 1])
        try one.take([ahead])
        try two.take([ahead])
        let mine = try write(&one, .change(subject: subject, .archive))
        let theirs = try write(&two, .change(subject: subject, .archive))
        #expect(mine.id != theirs.id && min(mine.id, theirs.id) > ahead.id)
    }

    @Test func anIDThatAllOthersWouldDeferIsNotMinted() throws {
        var node = SampleNode(1)
        let last = ULID(milliseconds: Sample.epoch.milliseconds + 24 * hour, random: (.max, .max))
        try node.take([Sample.event(last, origin: 2)])
        do throws(WriteFailure) {
            try node.write(.change(subject: subject, .archive))
            Issue.record("it was minted")
        } catch {
            guard case .refused(.subjectAhead(let id)) = error else { throw error }
            #expect(id > last)
        }
        node.now = Sample.time(hour)
        #expect(try write(&node, .change(subject: subject, .archive)).id > last)
    }

    @Test func idsRiseWhenTheClockStandsStillOrGoesBack() throws {
        var node = SampleNode(1)
        var last = try write(&node).id
        for step in 0..<20 {
            if step == 10 { node.now = Sample.time(-60_000) }
            let id = try write(&node, .change(subject: subject, step % 2 == 0 ? .archive : .unarchive)).id
            #expect(id > last)
            last = id
        }
    }

    @Test func anUpdateTakesOverTheClocksOfContentOnly() throws {
        var node = SampleNode(1)
        let create = Sample.event(Sample.id(1), origin: 2, clock: [2: 1])
        let vote = Sample.event(Sample.id(2), "vote", origin: 3, clock: [2: 9, 3: 4], data: Array(#"{"delta":1}"#.utf8))
        let elsewhere = Sample.event(Sample.id(3), "create", "20260101-other", origin: 4, clock: [4: 8])
        try node.take([create, vote, elsewhere])
        var snapshot = Snapshot()
        snapshot.type = "note"
        let update = try write(&node, .update(subject: subject, snapshot, base: .current))
        #expect(update.clock.vector == VectorClock([Sample.node(1): 1, Sample.node(2): 1]))
        let archive = try write(&node, .change(subject: subject, .archive))
        #expect(archive.clock.vector == VectorClock([Sample.node(1): 2, Sample.node(2): 9, Sample.node(3): 4]))
    }

    @Test func aHeldEventIsNoBaseForAClock() throws {
        var node = SampleNode(1)
        let create = Sample.event(Sample.id(1), origin: 2, clock: [2: 1])
        let held = Sample.event(Sample.id(2), "update", origin: 3, clock: [3: 1], data: Array(#"{"type":"bar"}"#.utf8))
        #expect(try node.take([create, held]).held == 1)
        let archive = try write(&node, .change(subject: subject, .archive))
        #expect(archive.clock.vector == VectorClock([Sample.node(1): 1, Sample.node(2): 1]))
    }

    @Test func aClockHoldsULIDKeysOnlyInOrder() throws {
        var node = SampleNode(3)
        var old = Sample.event(Sample.id(1), origin: 2, clock: [2: 1])
        old.clock = try #require(ReceivedClock(json: Array(#"{"name":4,"\#(Sample.node(2))":1}"#.utf8)))
        try node.take([old])
        let archive = try write(&node, .change(subject: subject, .archive))
        #expect(archive.clock.entries.map(\.key) == [Sample.node(2), Sample.node(3)].map(\.description))
    }
}
