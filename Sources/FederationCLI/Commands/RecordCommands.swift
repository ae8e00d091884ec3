import Federation
import FederationCore

let putCommand = CommandDefinition(
    name: "put", summary: "write a record from a Markdown file",
    details: """
        A file is Markdown with optional front matter between two lines '---': title, type, tier, tags, author,
        derived_from, and for an update id and base. Without an id a new record is made and its id printed.
        An update is based on the version that 'base' names (as 'federation show' prints it), else on the
        current one; if the record changed meanwhile the write is refused, never merged blindly.
        """,
    positionals: [.init(name: "FILE", count: .many)],
    options: [
        .init("--id", value: "ID", "update this record"),
        .init("--base", value: "EVENT", "the version the edit was made on"),
        .init("--type", value: "TYPE", "fact, decision, preference, context, skill, intent, observation or note"),
        .init("--tier", value: "TIER", "short, mid or long"),
        .init("--title", value: "TITLE", "instead of the first heading"),
        .init("--dry-run", "only say what would be written"),
    ],
    examples: [
        ("federation put notes/*.md", "a record for each file"),
        ("echo '# Meeting' | federation put -", "a record from standard input"),
        ("federation put meeting.md --id 20260405-meeting-k3x9qa", "a new version of a record"),
    ]
) { arguments, console in
    let session = Session(arguments: arguments, console: console)
    if arguments.value("--id") != nil, arguments.positionals.count > 1 {
        return session.usage("--id goes with one file", hint: "name ids in the front matter of each")
    }
    var worst = ExitStatus.ok
    for path in arguments.positionals {
        let text: [UInt8]
        switch readInput(path, limit: Limits.eventDataBytes) {
        case .success(let bytes): text = bytes
        case .failure(let failure):
            worst = session.report(failure)
            continue
        }
        let request = newRequestID()
        let status = await session.perform(.put) { writer in
            writer.member("file", path)
            writer.member("request", request)
            writer.member("text", String(decoding: text, as: UTF8.self))
            for option in ["id", "base", "type", "tier", "title"] {
                if let value = arguments.value("--\(option)") { writer.member(option, value) }
            }
            writer.member("dry_run", arguments.has("--dry-run"))
        } render: { console.print($0.isTrue("dry_run") ? plannedPut($0) : $0.text("id")) }
        if status != .ok { worst = status }
    }
    return worst
}

private func plannedPut(_ result: JSON) -> String {
    let what = result.isTrue("created") ? "a record" : "a version of \(result.text("id"))"
    return "\(result.text("file")): would write \(what) '\(result.text("title"))' (\(counted(result.count("count"), "event")))"
}

let recordsCommand = CommandDefinition(
    name: "records", summary: "list records",
    details: """
        In order of id; those of all conditions given. Without --state the active and the archived ones are listed.
        --search finds a text in title, tags and body, without regard to case; nothing in it is a wildcard.
        """,
    options: [
        .init("--type", value: "TYPE", "only of this type"),
        .init("--tag", value: "TAG", "only with this tag"),
        .init("--state", value: "STATE", "active, archived, trashed, purged, diverged or all"),
        .init("--search", value: "TEXT", "only with this text in title, tags or body"),
        .init("--after", value: "ID", "only those after this one"),
        .init("--limit", value: "N", "at most N (default 1000)"),
        .init("--all", "the same as --state all"),
    ],
    examples: [
        ("federation records --json", "for a program"),
        ("federation records --type decision --tag storage", "both conditions"),
        ("federation records --search 'write-ahead log'", "wherever it stands"),
        ("federation records --state trashed", "what 'recover' could bring back"),
    ]
) { arguments, console in
    let session = Session(arguments: arguments, console: console)
    let limit: Int
    do throws(OptionProblem) { limit = try session.number("--limit", default: 1000, in: 1...1_000_000) } catch { return session.usage(error.what) }
    if arguments.has("--all"), arguments.value("--state") != nil { return session.usage("give either --all or --state") }
    let conditions = ["type", "tag", "state", "search", "after"].filter { arguments.value("--\($0)") != nil }
    return await session.perform(.records) { writer in
        writer.member("limit", limit)
        if arguments.has("--all") { writer.member("state", "all") }
        for name in conditions { writer.member(name, arguments.value("--\(name)") ?? "") }
    } render: { result in
        let records = result.items("records")
        let rows = records.map { record in
            [record.text("id"), record.text("type"), record.text("title") + marks(record)]
        }
        let nothing = conditions.isEmpty ? "no records yet: make one with 'federation put FILE'" : "no record is like that"
        if rows.isEmpty { console.note(nothing) } else { console.print(columns(rows)) }
        if result.isTrue("more") { console.note("… and more: --after \(records.last?.text("id") ?? "")") }
    }
}

/// What a list says of a record that is not simply there.
private func marks(_ record: JSON) -> String {
    var marks: [String] = []
    if record.isTrue("diverged") { marks.append("diverged") }
    if record.isTrue("incomplete") { marks.append("incomplete") }
    if record.text("lifecycle") != "active" { marks.append(record.text("lifecycle")) }
    if record["purged"] != nil { marks.append("purged") }
    return marks.isEmpty ? "" : "  [\(marks.joined(separator: ", "))]"
}

let showCommand = CommandDefinition(
    name: "show", summary: "show a record",
    positionals: [.init(name: "ID", count: .one)],
    examples: [("federation show 20260405-meeting-k3x9qa", "its facts and its text")]
) { arguments, console in
    let session = Session(arguments: arguments, console: console)
    return await session.perform(.show) { $0.member("id", arguments.positionals[0]) } render: { record in
        console.print(columns(recordFacts(record)))
        if record.isTrue("diverged") {
            console.print("\n\(counted(Int64(record.items("versions").count), "version")): choose one with 'federation resolve'")
            console.print(versions(of: record))
        } else if record["body"] != nil {
            console.print("\n" + (record["body"]?.string ?? "").escapedText)
        }
    }
}

private func recordFacts(_ record: JSON) -> [[String]] {
    var rows = [["id", record.text("id")], ["title", record.text("title")], ["type", record.text("type")], ["tier", record.text("tier")]]
    if !record.texts("tags").isEmpty { rows.append(["tags", record.texts("tags").joined(separator: ", ")]) }
    if !record.text("author").isEmpty { rows.append(["author", record.text("author")]) }
    rows.append(["state", record.text("lifecycle") + marks(record)])
    rows.append(["created", record.text("created")])
    rows.append(["updated", record.text("updated")])
    rows.append(["origin", record.text("origin")])
    if record.count("votes") != 0 { rows.append(["votes", String(record.count("votes"))]) }
    if record.count("held") != 0 { rows.append(["held", counted(record.count("held"), "event")]) }
    rows.append(["version", record.texts("heads").joined(separator: " ")])
    return rows
}

/// Each version of a diverged record, with what tells it apart.
private func versions(of record: JSON) -> String {
    record.items("versions").map { version in
        """

        ── \(version.text("origin")) (\(version.text("origin_name"))) \(version.text("timestamp"))
           version \(version.text("event"))

        \((version["body"]?.string ?? "(its text has not arrived)").escapedText)
        """
    }.joined(separator: "\n")
}

let divergencesCommand = CommandDefinition(
    name: "divergences", summary: "list records that were edited at the same time",
    examples: [("federation divergences", "each with its versions")]
) { arguments, console in
    let session = Session(arguments: arguments, console: console)
    return await session.perform(.divergences) { _ in } render: { result in
        for record in result.items("divergences") {
            console.print("\(record.text("id"))  \(record.text("title"))")
            for version in record.items("versions") {
                console.print("  \(version.text("origin"))  \(version.text("timestamp"))  \(version.text("origin_name"))")
            }
        }
    }
}

let resolveCommand = CommandDefinition(
    name: "resolve", summary: "settle a divergence, for every node",
    positionals: [.init(name: "ID", count: .one)],
    options: [
        .init("--accept", value: "ORIGIN", "keep the version of this origin (its ULID, or at least 8 characters of it)"),
        .init("--custom", value: "FILE", "keep this text instead ('-' for standard input)"),
        .init("--dry-run", "only say what would be written"),
    ],
    examples: [
        ("federation resolve 20260405-meeting-k3x9qa --accept 01KN33X5G0000G40R40M30E209", "one of the versions"),
        ("federation resolve 20260405-meeting-k3x9qa --custom merged.md", "a text of your own"),
    ]
) { arguments, console in
    let session = Session(arguments: arguments, console: console)
    let accept = arguments.value("--accept")
    let custom = arguments.value("--custom")
    guard (accept == nil) != (custom == nil) else { return session.usage("give either --accept ORIGIN or --custom FILE") }
    var text: String?
    if let custom {
        switch readInput(custom, limit: Limits.eventDataBytes) {
        case .success(let bytes): text = String(decoding: bytes, as: UTF8.self)
        case .failure(let failure): return session.report(failure)
        }
    }
    return await session.perform(.resolve) { writer in
        writer.member("id", arguments.positionals[0])
        writer.member("request", newRequestID())
        if let accept { writer.member("accept", accept) }
        if let text { writer.member("text", text) }
        writer.member("dry_run", arguments.has("--dry-run"))
    } render: { result in
        let planned = "\(result.text("id")) would be resolved (\(counted(result.count("count"), "event")))"
        console.print(result.isTrue("dry_run") ? planned : "\(result.text("id")) is resolved")
    }
}
