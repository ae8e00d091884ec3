internal import FederationCore

/// The requests of a poll, to the header (Noema sections 2.1 and 2.2).
extension NoemaStandIn {
    /// The request of the phase that the poll is in. Each call with an id takes the next one.
    mutating func request(of peer: String) -> StandInStep {
        guard let phase = polls[peer]?.phase else { return .done }
        switch phase {
        case .initialize:
            return post(peer, "initialize", initializeParameters)
        case .listening:
            var fields = sessionFields(peer)
            fields["Accept"] = "text/event-stream"
            authorise(&fields)
            return .request(HTTPRequest(.get, "/mcp", fields: fields, deadline: settings.requestDeadline))
        case .initialized: return post(peer, "notifications/initialized", nil)
        case .identity: return post(peer, "tools/call", toolParameters("cortex_identity") { _ in })
        case .events:
            let cursor = cursor(of: peer) ?? ""
            return post(
                peer, "tools/call",
                toolParameters("sync_events") {
                    $0.member("limit", Limits.noemaPageEvents)
                    if !cursor.isEmpty { $0.member("since", cursor) }
                })
        case .readSignal:
            return post(peer, "tools/call", toolParameters("sync_read_signal") { $0.member("limit", 500) })
        case .closing:
            var fields = HTTPFields()
            fields["Mcp-Session-Id"] = polls[peer]?.session
            // Go forgets its key here, so that keyed servers keep the session (section 10.2, 9).
            if rules == .rust { authorise(&fields) }
            return .request(HTTPRequest(.delete, "/mcp", fields: fields, deadline: .seconds(5)))
        }
    }

    private var initializeParameters: [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("protocolVersion", NoemaStandIn.protocolVersions[0])
            writer.key("clientInfo")
            writer.object {
                $0.member("name", rules == .go ? "noema-syncer" : "rmcp")
                $0.member("version", rules == .go ? "0.1.0" : "3.1.2")
            }
            writer.key("capabilities")
            writer.object { _ in }
        }
        return writer.bytes
    }

    private func toolParameters(_ name: String, _ arguments: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("name", name)
            writer.key("arguments")
            writer.object(arguments)
        }
        return writer.bytes
    }

    /// A notification is what has no parameters here; it has no id either.
    private mutating func post(_ peer: String, _ method: String, _ parameters: [UInt8]?) -> StandInStep {
        var fields: HTTPFields = ["Content-Type": "application/json"]
        fields["Accept"] = rules == .go ? "application/json, text/event-stream" : "text/event-stream, application/json"
        for field in sessionFields(peer).fields { fields.append(field.name, field.value) }
        authorise(&fields)
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("jsonrpc", "2.0")
            if let parameters {
                if method != "initialize" { polls[peer]?.requestID += 1 }
                writer.member("id", polls[peer]?.requestID ?? 0)
                writer.member("method", method)
                writer.key("params")
                writer.raw(parameters)
            } else {
                writer.member("method", method)
            }
        }
        return .request(
            HTTPRequest(.post, "/mcp", fields: fields, body: writer.bytes, deadline: settings.requestDeadline))
    }

    private func sessionFields(_ peer: String) -> HTTPFields {
        var fields = HTTPFields()
        guard let poll = polls[peer] else { return fields }
        if let session = poll.session { fields["Mcp-Session-Id"] = session }
        if !poll.protocolVersion.isEmpty {
            fields[rules == .go ? "Mcp-Protocol-Version" : "MCP-Protocol-Version"] = poll.protocolVersion
        }
        return fields
    }

    private func authorise(_ fields: inout HTTPFields) {
        if let key = settings.sharedKey { fields["Authorization"] = "Bearer " + key }
    }
}
