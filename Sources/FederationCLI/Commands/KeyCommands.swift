import Federation
import FederationCore

let keygenCommand = CommandDefinition(
    name: "keygen", summary: "make the signing key, or change it",
    details: """
        Makes one for a data directory that lost its key before the node wrote anything. With --force it changes the
        key: the old one signs who succeeds it and what it has signed so far, and federation peers follow by themselves.
        Noema peers need 'reset-peer --key-rotated' there. A key that is lost cannot name a successor: if it has signed
        events, 'identity new' is the way on. Stop the daemon first.
        """,
    options: [.init("--force", "change the key that is there"), dryRunOption],
    examples: [
        ("federation keygen", "then compare it with 'federation key fingerprint'"),
        ("federation keygen --force --dry-run", "say how many events the old key has signed"),
    ]
) { arguments, console in
    await keyFacts(arguments, console) { () throws(CommandFailure) in
        try await SigningKeys.make(
            configPath: arguments.configPath, force: arguments.has("--force"), isDryRun: arguments.has("--dry-run"))
    }
}

let keyFingerprintCommand = CommandDefinition(
    name: "key fingerprint", summary: "show the public signing key and its fingerprint",
    details: """
        The fingerprint is the SHA-256 of the key's 32 bytes: what people read to one another to compare keys. Of the
        keys that requests are sent and accepted with, their fingerprints are shown as well, never the keys.
        """,
    examples: [("federation key fingerprint", "to compare with what a peer shows")]
) { arguments, console in
    await keyFacts(arguments, console) { () throws(CommandFailure) in
        try await SigningKeys.fingerprint(configPath: arguments.configPath)
    }
}

let keyNewCommand = CommandDefinition(
    name: "key new", summary: "make a key for requests, in a new file of mode 0600",
    details: """
        256 random bits, for 'access: {shared_key_file: FILE}' of every node of the ring, or for the 'key_file' of one
        peer at both ends. Bring it to the others by a way that nobody else can read. What exists is not replaced.
        """,
    positionals: [.init(name: "FILE", count: .one)],
    options: [.init("--dry-run", "only say what would be made")],
    examples: [("federation key new ring.key", "then name it in the configuration")]
) { arguments, console in
    do throws(CommandFailure) {
        let bytes = try AccessKeyMaking.make(at: arguments.positionals[0], isDryRun: arguments.has("--dry-run"))
        if arguments.json {
            console.print(String(decoding: bytes, as: UTF8.self))
        } else if arguments.has("--dry-run") {
            console.print("would make a key in \(arguments.positionals[0].escapedForTerminal)")
        } else if let result = try? JSON(bytes) {
            console.print(columns(["file", "fingerprint"].map { [$0, result.text($0)] }))
        }
        return .ok
    } catch {
        return Session(arguments: arguments, console: console).report(error)
    }
}

private func keyFacts(
    _ arguments: ParsedArguments, _ console: Console, _ facts: () async throws(CommandFailure) -> [UInt8]
) async -> ExitStatus {
    do throws(CommandFailure) {
        let bytes = try await facts()
        if arguments.json {
            console.print(String(decoding: bytes, as: UTF8.self))
        } else if let result = try? JSON(bytes), result.isTrue("dry_run") {
            let events = counted(result.count("events"), "event")
            console.print(
                result.isTrue("replaces")
                    ? "would change the key in \(result.text("file")), which has signed \(events)"
                    : "would make a key in \(result.text("file"))")
        } else if let result = try? JSON(bytes) {
            let ring = result["ring_key"].map { [["ring key", $0.text("fingerprint") + " (" + $0.text("source") + ")"]] } ?? []
            let peers = (result["peer_keys"]?.array ?? []).map { ["key of " + $0.text("peer"), $0.text("fingerprint")] }
            let own = ["id", "file", "public_key", "fingerprint", "succeeds"].filter { !result.text($0).isEmpty }
            console.print(columns(own.map { [$0, result.text($0)] } + ring + peers))
        }
        return .ok
    } catch {
        return Session(arguments: arguments, console: console).report(error)
    }
}
