import Federation
import FederationCore

let peersCommand = CommandDefinition(
    name: "peers", summary: "list the configured peers",
    examples: [("federation peers", "name, endpoint, mode, wire and pinned identity")]
) { arguments, console in
    let session = Session(arguments: arguments, console: console)
    return await session.perform(.peers) { _ in } render: { result in
        let rows = result.items("peers").map { peer in
            [
                peer.text("name"), peer["endpoint"]?.string ?? "(comes to us)", peer.text("mode"), peer.text("wire"),
                peer.text("id").isEmpty ? "(not met yet)" : peer.text("id"), keyText(peer["key"]),
            ]
        }
        if rows.isEmpty {
            console.note("no peers: add one with 'federation add-peer NAME ENDPOINT'")
        } else {
            console.print(columns(rows))
        }
    }
}

/// A pinned key as a person compares it, and whether the configuration names it.
func keyText(_ key: JSON?) -> String {
    guard let key else { return "(no key)" }
    let source =
        switch key.text("pin") {
        case "hard": "named in the configuration"
        case "paired": "confirmed by a person"
        default: "seen at first contact"
        }
    return "\(key.text("fingerprint")) (\(source))"
}

let addPeerCommand = CommandDefinition(
    name: "add-peer", summary: "add a peer to the configuration",
    details: """
        Comments and layout of the file are kept. A running daemon polls the peer at once. Without ENDPOINT the peer is
        one that cannot be reached: it polls this node and pushes what it has. It is known by its identity, which
        'federation identity show' says there.

        With --announced the node is one that others have told this one of ('status' lists them). It is asked who it is,
        without any key and only where nobody could send us by a trick, and its entry insists on that identity.
        """,
    positionals: [.init(name: "NAME", count: .one), .init(name: "ENDPOINT", count: .optional)],
    options: [
        .init("--id", value: "ULID", "the identity that the peer must show"),
        .init("--announced", "the node that others have told this one of by that name"), dryRunOption,
    ],
    examples: [
        ("federation add-peer beta http://127.0.0.1:4002", "poll beta from now on"),
        ("federation add-peer laptop --id 01KX4M7H2QJ5V9W3T8RZP6N0CD", "let a peer that nobody can reach come"),
    ]
) { arguments, console in
    await edit(arguments, console) { () throws(CommandFailure) in
        if arguments.has("--announced") {
            return try await AnnouncedPeer.add(
                arguments.positionals[0], configPath: arguments.configPath, dryRun: arguments.has("--dry-run"))
        }
        return try await PeerEditing.add(
            name: arguments.positionals[0], endpoint: arguments.positionals.dropFirst().first,
            id: arguments.value("--id"), configPath: arguments.configPath, dryRun: arguments.has("--dry-run"))
    } words: { "\($0 ? "would add" : "added") peer \($1.text("name")) to \($1.text("config"))" }
}

let resetPeerCommand = CommandDefinition(
    name: "reset-peer", summary: "forget a peer's pinned identity and cursor",
    details: """
        For a peer that was made anew: its pin, its cursor and the signing key pinned with it are removed, and its
        entry in the node's clock. Events and records stay. At the next poll it is met as if for the first time.
        """,
    positionals: [.init(name: "NAME", count: .many)],
    options: [
        .init("--yes", short: "-y", "do not ask"),
        .init("--dry-run", "only say what would be forgotten"),
        .init("--key-rotated", "forget only the signing key; keep the pin, the cursor and the clock"),
    ],
    examples: [("federation reset-peer beta --dry-run", "what would be lost"), ("federation reset-peer beta --yes", "do it")]
) { arguments, console in
    let session = Session(arguments: arguments, console: console)
    func call(dryRun: Bool) async throws(CommandFailure) -> JSON {
        try await session.call(.resetPeer) {
            $0.member("peers", arguments.positionals)
            $0.member("key_rotated", arguments.has("--key-rotated"))
            $0.member("dry_run", dryRun)
        }
    }
    do throws(CommandFailure) {
        let planned = try await call(dryRun: true)
        if !arguments.json { for peer in planned.items("peers") { console.print(resetText(peer)) } }
        var result = planned
        if !arguments.has("--dry-run") {
            guard arguments.has("--yes") || console.confirm("forget this?") else { throw CommandFailure(.needsConfirmation) }
            result = try await call(dryRun: false)
        }
        if arguments.json {
            console.print(String(decoding: result.raw, as: UTF8.self))
        } else if !arguments.has("--dry-run") {
            for peer in result.items("peers") {
                let done = arguments.has("--key-rotated") ? "signing-key pin cleared" : "state cleared"
                console.print("\(peer.text("name")): \(peer.isTrue("nothing") ? "nothing to clear" : done)")
            }
            if result.count("buckets_dropped") > 0 {
                console.print("vector-clock buckets dropped: \(result.count("buckets_dropped"))")
            }
        }
        return .ok
    } catch {
        return session.report(error)
    }
}

private func resetText(_ peer: JSON) -> String {
    let rows = ["cortex_id", "last_event", "last_seen", "position", "key"].filter { peer[$0] != nil }.map { key in
        ["  \(key)", peer.text(key).isEmpty ? "-" : peer.text(key)]
    }
    return "\(peer.text("name")) will lose:\n" + columns(rows)
}
