import FederationCore
import FederationCrypto
import FederationTestKit
import Testing

@Suite struct OwnOriginTests {
    private let subject = "20260101-note"

    private func create(_ node: inout SampleNode, _ subject: String) throws -> Written {
        var snapshot = Snapshot()
        snapshot.title = "T"
        snapshot.type = "note"
        return try node.write(.create(subject: subject, snapshot))
    }

    @Test func anEventOfOursThatWeLackStopsAllWriting() throws {
        var node = SampleNode(1)
        let backup = node
        _ = try create(&node, subject)
        var restored = backup
        let own = try #require(node.log.events(of: subject).first?.event)
        let outcome = try restored.take([own])
        #expect(outcome.foundOwnFuture && outcome.applied == 1)
        #expect(restored.log.meta(.stopped).map(StopReason.init(stored:)) == .ownEvent(own.id))
        #expect(throws: WriteFailure.refused(.stopped(.ownEvent(own.id)))) { _ = try create(&restored, "20260101-b") }
        // It is ours all the same, and is not found a second time.
        #expect(restored.log.event(own.id)?.verification == .pinned)
        #expect(try !restored.take([own]).foundOwnFuture)
    }

    /// A number that this database knows to have given, and that nobody has here: a hole, and no proof of anything.
    @Test func anEventOfOursThatVanishedIsTakenBack() throws {
        var node = SampleNode(1)
        for name in ["a", "b", "c"] { _ = try create(&node, "20260101-\(name)") }
        let all = node.log.events(after: 0, limit: 9, bytes: .max).map(\.event)
        for index in [1, 2] {
            var damaged = node
            damaged.log.lose(all[index].id, at: damaged.now)
            let outcome = try damaged.take([all[index]])
            #expect(outcome.applied == 1 && !outcome.foundOwnFuture && damaged.log.meta(.stopped) == nil)
            #expect(damaged.log.event(all[index].id)?.verification == .pinned)
            let written = try create(&damaged, "20260101-d")
            #expect(damaged.log.event(written.events[0])?.event.number == 4)
        }
    }

    /// A restored database has given a number again, or not yet: then it is behind, whatever others saw of it.
    @Test func aNumberOfOursThatWasGivenTwiceOrNotYetStops() throws {
        var node = SampleNode(1)
        _ = try create(&node, "20260101-a")
        var restored = node
        _ = try create(&node, "20260101-b")
        let lost = try #require(node.log.events(of: "20260101-b").first?.event)
        var untouched = restored
        #expect(try untouched.take([lost]).foundOwnFuture)
        // Others' clocks raise our next number, and prove nothing of what this database has given.
        var informed = restored
        try informed.take([Sample.event(Sample.id(1), origin: 2, clock: [1: 9, 2: 1])])
        #expect(try informed.take([lost]).foundOwnFuture)
        restored.now = restored.now.advanced(by: .seconds(60))
        _ = try create(&restored, "20260101-c")
        #expect(restored.log.events(of: "20260101-c").first?.event.number == lost.number)
        #expect(try restored.take([lost]).foundOwnFuture)
    }

    @Test func recoveringTakesOurEventsBackAndCountsOnAboveThem() throws {
        var node = SampleNode(1)
        var restored = node
        for name in ["a", "b", "c"] { _ = try create(&node, "20260101-\(name)") }
        restored.intake.policy.recoversOwnEvents = true
        let outcome = try restored.take(node.log.events(after: 0, limit: 9, bytes: .max).map(\.event))
        #expect(outcome.applied == 3 && !outcome.foundOwnFuture)
        #expect(restored.log.meta(.stopped) == nil)
        let written = try create(&restored, "20260101-d")
        #expect(restored.log.event(written.events[0])?.event.number == 4)
    }

    @Test func aForgeryInOurNameIsRefusedAndStopsNothing() throws {
        var node = SampleNode(1)
        let unsigned = Sample.event(Sample.id(1), origin: 1, clock: [1: 900])
        let foreign = try Sample.event(Sample.id(2), origin: 1, clock: [1: 901]).sealed(by: 2)
        let outcome = try node.take([unsigned, foreign], cursor: .byEvent)
        #expect(outcome.refused == 2 && !outcome.foundOwnFuture && outcome.cursor == foreign.id)
        #expect(outcome.firstProblem?.reason == .identityMismatch)
        #expect(node.quarantined == [unsigned, foreign].map { "refused forged_own_origin \($0.id)" })
        #expect(node.log.meta(.stopped) == nil && node.log.meta(.ownNumber) == nil)
    }

    @Test func anotherContentUnderAnIDOfOursIsFoundOutBySignature() throws {
        var node = SampleNode(1)
        let id = try create(&node, subject).events[0]
        let mine = try #require(node.log.event(id)?.event)
        var other = mine
        other.payload = .full(Sample.snapshot("other"))
        #expect(try !node.take([other]).foundOwnFuture)
        #expect(node.log.event(id)?.event == mine)
        #expect(try node.take([other.sealed(by: 1)]).foundOwnFuture)
    }

    /// An event of another origin under an id of ours, whose claim to it is the stronger one.
    private func rival(of own: Event) throws -> Event {
        for number in 0... {
            let rival = try Sample.event(own.id, origin: 2, clock: [2: 1], body: "rival \(number)").sealed(by: 2)
            if try rival.fingerprint(sha256).digest < own.fingerprint(sha256).digest { return rival }
        }
        preconditionFailure("there is none")
    }

    @Test func nobodyTakesTheIDOfAnEventOfOurs() throws {
        var node = SampleNode(1, pinned: [2])
        let id = try create(&node, subject).events[0]
        let own = try #require(node.log.event(id)?.event)
        let rival = try rival(of: own)
        for _ in 0..<3 { #expect(try node.take([rival]).refused == 1) }
        #expect(node.log.event(id)?.event == own)
        #expect(node.quarantined == ["refused losing_variant \(id)"])
        // Any other node goes by the claims alone.
        var other = SampleNode(3, pinned: [1, 2])
        try other.take([own])
        #expect(try other.take([rival]).applied == 1)
        // Whoever gives ours back stops nothing.
        #expect(try !node.take([own]).foundOwnFuture)
        #expect(node.log.meta(.stopped) == nil)
        _ = try create(&node, "20260101-b")
    }

    @Test func whoTookTheIDOfAnEventOfOursWhileItWasAwayGivesItBack() throws {
        var node = SampleNode(1, pinned: [2])
        let backup = node
        let id = try create(&node, subject).events[0]
        let own = try #require(node.log.event(id)?.event)
        let rival = try rival(of: own)
        var damaged = node
        damaged.log.lose(id, at: damaged.now)
        #expect(try damaged.take([rival]).applied == 1)
        let outcome = try damaged.take([own])
        #expect(outcome.applied == 1 && !outcome.foundOwnFuture)
        #expect(damaged.log.event(id)?.event == own && damaged.log.meta(.stopped) == nil)
        // A database that was put back to a backup is behind all the same.
        var restored = backup
        try restored.take([rival])
        #expect(try restored.take([own]).foundOwnFuture)
        #expect(restored.log.event(id)?.event == own)
    }

    @Test func anEventOfOursThatARelayEscapedIsStillOurs() throws {
        var node = SampleNode(1)
        let restored = node
        var snapshot = Snapshot()
        snapshot.title = "a<b"
        snapshot.type = "note"
        try node.write(.create(subject: subject, snapshot))
        var escaped = try #require(node.log.events(of: subject).first?.event)
        let text = String(decoding: try #require(escaped.data), as: UTF8.self)
        let parts = text.split(separator: "<", maxSplits: 1)
        escaped.payload = .full(Array("\(parts[0])\\u003c\(parts[1])".utf8))
        #expect(try !node.take([escaped]).foundOwnFuture)
        var other = restored
        #expect(try other.take([escaped]).foundOwnFuture)
    }

    @Test func ourNextNumberIsAboveEveryNumberOfOursThatOthersSaw() throws {
        var node = SampleNode(1)
        try node.take([Sample.event(Sample.id(1), origin: 2, clock: [1: 41, 2: 1])])
        // The node-wide clock counts what we wrote; only the next number follows what others saw.
        #expect(VectorClock(stored: node.log.state("vclock") ?? "")[Sample.node(1)] == 0)
        let written = try create(&node, "20260101-b")
        #expect(node.log.event(written.events[0])?.event.number == 42)
        #expect(VectorClock(stored: node.log.state("vclock") ?? "")[Sample.node(1)] == 42)
    }

    @Test func aNumberOfOursTooFarAheadIsNamedAndNotFollowed() throws {
        var node = SampleNode(1)
        let far = Sample.event(Sample.id(1), origin: 2, clock: [1: Limits.ownNumberLead + 1, 2: 1])
        #expect(try node.take([far]).applied == 1)
        #expect(node.log.meta(.farOwnNumber) == far.id.description)
        let written = try create(&node, "20260101-b")
        #expect(node.log.event(written.events[0])?.event.number == 1)
    }

    @Test func aClockThatIsFullRefusesTheMergeAndNotTheEvent() throws {
        var node = SampleNode(1)
        let full = Sample.event(
            Sample.id(1), origin: 2, clock: Dictionary(uniqueKeysWithValues: (2...257).map { ($0, 1) }))
        #expect(try node.take([full]).applied == 1)
        #expect(VectorClock(stored: node.log.state("vclock") ?? "").count == 256)
        #expect(node.log.meta(.refusedMerge) == nil)
        let more = Sample.event(Sample.id(2), "update", origin: 2, clock: [2: 5, 300: 1])
        #expect(try node.take([more]).applied == 1)
        let clock = VectorClock(stored: node.log.state("vclock") ?? "")
        #expect(clock.count == 256 && clock[Sample.node(2)] == 1)
        #expect(node.log.meta(.refusedMerge) == more.id.description)
        // Higher counts of those it knows still go in.
        try node.take([Sample.event(Sample.id(3), "update", origin: 2, clock: [2: 9])])
        #expect(VectorClock(stored: node.log.state("vclock") ?? "")[Sample.node(2)] == 9)
    }

    @Test(arguments: [
        (UInt64(3), UInt64?.none, false), (3, 3, false), (3, 4, true), (3, Limits.counter, false), (0, .max, false),
    ])
    func aPeerThatHoldsMoreOfOursIsAHint(own: UInt64, held: UInt64?, isBehind: Bool) {
        #expect(OwnOrigin.isBehind(ownNumber: own, heldOfOurs: held) == isBehind)
    }

    @Test(arguments: [StopReason.moved, .ownEvent(Sample.id(1))])
    func stopReasonsAreReadAsTheyWereStored(_ reason: StopReason) {
        #expect(StopReason(stored: reason.stored) == reason)
    }

    @Test func anUnknownStopReasonStillStops() {
        #expect(StopReason(stored: "own_event:x") == .moved)
        #expect(StopReason(stored: "") == .moved)
    }
}
