import FederationCore

/// What became of an event, or of those of a record, in words.
enum EventWhyText {
    static func print(_ result: JSON, _ console: Console, _ configPath: String) {
        guard result["event_id"] != nil else { return console.print(columns(recordRows(result))) }
        let event = result["event"]
        console.print([result.text("event_id"), event?.text("action") ?? "", result.text("trace_id")].filter { !$0.isEmpty }.joined(separator: "  "))
        var rows = [["  state", state(result)]]
        if let event {
            rows.append(["  written", written(result, event)])
            rows.append(["  came", came(event)])
            rows.append(["  proof", proof(result["proof"], event)])
            rows.append(["  verified", verified(result["proof"])])
            rows += storyRows(result)
        }
        for row in result.items("quarantine") { rows.append(["  kept aside", aside(row)]) }
        console.print(columns(rows))
        MendText(configPath: configPath).print(result, on: console)
    }

    private static func recordRows(_ result: JSON) -> [[String]] {
        [[result.text("trace_id"), result["record"]?.text("title") ?? ""]]
            + result.items("events").map { event in
                [
                    "  " + event.text("id"), event.text("timestamp"), event.text("action"), author(event["writer"]),
                    ([effect(event)] + [changed(event)].filter { !$0.isEmpty }).joined(separator: "; "),
                ]
            }
    }

    private static func state(_ result: JSON) -> String {
        let event = result["event"]
        switch result.text("state") {
        case "held": return held(result)
        case "refused": return "not in the log: see 'kept aside'"
        case "deferred": return "not in the log yet: its time lies too far ahead"
        case "purged": return "in the log; its record was purged"
        default:
            var text = "applied"
            if event?.isTrue("stub") ?? false { text += "; a stub: its data was removed, or has not come" }
            if event?.isTrue("early") ?? false { text += "; its id is ahead of our clock" }
            return text
        }
    }

    private static func held(_ result: JSON) -> String {
        let since = result.text("held_since")
        return "held: \(result.text("hold")), \(since.isEmpty ? "some time after it came" : "since \(since)"): stored and relayed, and not "
            + "applied here; see 'federation help \(result.text("reason"))'"
    }

    private static func author(_ writer: JSON?) -> String {
        if writer?.isTrue("ourselves") ?? false { return "this node" }
        let peer = writer?.text("peer") ?? ""
        if !peer.isEmpty { return "peer '\(peer)'" }
        return "\(writer?.text("origin_name") ?? "") \(writer?.text("origin") ?? "")"
    }

    private static func written(_ result: JSON, _ event: JSON) -> String {
        let number = event["number"] == nil ? "" : ", its event \(grouped(event.count("number")))"
        return "\(event.text("timestamp")) by \(author(result["writer"]))\(number)"
    }

    private static func came(_ event: JSON) -> String {
        let way = event.text("peer").isEmpty ? "written here" : "by way of '\(event.text("peer"))'"
        return "\(event.text("received_at")) \(way), as \(grouped(event.count("seq"))) of the log"
    }

    private static func proof(_ proof: JSON?, _ event: JSON) -> String {
        switch proof?.text("verified") ?? "" {
        case "chain":
            let checkpoint = proof?["checkpoint"] == nil ? "" : " (its checkpoint at \(grouped(proof?.count("checkpoint") ?? 0)))"
            return "its origin's signed chain names it\(checkpoint)"
        case "pinned_key": return "signed by the key that its origin has shown to us"
        case "hard_pin": return "signed by the key that the configuration names"
        case "provisional_key": return "signed by a key that its origin has not shown to us"
        case "unsigned": return "⚠ not signed"
        case "invalid": return "⚠ not signed by its origin as it is"
        case "unknown_key": return "⚠ signed, by a key that nobody has told us of"
        default: return "not looked at"
        }
    }

    /// When it was.
    private static func verified(_ proof: JSON?) -> String {
        let occasion = proof?.text("occasion") ?? ""
        let later =
            switch occasion {
            case "review": "when its signature was looked at again"
            case "chain": "when its origin's signed chain reached it"
            case "copy": "when another copy of it came"
            default: ""
            }
        guard proof?.isTrue("proved") ?? false else {
            let found = proof?.text("found_at") ?? ""
            return unproved(proof) + (later.isEmpty || found.isEmpty ? "" : "; so found at \(found), \(later)")
        }
        switch occasion {
        case "own": return "\(proof?.text("verified_at") ?? ""), under this node's own key"
        case "arrival": return "\(proof?.text("verified_at") ?? ""), as it came"
        case "unknown": return "yes; when is not known: it came before 'federation' kept that"
        default: return "\(proof?.text("verified_at") ?? ""), \(later)"
        }
    }

    private static func unproved(_ proof: JSON?) -> String {
        switch proof?.text("verified") ?? "" {
        case "provisional_key": "not yet: only others say that the key is its origin's"
        case "unknown_key": "not yet: its key is not known"
        case "unsigned": "no: there is no signature"
        case "invalid": "no: its signature does not hold"
        default: "no: nobody has looked"
        }
    }

    private static func storyRows(_ result: JSON) -> [[String]] {
        var rows = [["  effect", effect(result)]]
        let changed = changed(result)
        if !changed.isEmpty { rows.append(["  changed", String(changed.dropFirst("changed ".count))]) }
        for (key, label) in [("replaced", "took the place of"), ("superseded_by", "lost to"), ("beside", "beside")] {
            for id in result.texts(key) { rows.append(["  \(label)", id]) }
        }
        if result.count("replacements") > 0 {
            rows.append(["  variants", "took the place of another variant \(counted(result.count("replacements"), "time")), last at \(result.text("replaced_at"))"])
        }
        for id in result.texts("same_number") { rows.append(["  ⚠ same number", id]) }
        if let purge = result["record"]?["purged"] { rows.append(["  purged", "by \(purge.text("event")): \(purge.text("reason"))"]) }
        return rows
    }

    private static func changed(_ story: JSON) -> String {
        var parts = story.texts("changed")
        if story.isTrue("changed_unknown") { parts.append("what its text said is not known: it was removed") }
        return parts.isEmpty ? "" : "changed \(parts.joined(separator: ", "))"
    }

    private static func effect(_ story: JSON) -> String {
        switch story.text("effect") {
        case "held": "held: \(story.text("hold"))"
        case "shown": "it is what the record shows"
        case "version": "one of several versions; another is shown: see 'federation show'"
        case "superseded": "replaced by later events"
        case "set": "what it set still holds"
        case "overridden": "a later event has set something else"
        case "counted": "its vote counts"
        case "purged": "it purged the record"
        case "purged_again": "the record had been purged before"
        case "purged_away": "the record was purged, and says nothing more"
        default: "it says nothing of a record"
        }
    }

    private static func aside(_ row: JSON) -> String {
        let retry = row.text("retry_at").isEmpty ? "" : ", tried again at \(row.text("retry_at"))"
        return "\(row.text("kind")): \(row.text("code")), from '\(row.text("peer"))' since \(row.text("first_seen"))\(retry) "
            + "('federation quarantine show \(row.text("row").isEmpty ? String(row.count("row")) : row.text("row"))')"
    }
}
