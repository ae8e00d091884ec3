internal import FederationCore

/// The methods and tools behind `/mcp` (Noema sections 2.2 and 2.6).
extension NoemaStandIn {
    /// What a tool gives: a text, or a refusal, which the two lines put in different places (section 2.4).
    private enum ToolAnswer {
        case text([UInt8])
        case refusal(String)
        case error(code: Int, String)
    }

    mutating func result(of call: RPCCall, isFederationView: Bool, now: WallTime) -> RPCAnswer {
        switch call.method {
        case "initialize": return .result(initialized(call.parameters))
        case "ping": return .result(Array("{}".utf8))
        case "tools/list": return .result(toolList(isFederationView: isFederationView))
        case "tools/call":
            switch tool(call.parameters, isFederationView: isFederationView, now: now) {
            case .text(let text): return .result(content(text, isError: false))
            case .refusal(let text):
                return rules == .go
                    ? .result(content(Array(text.utf8), isError: true)) : .error(code: -32602, text)
            case .error(let code, let message): return .error(code: code, message)
            }
        default: return .error(code: -32601, "method not found")
        }
    }

    private func initialized(_ parameters: JSON?) -> [UInt8] {
        let asked = parameters?["protocolVersion"]?.string ?? ""
        let known = NoemaStandIn.protocolVersions
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("protocolVersion", known.contains(asked) ? asked : known[0])
            writer.key("capabilities")
            writer.raw(Array((rules == .go ? #"{"tools":{"listChanged":true}}"# : #"{"tools":{}}"#).utf8))
            writer.key("serverInfo")
            writer.object {
                $0.member("name", "noema")
                $0.member("version", settings.version.isEmpty ? "dev" : settings.version)
            }
        }
        return writer.bytes
    }

    private static let federationTools = ["cortex_identity", "sync_events", "sync_read_signal"]
    private static let otherTools = ["federation_status", "announce_peer", "resolve_divergence"]

    private func toolList(isFederationView: Bool) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.key("tools")
            writer.array { writer in
                for name in NoemaStandIn.federationTools + (isFederationView ? [] : NoemaStandIn.otherTools) {
                    writer.object {
                        $0.member("name", name)
                        $0.key("inputSchema")
                        $0.raw(Array(#"{"type":"object"}"#.utf8))
                    }
                }
            }
        }
        return writer.bytes
    }

    private func content(_ text: [UInt8], isError: Bool) -> [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.key("content")
            writer.array {
                $0.object {
                    $0.member("type", "text")
                    $0.member("text", String(decoding: text, as: UTF8.self))
                }
            }
            if isError { writer.member("isError", true) }
        }
        return writer.bytes
    }

    private mutating func tool(_ parameters: JSON?, isFederationView: Bool, now: WallTime) -> ToolAnswer {
        let name = parameters?["name"]?.string ?? ""
        let arguments = parameters?["arguments"]
        if isFederationView, !NoemaStandIn.federationTools.contains(name) {
            return .error(code: -32602, "tool not found")
        }
        switch name {
        case "cortex_identity": return .text(identity)
        case "sync_events": return syncEvents(arguments)
        case "sync_read_signal":
            guard settings.mode.serves else { return .refusal("this cortex is in subscribe mode") }
            return .text(list([]))
        case "federation_status": return .text(Array(statusText.utf8))
        case "announce_peer": return announce(arguments)
        case "resolve_divergence": return resolve(arguments, now: now)
        default:
            return .error(code: -32602, rules == .go ? "tool '\(name)' not found: tool not found" : "tool not found")
        }
    }

    /// Keys in order, as Go writes a map.
    private var identity: [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("id", id)
            writer.member("mode", settings.mode.rawValue)
            writer.member("name", settings.name)
            if let publicKey { writer.member("pubkey", publicKey) }
            writer.member("version", 2)
        }
        return writer.bytes
    }

    private func syncEvents(_ arguments: JSON?) -> ToolAnswer {
        guard settings.mode.serves else { return .refusal("this cortex is in subscribe mode") }
        let since = arguments?["since"]?.string ?? ""
        guard since.isEmpty || isCursor(since) else {
            return .refusal("since must be a valid ULID cursor (26-char Crockford base32)")
        }
        var limit = Limits.noemaPageEvents
        if let asked = arguments?["limit"] {
            switch rules {
            case .go: limit = asked.integer.flatMap { Int(exactly: $0) } ?? limit
            case .rust:
                guard let number = asked.unsigned else { return .error(code: -32602, "invalid params: limit") }
                limit = Int(exactly: number) ?? .max
            }
        }
        // One past the most is not the most but the default.
        if limit < 1 || limit > 1000 { limit = Limits.noemaPageEvents }
        return .text(list(log.events(since: since, limit: limit).map { $0.json(as: rules) }))
    }

    /// Go looks at the characters alone; the value may overflow.
    private func isCursor(_ text: String) -> Bool {
        switch rules {
        case .go:
            text.utf8.count == ULID.length
                && text.utf8.allSatisfy {
                    (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) && !"ILOU".utf8.contains($0)
                }
        case .rust: ULID(text) != nil
        }
    }

    /// A nil slice of Go's is `null`.
    private func list(_ items: [[UInt8]]) -> [UInt8] {
        if items.isEmpty, rules == .go { return Array("null".utf8) }
        var writer = JSONWriter()
        writer.array { for item in items { $0.raw(item) } }
        return writer.bytes
    }

    private func announce(_ arguments: JSON?) -> ToolAnswer {
        let name = arguments?["name"]?.string ?? ""
        let endpoint = arguments?["endpoint"]?.string ?? ""
        guard !name.isEmpty, endpoint.hasPrefix("http://") || endpoint.hasPrefix("https://") else {
            return .refusal("name and an http or https endpoint are required")
        }
        guard name != settings.name else { return .refusal("that is this cortex's own name") }
        let isConfigured = settings.peers.contains { $0.name == name }
        return .text(Array("acknowledged; a peer of that name is \(isConfigured ? "" : "not ")configured".utf8))
    }

    private mutating func resolve(_ arguments: JSON?, now: WallTime) -> ToolAnswer {
        guard settings.mode != .publish else { return .refusal(NoemaFailure.publishMode.text(rules)) }
        do throws(NoemaFailure) {
            try resolve(
                arguments?["id"]?.string ?? "", accept: arguments?["accept"]?.string, body: arguments?["body"]?.string,
                now: now)
            return .text(Array("resolved".utf8))
        } catch {
            return .refusal(error.text(rules))
        }
    }

    /// Section 2.6's text for people.
    private var statusText: String {
        var lines = ["Cortex: \(settings.name)", "Mode: \(settings.mode.rawValue)"]
        lines += ["Access: \(settings.sharedKey == nil ? "open" : "keyed")", ""]
        if settings.peers.isEmpty {
            lines.append("Federation: not configured")
        } else {
            lines.append("Peers: \(settings.peers.count)")
            for peer in settings.peers {
                func value(_ key: String, _ absent: String) -> String { state["peer:\(peer.name):\(key)"] ?? absent }
                lines += [
                    "  \(peer.name)", "    mode:       \(peer.isPaused ? "paused" : "sync")",
                    "    cortex_id:  \(value("cortex_id", "(unverified)"))",
                    "    last_seen:  \(value("last_seen", "(never)"))",
                    "    last_event: \(value("last_event", "(none)"))",
                ]
            }
        }
        lines.append("Vector Clock:")
        for (key, counter) in clock.sorted { lines.append("  \(key) [\(label(of: key))]: \(counter)") }
        if !openDivergences.isEmpty { lines.append("Unresolved Divergences: \(openDivergences.count)") }
        return lines.joined(separator: "\n")
    }

    private func label(of cortexID: String) -> String {
        if cortexID == id { return settings.name + " (local)" }
        let known = settings.peers.first { state["peer:\($0.name):cortex_id"] == cortexID }
        return known?.name ?? "(unknown peer)"
    }
}
