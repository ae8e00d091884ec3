import Federation
import FederationCore

let trustKeyCommand = CommandDefinition(
    name: "trust-key", summary: "say which of two keys is an origin's",
    details: """
        An origin whose key has signed two successors is frozen: under 'verify: enforce' nothing more is taken of it, for
        one of the two is somebody else's. 'status' names the keys. Ask the origin's owner, who sees the right one with
        'federation key fingerprint', and say it here; what waited is looked at again.
        """,
    positionals: [.init(name: "ORIGIN", count: .one), .init(name: "KEY", count: .one)],
    options: [.init("--dry-run", "only say how many events would be looked at again")],
    examples: [
        (
            "federation trust-key 01KN33X5G0000G40R40M30E209 ed25519:A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=",
            "this one is right"
        )
    ]
) { arguments, console in
    let session = Session(arguments: arguments, console: console)
    return await session.perform(.trustKey) {
        $0.member("origin", arguments.positionals[0])
        $0.member("key", arguments.positionals[1])
        $0.member("dry_run", arguments.has("--dry-run"))
    } render: { result in
        let verb = result.isTrue("dry_run") ? "would go on" : "goes on"
        console.print("\(result.text("origin")) \(verb) under \(result.text("key"))")
        console.note("\(counted(result.count("events"), "event")) of it \(result.isTrue("dry_run") ? "would be" : "are") looked at again")
    }
}
