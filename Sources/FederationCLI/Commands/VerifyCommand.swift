import Federation
import FederationConfig
import FederationCore

let verifyCommand = CommandDefinition(
    name: "verify", summary: "prove that our log and the peers' are equal, or say what differs",
    details: """
        Compares the logs as they were when it began. What is missing here is fetched first; what a peer lacks it is
        given time to fetch. Exits 0 only when everything is equal; peers that are paused, or come to us, are not asked.
        Fetching much shows progress on standard error.
        With --self nobody is asked: everything in the own database that follows from something else is computed anew.
        """,
    options: [
        .init("--peer", value: "PEER", "this peer only"),
        .init("--list", "list each event that differs"),
        .init("--wait", value: "TIME", "how long a peer may take to fetch what it lacks (default: 10s)"),
        .init("--self", "check the own database instead: hashes, signatures, sums, records"),
        .init("--dry-run", "fetch into a copy of the database, which is thrown away"),
        CommandDefinition.progress,
    ],
    examples: [
        ("federation verify", "every native peer"),
        ("federation verify --self", "the own database alone"),
        ("federation verify --peer beta --list", "each event that one of the two lacks"),
    ]
) { arguments, console in
    let session = Session(arguments: arguments, console: console)
    if arguments.has("--self") {
        guard arguments.value("--peer") == nil, arguments.value("--wait") == nil, !arguments.has("--list"),
            !arguments.has("--dry-run")
        else {
            return session.usage("--self asks no peer: give it without --peer, --list, --wait and --dry-run")
        }
        return await VerifySelf.run(session)
    }
    var wait: Duration?
    if let text = arguments.value("--wait") {
        guard let duration = try? Duration(configured: text), duration >= .zero else {
            return session.usage("--wait must be a duration such as 30s or 5m")
        }
        wait = duration
    }
    let milliseconds = wait?.wholeMilliseconds
    do throws(CommandFailure) {
        let result = try await session.watched(.verify, as: "verify") { writer in
            if let peer = arguments.value("--peer") { writer.member("peers", [peer]) }
            writer.member("list", arguments.has("--list"))
            if let milliseconds { writer.member("wait_ms", milliseconds) }
        }
        if arguments.json {
            console.print(String(decoding: result.raw, as: UTF8.self))
        } else {
            VerifyText.show(result, on: console)
        }
        return VerifyText.status(of: result, isNamed: arguments.value("--peer") != nil)
    } catch {
        return session.report(error)
    }
}

/// `federation verify` as text.
enum VerifyText {
    static func show(_ result: JSON, on console: Console) {
        if result.items("peers").isEmpty { console.note("no peers: there is nothing to compare with") }
        for peer in result.items("peers") {
            if peer.text("state") == "failed" {
                let reason = Reason(stored: peer.text("reason"))
                console.error("\(peer.text("name")): \(reason.rawValue): \(reason.words)", hint: reason.hint)
            } else {
                console.print(lines(of: peer).joined(separator: "\n"))
            }
        }
    }

    static func status(of result: JSON, isNamed: Bool) -> ExitStatus {
        let peers = result.items("peers").filter { isNamed || !["paused", "comes_to_us"].contains($0.text("state")) }
        let failed = peers.filter { $0.text("state") == "failed" }
        let reasons = failed.map { Reason(stored: $0.text("reason")) }
        if reasons.contains(where: { [.auth, .identityMismatch, .identityMissing].contains($0) }) { return .identity }
        if reasons.contains(where: \.isNetwork) { return .unreachable }
        if !failed.isEmpty { return .failure }
        if peers.contains(where: { $0.text("state") == "different" }) { return .degraded }
        // Nothing that was to be proven may be left unproven.
        let isProven = peers.contains { $0.text("state") == "in_sync" }
        return isProven && !(isNamed && peers.contains { $0.text("state") != "in_sync" }) ? .ok : .degraded
    }

    static func lines(of peer: JSON) -> [String] {
        let name = peer.text("name")
        switch peer.text("state") {
        case "paused": return ["\(name): paused"]
        case "comes_to_us": return ["\(name): comes to us, and cannot be asked: run 'federation verify' there"]
        case "not_provable":
            return ["\(name): cannot be proven: a \(peer.text("wire").isEmpty ? "peer of this kind" : peer.text("wire") + " peer") does not compare logs"]
        case "in_sync":
            return ["\(name): in sync: \(counted(peer.count("events"), "event")), digest \(short(peer.text("digest")))" + came(peer)]
        default: break
        }
        var lines = [
            "\(name): different" + came(peer),
            columns([
                ["  here", counted(peer.count("events"), "event"), "digest \(short(peer.text("digest")))"],
                ["  \(name)", counted(peer.count("peer_events"), "event"), "digest \(short(peer.text("peer_digest")))"],
            ]),
        ]
        for (key, words) in [
            ("missing_here", "missing here"), ("missing_there", "missing at \(name)"),
            ("refused", "refused or deferred here: see 'federation quarantine list'"),
        ] where peer.count(key) > 0 { lines.append("  \(counted(peer.count(key), "event")) \(words)") }
        for origin in peer.items("origins") where !origin.isTrue("equal") {
            lines.append(
                "  origin \(origin.text("origin")): \(grouped(origin.count("events"))) here, \(grouped(origin.count("peer_events"))) at \(name)")
        }
        for item in peer.items("differences") {
            let side = item.text("lacks") == "peer" ? "only here" : "only at \(name)"
            let id = item.text("id").isEmpty ? "digest \(item.text("digest"))" : "\(item.text("id")) of \(item.text("origin"))"
            let why = item.text("kind").isEmpty ? "" : ", \(item.text("kind")): \(item.text("reason")) (\(item.text("code")))"
            lines.append("  \(side): \(id)\(why)")
        }
        return lines
    }

    private static func came(_ peer: JSON) -> String {
        peer.count("fetched") > 0 ? " (\(counted(peer.count("fetched"), "missing event")) fetched)" : ""
    }

    /// As many digits as tell two sets apart by eye.
    private static func short(_ digest: String) -> String { String(digest.prefix(12)) + "…" }
}
