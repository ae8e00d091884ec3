import FederationCore
import Testing

@Suite struct PeerHealthChangeTests {
    let at = WallTime(rfc3339: "2026-04-20T12:00:00Z")!

    @Test func aFailureCountsAndASuccessForgives() {
        let failure = PeerHealthChange(at: at, result: .failed(.networkRefused, eventID: "", subject: ""))
        var health = failure.applied(to: PeerHealth(), standing: PeerStanding())
        health = failure.applied(to: health, standing: PeerStanding())
        #expect(health.consecutiveFailures == 2)
        #expect(health.lastError?.reason == .networkRefused)
        let success = PeerHealthChange(at: at, version: "v1", result: .succeeded)
        health = success.applied(to: health, standing: PeerStanding())
        #expect(health.consecutiveFailures == 0)
        #expect(health.lastError == nil)
        #expect(health.lastSuccess == "2026-04-20T12:00:00Z")
        #expect(health.version == "v1" && health.versionObservedAt == "2026-04-20T12:00:00Z")
    }

    @Test func aSuccessStillNamesWhatIsHeldAndSinceWhen() {
        var standing = PeerStanding()
        standing.held = 1
        standing.problem = ReplayProblem(reason: .unknownAction, eventID: "01X", subject: "20260407-c")
        let first = PeerHealthChange(at: at, result: .succeeded).applied(to: PeerHealth(), standing: standing)
        let later = PeerHealthChange(at: at.advanced(by: .seconds(60)), result: .succeeded)
            .applied(to: first, standing: standing)
        #expect(later.held == 1)
        let said = PeerHealth.LastError(
            reason: .unknownAction, eventID: "01X", subject: "20260407-c", observedAt: at)
        #expect(later.lastError == said)
        #expect(later.lastSuccess == "2026-04-20T12:01:00Z")
    }

    @Test func aPageUnderWayDoesNotHideAFailure() {
        var health = PeerHealth()
        health.consecutiveFailures = 2
        health.lastError = PeerHealth.LastError(reason: .networkReset, observedAt: at)
        let after = PeerHealthChange(at: at, result: .underWay).applied(to: health, standing: PeerStanding())
        #expect(after == health)
    }

    @Test func aVersionThatIsNoVersionIsAQuestionMark() {
        let change = PeerHealthChange(at: at, version: "\u{1B}[31mred", result: .succeeded)
        #expect(change.applied(to: PeerHealth(), standing: PeerStanding()).version == "?")
    }
}
