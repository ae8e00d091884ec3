import FederationCore
import FederationCrypto
import FederationTestKit
import Testing

/// What holds for any events in any order, on seeded random mixes of everything that intake tells apart.
@Suite struct IntakePropertyTests {
    private static let day: Int64 = 24 * 3_600_000

    /// Subjects, variants, stubs, purges, held, deferred, refused and forged events, some of them sealed.
    private func mix(_ random: inout SeededRandom) throws -> [Event] {
        var events: [Event] = []
        var clocks: [UInt64: [UInt64: UInt64]] = [:]
        let actions = [
            "create", "update", "update", "update", "archive", "trash", "vote", "purge", "enlighten", "promote",
            "tag_update", "consolidation_claim", "hive:post",
        ]
        for index in 0..<(6 + random.below(14)) {
            let origin = UInt64(1 + random.below(4))
            var clock = clocks[origin] ?? [:]
            if random.chance(0.4), let other = clocks.values.randomElement(using: &random) {
                clock.merge(other) { max($0, $1) }
            }
            clock[origin, default: 0] += 1
            clocks[origin] = clock
            let moment = random.chance(0.08) ? IntakePropertyTests.day + Int64(index) : Int64(random.below(30))
            // Some share their subject with many, some with nobody.
            let subject = "20260101-note-\(random.below(random.chance(0.7) ? 3 : 12))"
            let kind = random.chance(0.1) ? "bar" : "note"
            let action = actions[random.below(actions.count)]
            let isContent = action == "create" || action == "update"
            var event = Sample.event(
                Sample.id(moment, salt: UInt64(random.below(40))), action, subject, origin: origin,
                clock: random.chance(0.1) ? [:] : clock,
                data: isContent ? Sample.snapshot("\(index)", type: kind, tags: ["t\(index)"]) : nil)
            if random.chance(0.06) { event.origin = Sample.node(9).description }
            if random.chance(0.05) { event.payload = .full(Array(#"{"title":3}"#.utf8)) }
            if random.chance(0.4) { event = try event.sealed(by: origin) }
            events.append(event)
            if random.chance(0.2) { events.append(try event.stubbed()) }
            if random.chance(0.15) {
                var variant = event
                variant.originName = "variant \(index)"
                if random.chance(0.3) { variant.subject = "20260101-note-\(random.below(12))" }
                events.append(variant)
            }
        }
        return events
    }

    private func node() -> SampleNode { SampleNode(9, pinned: [1], provisional: [2]) }

    /// Lets all waits pass, and what was early or deferred come.
    private func settle(_ node: inout SampleNode) throws {
        node.now = node.now.advanced(by: .seconds(48 * 3600))
        for _ in 0..<20 {
            try node.retryDue()
            node.now = node.now.advanced(by: .seconds(3600))
        }
    }

    @Test func anyOrderDuplicationAndBatchingComesToTheSame() throws {
        var random = SeededRandom(seed: 11)
        for round in 0..<25 {
            let events = try mix(&random)
            var wanted: (inventory: [ULID: String], records: [Record])?
            for _ in 0..<5 {
                var node = node()
                var rest = (events + events.filter { _ in random.chance(0.3) }).shuffled(using: &random)[...]
                while !rest.isEmpty {
                    let page = rest.prefix(1 + random.below(6))
                    rest = rest.dropFirst(page.count)
                    try node.take(Array(page), from: "peer-\(random.below(2))")
                }
                try settle(&node)
                let found = (node.inventory, node.records)
                if let wanted {
                    #expect(found.0 == wanted.inventory, "round \(round)")
                    #expect(found.1 == wanted.records, "round \(round)")
                } else {
                    wanted = found
                }
                // Every event that was given is in the log, or listed with the reason.
                let ids = Set(node.inventory.keys.map(\.description))
                let listed = Set(node.log.quarantine(kind: nil, peer: nil, limit: .max).map(\.eventID))
                #expect(events.allSatisfy { ids.contains($0.id.description) || listed.contains($0.id.description) })
            }
        }
    }

    @Test func whatIsFoundOutBeforeATransactionChangesNothing() throws {
        var random = SeededRandom(seed: 14)
        for round in 0..<40 {
            let events = try mix(&random).shuffled(using: &random)
            var (plain, ahead) = (node(), node())
            ahead.looksAhead = true
            var rest = events[...]
            while !rest.isEmpty {
                let page = Array(rest.prefix(1 + random.below(9)))
                rest = rest.dropFirst(page.count)
                #expect(try plain.take(page, cursor: .byEvent) == ahead.take(page, cursor: .byEvent), "round \(round)")
            }
            #expect(plain.inventory == ahead.inventory && plain.records == ahead.records, "round \(round)")
            #expect(plain.quarantined == ahead.quarantined, "round \(round)")
            #expect(plain.log.states(prefix: "").map(\.value) == ahead.log.states(prefix: "").map(\.value))
        }
    }

    @Test func theSameEventsAreRefusedForTheSameReasonInAnyOrder() throws {
        var random = SeededRandom(seed: 12)
        for round in 0..<25 {
            let events = try mix(&random)
            var wanted: [String]?
            for _ in 0..<4 {
                var node = node()
                try node.take(events.shuffled(using: &random))
                // Which of two variants was stored first shows only in how the loser's bytes were written.
                let found = Set(node.quarantined.filter { !$0.contains("losing_variant") }).sorted()
                #expect(found == wanted ?? found, "round \(round)")
                wanted = found
            }
        }
    }

    @Test func aCrashAtAnyWriteLeavesTheEarlierState() throws {
        var random = SeededRandom(seed: 13)
        for _ in 0..<6 {
            let events = try mix(&random)
            let half = events.count / 2
            var node = node()
            try node.take(Array(events[..<half]), cursor: .byEvent)
            let before = (node.inventory, node.records, node.quarantined, node.log.states(prefix: "").map(\.value))
            var complete = node
            try complete.take(Array(events[half...]), cursor: .byEvent)
            var writes = 0
            while true {
                node.log.writesUntilFull = writes
                do throws(StoreFailure) {
                    try node.take(Array(events[half...]), cursor: .byEvent)
                    break
                } catch {
                    #expect(error == .full)
                }
                #expect(node.inventory == before.0 && node.records == before.1 && node.quarantined == before.2)
                #expect(node.log.states(prefix: "").map(\.value) == before.3)
                writes += 1
            }
            #expect(node.inventory == complete.inventory && node.records == complete.records)
            #expect(node.log.states(prefix: "").map(\.value) == complete.log.states(prefix: "").map(\.value))
        }
    }

    /// What nodes write themselves and give each other in any order is the same everywhere, and nothing is dominated
    /// that its writer had not seen.
    @Test func nodesThatWriteAndPullInAnyOrderAgree() throws {
        var random = SeededRandom(seed: 14)
        for round in 0..<8 {
            var nodes = (1...4).map { SampleNode(UInt64($0), seed: random.next()) }
            var seen: [ULID: Set<ULID>] = [:]
            for _ in 0..<60 {
                let index = random.below(nodes.count)
                nodes[index].now = nodes[index].now.advanced(by: .milliseconds(random.below(2000)))
                if random.chance(0.5) {
                    try nodes[index].pull(from: nodes[random.below(nodes.count)])
                } else {
                    try write(&nodes[index], &random, &seen)
                }
            }
            for _ in 0..<2 {
                for index in nodes.indices { for other in nodes { try nodes[index].pull(from: other) } }
            }
            for node in nodes {
                #expect(node.inventory == nodes[0].inventory, "round \(round)")
                #expect(node.records == nodes[0].records, "round \(round)")
                #expect(node.quarantined.isEmpty && node.log.meta(.stopped) == nil)
            }
            try nothingUnseenIsDominated(nodes[0], seen)
        }
    }

    private func write(
        _ node: inout SampleNode, _ random: inout SeededRandom, _ seen: inout [ULID: Set<ULID>]
    ) throws {
        let subject = "20260101-note-\(random.below(2))"
        var snapshot = Snapshot()
        snapshot.type = "note"
        snapshot.body = "\(random.next())"
        let choices: [WriteRequest] = [
            .create(subject: subject, snapshot), .update(subject: subject, snapshot, base: .current),
            .update(subject: subject, snapshot, base: .current),
            .resolve(subject: subject, .custom(body: snapshot.body)),
            .change(subject: subject, .archive), .change(subject: subject, .unarchive),
        ]
        let known = Set(node.log.events(of: subject).map(\.event.id))
        do throws(WriteFailure) {
            for id in try node.write(choices[random.below(choices.count)]).events { seen[id] = known }
        } catch {
            guard case .refused = error else { throw error }
        }
    }

    private func nothingUnseenIsDominated(_ node: SampleNode, _ seen: [ULID: Set<ULID>]) throws {
        for subject in node.log.subjects(after: nil, limit: 9) {
            let content = node.log.events(of: subject).map(\.event).filter { $0.knownAction?.isContent == true }
            let places = content.map(DottedClock.init)
            for later in places {
                for earlier in places where later.dominates(earlier) {
                    #expect(seen[later.id]?.contains(earlier.id) == true)
                }
            }
        }
    }
}
