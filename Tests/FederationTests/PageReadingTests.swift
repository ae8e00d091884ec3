@testable import Federation
import FederationCore
import FederationCrypto
import FederationTestKit
import Synchronization
import Testing

/// Pages that are read before their turn.
@Suite struct PageReadingTests {
    private let looks = Looks()

    private func reading(_ mode: SignatureMode, held: Set<ULID> = []) -> PageReading {
        let policy = SignaturePolicy(mode) { [looks] preimage, signature, key in
            looks.count.withLock { $0 += 1 }
            return Sample.sealCheck(preimage, signature, key)
        }
        return PageReading(policy: policy) { ids in held.intersection(ids) }
    }

    private func events(_ count: Int) throws -> [Event] {
        try (1...count).map { number in
            try Sample.event(
                Sample.id(Int64(number)), "create", "20260101-note-\(number)", clock: [1: UInt64(number)]
            ).sealed(by: 1)
        }
    }

    private func response(_ events: [Event], behind: String = "") -> HTTPResponse {
        HTTPResponse(status: 200, body: events.flatMap { $0.json + [0x0A] } + Array(behind.utf8))
    }

    @Test func everyLineIsReadInItsPlaceAndEachSignatureOnce() async throws {
        let events = try events(100)
        let lines = try #require(await reading(.warn).lines(of: response(events, behind: "{}\n")))
        #expect(lines.items.count == 101 && lines.findings.count == 101)
        #expect(lines.items.prefix(100).elementsEqual(events.map { .event($0, bytes: $0.json) }))
        for (event, finding) in zip(events, lines.findings) {
            let found = try #require(EventFindings(of: .event(event, bytes: []), sha256: sha256))
            #expect(finding == found.checked(event, by: Sample.sealCheck))
            #expect(finding != found, "a signature that was looked at is not one that was not")
        }
        #expect(lines.findings.last == .some(nil))
        #expect(looks.count.withLock { $0 } == 100)
    }

    @Test func whatIsInTheLogAndWhatIsNotAskedForIsNotLookedAt() async throws {
        let events = try events(40)
        let held = Set(events.prefix(30).map(\.id))
        _ = await reading(.enforce, held: held).lines(of: response(events))
        #expect(looks.count.withLock { $0 } == 10)
        _ = await reading(.off).lines(of: response(events))
        #expect(looks.count.withLock { $0 } == 10)
    }

    @Test func whatIsNoPageOrTooSmallIsLeftToWhoeverAsked() async throws {
        let page = try response(events(40))
        var refused = page
        refused.status = 409
        var cut = page
        cut.body.removeLast()
        let few = try response(events(3))
        for response in [refused, cut, few] { #expect(await reading(.warn).lines(of: response) == nil) }
    }
}

private final class Looks: Sendable {
    let count = Mutex(0)
}
