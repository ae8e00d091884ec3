import FederationCore
internal import FederationHTTP

/// Questions that are none, on each wire.
extension ClientAttack {
    private static func queries(
        _ name: String, _ summary: String, _ sights: Set<Sight>, _ cause: RefusedRequests.Cause, _ queries: String...
    ) -> ClientAttack {
        ClientAttack(name, summary, sights, cause) { scene in queries.map { scene.get("/federation/v1/events?\($0)") } }
    }

    private static let bad: Set<Sight> = [.status(400)]
    private static let id = "01KNJX4992ASW6NNKS9BQHNCGB"

    static let questions = [
        queries("position-of-junk", "Asks from positions that are none.", [.status(409)], .position, "after=junk", "after=%00",
            "after=01KNJX4991ASW6NNKS9BQHNCGE.99999999999999999999.\(id)", "after=a.-1.\(id)",
            "after=\(String(repeating: "p", count: 4000))", "after=%F0%9F%98%80"),
        queries("limits-of-junk", "Asks for a number of events that is none.", bad, .request, "limit=0", "limit=-1", "limit=many",
            "limit=99999999999999999999", "limit=1e9", "limit=%31%00"),
        queries("waits-of-junk", "Asks to wait for a time that is none.", bad, .request, "wait=-1", "wait=for-ever",
            "wait=99999999999999999999"),
        queries("marks-of-junk", "Asks for marks that are none.", bad, .request, "marks=-1", "marks=x", "marks=99999999999999999999"),
        queries("ids-of-junk", "Asks for events by ids that are none.", bad, .request, "id=x", "id=",
            (0...100).map { _ in "id=\(id)" }.joined(separator: "&")),
        queries("numbers-of-junk", "Asks for events by numbers that are none.", bad, .request, "origin=\(id)&from=0&to=9",
            "origin=\(id)&from=1&to=9223372036854775808", "origin=\(id)&from=9&to=1", "origin=\(id)"),
        ClientAttack("digest-of-no-time", "Asks for a digest before no time.", bad, .request) { scene in
            ["", "?before=-1", "?before=x", "?before=99999999999999999999999"].map { scene.get("/federation/v1/digest\($0)") }
        },
        ClientAttack("comparison-of-noise", "Sends noise as a comparison.", bad, .request) { scene in
            let noise = (0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 13) }
            return [[], [0x61, 0x80], noise, [0x61] + noise, [0x61, 0x00, 0x00, 0x02, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F]].map {
                scene.post("/federation/v1/reconcile", "application/octet-stream", $0)
            }
        },
        ClientAttack("comparison-too-long", "Sends a comparison of a megabyte.", [.status(413), .status(400)], .request) { scene in
            [scene.post("/federation/v1/reconcile", "application/octet-stream", [0x61] + [UInt8](repeating: 0, count: 1 << 20))]
        },
        ClientAttack("comparison-in-hexadecimal", "Sends a comparison in digits that are none.", bad, .request) { scene in
            ["6", "zz", "61 00", ""].map { scene.post("/federation/v1/reconcile", "text/plain", Array($0.utf8)) }
        },
        ClientAttack("unknown-digests", "Asks for 1,001 events that nobody has.", bad, .request) { scene in
            let digests = (0...1000).map { "\"" + String(repeating: "0", count: 60) + String(1000 + $0) + "\"" }.joined(separator: ",")
            let body = #"{"items":[{"from":0,"through":281474976710655,"digests":[\#(digests)]}]}"#
            return [scene.post("/federation/v1/events", "application/json", Array(body.utf8))]
        },
        ClientAttack("items-of-junk", "Asks for items that are none.", bad, .request) { scene in
            ["", "[]", "{", #"{"items":7}"#, #"{"items":[{"from":-1,"through":1,"digests":[]}]}"#, #"{"items":[{"from":9,"through":1,"digests":["0"]}]}"#].map {
                scene.post("/federation/v1/events", "application/json", Array($0.utf8))
            }
        },
    ]

    private static func call(
        _ name: String, _ summary: String, _ sights: Set<Sight>, _ cause: RefusedRequests.Cause, type: String = "application/json",
        _ bodies: String...
    ) -> ClientAttack {
        ClientAttack(name, summary, sights, cause) { scene in bodies.map { scene.post("/mcp", type, Array($0.utf8)) } }
    }

    private static func request(_ method: String, _ params: String = "{}", id: String = "1") -> String {
        #"{"jsonrpc":"2.0","id":\#(id),"method":"\#(method)","params":\#(params)}"#
    }

    static let calls = [
        call("batch-of-calls", "Sends ten thousand calls in one.", bad, .request,
            "[" + [String](repeating: request("ping"), count: 10_000).joined(separator: ",") + "]", "[]"),
        call("deep-call", "Sends a call that is nested 100,000 deep.", bad, .request,
            request("ping", String(repeating: "[", count: 100_000) + String(repeating: "]", count: 100_000))),
        call("calls-of-junk", "Sends what is no call.", bad, .request, "", "{", "null", "7", "\"ping\"", "\0", request("ping").dropLast() + "",
            #"{"jsonrpc":"1.0","id":1,"method":"ping"}"#, #"{"jsonrpc":"2.0","id":1,"method":7}"#, #"{"jsonrpc":"2.0","id":NaN,"method":"ping"}"#),
        call("ids-of-calls", "Calls under ids that are none.", bad, .request, request("ping", id: "null"), request("ping", id: "{}"),
            request("ping", id: "[1]"), request("ping", id: "\"" + String(repeating: "i", count: 5000) + "\"")),
        call("unknown-methods", "Calls methods that there are not.", [.status(200)], .call, request("resources/read"), request("shutdown"),
            request("\\u001b[2J"), request(String(repeating: "m", count: 100_000)), request("")),
        call("unknown-tools", "Calls tools that there are not.", [.status(200)], .call,
            request("tools/call", #"{"name":"create","arguments":{}}"#), request("tools/call", #"{"name":"../../bin/sh"}"#),
            request("tools/call", #"{"name":7}"#), request("tools/call", "[]"), request("tools/call", "null")),
        call("arguments-of-junk", "Calls a tool with arguments that are none.", [.status(200)], .call,
            request("tools/call", #"{"name":"sync_events","arguments":{"since":"junk"}}"#),
            request("tools/call", #"{"name":"sync_events","arguments":{"since":7}}"#),
            request("tools/call", #"{"name":"announce_peer","arguments":{"name":"x","endpoint":"file:///etc/passwd"}}"#),
            request("tools/call", #"{"name":"announce_peer","arguments":{"endpoint":"http://169.254.169.254/"}}"#)),
        call("call-of-a-form", "Calls as a web form can, without being asked.", [.status(415)], .request, type: "text/plain", request("ping")),
        call("call-of-four-megabytes", "Calls with a name of four megabytes.", [.status(200)], .call,
            request("tools/call", #"{"name":"\#(String(repeating: "t", count: 4 << 20))"}"#)),
    ]

    private static func push(
        _ name: String, _ summary: String, _ sights: Set<Sight>, _ cause: RefusedRequests.Cause = .push, fields: String = "",
        _ body: @escaping @Sendable (ClientScene) -> [UInt8]
    ) -> ClientAttack {
        ClientAttack(name, summary, sights, cause) { scene in
            let node = HostileNode("pusher")
            let own =
                "Federation-Node: \(node.id)\r\nFederation-Name: pusher\r\nFederation-Version: 1\r\nFederation-Mode: sync\r\n"
                + "Federation-Key: \(node.publicKey)\r\nFederation-From: start\r\nFederation-Position: a.1.\(node.id)\r\n"
                + "Federation-Signature: \(node.sign([]))\r\n"
            return [scene.post("/federation/v1/events", "application/x-ndjson", body(scene), own + fields)]
        }
    }

    static let pages = [
        push("page-nobody-wanted", "Brings a page to a node that wants none of it.", [.status(403)]) { _ in
            Array((HostileNode("pusher").line(1) + "\n").utf8)
        },
        push("bomb-nobody-wanted", "Brings a page of a few KiB that becomes 113 MiB.", [.status(403)], fields: "Content-Encoding: zstd\r\n") { _ in
            Zstd.compress([UInt8](repeating: 0x0A, count: 113 << 20)) ?? []
        },
        ClientAttack("page-in-anothers-name", "Brings a page in the name of a peer that is asked itself.", [.status(403)], .push) { scene in
            let liar = HostileNode("liar")
            return (0..<20).map { _ in
                scene.post("/federation/v1/events", "application/x-ndjson", Array((liar.line(1) + "\n").utf8),
                    "Federation-Node: \(scene.peer)\r\nFederation-Key: \(liar.publicKey)\r\nFederation-From: start\r\n"
                        + "Federation-Position: a.1.x\r\nFederation-Signature: \(liar.sign([]))\r\n")
            }
        },
        push("page-of-two-names", "Brings a page and says twice whose it is.", [.status(403)], fields: "Federation-Node: two\r\n") { _ in
            Array("{}\n".utf8)
        },
        ClientAttack("mesh-of-junk", "Asks a mesh that is none for documents that are none.", [.status(400), .status(403), .status(404)], .request) {
            scene in
            [
                scene.post("/federation/v1/mesh/documents?carry=documents", "application/octet-stream", [1, 2, 3]),
                scene.post("/federation/v1/mesh/reconcile?carry=everything", "application/octet-stream", [0x61]),
                scene.post("/federation/v1/mesh/reconcile?carry=documents", "application/octet-stream", [0xFF, 0xFF]),
            ]
        },
    ]
}
