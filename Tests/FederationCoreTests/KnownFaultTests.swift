import FederationCore
import FederationTestKit
import Testing

/// What is known of why a peer is not in step, without asking it.
@Suite struct KnownFaultTests {
    private let place = TrialPlace(peer: "beta", endpoint: "http://192.0.2.1:4001", timeout: .seconds(10))

    private func node(_ mode: NodeMode) -> NodeIdentity {
        NodeIdentity(id: Sample.node(1), name: "alpha", version: "1", mode: mode, publicKey: nil)
    }

    private func failed(_ reason: Reason) -> PeerHealth {
        var health = PeerHealth()
        health.consecutiveFailures = 3
        health.lastError = PeerHealth.LastError(reason: reason, observedAt: Sample.epoch)
        return health
    }

    @Test func theFirstOfItIsTold() {
        let aside = TrialFault.aside(ReplayProblem(reason: .signature, eventID: "e", subject: "s"), code: "unsigned", held: 1, refused: 0)
        func known(
            own: TrialFault? = nil, comesToUs: Bool = false, mode: PeerMode = .sync, node: NodeMode = .sync, waits: Bool = true,
            _ health: PeerHealth? = nil
        ) -> KnownFault? {
            KnownFault(
                PolledPeer(name: "beta", mode: mode), of: self.node(node), own: own, comesToUs: comesToUs, waits: waits,
                health ?? failed(.networkDNS), aside: aside)
        }
        #expect(known(own: .stopped(isCopy: true), comesToUs: true, mode: .paused) == .shown(.stopped(isCopy: true)))
        #expect(known(comesToUs: true, mode: .paused) == .shown(.comesToUs))
        #expect(known(mode: .paused) == .shown(.paused))
        #expect(known(mode: .publish, node: .subscribe) == .shown(.nothingFlows(own: .subscribe, peer: .publish)))
        #expect(known() == .failed(.networkDNS))
        #expect(known(PeerHealth()) == .shown(.waits))
        #expect(known(waits: false, PeerHealth()) == .shown(aside))
        // After a success the reason is why something is held, and that is told by what is held.
        var well = failed(.signature)
        well.consecutiveFailures = 0
        #expect(known(waits: false, well) == .shown(aside))
        let none = KnownFault(
            PolledPeer(name: "beta"), of: node(.sync), own: nil, comesToUs: false, waits: false, PeerHealth(), aside: nil)
        #expect(none == nil)
    }

    @Test(arguments: Reason.allCases) func everyReasonIsMendedAndWhatItWasIsFoundOut(_ reason: Reason) {
        for isNamed in [false, true] {
            let mends = KnownFault.failed(reason).mends(place, isNamed: isNamed)
            #expect(mends.last == .command(["why", "beta"]) && Set(mends).count == mends.count)
            #expect(mends.count > 1 || reason == .other, "\(mends)")
            let forgets = mends.contains { if case .ifConfirmed(.command(let words)) = $0 { words[0] == "reset-peer" } else { false } }
            #expect(forgets == (reason == .identityMismatch && !isNamed))
            // Nobody is told to believe who has answered before its owner has said that it is right.
            if reason == .identityMismatch { #expect(mends.first == .commandThere(["identity", "show"])) }
        }
    }

    @Test func whatAPeerSaidOfItselfIsForgottenWithIt() throws {
        var log = MemoryStorage()
        let key = StateKey.peer("beta", .health)
        var health = failed(.auth)
        health.version = "0.1.0"
        try log.setState(key, String(decoding: health.json, as: UTF8.self))
        #expect(try PeerReset(of: "beta", in: log, wireNamespace: "auto").isEmpty, "nothing that the peer has said")
        let seen = health
        health.mode = .subscribe
        health.lag = PeerLag(.nothing, at: Sample.epoch)
        try log.setState(key, String(decoding: health.json, as: UTF8.self))
        let reset = try PeerReset(of: "beta", in: log, wireNamespace: "auto")
        #expect(!reset.isEmpty)
        try reset.write(to: &log)
        #expect(PeerHealth(json: Array((log.state(key) ?? "").utf8)) == seen)
        #expect(try PeerReset(of: "beta", in: log, wireNamespace: "auto").isEmpty)
    }
}
