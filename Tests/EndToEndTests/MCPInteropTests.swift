import FederationCore
import Glibc
import HostileKit
import Testing

/// The Python environment with the official MCP SDK, which `.ci/interop-packages` makes (`make test` runs it).
enum InteropPython {
    private static let root = String(#filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined())
    static let interpreter = root + "/.build/interop/bin/python"
    static var isThere: Bool { TestFile.exists(interpreter) }

    static func script(_ name: String) -> String { "\(root)/Tests/Interop/\(name)" }
}

@Suite(.serialized, .enabled(if: InteropPython.isThere, "run .ci/interop-packages: .build/interop is missing"))
struct MCPInteropTests {
    @Test func theSDKsClientIsAnsweredWhateverItAsks() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        try await node.start()
        var ids: [String] = []
        for number in 1...3 { ids.append(try await node.put("# Note \(number)\n\n«Grüße» & <tags>\n")) }

        let output = node.scratch.file("client")
        let client = try ChildProcess(
            InteropPython.interpreter, [InteropPython.script("mcp_client.py"), node.endpoint], output: output,
            error: output + ".err")
        #expect(try await client.end() == .exited(0), "\(TestFile.text(output + ".err"))")
        let facts = try JSON(TestFile.bytes(output))

        let version = try #require(try await node.status().at("node", "version")?.string)
        #expect(facts["protocol"]?.string == "2025-11-25")
        #expect(facts["server"]?.string == "federation")
        #expect(facts["server_version"]?.string == version)
        #expect(facts["session"]?.isNull == true, "the server keeps no sessions")
        let tools = facts["tools"]?.members ?? []
        #expect(
            tools.map(\.key).sorted() == [
                "announce_peer", "cortex_identity", "federation_status", "sync_events", "sync_read_signal",
            ])
        #expect(tools.allSatisfy { $0.value["type"]?.string == "object" })
        #expect(facts.at("tools", "announce_peer", "required")?.array?.compactMap(\.string) == ["name", "endpoint"])

        func inner(_ key: String) throws -> JSON { try JSON(Array((facts[key]?.string ?? "").utf8)) }
        let own = try await node.facts("identity", "show")
        #expect(try inner("cortex_identity")["id"]?.string == own["id"]?.string)
        #expect(try inner("cortex_identity")["pubkey"]?.string == own["public_key"]?.string)
        let served = try (inner("sync_events").array ?? []) + (inner("rest").array ?? [])
        #expect(served.compactMap { $0["trace_id"]?.string } == ids)
        let local = try await node.facts("events")["events"]?.array ?? []
        #expect(served.map { $0["data"].map { Array($0.raw) } } == local.map { $0["data"].map { Array($0.raw) } })
        #expect(facts["sync_read_signal"]?.string == "[]")
        #expect(facts["federation_status"]?.string?.contains("alpha") == true)
        #expect(facts["announce_peer"]?.string?.contains("nothing was changed there") == true)
        #expect(facts.at("bad_cursor", "is_error")?.bool == true)
        #expect(facts.at("bad_limit", "code")?.integer == -32602)
        #expect(facts.at("unknown_tool", "code")?.integer == -32602)
        #expect(facts.at("missing_argument", "code")?.integer == -32602)
        #expect(try await node.facts("peers")["peers"]?.array?.count == 0)
        #expect(try await node.stop() == .exited(0))
    }

    @Test(arguments: [["--json", "--stateless"], ["--json"], ["--stateless"], []])
    func theSDKsServerIsPolled(options: [String]) async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        let log = node.scratch.file("events")
        // As no writer of ours would put it: spaces, an escape that none needs, members in another order.
        let data = #"{ "body" : "caf\u00e9 <b>", "title":"T", "type":"note","extra":[1.0, 1e2] }"#
        TestFile.write(FakeEvent.event(1, action: "create", data: data) + "\n", to: log)
        let port = TestPort.free()
        let server = try ChildProcess(
            InteropPython.interpreter, [InteropPython.script("mcp_server.py"), String(port), log] + options,
            output: log + ".out", error: log + ".err")
        try await eventually("the server listens; \(TestFile.text(log + ".err"))") {
            try? RawSocket(connectingTo: port)
        }
        node.setPeer("python", "http://127.0.0.1:\(port)", "wire: noema")
        try await node.start()

        func event(_ number: Int) async throws -> JSON {
            try await eventually("event \(number) arrives; log:\n\(node.log)\n\(TestFile.text(log + ".err"))") {
                try await node.facts("events")["events"]?.array?.first { $0["id"]?.string == FakeEvent.id(number) }
            }
        }
        #expect(String(decoding: try await event(1)["data"]?.raw ?? [], as: UTF8.self) == data)
        TestFile.write(TestFile.text(log) + FakeEvent.create(2) + "\n", to: log)
        #expect(try await event(2)["trace_id"]?.string == "20260406-hello-2")
        let peer = try #require(try await node.peerStatus("python"))
        #expect(peer["wire"]?.string == "noema")
        #expect(peer["id"]?.string == FakeNoema.id)
        #expect(peer["consecutive_failures"]?.integer == 0)
        #expect(peer["version"]?.string?.isEmpty == false)
        #expect(try await node.run("status", "--check").status == 0)
        #expect(try await node.stop() == .exited(0))
        server.signal(SIGKILL)
    }
}
