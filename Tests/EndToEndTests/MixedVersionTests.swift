import FederationCore
import Glibc
import Testing

/// Nodes of the released program and of this one in one ring.
@Suite(
    .enabled(if: Program.previous != nil, "the released program is not built: run .ci/previous-version in a full clone"))
struct MixedVersionTests {
    private static let names = ["alpha", "beta", "gamma", "delta"]

    /// Four nodes in a circle, by turns of the new and of the old program: whatever goes round is relayed by both.
    private func circle() async throws -> [TestNode] {
        let scratch = ScratchDirectory()
        var nodes: [TestNode] = []
        for (index, name) in MixedVersionTests.names.enumerated() {
            let program = index % 2 == 0 ? Program.path : try #require(Program.previous)
            nodes.append(try await TestNode(name, in: scratch, program: program))
        }
        for (index, node) in nodes.enumerated() {
            node.setPeers([1, 3].map { nodes[(index + $0) % 4] }.map { ($0.name, ["endpoint: \($0.endpoint)"]) })
        }
        return nodes
    }

    /// What both programs print of a record.
    private func records(of node: TestNode) async throws -> [String] {
        (try await node.facts("records", "--all")["records"]?.array ?? []).map { record in
            let heads = (record["heads"]?.array ?? []).compactMap(\.string).joined(separator: " ")
            return "\(record["id"]?.string ?? "") \(record["title"]?.string ?? "") "
                + "\(record["diverged"]?.bool ?? false) \(record["lifecycle"]?.string ?? "") \(heads)"
        }
    }

    private func agreement(_ nodes: [TestNode], events: Int) async throws -> [String] {
        var seen = ""
        return try await eventually("the nodes agree on \(events) events; last seen: \(seen)") {
            let logs = try await nodes.asyncMap { try await $0.events() }
            seen = logs.map { String($0.count) }.joined(separator: ", ")
            guard Set(logs).count == 1, logs[0].count == events else { return nil }
            let records = try await nodes.asyncMap { try await self.records(of: $0) }
            return Set(records).count == 1 ? records[0] : nil
        }
    }

    @Test func theReleasedProgramIsTheOneThatIsNamed() async throws {
        let program = try #require(Program.previous)
        let result = try await Program.run(["--version"], in: ScratchDirectory(), program: program)
        #expect(result.line == "federation \(Program.previousVersion)")
        #expect(try await Program.run(["--version"], in: ScratchDirectory()).line != result.line)
    }

    @Test func aMixedRingConvergesDivergesAndIsResolved() async throws {
        let nodes = try await circle()
        for node in nodes { try await node.start() }
        // More than one packet's worth of each, so that the new ones compress and the old ones do not.
        let long = String(repeating: "Text that is much alike. ", count: 200)
        for node in nodes { try await node.put("# From \(node.name)\n\n\(long)") }
        #expect(try await agreement(nodes, events: 4).count == 4)

        // At once on a new one and on an old one, and the other way round: each is settled by the other kind.
        let (alpha, beta) = (nodes[0], nodes[1])
        let one = try await alpha.put("# One\n")
        let two = try await beta.put("# Two\n")
        _ = try await agreement(nodes, events: 6)
        for node in [alpha, beta] { #expect(try await node.stop() == .exited(0)) }
        for node in [alpha, beta] {
            for id in [one, two] { try await node.put("# As \(node.name) has it\n", "--id", id) }
        }
        for node in [alpha, beta] { try await node.start() }
        let diverged = try await agreement(nodes, events: 10)
        #expect(diverged.count { $0.contains(" true ") } == 2)
        #expect(try await alpha.run("resolve", one, "--custom", "-", input: "# Both\n").status == 0)
        #expect(try await beta.run("resolve", two, "--custom", "-", input: "# Both\n").status == 0)
        let resolved = try await agreement(nodes, events: 12)
        #expect(resolved.count == 6 && !resolved.contains { $0.contains(" true ") }, "\(resolved)")

        for (index, node) in nodes.enumerated() {
            let peer = nodes[(index + 1) % 4].name
            let skew = try #require(try await node.peerStatus(peer)?["version_skew"]?.string, "\(node.name)")
            #expect(skew == (index % 2 == 0 ? "older" : "newer"), "\(node.name)")
            #expect(try await node.run("status").out.contains(index % 2 == 0 ? "older" : "newer"))
        }
        for node in nodes { #expect(try await node.stop() == .exited(0)) }
    }

    /// An old node is upgraded where it stands, and goes on in the ring.
    @Test func aNodeIsUpgradedInPlace() async throws {
        let scratch = ScratchDirectory()
        let old = try await TestNode("old", in: scratch, program: try #require(Program.previous))
        let peer = try await TestNode("peer", in: scratch)
        old.setPeer("peer", peer.endpoint)
        peer.setPeer("old", old.endpoint)
        for node in [old, peer] { try await node.start() }
        let id = try await old.put("# Before\n")
        _ = try await agreement([old, peer], events: 1)
        #expect(try await old.stop() == .exited(0))
        let upgraded = TestNode(taking: old)
        try await upgraded.start()
        try await upgraded.put("# After\n", "--id", id)
        try await peer.put("# Another\n")
        _ = try await agreement([upgraded, peer], events: 3)
        for node in [upgraded, peer] { #expect(try await node.stop() == .exited(0)) }
    }
}

extension TestNode {
    /// The same node run by this program.
    convenience init(taking other: TestNode) {
        self.init(name: other.name, scratch: other.scratch, port: other.port, program: Program.path)
    }
}
