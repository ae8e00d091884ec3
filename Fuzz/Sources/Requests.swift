import FederationCore
import FederationCrypto
import FederationHTTP
import FederationTestKit

@testable import Federation

/// A request past the server: its target and fields, who may ask, what proves who asks, and every route of every wire.
enum HTTPRequestParts: Fuzzer {
    static let name = "http-request"

    static func take(_ bytes: [UInt8]) { _ = ServingNode.shared.answer(ServedText(bytes).request) }

    static var seeds: [Seed] { get throws { try RequestSeeds.all } }
}

/// What a client of ours as a Noema node may say: one message of MCP.
enum MCPRequest: Fuzzer {
    static let name = "mcp-request"

    static func take(_ bytes: [UInt8]) {
        let fields: HTTPFields = ["Host": "localhost", "Content-Type": "application/json"]
        let request = ServedRequest(method: "POST", path: "/mcp", fields: fields, body: bytes)
        _ = ServingNode.shared.answer(request)
    }

    static var seeds: [Seed] {
        get throws {
            let node = try LoopedNode(NoemaWire(), holding: WireContract.sample(3))
            let run = try node.poll(after: nil, pinned: .noema)
            let announce = #"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"announce_peer","#
                + #""arguments":{"name":"beta","endpoint":"http://127.0.0.1:4002"}}}"#
            return run.requests.enumerated().map { Seed("request-\($0)", $1.body) } + [
                Seed("announce", announce), Seed("list", #"{"jsonrpc":"2.0","id":0,"method":"tools/list"}"#),
                Seed("status", announce.replacing("announce_peer", with: "federation_status")),
                Seed("result", #"{"jsonrpc":"2.0","id":1,"result":{}}"#), Seed("batch", "[]"),
            ]
        }
    }
}

/// A page that a leaf pushes, from its decoding to the log: the fields say its coding, a signature is good.
enum NativePushBody: Fuzzer {
    static let name = "native-push"

    static func take(_ bytes: [UInt8]) {
        let isCoded = bytes.first == UInt8(ascii: "z")
        let attestations = Int(bytes.dropFirst().first ?? 0) & 3
        var fields: HTTPFields = [
            "Host": "localhost", "Content-Type": NativeRoutes.pageType, NativeField.node: Sample.node(9).description,
            NativeField.from: "start", NativeField.position: "epoch-9.3.x", NativeField.signature: "good",
            NativeField.publicKey: ServingNode.shared.pair.publicKey.description,
        ]
        if isCoded { fields["Content-Encoding"] = "zstd" }
        if attestations > 0 { fields[NativeField.attestations] = String(attestations) }
        let request = ServedRequest(
            method: "POST", path: NativeRoutes.eventsPath, fields: fields, body: Array(bytes.dropFirst(2)))
        let response = ServingNode.shared.answer(request)
        require([200, 400, 413, 503].contains(response.status), "a signed page is answered \(response.status)")
    }

    static var seeds: [Seed] {
        get throws {
            let page = ndjson(WireContract.sample(4))
            let own = Sample.event(Sample.id(9), origin: 2, clock: [2: 1]).json + [0x0A]
            guard let frame = Zstd.compress(page) else { return [] }
            let attestation = try JSONStatements.seeds[0].bytes.dropFirst() + [0x0A]
            return [
                Seed("plain", Array("p0".utf8) + page), Seed("coded", Array("z0".utf8) + frame),
                Seed("own", Array("p0".utf8) + own), Seed("attested", Array("p1".utf8) + page + attestation),
                Seed("bad-line", Array("p0{}\n".utf8) + page),
            ]
        }
    }
}

/// Events as the lines of a page.
func ndjson(_ events: [Event]) -> [UInt8] { events.reduce(into: []) { $0 += $1.json + [0x0A] } }

/// Requests that reach far, for the parts and for the socket.
enum RequestSeeds {
    static var all: [Seed] {
        get throws {
            var seeds: [Seed] = []
            func add(_ name: String, _ head: String, _ fields: [String] = [], body: [UInt8] = []) {
                var lines = ["\(head) HTTP/1.1", "Host: 127.0.0.1:4001"] + fields
                if !body.isEmpty { lines.append("Content-Length: \(body.count)") }
                seeds.append(Seed(name, Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body))
            }
            let node = "Federation-Node: \(Sample.node(9))"
            add("identity", "GET /federation/v1/identity", [node, "Accept-Encoding: zstd"])
            add("events", "GET /federation/v1/events?after=epoch-2.1.\(Sample.id(0))&limit=2&wait=1&attested=0", [node])
            add("numbers", "GET /federation/v1/events?origin=\(Sample.node(1))&from=1&through=3", [node])
            add("ids", "GET /federation/v1/events?ids=\(Sample.id(0)),\(Sample.id(1))&x=%C3%BC+%zz", [node])
            add("digest", "GET /federation/v1/digest?before=1767229200000", [node])
            add("mesh", "GET /federation/v1/mesh", [node])
            let proxied = ["Origin: http://localhost:4001", "X-Forwarded-For: 10.0.0.1, 1.2.3.4"]
            add("unknown", "PATCH /nothing%2F..//x", proxied)
            add("access", "GET /federation/v1/identity", ["Authorization: Bearer leaf", "X-Client: p", "Origin: null"])
            let octets = "Content-Type: application/octet-stream"
            let opening = try opening()
            add("reconcile", "POST /federation/v1/reconcile", [node, octets], body: opening)
            add(
                "reconcile-text", "POST /federation/v1/reconcile", ["Content-Type: text/plain"],
                body: Array(hexadecimal(opening).utf8))
            add("mesh-reconcile", "POST /federation/v1/mesh/reconcile?carry=records", [node, octets], body: opening)
            add("mesh-documents", "POST /federation/v1/mesh/documents?carry=records", [node], body: sha256([1]).bytes)
            let groups = NeededGroups([NeededItem(digest: try digest(), times: 0...UInt64.max)])
            add("by-digest", "POST /federation/v1/events", [node, "Content-Type: application/json"], body: groups.json)
            let page = ndjson(WireContract.sample(2))
            add(
                "push", "POST /federation/v1/events",
                [
                    node, "Content-Type: application/x-ndjson", "Federation-From: start", "Federation-Position: e.1.x",
                    "Federation-Signature: good", "Federation-Key: \(ServingNode.shared.pair.publicKey)",
                ], body: page)
            let call = #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":"#
                + #"{"name":"sync_events","arguments":{"limit":2}}}"#
            add("mcp", "POST /mcp", ["Content-Type: application/json"], body: Array(call.utf8))
            seeds.append(Seed("proof", try proof()))
            seeds.append(
                Seed(
                    "chunked",
                    "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                        + "Transfer-Encoding: chunked\r\n\r\n5;x=y\r\n{\"a\":\r\n2\r\n1}\r\n0\r\nX: y\r\n\r\n"))
            seeds.append(
                Seed(
                    "two",
                    "GET /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n"
                        + "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
            return seeds
        }
    }

    private static func opening() throws -> [UInt8] {
        guard case .round(let round) = try LogReconciliation.answer(.open, in: MemoryLog.holding(12)),
            let message = round.message
        else { return [] }
        return message
    }

    private static func digest() throws -> Digest { try WireContract.sample(1)[0].fingerprint(sha256).digest }

    private static func proof() throws -> [UInt8] {
        let node = ServingNode.shared
        let (seconds, target) = (MemoryLog.now.milliseconds / 1000, "/federation/v1/identity")
        let preimage = NodeProof.preimage(
            sender: Sample.node(9), receiver: node.hub.node.id, seconds: seconds, method: "GET", target: target,
            body: sha256([]))
        let proof = NodeProof(
            seconds: seconds, receiver: node.hub.node.id, signature: node.pair.sign(preimage).description)
        return Array(
            ("GET \(target) HTTP/1.1\r\nHost: localhost\r\nFederation-Node: \(Sample.node(9))\r\n"
                + "Federation-Proof: \(proof.text)\r\n\r\n").utf8)
    }
}
