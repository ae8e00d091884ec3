import FederationCore
import FederationTestKit
import Testing

/// Counts in the transaction itself, so that a crash forgets what it forgets.
private struct Counting: EventReplayer {
    let version = "1"
    var failing: Set<ULID> = []

    func replay(_ entry: LogEntry, into log: inout ReplayLog) throws(StoreFailure) -> ReplayAnswer {
        if failing.contains(entry.event.id) { return .failed(.invalidFrontmatter) }
        let key = entry.event.id.description
        try log.setValue(key, try (log.value(key) ?? []) + [1])
        return .applied
    }
}

@Suite struct ReplayerCatchUpTests {
    private func events(_ numbers: ClosedRange<Int64>) -> [Event] {
        numbers.map { Sample.event(Sample.id($0), "create", "20260407-\($0)", clock: [1: UInt64($0)]) }
    }

    private func opened(_ node: inout SampleNode, _ replayer: Counting?, limit: Int = 2) throws {
        node.intake.policy.replayer = replayer
        var hasMore = try node.intake.owesReplayer(in: node.log)
        while hasMore {
            let (intake, now) = (node.intake, node.now)
            hasMore = try node.log.transaction { log throws(StoreFailure) in
                try !intake.catchUpReplayer(limit: limit, now: now, into: &log)
            }
        }
        #expect(try !node.intake.owesReplayer(in: node.log))
    }

    private func counts(_ node: SampleNode) throws -> [String: Int] {
        Dictionary(uniqueKeysWithValues: try node.log.replayerValues().map { ($0.key, $0.value.count) })
    }

    private func once(_ numbers: ClosedRange<Int64>) -> [String: Int] {
        Dictionary(uniqueKeysWithValues: numbers.map { (Sample.id($0).description, 1) })
    }

    @Test func aReplayerThatIsNewToALogIsGivenItAll() throws {
        var node = SampleNode(9)
        try node.take(events(1...5))
        var own = Snapshot()
        own.type = "note"
        try node.write(.create(subject: "20260407-own", own))
        try opened(&node, Counting())
        #expect(try counts(node) == once(1...5))
        try node.take(events(6...7))
        #expect(try counts(node) == once(1...7))
    }

    @Test func whatCameWithoutItIsGivenOnceHoweverOftenTheLogWasOpened() throws {
        var node = SampleNode(9)
        try opened(&node, Counting())
        try node.take(events(1...3))
        for first in [Int64(4), 6] {
            try opened(&node, nil)
            try node.take(events(first...first + 1))
        }
        #expect(try counts(node) == once(1...3))
        try opened(&node, Counting())
        #expect(try counts(node) == once(1...7))
        try opened(&node, Counting())
        try node.take(events(1...8))
        #expect(try counts(node) == once(1...8))
    }

    @Test func whatItHeldIsNotReleasedBehindItsBack() throws {
        var node = SampleNode(9)
        node.intake.policy.replayAttempts = 1
        try opened(&node, Counting(failing: [Sample.id(2)]))
        #expect(try node.intake.retryHeld(after: nil, limit: 9, program: "1.0", now: node.now, into: &node.log) == nil)
        try node.take(events(1...3))
        try opened(&node, nil)
        // A newer program without the replayer does not try what that holds; a person who insists may.
        #expect(try !node.intake.hasNewProgram("1.1", in: node.log))
        #expect(try node.intake.retry(held: Sample.id(2), now: node.now, into: &node.log) == .applied)
        #expect(try counts(node)[Sample.id(2).description] == nil)
        try opened(&node, Counting())
        #expect(try counts(node) == once(1...3))
        #expect(try node.intake.hasNewProgram("1.1", in: node.log))
    }

    @Test func whatItFailsOnIsHeldAndTriedByTheNext() throws {
        var node = SampleNode(9)
        try node.take(events(1...4))
        try opened(&node, Counting(failing: [Sample.id(3)]))
        #expect(node.log.event(Sample.id(3))?.hold == .replayer(.invalidFrontmatter))
        #expect(node.log.record("20260407-3") == nil)
        node.intake.policy.replayer = Counting()
        var after: ULID?
        repeat {
            after = try node.intake.retryHeld(after: after, limit: 2, program: "1.0", now: node.now, into: &node.log)
        } while after != nil
        #expect(try counts(node) == once(1...4))
        #expect(node.log.record("20260407-3") != nil)
    }
}
