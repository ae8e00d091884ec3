import FederationCore
import FederationCrypto
import FederationTestKit

@testable import Federation

/// A poll of a Noema node: MCP over JSON answers and event streams.
enum MCPAnswer: Fuzzer {
    static let name = "mcp-answer"

    static func take(_ bytes: [UInt8]) {
        let peer = ScriptedPeer(bytes)
        let exchange: any Exchange = peer.has("a") ? AutoExchange() : NoemaExchange()
        peer.converse(exchange, over: MemoryStorage())
        // The stream alone: its events hold no more than its bytes.
        var stream = EventStream(bytes)
        var data = 0
        while let event = stream.next() { data += event.count }
        require(data <= bytes.count, "a stream gives more than it has")
    }

    static var seeds: [Seed] {
        get throws {
            let node = try LoopedNode(NoemaWire(), holding: WireContract.sample(3))
            let json = try recorded(node, NoemaExchange())
            let streams = json.map { answer in
                var answer = answer
                guard answer.body.first == 0x7B else { return answer }
                answer.fields["Content-Type"] = "text/event-stream"
                answer.fields["Mcp-Session-Id"] = "s-1"
                let before = ": hello\r\nid: 7\ndata:\n\nevent: message\ndata: "
                answer.body = Array(before.utf8) + answer.body + [0x0A, 0x0A]
                return answer
            }
            let refusal = HTTPResponse(
                status: 200, fields: ["Content-Type": "application/json"],
                body: Array(#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}"#.utf8))
            return [
                Seed("json", ScriptedPeer.text(how: "-", json)), Seed("streams", ScriptedPeer.text(how: "c", streams)),
                Seed("auto", ScriptedPeer.text(how: "a", [HTTPResponse(status: 404)] + json)),
                Seed("rescan", ScriptedPeer.text(how: "sco", json)),
                Seed("refused", ScriptedPeer.text(how: "x", [refusal])),
            ]
        }
    }
}

/// A poll of a native node, with its comparisons and its questions for missing numbers.
enum NativeAnswer: Fuzzer {
    static let name = "native-answer"

    static func take(_ bytes: [UInt8]) {
        let peer = ScriptedPeer(bytes)
        peer.converse(NativeExchange(), over: peer.has("e") ? MemoryStorage() : MemoryLog.small)
    }

    static var seeds: [Seed] {
        get throws {
            let node = try LoopedNode(NativeWire(), holding: WireContract.sample(5))
            return [
                Seed("poll", ScriptedPeer.text(how: "-", try recorded(node, NativeExchange()))),
                Seed("pages", ScriptedPeer.text(how: "e", try recorded(node, NativeExchange(pageEvents: 2)))),
                Seed("position", ScriptedPeer.text(how: "pnh", try recorded(node, NativeExchange(), how: "pnh"))),
                Seed("holes", ScriptedPeer.text(how: "m", try recorded(node, NativeExchange(), how: "m"))),
                Seed("compare", ScriptedPeer.text(how: "rn", try recorded(node, NativeExchange(), how: "rn"))),
                Seed("compare-empty", ScriptedPeer.text(how: "rne", try recorded(node, NativeExchange(), how: "rne"))),
            ]
        }
    }
}

/// One answer with a page of events, by itself.
enum NDJSONPage: Fuzzer {
    static let name = "ndjson-page"

    static func take(_ bytes: [UInt8]) {
        guard case .response(let response) = ScriptedPeer([0x0A] + bytes).answers.first else { return }
        let limit = 5
        let range = NativeRanges.Range(after: "epoch-9.1.\(Sample.id(0))", until: nil)
        if let page = try? NativePage(response, of: range, limit: limit) {
            require(page.items.count <= limit, "more events than asked")
            require(page.marks.count <= Limits.marks, "marks past their bound")
            require(page.attestations.count <= Limits.attestationsPerPage, "attestations past their bound")
            require(page.rest?.events ?? 0 >= 0, "less than nothing remains")
            for case .event(let event, let line) in page.items {
                require(line.count <= Limits.eventBytes, "an event past its bound")
                EventJSON.hold(event)
            }
            for attestation in page.attestations { JSONStatements.hold(attestation) }
        }
        guard let lines = try? ReadLines.cut(response.body, limit: 100) else { return }
        require(lines.reduce(into: []) { $0 += $1 + [0x0A] } == response.body, "the lines of a body are not the body")
        _ = try? MeshPage(response, asked: [])
    }

    static var seeds: [Seed] {
        get throws {
            let node = try LoopedNode(NativeWire(), holding: WireContract.sample(5))
            let poll = try recorded(node, NativeExchange(pageEvents: 5))
            return poll.enumerated().map { Seed("answer-\($0)", Array(ScriptedPeer.text(how: "", [$1]).dropFirst())) }
        }
    }
}

/// A poll of a mesh peer: what it says of itself, messages of a session, and documents.
enum MeshAnswer: Fuzzer {
    static let name = "mesh-answer"

    static func take(_ bytes: [UInt8]) {
        let peer = ScriptedPeer(bytes)
        let wire = MeshWire(carrying: peer.has("d") ? .documents : .records)
        peer.converse(wire.exchange(), over: peer.has("e") ? MemoryStorage() : MemoryLog.small)
    }

    static var seeds: [Seed] {
        get throws {
            let document = #"{"key":"tracks:7","time":1700000000123,"deleted":false,"mesh":"alpha","n":1}"#
            guard case .event(let event, _) = MeshDocument.item(of: Array(document.utf8)) else { return [] }
            let wire = MeshWire(carrying: .records)
            let node = try LoopedNode(wire, holding: WireContract.sample(3) + [event])
            func text(_ how: String) throws -> [UInt8] {
                ScriptedPeer.text(how: how, try recorded(node, MeshWire(carrying: .records).exchange(), how: how))
            }
            return [Seed("records", try text("-")), Seed("empty", try text("e")), Seed("nothing", try text("x"))]
        }
    }
}

/// The answers of a node of ours to a conversation.
private func recorded(_ node: LoopedNode, _ exchange: any Exchange, how: String = "-") throws -> [HTTPResponse] {
    let peer = ScriptedPeer(Array(how.utf8))
    var answers: [HTTPResponse] = []
    var exchange = exchange
    var log = peer.has("e") ? MemoryStorage() : MemoryLog.small
    var step = exchange.begin(peer.context)
    while true {
        let answer: ExchangeAnswer
        switch step {
        case .request(let request, _):
            answers.append(try node.respond(to: request))
            answer = .response(answers[answers.count - 1])
        case .identify: answer = .identityAccepted
        case .take(let page): answer = .committed(MemoryLog.take(page, into: &log))
        case .outbox(let after, let limit, let bytes):
            let events = log.events(after: after, limit: limit, bytes: bytes)
            answer = .outbox(events, through: events.last?.seq ?? after)
        case .keep: answer = .kept
        case .reconcile(let question): answer = .reconciled(try LogReconciliation.answer(question, in: log))
        case .sign(let bytes, _): answer = .signed(bytes)
        case .finished, .failed: return answers
        }
        step = exchange.resume(answer, now: peer.context.now)
    }
}
