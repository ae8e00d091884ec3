import FederationCore
import FederationTestKit
import Testing

@Suite struct PeerRemainsTests {
    private func log() throws -> MemoryStorage {
        var log = MemoryStorage()
        for name in ["beta", "beta2", "gamma"] {
            for what in StateKey.OfPeer.allCases { try log.setState(StateKey.peer(name, what), "x") }
            try log.setState(StateKey.peer(name, .identity), (name == "beta" ? PollBench.peerID : PollBench.otherID).description)
            try log.setWireValue("auto", peer: name, key: "k", [1])
            try log.setWireValue("noema", peer: name, key: "k", [1])
        }
        try log.setState(StateKey.publicKey(of: PollBench.peerID), "key")
        try log.setState(StateKey.publicKey(of: PollBench.otherID), "other key")
        var clock = VectorClock()
        clock[PollBench.peerID] = 7
        try log.setState(StateKey.clock, clock.stored)
        return log
    }

    @Test func everythingUnderTheNameGoesAndNothingElse() throws {
        var log = try log()
        let remains = try PeerRemains(of: "beta", in: log)
        #expect(remains.pin == PollBench.peerID)
        #expect(remains.count == StateKey.OfPeer.allCases.count + 2 + 1)
        try remains.forget(in: &log)
        #expect(try PeerRemains(of: "beta", in: log).count == 0)
        #expect(log.state(StateKey.publicKey(of: PollBench.peerID)) == nil)
        #expect(VectorClock(stored: log.state(StateKey.clock) ?? "")[PollBench.peerID] == 7, "the clock stays")
        for name in ["beta2", "gamma"] {
            #expect(log.state(StateKey.peer(name, .health)) == "x")
            #expect(log.wireValues("noema", peer: name).count == 1)
        }
    }

    @Test func aKeyThatAnotherEntryIsPinnedToStays() throws {
        var log = try log()
        try PeerRemains(of: "gamma", in: log).forget(in: &log)
        #expect(log.state(StateKey.publicKey(of: PollBench.otherID)) == "other key")
        try PeerRemains(of: "beta2", in: log).forget(in: &log)
        #expect(log.state(StateKey.publicKey(of: PollBench.otherID)) == nil)
    }

    @Test func ofAStrangerThereIsNothing() throws {
        #expect(try PeerRemains(of: "delta", in: try log()).count == 0)
    }
}
