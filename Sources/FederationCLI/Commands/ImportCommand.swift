import Federation
import FederationCore

let importCommand = CommandDefinition(
    name: "import", summary: "take in a Noema cortex, a tree of Markdown files or a bundle",
    details: """
        A file, or - for standard input, is a bundle that 'federation export' of a peer made: it is taken in by the same checks
        as what that peer gives itself. A directory is a Noema cortex (one with cortex.md) or any directory with Markdown files in it. Nothing in it is
        changed. Of a cortex the events are taken in as they are, and then its trace files are compared with them; of
        other files each becomes a record. What was taken in before is met again as what it is, so an import can be
        repeated, and one that was cut short is begun anew.
        """,
    positionals: [.init(name: "PATH", count: .one)],
    options: [
        .init("--dry-run", "only count what would happen, on a copy of the database"),
        .init("--markdown", "take a cortex for a tree of Markdown files"),
        .init("--events-only", "of a cortex leave the trace files alone"),
        .init("--tree", value: "NAME", "what the tree of files is known by later (default: its path)"),
        CommandDefinition.progress,
    ],
    examples: [
        ("federation import ~/my-cortex --dry-run", "what a cortex would bring"),
        ("federation import ~/notes", "a record for each note; again later, for what has changed"),
        ("federation import /media/usb/beta.bundle", "what beta has written since"),
    ]
) { arguments, console in
    if BundleImport.isFile(arguments.positionals[0]) { return await importBundle(arguments, console) }
    let session = Session(arguments: arguments, console: console)
    var run = ImportRun(directory: arguments.positionals[0], configPath: arguments.configPath)
    run.isDryRun = arguments.has("--dry-run")
    run.asMarkdown = arguments.has("--markdown")
    run.eventsOnly = arguments.has("--events-only")
    run.tree = arguments.value("--tree")
    let display = ProgressDisplay.forCommand("import", unit: "items", session)
    do throws(CommandFailure) {
        let answer = try await run.run { done, total in await display?.reached(done, of: total) }
        await display?.end()
        if arguments.json {
            console.print(String(decoding: answer, as: UTF8.self))
        }
        guard let result = try? JSON(answer) else { return .failure }
        if !arguments.json { printImport(result, console) }
        if result.isTrue("stops_node") { return .identity }
        return result.count("problem_count") > 0 ? .degraded : .ok
    } catch {
        await display?.end()
        return session.report(error)
    }
}

private func printImport(_ result: JSON, _ console: Console) {
    let isDryRun = result.isTrue("dry_run")
    let what = result["cortex"].map { "the cortex \($0.text("name")) \($0.text("id"))" } ?? "Markdown files"
    console.print("\(isDryRun ? "would import" : "imported") \(what) from \(result.text("directory"))")
    var rows: [[String]] = []
    for part in ["events", "files"] {
        guard let counts = result[part] else { continue }
        let words = [
            ("applied", "new"), ("duplicates", "known"), ("created", "created"), ("updated", "updated"),
            ("archived", "archived"), ("trashed", "trashed"), ("unchanged", "unchanged"), ("held", "held"),
            ("refused", "refused"), ("deferred", "deferred"), ("unreadable", "unreadable"), ("links", "links passed over"),
        ]
        let facts = words.filter { counts.count($0.0) > 0 }.map { "\(grouped(counts.count($0.0))) \($0.1)" }
        rows.append(["  \(part)", "\(grouped(counts.count("read"))) read" + (facts.isEmpty ? "" : ": ") + facts.joined(separator: ", ")])
    }
    console.print(columns(rows))
    if result["cortex"] != nil {
        for file in result.items("written") {
            console.print("  \(file.text("path")): \(file.texts("did").joined(separator: " and ")) by an event of this node")
        }
    }
    let removed = result.texts("removed")
    if !removed.isEmpty {
        console.note("\(counted(Int64(removed.count), "file")) imported earlier \(removed.count == 1 ? "is" : "are") gone; the records stay:")
        for path in removed { console.note("  \(path)") }
    }
    for problem in result.items("problems") { console.warning("\(importLabel(problem)): \(importWords(problem.text("code")))") }
    let omitted = result.count("problem_count") - Int64(result.items("problems").count)
    if omitted > 0 { console.note("… and \(counted(omitted, "more problem"))") }
    let peers = result.items("peers")
    if !peers.isEmpty {
        console.print("peers of the cortex, which are not added; to add them:")
        for peer in peers { console.print("  federation add-peer \(peer.text("name")) \(peer.text("endpoint"))") }
    }
    if result.isTrue("stops_node") {
        console.error(
            "the cortex has an event of this node that this node lacks: \(isDryRun ? "it would stop writing" : "it has stopped writing")",
            hint: "this database is older than what its node has published: 'federation identity recover'")
    }
}

private func importLabel(_ problem: JSON) -> String {
    if !problem.text("path").isEmpty { return problem.text("path") }
    if !problem.text("event").isEmpty { return "event \(problem.text("event"))" }
    return "row \(problem.count("row"))"
}

/// A problem's code in words; one that speaks for itself stays a code.
private func importWords(_ code: String) -> String {
    switch code {
    case "too_large": "too large"
    case "binary": "not a text file"
    case "not_utf8": "not UTF-8 text"
    case "name_not_utf8": "its name is not UTF-8"
    case "not_a_file": "not a regular file"
    case "not_readable": "cannot be read"
    case "too_deep": "too many directories one within another"
    case "too_many": "more files than one tree may have; this one and all after it are left out"
    case "damaged": "the database of the cortex is damaged here"
    case "front_matter": "no trace file: its front matter cannot be read"
    case "heads_changed": "the record was changed here since the file was imported: settle it with 'federation put --id'"
    case "file_older": "differs from its last event, and is older: left as it is"
    case "file_undated": "differs from its last event, and does not say when it was written: left as it is"
    case "diverged": "the record has several versions: choose one with 'federation resolve'"
    case "events_held": "its events are held or refused: see 'federation quarantine list'"
    case "source_locked": "locked by its owner"
    case "lifecycle_differs": "lies elsewhere than its events say: left as they say"
    case "purged": "its record was purged for good"
    case "trashed": "its record is in the trash"
    case "immutable": "its record is of tier long, whose content does not change"
    case "invalid_trace_id": "its id is no record id"
    case "unknown_type": "its type is none that can be written"
    case "incomplete": "the text of the record has not arrived"
    default: code
    }
}
