package import FederationCore
internal import Synchronization

/// One way in which a client can be hostile: it speaks to any node's listener.
package struct ClientAttack: Sendable {
    /// The listener that it is meant for.
    package enum Door: String, Sendable {
        /// One that asks for no key.
        case open
        /// One that asks for a key.
        case keyed
        case tls
    }

    /// How a connection or a request was answered.
    package enum Sight: Hashable, Sendable, CustomStringConvertible {
        case status(Int)
        case closed

        package var description: String {
            switch self {
            case .status(let status): String(status)
            case .closed: "closed"
            }
        }
    }

    package let name: String
    /// One sentence on what it does.
    package let summary: String
    package let door: Door
    /// What a node may answer: nothing else, and something.
    package let sights: Set<Sight>
    /// What a node counts: one of these.
    package let causes: Set<RefusedRequests.Cause>
    /// It lasts as long as a node's own deadlines.
    package let isSlow: Bool
    /// What was seen.
    package let run: @Sendable (ClientScene) -> [Sight]

    init(
        _ name: String, _ summary: String, _ sights: Set<Sight>, _ cause: RefusedRequests.Cause,
        or others: Set<RefusedRequests.Cause> = [], at door: Door = .open, isSlow: Bool = false, run: @escaping @Sendable (ClientScene) -> [Sight]
    ) {
        self.name = name
        self.summary = summary
        self.sights = sights
        causes = others.union([cause])
        self.door = door
        self.isSlow = isSlow
        self.run = run
    }

    /// Every one there is.
    package static let all = patience + smuggling + sizes + paths + doors + questions + calls + pages

    package func isAsExpected(_ seen: [Sight]) -> Bool { !seen.isEmpty && sights.isSuperset(of: seen) }
}

/// Where a hostile client stands.
package struct ClientScene: Sendable {
    package var host: String
    package var port: UInt16
    /// The address that it comes from, so that what it does is not counted against others.
    package var source: String?
    /// The identity of a peer of the node, for those that borrow one.
    package var peer: ULID

    package init(host: String, port: UInt16, source: String? = nil, peer: ULID? = nil) {
        self.host = host
        self.port = port
        self.source = source
        self.peer = peer ?? HostileNode("other").id
    }

    var authority: String { "\(host):\(port)" }

    func connect() -> RawSocket? { try? RawSocket(connectingTo: port, at: host, from: source) }

    /// The text of a request: `{host}` in it stands for the listener's own.
    func text(_ text: String) -> String { text.replacing("{host}", with: authority) }

    /// Sends bytes on a connection of their own, and says what the first answer was.
    func send(_ text: String, body: [UInt8] = [], ends: Bool = false) -> ClientAttack.Sight {
        guard let socket = connect() else { return .closed }
        defer { socket.close() }
        socket.send(Array(self.text(text).utf8) + body)
        if ends { socket.endSending() }
        return socket.sight()
    }

    func get(_ target: String, _ fields: String = "") -> ClientAttack.Sight {
        send("GET \(target) HTTP/1.1\r\nHost: {host}\r\n\(fields)Connection: close\r\n\r\n")
    }

    func post(_ target: String, _ type: String, _ body: [UInt8], _ fields: String = "") -> ClientAttack.Sight {
        send(
            "POST \(target) HTTP/1.1\r\nHost: {host}\r\nContent-Type: \(type)\r\n\(fields)Content-Length: \(body.count)\r\n"
                + "Connection: close\r\n\r\n", body: body)
    }
}

extension RawSocket {
    /// The status of the next answer.
    func sight() -> ClientAttack.Sight {
        let words = receiveHead().split(separator: " ", maxSplits: 2)
        guard words.count > 1, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else { return .closed }
        return .status(status)
    }

    /// The statuses of all that is answered until the connection ends.
    func sights() -> [ClientAttack.Sight] {
        let text = receiveToEnd()
        let found = text.ranges(of: "HTTP/1.1 ").compactMap { range in
            Int(text[range.upperBound...].prefix(3)).map { ClientAttack.Sight.status($0) }
        }
        return found.isEmpty ? [.closed] : found
    }
}

extension ClientAttack {
    /// Runs attacks, those that are slow at one time and the others one after another.
    package static func run(_ attacks: [ClientAttack], _ scene: ClientScene) -> [(attack: ClientAttack, seen: [Sight])] {
        let seen = Mutex<[String: [Sight]]>([:])
        for attack in attacks where attack.isSlow {
            detach {
                let sights = attack.run(scene)
                seen.withLock { $0[attack.name] = sights }
            }
        }
        for attack in attacks where !attack.isSlow {
            let sights = attack.run(scene)
            seen.withLock { $0[attack.name] = sights }
        }
        while seen.withLock({ $0.count }) < attacks.count { RawSocket.rest(milliseconds: 50) }
        return seen.withLock { seen in attacks.map { ($0, seen[$0.name] ?? []) } }
    }
}
