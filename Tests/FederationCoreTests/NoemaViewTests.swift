import FederationCore
import FederationCrypto
import FederationTestKit
import Testing

private func verdict(
    _ event: Event, _ history: [Event] = [], now: WallTime = eventID(100).time
) -> NoemaView.Verdict {
    NoemaView.verdict(on: event, history: history + [event], now: now, sha256)
}

private func withheld(_ event: Event, _ history: [Event] = []) -> NoemaWithholding? {
    if case .withheld(let reason) = verdict(event, history) { reason } else { nil }
}

private let create = event(1, "create", by: 1, [1: 1])

@Suite struct NoemaViewTests {
    @Test func whatNoemaWritesIsServed() throws {
        var snapshot = Snapshot()
        snapshot.title = "T"
        snapshot.type = "decision"
        snapshot.tags = ["a"]
        snapshot.derivedFrom = [subject]
        snapshot.tier = "mid"
        snapshot.body = "é <&>"
        snapshot.contentHash = Snapshot.contentHash(of: snapshot.body, sha256)
        snapshot.sourceLocked = true
        let events = [
            event(1, "create", data: snapshot.data), event(2, "update"), event(3, "archive"), event(4, "unarchive"),
            event(5, "promote", json: #"{"from":"short","to":"mid"}"#), event(6, "demote", json: #"{"to":"short"}"#),
            event(7, "tag_update", json: #"{"tags":[]}"#), event(8, "vote", json: #"{"delta":-1,"actor":"human"}"#),
            event(9, "consolidate", json: #"{"source_ids":["x"],"distilled_id":"y","cohesion_confidence":0.5}"#),
            event(10, "consolidate_fallback"), event(11, "divergence_long_term"), event(12, "trash"),
            event(13, "recover"),
            event(14, "purge_long_term", json: #"{"reason":"r","tier":"long","actor":"human","hard":true}"#),
            event(15, "purge_hard"), event(16, "purge"),
        ]
        for event in events { #expect(verdict(event, events) == .served, "\(event.action)") }
    }

    @Test func anEarlyEventIsServedOnceItsTimeHasCome() {
        let far = event(100, "vote", json: #"{"delta":1}"#)
        #expect(verdict(far, now: far.id.time.advanced(by: .seconds(-300))) == .served)
        let before = far.id.time.advanced(by: .seconds(-301))
        #expect(verdict(far, now: before) == .withheld(.early))
        #expect(NoemaWithholding.allCases.filter { !$0.isFinal } == [.early])
    }

    @Test func otherFamiliesAndUnknownActionsAreNotServed() {
        #expect(withheld(event(1, "hive:create")) == .otherFamily)
        #expect(withheld(event(1, "teleport")) == .unknownAction)
        #expect(withheld(event(1, "")) == .unknownAction)
    }

    /// Noema sections 1.6 and 7: only coordination and the plain purge go past the check of the id.
    @Test func theIDMustBeOneThatTheActionsRuleAllows() {
        let legacy = "20260423-Security-Reviewer"
        for action in NoemaAction.allCases {
            let event = event(1, action.rawValue, data: snapshot(), of: legacy)
            let isAllowed = action == .purge || action.isCoordination
            #expect(withheld(event) == (isAllowed ? nil : .invalidTraceID), "\(action)")
        }
        #expect(withheld(event(1, "consolidation_claim", of: eventID(1).description)) == nil)
        #expect(withheld(event(1, "purge", of: "../../../sentinel")) == nil)
    }

    @Test(arguments: [
        "", "yesterday", "2026-04-05", "2026-04-05T12:00:60Z", "2026-04-05t12:00:00Z", "2026-04-05T12:00:00z",
        "2026-02-30T12:00:00Z", "2026-04-05T12:00:00",
    ])
    func aTimeThatGoCannotReadIsNotServed(timestamp: String) {
        var late = create
        late.timestamp = timestamp
        #expect(withheld(late) == .malformedTimestamp)
    }

    @Test func aTimeWithAnOffsetOrAFractionIsServed() {
        for timestamp in ["2026-04-05T12:00:00+02:00", "2026-04-05T12:00:00.123456+00:00"] {
            var other = create
            other.timestamp = timestamp
            #expect(withheld(other) == nil)
        }
    }

    @Test(arguments: [
        ("create", "null"), ("create", "{}"), ("archive", "null"), ("create", #"{"title":"t","type":"note"}"#),
        ("create", #"{"title":null,"type":"note","body":""}"#), ("create", #"{"title":"t","type":"note","body":7}"#),
        ("update", #"{"title":"t","type":"note","body":"","tags":null}"#),
        ("update", #"{"title":"t","type":"note","body":"","tags":["a",1]}"#),
        ("update", #"{"title":"t","type":"note","body":"","source_locked":"yes"}"#),
        ("update", #"{"title":"t","type":"note","body":"","Body":7}"#),
        ("update", #"{"title":"t","type":"note","body":"","ſource_hash":7}"#),
        ("update", #"{"title":"t","type":"note","body":"\ud800"}"#),
        ("update", #"{"title":"t","type":"note","body":"\udc00\ud800"}"#),
        ("update", #"{"title":"t","type":"note","body":"","x":[{"y":1e999}]}"#),
        ("promote", "{}"), ("promote", #"{"to":null}"#), ("promote", #"{"to":"mid","from":7}"#),
        ("demote", #"{"to":3}"#),
        ("tag_update", "{}"), ("tag_update", #"{"tags":"x"}"#), ("vote", "{}"), ("vote", #"{"delta":"1"}"#),
        ("vote", #"{"delta":1.5}"#), ("vote", #"{"delta":99999999999999999999}"#), ("vote", #"{"delta":1,"actor":1}"#),
        ("consolidate", #"{"source_ids":"{{{"}"#), ("purge_hard", #"{"reason":7}"#),
        ("purge_long_term", #"{"hard":1}"#),
    ])
    func dataThatOneOfTheLinesCannotReadIsNotServed(action: String, json: String) {
        #expect(withheld(event(2, action, by: 1, json: json), [create]) == .malformedData)
    }

    @Test func typesTiersAndHashesMustBeKnownOrRight() {
        #expect(withheld(event(1, "create", data: snapshot(type: "poem"))) == .unknownType)
        #expect(withheld(event(1, "create", data: snapshot(type: ""))) == .unknownType)
        #expect(withheld(event(1, "create", data: snapshot(tier: "forever"))) == .unknownTier)
        #expect(withheld(event(1, "promote", json: #"{"to":"forever"}"#)) == .unknownTier)
        #expect(withheld(event(1, "promote", json: #"{"to":""}"#)) == .unknownTier)
        for hash in ["", "abc", "sha256:" + String(repeating: "0", count: 64)] {
            let json = "{\"title\":\"t\",\"type\":\"note\",\"body\":\"hello\",\"content_hash\":\"\(hash)\"}"
            #expect(withheld(event(1, "create", json: json)) == .contentHashMismatch)
        }
    }

    @Test func membersWeDoNotKnowTravelOn() {
        let json = #"{"title":"t","type":"note","body":"","links":[{"to":"x","Title":7}],"weight":1e300}"#
        #expect(withheld(event(1, "create", json: json)) == nil)
    }

    @Test func noStubIsServedButAPurge() throws {
        #expect(withheld(create.stubbed) == .stub)
        let purge = event(2, "purge")
        #expect(withheld(purge.stubbed) == nil)
        #expect(try Event(json: NoemaView.encoded(purge.stubbed)) == purge)
        // A signature that covers other data would not verify with `{}`; without one there is nothing to verify.
        var reasoned = event(2, "purge_hard", json: #"{"reason":"r"}"#).stubbed
        #expect(withheld(reasoned) == nil)
        reasoned.signature = "ed25519:AA=="
        #expect(withheld(reasoned) == .stub)
    }

    @Test func whatIsServedIsServedByteForByteAndHoldsNoNull() throws {
        let full = event(1, "create", by: 1, [1: 1], json: #"{"title":"\u003c","type":"note" ,"body":"\/"}"#)
        #expect(NoemaView.encoded(full) == full.json)
        #expect(!String(decoding: NoemaView.encoded(full), as: UTF8.self).contains("null"))
    }
}

@Suite struct NoemaHistoryTests {
    @Test func nothingIsArchivedThatLiesInTheTrash() {
        let trash = event(3, "trash", by: 1, [1: 3])
        for action in ["archive", "unarchive"] {
            #expect(withheld(event(2, action, by: 1, [1: 2]), [create, trash]) == nil)
            #expect(withheld(event(4, action, by: 1, [1: 4]), [create, trash]) == .trashed)
            #expect(
                withheld(event(5, action, by: 1, [1: 5]), [create, trash, event(4, "recover", by: 1, [1: 4])]) == nil)
            #expect(
                withheld(event(5, action, by: 1, [1: 5]), [create, trash, event(4, "purge", by: 1, [1: 4])]) == nil)
        }
        // What gives it back, and is itself withheld, gives nothing back there.
        for action in ["recover", "purge"] {
            var odd = event(4, action, by: 1, [1: 4])
            odd.timestamp = "2026-04-05t12:00:00z"
            #expect(withheld(odd, [create, trash]) == .malformedTimestamp)
            #expect(withheld(event(5, "archive", by: 1, [1: 5]), [create, trash, odd]) == .trashed)
        }
        #expect(withheld(event(4, "trash", by: 1, [1: 4]), [create, trash]) == nil)
        #expect(withheld(event(4, "recover", by: 1, [1: 4]), [create, trash]) == nil)
    }

    @Test func anArchiveThatALaterTrashHadNotSeenIsNotServed() {
        let archive = event(2, "archive", by: 1, [1: 2])
        #expect(withheld(archive, [create, event(3, "trash", by: 2, [1: 1, 2: 1])]) == .trashed)
        #expect(withheld(archive, [create, event(3, "trash", by: 2, [1: 2, 2: 1])]) == nil)
        #expect(withheld(event(2, "archive"), [create, event(3, "trash", by: 2, [2: 1])]) == nil)
    }

    @Test func tagsAreOnlyServedForATraceThatThePeerHas() {
        let tags = event(5, "tag_update", by: 1, [1: 5], json: #"{"tags":["a"]}"#)
        #expect(withheld(tags) == .missingTrace)
        #expect(withheld(tags, [create]) == nil)
        #expect(withheld(tags, [event(2, "update")]) == nil)
        #expect(withheld(tags, [event(6, "create")]) == .missingTrace)
        #expect(withheld(tags, [event(2, "create", data: snapshot(type: "poem"))]) == .missingTrace)
        #expect(withheld(tags, [create.stubbed]) == .missingTrace)
        #expect(withheld(tags, [create, event(3, "trash")]) == .trashed)
        #expect(withheld(tags, [create, event(3, "purge")]) == .missingTrace)
        #expect(withheld(tags, [create, event(3, "purge"), event(4, "update")]) == nil)
        #expect(withheld(tags, [create, event(3, "purge_long_term")]) == .purged)
    }

    @Test func onlyLifecyclesAndTagsAskForTheHistory() {
        let asking = NoemaAction.allCases.filter { NoemaView.needsHistory(event(1, $0.rawValue)) }
        #expect(asking == [.archive, .unarchive, .trash, .recover, .tagUpdate])
        #expect(!NoemaView.needsHistory(event(1, "teleport")))
    }

    /// A replayer as strict as either line about the trash, the missing trace, and what it cannot read.
    @Test func aStockReplayerThatReadsEverythingInOrderNeverStops() throws {
        var random = SeededRandom(seed: 21)
        var served = 0
        for round in 0..<600 {
            var history = NastyHistory(&random, purges: random.chance(0.3))
            let events = history.events(atMost: 12).sorted { $0.id < $1.id }
            var (exists, trashed) = (false, false)
            var log = MemoryStorage()
            for event in events { _ = try log.append(try Sample.entry(event)) }
            // Histories that are read once for many events say the same.
            var verdicts = NoemaVerdicts(now: eventID(100).time, sha256)
            for event in events {
                let alone = NoemaView.verdict(on: event, history: events, now: eventID(100).time, sha256)
                #expect(try verdicts.verdict(on: event, in: log) == alone)
                guard NoemaView.verdict(on: event, history: events, now: eventID(100).time, sha256) == .served else {
                    continue
                }
                served += 1
                let read = try Event(json: NoemaView.encoded(event))
                let action = try #require(read.knownAction)
                switch action {
                case .create, .update: exists = true
                case .trash: trashed = exists
                case .recover: trashed = false
                case .archive, .unarchive: #expect(!trashed, "round \(round)")
                case .tagUpdate: #expect(exists && !trashed, "round \(round)")
                case .purge, .purgeHard: (exists, trashed) = (false, false)
                default: break
                }
            }
        }
        #expect(served > 1500)
    }
}
