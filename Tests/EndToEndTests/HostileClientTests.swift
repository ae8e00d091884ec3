import Dispatch
import FederationCore
import FederationTestKit
import Glibc
import HostileKit
import Testing

/// Every attack of `hostile-client` on nodes that go on serving an honest peer.
@Suite(.serialized) struct HostileClientTests {
    @Test func eachAttackHasANameASentenceAndASign() {
        let attacks = ClientAttack.all
        #expect(attacks.count >= 40)
        #expect(Set(attacks.map(\.name)).count == attacks.count)
        for attack in attacks {
            #expect(!attack.sights.isEmpty && !attack.causes.isEmpty && attack.summary.hasSuffix("."), "\(attack.name)")
        }
        let told = Set(attacks.flatMap(\.causes))
        #expect(Set(RefusedRequests.Cause.allCases).subtracting(told) == [.certificate, .contradiction], "each counter has an attack")
    }

    /// A node with a key, and a TLS listener beside its plain one.
    private func keyed(in scratch: ScratchDirectory) async throws -> (node: TestNode, tls: UInt16) {
        let node = try await TestNode("kappa", in: scratch)
        let port = TestPort.free()
        let issued = TestAuthority().issue()
        for (name, bytes) in [
            ("ring.key", Array("a-key-that-nobody-guesses\n".utf8)), ("server.pem", issued.certificate), ("server.key", issued.key),
        ] {
            TestFile.write(bytes, to: node.directory + "/" + name)
            chmod(node.directory + "/" + name, 0o600)
        }
        node.set("access", "{shared_key_file: ring.key}")
        node.set("tls", "{listen: '127.0.0.1:\(port)', certificate: server.pem, key: server.key}")
        try await node.start()
        return (node, port)
    }

    @Test func whateverClientsDoTheNodeShowsItAndServesTheHonestOne() async throws {
        let pair = try await Ring("alpha", "beta")
        let (alpha, beta) = (pair["alpha"], pair["beta"])
        try await pair.start()
        let kappa = try await keyed(in: pair.scratch)
        // Enough for a page that no socket's buffer holds.
        try await alpha.put("# Long\n\n" + String(repeating: "text ", count: 600_000))
        try await pair.agreement(events: 1)
        let peer = ULID(try #require(try await beta.facts("identity", "show")["id"]?.string))

        // Those that last as long as the deadlines go on beside the others, as the program that a person runs.
        let slow = ClientAttack.all.filter { $0.isSlow && $0.door == .open }
        let output = pair.scratch.file("hostile-client.out")
        let program = try ChildProcess(
            HostilePeerTests.program("hostile-client"), ["--slow", alpha.endpoint, "--from", "127.2.0.1"], output: output, error: output)
        let handshakes = ClientAttack.all.filter { $0.isSlow && $0.door == .tls }
        async let waited = seen(handshakes, ClientScene(host: "127.0.0.1", port: kappa.tls, source: "127.2.0.2"))

        var loads = [NodeLoad(try #require(alpha.pid)), NodeLoad(try #require(kappa.node.pid))]
        var counted: [String: [RefusedRequests.Cause: Int64]] = [:]
        var slowest = Duration.zero
        var written = 1
        for (index, attack) in ClientAttack.all.enumerated() where !attack.isSlow {
            let (node, port) =
                switch attack.door {
                case .open: (alpha, alpha.port)
                case .keyed: (kappa.node, kappa.node.port)
                case .tls: (kappa.node, kappa.tls)
                }
            let before = counted[node.name] ?? [:]
            let scene = ClientScene(host: "127.0.0.1", port: port, source: "127.1.0.\(index + 1)", peer: peer)
            let sights = await seen([attack], scene)[0]
            #expect(attack.isAsExpected(sights), "\(attack.name): \(Set(sights))")
            counted[node.name] = try await eventually("\(attack.name) is counted") {
                let now = try await counts(node)
                return attack.causes.contains { now[$0] ?? 0 > before[$0] ?? 0 } ? now : nil
            }
            for index in loads.indices { try loads[index].look() }
            guard index % 8 == 0 else { continue }
            let note = try await alpha.put("# Note \(written)\n")
            written += 1
            let asked = ContinuousClock.now
            try await eventually("\(note) reaches beta") { (try await beta.run("show", note).status == 0).orNil }
            slowest = max(slowest, ContinuousClock.now - asked)
        }
        let ending = try await program.end()
        #expect(ending == .exited(0), "\(TestFile.text(output))")
        for (attack, sights) in zip(handshakes, await waited) { #expect(attack.isAsExpected(sights), "\(attack.name)") }
        #expect(try await alpha.status().at("refused_requests", "slow")?.integer ?? 0 >= Int64(slow.count))
        #expect(try await kappa.node.status().at("refused_requests", "slow")?.integer ?? 0 >= Int64(handshakes.count))
        print("hostile-client: \(ClientAttack.all.count) attacks; slowest honest event \(slowest); \(loads[0]); \(loads[1])")

        for node in pair.nodes { #expect(try await node.events().count == written) }
        #expect(try await alpha.events() == beta.events())
        #expect(try await beta.peerStatus("alpha")?["consecutive_failures"]?.integer == 0)
        #expect(try await alpha.run("quarantine", "list", "--json").json["entries"]?.array?.isEmpty == true)
        #expect(!alpha.log.utf8.contains(0x1B) && !kappa.node.log.utf8.contains(0x1B))
        for load in loads {
            #expect(load.memory < NodeLoad.memoryBound && load.descriptors < NodeLoad.listenerBound, "\(load)")
        }
        try await pair.stop()
        #expect(try await kappa.node.stop() == .exited(0))
    }

    private func counts(_ node: TestNode) async throws -> [RefusedRequests.Cause: Int64] {
        let refused = try await node.status()["refused_requests"]?.members ?? []
        return Dictionary(
            refused.compactMap { member in
                RefusedRequests.Cause(rawValue: member.key).map { ($0, member.value.integer ?? 0) }
            }, uniquingKeysWith: { first, _ in first })
    }

    /// What attacks saw, on a thread that may wait.
    private func seen(_ attacks: [ClientAttack], _ scene: ClientScene) async -> [[ClientAttack.Sight]] {
        await withCheckedContinuation { continuation in
            DispatchQueue(label: "hostile client").async {
                continuation.resume(returning: ClientAttack.run(attacks, scene).map(\.seen))
            }
        }
    }
}
