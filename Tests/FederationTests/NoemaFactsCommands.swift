import FederationCore
import FederationTestKit
import Testing

/// Facts 39 and 40: `reset-peer`, and when two versions are worth a word.
@Suite struct NoemaFactsCommands {
    private let beta = StandInPair.serverID
    private let gamma = ULID(high: 3, low: 3)

    @Test func fact39ResetForgetsEverythingThatPinnedThePeer() throws {
        var log = try stored()
        let plan = try plan(["beta"], in: log)
        let reset = try #require(plan.resets.first)
        #expect(reset.pin == beta)
        #expect(reset.cursor?.description == eventID(1))
        #expect(reset.lastSeen == "2026-04-07T12:00:00Z")
        #expect(plan.droppedClockEntries == 1)
        #expect(!plan.isEmpty)

        try plan.write(to: &log)

        for what in [StateKey.OfPeer.identity, .lastEvent, .lastSeen, .position, .wire] {
            #expect(log.state(StateKey.peer("beta", what)) == nil, "\(what)")
        }
        #expect(log.state(StateKey.publicKey(of: beta)) == nil)
        #expect(log.state(StateKey.peer("beta", .health)) != nil)
        let clock = VectorClock(stored: log.state(StateKey.clock) ?? "")
        #expect(clock == VectorClock([gamma: 7, StandInPair.pullerID: 3]))
        // The other peer was not asked about.
        #expect(log.state(StateKey.peer("gamma", .identity)) == gamma.description)
        #expect(log.state(StateKey.publicKey(of: gamma)) != nil)
    }

    @Test func fact39ARotatedKeyGoesAlone() throws {
        var log = try stored()
        let before = log
        let plan = try plan(["beta"], .keyAlone, in: log)
        #expect(plan.droppedClockEntries == 0)
        try plan.write(to: &log)
        #expect(log.state(StateKey.publicKey(of: beta)) == nil)
        for what in StateKey.OfPeer.allCases {
            #expect(log.state(StateKey.peer("beta", what)) == before.state(StateKey.peer("beta", what)))
        }
        #expect(log.state(StateKey.clock) == before.state(StateKey.clock))
        // Without an identity pinned yet there is no key to forget.
        let never = try self.plan(["delta"], .keyAlone, in: log)
        #expect(never.isEmpty && never.resets.map(\.pin) == [nil])
    }

    @Test func fact39AnUnknownNameTouchesNothing() throws {
        let log = try stored()
        #expect(throws: PeerResetPlan.Failure.unknownPeers(["nobody"], known: ["beta", "gamma", "delta"])) {
            try plan(["beta", "nobody"], in: log)
        }
    }

    @Test func fact39APeerWithoutStateHasNothingToClear() throws {
        var log = try stored()
        let before = log.states(prefix: "").map { $0.key + $0.value }
        let plan = try plan(["delta"], in: log)
        #expect(plan.isEmpty)
        #expect(plan.droppedClockEntries == 0)
        try plan.write(to: &log)
        #expect(log.states(prefix: "").map { $0.key + $0.value } == before)
    }

    @Test func fact39APlanThatIsNotCarriedOutChangesNothing() throws {
        let log = try stored()
        let before = log.states(prefix: "").map { $0.key + $0.value }
        _ = try plan(["beta", "gamma"], in: log)
        #expect(log.states(prefix: "").map { $0.key + $0.value } == before)
    }

    @Test func fact39TwoPeersDropTwoBucketsAndOnlyTheirs() throws {
        var log = try stored()
        let plan = try plan(["beta", "gamma", "beta"], in: log)
        #expect(plan.resets.map(\.peer) == ["beta", "gamma"])
        #expect(plan.droppedClockEntries == 2)
        try plan.write(to: &log)
        #expect(VectorClock(stored: log.state(StateKey.clock) ?? "") == VectorClock([StandInPair.pullerID: 3]))
    }

    @Test(arguments: NoemaRules.allCases)
    func fact39AResetStandInMeetsItsPeerForTheFirstTime(rules: NoemaRules) throws {
        var ring = StandInPair(rules, serverSeed: seed(1))
        try ring.server.create(.init("Trace", body: "text"), now: noon)
        #expect(ring.poll() == .done)
        #expect(ring.puller.clock[beta.description] == 1)
        let count = ring.puller.events.count

        ring.puller.forget("server")

        #expect(ring.puller.state.keys.filter { $0 != "peer:server:health" } == [])
        #expect(ring.puller.clock.isEmpty)
        #expect(ring.poll() == .done)
        #expect(ring.puller.events.count == count)
        // Nothing is merged for an event that is there already, but its clock is.
        #expect(ring.puller.clock[beta.description] == 1)
    }

    @Test func fact40VersionsAreComparedByTheirReleases() {
        let same = [
            ("v0.9.2", "v0.9.2"), ("v0.9.2", "v0.9.2-10-gabc"), ("0.9.2", "v0.9.2"), ("dev", "v0.9.2"),
            ("1cc3be6-dirty", "v0.9.2"), ("", "v0.9.2"), ("v0.9.2", ""), ("v9", "v0.9.2"),
        ]
        for (peer, local) in same { #expect(VersionSkew(of: peer, from: local) == nil, "\(peer) \(local)") }
        #expect(VersionSkew(of: "v0.9.1", from: "v0.9.2") == .older)
        #expect(VersionSkew(of: "v0.10.0", from: "v0.9.2") == .newer)
    }

    private func plan(
        _ names: [String], _ scope: PeerResetPlan.Scope = .everything, in log: MemoryStorage
    ) throws(PeerResetPlan.Failure) -> PeerResetPlan {
        try PeerResetPlan(names, known: ["beta", "gamma", "delta"], scope: scope, in: log) { _ in "noema" }
    }

    /// Two peers with state, and one without.
    private func stored() throws -> MemoryStorage {
        var log = MemoryStorage()
        for (name, id) in [("beta", beta), ("gamma", gamma)] {
            try log.setState(StateKey.peer(name, .identity), id.description)
            try log.setState(StateKey.peer(name, .lastEvent), eventID(1))
            try log.setState(StateKey.peer(name, .lastSeen), noon.rfc3339)
            try log.setState(StateKey.peer(name, .position), "e.1.\(eventID(1))")
            try log.setState(StateKey.peer(name, .wire), WireName.native.rawValue)
            try log.setState(StateKey.peer(name, .health), #"{"consecutive_failures":1}"#)
            try log.setState(StateKey.publicKey(of: id), "ed25519:key")
            try log.setWireValue("noema", peer: name, key: "rescanned_at", Array(noon.rfc3339.utf8))
        }
        try log.setState(StateKey.clock, VectorClock([beta: 5, gamma: 7, StandInPair.pullerID: 3]).stored)
        return log
    }
}
