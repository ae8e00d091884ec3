import Federation
import FederationConfig
import FederationCore

let exportCommand = CommandDefinition(
    name: "export", summary: "write a bundle of events for a node that no network reaches",
    details: """
        A bundle holds what a peer would be given: events exactly as they are stored, and what their origins attest, each
        page signed by this node. 'federation import' takes it in by the same checks as what a peer gives.
        With --for it begins where that peer's last bundle, imported here, said that it has our log: two nodes that carry
        bundles to and fro give each other only what is new. A bundle that is lost costs nothing: the next holds it too.
        """,
    options: [
        .init("--to", value: "FILE", "where the bundle goes; - is standard output"),
        .init("--for", value: "PEER", "only what that peer does not have, as far as it has said"),
        .init("--since", value: "WHEN", "only what came here since a time (2026-05-01) or so long ago (36h), or behind a place in the log (6056), an event's id or a position"),
        .init("--force", "replace FILE"),
        .init("--dry-run", "only count what would be written"),
        CommandDefinition.progress,
    ],
    examples: [
        ("federation export --to /media/usb/alpha.bundle", "everything"),
        ("federation export --for beta --to /media/usb/alpha.bundle", "what beta lacks"),
        ("federation export --since 24h --to - | ssh far federation import -", "a day, through a pipe"),
    ]
) { arguments, console in
    let session = Session(arguments: arguments, console: console)
    guard arguments.value("--for") == nil || arguments.value("--since") == nil else {
        return session.usage("--for and --since both say where the bundle begins: give one of them")
    }
    let isDryRun = arguments.has("--dry-run")
    guard let to = arguments.value("--to") ?? (isDryRun ? "-" : nil) else {
        return session.usage("--to FILE says where the bundle goes", hint: "--to - writes it to standard output")
    }
    let toOutput = to == "-" && !isDryRun
    guard !(toOutput && arguments.json) else { return session.usage("standard output is the bundle's: give --json with --to FILE") }
    guard !(toOutput && console.isTerminal) else {
        return session.usage("a bundle is not for a terminal", hint: "give --to FILE, or a pipe")
    }
    var since = BundleExport.Since.beginning
    if let peer = arguments.value("--for") { since = .peer(peer) }
    if let text = arguments.value("--since") {
        do throws(BundleExport.Unread) {
            since = try BundleExport.Since(text, now: SystemClock.now())
        } catch {
            return session.usage(error.words)
        }
    }
    var export = BundleExport(configPath: arguments.configPath, target: to == "-" ? nil : to, since: since)
    export.replaces = arguments.has("--force")
    export.isDryRun = isDryRun
    let display = ProgressDisplay.forCommand("export", unit: "events", session)
    do throws(CommandFailure) {
        let answer = try await export.run { done, total in await display?.reached(done, of: total) }
        await display?.end()
        guard let result = try? JSON(answer) else { return .failure }
        if arguments.json {
            console.print(String(decoding: answer, as: UTF8.self))
        } else {
            let what = "\(counted(result.count("events"), "event")), \(byteText(result.count("bytes")))\(behind(result["behind"]))"
            let line = "\(isDryRun ? "would write" : "wrote") \(toOutput ? "a bundle" : result.text("file")): \(what)"
            if toOutput { console.note(line) } else { console.print(line) }
        }
        return .ok
    } catch {
        await display?.end()
        return session.report(error)
    }
}

extension BundleExport.Unread {
    fileprivate var words: String {
        switch self {
        case .nothing:
            "--since must be a time such as 2026-05-01 or 2026-05-01T12:00:00Z, a duration such as 36h, a place in the log such "
                + "as 6056 ('federation events' begins each line with it), an event's id, or a position as a bundle names it"
        case .year(let digits):
            "--since \(digits) may be a year or a place in the log: write \(digits)-01-01 for what came here since that day, or "
                + "\(grouped(Int64(digits) ?? 0)) for what stands behind that place"
        }
    }
}

/// The event that a bundle begins after, in words; empty where it holds the log from its beginning.
private func behind(_ place: JSON?) -> String {
    place.map { ", behind place \(grouped($0.count("seq"))), which came \($0.text("received_at"))" } ?? ""
}

/// A bundle that is taken in.
func importBundle(_ arguments: ParsedArguments, _ console: Console) async -> ExitStatus {
    let session = Session(arguments: arguments, console: console)
    for option in ["--markdown", "--events-only", "--tree"] where arguments.has(option) || arguments.value(option) != nil {
        return session.usage("\(option) is for directories, and this is a file")
    }
    var bundle = BundleImport(file: arguments.positionals[0], configPath: arguments.configPath)
    bundle.isDryRun = arguments.has("--dry-run")
    let display = ProgressDisplay.forCommand("import", unit: "bytes", session)
    do throws(CommandFailure) {
        let answer = try await bundle.run { done, total in await display?.reached(done, of: total) }
        await display?.end()
        guard let result = try? JSON(answer) else { return .failure }
        if arguments.json { console.print(String(decoding: answer, as: UTF8.self)) } else { show(result, console) }
        if result.isTrue("stops_node") { return .identity }
        let left = ["held", "refused", "deferred"].contains { (result["events"]?.count($0) ?? 0) > 0 }
        return left || result["missing_before"] != nil ? .degraded : .ok
    } catch {
        await display?.end()
        return session.report(error)
    }
}

private func show(_ result: JSON, _ console: Console) {
    let isDryRun = result.isTrue("dry_run")
    guard let bundle = result["bundle"], let events = result["events"] else { return }
    let words = [("applied", "new"), ("duplicates", "known"), ("held", "held"), ("refused", "refused"), ("deferred", "deferred")]
    let facts = words.filter { events.count($0.0) > 0 }.map { "\(grouped(events.count($0.0))) \($0.1)" }
    console.print(
        "\(isDryRun ? "would import" : "imported") the bundle that \(result.text("peer")) made at \(bundle.text("made_at")): "
            + "\(counted(events.count("read"), "event"))" + (facts.isEmpty ? "" : ": " + facts.joined(separator: ", ")))
    if result.isTrue("equal") { console.print("  the logs of both are equal") }
    if events.count("held") + events.count("refused") + events.count("deferred") > 0 {
        console.note("federation: hint: 'federation quarantine list' says why some are not applied")
    }
    if result["missing_before"] != nil {
        let peer = result.text("peer")
        console.warning("the bundle does not go on from what was read of \(peer)'s log: what comes before it may be missing here")
        console.note(
            "federation: hint: 'federation export --for \(peer)' tells \(peer) how far that is; its next bundle begins there")
    }
    if result.isTrue("stops_node") {
        console.error(
            "the bundle has an event of this node that this node lacks: \(isDryRun ? "it would stop writing" : "it has stopped writing")",
            hint: "this database is older than what its node has published: 'federation identity recover'")
    }
}
