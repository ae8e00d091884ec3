import Federation
import FederationCore

let dryRunOption = CommandDefinition.Option("--dry-run", "only show what would be written")

let removePeerCommand = CommandDefinition(
    name: "remove-peer", summary: "take a peer out of the configuration",
    details: """
        A running daemon lets what it has in hand end and polls the peer no more. The pin, the cursor and the health of
        the peer stay, so that one that comes back under its name goes on where it was; --forget removes them. Events,
        records and the clock stay either way.
        """,
    positionals: [.init(name: "NAME", count: .one)],
    options: [dryRunOption, .init("--forget", "also forget its pin, its cursor and its health")],
    examples: [
        ("federation remove-peer beta --dry-run", "what would change"), ("federation remove-peer beta", "poll beta no more"),
    ]
) { arguments, console in
    await edit(arguments, console) { () throws(CommandFailure) in
        try await ConfigEditing(configPath: arguments.configPath, dryRun: arguments.has("--dry-run"))
            .removePeer(arguments.positionals[0], forget: arguments.has("--forget"))
    } words: { isDryRun, result in
        let name = result.text("name")
        var words = result.isTrue("changed")
            ? "\(isDryRun ? "would remove" : "removed") peer \(name) from \(result.text("config"))"
            : "\(result.text("config")) has no peer \(name)"
        if result["forgotten"] != nil {
            words += "\n\(isDryRun ? "would forget" : "forgot") \(counted(result.count("forgotten"), "value")) kept of \(name)"
        } else if !isDryRun {
            words += "\nits pin and its cursor stay: 'federation remove-peer \(name) --forget' removes them"
        }
        return words
    }
}

let pausePeerCommand = CommandDefinition(
    name: "pause-peer", summary: "neither poll nor serve a peer, for now",
    details: "Its pin, its cursor and its mode are kept. A running daemon stops at once.",
    positionals: [.init(name: "NAME", count: .one)], options: [dryRunOption],
    examples: [("federation pause-peer beta", "until 'federation resume-peer beta'")]
) { arguments, console in
    await edit(arguments, console) { () throws(CommandFailure) in
        try await ConfigEditing(configPath: arguments.configPath, dryRun: arguments.has("--dry-run"))
            .pausePeer(arguments.positionals[0])
    } words: { peerModeWords($0, $1) }
}

let resumePeerCommand = CommandDefinition(
    name: "resume-peer", summary: "poll and serve a paused peer again",
    details: "It has the mode again that it had when it was paused. A running daemon polls it at once.",
    positionals: [.init(name: "NAME", count: .one)], options: [dryRunOption],
    examples: [("federation resume-peer beta", "go on where it was left")]
) { arguments, console in
    await edit(arguments, console) { () throws(CommandFailure) in
        try await ConfigEditing(configPath: arguments.configPath, dryRun: arguments.has("--dry-run"))
            .resumePeer(arguments.positionals[0])
    } words: { peerModeWords($0, $1) }
}

let setModeCommand = CommandDefinition(
    name: "set-mode", summary: "say which way events flow: sync, publish or subscribe",
    details: """
        sync fetches and serves, publish only serves, subscribe only fetches. Without --peer it is the mode of the node
        as a whole. A peer that is paused stays so, and has the mode once it is resumed.
        """,
    positionals: [.init(name: "MODE", count: .one)],
    options: [.init("--peer", value: "NAME", "the mode of this peer alone"), dryRunOption],
    examples: [
        ("federation set-mode publish", "fetch nothing any more"),
        ("federation set-mode subscribe --peer beta", "fetch from beta, serve it nothing"),
    ]
) { arguments, console in
    guard let mode = NodeMode(rawValue: arguments.positionals[0]) else {
        let word = arguments.positionals[0].escapedForTerminal
        return Session(arguments: arguments, console: console).usage(
            "no mode '\(word)': it is sync, publish or subscribe",
            hint: word == "paused" ? "use 'federation pause-peer NAME'" : nil)
    }
    return await edit(arguments, console) { () throws(CommandFailure) in
        let editing = ConfigEditing(configPath: arguments.configPath, dryRun: arguments.has("--dry-run"))
        if let peer = arguments.value("--peer") { return try await editing.setMode(mode, ofPeer: peer) }
        return try await editing.setMode(mode)
    } words: { isDryRun, result in
        result.text("name").isEmpty ? changeWords("mode", isDryRun, result) : peerModeWords(isDryRun, result)
    }
}

let identityRenameCommand = CommandDefinition(
    name: "identity rename", summary: "give the node another name",
    details: "The name is for people: the identity, the key and the log stay, and peers keep their pins.",
    positionals: [.init(name: "NAME", count: .one)], options: [dryRunOption],
    examples: [("federation identity rename workshop", "what peers show from their next poll on")]
) { arguments, console in
    await edit(arguments, console) { () throws(CommandFailure) in
        try await ConfigEditing(configPath: arguments.configPath, dryRun: arguments.has("--dry-run"))
            .rename(to: arguments.positionals[0])
    } words: { changeWords("name", $0, $1) }
}

let reloadCommand = CommandDefinition(
    name: "reload", summary: "have the running daemon read its configuration now",
    details: """
        It does so by itself whenever the file changes, and at SIGHUP; this waits for it and says what changed. Exits 3
        where the file has problems: the daemon then runs on by what the file said before.
        """,
    options: [.init("--dry-run", "only say what would change")],
    examples: [("federation reload", "after editing the file"), ("federation reload --dry-run", "what it would change")]
) { arguments, console in
    let session = Session(arguments: arguments, console: console)
    let isDryRun = arguments.has("--dry-run")
    return await session.perform(.reload) { $0.member("dry_run", isDryRun) } status: { result in
        result["config"]?.items("problems").isEmpty ?? true ? .ok : .config
    } render: { result in
        let config = result["config"] ?? result
        for problem in config.texts("problems") { console.note(problem) }
        if !config.items("problems").isEmpty {
            console.error("the configuration cannot be used; the last good one runs on")
            return
        }
        for change in result.items("changes") { console.print(EditText.change(change)) }
        if !result.isTrue("changed") { console.print(isDryRun ? "nothing would change" : "nothing changed") }
        for key in config.texts("needs_restart") { console.warning("'\(key)' has changed: it needs a restart") }
        if isDryRun { console.note("nothing was taken in") }
    }
}

// MARK: Printing

private func peerModeWords(_ isDryRun: Bool, _ result: JSON) -> String {
    let words = changeWords("peer \(result.text("name"))", isDryRun, result)
    let later = result.text("resumes_as")
    return later.isEmpty || later == NodeMode.sync.rawValue ? words : "\(words) (\(later) once it is resumed)"
}

private func changeWords(_ what: String, _ isDryRun: Bool, _ result: JSON) -> String {
    guard result.isTrue("changed") else { return "\(what): already \(result.text("to"))" }
    return "\(isDryRun ? "would change " : "")\(what): \(result.text("from")) -> \(result.text("to"))"
}

/// Changes the configuration, and prints what that came to.
func edit(
    _ arguments: ParsedArguments, _ console: Console, _ change: () async throws(CommandFailure) -> [UInt8],
    words: (_ isDryRun: Bool, JSON) -> String
) async -> ExitStatus {
    do throws(CommandFailure) {
        let bytes = try await change()
        if arguments.json {
            console.print(String(decoding: bytes, as: UTF8.self))
        } else if let result = try? JSON(bytes) {
            EditText.print(result, words(arguments.has("--dry-run"), result), console)
        }
        return .ok
    } catch {
        return Session(arguments: arguments, console: console).report(error)
    }
}

/// A change of the configuration as people read it.
enum EditText {
    static func print(_ result: JSON, _ words: String, _ console: Console) {
        console.print(words)
        if result.isTrue("dry_run") {
            for line in result.texts("diff") { console.print(line) }
            console.print("\(counted(result.count("lines_added"), "line")) more, \(counted(result.count("lines_removed"), "line")) less; nothing was written")
        }
        switch result.text("daemon") {
        case "taken": console.note("the running daemon has taken it in")
        case "not_taken": console.warning("the running daemon has not taken it in: see 'federation status'")
        case "none": console.note("no daemon runs: it counts from the next 'federation run'")
        default: break
        }
    }

    /// One thing that a daemon took in.
    static func change(_ change: JSON) -> String {
        func or(_ key: String) -> String { change.text(key).isEmpty ? "(nothing)" : change.text(key) }
        let values = "\(change.text("key")): \(or("from")) -> \(or("to"))"
        return switch change.text("what") {
        case "added": "added peer \(change.text("peer"))"
        case "removed": "removed peer \(change.text("peer"))"
        case "peer": "peer \(change.text("peer")): \(values)"
        default: values
        }
    }
}
