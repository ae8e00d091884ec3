import Federation
import FederationCore

let compactCommand = CommandDefinition(
    name: "compact", summary: "remove the text of updates that were overtaken long ago",
    details: """
        What remains of such an update is a stub: it still verifies, counts and reconciles, and every record shows what it
        showed before. Creates, current versions and whatever has no proven successor keep their text. The node may run
        meanwhile; a run that was stopped is begun anew and loses nothing.
        The room becomes free in the file, for new events; --vacuum gives it back to the disk, which takes a while and
        needs twice the room of what is left.
        """,
    options: [
        .init("--keep-days", value: "N", "keep the text for so many days after it was overtaken (default: 90)"),
        .init("--vacuum", "write the file anew without what is free in it"),
        .init("--dry-run", "only count what would go"),
        CommandDefinition.progress,
    ],
    examples: [
        ("federation compact --dry-run", "how much there is"),
        ("federation compact --keep-days 365 --vacuum", "a year of history, and a smaller file"),
    ]
) { arguments, console in
    let session = Session(arguments: arguments, console: console)
    let days: Int
    do throws(OptionProblem) { days = try session.number("--keep-days", default: 90, in: 0...36_500) } catch {
        return session.usage(error.what)
    }
    var run = Compacting(configPath: arguments.configPath, kept: .seconds(Int64(days) * 86_400))
    run.rewrites = arguments.has("--vacuum")
    run.isDryRun = arguments.has("--dry-run")
    let display = ProgressDisplay.forCommand("compact", unit: "events", session)
    do throws(CommandFailure) {
        let answer = try await run.run { done, total in await display?.reached(done, of: total) }
        await display?.end()
        if arguments.json {
            console.print(String(decoding: answer, as: UTF8.self))
        } else if let result = try? JSON(answer) {
            show(result, rewrites: run.rewrites, console)
        }
        return .ok
    } catch {
        await display?.end()
        return session.report(error)
    }
}

private func show(_ result: JSON, rewrites: Bool, _ console: Console) {
    let isDryRun = result.isTrue("dry_run")
    let what = "\(counted(result.count("stubs"), "event")) of \(counted(result.count("records"), "record"))"
    let freed = byteText(result.count("bytes"))
    console.print("\(isDryRun ? "would remove" : "removed") the text of \(what): \(freed)")
    let after = byteText(result.count("file_after"))
    if rewrites, !isDryRun {
        console.print("the file has \(after), and had \(byteText(result.count("file_before")))")
    } else {
        let free = result.count("reusable")
        console.print("the file has \(after)" + (free > 0 ? ", of which \(byteText(free)) are whole pages that are free" : ""))
    }
    if !rewrites, !isDryRun, max(result.count("reusable"), result.count("bytes")) > 1_000_000 {
        console.note("federation: hint: 'federation compact --vacuum' gives what is free back to the disk")
    }
}
