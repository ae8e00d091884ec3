import FederationCore
import FederationCrypto
import Testing

private let create = event(
    1, "create", by: 1, [1: 1], data: snapshot("One", body: "1", tags: ["b", "a"], tier: "long"))

@Suite struct RecordFunctionTests {
    @Test func nothingComesOfNothing() {
        let outcome = RecordFunction.record(of: subject, from: [])
        #expect(outcome.record == nil && outcome.standings.isEmpty)
    }

    @Test func aCreateIsARecord() throws {
        let record = try #require(computed([create]))
        #expect(record.heads == [create.id])
        #expect(record.shown == create.id)
        #expect(record.title == "One")
        #expect(record.type == "note")
        #expect(record.tags == ["a", "b"])
        #expect(record.tier == "long")
        #expect(record.lifecycle == .active)
        #expect(record.created == create.timestamp)
        #expect(record.origin == create.origin)
        #expect(!record.isDiverged && !record.isIncomplete && record.purge == nil && record.heldCount == 0)
    }

    @Test func anUpdateThatHasSeenTheHeadTakesItsPlace() throws {
        let update = event(2, "update", by: 2, [1: 1, 2: 1], data: snapshot("Two", tags: ["c"]))
        let record = try #require(computed([update, create]))
        #expect(record.heads == [update.id])
        #expect(record.title == "Two")
        #expect(record.tags == ["c"])
        #expect(record.tier == "long")
        #expect(record.created == create.timestamp)
        #expect(record.updated == update.timestamp)
    }

    @Test func twoUpdatesThatHaveNotSeenEachOtherAreADivergence() throws {
        let left = event(2, "update", by: 2, [1: 1, 2: 1], data: snapshot("Left"))
        let right = event(3, "update", by: 3, [1: 1, 3: 1], data: snapshot("Right"))
        let record = try #require(computed([create, right, left]))
        #expect(record.heads == [left.id, right.id])
        #expect(record.isDiverged)
        #expect(record.title == "Right")
        let resolve = event(4, "update", by: 2, [1: 1, 2: 2, 3: 1], data: snapshot("Both"))
        #expect(computed([create, right, left, resolve])?.heads == [resolve.id])
    }

    @Test func anUpdateWithoutACreateIsARecord() throws {
        let update = event(2, "update", by: 2, [1: 1, 2: 1], data: snapshot("Two", tier: "mid"))
        let record = try #require(computed([update]))
        #expect(record.title == "Two")
        #expect(record.tier == "mid")
        #expect(record.created == update.timestamp)
    }

    @Test func aReusedNumberDivergesInsteadOfVanishing() throws {
        let restored = event(2, "update", by: 1, [1: 1, 2: 5], data: snapshot("Restored"))
        #expect(computed([create, restored])?.heads == [create.id, restored.id])
    }

    @Test func oldEventsWithoutClocksFollowOneAnotherInOrderOfTime() throws {
        let old = [event(1, "create"), event(2, "update"), event(3, "update")]
        #expect(computed(old)?.heads == [eventID(3)])
        // A later dotted event ends them; an earlier one stands beside the last of them.
        #expect(computed(old + [event(4, "update", by: 2, [2: 1])])?.heads == [eventID(4)])
        #expect(computed(old + [event(0, "update", by: 2, [2: 1])])?.heads == [eventID(0), eventID(3)])
    }

    @Test func theLifecycleIsTheLastWordThatNobodyHasAnswered() throws {
        let trash = event(2, "trash", by: 2, [1: 1, 2: 1])
        let recover = event(3, "recover", by: 1, [1: 2, 2: 1])
        let archive = event(4, "archive", by: 3, [1: 1, 3: 1])
        #expect(computed([create, trash])?.lifecycle == .trashed)
        #expect(computed([create, trash, recover])?.lifecycle == .active)
        #expect(computed([create, trash, archive])?.lifecycle == .archived)
        #expect(computed([create, trash, archive, event(5, "unarchive", by: 3, [1: 1, 3: 2])])?.lifecycle == .active)
        // The clock counts before the id: a recover that has seen the trash ends it, though its id is lower.
        let early = event(0, "recover", by: 1, [1: 2, 2: 1])
        #expect(computed([create, trash, early])?.lifecycle == .active)
        // An update takes nothing out of the trash.
        #expect(computed([create, trash, event(9, "update", by: 1, [1: 5, 2: 1])])?.lifecycle == .trashed)
    }

    @Test func registersAreKeptForASubjectNotYetCreated() throws {
        let trash = event(2, "trash", by: 2, [2: 1])
        let record = try #require(computed([trash, event(3, "vote", by: 2, [2: 2], json: #"{"delta":1}"#)]))
        #expect(record.heads.isEmpty && record.shown == nil)
        #expect(record.lifecycle == .trashed)
        #expect(record.votes == 1)
        #expect(computed([trash, create])?.lifecycle == .trashed)
    }

    @Test func tagsAreTheWholeListOfTheLastWord() throws {
        let tags = event(2, "tag_update", by: 2, [1: 1, 2: 1], json: #"{"tags":["z","é","z","B"]}"#)
        #expect(computed([create, tags])?.tags == ["B", "z", "é"])
        #expect(computed([create, tags])?.title == "One")
        let update = event(3, "update", by: 2, [1: 1, 2: 2], data: snapshot("Two", tags: []))
        #expect(computed([create, tags, update])?.tags == [])
        // Malformed ones count for nothing, and hide nothing.
        for json in ["{}", #"{"tags":null}"#, #"{"tags":"x"}"#, #"{"tags":[1]}"#, "null"] {
            let malformed = event(9, "tag_update", by: 2, [1: 1, 2: 9], json: json)
            #expect(computed([create, tags, malformed])?.tags == ["B", "z", "é"])
        }
    }

    /// Fact 21 and the adversarial payloads of fact 30.
    @Test func tiersArePromotedAndDemotedByWellFormedEventsOnly() throws {
        let short = event(1, "create", by: 1, [1: 1])
        let promote = event(3, "promote", by: 2, [1: 1, 2: 1], json: #"{"from":"short","to":"mid"}"#)
        #expect(computed([short])?.tier == "short")
        #expect(computed([short, promote])?.tier == "mid")
        let demote = event(4, "demote", by: 1, [1: 2, 2: 1], json: #"{"to":"short"}"#)
        #expect(computed([short, promote, demote])?.tier == "short")
        for json in [
            "{}", #"{"to":null}"#, #"{"to":7}"#, #"{"to":"forever"}"#, #"{"to":"'; DROP TABLE traces;--"}"#, "null",
            "[]",
        ] {
            let malformed = event(9, "promote", by: 2, [1: 2, 2: 9], json: json)
            #expect(computed([short, promote, malformed])?.tier == "mid")
            #expect(holds([short, malformed]).isEmpty)
        }
    }

    @Test func consolidatingLiftsOnlyTheShortTier() throws {
        let short = event(1, "create", by: 1, [1: 1])
        let consolidate = event(3, "consolidate", by: 2, [1: 1, 2: 1], json: #"{"source_ids":"{{{"}"#)
        #expect(computed([short, consolidate])?.tier == "mid")
        #expect(computed([create, consolidate])?.tier == "long")
        #expect(
            computed([short, consolidate, event(4, "promote", by: 3, [3: 1], json: #"{"to":"long"}"#)])?.tier == "long")
        // A demotion that has seen it is the later word, one that has not is not.
        #expect(
            computed([short, consolidate, event(4, "demote", by: 1, [1: 2, 2: 1], json: #"{"to":"short"}"#)])?.tier
                == "short")
        #expect(
            computed([short, consolidate, event(4, "demote", by: 1, [1: 2], json: #"{"to":"short"}"#)])?.tier == "mid")
        #expect(computed([consolidate])?.tier == "mid")
    }

    @Test func theShownHeadStandsInForACreateThatIsNotHere() throws {
        let update = event(4, "update", by: 1, [1: 2], data: snapshot("Two", tier: "long"))
        let before = event(3, "promote", by: 2, [1: 1, 2: 1], json: #"{"to":"mid"}"#)
        let after = event(5, "promote", by: 2, [1: 1, 2: 1], json: #"{"to":"mid"}"#)
        #expect(computed([before, update])?.tier == "long")
        #expect(computed([update, after])?.tier == "mid")
        let create = event(1, "create", by: 1, [1: 1])
        #expect(computed([create, before, update])?.tier == "mid")
    }

    /// Facts 22 and 30.
    @Test func votesAreSignsCountedOncePerEvent() throws {
        func vote(_ id: Int, _ json: String) -> Event { event(id, "vote", by: 2, [1: 1, 2: UInt64(id)], json: json) }
        let up = vote(2, #"{"delta":1,"actor":"human"}"#)
        #expect(computed([create, up, up, up])?.votes == 1)
        #expect(
            computed([create, up, vote(3, #"{"delta":9999999999}"#), vote(4, #"{"delta":-9223372036854775808}"#)])?
                .votes == 1)
        for json in ["{}", #"{"delta":"1"}"#, #"{"delta":1.5}"#, #"{"delta":null}"#, "null", #"{"delta":1e99}"#] {
            #expect(computed([create, vote(3, json)])?.votes == 0)
        }
    }

    @Test func aPurgeEndsARecordForGood() throws {
        let purge = event(5, "purge_long_term", by: 2, [2: 1], json: #"{"reason":"spam","tier":"long"}"#)
        let after = event(9, "update", by: 1, [1: 2, 2: 2], data: snapshot("Back"))
        let record = try #require(computed([create, purge, after]))
        #expect(record.purge == Record.Purge(eventID: purge.id, action: "purge_long_term", reason: "spam"))
        #expect(record.title.isEmpty && record.type.isEmpty && record.tags.isEmpty && record.tier.isEmpty)
        #expect(!record.isDiverged && !record.isIncomplete)
        // A second one changes nothing.
        let second = event(6, "purge_hard", by: 3, [3: 1], json: #"{"reason":"other"}"#)
        #expect(computed([create, purge, after, second]) == record)
        let bare = event(3, "purge_hard", by: 3, [3: 1])
        #expect(computed([create, bare])?.purge?.reason == "remote purge")
        let plain = event(3, "purge", by: 3, [3: 1])
        #expect(computed([create, plain])?.purge?.reason == "")
    }

    @Test func coordinationSaysNothingOfARecord() {
        let window = eventID(1).description
        let events = [
            event(1, "consolidation_claim", of: window), event(2, "consolidation_success", of: window),
            event(3, "consolidation_fail", of: window),
        ]
        let outcome = RecordFunction.record(of: window, from: events)
        #expect(outcome.record == nil)
        #expect(outcome.standings.allSatisfy { $0.hold == nil })
    }
}

@Suite struct HoldTests {
    @Test func whatIsNotKnownIsHeldForItsReason() {
        let events = [
            event(1, "create", by: 1, [1: 1]),
            event(2, "teleport", by: 2, [2: 1]),
            event(3, "hive:create", by: 3, [3: 1]),
            event(4, "update", by: 4, [4: 1], data: snapshot(type: "poem")),
            event(5, "update", by: 5, [5: 1], data: snapshot(tier: "forever")),
            event(6, "update", by: 6, [6: 1], json: "null"),
            event(7, "vote", by: 7, [7: 1], json: #"{"delta":1}"#),
        ]
        #expect(
            holds(events) == [
                eventID(2): .unknownAction, eventID(3): .unknownAction, eventID(4): .unknownType,
                eventID(5): .unknownTier, eventID(6): .unknownType,
            ])
        #expect(computed(events)?.heads == [eventID(1)])
        #expect(computed(events)?.heldCount == 5)
    }

    @Test func ofAnIDThatIsNoTraceIDOnlyPurgesAndCoordinationAreApplied() throws {
        let legacy = "20260423-Security-Reviewer-Persona-Definition"
        let events = [
            event(1, "create", of: legacy), event(2, "trash", of: legacy), event(3, "consolidation_claim", of: legacy),
            event(4, "teleport", of: legacy), event(5, "purge", of: legacy),
        ]
        let outcome = RecordFunction.record(of: legacy, from: events)
        #expect(
            outcome.standings.map(\.hold) == [.invalidTraceID, .invalidTraceID, nil, .unknownAction, nil])
        let record = try #require(outcome.record)
        #expect(record.purge?.eventID == eventID(5))
        #expect(record.heads.isEmpty)
        #expect(RecordFunction.record(of: "../db/noema", from: [event(1, "create", of: "../db/noema")]).record == nil)
    }

    @Test func whatBuildsOnAnUnknownActionWaits() {
        let unknown = event(2, "teleport", by: 1, [1: 2])
        let update = event(3, "update", by: 1, [1: 3])
        let beside = event(4, "update", by: 2, [1: 1, 2: 1])
        let events = [event(1, "create", by: 1, [1: 1]), unknown, update, beside]
        #expect(holds(events) == [eventID(2): .unknownAction, eventID(3): .waits])
        #expect(computed(events)?.heads == [eventID(4)])
    }

    @Test func nothingWaitsBehindAnUndottedEventAndNoPurgeBehindAny() {
        let undotted = [
            event(1, "create"), event(2, "teleport"), event(3, "update"), event(4, "update", by: 2, [2: 1]),
        ]
        #expect(holds(undotted) == [eventID(2): .unknownAction])
        let purged = [event(2, "teleport", by: 1, [1: 2]), event(3, "purge", by: 1, [1: 3])]
        #expect(holds(purged) == [eventID(2): .unknownAction])
        #expect(computed(purged)?.purge?.eventID == eventID(3))
    }

    @Test func anUpdateThatReplacesAHeldOneDoesNotWait() {
        let events = [
            event(1, "create", by: 1, [1: 1], data: snapshot(type: "poem")),
            event(2, "update", by: 1, [1: 2], data: snapshot("Plain")),
        ]
        #expect(holds(events) == [eventID(1): .unknownType])
        #expect(computed(events)?.title == "Plain")
    }

    @Test func aHeldUpdateHidesNothing() {
        let events = [
            event(1, "create", by: 1, [1: 1]), event(2, "update", by: 1, [1: 2], data: snapshot(type: "poem")),
        ]
        #expect(computed(events)?.heads == [eventID(1)])
    }
}

@Suite struct StubRecordTests {
    @Test func aHeadWithoutItsDataIsIncomplete() throws {
        let update = event(2, "update", by: 2, [1: 1, 2: 1], data: snapshot("Two", tags: ["c"])).stubbed
        let record = try #require(computed([create, update]))
        #expect(record.heads == [update.id])
        #expect(record.isIncomplete)
        #expect(record.title.isEmpty && record.tags.isEmpty)
        #expect(record.tier == "long")
        #expect(record.updated == update.timestamp)
    }

    @Test func stubsOfOtherActionsHaveNoEffect() throws {
        let others = [
            event(2, "tag_update", by: 2, [1: 1, 2: 1], json: #"{"tags":["x"]}"#).stubbed,
            event(3, "demote", by: 2, [1: 1, 2: 2], json: #"{"to":"short"}"#).stubbed,
            event(4, "vote", by: 2, [1: 1, 2: 3], json: #"{"delta":1}"#).stubbed,
        ]
        #expect(computed([create] + others) == computed([create]))
    }

    @Test func ofTwoFormsOfOneIDTheFullOneCounts() {
        #expect(computed([create.stubbed, create]) == computed([create]))
        #expect(computed([create, create.stubbed, create]) == computed([create]))
    }
}
