import FederationCore
import FederationTestKit
import Testing

/// A ring of nodes that write by the record-scoped clock rule, and for each event what its writer had seen.
private struct Ring {
    /// How events reach other nodes.
    enum Delivery {
        /// One by one, any event at any time, in any order.
        case any
        /// As the native wire delivers: each node takes another's log in its order of arrival.
        case inOrderOfArrival
    }

    /// What a create or update takes over from the applied events of its subject.
    enum ClockRule { case createsAndUpdates, everything }

    struct Seen {
        /// The creates and updates it was written on top of, and those that they were.
        var content: Set<ULID> = []
        /// All that its writer had, and all that the writers of those had.
        var closure: Set<ULID> = []
        /// What stood in its writer's own log.
        var log: Set<ULID> = []
    }

    struct Node {
        var log: [Event] = []
        var has: Set<ULID> = []
        var number: UInt64 = 0
        var taken: [Int: Int] = [:]
    }

    var random: SeededRandom
    let delivery: Delivery
    let rule: ClockRule
    var nodes: [Node]
    var events: [Event] = []
    var seen: [ULID: Seen] = [:]

    init(seed: UInt64, delivery: Delivery, rule: ClockRule) {
        random = SeededRandom(seed: seed)
        self.delivery = delivery
        self.rule = rule
        nodes = Array(repeating: Node(), count: 2 + random.below(3))
    }

    mutating func run(steps: Int) {
        for _ in 0..<steps { if random.chance(0.4) { write() } else { deliver() } }
    }

    private mutating func write() {
        let writer = random.below(nodes.count)
        let subject = "20260405-\(random.below(2))"
        let applied = nodes[writer].log.filter { $0.subject == subject }
        let isFirst = !applied.contains { $0.knownAction?.isContent == true }
        let others = ["archive", "trash", "recover", "promote", "tag_update", "vote"]
        let action = random.chance(0.6) ? (isFirst ? "create" : "update") : others[random.below(others.count)]
        let isContent = action == "create" || action == "update"
        let base = applied.filter { !isContent || rule == .everything || $0.knownAction?.isContent == true }
        var clock = VectorClock()
        for event in base { clock.merge(event.clock.vector) }
        nodes[writer].number += 1
        clock[node(writer)] = nodes[writer].number
        var made = event(events.count, action, by: writer, of: subject)
        made.clock = ReceivedClock(clock)
        var knowledge = Seen()
        for event in applied {
            knowledge.log.insert(event.id)
            knowledge.closure.formUnion(seen[event.id]?.closure ?? [])
            if event.knownAction?.isContent == true { knowledge.content.formUnion(seen[event.id]?.content ?? []) }
        }
        knowledge.closure.formUnion(knowledge.log)
        for event in applied where event.knownAction?.isContent == true { knowledge.content.insert(event.id) }
        seen[made.id] = knowledge
        events.append(made)
        take(made, by: writer)
    }

    private mutating func deliver() {
        let (from, to) = (random.below(nodes.count), random.below(nodes.count))
        guard from != to else { return }
        switch delivery {
        case .any: if let event = nodes[from].log.randomElement(using: &random) { take(event, by: to) }
        case .inOrderOfArrival:
            for _ in 0..<1 + random.below(4) {
                let position = nodes[to].taken[from, default: 0]
                guard position < nodes[from].log.count else { return }
                take(nodes[from].log[position], by: to)
                nodes[to].taken[from] = position + 1
            }
        }
    }

    private mutating func take(_ event: Event, by taker: Int) {
        guard nodes[taker].has.insert(event.id).inserted else { return }
        nodes[taker].log.append(event)
    }

    /// Pairs of events of one subject where the second dominates the first.
    var dominations: [(Event, by: Event)] {
        let placed = events.map { ($0, DottedClock($0)) }
        return placed.flatMap { a in
            placed.filter { $0.0.subject == a.0.subject && $0.1.dominates(a.1) }.map { (a.0, by: $0.0) }
        }
    }

    /// Creates and updates that another one dominates whose writer had not built on them.
    var lostEdits: Int {
        dominations.count { a, b in
            a.knownAction?.isContent == true && b.knownAction?.isContent == true
                && seen[b.id]?.content.contains(a.id) != true
        }
    }
}

@Suite struct RingPropertyTests {
    @Test func noEditIsReplacedByOneThatWasNotBuiltOnItUnderAnyOrderOfDelivery() {
        for seed in 0..<300 {
            var ring = Ring(seed: UInt64(seed), delivery: .any, rule: .createsAndUpdates)
            ring.run(steps: 60)
            #expect(ring.lostEdits == 0, "seed \(seed)")
            // And what an edit was built on, it replaces: nobody meets a divergence that was seen already.
            for event in ring.events where event.knownAction?.isContent == true {
                for base in ring.events where ring.seen[event.id]?.content.contains(base.id) == true {
                    #expect(DottedClock(event).dominates(DottedClock(base)), "seed \(seed)")
                }
            }
        }
    }

    @Test func nothingAtAllIsDominatedThatItsWritersHadNotSeenBetweenThem() {
        for seed in 1000..<1200 {
            var ring = Ring(seed: UInt64(seed), delivery: .any, rule: .createsAndUpdates)
            ring.run(steps: 60)
            for (event, later) in ring.dominations {
                #expect(ring.seen[later.id]?.closure.contains(event.id) == true, "seed \(seed)")
            }
        }
    }

    @Test func inOrderOfArrivalNothingIsDominatedThatItsWriterHadNotSeenItself() {
        for seed in 2000..<2200 {
            var ring = Ring(seed: UInt64(seed), delivery: .inOrderOfArrival, rule: .createsAndUpdates)
            ring.run(steps: 60)
            for (event, later) in ring.dominations {
                #expect(ring.seen[later.id]?.log.contains(event.id) == true, "seed \(seed)")
            }
        }
    }

    @Test func theGhostsFindTheRuleThatMergesEveryEventsClock() {
        var lost = 0
        for seed in 0..<150 {
            var ring = Ring(seed: UInt64(seed), delivery: .any, rule: .everything)
            ring.run(steps: 60)
            lost += ring.lostEdits > 0 ? 1 : 0
        }
        #expect(lost > 0)
    }

    @Test func everyEditIsAHeadOrWasBuiltOn() {
        for seed in 3000..<3200 {
            var ring = Ring(seed: UInt64(seed), delivery: .any, rule: .createsAndUpdates)
            ring.run(steps: 40)
            for subject in Set(ring.events.map(\.subject)) {
                let events = ring.events.filter { $0.subject == subject }
                let heads = RecordFunction.record(of: subject, from: events).record?.heads ?? []
                let kept = heads.reduce(into: Set(heads)) { $0.formUnion(ring.seen[$1]?.content ?? []) }
                for event in events where event.knownAction?.isContent == true {
                    #expect(kept.contains(event.id), "seed \(seed)")
                }
            }
        }
    }
}
