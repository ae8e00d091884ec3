import FederationCore
import FederationCrypto
import FederationTestKit
import Testing

@Suite struct DeferralTests {
    private let hour: Int64 = 3_600_000

    @Test func anIDThatIsMinutesAheadIsEarlyAndJustStored() throws {
        var node = SampleNode(9)
        let early = Sample.event(Sample.id(24 * hour))
        #expect(try node.take([early], cursor: .byEvent).applied == 1)
        #expect(node.log.record(early.subject)?.heads == [early.id])
    }

    @Test func anIDThatIsMoreThanADayAheadWaitsInQuarantine() throws {
        var node = SampleNode(9)
        let far = Sample.event(Sample.id(24 * hour + 1), clock: [1: 7])
        let outcome = try node.take([far], cursor: .position("e.1"))
        #expect(outcome.deferred == 1 && outcome.refused == 0 && outcome.firstProblem == nil)
        #expect(node.log.eventCount() == 0)
        // Not in the log, it is no base for anything, and the position passes it.
        #expect(node.log.state("vclock") == nil)
        #expect(node.log.state("peer:peer:position") == "e.1")
        let row = try #require(node.log.quarantine(kind: .deferred, peer: "peer", limit: 1).first)
        #expect(row.code == "deferred" && row.bytes == far.json && row.retryAt == Sample.time(1))
        #expect(try node.retryDue().applied == 0)
        node.now = Sample.time(1)
        #expect(try node.retryDue().applied == 1)
        #expect(node.log.event(far.id)?.peer == "peer")
        #expect(node.log.quarantineCount(kind: .deferred, peer: nil) == 0)
        #expect(try node.retryDue() == PageOutcome())
    }

    /// Our clock may be the wrong one: what was in the log of a database that is made anew, or bears our own signature, is
    /// not made to wait for it.
    @Test func whatWasHereOrIsOursWaitsForNoTime() throws {
        var salvaging = SampleNode(9)
        salvaging.intake.policy.defersFuture = false
        let events = (1...3).map { Sample.event(Sample.id(72 * hour + $0)) }
        let outcome = try salvaging.take(events)
        #expect(outcome.applied == 3 && outcome.deferred == 0)
        var author = SampleNode(9, now: Sample.time(72 * hour))
        let own = try #require(try author.write(.create(subject: "20260101-own", Snapshot(data: Sample.snapshot("own")))).events.first)
        let event = try #require(author.log.event(own)?.event)
        var restored = SampleNode(9)
        restored.intake.policy.recoversOwnEvents = true
        #expect(try restored.take([event]).applied == 1)
    }

    @Test func aCursorOfIDsStopsBelowTheFirstDeferredOne() throws {
        var node = SampleNode(9)
        let events = [1, 48 * hour, 2, 49 * hour].map { Sample.event(Sample.id($0), "vote") }
        let outcome = try node.take(events, cursor: .byEvent)
        #expect(outcome.applied == 2 && outcome.deferred == 2 && outcome.cursor == Sample.id(2))
        #expect(try node.take(events, cursor: .byEvent).deferred == 2)
        #expect(node.log.quarantine(kind: .deferred, peer: nil, limit: 9).map(\.count) == [2, 2])
    }

    @Test func aRefusedEventOfTheFarFutureLeadsNoCursorThere() throws {
        var node = SampleNode(9)
        let far = ULID.max
        let items = [
            PulledItem(json: Sample.event(Sample.id(1)).json),
            PulledItem(json: Array(#"{"id":"\#(far)","action":1}"#.utf8)),
            PulledItem(json: Sample.event(ULID(high: .max, low: 1), data: Array("[]".utf8)).json),
        ]
        let outcome = try node.take(items: items, cursor: .byEvent)
        #expect(outcome.refused == 2 && outcome.cursor == Sample.id(1))
    }

    @Test func whatIsInTheLogIsNotDeferredWhenOurClockIsSetBack() throws {
        var node = SampleNode(9)
        let event = Sample.event(Sample.id(1))
        try node.take([event])
        node.now = Sample.time(-72 * hour)
        #expect(try node.take([event]).duplicates == 1)
        #expect(node.quarantined.isEmpty)
    }

    @Test func anotherCopyOfADeferredEventClearsItsRow() throws {
        var node = SampleNode(9)
        let far = Sample.event(Sample.id(30 * hour))
        try node.take([far], from: "a")
        node.now = Sample.time(10 * hour)
        try node.take([far], from: "b")
        #expect(node.log.event(far.id)?.peer == "b")
        #expect(node.quarantined.isEmpty)
    }

    @Test func retryingARowSaysWhatBecameOfIt() throws {
        var node = SampleNode(9)
        let two = try ["one", "two"].map { Sample.event(Sample.id(1), body: $0) }
            .sorted { try $0.fingerprint(sha256).digest < $1.fingerprint(sha256).digest }
        try node.take(two)
        let loser = try #require(node.log.quarantine(kind: .refused, peer: nil, limit: 1).first)
        func retry() throws -> RetryResult {
            try node.intake.retry(row: loser.row, now: node.now, into: &node.log)
        }
        #expect(try retry() == .refused(.other))
        // A key became known: the loser is weighed again.
        node.intake.policy.originCheck = { event, _ in
            event.data == two[1].data ? .pinned : .none
        }
        #expect(try retry() == .applied)
        #expect(node.log.event(Sample.id(1))?.event == two[1])
        #expect(try retry() == .notFound)
    }

    @Test func aRowOfBytesThatAreNoEventStaysRefused() throws {
        var node = SampleNode(9)
        try node.take(items: [PulledItem(json: Array("nonsense".utf8))])
        let row = try #require(node.log.quarantine(kind: nil, peer: nil, limit: 1).first)
        #expect(try node.intake.retry(row: row.row, now: node.now, into: &node.log) == .refused(.other))
        #expect(node.log.quarantine(kind: nil, peer: nil, limit: 9).map(\.count) == [2])
    }

    @Test func recordsAreMadeAnewInBatches() throws {
        var node = SampleNode(9)
        let events = (1...7).map { Sample.event(Sample.id($0), "create", "20260101-note-\($0)") }
        try node.take(events)
        let wanted = node.records
        for event in events { try node.log.setRecord(event.subject, nil) }
        #expect(try node.intake.hasOldRecords(in: node.log))
        var after: String?
        var batches = 0
        repeat {
            after = try node.intake.rebuildRecords(after: after, limit: 3, now: node.now, into: &node.log)
            batches += 1
        } while after != nil
        #expect(batches == 4 && node.records == wanted && wanted.count == 7)
        #expect(try !node.intake.hasOldRecords(in: node.log))
    }
}
