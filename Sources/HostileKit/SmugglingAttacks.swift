import FederationCore

/// Requests that two readers could understand differently, and heads and bodies past every bound.
extension ClientAttack {
    /// One request on a connection of its own: the request behind it must never be answered.
    private static func smuggle(
        _ name: String, _ summary: String, _ sights: Set<Sight>, _ cause: RefusedRequests.Cause, _ head: String, _ body: String = ""
    ) -> ClientAttack {
        // Some the HTTP library turns away before anybody else sees them; some it reads as RFC 9112 allows, in one way.
        ClientAttack(name, summary, sights, cause, or: [.malformed, .unfinished]) { scene in
            guard let socket = scene.connect() else { return [] }
            defer { socket.close() }
            socket.send(scene.text(head) + body)
            // One that is answered leaves the connection open: then there was nothing to be understood differently.
            socket.setPatience(seconds: 1)
            return socket.sights()
        }
    }

    private static let first = "POST /mcp HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    private static let second = "GET /federation/v1/identity HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    private static let bad: Set<Sight> = [.status(400), .closed]

    static let smuggling = [
        smuggle("length-and-chunks", "Gives a length and chunks, for two readers.", bad, .malformed,
            first + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n", "0\r\n\r\n" + second),
        smuggle("chunks-and-length", "The same in the other order.", bad, .malformed,
            first + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n", "0\r\n\r\n" + second),
        smuggle("two-lengths", "Gives two lengths that differ.", bad, .malformed,
            first + "Content-Length: 0\r\nContent-Length: 60\r\n\r\n", second),
        smuggle("list-of-lengths", "Gives two lengths in one field.", bad, .malformed, first + "Content-Length: 0, 0\r\n\r\n", second),
        smuggle("length-with-a-sign", "Gives a length with a sign.", bad, .malformed, first + "Content-Length: +0\r\n\r\n", second),
        smuggle("length-below-zero", "Gives a length below zero.", bad, .malformed, first + "Content-Length: -1\r\n\r\n", second),
        smuggle("hexadecimal-length", "Gives a length in another base.", bad, .malformed, first + "Content-Length: 0x0\r\n\r\n", second),
        smuggle("two-codings", "Names two transfer codings.", bad, .malformed,
            first + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n", "0\r\n\r\n" + second),
        smuggle("chunked-twice", "Names a transfer coding twice.", [.status(501), .closed], .malformed,
            first + "Transfer-Encoding: chunked, chunked\r\n\r\n", "0\r\n\r\n" + second),
        smuggle("unknown-coding", "Names a transfer coding that looks like one.", [.status(501), .closed], .malformed,
            first + "Transfer-Encoding: xchunked\r\n\r\n", "0\r\n\r\n" + second),
        smuggle("two-hosts", "Names two hosts.", bad, .malformed, "GET /mcp HTTP/1.1\r\nHost: {host}\r\nHost: evil.example\r\n\r\n"),
        smuggle("folded-field", "Folds a field over two lines.", bad, .request,
            first + "X: a\r\n Content-Length: 60\r\nContent-Length: 0\r\n\r\n", ""),
        smuggle("space-before-colon", "Puts a space before a colon.", bad, .malformed,
            first + "Content-Length : 60\r\nContent-Length: 0\r\n\r\n", ""),
        smuggle("bare-line-feeds", "Ends its lines with line feeds alone.", [.status(405), .status(400), .closed], .method,
            "GET /mcp HTTP/1.1\nHost: {host}\nX: y\n\n"),
        smuggle("nul-in-a-field", "Puts a NUL into a field.", bad, .request, first + "X: a\0b\r\nContent-Length: 0\r\n\r\n"),
        smuggle("no-protocol", "Asks as HTTP 0.9 did.", bad, .unfinished, "GET /federation/v1/identity\r\n\r\n"),
        smuggle("other-protocol", "Speaks HTTP/2 without being asked.", [.status(400), .status(505), .closed], .unfinished,
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        smuggle("no-http", "Speaks no HTTP at all.", bad, .unfinished, "EHLO evil.example\r\nMAIL FROM:<a@b>\r\n\r\n"),
        smuggle("chunk-of-no-size", "Sends a chunk whose size is none.", bad, .unfinished,
            first + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"),
        smuggle("chunk-past-64-bits", "Sends a chunk of more than 2^64 bytes.", bad.union([.status(413)]), .unfinished,
            first + "Transfer-Encoding: chunked\r\n\r\n10000000000000000F\r\n{}\r\n0\r\n\r\n"),
        ClientAttack("plain-http-to-tls", "Speaks plain HTTP where TLS is spoken.", [.closed], .unfinished, at: .tls) { [$0.get("/mcp")] },
        ClientAttack("noise-for-tls", "Sends noise where TLS is spoken.", [.closed], .unfinished, at: .tls) { scene in
            [scene.send("", body: (0..<4096).map { UInt8(truncatingIfNeeded: $0 &* 131 &+ 7) }, ends: true)]
        },
        ClientAttack("old-tls", "Offers TLS 1.0 and nothing newer.", [.closed], .unfinished, at: .tls) { scene in
            let random = [UInt8](repeating: 7, count: 32)
            let hello: [UInt8] = [0x03, 0x01] + random + [0x00, 0x00, 0x04, 0xC0, 0x13, 0x00, 0x2F, 0x01, 0x00]
            let message: [UInt8] = [0x01, 0x00, 0x00, UInt8(hello.count)] + hello
            return [scene.send("", body: [0x16, 0x03, 0x01, 0x00, UInt8(message.count)] + message, ends: true)]
        },
    ]

    private static func many(_ field: String, _ count: Int) -> String {
        "GET /mcp HTTP/1.1\r\nHost: {host}\r\n" + (0..<count).map { "\(field)\($0): x\r\n" }.joined() + "\r\n"
    }

    static let sizes = [
        smuggle("field-flood", "Sends 20,000 fields.", [.status(431), .closed], .unfinished, many("X-Field-", 20_000)),
        smuggle("huge-field", "Sends a field of a megabyte.", [.status(431), .closed], .unfinished,
            "GET /mcp HTTP/1.1\r\nHost: {host}\r\nX: \(String(repeating: "x", count: 1 << 20))\r\n\r\n"),
        smuggle("huge-target", "Asks for a path of a megabyte.", [.status(414), .status(431), .status(400), .closed], .unfinished,
            "GET /\(String(repeating: "x", count: 1 << 20)) HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        smuggle("promised-terabyte", "Promises a body of a terabyte.", [.status(413)], .tooLarge,
            first + "Content-Length: 1099511627776\r\n\r\n"),
        smuggle("promised-2-to-the-64", "Promises a body of 2^64 bytes.", [.status(413), .status(400), .closed], .malformed,
            first + "Content-Length: 18446744073709551616\r\n\r\n"),
        ClientAttack("endless-body", "Sends a body in chunks without end.", [.status(413), .closed], .tooLarge) { scene in
            guard let socket = scene.connect() else { return [] }
            socket.send(scene.text(first + "Transfer-Encoding: chunked\r\n\r\n"))
            let chunk = Array(("10000\r\n" + String(repeating: " ", count: 0x10000) + "\r\n").utf8)
            var sent = 0
            while sent < 64 << 20, socket.send(chunk) { sent += chunk.count }
            return sent < 64 << 20 ? [socket.sight()] : []
        },
        ClientAttack("many-bodies", "Sends twenty bodies of 5 MiB at one time and ends none.", [.status(503)], .busy) { scene in
            let length = Limits.requestBytes
            let sockets = (0..<20).compactMap { _ in scene.connect() }
            defer { for socket in sockets { socket.close() } }
            let body = [UInt8](repeating: 0x20, count: length - 1)
            for socket in sockets { socket.send(Array(scene.text(first + "Content-Length: \(length)\r\n\r\n").utf8) + body) }
            // The last one has no room any more: it is told so, once it has sent everything.
            for socket in sockets.suffix(1) { socket.send(" ") }
            return sockets.last.map { [$0.sight()] } ?? []
        },
    ]
}
