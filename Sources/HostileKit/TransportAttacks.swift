import FederationCore
internal import FederationHTTP

/// Answers that break HTTP, or keep it and never end.
extension PeerAttack {
    private static let pageHead = "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n"
    private static let jsonHead = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    private static let patience = "timeout: 2s"
    /// The most that an answer without an end sends: far more than a node may take.
    private static let enough = 256 << 20

    static let transport = stalling + framing + codings + statuses

    /// Whatever is asked, the bytes are these.
    private static func always(
        _ name: String, _ summary: String, _ signs: [Sign], lines: [String] = [], _ answer: HostileAnswer
    ) -> PeerAttack {
        PeerAttack(name, summary, signs, lines: lines) { _, _ in answer }
    }

    private static func endless(_ head: String, _ piece: String) -> HostileAnswer {
        .act { socket in
            socket.send(head)
            let bytes = Array(piece.utf8)
            var sent = 0
            while sent < enough, socket.send(bytes) { sent += bytes.count }
        }
    }

    private static let stalling = [
        always("stalled-answer", "Hears the request and says nothing.", [.fails(.networkTimeout)], lines: [patience],
            .act { while !$0.receive().isEmpty {} }),
        always("trickled-head", "Sends a header field a byte at a time.", [.fails(.networkTimeout)], lines: [patience],
            .act { socket in
                socket.send("HTTP/1.1 200 OK\r\nX-Slow: ")
                while socket.send("x") { socket.rest(milliseconds: 100) }
            }),
        native("trickled-page", "Sends a page a byte at a time.", [.fails(.networkTimeout)], lines: [patience]) { _, _ in
            .act { socket in
                socket.send(pageHead + "Content-Length: 1000000\r\n\r\n")
                while socket.send(" ") { socket.rest(milliseconds: 100) }
            }
        },
        always("endless-head", "Sends header fields without end.", [.fails(.other)],
            endless("HTTP/1.1 200 OK\r\n", String(repeating: "X-More: of the same\r\n", count: 500))),
        always("endless-interim", "Sends interim answers without end.", [.fails(.other)],
            endless("", String(repeating: "HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n", count: 200))),
        always("endless-identity", "Sends an identity without end.", [.fails(.other)],
            endless(
                jsonHead + "Transfer-Encoding: chunked\r\n\r\n", "10000\r\n" + String(repeating: " ", count: 0x10000) + "\r\n")),
        native("endless-page", "Sends a page without end.", [.fails(.other)]) { _, _ in
            endless(
                pageHead + "Transfer-Encoding: chunked\r\n\r\n", "10000\r\n" + String(repeating: " ", count: 0x10000) + "\r\n")
        },
        native("promised-page", "Promises an exabyte and sends some of it.", [.fails(.other)]) { _, _ in
            endless(pageHead + "Content-Length: 1152921504606846976\r\n\r\n", String(repeating: " ", count: 0x10000))
        },
    ]

    private static let framing = [
        always("cut-off-answer", "Ends the connection within an answer.", [.fails(.networkEOF)],
            .text(jsonHead + "Content-Length: 1000\r\n\r\n{\"id\":")),
        always("cut-off-head", "Ends the connection within the header section.", [.fails(.networkEOF)],
            .text("HTTP/1.1 200 OK\r\nContent-Type: appl")),
        always("silent-end", "Ends every connection without an answer.", [.fails(.networkEOF)], .bytes([])),
        always("reset-connection", "Resets every connection.", [.fails(.networkReset)], .act { $0.reset() }),
        always("no-http", "Answers as HTTP 0.9 did: a body and nothing else.", [.fails(.other)],
            .text("{\"id\":\"01KNJX4991ASW6NNKS9BQHNCGB\"}\n")),
        always("other-protocol", "Answers as an SSH server.", [.fails(.other)], .text("SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n")),
        always("two-lengths", "Gives two lengths that differ.", [.fails(.networkEOF)],
            .text(jsonHead + "Content-Length: 2\r\nContent-Length: 20\r\n\r\n{}")),
        always("length-below-zero", "Gives a length below zero.", [.fails(.other)],
            .text(jsonHead + "Content-Length: -1\r\n\r\n{}")),
        always("bad-chunks", "Sends chunks whose sizes are none.", [.fails(.other)],
            .text(jsonHead + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n")),
        always("huge-chunk", "Sends a chunk of 2^64 bytes and more.", [.fails(.other)],
            .text(jsonHead + "Transfer-Encoding: chunked\r\n\r\n1FFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n")),
        always("smuggled-field", "Puts a NUL into a header field.", [.fails(.other)],
            .text(jsonHead + "Federation-Node: 01KNJX\0991\r\nContent-Length: 2\r\n\r\n{}")),
    ]

    private static let codings = [
        native("zstd-bomb", "Gives a page of a few KiB that becomes 113 MiB.", [.fails(.other)]) { _, scene in
            let bomb = Zstd.compress([UInt8](repeating: 0x0A, count: 113 << 20)) ?? []
            return .response(scene.page(fields: ["Content-Encoding": "zstd"], body: bomb))
        },
        native("zstd-wide-window", "Gives a frame that wants a window of 1 GiB.", [.fails(.other)]) { _, scene in
            let frame: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0x00, 0xA0, 0x03, 0x00, 0x00, 0x0A]
            return .response(scene.page(fields: ["Content-Encoding": "zstd"], body: frame))
        },
        native("zstd-cut-off", "Gives a frame without its end.", [.fails(.networkEOF)]) { _, scene in
            let frame = (Zstd.compress(Array(scene.node.line(1).utf8) + [0x0A]) ?? []).dropLast(3)
            return .response(scene.page(["?"], fields: ["Content-Encoding": "zstd"], body: Array(frame)))
        },
        native("gzip-unasked", "Says that a page is gzip, for which nobody asked.", [.fails(.other)]) { _, scene in
            .response(scene.page(fields: ["Content-Encoding": "gzip"], body: [0x1F, 0x8B, 0x08, 0x00]))
        },
        native("two-codings", "Says of a page that it is coded in two ways.", [.fails(.other)]) { _, scene in
            var page = scene.page([scene.node.line(1)])
            page.fields.append("Content-Encoding", "zstd")
            page.fields.append("Content-Encoding", "identity")
            return .response(page)
        },
    ]

    private static func status(
        _ name: String, _ summary: String, _ signs: [Sign], _ status: Int, _ fields: HTTPFields = [:]
    ) -> PeerAttack {
        always(name, summary, signs, .response(HTTPResponse(status: status, fields: fields)))
    }

    private static let statuses = [
        status("unauthorized-for-ever", "Answers 401 whatever is asked.", [.fails(.auth)], 401),
        status("forbidden-for-ever", "Answers 403 whatever is asked.", [.fails(.auth)], 403),
        status("errors-for-ever", "Answers 500 whatever is asked.", [.fails(.other)], 500),
        status("retry-in-a-century", "Answers 429 and asks to come again in a hundred years.", [.isBusy], 429,
            ["Retry-After": "3155760000"]),
        status("redirect-inwards", "Sends the node to a metadata service.", [.fails(.other)], 302,
            ["Location": "http://169.254.169.254/latest/meta-data/"]),
        status("redirect-to-itself", "Sends the node to where it asks, for ever.", [.fails(.other)], 307, ["Location": "/"]),
        status("status-of-no-class", "Answers with a status of no class.", [.fails(.other)], 999),
    ]
}
