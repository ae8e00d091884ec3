import FederationCore

/// The tools that `/mcp` offers. A node's records are edited by its own commands, so none of these changes anything.
enum NoemaTool: String, CaseIterable {
    case identity = "cortex_identity"
    case events = "sync_events"
    case readSignal = "sync_read_signal"
    case status = "federation_status"
    case announce = "announce_peer"

    var description: String {
        switch self {
        case .identity: "Who this node is: its id, name, mode, manifest version and public key."
        case .events: "Events with an id after a cursor, in order of id."
        case .readSignal: "How often traces were read here. This node keeps no such counts: the answer is empty."
        case .status: "The state of this node's federation, for people."
        case .announce: "Tells this node of another. It is shown to a person, who names peers in the node's configuration."
        }
    }

    /// The JSON Schema of its arguments.
    func writeSchema(to writer: inout JSONWriter) {
        switch self {
        case .identity, .status: object(&writer, required: []) { _ in }
        case .events:
            object(&writer, required: []) {
                property("since", "string", "A ULID; events after it are returned.", &$0)
                property("limit", "integer", "1 to 1000, else 100.", &$0)
            }
        case .readSignal:
            object(&writer, required: []) {
                property("since", "string", "RFC 3339.", &$0)
                property("limit", "integer", "1 to 1000, else 100.", &$0)
            }
        case .announce:
            object(&writer, required: ["name", "endpoint"]) {
                property("name", "string", "The peer's name.", &$0)
                property("endpoint", "string", "Its http or https URL.", &$0)
            }
        }
    }

    private func object(
        _ writer: inout JSONWriter, required: [String], properties: (inout JSONWriter) -> Void
    ) {
        writer.object { writer in
            writer.member("type", "object")
            writer.key("properties")
            writer.object(properties)
            if !required.isEmpty { writer.member("required", required) }
        }
    }

    private func property(_ name: String, _ type: String, _ description: String, _ writer: inout JSONWriter) {
        writer.key(name)
        writer.object {
            $0.member("type", type)
            $0.member("description", description)
        }
    }
}

/// The arguments of a tool call. An argument that is `null` is not given.
struct NoemaArguments {
    private let json: JSON?

    init(_ json: JSON?) throws(JSONRPC.Failure) {
        guard let json, !json.isNull else {
            self.json = nil
            return
        }
        guard json.isObject else { throw NoemaArguments.invalid("arguments must be an object") }
        self.json = json
    }

    func text(_ name: String) throws(JSONRPC.Failure) -> String? {
        guard let value = json?[name], !value.isNull else { return nil }
        guard let text = value.string else { throw NoemaArguments.invalid("\(name) must be a string") }
        return text
    }

    func requiredText(_ name: String) throws(JSONRPC.Failure) -> String {
        guard let text = try text(name), !text.isEmpty else { throw NoemaArguments.invalid("\(name) is required") }
        return text
    }

    /// How many rows to give: what is missing or out of bounds is 100, not the nearest bound (Noema section 2.2).
    func limit() throws(JSONRPC.Failure) -> Int {
        guard let value = json?["limit"], !value.isNull else { return Limits.noemaPageEvents }
        guard value.isNumber, value.raw.allSatisfy({ $0 == 0x2D || (0x30...0x39).contains($0) }) else {
            throw NoemaArguments.invalid("limit must be an integer")
        }
        guard let number = value.integer, (1...1000).contains(number) else { return Limits.noemaPageEvents }
        return Int(number)
    }

    private static func invalid(_ message: String) -> JSONRPC.Failure {
        JSONRPC.Failure(code: .invalidParams, message: message)
    }
}
