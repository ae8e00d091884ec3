import FederationCore
import FederationCrypto
import FederationTestKit
import Testing

@Suite struct IntakeTests {
    @Test func anEventIsStoredOnceAndMakesItsRecord() throws {
        var node = SampleNode(9)
        let event = Sample.event(Sample.id(1), clock: [1: 1], body: "hello")
        let outcome = try node.take([event])
        #expect(outcome.applied == 1 && outcome.duplicates == 0 && outcome.firstProblem == nil)
        #expect(try node.take([event, event]).duplicates == 2)
        #expect(node.log.eventCount() == 1)
        #expect(node.log.record(event.subject)?.heads == [event.id])
        #expect(node.log.event(event.id)?.peer == "peer")
        #expect(node.log.event(event.id)?.receivedAt == node.now)
    }

    @Test func theSameItemFromARelayThatEscapesAnewIsADuplicate() throws {
        var node = SampleNode(9)
        var event = Sample.event(Sample.id(1))
        event.payload = .full(Array(#"{"title":"a<b","type":"note","body":""}"#.utf8))
        try node.take([event])
        var escaped = event
        escaped.payload = .full(Array(#"{"title":"a\u003cb", "type":"note","body":""}"#.utf8))
        #expect(try node.take([escaped]).duplicates == 1)
        #expect(node.log.event(event.id)?.event == event)
    }

    @Test func aCopyBringsTheSignatureThatARelayHadStripped() throws {
        var node = SampleNode(9, pinned: [1])
        let plain = Sample.event(Sample.id(1), clock: [1: 1])
        try node.take([plain])
        let seq = node.log.event(plain.id)?.seq
        let sealed = try plain.sealed(by: 1)
        #expect(try node.take([sealed]).duplicates == 1)
        #expect(node.log.event(plain.id)?.event == sealed)
        #expect(node.log.event(plain.id)?.verification == .pinned)
        #expect(node.log.event(plain.id)?.seq == seq)
        try node.take([plain])
        #expect(node.log.event(plain.id)?.event.signature == sealed.signature)
    }

    @Test func aWorseSignatureNeverReplacesABetterOne() throws {
        var node = SampleNode(9, pinned: [1], provisional: [2])
        let plain = Sample.event(Sample.id(1), clock: [1: 1])
        let good = try plain.sealed(by: 1)
        try node.take([good])
        try node.take([plain.sealed(by: 2), plain.sealed(by: 3)])
        #expect(node.log.event(plain.id)?.event == good)
    }

    @Test func theBytesThatTheOriginSignedReplaceThoseOfARelay() throws {
        var node = SampleNode(9, pinned: [1])
        var event = Sample.event(Sample.id(1), "update", clock: [1: 1])
        event.payload = .full(Array(#"{"title":"a<b","type":"note","body":""}"#.utf8))
        let signed = try event.sealed(by: 1)
        var escaped = signed
        escaped.payload = .full(Array(#"{"title":"a\u003cb","type":"note","body":""}"#.utf8))
        try node.take([escaped])
        #expect(node.log.event(event.id)?.verification == Verification.none)
        try node.take([signed, escaped])
        #expect(node.log.event(event.id)?.event == signed)
        #expect(node.log.event(event.id)?.verification == .pinned)
        #expect(node.log.event(event.id)?.replacements == 0)
    }

    @Test func theCursorMovesWithEachEventAndNeverBack() throws {
        var node = SampleNode(9)
        let events = (1...3).map { Sample.event(Sample.id($0), "update", "20260101-note-\($0)") }
        #expect(try node.take(events, cursor: .byEvent).cursor == Sample.id(3))
        #expect(node.log.state("peer:peer:last_event") == Sample.id(3).description)
        #expect(try node.take([events[0]], cursor: .byEvent).cursor == Sample.id(3))
        #expect(try node.take([Sample.event(Sample.id(9))], cursor: .none).cursor == Sample.id(3))
        #expect(node.log.state("peer:other:last_event") == nil)
    }

    @Test func aPositionIsKeptOnceTheWholePageIsDealtWith() throws {
        var node = SampleNode(9)
        node.intake.policy.replayer = FailingReplayer(failing: [Sample.id(2)])
        let events = (1...3).map { Sample.event(Sample.id($0), "update", "20260101-note-\($0)") }
        #expect(try node.take(events, cursor: .position("e.3")).stoppedBy != nil)
        #expect(node.log.state("peer:peer:position") == nil)
        node.intake.policy.replayer = nil
        try node.take(events, cursor: .position("e.3"))
        #expect(node.log.state("peer:peer:position") == "e.3")
        #expect(node.log.state("peer:peer:last_event") == Sample.id(3).description)
        try node.take([], cursor: .position("e.4"))
        #expect(node.log.state("peer:peer:position") == "e.4")
    }

    /// What a wire says of a page is as true as the page's position is.
    @Test func whatAPageBringsOfItsWireIsKeptOnceTheWholePageIsDealtWith() throws {
        var node = SampleNode(9)
        let events = (1...3).map { Sample.event(Sample.id($0), "update", "20260101-note-\($0)") }
        var page = PulledPage(items: events.map { .event($0, bytes: $0.json) }, cursor: .position("e.3"))
        page.wireValues = ["attested": [0x37]]
        var commit = PeerCommit(peer: "peer", wireNamespace: "auto")
        commit.page = page
        let cases: [(failing: Set<ULID>, kept: [UInt8]?)] = [([Sample.id(2)], nil), ([], [0x37])]
        for (failing, kept) in cases {
            node.intake.policy.replayer = FailingReplayer(failing: failing)
            let outcome = try commit.write(to: &node.log, intake: node.intake, now: node.now)
            #expect((outcome.stoppedBy == nil) == (kept != nil))
            #expect(node.log.wireValue("auto", peer: "peer", key: "attested") == kept)
        }
    }

    @Test func whatCannotBeReadIsRefusedKeptAndPassed() throws {
        var node = SampleNode(9)
        let good = Sample.event(Sample.id(2))
        let items = [
            PulledItem(json: Array(#"{"id":"\#(Sample.id(1))","action":7,"trace_id":"s"}"#.utf8)),
            PulledItem(json: good.json),
            PulledItem(json: Array("{".utf8)),
        ]
        let outcome = try node.take(items: items, cursor: .byEvent)
        #expect(outcome.refused == 2 && outcome.applied == 1 && outcome.cursor == good.id)
        #expect(outcome.firstProblem == ReplayProblem(reason: .other, eventID: "\(Sample.id(1))", subject: "s"))
        #expect(node.quarantined == ["refused not_json ", "refused wrong_type_action \(Sample.id(1))"])
        try node.take(items: items, cursor: .byEvent)
        #expect(node.log.quarantine(kind: .refused, peer: "peer", limit: 9).map(\.count) == [2, 2])
    }

    @Test func contentThatDoesNotFitItsHashOrItsTypesIsRefused() throws {
        var node = SampleNode(9)
        let hash = Array(#"{"title":"t","type":"note","body":"b","content_hash":"sha256:00"}"#.utf8)
        let wrong = Sample.event(Sample.id(1), data: hash)
        let odd = Sample.event(Sample.id(2), "update", data: Array(#"{"title":1,"type":"note","body":"b"}"#.utf8))
        #expect(try node.take([wrong, odd], cursor: .byEvent).refused == 2)
        #expect(node.quarantined == [
            "refused content_hash_mismatch \(wrong.id)", "refused malformed_snapshot \(odd.id)",
        ])
        #expect(node.log.eventCount() == 0)
        #expect(node.log.state("peer:peer:last_event") == odd.id.description)
    }

    @Test func longEvidenceKeepsItsBeginning() throws {
        var node = SampleNode(9)
        let body = String(repeating: "x", count: 2 * Limits.evidenceBytes)
        var event = Sample.event(Sample.id(1))
        event.payload = .full(Array(#"{"title":1,"body":"\#(body)"}"#.utf8))
        try node.take([event])
        let row = try #require(node.log.quarantine(kind: .refused, peer: nil, limit: 1).first)
        #expect(row.bytes == Array(event.json.prefix(Limits.evidenceBytes)))
        let retried = try node.intake.retry(row: row.row, now: node.now, into: &node.log)
        #expect(retried == .evidenceIncomplete)
        #expect(try node.intake.drop(row: row.row, in: &node.log))
        #expect(try !node.intake.drop(row: row.row, in: &node.log))
    }

    @Test func anUnknownActionIsHeldAndItsPageGoesOn() throws {
        var node = SampleNode(9)
        let held = Sample.event(Sample.id(1), "enlighten")
        let good = Sample.event(Sample.id(2), "create", "20260101-other")
        let outcome = try node.take([held, good], cursor: .byEvent)
        #expect(outcome.held == 1 && outcome.applied == 1 && outcome.cursor == good.id)
        #expect(outcome.firstProblem?.reason == .unknownAction)
        #expect(node.log.event(held.id)?.hold == .unknownAction)
        #expect(node.log.heldCount(peer: "peer") == 1)
    }

    @Test func whatWaitsBehindAHeldEventIsHeldWhicheverCameFirst() throws {
        let unknown = Sample.event(Sample.id(1), "enlighten", clock: [1: 1])
        let later = Sample.event(Sample.id(2), "update", clock: [1: 2])
        for order in [[unknown, later], [later, unknown]] {
            var node = SampleNode(9)
            for event in order { try node.take([event]) }
            #expect(node.log.event(later.id)?.hold == .waits)
            #expect(node.log.record(later.subject)?.heads ?? [] == [])
        }
    }

    @Test func twoSpellingsOfOneSubjectAreTwoSubjects() throws {
        var node = SampleNode(9)
        try node.take([
            Sample.event(Sample.id(1), "purge", "caf\u{E9}"), Sample.event(Sample.id(2), "purge", "cafe\u{301}"),
        ])
        #expect(node.log.record("caf\u{E9}")?.purge?.eventID == Sample.id(1))
        #expect(node.log.record("cafe\u{301}")?.purge?.eventID == Sample.id(2))
    }

    @Test func aRecordIsMadeOnceForAPageOfManyOfItsEvents() throws {
        var node = SampleNode(9)
        let events = (1...50).map { Sample.event(Sample.id(Int64($0)), "update", clock: [1: UInt64($0)]) }
        node.log.writesUntilFull = 50 + 1 + 3
        // Fifty events, one record, the clock and our own number; the holds are as they were.
        try node.take(events)
        #expect(node.log.record(events[0].subject)?.heads == [Sample.id(50)])
    }
}

/// Fails on some events until told otherwise, and notes what it was given.
final class FailingReplayer: EventReplayer, @unchecked Sendable {
    let version = "1"
    // SAFETY: each test uses its own from one thread.
    var failing: Set<ULID>
    var applied: [ULID] = []
    var asked: [ULID] = []

    init(failing: Set<ULID>) { self.failing = failing }

    func replay(_ entry: LogEntry, into log: inout ReplayLog) throws(StoreFailure) -> ReplayAnswer {
        asked.append(entry.event.id)
        guard !failing.contains(entry.event.id) else { return .failed(.invalidFrontmatter) }
        applied.append(entry.event.id)
        return .applied
    }
}
