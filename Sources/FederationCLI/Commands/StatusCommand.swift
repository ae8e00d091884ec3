import Federation
import FederationCore

let statusCommand = CommandDefinition(
    name: "status", summary: "show the node and how each peer is",
    details: """
        With --check the exit code is 6 where anything is degraded, or no daemon runs, for cron and probes.

        With --watch it is drawn over every second until Ctrl-C, with a line for each peer; where there is no terminal it is
        printed anew whenever it has changed, with --json as one line.
        """,
    options: [
        .init("--check", "exit 6 unless everything is well"),
        .init("--brief", "one line"),
        .init("--watch", short: "-w", "go on showing it, until stopped"),
    ],
    examples: [("federation status", "for people"), ("federation status --check --json", "for a probe"), ("federation status --watch", "to look on")]
) { arguments, console in
    let session = Session(arguments: arguments, console: console)
    if arguments.has("--watch") {
        guard !arguments.has("--check") else { return session.usage("--watch goes on, and --check ends: only one of them") }
        return await StatusWatch(session: session).run()
    }
    return await session.perform(.status) { _ in } status: { result in
        let isWell = result.text("state") == "ok" && result.isTrue("running")
        return arguments.has("--check") && !isWell ? .degraded : .ok
    } render: { status in
        console.print(arguments.has("--brief") ? StatusText.brief(status) : StatusText.full(status))
    }
}

/// `federation status` as text.
enum StatusText {
    static func brief(_ status: JSON) -> String {
        let peers = status.items("peers")
        let well = peers.count { $0.count("consecutive_failures") == 0 && !$0.text("last_success").isEmpty }
        return [
            counted(status.count("events"), "event"), counted(status.count("records"), "record"),
            counted(status.count("divergences"), "divergence"), "\(well) of \(counted(Int64(peers.count), "peer")) well",
        ].joined(separator: ", ") + (status.isTrue("running") ? "" : ", daemon not running")
    }

    static func full(_ status: JSON) -> String {
        var lines = [columns(nodeRows(status))]
        lines += alarms(status)
        if status.items("peers").isEmpty { lines.append("\nno peers: add one with 'federation add-peer NAME ENDPOINT'") }
        for peer in status.items("peers") { lines.append("\n\(peer.text("name"))\n\(columns(peerRows(peer, of: status)))") }
        for each in status.items("replayers") {
            lines.append("\n\(each.text("name"))\n\(columns(ReplayerText.rows(each)))")
        }
        lines += AnnouncementText.lines(status)
        let clock = status["vclock"]?.members ?? []
        if !clock.isEmpty {
            let names = labels(status)
            lines.append("\nvector clock")
            lines.append(columns(clock.map { entry in
                ["  \(entry.key.escapedForTerminal)", grouped(entry.value.integer ?? 0), names[entry.key] ?? "(unknown peer)"]
            }))
        }
        return lines.joined(separator: "\n")
    }

    /// What is wrong with the node as a whole.
    static func alarms(_ status: JSON) -> [String] {
        configLines(status) + status.items("warnings").map { "⚠ \(StatusText.warning($0))" }
    }

    /// What the configuration file says that the daemon does not do.
    private static func configLines(_ status: JSON) -> [String] {
        guard let config = status["config"] else { return [] }
        var lines = config.texts("needs_restart").map { "⚠ '\($0)' has changed in the configuration: it needs a restart" }
        let problems = config.texts("problems")
        if !problems.isEmpty { lines.append("⚠ the configuration has problems; what it said before runs on:") }
        return lines + problems.map { "  \($0)" }
    }

    private static func warning(_ warning: JSON) -> String {
        switch warning.text("code") {
        case "copied": "this database is a copy: the node writes nothing; see 'federation help identity'"
        case "behind":
            "this database is older than what the node has published: it writes nothing; see 'federation help identity'"
        case "damaged":
            "the database is damaged: nothing is written to it any more; stop the node and run 'federation recover'"
        case "store_quota":
            "the database has reached its quota (store.max_size): own writes are refused, and what peers have waits there"
        case "disk_full":
            "the disk is full, or nearly: own writes are refused, and what peers have waits there"
        case "signature_invalid": "events are here that their origin did not sign as they are: see 'signatures'"
        case "equivocation":
            "an origin has given one number to two events that it signed: see 'two events' above, and ask whose it is"
        case "frozen_origin":
            "an origin has named two successors of its key, and is frozen: see 'frozen' above, and 'federation help trust-key'"
        case "clock_full":
            "the vector clock is full (256 nodes): it does not count the origin of event \(warning.text("event"))"
        case "own_number_far": "event \(warning.text("event")) names a number of ours far beyond what we ever gave: not followed"
        case "own_clock_slow": "most peers write ahead of this node's clock: it is probably slow"
        case let code: code
        }
    }

    private static func labels(_ status: JSON) -> [String: String] {
        var names = [status["node"]?.text("id") ?? "": "\(status["node"]?.text("name") ?? "") (local)"]
        for peer in status.items("peers") where !peer.text("id").isEmpty { names[peer.text("id")] = peer.text("name") }
        return names
    }

    private static func nodeRows(_ status: JSON) -> [[String]] {
        let node = status["node"]
        var rows = [
            ["node", "\(node?.text("name") ?? "")  \(node?.text("id") ?? "")"],
            ["mode", node?.text("mode") ?? ""],
            ["listening", node?.text("listen").isEmpty ?? true ? "(not listening)" : node?.text("listen") ?? ""],
            ["interval", status.text("interval")],
            ["key", node?.text("key_fingerprint") ?? ""],
            ["daemon", status.isTrue("running") ? "running" : "not running"],
            ["log", "\(counted(status.count("events"), "event")), \(counted(status.count("records"), "record"))"],
        ]
        rows += AccessText.rows(status)
        if let disk = status["disk"] { rows.append(["disk", diskText(disk)]) }
        if status.count("divergences") > 0 {
            rows.append(["", "⚠ \(counted(status.count("divergences"), "divergence")): see 'federation divergences'"])
        }
        let aside = ["held", "refused", "deferred"].filter { status.count($0) > 0 }.map { "\(grouped(status.count($0))) \($0)" }
        if !aside.isEmpty { rows.append(["", "⚠ \(aside.joined(separator: ", ")): see 'federation quarantine list'"]) }
        if let signatures = status["signatures"] { rows.append(["signatures", signatureText(signatures)]) }
        for each in status.items("equivocations") where each.isTrue("chained") {
            let what = each.texts("events").isEmpty ? "two chains" : each.texts("events").joined(separator: ", ")
            rows.append(["two events", "⚠ number \(grouped(each.count("number"))) of \(each.text("origin")): \(what)"])
        }
        for each in status.items("frozen_origins") {
            rows.append(["frozen", "⚠ \(each.text("origin")): \(each.texts("keys").joined(separator: " or "))"])
        }
        return rows + NumbersText.rows(status, names: labels(status))
    }

    /// How the events of the log are proved: what there is nothing of is left out.
    private static func signatureText(_ signatures: JSON) -> String {
        let words = [
            ("proved", "proved"), ("provisional_key", "by a key that its origin has not shown us"), ("unsigned", "unsigned"),
            ("invalid", "⚠ not signed by their origin"), ("unknown_key", "by an unknown key"), ("unchecked", "not looked at"),
        ]
        let counts = words.filter { signatures.count($0.0) > 0 }.map { "\(grouped(signatures.count($0.0))) \($0.1)" }
        let counted = counts.isEmpty ? "no events" : counts.joined(separator: ", ")
        let now = signatures.isTrue("reviewing") ? "; being looked at again" : ""
        return "verify \(signatures.text("verify")): \(counted)\(now)"
    }

    private static func diskText(_ disk: JSON) -> String {
        var text = "\(byteText(disk.count("database"))), and a write-ahead log of \(byteText(disk.count("write_ahead_log")))"
        if disk.count("reusable") > 0 { text += "; \(byteText(disk.count("reusable"))) to be used again" }
        if disk["quota"] != nil { text += "; quota \(byteText(disk.count("quota")))" }
        if disk["free"] != nil { text += "; \(byteText(disk.count("free"))) free" }
        return text
    }

    private static func peerRows(_ peer: JSON, of status: JSON) -> [[String]] {
        func or(_ key: String, _ nothing: String) -> String { peer.text(key).isEmpty ? nothing : peer.text(key) }
        var rows = [
            ["  endpoint", peer["endpoint"]?.string ?? "(comes to us)"],
            ["  mode", peer.text("mode")],
            ["  wire", peer.text("wire")],
            ["  version", or("version", "(not yet observed)") + skew(peer, status)],
            ["  cortex_id", or("id", "(not met yet)")],
            ["  key", keyText(peer["key"])],
        ] + PairingText.rows(peer) + [
            ["  last_seen", or("last_seen", "(never)")],
            ["  last_event", or("last_event", "(none)")],
            ["  last_success", or("last_success", "(never)")],
            ["  in sync", proof(peer)],
        ] + LagText.rows(peer)
        // It proves who it is only where it brings something, and it may have nothing to bring.
        if !peer.text("last_heard").isEmpty { rows.append(["  asked us", "\(peer.text("last_heard")), as it says"]) }
        if !peer.text("next_poll_in").isEmpty {
            rows.append(["  next poll", "\(peer.text("state")), in \(peer.text("next_poll_in"))"])
        } else if !peer.text("state").isEmpty {
            rows.append(["  polling", pollText(peer.text("state"))])
        }
        if !peer.text("busy_since").isEmpty { rows.append(["  busy", "since \(peer.text("busy_since")): it asks to be left alone"]) }
        if let push = peer["push"] { rows.append(["  pushing", pushText(push)]) }
        if let mesh = peer["mesh"] { rows += meshRows(mesh) }
        rows += problemRows(peer)
        for key in ["held", "refused", "deferred"] where peer.count(key) > 0 {
            rows.append(["  \(key)", counted(peer.count(key), "event")])
        }
        if peer.count("withheld") > 0 {
            rows.append(["  withheld", "\(counted(peer.count("withheld"), "event")) that a Noema node cannot replay"])
        }
        return rows
    }

    private static func pollText(_ state: String) -> String {
        state == PollStatus.State.following.rawValue ? "\(state): news comes as soon as it is there" : state
    }

    /// What a peer that cannot ask for our log is given of it.
    private static func pushText(_ push: JSON) -> String {
        let state = push.text("state")
        guard !push.text("reason").isEmpty else {
            return state == PushStatus.State.current.rawValue ? "\(state): it has what is here" : state
        }
        let reason = Reason(stored: push.text("reason"))
        return "⚠ \(state): \(reason.rawValue): \(reason.words), \(counted(push.count("attempt"), "time")) in a row"
    }

    private static func meshRows(_ mesh: JSON) -> [[String]] {
        let sessions = counted(mesh.count("sessions"), "session")
        return [
            ["  sessions", "\(sessions), \(grouped(mesh.count("completed"))) complete, \(counted(mesh.count("rounds"), "round"))"],
            [
                "  documents", "\(grouped(mesh.count("fetched"))) fetched of \(grouped(mesh.count("need"))) missing here; "
                    + "\(grouped(mesh.count("have"))) were missing there",
            ],
            [
                "  bytes", "\(grouped(mesh.count("bytes_sent"))) sent, \(grouped(mesh.count("bytes_received"))) received",
            ],
        ]
    }

    private static func proof(_ peer: JSON) -> String {
        guard let proof = peer["in_sync"] else { return "(never proven)" }
        return "proven at \(proof.text("at")): \(counted(proof.count("events"), "event"))"
    }

    private static func skew(_ peer: JSON, _ status: JSON) -> String {
        guard !peer.text("version_skew").isEmpty else { return "" }
        return "    ⚠ \(peer.text("version_skew")) than local \(status["node"]?.text("version") ?? "")"
    }

    private static func since(_ peer: JSON) -> String {
        peer.text("failing_since").isEmpty ? "" : ", the first at \(peer.text("failing_since"))"
    }

    private static func problemRows(_ peer: JSON) -> [[String]] {
        guard let error = peer["last_error"] else { return [] }
        let failures = peer.count("consecutive_failures")
        let reason = Reason(stored: error.text("reason"))
        var rows = [
            ["  health", failures > 0 ? "⚠ \(counted(failures, "consecutive failure")) since last success\(since(peer))" : "⚠ something it gave is not applied"],
            ["  reason", "\(reason.rawValue), at \(error.text("observed_at"))"],
        ]
        if !error.text("event_id").isEmpty { rows.append(["  event", error.text("event_id")]) }
        if !error.text("trace_id").isEmpty { rows.append(["  trace", error.text("trace_id")]) }
        rows.append(["  likely cause", reason.words])
        rows.append(["  what to do", reason.hint])
        rows.append(["  see", reason.help])
        if failures > 0 { rows.append(["  try it", "federation why \(peer.text("name"))"]) }
        return rows
    }
}
