import Federation
import FederationCore

let eventsCommand = CommandDefinition(
    name: "events", summary: "list the log, or one record's history",
    details: "Events are listed in the order they arrived here.",
    positionals: [.init(name: "ID", count: .optional)],
    options: [
        .init("--since", value: "SEQ", "only those after this place in the log (or after this event's id)"),
        .init("--limit", value: "N", "at most N (default 100)"),
        .init("--follow", short: "-f", "go on with new ones as they come, until stopped"),
    ],
    examples: [
        ("federation events --limit 20", "the first twenty"),
        ("federation events --follow --json", "one object a line, for a program"),
        ("federation events 20260405-meeting-k3x9qa", "everything that happened to a record"),
    ]
) { arguments, console in
    let session = Session(arguments: arguments, console: console)
    let limit: Int
    do throws(OptionProblem) { limit = try session.number("--limit", default: 100, in: 1...100_000) } catch { return session.usage(error.what) }
    if arguments.has("--follow") {
        let wanted = arguments.value("--limit") == nil ? nil : limit
        return await EventFollower(session: session, subject: arguments.positionals.first, wanted: wanted).run()
    }
    return await session.perform(.events) { writer in
        if let id = arguments.positionals.first { writer.member("id", id) }
        if let since = arguments.value("--since") { writer.member("since", since) }
        writer.member("limit", limit)
    } render: { result in
        let rows = result.items("events").map(eventRow)
        if !rows.isEmpty { console.print(columns(rows)) }
        if result.isTrue("more") { console.note("… and more: --since \(result.count("last_seq"))") }
    }
}

/// An event as a list shows it.
func eventRow(_ event: JSON) -> [String] {
    [
        String(event.count("seq")), event.text("id"), event.text("timestamp"), event.text("action"),
        event.text("trace_id"), event.text("origin") + eventMarks(event),
    ]
}

private func eventMarks(_ event: JSON) -> String {
    var marks: [String] = []
    if !event.text("hold").isEmpty { marks.append("held: \(event.text("hold"))") }
    if event.isTrue("stub") { marks.append("stub") }
    if event.isTrue("early") { marks.append("early") }
    switch event.text("verified") {
    case "invalid": marks.append("invalid signature")
    case "unsigned": marks.append("unsigned")
    case "unknown_key": marks.append("unknown key")
    case "provisional_key": marks.append("key not met")
    default: break
    }
    return marks.isEmpty ? "" : "  [\(marks.joined(separator: ", "))]"
}

let quarantineListCommand = CommandDefinition(
    name: "quarantine list", summary: "list events that are not applied: held, refused, deferred",
    examples: [("federation quarantine list", "what, from whom, since when and why")]
) { arguments, console in
    let session = Session(arguments: arguments, console: console)
    return await session.perform(.quarantineList) { _ in } render: { result in
        let rows = result.items("entries").map { entry in
            [
                entry.text("row"), entry.text("kind"), entry.text("reason"), entry.text("code"), entry.text("peer"),
                entry.text("event_id"), entry.text("trace_id"), entry.text("first_seen"),
            ]
        }
        if rows.isEmpty {
            console.note("nothing is held, refused or deferred")
        } else {
            console.print(columns([["ROW", "KIND", "REASON", "CODE", "PEER", "EVENT", "RECORD", "SINCE"]] + rows))
        }
    }
}

let quarantineShowCommand = CommandDefinition(
    name: "quarantine show", summary: "show one such event with its bytes",
    positionals: [.init(name: "ROW", count: .one)],
    examples: [("federation quarantine show 7", "a refused event; held ones are named by their id")]
) { arguments, console in
    let session = Session(arguments: arguments, console: console)
    return await session.perform(.quarantineShow) { $0.member("row", arguments.positionals[0]) } render: { entry in
        console.print(columns(["row", "kind", "reason", "code", "peer", "event_id", "trace_id", "first_seen", "last_seen", "retry_at"]
            .filter { !entry.text($0).isEmpty }.map { [$0, entry.text($0)] } + [["seen", counted(entry.count("count"), "time")]]))
        console.print("\n" + entry.text("bytes"))
    }
}

let quarantineRetryCommand = CommandDefinition(
    name: "quarantine retry", summary: "try such an event again now",
    positionals: [.init(name: "ROW", count: .one)],
    options: [.init("--dry-run", "only say what would become of it")],
    examples: [("federation quarantine retry 7", "after an upgrade, say")]
) { arguments, console in
    let session = Session(arguments: arguments, console: console)
    return await session.perform(.quarantineRetry) {
        $0.member("row", arguments.positionals[0])
        $0.member("dry_run", arguments.has("--dry-run"))
    } status: {
        $0.isTrue("applied") ? .ok : .degraded
    } render: { result in
        let isDryRun = result.isTrue("dry_run")
        let applied = isDryRun ? "would be applied" : "applied"
        let not = isDryRun ? "would still not be applied" : "still not applied"
        console.print(result.isTrue("applied") ? applied : "\(not): \(result.text("reason"))")
    }
}

let quarantineDropCommand = CommandDefinition(
    name: "quarantine drop", summary: "forget the evidence of a refused event",
    details: "Held events are in the log and cannot be dropped; a peer that still serves the event brings it back.",
    positionals: [.init(name: "ROW", count: .one)],
    options: [.init("--dry-run", "only say what would be dropped")],
    examples: [("federation quarantine drop 7", "when it has been looked at")]
) { arguments, console in
    let session = Session(arguments: arguments, console: console)
    return await session.perform(.quarantineDrop) {
        $0.member("row", arguments.positionals[0])
        $0.member("dry_run", arguments.has("--dry-run"))
    } render: { result in
        console.print(result.isTrue("dropped") ? "dropped" : "would drop row \(result.text("row"))")
    }
}
