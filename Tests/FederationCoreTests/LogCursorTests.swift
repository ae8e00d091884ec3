import FederationCore
import FederationTestKit
import Testing

@Suite struct LogCursorTests {
    private func event(_ number: Int64, _ action: String = "create", clock: [UInt64: UInt64]? = nil) -> Event {
        Sample.event(Sample.id(number), action, "20260407-\(number)", clock: clock ?? [1: UInt64(number)])
    }

    /// Reads to the end and gives the ids in order; the cursor goes through its text, as a follower's would.
    private func follow(
        _ node: SampleNode, from cursor: inout LogCursor, limit: Int = 2
    ) throws -> [ULID] {
        var ids: [ULID] = []
        while true {
            let page = try node.log.page(after: cursor, limit: limit)
            #expect(page.events.count <= limit && !page.startedOver)
            ids += page.events.map(\.event.id)
            cursor = try #require(LogCursor(page.next.text))
            #expect(cursor == page.next)
            if !page.hasMore { return ids }
        }
    }

    @Test func eachEventComesOnceInOrderOfArrival() throws {
        var node = SampleNode(9)
        var cursor = LogCursor.start
        #expect(try follow(node, from: &cursor) == [])
        try node.take([event(3), event(1), event(2)])
        #expect(try follow(node, from: &cursor) == [3, 1, 2].map { Sample.id($0) })
        #expect(try follow(node, from: &cursor) == [])
        try node.take([event(5), event(4)])
        #expect(try follow(node, from: &cursor, limit: 1) == [5, 4].map { Sample.id($0) })
    }

    @Test func whatWasHeldComesWhenItIsApplied() throws {
        var node = SampleNode(9)
        let replayer = FailingReplayer(failing: [Sample.id(2)])
        node.intake.policy.replayAttempts = 1
        node.intake.policy.replayer = replayer
        try node.take([event(1), event(2), event(3)])
        var cursor = LogCursor.start
        #expect(try follow(node, from: &cursor) == [Sample.id(1), Sample.id(3)])
        try node.take([event(4)])
        #expect(try follow(node, from: &cursor) == [Sample.id(4)])
        replayer.failing = []
        #expect(try node.intake.retry(held: Sample.id(2), now: node.now, into: &node.log) == .applied)
        #expect(try follow(node, from: &cursor) == [Sample.id(2)])
        #expect(try follow(node, from: &cursor) == [])
    }

    @Test func anIdThatAnotherVariantTookComesAgainOnce() throws {
        var node = SampleNode(9, pinned: [1])
        let first = event(1)
        try node.take([first, event(2)])
        var cursor = LogCursor.start
        #expect(try follow(node, from: &cursor).count == 2)
        try node.take([try first.sealed(by: 1)])
        // A signature alone is no other variant.
        #expect(try follow(node, from: &cursor) == [])
        var other = first
        other.originName = "another"
        try node.take([try other.sealed(by: 1)])
        let given = try follow(node, from: &cursor)
        #expect(given == (node.log.event(first.id)?.event.originName == "another" ? [first.id] : []))
    }

    @Test func pastTheBoundWhatIsHeldComesHeld() throws {
        var node = SampleNode(9)
        let count = Limits.cursorWaiting + 3
        try node.take((1...Int64(count)).map { event($0, "enlighten") })
        var cursor = LogCursor.start
        var given: [StoredEvent] = []
        repeat {
            let page = try node.log.page(after: cursor, limit: 400)
            given += page.events
            cursor = try #require(LogCursor(page.next.text))
        } while cursor.position != node.log.head()
        #expect(given.map(\.event.id) == (Int64(count) - 2...Int64(count)).map { Sample.id($0) })
        #expect(given.allSatisfy { $0.hold == .unknownAction })
    }

    @Test func aCursorOfAnotherLogStartsOver() throws {
        var node = SampleNode(9)
        try node.log.setMeta(.epoch, "ONE")
        try node.take([event(1), event(2)])
        let backup = node
        try node.take([event(3)])
        let cursor = try node.log.page(after: .start, limit: 9).next
        // The backup is put back, another epoch begins, and by chance the same event stands at the same place.
        node = backup
        try node.log.beginEpoch(Sample.id(77), isServed: true)
        try node.take([event(3)])
        let page = try node.log.page(after: cursor, limit: 9)
        #expect(page.startedOver && page.events.count == 3)
        #expect(try !node.log.page(after: page.next, limit: 9).startedOver)
        // Places of the old epoch, from before the backup, are good.
        let early = try backup.log.page(after: .start, limit: 1).next
        #expect(try node.log.page(after: early, limit: 9).events.count == 2)
    }

    @Test(arguments: [
        "", "start+", "x", "E.0.\(ULID.min)", "E.-1.\(ULID.min)", "E.1.nothing", "E.1.\(ULID.min)+", "E.1.\(ULID.min)+x",
        "E.1.\(ULID.min)+\(ULID.min)+\(ULID.min)", "E.1", String(repeating: "E", count: 40_000),
    ]) func whatIsNoCursorIsNone(_ text: String) { #expect(LogCursor(text) == nil) }
}
