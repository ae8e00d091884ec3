@testable import FederationCore
import FederationCrypto
import FederationTestKit
import Synchronization
import Testing

/// What is found out of events before their turn.
@Suite struct EventFindingsTests {
    private func page(_ events: [Event], _ policy: SignaturePolicy) -> PulledPage {
        var page = PulledPage(items: events.map { .event($0, bytes: $0.json) }, cursor: .none)
        page.lookAhead(policy)
        return page
    }

    private func take(_ page: PulledPage, into node: inout SampleNode) throws -> PageOutcome {
        let (intake, now) = (node.intake, node.now)
        return try node.log.transaction { log throws(StoreFailure) in
            try intake.take(page, from: "peer", now: now, into: &log)
        }
    }

    @Test func aSignatureThatWasLookedAtIsNotLookedAtAgain() throws {
        let looks = Looks()
        let policy = SignaturePolicy(.enforce) { preimage, signature, key in
            looks.count.withLock { $0 += 1 }
            return Sample.sealCheck(preimage, signature, key)
        }
        var node = SampleNode(9)
        node.intake.policy.originCheck = nil
        node.intake.policy.signatures = policy
        let event = try Sample.event(Sample.id(1), clock: [1: 1]).sealed(by: 1)
        let page = page([event], policy)
        #expect(looks.count.withLock { $0 } == 1)
        #expect(try take(page, into: &node).applied == 1)
        #expect(looks.count.withLock { $0 } == 1)
        #expect(node.log.event(event.id)?.verification == .provisional)
    }

    /// Whether `data` is read with its event or alone, the same is found out of it.
    @Test(arguments: [
        #"{"title":"a","type":"note","body":"b"}"#, #"{ "title": "a",  "body": "b" }"#, #"{"title":"\u0061","body":"\/"}"#,
        #"{"title":1}"#, #"{"title":"a","content_hash":"sha256:00"}"#, "{}", "null", #"{"body":"b","body":"c"}"#,
    ])
    func whatIsFoundOnTheWayIsWhatIsFoundLater(data: String) throws {
        let whole = event(1, "create", [1: 1], json: data)
        let spaced = Array(String(decoding: whole.json, as: UTF8.self).replacing(",\"trace_id\"", with: " , \"trace_id\"").utf8)
        let bare = Array(String(decoding: event(2, "archive", json: "{}").json, as: UTF8.self).replacing(",\"data\":{}", with: "").utf8)
        for bytes in [whole.json, spaced, whole.stubbed.json, bare] {
            let (item, findings) = PulledItem.read(bytes, sha256: sha256)
            #expect(item == PulledItem(json: bytes))
            guard case .event(let event, _) = item else {
                #expect(findings == nil)
                continue
            }
            #expect(findings == EventFindings(of: item, sha256: sha256))
            #expect(try findings?.fingerprint == event.fingerprint(sha256))
        }
    }

    @Test func whatIsNoEventIsFoundToBeNothing() {
        let (item, findings) = PulledItem.read(Array(#"{"id":"x"}"#.utf8), sha256: sha256)
        #expect(findings == nil && item == PulledItem(json: Array(#"{"id":"x"}"#.utf8)))
    }

    @Test func aNewlineIsFoundWhereverItStands() throws {
        for length in 0..<40 {
            for place in 0...length {
                // What differs from a newline by a bit, or follows one.
                let others = [0x0B, 0x8A, 0x09, 0x00, 0xFF].map(UInt8.init)
                var line = (0..<length).map { others[$0 % others.count] }
                line.insert(0x0A, at: place)
                line.append(0x0A)
                let cut = try ReadLines.cut(line, limit: 2).map { Array($0) }
                #expect(cut == [Array(line[..<place]), Array(line[(place + 1)...].dropLast())])
            }
        }
    }

    @Test func linesAreCutAtNewlinesAndNoOthers() throws {
        #expect(try ReadLines.cut(Array("a\nbc\n\n".utf8), limit: 3).map { Array($0) } == [[0x61], [0x62, 0x63], []])
        #expect(try ReadLines.cut([], limit: 0).isEmpty)
        #expect(throws: ExchangeFailure.malformed(.truncated)) { try ReadLines.cut(Array("a\nb".utf8), limit: 3) }
        #expect(throws: ExchangeFailure.malformed(.moreEventsThanAsked(asked: 1))) {
            try ReadLines.cut(Array("a\nb\n".utf8), limit: 1)
        }
    }
}

private final class Looks: Sendable {
    let count = Mutex(0)
}
