import Federation
import Testing

/// The values that the library speaks of, each name of docs/library.md, as a host uses them.
@Suite struct ValueTests {
    private let a = ULID("01KNJX4991ASW6NNKS9BQHNCG1")
    private let b = ULID("01KNJX4991ASW6NNKS9BQHNCG2")

    @Test func clocksAreComparedAndMerged() throws {
        let (a, b) = (try #require(a), try #require(b))
        var one = VectorClock([a: 1])
        let other = VectorClock([b: 2])
        #expect(one.compare(other) == .concurrent && one.compare(one) == .equal)
        #expect(VectorClock().compare(one) == .before && one.compare(VectorClock()) == .after)
        let copy = one
        one.merge(other)
        #expect(one == VectorClock([a: 1, b: 2]) && copy[b] == 0)
        one[a] += 1
        #expect(one[a] == 2 && copy.compare(one) == .before && one.count == 2)
        #expect(one.sorted.map(\.origin) == [a, b])
        var small = copy
        #expect(!small.mergeCapped(other, limit: 1) && small == copy)
        #expect(small.mergeCapped(other) && small == VectorClock([a: 1, b: 2]))
        #expect(Limits.nodeClockEntries == 256)
    }

    @Test func reasonsHaveTheirTwoFamilies() {
        #expect(Reason.allCases.count == 16)
        #expect(Reason.allCases.count(where: \.isNetwork) == 6)
        #expect(Reason.allCases.filter(\.isSchemaWidening) == [.invalidTraceID, .unknownAction, .unknownType])
        #expect(Reason(stored: "auth") == .auth && Reason(stored: "of a later version") == .other)
        let network: [(TransportFailure, Reason)] = [
            (.refused, .networkRefused), (.timeout, .networkTimeout), (.nameResolution, .networkDNS), (.tls, .networkTLS),
            (.reset, .networkReset), (.endOfFile, .networkEOF), (.cancelled, .other),
        ]
        for (failure, reason) in network { #expect(failure.reason == reason) }
        #expect(HoldReason.unknownAction.reason.isSchemaWidening && HoldReason.replayer(.auth).reason == .auth)
    }

    @Test func stateKeysAreThoseOfNoema() {
        #expect(StateKey.clock == "vclock")
        #expect(StateKey.peer("beta", .lastEvent) == "peer:beta:last_event")
        #expect(StateKey.peer("beta", .lastSeen) == "peer:beta:last_seen")
        #expect(StateKey.peer("beta", .identity) == "peer:beta:cortex_id")
        #expect(StateKey.peer("beta", .health) == "peer:beta:health")
    }

    @Test func aConfigurationHasItsEffectiveIntervals() async throws {
        #expect(Config(name: "alpha").interval == .seconds(30))
        let place = try await Place("alpha", peers: ["beta": "http://127.0.0.1:1"])
        let config = try Config.load(place.config)
        let beta = try #require(config.peers.first)
        #expect(config.name == "alpha" && config.interval == .seconds(3600) && config.mode == .sync)
        #expect(beta.name == "beta" && beta.endpoint?.url == "http://127.0.0.1:1" && beta.mode == PeerMode.sync)
        #expect(config.interval(for: beta) == .seconds(3600) && beta.wire == .auto && beta.id == nil)
        let failure = #expect(throws: CommandFailure.self) { try Config.load(place.config + ".none") }
        #expect(failure?.code == .configProblems && failure?.list.count == 1)
    }

    @Test func aDivergenceIsSeenAndResolvedByAHost() async throws {
        let beta = try await Place.running("beta")
        let theirs = beta.node
        let alpha = try await Place("alpha", peers: ["beta": "http://127.0.0.1:\(beta.port)"])
        var ours = try await EmbeddedNode(configPath: alpha.config)
        try await ours.start()
        var content = Snapshot()
        content.title = "Tea"
        content.type = TraceType.note.rawValue
        let subject = try await theirs.create(content).subject
        // The first poll is made by itself, before or after this one.
        #expect(await ours.syncNow().first?.error == nil)
        await ours.stop()
        // Neither knows of the other's edit: ours is opened, and does not poll.
        ours = try await EmbeddedNode(configPath: alpha.config)
        _ = try await theirs.edit(subject) { $0.body = "green" }
        _ = try await ours.edit(subject) { $0.body = "black" }
        try await ours.start()
        #expect(await ours.syncNow().first?.wire == .native)
        let heads = try #require(try await ours.log.record(subject)).heads
        #expect(heads.count == 2)
        await #expect(throws: WriteFailure.refused(.diverged(heads: heads))) { try await ours.edit(subject) { _ in } }
        _ = try await ours.write(.resolve(subject: subject, .custom(body: "green and black")))
        #expect(try await ours.log.record(subject)?.isDiverged == false)
        #expect(try await ours.log.content(of: subject)?.body == "green and black")
        _ = try await ours.write(.change(subject: subject, .archive))
        #expect(try await ours.log.record(subject)?.lifecycle == .archived)
        await ours.stop()
        await beta.node.stop()
    }
}
