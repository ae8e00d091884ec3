import FederationCore
import FederationTestKit
import Testing

/// Facts 15 to 23: what replay does with the events of a peer.
@Suite struct NoemaFactsReplay {
    private let trace = "20260407-trace"

    @Test(arguments: NoemaRules.allCases)
    func fact15ACreateMakesARowAndAFile(rules: NoemaRules) {
        var local = node(rules)
        #expect(local.tryReplay(remote(1, .create)) == nil)
        #expect(local.events.map(\.id) == [eventID(1)])
        #expect(local.traces[trace]?.tier == "short")
        #expect(local.traces[trace]?.cortexID == beta)
        #expect(local.traces[trace]?.createdAt == "2026-04-07T12:00:01Z")
        #expect(local.body(of: trace) == "remote text")

        let long = remote(2, .create, "20260407-long", data: #"{"title":"T","type":"note","tier":"long","body":""}"#)
        #expect(local.tryReplay(long) == nil)
        #expect(local.traces["20260407-long"]?.tier == "long")

        let forever = #"{"title":"T","type":"note","tier":"forever","body":""}"#
        let never = remote(3, .create, "20260407-never", data: forever)
        #expect(local.tryReplay(never)?.text(rules).contains("invalid tier") == true)
        #expect(local.traces["20260407-never"] == nil)
    }

    @Test func fact15OursHoldsAnUnknownTier() throws {
        #expect(try ours([remote(1, .create)]).record?.tier == "short")
        let forever = remote(3, .create, data: #"{"title":"T","type":"note","tier":"forever","body":""}"#)
        let outcome = try ours([forever])
        #expect(outcome.record == nil)
        #expect(outcome.standings.map(\.hold) == [.unknownTier])
    }

    @Test(arguments: NoemaRules.allCases)
    func fact16TheSameEventTwiceIsOneRow(rules: NoemaRules) throws {
        var local = node(rules)
        #expect(local.tryReplay(remote(1, .create)) == nil)
        #expect(local.tryReplay(remote(1, .create)) == nil)
        #expect(local.events.count == 1)
        #expect(try ours([remote(1, .create), remote(1, .create)]) == ours([remote(1, .create)]))
    }

    @Test(arguments: NoemaRules.allCases)
    func fact17AConcurrentUpdateMakesADivergenceAndLeavesTheOriginal(rules: NoemaRules) throws {
        var local = node(rules, name: "local")
        let trace = try local.create(.init("Trace", body: "first"), now: noon)
        try local.update(trace, body: "local text", now: noon)
        #expect(local.clock == [alpha: 2])

        let update = remote(1, .update, trace, clock: [beta: 1], origin: "remote")
        #expect(local.tryReplay(update) == nil)

        #expect(local.body(of: trace) == "local text")
        #expect(local.openDivergences.count == 1)
        let divergence = try #require(local.openDivergences.first)
        #expect(divergence.id == "20260407-divergence-20260407-trace")
        #expect(divergence.derivedFrom == [trace])
        #expect(divergence.tags == ["divergence", "needs-resolution"])
        #expect(
            local.body(of: divergence.id) == """
                ## Concurrent edits detected

                **Trace:** 20260407-trace
                **Conflicting origins:** local (\(alpha.prefix(8))), remote (\(beta.prefix(8)))

                ### Version from local (\(alpha.prefix(8)))
                **Vector clock:** {"\(alpha)":2}

                local text

                ### Version from remote (\(beta.prefix(8)))
                **Vector clock:** {"\(beta)":1}

                remote text
                """)
        // The divergence is a create of our own, and the remote event is stored beside it.
        #expect(local.clock == [alpha: 3])
        #expect(local.log.contains(update.id))
        #expect(local.log.events(of: divergence.id).map(\.action) == ["create"])
    }

    @Test func fact17OursIsAViewWithBothTextsAndNoEvent() throws {
        let events = [
            remote(1, .create, by: alpha, clock: [alpha: 1], body: "first"),
            remote(2, .update, by: alpha, clock: [alpha: 2], body: "local text"),
            remote(3, .update, clock: [beta: 1]),
        ]
        let record = try #require(try ours(events).record)
        #expect(record.isDiverged)
        #expect(record.heads.map(\.description) == [eventID(2), eventID(3)])
        let read = try events.map { event throws(EventRefusal) in try Event(json: event.json(as: .go)) }
        let divergence = try #require(Divergence(of: record, events: read))
        #expect(divergence.versions.map(\.origin) == [alpha, beta])
        #expect(divergence.versions.map(\.body) == ["local text", "remote text"])
        #expect(divergence.text.contains("local text") && divergence.text.contains("remote text"))
        // Where Noema leaves the text that was there first, every node of ours shows the head with the greatest id.
        #expect(record.shown?.description == eventID(3))
    }

    @Test(arguments: NoemaRules.allCases)
    func fact18ADominatingUpdateIsApplied(rules: NoemaRules) throws {
        var local = node(rules, name: "local")
        let trace = try local.create(.init("Trace", body: "first"), now: noon)
        try local.update(trace, body: "local text", now: noon)
        let update = remote(1, .update, trace, clock: [alpha: 3, beta: 1])

        #expect(local.tryReplay(update) == nil)

        #expect(local.body(of: trace) == "remote text")
        #expect(local.traces[trace]?.updatedAt == update.timestamp)
        #expect(local.openDivergences.isEmpty)
    }

    @Test func fact18OursHasOneHead() throws {
        let record = try ours([
            remote(1, .create, by: alpha, clock: [alpha: 1]), remote(2, .update, by: alpha, clock: [alpha: 2]),
            remote(3, .update, clock: [alpha: 3, beta: 1]),
        ]).record
        #expect(record?.heads.map(\.description) == [eventID(3)])
    }

    @Test(arguments: NoemaRules.allCases)
    func fact19AResolutionNamesOneSideOrBringsItsOwnText(rules: NoemaRules) throws {
        let pair = try diverged(rules)
        let (trace, divergence) = (pair.trace, pair.divergence)
        let names = [
            "local": "local text", alpha: "local text", "remote": "remote text", String(beta.prefix(8)): "remote text",
        ]
        for (accept, text) in names {
            var node = pair.node
            try node.resolve(divergence, accept: accept, now: noon)
            #expect(node.body(of: trace) == text)
            #expect(node.openDivergences.isEmpty)
            #expect(node.events.filter { $0.cortexID == alpha }.suffix(2).map(\.action) == ["update", "trash"])
        }
        var node = pair.node
        try node.resolve(divergence, body: "both", now: noon)
        #expect(node.body(of: trace) == "both")

        for (accept, body) in [(nil, nil), ("", nil), ("local", "both")] as [(String?, String?)] {
            var node = pair.node
            #expect(throws: NoemaFailure.usage) {
                try node.resolve(divergence, accept: accept, body: body, now: noon)
            }
        }
        var unknown = pair.node
        #expect(throws: NoemaFailure.originNotInDivergence("nobody")) {
            try unknown.resolve(divergence, accept: "nobody", now: noon)
        }
        #expect(NoemaFailure.originNotInDivergence("nobody").text(rules).contains("not found in divergence"))
        #expect(throws: NoemaFailure.notDivergence) { try unknown.resolve(trace, body: "both", now: noon) }
    }

    private func diverged(_ rules: NoemaRules) throws -> (node: NoemaStandIn, trace: String, divergence: String) {
        var local = node(rules, name: "local")
        let trace = try local.create(.init("Trace", body: "first"), now: noon)
        try local.update(trace, body: "local text", now: noon)
        try local.replay(remote(1, .update, trace, clock: [beta: 1], origin: "remote"), now: noon)
        return (local, trace, try #require(local.openDivergences.first?.id))
    }

    @Test(arguments: NoemaRules.allCases)
    func fact19TheUpdateOfAResolutionDominatesBothSides(rules: NoemaRules) throws {
        var ring = StandInPair(rules)
        let trace = try ring.puller.create(.init("Trace", body: "ours"), now: noon)
        ring.server.plant(remote(1, .update, trace, clock: [beta: 1]))
        #expect(ring.poll() == .done)
        let divergence = try #require(ring.puller.openDivergences.first)
        try ring.puller.resolve(divergence.id, body: "both", now: noon)

        let update = try #require(ring.puller.log.events(of: trace).last { $0.cortexID == alpha })
        #expect(update.clock == [alpha: 3, beta: 1])
    }

    @Test(arguments: NoemaRules.allCases)
    func fact20AnUpdateMakesAMissingTraceAndLifecycleDoesNot(rules: NoemaRules) {
        var local = node(rules)
        #expect(local.tryReplay(remote(1, .update)) == nil)
        #expect(local.body(of: trace) == "remote text")
        #expect(local.events.map(\.action) == ["update"])

        for (number, action) in [(2, NoemaAction.archive), (3, .unarchive), (4, .trash), (5, .recover)] {
            #expect(local.tryReplay(remote(number, action, "20260407-missing")) == nil)
        }
        #expect(local.traces["20260407-missing"] == nil)
        #expect(local.events.count == 5)
    }

    @Test func fact20OursKeepsLifecycleForARecordNotYetCreated() throws {
        #expect(try ours([remote(1, .update)]).record?.heads.count == 1)
        let trashed = try #require(try ours([remote(4, .trash, clock: [beta: 2])]).record)
        #expect(trashed.heads.isEmpty)
        #expect(trashed.lifecycle == .trashed)
        // The create that comes later finds it: Noema would show the trace as if it had never been trashed.
        let events = [remote(1, .create, clock: [beta: 1]), remote(4, .trash, clock: [beta: 2])]
        #expect(try ours(events).record?.lifecycle == .trashed)
        var local = node(.go)
        for event in events.reversed() { local.tryReplay(event) }
        #expect(local.traces[trace]?.isTrashed == false)
    }

    @Test(arguments: NoemaRules.allCases)
    func fact21TiersMoveAndWaitForTheirCreate(rules: NoemaRules) throws {
        var local = node(rules)
        #expect(local.tryReplay(remote(1, .create)) == nil)
        #expect(local.tryReplay(remote(2, .promote, data: #"{"from":"short","to":"long"}"#)) == nil)
        #expect(local.traces[trace]?.tier == "long")
        #expect(local.tryReplay(remote(3, .demote, data: #"{"from":"long","to":"mid"}"#)) == nil)
        #expect(local.traces[trace]?.tier == "mid")
        #expect(local.traces[trace]?.updatedAt == "2026-04-07T12:00:01Z")

        for early in [remote(5, .promote, data: #"{"to":"mid"}"#), remote(5, .consolidate)] {
            var local = node(rules)
            #expect(local.tryReplay(early) == nil)
            #expect(local.traces.isEmpty)
            #expect(local.tryReplay(remote(4, .create)) == nil)
            #expect(local.traces[trace]?.tier == "mid")
            #expect(try ours([early, remote(4, .create)]).record?.tier == "mid")
        }
    }

    @Test(arguments: NoemaRules.allCases)
    func fact22VotesCountOnceAndPurgesOfLongTierTakeTheText(rules: NoemaRules) throws {
        var local = node(rules)
        let events = [
            remote(1, .create), remote(2, .vote, data: #"{"delta":1,"actor":"human"}"#),
            remote(3, .consolidate, data: #"{"source_ids":["20260407-a"],"distilled_id":"20260407-b"}"#),
        ]
        for event in events + events { #expect(local.tryReplay(event) == nil) }
        #expect(local.traces[trace]?.votes == 1)
        #expect(local.tryReplay(remote(4, .consolidate, "20260407-none")) == nil)
        #expect(local.traces.keys.sorted() == [trace])
        #expect(try ours(events).record?.votes == 1)

        let purge = remote(5, .purgeLongTerm, data: #"{"reason":"old","tier":"long","actor":"human"}"#)
        #expect(local.tryReplay(purge) == nil)
        #expect(local.traces[trace]?.purgedAt == purge.timestamp)
        #expect(local.traces[trace]?.purgeReason == "old")
        #expect(local.body(of: trace) == "")
        #expect(try ours(events + [purge]).record?.purge?.reason == "old")

        #expect(local.tryReplay(remote(6, .purgeHard)) == nil)
        #expect(local.traces[trace] == nil)
        #expect(try ours(events + [remote(6, .purgeHard)]).record?.purge?.reason == "remote purge")
    }

    @Test(arguments: NoemaRules.allCases)
    func fact23CoordinationIsStoredOnceAndMakesNoTrace(rules: NoemaRules) throws {
        let window = eventID(77)
        let events = [
            remote(1, .consolidationClaim, window, data: #"{"window_id":"\#(window)","cortex_id":"\#(beta)"}"#),
            remote(2, .consolidationSuccess, window, data: #"{"window_id":"\#(window)","cortex_id":"\#(beta)"}"#),
        ]
        var local = node(rules)
        for event in events + events { #expect(local.tryReplay(event) == nil) }
        #expect(local.events.count == 2)
        #expect(local.traces.isEmpty)

        let outcome = try ours(events, window)
        #expect(outcome.record == nil)
        #expect(outcome.standings.allSatisfy { $0.hold == nil })
    }
}
