import FederationTestKit
import Testing

@testable import FederationCore

@Suite struct OriginForgettingTests {
    private let subject = "20260101-note"

    private func clock(_ node: SampleNode) -> [ULID: UInt64] {
        VectorClock(stored: node.log.state(StateKey.clock) ?? "").counters
    }

    private func forget(_ number: UInt64, _ node: inout SampleNode) throws {
        let now = node.now
        let plan = try OriginForgetting(Sample.node(number), node: Sample.node(node.number), peers: [], in: node.log)
        try node.log.transaction { log throws(StoreFailure) in try plan.write(now: now, to: &log) }
    }

    @Test func whatItCostsIsSaidFirstAndOnlyTheEntryGoes() throws {
        var node = SampleNode(1)
        try node.write(.create(subject: "20260101-own", Snapshot(data: Sample.snapshot("own"))))
        try node.take([
            Sample.event(Sample.id(1), "create", subject, origin: 2, clock: [2: 1]),
            Sample.event(Sample.id(2), "update", subject, origin: 2, clock: [2: 2], body: "b"),
        ])
        try node.log.setState(StateKey.peer("beta", .identity), Sample.node(2).description)
        let before = (node.inventory, node.records, node.log.meta(.ownNumber))
        let plan = try OriginForgetting(Sample.node(2), node: Sample.node(1), peers: ["alpha", "beta"], in: node.log)
        #expect(plan.counter == 2 && plan.events == 2 && plan.entries == 2 && plan.peers == ["beta"])
        let named = try OriginForgetting(named: "beta", node: Sample.node(1), peers: ["alpha", "beta"], in: node.log)
        #expect(named == plan)
        for other in ["alpha", "gamma"] {
            #expect(throws: OriginForgetting.Failure.unknownOrigin(known: [Sample.node(2)])) {
                try OriginForgetting(named: other, node: Sample.node(1), peers: ["alpha", "beta"], in: node.log)
            }
        }
        #expect(clock(node) == [Sample.node(1): 1, Sample.node(2): 2], "a plan changes nothing")
        try forget(2, &node)
        #expect(clock(node) == [Sample.node(1): 1])
        #expect(node.inventory == before.0 && node.records == before.1 && node.log.meta(.ownNumber) == before.2)
        let written = try node.write(.update(subject: subject, Snapshot(data: Sample.snapshot("c")), base: .current))
        #expect(node.log.event(written.events[0])?.event.number == 2)
        #expect(node.log.record(subject)?.heads == written.events, "dominance asks the events, not this clock")
    }

    @Test func ourOwnEntryAndOneThatIsNotThereAreRefused() throws {
        var node = SampleNode(1)
        try node.take([Sample.event(Sample.id(1), "create", subject, origin: 2, clock: [2: 1])])
        let log = node.log
        #expect(throws: OriginForgetting.Failure.ownOrigin) {
            try OriginForgetting(Sample.node(1), node: Sample.node(1), peers: [], in: log)
        }
        #expect(throws: OriginForgetting.Failure.unknownOrigin(known: [Sample.node(2)])) {
            try OriginForgetting(Sample.node(3), node: Sample.node(1), peers: [], in: log)
        }
    }

    @Test func theClocksOfOthersDoNotBringItBackButANewEventOfItDoes() throws {
        var node = SampleNode(1)
        try node.take([Sample.event(Sample.id(1), "create", subject, origin: 2, clock: [2: 5])])
        try forget(2, &node)
        // An edit of what the forgotten one wrote names it, and so may an old event of its own that comes late.
        try node.take([
            Sample.event(Sample.id(3), "update", subject, origin: 3, clock: [2: 5, 3: 1], body: "b"),
            Sample.event(Sample.id(2), "update", subject, origin: 2, clock: [2: 4], body: "c"),
        ])
        #expect(clock(node) == [Sample.node(3): 1])
        #expect(node.log.events(of: subject).count == 3)
        try node.take([Sample.event(Sample.id(9), "update", subject, origin: 2, clock: [2: 6, 3: 1], body: "d")])
        #expect(clock(node) == [Sample.node(2): 6, Sample.node(3): 1])
        // It counts as any other again.
        #expect(node.log.wireValues(ForgottenOrigins.namespace, peer: "").isEmpty)
        try node.take([Sample.event(Sample.id(10), "update", subject, origin: 2, clock: [2: 7], body: "e")])
        #expect(clock(node)[Sample.node(2)] == 7)
    }

    @Test func aFullClockTakesUpWhoFoundNoPlace() throws {
        var node = SampleNode(1)
        let full = (2...UInt64(Limits.nodeClockEntries + 1)).map { number in
            Sample.event(Sample.id(Int64(number)), "create", "20260101-n\(number)", origin: number, clock: [number: 1])
        }
        try node.take(full)
        let late = Sample.event(Sample.id(1000), "create", "20260101-late", origin: 900, clock: [900: 3])
        try node.take([late])
        #expect(clock(node).count == Limits.nodeClockEntries && clock(node)[Sample.node(900)] == nil)
        #expect(node.log.meta(.refusedMerge) == late.id.description)
        try forget(2, &node)
        #expect(clock(node)[Sample.node(2)] == nil && clock(node)[Sample.node(900)] == 3)
        #expect(clock(node).count == Limits.nodeClockEntries)
        #expect(node.log.meta(.refusedMerge) == nil)
    }

    @Test func theMemoryOfWhoWasForgottenIsBounded() throws {
        var log = MemoryStorage()
        var forgotten = try ForgottenOrigins(in: log)
        for number in 0...UInt64(Limits.forgottenOrigins) {
            forgotten.add(Sample.node(number + 10), counter: 1, now: Sample.time(Int64(number)))
        }
        try forgotten.write(to: &log)
        let kept = log.wireValues(ForgottenOrigins.namespace, peer: "").map(\.key)
        #expect(kept.count == Limits.forgottenOrigins && !kept.contains(Sample.node(10).description))
        let again = try ForgottenOrigins(in: log)
        #expect(again.filtered(VectorClock([Sample.node(10): 1, Sample.node(11): 1])) == VectorClock([Sample.node(10): 1]))
    }
}
