import Federation
import FederationCore

let archiveCommand = lifecycleCommand(
    .archive, done: "archived", summary: "put records out of the way, where they can still be found",
    details: "An archived record keeps its text and can be edited. 'unarchive' brings it back.")

let unarchiveCommand = lifecycleCommand(
    .unarchive, done: "unarchived", summary: "bring archived records back", details: "The opposite of 'archive'.")

let trashCommand = lifecycleCommand(
    .trash, done: "trashed", summary: "put records into the trash",
    details: "Nothing is lost: 'recover' brings them back. A record in the trash takes no edit, and lists leave it out.")

/// One of the commands that put records somewhere, and back; `recover` is the fourth.
private func lifecycleCommand(
    _ name: CommandName, done: String, summary: String, details: String
) -> CommandDefinition {
    CommandDefinition(
        name: name.rawValue, summary: summary, details: details + "\nAll the records named are changed, or none.",
        positionals: [.init(name: "ID", count: .many)],
        options: [.init("--dry-run", "only say what would be written")],
        examples: [("federation \(name.rawValue) 20260405-meeting-k3x9qa", "on every node, as they take it in")]
    ) { arguments, console in
        let session = Session(arguments: arguments, console: console)
        return await session.change(name, done: done)
    }
}

let purgeCommand = CommandDefinition(
    name: "purge", summary: "remove records for good, on every node",
    details: """
        Their text goes from this node's log and, as they take the purge in, from every other node's: at once where
        its signature is verified, else after 7 days. No later edit brings a purged record back, not even one that was
        made before the purge and arrives after it. That they were there stays in the log.
        All the records named are purged, or none.
        """,
    positionals: [.init(name: "ID", count: .many)],
    options: [
        .init("--yes", short: "-y", "do not ask"),
        .init("--dry-run", "only say what would be lost"),
    ],
    examples: [
        ("federation purge 20260405-meeting-k3x9qa --dry-run", "what would be lost"),
        ("federation purge 20260405-meeting-k3x9qa --yes", "do it"),
    ]
) { arguments, console in
    let session = Session(arguments: arguments, console: console)
    do throws(CommandFailure) {
        let planned = try await session.changed(.purge, isDryRun: true)
        if !arguments.json { for record in planned.items("records") { console.print(purgeText(record)) } }
        guard !arguments.has("--dry-run") else {
            if arguments.json { console.print(String(decoding: planned.raw, as: UTF8.self)) }
            return .ok
        }
        if planned.count("changed") > 0, !arguments.has("--yes") {
            console.note("this is for good, on every node that has or gets them")
            guard console.confirm("purge \(counted(planned.count("changed"), "record"))?") else {
                throw CommandFailure(.needsConfirmation)
            }
        }
        return session.show(try await session.changed(.purge, isDryRun: false), done: "purged")
    } catch {
        return session.report(error)
    }
}

private func purgeText(_ record: JSON) -> String {
    guard record.isTrue("changed") else { return "\(record.text("id")): purged already" }
    let versions = counted(record.count("log_events"), "version")
    return "\(record.text("id")) '\(record.text("title"))' would lose its text, in \(versions)"
}

extension Session {
    func change(_ name: CommandName, done: String) async -> ExitStatus {
        do throws(CommandFailure) {
            return show(try await changed(name, isDryRun: arguments.has("--dry-run")), done: done)
        } catch {
            return report(error)
        }
    }

    fileprivate func changed(_ name: CommandName, isDryRun: Bool) async throws(CommandFailure) -> JSON {
        guard arguments.positionals.count <= Limits.recordsPerCommand else {
            throw CommandFailure(.tooManyRecords, ["limit": String(Limits.recordsPerCommand)])
        }
        return try await call(name) {
            $0.member("ids", arguments.positionals)
            $0.member("request", newRequestID())
            $0.member("dry_run", isDryRun)
        }
    }

    fileprivate func show(_ result: JSON, done: String) -> ExitStatus {
        if arguments.json {
            console.print(String(decoding: result.raw, as: UTF8.self))
            return .ok
        }
        let isDryRun = result.isTrue("dry_run")
        for record in result.items("records") {
            let would = isDryRun ? "would be \(done) (\(counted(record.count("count"), "event")))" : done
            console.print("\(record.text("id")): \(record.isTrue("changed") ? would : "is so already")")
        }
        if isDryRun, result.items("records").count > 1 {
            console.print("\(counted(result.count("count"), "event")) for \(counted(result.count("changed"), "record")) in all")
        }
        return .ok
    }
}
