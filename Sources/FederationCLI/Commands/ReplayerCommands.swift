import Federation
import FederationCore

let replayerShowCommand = CommandDefinition(
    name: "replayer show", summary: "show a replayer, and the events that it has not taken",
    positionals: [.init(name: "NAME", count: .one)],
    examples: [("federation replayer show search", "how it stands, what waits, and why")]
) { arguments, console in
    let session = Session(arguments: arguments, console: console)
    return await session.perform(.replayerShow) { $0.member("name", arguments.positionals[0]) } render: { result in
        console.print(result["replayer"].map { columns(ReplayerText.rows($0)) } ?? "")
        let rows = result.items("waiting").map { event in
            [
                event.text("event_id"), event.text("trace_id"), event.text("code"), String(event.count("attempts")),
                event.isTrue("parked") ? "parked" : "tried again", String(event.count("behind_it")), event.text("since"),
                event.text("words"),
            ]
        }
        if rows.isEmpty { return console.note("nothing waits") }
        console.print("\n" + columns([["EVENT", "RECORD", "CODE", "TRIED", "STATE", "BEHIND IT", "SINCE", "REASON"]] + rows))
    }
}

let replayerRetryCommand = CommandDefinition(
    name: "replayer retry", summary: "give a replayer again what it has not taken",
    positionals: [.init(name: "NAME", count: .one), .init(name: "EVENT", count: .optional)],
    options: [.init("--dry-run", "only say how many events would be given again")],
    examples: [("federation replayer retry search", "once its program is mended")]
) { arguments, console in
    let word = arguments.has("--dry-run") ? "would be" : "is"
    return await changeReplayer("retry", arguments, console) { "\(counted($0, "record")) \(word) given again" }
}

let replayerSkipCommand = CommandDefinition(
    name: "replayer skip", summary: "let an event go that a replayer has not taken",
    details: "The event stays in the log; only this replayer is not given it. What waits behind it follows.",
    positionals: [.init(name: "NAME", count: .one), .init(name: "EVENT", count: .one)],
    options: [.init("--dry-run", "only say whether it would be")],
    examples: [("federation replayer skip search 01KNJX4991ASW6NNKS9BQHNCGB", "which it will never take")]
) { arguments, console in
    let word = arguments.has("--dry-run") ? "would be" : "is"
    return await changeReplayer("skip", arguments, console) { _ in "the event \(word) skipped" }
}

let replayerRewindCommand = CommandDefinition(
    name: "replayer rewind", summary: "give a replayer the whole log again",
    details: "A program that keeps the (seq, id) of each event answers what it has without doing it again.",
    positionals: [.init(name: "NAME", count: .one)],
    options: [.init("--dry-run", "change nothing")],
    examples: [("federation replayer rewind search", "after its own data was restored from a backup")]
) { arguments, console in
    let word = arguments.has("--dry-run") ? "would be" : "is"
    return await changeReplayer("rewind", arguments, console) { _ in "the log \(word) given again from its first event" }
}

private func changeReplayer(
    _ change: String, _ arguments: ParsedArguments, _ console: Console, _ text: (Int64) -> String
) async -> ExitStatus {
    let session = Session(arguments: arguments, console: console)
    return await session.perform(.replayerChange) {
        $0.member("change", change)
        $0.member("name", arguments.positionals[0])
        if arguments.positionals.count > 1 { $0.member("event", arguments.positionals[1]) }
        $0.member("dry_run", arguments.has("--dry-run"))
    } render: { console.print(text($0.count("count"))) }
}

/// A replayer as `status` has it, in words.
enum ReplayerText {
    static func rows(_ replayer: JSON) -> [[String]] {
        var rows = [
            ["  replayer", replayer.text("kind")],
            ["  state", state(replayer)],
            ["  given", "up to place \(grouped(replayer.count("seq"))); \(grouped(replayer.count("behind"))) to come"],
        ]
        if let files = replayer["files"] { rows += fileRows(files) }
        if !replayer.text("program").isEmpty {
            rows.append(["  program", "\(replayer.text("program")) \(replayer.text("version"))"])
        }
        if replayer.count("starts") > 1 { rows.append(["  started", counted(replayer.count("starts"), "time")]) }
        if replayer.count("retrying") > 0 { rows.append(["  retrying", counted(replayer.count("retrying"), "record")]) }
        if replayer.count("parked") > 0 {
            let name = replayer.text("name")
            rows.append(["  parked", "⚠ \(counted(replayer.count("parked"), "record")): see 'federation replayer show \(name)'"])
        }
        if let failure = replayer["last_failure"] {
            rows.append(["  last failure", "\(words(failure)), at \(failure.text("at"))"])
        }
        return rows
    }

    private static func fileRows(_ files: JSON) -> [[String]] {
        let edits = counted(files.count("edits"), "edit")
        var rows = [["  notes", "\(grouped(files.count("notes"))); \(edits) taken since the start"]]
        if files.count("conflicts") > 0 {
            rows.append(["  kept beside", "⚠ \(counted(files.count("conflicts"), "text")): '*.conflict-*'; delete what is settled"])
        }
        for file in files.items("left_alone") {
            let detail = [file.text("refusal"), file["number"] != nil ? "error \(file.count("number"))" : ""].filter { !$0.isEmpty }
            let why = file.text("why") + (detail.isEmpty ? "" : " (\(detail.joined()))")
            rows.append(["  left alone", "⚠ \(file.text("file")): \(why)"])
        }
        return rows
    }

    /// What a directory of notes as a whole suffers from, and what to do.
    private static func words(ofFolder problem: String, _ name: String) -> String {
        switch problem {
        case "directory_missing":
            "its directory is not there, or has lost its mark: mount it, or 'federation replayer rewind \(name)' to begin there anew"
        case "directory_not_ours": "its directory is another's: see \(DocumentPlace.words("files"))"
        case "disk_full": "there is no room for its files"
        case "many_missing":
            "most of its notes are missing, and none is deleted: put them back, or 'federation replayer rewind \(name)' to write them anew"
        case "too_many_notes": "there are more notes than a directory may have"
        case let code: code
        }
    }

    private static func state(_ replayer: JSON) -> String {
        if let problem = replayer["files"]?.text("problem"), !problem.isEmpty {
            return "⚠ \(words(ofFolder: problem, replayer.text("name")))"
        }
        return switch replayer.text("state") {
        case "waiting": "⚠ its program failed, and is started again in \(replayer.text("next_start_in"))"
        case "full": "⚠ full: so much waits that nothing further is given"
        case "stopped": "stopped: no daemon runs it"
        case let state: state
        }
    }

    static func words(_ failure: JSON) -> String {
        let number = String(failure.count("number"))
        return switch failure.text("code") {
        case "spawn": "its program could not be started (error \(number))"
        case "exited": "its program ended with status \(number)"
        case "killed": "its program was ended by signal \(number)"
        case "no_hello": "its program did not say hello"
        case "version": "its program speaks version \(number) of the protocol, which this one does not"
        case "malformed": "its program said what is no message"
        case "line_too_long": "its program said too long a line"
        case "not_given": "its program answered event \(number), which it was not given"
        case "wrong_id": "its program answered event \(number) under another one's id"
        case "flood": "its program answered again and again"
        case "unread": "its program did not read what it was given"
        case "stalled": "its program did not answer in time"
        case "closed_input": "its program closed its standard input"
        case "closed_output": "its program closed its standard output"
        case let code: code
        }
    }
}
