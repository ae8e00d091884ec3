import Federation
import FederationCore
import FederationCrypto
import FederationTestKit
import Testing

/// The facts about cursors, logs and changes, for this project's engine: intake, the writer and the Noema wire over a
/// store in memory. Where the outcome is another than Noema's, the test says what it is here.
@Suite struct NoemaFactsEngine {
    private let subject = "20260407-trace"

    @Test func fact01OursPassesAnEventThatWillNeverFitAndKeepsIt() throws {
        var node = OurNode()
        var events = (1...5).map { event($0) }
        events[2].action = "recolour"
        let outcome = try node.take(events)
        // Noema stops here for ever. We hold it, go on, and say so.
        #expect(outcome.applied == 4 && outcome.held == 1)
        #expect(outcome.firstProblem == ReplayProblem(
            reason: .unknownAction, eventID: "01EVENT0000000000000000003", subject: "20260407-c"))
        #expect(outcome.cursor?.description == eventID(5))
        #expect(node.log.eventCount() == 5)
    }

    @Test func fact01OursStopsAtAFailureThatMayPass() throws {
        var node = OurNode()
        node.failsOn = eventID(3)
        let outcome = try node.take((1...5).map { event($0) })
        #expect(outcome.stoppedBy?.eventID == "01EVENT0000000000000000003")
        #expect(outcome.stoppedBy?.subject == "20260407-c")
        #expect(outcome.applied == 2)
        #expect(outcome.cursor?.description == eventID(2))
    }

    @Test func fact02OursTakesAGoodBatchToItsLast() throws {
        var node = OurNode()
        let outcome = try node.take((1...3).map { event($0) })
        #expect(outcome.applied == 3)
        #expect(node.log.events(after: 0, limit: 9, bytes: .max).map(\.event.id.description) == (1...3).map(eventID))
        #expect(outcome.cursor?.description == eventID(3))
    }

    @Test func fact03OursHasNoCursorWhileTheFirstMayStillPass() throws {
        var node = OurNode()
        node.failsOn = eventID(1)
        let outcome = try node.take([event(1), event(2)])
        #expect(outcome.stoppedBy != nil && outcome.applied == 0)
        #expect(outcome.cursor == nil)
        #expect(node.log.eventCount() == 0)
    }

    @Test func fact04OursAsksNothingOfAPausedPeerAndSoWritesNothing() {
        let node = NodeIdentity(id: StandInPair.pullerID, name: "ours", version: "1", mode: .sync, publicKey: nil)
        let moment = Moment(.start, noon)
        var random = SeededRandom(seed: 1)
        for mode in PeerMode.allCases {
            var machine = PollMachine(
                peer: PolledPeer(name: "peer", mode: mode), node: node, at: .start,
                exchange: { NoemaWire().exchange() })
            #expect((machine.wakeAt == nil) == (mode == .paused))
            #expect(machine.handle(.tick, at: moment, using: &random).isEmpty == (mode == .paused))
        }
    }

    @Test func fact13OursServesAfterACursorAndKeepsTheLimit() throws {
        var node = OurNode()
        _ = try node.take((1...5).map { event($0) })
        #expect(try node.serve(#"{"limit":3}"#) == (1...3).map(eventID))
        #expect(try node.serve(#"{"since":"\#(eventID(3))","limit":10}"#) == (4...5).map(eventID))
        // As of a limit too large: 100, not 1000.
        #expect(try node.serve(#"{"since":"\#(eventID(4))","limit":1001}"#) == [eventID(5)])
    }

    @Test func fact14OursAppendsOneEventForEachChange() throws {
        var node = OurNode()
        try node.create(subject, "one")
        try node.write(.update(subject: subject, snapshot("two"), base: .current))
        try node.write(.change(subject: subject, .archive))
        try node.write(.change(subject: subject, .unarchive))
        try node.write(.change(subject: subject, .trash))
        try node.write(.change(subject: subject, .recover))
        let events = node.log.events(of: subject).map(\.event)
        #expect(events.map(\.action) == ["create", "update", "archive", "unarchive", "trash", "recover"])
        #expect(events.allSatisfy { $0.originName == "ours" && $0.origin == alpha && $0.signature != nil })
        #expect(events.map(\.number) == [1, 2, 3, 4, 5, 6])
    }

    @Test func fact16OursHasOneRowOfAnEventThatComesTwice() throws {
        var node = OurNode()
        _ = try node.take([remote(1, .create)])
        let again = try node.take([remote(1, .create)])
        #expect(again.duplicates == 1 && again.applied == 0)
        #expect(node.log.eventCount() == 1)
    }

    @Test func fact19OursIsResolvedByOriginOrByItsOwnText() throws {
        var node = OurNode()
        try node.create(subject, "local text")
        _ = try node.take([remote(1, .update, clock: [beta: 1])])
        for (resolution, text) in [
            (WriteRequest.Resolution.accept(alpha), "local text"), (.accept(String(beta.prefix(8))), "remote text"),
            (.custom(body: "both"), "both"),
        ] {
            var node = node
            try node.write(.resolve(subject: subject, resolution))
            let record = try #require(node.log.record(subject))
            #expect(!record.isDiverged)
            let head = try #require(record.shown.flatMap { node.log.event($0) }?.event)
            #expect(try Snapshot(data: head.data ?? []).body == text)
            // It dominates both sides, and nothing was trashed: our divergence is no trace.
            #expect(head.action == "update")
            #expect(head.clock.vector == VectorClock([StandInPair.pullerID: 2, StandInPair.serverID: 1]))
        }
        #expect(throws: WriteFailure.refused(.unknownVersion(origins: [alpha, beta]))) {
            var node = node
            try node.write(.resolve(subject: subject, .accept("nobody-of-that-name")))
        }
        var plain = OurNode()
        try plain.create(subject, "alone")
        #expect(throws: WriteFailure.refused(.notDiverged)) {
            var node = plain
            try node.write(.resolve(subject: subject, .accept(alpha)))
        }
    }

    @Test func fact20OursMakesTheRecordFromAnUpdateAlone() throws {
        var node = OurNode()
        _ = try node.take([remote(1, .update)])
        #expect(node.log.record(subject)?.title == "Trace")
        #expect(node.log.event(try #require(ULID(eventID(1))))?.event.action == "update")
    }

    @Test func fact24And25OursHoldsBadIDsAndRecordsAPurgeOfOne() throws {
        var node = OurNode()
        let outcome = try node.take([remote(1, .create, "../../etc/passwd"), remote(2, .purge, "../../../sentinel")])
        #expect(outcome.held == 1 && outcome.applied == 1)
        #expect(outcome.firstProblem?.reason == .invalidTraceID)
        #expect(node.log.record("../../etc/passwd") == nil)
    }

    @Test func fact26OursRefusesAContentHashThatDoesNotFit() throws {
        var node = OurNode()
        let wrong = remote(
            1, .create, data: #"{"title":"T","type":"note","body":"hello","content_hash":"sha256:00"}"#)
        let outcome = try node.take([wrong, remote(2, .create, "20260407-next")])
        #expect(outcome.refused == 1 && outcome.applied == 1)
        #expect(node.log.record(subject) == nil)
        let evidence = node.log.quarantine(kind: .refused, peer: nil, limit: 9)
        #expect(evidence.map(\.code) == ["content_hash_mismatch"])
        // Nothing is pinned behind it.
        #expect(outcome.cursor?.description == eventID(2))
    }
}

/// A node of ours without its drivers: what it takes in, writes and serves.
struct OurNode {
    var log = MemoryStorage()
    /// The id of an event that the host's replayer fails on.
    var failsOn = ""
    private var random = SeededRandom(seed: 1)

    init() {}

    mutating func take(_ events: [NoemaEvent]) throws -> PageOutcome {
        let items = events.map { PulledItem(json: $0.json(as: .go)) }
        let policy = IntakePolicy(
            node: StandInPair.pullerID, sha256: sha256, isOwnSignature: { _, _ in false },
            replayer: failsOn.isEmpty ? nil : FailingReplayer(id: failsOn))
        return try log.transaction { (log) throws(StoreFailure) in
            try Intake(policy).take(PulledPage(items: items, cursor: .byEvent), from: "peer", now: noon, into: &log)
        }
    }

    mutating func create(_ subject: String, _ body: String) throws {
        try write(.create(subject: subject, snapshot(body)))
    }

    mutating func write(_ request: WriteRequest) throws(WriteFailure) {
        let writer = EventWriter(node: StandInPair.pullerID, name: "ours", sha256: sha256) { _ in
            EventSeal(signature: "ed25519:signature", publicKey: "ed25519:key")
        }
        var random = random
        defer { self.random = random }
        _ = try log.transaction { (log) throws(WriteFailure) in
            try writer.write(request, now: noon, random: &random, into: &log)
        }
    }

    /// The ids that `sync_events` gives for these arguments.
    func serve(_ arguments: String) throws -> [String] {
        let identity = NodeIdentity(
            id: StandInPair.pullerID, name: "ours", version: "1", mode: .sync, publicKey: nil)
        let context = RouteContext(
            node: identity, now: noon, nonce: (1, 2), sha256: sha256, peerName: nil, statusText: { _ in "" })
        var client = Client()
        let answer = client.call("sync_events", arguments) { request in
            try? NoemaWire().respond(to: request, context: context, view: log).response(nil)
        }
        let page = try JSON(Array((answer?.text ?? "").utf8))
        return (page.array ?? []).compactMap { $0["id"]?.string }
    }
}

func snapshot(_ body: String) -> Snapshot {
    var snapshot = Snapshot()
    snapshot.title = "Trace"
    snapshot.type = "note"
    snapshot.body = body
    return snapshot
}

/// Fails on one event as a disk or a busy database would.
private struct FailingReplayer: EventReplayer {
    let id: String
    let version = "1"

    func replay(_ entry: LogEntry, into log: inout ReplayLog) throws(StoreFailure) -> ReplayAnswer {
        entry.event.id.description == id ? .failed(.other) : .applied
    }
}
