import FederationCore
import FederationCrypto
import FederationTestKit
import Testing

/// Facts 24 to 30: ids, hashes, locks, tiers and payloads that nobody should send.
@Suite struct NoemaFactsPayloads {
    private let trace = "20260407-trace"
    private let bad = [
        "../../etc/passwd", "20260405-../../etc/shadow", "20260405-hello/world", #"20260405-hello\world"#,
        "../db/noema",
    ]

    @Test(arguments: NoemaRules.allCases)
    func fact24PathsAreNoTraceIDs(rules: NoemaRules) {
        for id in bad {
            var local = node(rules)
            #expect(local.tryReplay(remote(1, .create, id))?.text(rules).contains("invalid trace ID") == true)
            #expect(local.events.isEmpty)
            #expect(local.traces.isEmpty)
        }
    }

    @Test func fact24OursHoldsThem() throws {
        for id in bad {
            let outcome = try ours([remote(1, .create, id)], id)
            #expect(outcome.record == nil)
            #expect(outcome.standings.map(\.hold) == [.invalidTraceID])
            #expect(!isTraceID(id))
        }
    }

    @Test(arguments: NoemaRules.allCases)
    func fact25APurgeMayNameAnIDOfOldLogs(rules: NoemaRules) throws {
        let legacy = "20260423-Security-Reviewer-Persona-Definition"
        for id in [legacy, "../../../sentinel"] {
            var local = node(rules)
            #expect(local.tryReplay(remote(1, .create)) == nil)
            #expect(local.tryReplay(remote(2, .purge, id)) == nil)
            #expect(local.log.contains(eventID(2)))
            // Nothing else was touched.
            #expect(local.body(of: trace) == "remote text")
            #expect(try ours([remote(2, .purge, id)], id).record?.purge != nil)
        }
    }

    @Test(arguments: NoemaRules.allCases)
    func fact26AContentHashMustFit(rules: NoemaRules) {
        func create(_ hash: String) -> NoemaEvent {
            remote(1, .create, data: #"{"title":"T","type":"note","body":"hello","content_hash":"\#(hash)"}"#)
        }
        var local = node(rules)
        let wrong = create("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(local.tryReplay(wrong)?.text(rules).contains("content hash mismatch") == true)
        #expect(local.traces.isEmpty)
        #expect(local.body(of: trace) == nil)
        let right = create("sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")
        #expect(local.tryReplay(right) == nil)
        #expect(local.body(of: trace) == "hello")
        #expect(Snapshot.contentHash(of: "hello", sha256) == local.traces[trace]?.contentHash)
    }

    @Test(arguments: NoemaRules.allCases)
    func fact27OurOwnSourceLockDoesNotLockUsOut(rules: NoemaRules) throws {
        let locked = #"{"title":"T","type":"note","origin":"server","body":"x","source_locked":true}"#
        var local = node(rules)
        #expect(local.tryReplay(remote(1, .create, by: alpha, data: locked)) == nil)
        #expect(local.traces[trace]?.isSourceLocked == false)
        #expect(local.tryReplay(remote(2, .create, "20260407-foreign", data: locked)) == nil)
        #expect(local.traces["20260407-foreign"]?.isSourceLocked == true)
        #expect(throws: NoemaFailure.sourceLocked) {
            try local.update("20260407-foreign", body: "mine", now: noon)
        }
        // The lock binds a writer. What was written all the same is a head like any other for us.
        let events = [
            remote(1, .create, clock: [beta: 1], data: locked),
            remote(2, .update, by: alpha, clock: [alpha: 1, beta: 1]),
        ]
        #expect(try ours(events).record?.heads.map(\.description) == [eventID(2)])
    }

    @Test(arguments: NoemaRules.allCases)
    func fact28ALateUpdateOfALongTierTraceIsForTheRecordOnly(rules: NoemaRules) {
        let promote = remote(5, .promote, data: #"{"from":"short","to":"long"}"#)
        let create = remote(1, .create, body: "first")

        var local = node(rules)
        #expect(local.tryReplay(create) == nil)
        #expect(local.tryReplay(promote) == nil)
        #expect(local.tryReplay(remote(7, .update)) == nil)
        #expect(local.body(of: trace) == "first")
        #expect(local.log.contains(eventID(7)))

        // It was written before the promotion, and only came after it.
        let before = remote(3, .update)
        #expect(local.tryReplay(before) == nil)
        #expect(local.body(of: trace) == "remote text")
        #expect(local.traces[trace]?.tier == "long")
        #expect(local.traces[trace]?.updatedAt == before.timestamp)
    }

    @Test func fact28OursAppliesItWheneverItComes() throws {
        let record = try ours([
            remote(1, .create, clock: [beta: 1], body: "first"),
            remote(5, .promote, clock: [beta: 2], data: #"{"to":"long"}"#),
            remote(7, .update, clock: [beta: 3]),
        ]).record
        #expect(record?.shown?.description == eventID(7))
        #expect(record?.tier == "long")
    }

    @Test(arguments: NoemaRules.allCases)
    func fact29ATagUpdateChangesTagsAlone(rules: NoemaRules) throws {
        let events = [
            remote(1, .create, clock: [beta: 1]), remote(2, .promote, clock: [beta: 2], data: #"{"to":"long"}"#),
            remote(3, .tagUpdate, clock: [beta: 3], data: #"{"tags":["zebra","ant"]}"#),
        ]
        var local = node(rules)
        for event in events { #expect(local.tryReplay(event) == nil) }
        var expected = try #require(local.traces[trace])
        #expect(expected.tags == ["ant", "zebra"])
        #expect(expected.updatedAt == "2026-04-07T12:00:01Z")
        #expect(local.tornTraces.isEmpty)
        expected.tags = []
        var without = node(rules)
        for event in events.dropLast() { without.tryReplay(event) }
        #expect(without.traces[trace] == expected)

        let record = try ours(events).record
        #expect(record?.tags == ["ant", "zebra"])
        #expect(record?.updated == "2026-04-07T12:00:01Z")
        #expect(record?.tier == "long")
    }

    private let adversarial: [(NoemaAction, String)] = [
        (.promote, "{}"), (.promote, #"{"to":null}"#), (.promote, #"{"to":"'; DROP TABLE traces; --"}"#),
        (.vote, #"{"delta":9999999999}"#), (.vote, #"{"delta":-9223372036854775808}"#),
        (.vote, #"{"delta":99999999999999999999}"#), (.vote, "{}"), (.vote, #"{"delta":"many"}"#),
        (.consolidate, "{{{"), (.purge, "{}"), (.tagUpdate, #"{"tags":7}"#), (.update, #"{"body":[]}"#),
    ]

    @Test(arguments: NoemaRules.allCases)
    func fact30NoPayloadPanicsOrCorrupts(rules: NoemaRules) throws {
        for (action, data) in adversarial {
            var local = node(rules)
            #expect(local.tryReplay(remote(1, .create)) == nil)
            local.tryReplay(remote(2, action, data: data))
            guard action != .purge else { continue }
            let row = try #require(local.traces[trace], "\(action) \(data)")
            #expect(row.tier == "short" || action == .consolidate)
            #expect(abs(row.votes) <= 1)
            #expect(local.body(of: trace) == "remote text")
            #expect(local.tornTraces.isEmpty)
        }
    }

    @Test func fact30NorDoesItOurs() throws {
        for (action, data) in adversarial where data != "{{{" {
            let events = [remote(1, .create, clock: [beta: 1]), remote(2, action, clock: [beta: 2], data: data)]
            let record = try #require(try ours(events).record)
            guard action != .purge else { continue }
            #expect(record.tier == (action == .consolidate ? "mid" : "short"))
            #expect(abs(record.votes) <= 1)
            #expect(record.heads.map(\.description) == [eventID(1)] || action == .update)
        }
        // This one is no JSON, and no event.
        #expect(throws: EventRefusal.self) { try ours([remote(2, .consolidate, data: "{{{")]) }
    }
}
