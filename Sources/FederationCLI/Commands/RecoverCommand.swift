import Federation
import FederationCore

let recoverCommand = CommandDefinition(
    name: "recover", summary: "bring records back from the trash; without ID: make a damaged database anew",
    details: """
        With IDs it is the opposite of 'trash': all the records named are brought back, or none.

        Without, it is for a database that is damaged: the node says so and writes nothing. What can still be read of it is
        taken into a new database, row by row, as what a peer gives is: by its digest and its signature. Then every peer is
        read from its beginning. The damaged files are moved into a directory beside it and kept. Stop the daemon first.
        The node goes on as the one that it was. Where own events may be missing that only a peer has which cannot be
        reached, it writes nothing until 'federation identity recover' has read that peer.
        """,
    positionals: [.init(name: "ID", count: .any)],
    options: [
        .init("--dry-run", "only say what would be done"),
        .init("--partial", "of a database: go on writing although some peers cannot be reached"),
        .init("--force", "of a database: make it anew also where nothing is found wrong with it"),
        CommandDefinition.progress,
    ],
    examples: [
        ("federation recover 20260405-meeting-k3x9qa", "on every node, as they take it in"),
        ("federation recover --dry-run", "what of a damaged database can still be read"),
        ("federation recover", "then 'federation run' again"),
    ]
) { arguments, console in
    let session = Session(arguments: arguments, console: console)
    guard arguments.positionals.isEmpty else {
        guard !arguments.has("--partial"), !arguments.has("--force") else {
            return session.usage("--partial and --force are for a database: give them without ID")
        }
        return await session.change(.recover, done: "recovered")
    }
    var recovery = Recovery(configPath: arguments.configPath)
    recovery.isDryRun = arguments.has("--dry-run")
    recovery.isPartial = arguments.has("--partial")
    recovery.isForced = arguments.has("--force")
    return await session.long("recover", unit: "steps") { [recovery] progress throws(CommandFailure) in
        try await recovery.run(progress: progress)
    } status: { $0["settled"]?.bool ?? true ? .ok : .unreachable
    } render: { show($0, console) }
}

private func show(_ result: JSON, _ console: Console) {
    guard result.isTrue("damaged") else {
        console.print("nothing is wrong with the database: there is nothing to recover")
        return
    }
    let would = result.isTrue("dry_run")
    console.print("\(would ? "would recover" : "recovered") \(result.text("id")): \(counted(result.count("log_events"), "event"))")
    console.print("  \(grouped(result.count("salvaged"))) read from the damaged file, \(grouped(result.count("fetched"))) from peers")
    let lost = result.count("unreadable") + result.count("refused")
    if lost > 0 { console.warning("\(counted(lost, "row")) of the old log could not be read, or did not hold") }
    if !result.isTrue("state_whole") { console.warning("what was known of peers may be gone: look at 'federation peers'") }
    for peer in result.texts("unreachable") { console.warning("'\(peer.escapedForTerminal)' could not be read") }
    let kept = result.text("kept_in")
    if !kept.isEmpty { console.print("  the damaged files are kept in \(kept.escapedForTerminal)") }
    if result.isTrue("was_stopped") {
        console.note("it writes nothing yet: before it was damaged it was a copy, or older than what it had published, and is so still")
        console.note("federation: hint: 'federation identity recover' if it is the node and the original is gone; else 'federation identity new'")
    } else if !result.isTrue("settled") {
        console.note("it writes nothing yet: own events may be missing that only those peers have")
        console.note("federation: hint: 'federation identity recover' once they can be reached; when they are gone for good, with --partial")
    }
}
