import FederationConfig
import FederationCore
import Testing

@Suite struct ConfigWarningTests {
    private func warnings(_ text: String) throws -> [String] {
        try decoded(text).warnings.map { $0.line(in: "federation.yaml") }
    }

    private func peer(_ keys: String) -> String { "peers:\n- {name: b, \(keys)}\n" }

    @Test func anOrdinaryRingGivesNone() throws {
        #expect(
            try warnings(
                "name: a\nlisten: 127.0.0.1:4001\n" + peer("endpoint: http://127.0.0.1:4002")
                    + "- {name: c, endpoint: http://127.0.0.1:4003, mode: paused}\n"
            ).isEmpty)
        #expect(try warnings("name: a\n" + peer("endpoint: http://b")).isEmpty)
    }

    @Test(arguments: ["127.0.0.1", "localhost"])
    func aPeerThatIsThisNodeIsNoticed(host: String) throws {
        #expect(
            try warnings("name: a\nlisten: 127.0.0.1:4001\n" + peer("endpoint: http://\(host):4001")) == [
                "federation.yaml:4:23: peers[0].endpoint: this is the address that this node itself listens on"
            ])
        #expect(try warnings("name: a\nlisten: 127.0.0.1:0\n" + peer("endpoint: http://\(host):4001")).isEmpty)
        #expect(try warnings("name: a\nlisten: 127.0.0.1:4001\n" + peer("endpoint: http://\(host):4002")).isEmpty)
    }

    @Test(arguments: [(NodeMode.publish, PeerMode.subscribe), (.subscribe, .publish)])
    func modesThatLetNothingThroughAreNoticed(own: NodeMode, mode: PeerMode) throws {
        let text = "name: a\nlisten: 127.0.0.1:1\nmode: \(own.rawValue)\n"
        let found = try decoded(text + peer("endpoint: http://b, mode: \(mode.rawValue)")).warnings
        #expect(found.map(\.fact) == [.nothingFlows(own: own, peer: mode)])
        #expect(found.first?.path == [.key("peers"), .index(0), .key("mode")])
    }

    @Test func servingWithoutListeningIsNoticed() throws {
        #expect(try decoded("name: a\nmode: publish\n").warnings.map(\.fact) == [.nothingListens])
        #expect(
            try decoded("name: a\n" + peer("endpoint: http://b, mode: publish")).warnings.map(\.fact) == [
                .nothingListens
            ])
    }

    @Test func whoComesNeedsSomebodyWhoListens() throws {
        let entry = "peers:\n- {name: b, id: 01KNJX4991ASW6NNKS9BQHNCGB}\n"
        #expect(
            try warnings("name: a\n" + entry) == [
                "federation.yaml:3:3: peers[0].endpoint: only bundles lead to this peer: without 'endpoint' it comes to us, but "
                    + "this node has no 'listen'"
            ])
        #expect(try warnings("name: a\nlisten: 127.0.0.1:4001\n" + entry).isEmpty)
    }

    @Test func aPeersVerifyThatRelaxesNothingIsNoticed() throws {
        let entry = peer("endpoint: http://b, verify: warn")
        #expect(
            try warnings("name: a\nverify: warn\n" + entry) == [
                "federation.yaml:4:41: peers[0].verify: this relaxes nothing: a peer's 'verify' counts only where it "
                    + "asks for less than the node's 'warn'"
            ])
        #expect(try warnings("name: a\nverify: enforce\n" + entry).isEmpty)
    }

    @Test func oneIdentityForTwoPeersIsNoticed() throws {
        let id = "01KNJX4991ASW6NNKS9BQHNCGB"
        let text =
            "name: a\npeers:\n- {name: b, endpoint: http://b, id: \(id)}\n- {name: c, endpoint: http://c, id: \(id)}\n"
        #expect(
            try warnings(text) == [
                "federation.yaml:4:37: peers[1].id: another peer has the same identity, first at 3:37"
            ])
    }
}
