import FederationCore
import FederationCrypto
import FederationTestKit
import Testing

@Suite struct PurgeTests {
    private let subject = "20260101-note"
    private let create = Sample.event(Sample.id(1), clock: [1: 1], body: "secret")
    private let purge = Sample.event(Sample.id(3), "purge", clock: [1: 2])
    private let concurrent = Sample.event(Sample.id(2), "update", origin: 2, clock: [2: 1], body: "also secret")

    @Test func aPurgeHidesAtOnceAndItsDataGoesAfterSevenDays() throws {
        var node = SampleNode(9)
        try node.take([create, purge])
        #expect(node.log.record(subject)?.purge?.eventID == purge.id)
        #expect(node.log.record(subject)?.title == "")
        #expect(node.log.event(create.id)?.event.isStub == false)
        node.now = Sample.epoch.advanced(by: Limits.purgeGrace - .seconds(1))
        try node.retryDue()
        #expect(node.log.event(create.id)?.event.isStub == false)
        node.now = Sample.epoch.advanced(by: Limits.purgeGrace)
        let record = node.log.record(subject)
        try node.retryDue()
        #expect(node.log.event(create.id)?.event == (try create.stubbed()))
        #expect(node.log.event(purge.id)?.event == purge)
        #expect(node.log.record(subject) == record)
        #expect(node.log.wireValues("intake", peer: "").isEmpty)
    }

    @Test func aProvedPurgeRemovesTheDataAtOnce() throws {
        var node = SampleNode(9, pinned: [1])
        try node.take([create, concurrent, purge.sealed(by: 1)])
        #expect(node.log.event(create.id)?.event.isStub == true)
        #expect(node.log.event(concurrent.id)?.event.isStub == true)
        #expect(node.log.wireValues("intake", peer: "").isEmpty)
    }

    @Test func whatDoesNotPrecedeAPurgeArrivesAsAStub() throws {
        var node = SampleNode(9)
        try node.take([purge])
        #expect(try node.take([concurrent, create]).applied == 2)
        #expect(node.log.event(concurrent.id)?.event == (try concurrent.stubbed()))
        // Its digest is still that of the whole event.
        #expect(node.log.event(concurrent.id)?.digest == (try concurrent.fingerprint(sha256).digest))
        // What precedes the purge keeps its data until the purge is final.
        #expect(node.log.event(create.id)?.event == create)
        var together = SampleNode(9)
        try together.take([purge, concurrent, create])
        #expect(together.inventory == node.inventory)
        #expect(together.log.event(concurrent.id)?.event.isStub == true)
    }

    @Test func aFullCopyDoesNotBringBackWhatWasPurged() throws {
        var node = SampleNode(9, pinned: [1])
        try node.take([create, purge.sealed(by: 1)])
        let seq = node.log.event(create.id)?.seq
        #expect(try node.take([create]).duplicates == 1)
        #expect(node.log.event(create.id)?.event.isStub == true)
        #expect(node.log.event(create.id)?.seq == seq)
    }

    @Test func aHeadThatIsAStubIsFilledAndTakesANewPlace() throws {
        var node = SampleNode(9)
        try node.take([create.stubbed()])
        #expect(node.log.record(subject)?.isIncomplete == true)
        let before = try #require(node.log.event(create.id))
        #expect(try node.take([create]).duplicates == 1)
        let after = try #require(node.log.event(create.id))
        #expect(after.event == create && after.seq > before.seq && after.replacements == 0)
        #expect(node.log.record(subject)?.isIncomplete == false)
        #expect(node.log.id(at: before.seq) == create.id)
    }

    @Test func aDominatedStubStaysOneAndAStubNeverReplacesAFullEvent() throws {
        var node = SampleNode(9)
        let first = Sample.event(Sample.id(4), "update", clock: [1: 3])
        let second = Sample.event(Sample.id(5), "update", clock: [1: 4])
        try node.take([create, first.stubbed(), second])
        try node.take([first, create.stubbed(), second.stubbed()])
        #expect(node.log.event(first.id)?.event.isStub == true)
        #expect(node.log.event(create.id)?.event == create)
        #expect(node.log.event(second.id)?.event == second)
    }

    @Test func aFullEventMendsTheDigestThatAStubClaimed() throws {
        let first = Sample.event(Sample.id(4), "update", clock: [1: 3])
        let second = Sample.event(Sample.id(5), "update", clock: [1: 4])
        let digest = try first.fingerprint(sha256).digest
        var lie = try first.stubbed()
        guard case .stub(var hashes) = lie.payload else { return }
        hashes.normalHash = sha256([1])
        lie.payload = .stub(hashes)
        // As a head it is filled; dominated it stays a stub, with the digest of the truth.
        for others in [[], [second]] {
            var node = SampleNode(9)
            try node.take(others + [lie])
            #expect(node.log.event(first.id)?.digest != digest)
            try node.take([first])
            #expect(node.log.event(first.id)?.digest == digest)
            #expect(node.log.event(first.id)?.event.isStub == !others.isEmpty)
            try node.take([lie])
            #expect(node.log.event(first.id)?.digest == digest)
            #expect(node.log.event(first.id)?.replacements == 0)
        }
    }
}
