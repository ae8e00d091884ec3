import FederationCore
import Testing

/// What a change of the configuration does to a peer's polling, and what it leaves alone.
@Suite struct PollReconfiguredTests {
    private func waiting() -> PollBench {
        var bench = PollBench(PollBench.hello())
        _ = bench.poll(response: .failure(.refused))
        #expect(bench.machine.status.state == .waiting)
        return bench
    }

    private func renamed(_ mode: NodeMode = .sync) -> NodeIdentity {
        NodeIdentity(id: PollBench.ourID, name: "omega", version: "0.1.0", mode: mode, publicKey: nil)
    }

    @Test func aPeerThatIsAsItWasIsNotDisturbed() {
        var bench = waiting()
        let (wake, attempt) = (bench.machine.wakeAt, bench.machine.status.attempt)
        #expect(attempt == 1)
        _ = bench.send(.reconfigured(PolledPeer(name: "beta"), renamed()))
        _ = bench.send(.reconfigured(PolledPeer(name: "beta"), renamed(.publish)))
        #expect(bench.machine.wakeAt == wake && bench.machine.status.attempt == attempt)

        var polling = PollBench(PollBench.hello())
        let begun = polling.due()
        _ = polling.send(.reconfigured(PolledPeer(name: "beta"), renamed()))
        _ = polling.run(begun)
        #expect(polling.machine.wakeAt! > polling.now, "no poll follows at once")
    }

    @Test func anotherIntervalLeavesTheBackOffAndMovesTheNextPollOnlyNearer() {
        var peer = PolledPeer(name: "beta", interval: .seconds(5))
        var bench = waiting()
        let wake = bench.machine.wakeAt
        _ = bench.send(.reconfigured(peer, PollBench.node))
        #expect(bench.machine.wakeAt == wake && bench.machine.status.attempt == 1)

        var idle = PollBench(PollBench.hello())
        _ = idle.poll()
        let next = idle.machine.wakeAt!
        _ = idle.send(.reconfigured(peer, PollBench.node))
        #expect(idle.machine.wakeAt == idle.now.advanced(by: .seconds(5)))
        peer.interval = .seconds(3600)
        _ = idle.send(.reconfigured(peer, PollBench.node))
        #expect(idle.machine.wakeAt! < next)
    }

    @Test func anotherIdentityEndsTheBackOff() {
        var bench = waiting()
        var peer = PolledPeer(name: "beta")
        peer.expectedID = PollBench.otherID
        _ = bench.send(.reconfigured(peer, PollBench.node))
        #expect(bench.machine.wakeAt == bench.now && bench.machine.status.attempt == 0)
    }

    /// The key that it was shown may be what it did not accept.
    @Test func anotherChannelEndsTheBackOff() {
        var bench = waiting()
        var peer = PolledPeer(name: "beta")
        peer.channel = Digest(1, 2, 3, 4)
        _ = bench.send(.reconfigured(peer, PollBench.node))
        #expect(bench.machine.wakeAt == bench.now && bench.machine.status.attempt == 0)
        _ = bench.poll(response: .failure(.refused))
        let wake = bench.machine.wakeAt
        _ = bench.send(.reconfigured(peer, PollBench.node))
        #expect(bench.machine.wakeAt == wake, "the same one disturbs nothing")
    }

    /// The poll under way shows the old one still: what it fails of is no reason to wait.
    @Test(arguments: [TransportFailure.refused, .timeout])
    func anotherChannelIsTriedAtOnceWhereAPollIsUnderWay(failure: TransportFailure) throws {
        var bench = waiting()
        let question = bench.due().lazy.compactMap { if case .load(let id, _) = $0 { id } else { nil } }.first
        let sent = bench.send(.answered(try #require(question), .memory(bench.memory)))
        let request = sent.lazy.compactMap { if case .send(let id, _, _) = $0 { id } else { nil } }.first
        var peer = PolledPeer(name: "beta")
        peer.channel = Digest(1, 2, 3, 4)
        _ = bench.send(.reconfigured(peer, PollBench.node))
        #expect(bench.machine.status.attempt == 0)
        _ = bench.run(bench.send(.answered(try #require(request), .transport(failure))))
        #expect(bench.machine.wakeAt == bench.now && bench.machine.status.attempt == 1)
        _ = bench.poll(response: .failure(failure))
        #expect(bench.machine.wakeAt! > bench.now && bench.machine.status.attempt == 2, "that one was shown the new one")
    }

    @Test func anotherIntervalWhileAPollIsUnderWayEndsNoBackOff() {
        var bench = waiting()
        let begun = bench.due()
        _ = bench.send(.reconfigured(PolledPeer(name: "beta", interval: .seconds(5)), PollBench.node))
        _ = bench.run(begun, response: .failure(.refused))
        #expect(bench.machine.wakeAt! > bench.now && bench.machine.status.attempt == 2)
    }

    @Test func aNodeThatBeginsToFetchPollsNow() {
        var bench = PollBench(PollBench.hello())
        _ = bench.send(.reconfigured(PolledPeer(name: "beta"), renamed(.publish)))
        _ = bench.poll()
        #expect(bench.machine.wakeAt! > bench.now)
        _ = bench.send(.reconfigured(PolledPeer(name: "beta"), renamed(.sync)))
        #expect(bench.machine.wakeAt == bench.now)
    }
}
