import FederationConfig
import FederationCore
import FederationTestKit
import Testing

/// Facts 11 to 14: clocks, intervals and the log.
@Suite struct NoemaFactsClock {
    private let pairs: [([String: UInt64], [String: UInt64], Int)] = [
        (["x": 1, "y": 2], ["x": 2, "y": 3], -1),
        (["x": 3, "y": 4], ["x": 2, "y": 3], 1),
        (["x": 3, "y": 2], ["x": 2, "y": 3], 0),
        (["x": 5, "y": 5], ["x": 5, "y": 5], 0),
        (["x": 1], ["x": 1, "y": 1], -1),
    ]

    @Test func fact11ClocksCompareIncrementAndMerge() {
        for (a, b, order) in pairs { #expect(NoemaClock(a).goCompare(NoemaClock(b)) == order) }
        #expect(NoemaClock(["a": 10, "b": 7, "c": 3]).merging(["a": 9, "b": 8, "c": 3]) == ["a": 10, "b": 8, "c": 3])

        var clock = NoemaClock()
        clock.increment("new")
        #expect(clock["new"] == 1)
        var copy = clock
        copy.increment("new")
        #expect(clock["new"] == 1)

        let id = StandInPair.serverID.description
        var legacy: NoemaClock = ["mycortex": 3, id: 1]
        let isMerged = legacy.mergeIngested(["legacy-p2": 1, "legacy-p3": 2, StandInPair.pullerID.description: 4])
        #expect(isMerged)
        #expect(legacy == [id: 1, StandInPair.pullerID.description: 4])
    }

    @Test func fact11OurClocksCompareTheSameAndTellEqualFromConcurrent() {
        let ids = ["a": ULID(high: 1, low: 1), "b": ULID(high: 1, low: 2), "c": ULID(high: 1, low: 3),
            "x": ULID(high: 2, low: 1), "y": ULID(high: 2, low: 2)]
        func ours(_ counters: [String: UInt64]) -> VectorClock {
            VectorClock(Dictionary(counters.compactMap { entry in ids[entry.key].map { ($0, entry.value) } }) { $1 })
        }
        let answers: [ClockOrder] = [.before, .after, .concurrent, .equal, .before]
        for ((a, b, _), answer) in zip(pairs, answers) { #expect(ours(a).compare(ours(b)) == answer) }
        var merged = ours(["a": 10, "b": 7, "c": 3])
        merged.merge(ours(["a": 9, "b": 8, "c": 3]))
        #expect(merged == ours(["a": 10, "b": 8, "c": 3]))
        // Names of old logs are no identities: they stay with the event and out of every comparison.
        let stored = VectorClock(stored: #"{"mycortex":3,"legacy-p2":1,"\#(StandInPair.serverID)":1}"#)
        #expect(stored == VectorClock([StandInPair.serverID: 1]))
    }

    @Test(arguments: NoemaRules.allCases)
    func fact11ThreeAddsNumberThree(rules: NoemaRules) throws {
        var node = StandInPair(rules).server
        for title in ["one", "two", "three"] { try node.create(.init(title, body: ""), now: noon) }
        #expect(node.clock == [StandInPair.serverID.description: 3])
        #expect(node.events.map { $0.clock[StandInPair.serverID.description] } == [1, 2, 3])
    }

    @Test(arguments: NoemaRules.allCases)
    func fact11AMergeThatWouldHave257KeysChangesNothing(rules: NoemaRules) {
        var clock = NoemaClock(
            Dictionary(uniqueKeysWithValues: (1...256).map { (ULID(high: 0, low: $0).description, 1) }))
        let full = clock
        let isMerged = clock.mergeIngested([ULID(high: 9, low: 9).description: 1])
        #expect(!isMerged)
        #expect(clock == full)
        let isRaised = clock.mergeIngested([ULID(high: 0, low: 1).description: 5])
        #expect(isRaised)
    }

    @Test func fact12RustLooksPastNamesOfOldLogs() {
        let (a, b) = (StandInPair.serverID.description, StandInPair.pullerID.description)
        // Ordered but for the name: before.
        #expect(NoemaClock(["old-name": 4, a: 1]).rustCompare([a: 2]) == .before)
        #expect(NoemaClock(["old-name": 4, a: 1, b: 2]).rustCompare([a: 2, b: 1]) == .concurrent)
        #expect(NoemaClock(["old-name": 4]).rustCompare([a: 2]) == .concurrent)
        #expect(NoemaClock([a: 2]).rustCompare([a: 2]) == .equal)
    }

    @Test func fact12OurIntervalsAreDurationsAboveZero() {
        func interval(_ line: String) -> Duration? {
            try? Config.decode(Array("name: alpha\n\(line)\n".utf8)).get().config.interval
        }
        #expect(interval("") == .seconds(30))
        #expect(interval("interval: 250ms") == .milliseconds(250))
        #expect(interval("interval: 2m") == .seconds(120))
        #expect(interval("interval: 0s") == nil)
        #expect(interval("interval: fast") == nil)
    }

    @Test(arguments: NoemaRules.allCases)
    func fact13ACursorIsExclusiveAndALimitIsKept(rules: NoemaRules) {
        var log = StandInPair(rules).server
        for number in 1...5 { log.plant(event(number)) }
        #expect(log.log.events(since: "", limit: 3).map(\.id) == (1...3).map(eventID))
        #expect(log.log.events(since: eventID(3), limit: 10).map(\.id) == (4...5).map(eventID))
    }

    @Test(arguments: NoemaRules.allCases)
    func fact14EachChangeAppendsOneEvent(rules: NoemaRules) throws {
        var node = StandInPair(rules).server
        let trace = try node.create(.init("A title", body: "one"), now: noon)
        try node.update(trace, body: "two", now: noon)
        try node.change(trace, .archive, now: noon)
        try node.change(trace, .trash, now: noon)
        try node.change(trace, .recover, now: noon)

        #expect(trace == "20260407-a-title")
        #expect(node.events.map(\.action) == ["create", "update", "archive", "trash", "recover"])
        #expect(node.events.allSatisfy { $0.origin == "server" && $0.traceID == trace })
        #expect(node.events.map(\.id) == node.events.map(\.id).sorted())
    }
}
