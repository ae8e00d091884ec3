import FederationCore
import FederationCrypto
import FederationTestKit
import Testing

/// The numbered facts of the Noema specification, section 9. `docs/noema-facts.md` says which of them hold for this
/// project's engine, and why where they do not.
@Suite struct NoemaFactsSyncer {
    @Test(arguments: NoemaRules.allCases)
    func fact01AThirdEventThatFailsStopsTheCursorAtTheSecond(rules: NoemaRules) {
        var ring = StandInPair(rules)
        for number in 1...5 { ring.server.plant(event(number)) }
        // Nobody can apply a tag update of a trace that does not exist.
        ring.server.plant(event(3, action: "tag_update", data: #"{"tags":["x"]}"#))

        let step = ring.poll()

        #expect(step == .failed(.other))
        #expect(ring.puller.events.map(\.id) == [eventID(1), eventID(2)])
        #expect(ring.puller.cursor(of: "server") == eventID(2))
        #expect(ring.puller.state["peer:server:last_seen"]?.isEmpty == false)
        let error = ring.puller.lastError(of: "server")
        #expect(error?.eventID == (rules == .go ? "01EVENT0000000000000000003" : ""))
        #expect(error?.subject == (rules == .go ? "20260407-c" : ""))
    }

    @Test(arguments: NoemaRules.allCases)
    func fact02AGoodBatchIsReplayedInOrderAndMovesTheCursorToItsLast(rules: NoemaRules) {
        var ring = StandInPair(rules)
        for number in 1...3 { ring.server.plant(event(number)) }

        #expect(ring.poll() == .done)

        #expect(ring.puller.events.map(\.id) == [eventID(1), eventID(2), eventID(3)])
        #expect(ring.puller.cursor(of: "server") == eventID(3))
        #expect(ring.puller.health(of: "server").consecutiveFailures == 0)
    }

    @Test(arguments: NoemaRules.allCases)
    func fact03AFirstEventThatFailsLeavesNoCursor(rules: NoemaRules) {
        var ring = StandInPair(rules)
        ring.server.plant(event(1, action: "tag_update", data: #"{"tags":["x"]}"#))
        ring.server.plant(event(2))

        #expect(ring.poll() == .failed(.other))

        #expect(ring.puller.events.isEmpty)
        #expect(ring.puller.cursor(of: "server") == nil)
    }

    @Test(arguments: NoemaRules.allCases)
    func fact04APausedPeerGetsNoRowsOfState(rules: NoemaRules) {
        var settings = NoemaSettings(rules, name: "puller", id: StandInPair.pullerID)
        settings.peers = [.init("first"), .init("second", isPaused: true), .init("third")]
        var node = NoemaStandIn(settings)
        var server = NoemaStandIn(NoemaSettings(rules, name: "server", id: StandInPair.serverID, seed: 2))
        server.plant(event(1))

        for peer in ["first", "second", "third"] {
            node.poll(peer, now: noon) { .response(server.respond(to: $0, now: noon)) }
        }

        #expect(node.state["peer:first:last_event"] == eventID(1))
        #expect(node.state["peer:third:last_seen"] != nil)
        #expect(node.state.keys.filter { $0.hasPrefix("peer:second:") } == [])
    }

    @Test func fact05HealthComesBackAsItWasStored() {
        var health = PeerHealth()
        health.version = "v0.9.1"
        health.versionObservedAt = "2026-04-20T12:00:00Z"
        health.lastSuccess = "2026-04-20T11:59:00Z"
        health.consecutiveFailures = 3
        health.lastError = PeerHealth.LastError(
            reason: .invalidTraceID, eventID: "01KPGER0000000000000000000", subject: "20260418-abc",
            observedAt: WallTime(milliseconds: 1_776_686_430_000))

        #expect(PeerHealth(json: health.json) == health)
        #expect(PeerHealth(json: []) == PeerHealth())
        #expect(PeerHealth(json: Array("{broken".utf8)) == PeerHealth())
        #expect(
            String(decoding: health.json, as: UTF8.self)
                == #"{"version":"v0.9.1","version_observed_at":"2026-04-20T12:00:00Z","#
                + #""last_success":"2026-04-20T11:59:00Z","consecutive_failures":3,"last_error":{"#
                + #""reason":"invalid_trace_id","event_id":"01KPGER0000000000000000000","#
                + #""trace_id":"20260418-abc","observed_at":"2026-04-20T12:00:30Z"}}"#)
    }

    @Test(arguments: NoemaRules.allCases)
    func fact06TheFirstSigningKeyIsPinnedAndAnotherIsRefused(rules: NoemaRules) {
        var ring = StandInPair(rules, serverSeed: seed(1))
        let pin = "cortexkey:" + StandInPair.serverID.description
        let first = ring.server.publicKey

        #expect(ring.poll() == .done)
        #expect(ring.puller.state[pin] == first)
        #expect(ring.poll() == .done)

        ring.restartServer(signingSeed: seed(2))
        // Go has no class for it; Rust takes it for another identity.
        #expect(ring.poll() == .failed(rules == .go ? .other : .identityMismatch))
        #expect(ring.puller.state[pin] == first)

        ring.restartServer(signingSeed: nil)
        #expect(ring.poll() == .done)
        #expect(ring.puller.state[pin] == first)

        // Another cortex has a pin of its own.
        var other = StandInPair(rules, serverSeed: seed(2), serverID: ULID(high: 7, low: 7))
        other.puller = ring.puller
        #expect(other.poll("other") == .done)
        #expect(other.puller.state["cortexkey:" + ULID(high: 7, low: 7).description] == other.server.publicKey)
        #expect(other.puller.state[pin] == first)
    }

    @Test(arguments: NoemaRules.allCases)
    func fact07AHardPinOverridesWhatWasPinnedFirst(rules: NoemaRules) {
        let keys = (1...2).compactMap { try? SigningKey(seed: seed($0)).publicKey.description }
        let pin = "cortexkey:" + StandInPair.serverID.description

        var matching = StandInPair(rules, serverSeed: seed(1), hardPin: keys[0])
        #expect(matching.poll() == .done)
        #expect(matching.puller.state[pin] == keys[0])

        var mismatching = StandInPair(rules, serverSeed: seed(2), hardPin: keys[0])
        #expect(mismatching.poll() != .done)
        #expect(mismatching.puller.state[pin] == nil)

        var silent = StandInPair(rules, serverSeed: nil, hardPin: keys[0])
        #expect(silent.poll() != .done)

        // First pinned without a hard pin, then given one.
        var stale = StandInPair(rules, serverSeed: seed(1))
        #expect(stale.poll() == .done)
        stale.restartServer(signingSeed: seed(2))
        stale.restartPuller(hardPin: keys[1])
        #expect(stale.poll() == .done)
        #expect(stale.puller.state[pin] == keys[1])
    }
}
