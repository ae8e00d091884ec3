import FederationCrypto
import FederationTestKit
import Testing

@testable import FederationCore

@Suite struct RecordPropertyTests {
    @Test func neitherOrderNorRepetitionNorVariantsChangeARecord() {
        var random = SeededRandom(seed: 11)
        for round in 0..<800 {
            var history = NastyHistory(&random, purges: random.chance(0.3))
            var events = history.events(atMost: 12)
            if random.chance(0.3), let one = events.randomElement(using: &random) {
                events += [history.variant(of: one), one.stubbed]
            }
            let outcome = RecordFunction.record(of: subject, from: events)
            let text = outcome.record.flatMap { Divergence(of: $0, events: events)?.text }
            for _ in 0..<2 {
                var others = events
                for _ in 0..<random.below(4) {
                    if let one = events.randomElement(using: &random) { others.append(one) }
                }
                others.shuffle(using: &random)
                let other = RecordFunction.record(of: subject, from: others)
                #expect(other == outcome, "round \(round)")
                // A divergence is shown of stored events, of which there is one an id.
                if Set(events.map(\.id)).count == events.count {
                    #expect(other.record.flatMap { Divergence(of: $0, events: others)?.text } == text, "round \(round)")
                }
            }
        }
    }

    /// What is found out of a new event beside the writer is what the function says of it.
    @Test func aLoneEventMakesTheRecordThatTheFunctionMakes() throws {
        var random = SeededRandom(seed: 15)
        let subjects = [subject, "20260405-x", "no trace id", "", "20260405-É"]
        var made = 0
        for round in 0..<3000 {
            var saying = Snapshot()
            (saying.title, saying.body, saying.author) = ("t\(round)", "b", random.chance(0.5) ? "somebody" : "")
            saying.type = (TraceType.allCases.map(\.rawValue) + ["", "odd"])[random.below(TraceType.allCases.count + 2)]
            saying.tier = ["", "", "short", "mid", "long", "odd"][random.below(6)]
            saying.tags = (0..<random.below(4)).map { _ in ["b", "a", "é", "e\u{301}", ""][random.below(5)] }
            saying.derivedFrom = (0..<random.below(3)).map { "from-\($0)" }
            let others = NoemaAction.allCases.map(\.rawValue) + ["mesh:put", "odd"]
            let actions = random.chance(0.5) ? ["create", "update"] : others
            let clock: [Int: UInt64] = random.chance(0.5) ? [1: 1 + UInt64(random.below(9)), 2: 3] : [:]
            var lone = event(
                1 + random.below(50), actions[random.below(actions.count)], clock, data: saying.data,
                of: subjects[random.below(subjects.count)])
            if random.chance(0.1) { lone = lone.stubbed }
            guard let findings = EventFindings(of: .event(lone, bytes: []), sha256: sha256),
                let record = findings.loneRecord
            else { continue }
            made += 1
            let outcome = RecordFunction.record(of: lone.subject, from: [lone])
            #expect(outcome.record == record, "round \(round)")
            #expect(outcome.standings.map(\.hold) == [nil], "round \(round)")
        }
        #expect(made > 200)
    }

    @Test func headsAreExactlyWhatNothingAppliedDominatesAndNeverNone() {
        var random = SeededRandom(seed: 12)
        var diverged = 0
        for round in 0..<1500 {
            var history = NastyHistory(&random, purges: random.chance(0.1))
            let events = history.events(atMost: 10)
            let outcome = RecordFunction.record(of: subject, from: events)
            let held = Set(outcome.standings.filter { $0.hold != nil }.map(\.id))
            let content = events.filter { $0.knownAction?.isContent == true && !held.contains($0.id) }
                .sorted { $0.id < $1.id }
            let heads = content.filter { event in
                !content.contains { DottedClock($0).dominates(DottedClock(event)) }
            }
            #expect(outcome.record?.heads ?? [] == heads.map(\.id), "round \(round)")
            #expect(heads.isEmpty == content.isEmpty, "round \(round)")
            #expect(outcome.record?.shown == heads.last?.id)
            #expect(outcome.standings.map(\.id) == events.map(\.id).sorted())
            if let record = outcome.record { #expect(record.heldCount == held.count) }
            diverged += heads.count > 1 ? 1 : 0
        }
        #expect(diverged > 300)
    }

    @Test func everyRegisterIsTheGreatestIDThatNoOtherOfItDominates() {
        var random = SeededRandom(seed: 13)
        let states: [String: Record.Lifecycle] = ["archive": .archived, "trash": .trashed]
        for round in 0..<1000 {
            var history = NastyHistory(&random, purges: false)
            let events = history.events(atMost: 12).map { event in
                var event = event
                if event.action != "create", random.chance(0.5) {
                    event.action = ["archive", "unarchive", "trash", "recover"][random.below(4)]
                }
                return event
            }
            let outcome = RecordFunction.record(of: subject, from: events)
            let held = Set(outcome.standings.filter { $0.hold != nil }.map(\.id))
            let register = events.filter { $0.knownAction?.isLifecycle == true && !held.contains($0.id) }
            let winner = register.filter { event in
                !register.contains { DottedClock($0).dominates(DottedClock(event)) }
            }.max { $0.id < $1.id }
            #expect(outcome.record?.lifecycle ?? .active == states[winner?.action ?? ""] ?? .active, "round \(round)")
        }
    }

    @Test func compactionNeverShows() {
        var random = SeededRandom(seed: 14)
        let now = WallTime(milliseconds: 0)
        var removed = 0
        for round in 0..<800 {
            var history = NastyHistory(&random, purges: random.chance(0.2), stubs: random.chance(0.3))
            let events = history.events(atMost: 10).map { event in
                var event = event
                if random.chance(0.8) { event.signature = "ed25519:" }
                return event
            }
            let stored = events.map { $0.stored(random.chance(0.8) ? .pinned : .none) }
            let removable = Compaction.removable(of: subject, from: stored, now: now)
            let some = Set(removable.filter { _ in random.chance(0.7) })
            let compacted = events.map { some.contains($0.id) ? $0.stubbed : $0 }
            let (before, after) = (
                RecordFunction.record(of: subject, from: events), RecordFunction.record(of: subject, from: compacted)
            )
            #expect(before == after, "round \(round)")
            #expect(
                before.record.flatMap { Divergence(of: $0, events: events) }
                    == after.record.flatMap { Divergence(of: $0, events: compacted) }, "round \(round)")
            // What was removed is not wanted back.
            if let id = some.first {
                #expect(!Compaction.isWanted(id, of: subject, from: compacted.map { $0.stored() }), "round \(round)")
            }
            removed += some.count
        }
        #expect(removed > 250)
    }

    @Test func whatAPurgeTookAwayIsTheSameOnANodeThatStillHasIt() {
        var random = SeededRandom(seed: 15)
        var purged = 0
        for round in 0..<700 {
            var history = NastyHistory(&random, purges: true)
            let events = history.events(atMost: 10)
            let outcome = RecordFunction.record(of: subject, from: events)
            guard outcome.record?.purge != nil else { continue }
            purged += 1
            let stubs = events.map { $0.knownAction?.isPurge != true && random.chance(0.7) ? $0.stubbed : $0 }
            #expect(RecordFunction.record(of: subject, from: stubs) == outcome, "round \(round)")
        }
        #expect(purged > 200)
    }

    /// Every history of a create or update and two updates, by two nodes with counters of 0 and 1.
    @Test func everySmallHistoryGivesOneRecordInEveryOrder() {
        var events: [(String, Int, [Int: UInt64])] = []
        for action in ["create", "update"] {
            for origin in 1...2 {
                for a in UInt64(0)...1 { for b in UInt64(0)...1 { events.append((action, origin, [1: a, 2: b])) } }
            }
        }
        let updates = events.filter { $0.0 == "update" }
        for x in events {
            for y in updates {
                for z in updates {
                    let (a, b, c) = (
                        event(1, x.0, by: x.1, x.2), event(2, y.0, by: y.1, y.2), event(3, z.0, by: z.1, z.2)
                    )
                    let outcome = RecordFunction.record(of: subject, from: [a, b, c])
                    if outcome.record?.heads.isEmpty != false
                        || RecordFunction.record(of: subject, from: [c, a, b]) != outcome
                    {
                        Issue.record("\(x) \(y) \(z)")
                    }
                }
            }
        }
    }

    @Test func aThousandUpdatesOfOneRecordAreQuick() {
        var events: [Event] = []
        var clock: [Int: UInt64] = [:]
        for index in 0..<1000 {
            clock[index % 3, default: 0] += 1
            events.append(event(index, index == 0 ? "create" : "update", by: index % 3, clock))
        }
        events.reverse()
        let took = ContinuousClock().measure {
            #expect(RecordFunction.record(of: subject, from: events).record?.heads == [eventID(999)])
        }
        #expect(took < .seconds(5))
    }
}
