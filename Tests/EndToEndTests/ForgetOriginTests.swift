import FederationCore
import Testing

/// `forget-origin`.
@Suite(.serialized) struct ForgetOriginTests {
    private static let gone = "01KNJX4991ASW6NNKS9BQHNCG1"

    /// A node that has met a peer which relays an event of one that is gone.
    private func met() async throws -> (TestNode, FakeNoema) {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        let peer = try FakeNoema(events: [
            FakeEvent.create(1), FakeEvent.create(2, clock: #"{"\#(ForgetOriginTests.gone)":7}"#, origin: ForgetOriginTests.gone),
        ])
        node.setPeer("fake", peer.endpoint)
        try await expectOK(node.run("sync"))
        try await node.put("# Own\n")
        return (node, peer)
    }

    private func clock(_ node: TestNode) async throws -> [String] {
        try await node.status()["vclock"]?.members?.map(\.key).sorted() ?? []
    }

    @Test(arguments: [false, true])
    func theEntryGoesAndNothingElse(withDaemon: Bool) async throws {
        let (node, peer) = try await met()
        let own = try await node.status().at("node", "id")?.string ?? ""
        #expect(try await clock(node) == [own, FakeNoema.id, ForgetOriginTests.gone].sorted())
        if withDaemon { try await node.start() }
        let (events, records) = (try await node.events(), try await node.records())
        let plan = try await node.facts("forget-origin", ForgetOriginTests.gone, "--dry-run")
        #expect(plan["counter"]?.integer == 7 && plan["log_events"]?.integer == 1 && plan["entries"]?.integer == 3)
        #expect(plan["dry_run"]?.bool == true && plan["forgotten"]?.bool == false && plan["limit"]?.integer == 256)
        let asked = try await node.run("forget-origin", ForgetOriginTests.gone, input: "y\n")
        #expect(asked.status == 1 && asked.err.contains("--yes"))
        #expect(asked.out.contains("7; if it writes again, it is counted anew"), "\(asked.out)")
        #expect(asked.out.contains("1 of it stay in the log") && asked.out.contains("2 of 256 entries"), "\(asked.out)")
        #expect(try await clock(node).count == 3)

        let done = try await node.run("forget-origin", ForgetOriginTests.gone, "--yes")
        #expect(done.status == 0 && done.out.hasSuffix("forgotten\n"), "\(done.out)\(done.err)")
        #expect(try await clock(node) == [own, FakeNoema.id].sorted())
        #expect(try await node.events() == events)
        #expect(try await node.records() == records)
        try await node.put("# Own too\n")
        let numbers = try await node.facts("events", "--since", "2")["events"]?.array?.compactMap { $0["number"]?.integer }
        #expect(numbers == [1, 2])
        withExtendedLifetime(peer) {}
        if withDaemon { #expect(try await node.stop() == .exited(0)) }
    }

    @Test func whoIsAPeerIsNamedAndWeOurselvesAreRefused() async throws {
        let (node, peer) = try await met()
        let plan = try await node.run("forget-origin", FakeNoema.id, "--dry-run")
        #expect(plan.out.contains("⚠ it is the peer 'fake'"), "\(plan.out)")
        #expect(try await node.facts("forget-origin", FakeNoema.id, "--dry-run").at("peers", "0")?.string == "fake")
        #expect(try await node.facts("forget-origin", "fake", "--dry-run")["origin"]?.string == FakeNoema.id)
        let unknown = try await node.run("forget-origin", "faek", "--dry-run")
        #expect(unknown.status == 1 && unknown.err.contains(FakeNoema.id), "\(unknown)")
        let unfrozen = try await node.run("trust-key", FakeNoema.id, "ed25519:A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=")
        #expect(unfrozen.status == 1 && unfrozen.err.contains("no origin is frozen"), "\(unfrozen)")
        func code(_ origin: String) async throws -> String? {
            let result = try await node.run("forget-origin", origin, "--yes", "--json")
            return result.status == 1 ? try result.json.at("error", "code")?.string : "status \(result.status)"
        }
        let own = try await node.status().at("node", "id")?.string ?? ""
        #expect(try await code(own) == "own_origin")
        #expect(try await code("01KNJX4991ASW6NNKS9BQHNCG9") == "unknown_origin")
        #expect(try await code("faek") == "unknown_origin")
        #expect(try await clock(node).count == 3)
        #expect(try await node.facts("forget-origin", "fake", "--yes")["forgotten"]?.bool == true)
        withExtendedLifetime(peer) {}
    }
}
