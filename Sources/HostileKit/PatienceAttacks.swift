import FederationCore

/// Clients that take their time, or all the connections.
extension ClientAttack {
    /// Sends `head`, then `piece` again and again, until the node has enough.
    private static func trickle(_ name: String, _ summary: String, _ head: String, _ piece: String, at door: Door = .open) -> ClientAttack {
        ClientAttack(name, summary, [.closed], .slow, at: door, isSlow: true) { scene in
            guard let socket = scene.connect() else { return [] }
            socket.send(scene.text(head))
            // What the node says before it closes makes no difference; an end is what is waited for.
            while piece.isEmpty ? !socket.receive().isEmpty : socket.send(piece) { RawSocket.rest(milliseconds: 200) }
            return [.closed]
        }
    }

    private static let post = "POST /mcp HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"

    static let patience = [
        trickle("silent-connection", "Connects and says nothing.", "", ""),
        trickle("slow-first-line", "Sends the first line a byte at a time.", "GET /", "x"),
        trickle("slow-fields", "Sends fields one after another, for ever.", "GET /mcp HTTP/1.1\r\nHost: {host}\r\n", "X: y\r\n"),
        trickle("slow-body", "Sends a body a byte at a time.", post + "Content-Length: 1000000\r\n\r\n", " "),
        trickle("slow-chunks", "Sends chunks of one byte, for ever.", post + "Transfer-Encoding: chunked\r\n\r\n", "1\r\n \r\n"),
        trickle("stalled-handshake", "Begins a TLS handshake and waits.", "\u{16}\u{03}\u{01}\u{02}\u{00}", "", at: .tls),
        ClientAttack("connection-flood", "Opens 300 connections from one address.", [.closed], .connections) { scene in
            let sockets = (0..<300).compactMap { _ in scene.connect() }
            defer { for socket in sockets { socket.close() } }
            // Those that were let in are silent; those that were not have an end.
            sockets.last?.setPatience(seconds: 5)
            return sockets.last.map { $0.receive().isEmpty ? [.closed] : [] } ?? []
        },
        ClientAttack("half-a-request", "Ends its side within the head, two hundred times.", [.closed], .unfinished) { scene in
            (0..<200).map { _ in scene.send("GET /mcp HT", ends: true) }
        },
        ClientAttack("short-body", "Gives less body than it said, and goes.", [.closed], .unfinished) { scene in
            [scene.send(post + "Content-Length: 100\r\n\r\n{}", ends: true)]
        },
        ClientAttack("closes-amid-answers", "Asks for a long page 200 times and resets each time.", [.closed], .unread) { scene in
            for _ in 0..<200 {
                guard let socket = scene.connect() else { return [] }
                socket.send(scene.text("GET /federation/v1/events HTTP/1.1\r\nHost: {host}\r\n\r\n"))
                _ = socket.receive()
                socket.reset()
            }
            return [.closed]
        },
        ClientAttack("pipelining", "Sends 5,000 requests without waiting for an answer.", [.status(200), .status(429), .status(503), .closed], .rate) {
            scene in
            guard let socket = scene.connect() else { return [] }
            let one = scene.text("GET /federation/v1/identity HTTP/1.1\r\nHost: {host}\r\n\r\n")
            detach {
                for _ in 0..<100 { guard socket.send(String(repeating: one, count: 50)) else { return } }
                socket.endSending()
            }
            return socket.sights()
        },
        // Which of them are held is the node's to say, so the one that is looked at may be silent.
        ClientAttack(
            "held-flood", "Asks from one address for a hundred answers that are to be held.", [.status(200), .closed], .holds
        ) { scene in
            let head = scene.text("GET /federation/v1/events HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")
            guard let probe = scene.connect() else { return [] }
            probe.send(head)
            let answer = probe.receiveToEnd()
            guard let field = answer.firstRange(of: "Federation-Head: ") else { return [] }
            let position = answer[field.upperBound...].prefix { $0 != "\r\n" && $0 != "\r" }
            let sockets = (0..<100).compactMap { _ in scene.connect() }
            defer { for socket in sockets { socket.close() } }
            for socket in sockets {
                socket.send(scene.text("GET /federation/v1/events?after=\(position)&wait=55 HTTP/1.1\r\nHost: {host}\r\n\r\n"))
            }
            // Those for which there is no room to wait are answered at once.
            sockets.last?.setPatience(seconds: 10)
            return sockets.last.map { [$0.sight()] } ?? []
        },
    ]
}
