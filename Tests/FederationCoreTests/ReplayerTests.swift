import FederationCore
import FederationTestKit
import Testing

/// The numbers are those of Noema's own tests (section 9).
@Suite struct ReplayerTests {
    private func batch(_ count: Int) -> [Event] {
        (1...count).map { number in
            let letter = String(UnicodeScalar(UInt8(0x60 + number)))
            return Sample.event(Sample.id(Int64(number)), "create", "20260407-\(letter)", clock: [1: UInt64(number)])
        }
    }

    @Test func fact1ABatchOfFiveWhoseThirdFailsKeepsTwo() throws {
        var node = SampleNode(9)
        let events = batch(5)
        let replayer = FailingReplayer(failing: [events[2].id])
        node.intake.policy.replayer = replayer
        let outcome = try node.take(events, cursor: .byEvent)
        #expect(outcome.stoppedBy == ReplayProblem(
            reason: .invalidFrontmatter, eventID: events[2].id.description, subject: "20260407-c"))
        #expect(outcome.applied == 2 && replayer.applied == [events[0].id, events[1].id])
        #expect(node.log.state("peer:peer:last_event") == events[1].id.description)
        #expect(node.log.eventCount() == 2)
    }

    @Test func fact2ABatchOfThreeIsReplayedInOrder() throws {
        var node = SampleNode(9)
        let replayer = FailingReplayer(failing: [])
        node.intake.policy.replayer = replayer
        let events = batch(3)
        #expect(try node.take(events, cursor: .byEvent).cursor == events[2].id)
        #expect(replayer.applied == events.map(\.id))
    }

    @Test func fact3AFirstEventThatFailsLeavesNoCursor() throws {
        var node = SampleNode(9)
        let events = batch(3)
        node.intake.policy.replayer = FailingReplayer(failing: [events[0].id])
        #expect(try node.take(events, cursor: .byEvent).cursor == nil)
        #expect(node.log.state("peer:peer:last_event") == nil)
        #expect(node.log.eventCount() == 0)
    }

    @Test func aPurgeThatTheReplayerHoldsTakesNoText() throws {
        var node = SampleNode(9)
        let created = batch(1)[0]
        let purge = Sample.event(Sample.id(2), "purge", created.subject, clock: [1: 2])
        let edit = Sample.event(Sample.id(3), "update", created.subject, origin: 2, clock: [1: 1, 2: 1], body: "kept")
        node.intake.policy.replayAttempts = 1
        node.intake.policy.replayer = FailingReplayer(failing: [purge.id])
        #expect(try node.take([created, purge, edit]).held == 1)
        #expect(node.log.event(edit.id)?.event.isStub == false)
        #expect(node.log.record(created.subject)?.heads == [edit.id])
    }

    @Test func anEventThatFailsThreeTimesIsHeldAndThePageGoesOn() throws {
        var node = SampleNode(9)
        let events = batch(3)
        let replayer = FailingReplayer(failing: [events[1].id])
        node.intake.policy.replayer = replayer
        for _ in 1...2 { #expect(try node.take(events, cursor: .byEvent).stoppedBy != nil) }
        let outcome = try node.take(events, cursor: .byEvent)
        #expect(outcome.stoppedBy == nil && outcome.held == 1 && outcome.applied == 1 && outcome.duplicates == 1)
        #expect(outcome.firstProblem?.reason == .invalidFrontmatter)
        #expect(outcome.cursor == events[2].id)
        #expect(node.log.event(events[1].id)?.hold == .replayer(.invalidFrontmatter))
        // Held is not applied: there is no record of it, and each other event was applied once.
        #expect(node.log.record(events[1].subject) == nil)
        #expect(replayer.applied == [events[0].id, events[2].id])
        #expect(node.log.wireValues("intake", peer: "peer").isEmpty)
    }

    @Test func anEventThatSucceedsInTimeIsAppliedOnce() throws {
        var node = SampleNode(9)
        let events = batch(2)
        let replayer = FailingReplayer(failing: [events[0].id])
        node.intake.policy.replayer = replayer
        try node.take(events, cursor: .byEvent)
        replayer.failing = []
        #expect(try node.take(events, cursor: .byEvent).applied == 2)
        #expect(replayer.applied == events.map(\.id))
        #expect(node.log.wireValues("intake", peer: "peer").isEmpty)
    }

    @Test func theReplayerIsNotGivenWhatIsHeldUntilItIsReleased() throws {
        var node = SampleNode(9)
        let replayer = FailingReplayer(failing: [])
        node.intake.policy.replayer = replayer
        let unknown = Sample.event(Sample.id(1), "enlighten", clock: [1: 1])
        let waiting = Sample.event(Sample.id(2), "update", clock: [1: 2])
        try node.take([unknown, waiting])
        #expect(replayer.asked.isEmpty)
        // Another variant of the unknown event is one we know.
        var known = Sample.event(unknown.id, "create", clock: [1: 1])
        known = try known.sealed(by: 1)
        node.intake.policy.originCheck = { event, _ in event.signature == nil ? .none : .pinned }
        try node.take([known])
        #expect(replayer.applied == [known.id, waiting.id])
        #expect(node.log.heldCount(peer: nil) == 0)
    }

    @Test func aNewReplayerIsGivenWhatTheOldOneFailedOn() throws {
        var node = SampleNode(9)
        let events = batch(3)
        node.intake.policy.replayAttempts = 1
        node.intake.policy.replayer = FailingReplayer(failing: Set(events.map(\.id)))
        #expect(try node.take(events).held == 3)
        let replayer = FailingReplayer(failing: [events[1].id])
        node.intake.policy.replayer = replayer
        #expect(try node.intake.hasNewProgram("1.0", in: node.log))
        var after: ULID?
        repeat {
            after = try node.intake.retryHeld(after: after, limit: 2, program: "1.0", now: node.now, into: &node.log)
        } while after != nil
        #expect(try !node.intake.hasNewProgram("1.0", in: node.log))
        #expect(replayer.applied == [events[0].id, events[2].id])
        #expect(node.log.heldEvents(peer: nil, after: nil, limit: 9).map(\.event.id) == [events[1].id])
        #expect(node.log.record(events[0].subject)?.heads == [events[0].id])
        replayer.failing = []
        #expect(try node.intake.retry(held: events[1].id, now: node.now, into: &node.log) == .applied)
        #expect(try node.intake.retry(held: events[1].id, now: node.now, into: &node.log) == .notFound)
    }

    @Test func attemptsAreCountedForFewEventsAPeer() throws {
        var node = SampleNode(9)
        let events = (1...40).map { Sample.event(Sample.id($0), "create", "20260407-x\($0)") }
        node.intake.policy.replayer = FailingReplayer(failing: Set(events.map(\.id)))
        for event in events { #expect(try node.take([event]).stoppedBy != nil) }
        #expect(node.log.wireValues("intake", peer: "peer").count == 16)
    }
}
