import FederationCore
import Glibc
import Testing

/// Chains of real nodes: what one attests proves its events at another, directly and through a third.
@Suite(.serialized) struct ChainRingTests {
    @Test func aLogIsProvedByItsOriginsChainAlsoThroughARelay() async throws {
        let scratch = ScratchDirectory()
        var nodes: [TestNode] = []
        for name in ["alpha", "beta", "gamma"] {
            let node = try await TestNode(name, in: scratch)
            node.set("verify", "enforce")
            nodes.append(node)
        }
        let (alpha, beta, gamma) = (nodes[0], nodes[1], nodes[2])
        // Two hundred events in one command.
        let tree = scratch.file("notes")
        mkdir(tree, 0o755)
        for number in 0..<200 { TestFile.write("# Note \(number)\n\nText \(number).\n", to: "\(tree)/note-\(number).md") }
        #expect(try await alpha.run("import", tree).status == 0)
        let own = try await alpha.status()["chains"]?.array?.first
        #expect(own?["through"]?.integer ?? 0 >= 192)

        beta.setPeer("alpha", alpha.endpoint)
        gamma.setPeers([("beta", ["endpoint: \(beta.endpoint)"])])
        for node in nodes { try await node.start() }
        func kinds(_ node: TestNode) async throws -> [String: Int] {
            let events = try await node.facts("events", "--limit", "1000")["events"]?.array ?? []
            return events.reduce(into: [:]) { $0[$1["verified"]?.string ?? "", default: 0] += 1 }
        }
        try await eventually("beta has it, by alpha's chain; log:\n\(beta.log)") {
            let kinds = try await kinds(beta)
            return (kinds["chain"] ?? 0 >= 192 && kinds.values.reduce(0, +) == 200).orNil
        }
        try await eventually("gamma has it through beta; log:\n\(gamma.log)") {
            (try await kinds(gamma)["provisional_key"] == 200).orNil
        }
        let through = try await gamma.status()["chains"]?.array?.first
        #expect(through?["origin"]?.string == own?["origin"]?.string)
        #expect(through?["through"]?.integer ?? 0 >= 192)
        for node in nodes {
            #expect(try await node.run("status", "--check").status == 0)
            #expect(try await node.status()["equivocations"]?.array?.isEmpty == true)
        }
        for node in nodes { #expect(try await node.stop() == .exited(0)) }
    }
}
