import FederationCore
import FederationHTTP
import Synchronization

/// A peer that answers every request as the test says, over a real server.
final class FakePeer: Sendable {
    let server: HTTPServer
    var endpoint: String { "http://127.0.0.1:\(server.port)" }

    init(port: UInt16 = 0, _ answer: @Sendable @escaping (ServedRequest) -> HTTPResponse) throws {
        server = try HTTPServer(address: "127.0.0.1", port: port) { answer($0) }
    }

    static func answering(status: Int) throws -> FakePeer { try FakePeer { _ in HTTPResponse(status: status) } }

    func stop() async { await server.stop() }
}

/// A Noema node of which every byte is the test's: its identity and the text of each page.
///
/// It answers as the Go line does, in plain JSON with a session.
final class FakeNoema: Sendable {
    private let peer: Mutex<FakePeer?> = Mutex(nil)
    private let state: Mutex<Answers>

    /// What the node gives, which may change while it serves.
    struct Answers: Sendable {
        var identity: String
        var version = "v0.18.0"
        /// The text of `sync_events` after the id that is given.
        var page: @Sendable (String) -> String
    }

    static let id = "01KNJX4991ASW6NNKS9BQHNCGB"

    static func identity(
        id: String = FakeNoema.id, name: String = "fake", manifest: Int = 2, key: String? = nil
    ) -> String {
        var writer = JSONWriter()
        writer.object {
            $0.member("id", id)
            $0.member("mode", "sync")
            $0.member("name", name)
            if let key { $0.member("pubkey", key) }
            $0.member("version", manifest)
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    init(identity: String = FakeNoema.identity(), page: @escaping @Sendable (String) -> String) throws {
        state = Mutex(Answers(identity: identity, page: page))
        let peer = try FakePeer { [weak self] request in self?.answer(request) ?? HTTPResponse(status: 503) }
        self.peer.withLock { $0 = peer }
    }

    /// Serves these events, each the JSON that it is, in the order of their ids.
    convenience init(identity: String = FakeNoema.identity(), events: [String]) throws {
        try self.init(identity: identity) { since in
            "[" + events.filter { FakeNoema.place(of: $0) > since }.joined(separator: ",") + "]"
        }
    }

    var endpoint: String { peer.withLock { $0?.endpoint ?? "" } }

    func change(_ body: (inout Answers) -> Void) { state.withLock { body(&$0) } }

    /// Reads the id without a JSON reader: what is served need not be JSON.
    static func place(of event: String) -> String {
        guard let start = event.firstRange(of: "\"id\":\"")?.upperBound else { return "~" }
        return String(event[start...].prefix { $0 != "\"" })
    }

    private func answer(_ request: ServedRequest) -> HTTPResponse {
        guard request.path == "/mcp" else { return HTTPResponse(status: 404) }
        guard request.method == "POST" else { return HTTPResponse(status: 200) }
        guard let call = try? JSON(request.body) else { return HTTPResponse(status: 400) }
        guard let number = call["id"] else { return HTTPResponse(status: 202) }
        var fields: HTTPFields = ["Content-Type": "application/json"]
        let answers = state.withLock { $0 }
        let result: String
        if call["method"]?.string == "initialize" {
            fields["Mcp-Session-Id"] = "mcp-session-6f1c1a52-2f0b-4c0e-9a6c-0f4f0d3f7a11"
            result = #"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"#
                + #""serverInfo":{"name":"noema","version":\#(quoted(answers.version))}}"#
        } else {
            let tool = call.at("params", "name")?.string
            let since = call.at("params", "arguments", "since")?.string ?? ""
            let text = tool == "cortex_identity" ? answers.identity : answers.page(since)
            result = #"{"content":[{"type":"text","text":"# + quoted(text) + "}]}"
        }
        let answer = #"{"jsonrpc":"2.0","id":\#(String(decoding: number.raw, as: UTF8.self)),"result":\#(result)}"#
        return HTTPResponse(status: 200, fields: fields, body: Array(answer.utf8))
    }

    private func quoted(_ text: String) -> String {
        var writer = JSONWriter()
        writer.string(text)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}

/// The JSON of events as a Noema node of 2026 writes them.
enum FakeEvent {
    /// `01KNJX4991…`, then the number: ids in order.
    static func id(_ number: Int) -> String {
        let digits = String(number)
        return "01KNJX4992" + String(repeating: "0", count: 16 - digits.count) + digits
    }

    static func create(
        _ number: Int, id: String? = nil, trace: String? = nil, action: String = "create", type: String = "note",
        title: String = "Hello", body: String = "hello", clock: String? = nil, origin: String = FakeNoema.id
    ) -> String {
        let data = data(type: type, title: title, body: body)
        return event(number, id: id, trace: trace, action: action, data: data, clock: clock, origin: origin)
    }

    /// A snapshot, as a create or update carries it.
    static func data(type: String = "note", title: String = "Hello", body: String) -> String {
        #"{"title":"\#(title)","type":"\#(type)","origin":"fake","body":"\#(body)"}"#
    }

    static func event(
        _ number: Int, id: String? = nil, trace: String? = nil, action: String, data: String, clock: String? = nil,
        origin: String = FakeNoema.id
    ) -> String {
        let trace = trace ?? "20260406-hello-\(number)"
        let clock = clock ?? #"{"\#(origin)":\#(number)}"#
        return #"{"id":"\#(id ?? FakeEvent.id(number))","action":"\#(action)","trace_id":"\#(trace)","#
            + #""cortex_id":"\#(origin)","origin":"fake","timestamp":"2026-04-06T12:00:00Z","#
            + #""data":\#(data),"vclock":\#(clock)}"#
    }
}
