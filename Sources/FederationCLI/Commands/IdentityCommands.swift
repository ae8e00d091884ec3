import Federation
import FederationCore

let identityShowCommand = CommandDefinition(
    name: "identity show", summary: "show who this node is",
    examples: [("federation identity show", "its ULID and public key")]
) { arguments, console in
    await changed(arguments, console) { () throws(CommandFailure) in
        try await IdentityChange.show(configPath: arguments.configPath)
    } render: { result in
        console.print(columns(["id", "name", "public_key"].map { [$0, result.text($0)] }))
        if !result.text("stopped").isEmpty { console.note("⚠ this node writes nothing: it is \(result.text("stopped"))") }
    }
}

let identityRecoverCommand = CommandDefinition(
    name: "identity recover", summary: "go on as the same node after a restore: fetch what it wrote from its peers",
    details: """
        For a database that was restored from a backup, or moved, where the original is gone. Every peer is read from
        its beginning; the node then continues above the highest number it ever gave. Stop the daemon first.
        """,
    options: [
        .init("--partial", "go on although some peers cannot be reached"),
        .init("--bundle", value: "FILE", "also take in a whole bundle of a peer that cannot be asked"),
        .init("--dry-run", "only say what would be fetched: on a copy of the database, which is thrown away"),
    ],
    examples: [("federation identity recover", "then 'federation run' again")]
) { arguments, console in
    await changed(arguments, console) { () throws(CommandFailure) in
        try await IdentityChange.recover(
            configPath: arguments.configPath, partial: arguments.has("--partial"),
            bundles: arguments.value("--bundle").map { [$0] } ?? [], isDryRun: arguments.has("--dry-run"))
    } render: { result in
        let done = result.isTrue("dry_run") ? "would recover" : "recovered"
        console.print("\(done) \(result.text("id")): \(counted(result.count("fetched"), "event")) fetched, last number \(grouped(result.count("number")))")
    }
}

let identityNewCommand = CommandDefinition(
    name: "identity new", summary: "make a copied database a node of its own",
    details: "A new ULID and a new key; what the old identity wrote stays in the log as another node's. Stop the daemon first.",
    options: [
        .init("--yes", short: "-y", "do not ask"),
        .init("--dry-run", "only say who would be left behind"),
    ],
    examples: [("federation identity new --yes", "after copying a data directory to another machine")]
) { arguments, console in
    guard arguments.has("--yes") || arguments.has("--dry-run") || console.confirm("give this node a new identity?") else {
        return Session(arguments: arguments, console: console).report(CommandFailure(.needsConfirmation))
    }
    return await changed(arguments, console) { () throws(CommandFailure) in
        try await IdentityChange.new(configPath: arguments.configPath, isDryRun: arguments.has("--dry-run"))
    } render: { result in
        let left = counted(result.count("log_events"), "event")
        let planned = "a new identity in place of \(result.text("was")), whose \(left) stay in the log"
        console.print(result.isTrue("dry_run") ? planned : "\(result.text("id")), was \(result.text("was"))")
    }
}

/// Runs one of these commands and prints its facts.
private func changed(
    _ arguments: ParsedArguments, _ console: Console, _ change: () async throws(CommandFailure) -> [UInt8],
    render: (JSON) -> Void
) async -> ExitStatus {
    let session = Session(arguments: arguments, console: console)
    do throws(CommandFailure) {
        let bytes = try await change()
        if arguments.json {
            console.print(String(decoding: bytes, as: UTF8.self))
        } else if let result = try? JSON(bytes) {
            render(result)
        }
        return .ok
    } catch {
        return session.report(error)
    }
}
