import FederationCore
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
