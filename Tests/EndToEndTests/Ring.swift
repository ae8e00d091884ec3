import FederationCore
import Glibc
import Testing

/// Some nodes of one machine, each a peer of every other.
struct Ring: Sendable {
    let scratch = ScratchDirectory()
    let nodes: [TestNode]

    init(_ names: String..., interval: String = "100ms") async throws {
        var nodes: [TestNode] = []
        for name in names { nodes.append(try await TestNode(name, in: scratch, interval: interval)) }
        for node in nodes {
            node.setPeers(nodes.filter { $0 !== node }.map { ($0.name, ["endpoint: \($0.endpoint)"]) })
        }
        self.nodes = nodes
    }

    subscript(_ name: String) -> TestNode { nodes.first { $0.name == name }! }

    func start() async throws { for node in nodes { try await node.start() } }
    func stop() async throws { for node in nodes { #expect(try await node.stop() == .exited(0)) } }

    /// Waits until every node has the same log and shows the same records, and gives those.
    @discardableResult
    func agreement(events: Int? = nil, records: Int? = nil) async throws -> String {
        var seen = ""
        return try await eventually("the nodes agree; last seen: \(seen)") {
            let logs = try await nodes.asyncMap { try await $0.events() }
            let states = try await nodes.asyncMap { try await $0.records() }
            seen = logs.map { String($0.count) }.joined(separator: ", ") + " events"
            guard Set(logs).count == 1, Set(states).count == 1 else { return nil }
            if let events, logs[0].count < events { return nil }
            if let records, try JSON(Array(states[0].utf8))["records"]?.array?.count != records { return nil }
            return states[0]
        }
    }
}

extension Array {
    func asyncMap<Value>(_ transform: (Element) async throws -> Value) async rethrows -> [Value] {
        var values: [Value] = []
        for element in self { values.append(try await transform(element)) }
        return values
    }
}
