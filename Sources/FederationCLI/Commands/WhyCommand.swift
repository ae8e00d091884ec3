import Federation
import FederationCore

let whyCommand = CommandDefinition(
    name: "why", summary: "say why a peer is not in step, and what mends it",
    details: """
        The peer is polled now, step by step, in a way that changes nothing; the last step that goes well and the first that
        does not are shown, why, since when, and the command or the line of a configuration that mends it.
        """,
    positionals: [.init(name: "PEER", count: .one)],
    examples: [("federation why beta", "what is between this node and beta")]
) { arguments, console in
    let session = Session(arguments: arguments, console: console)
    return await session.perform(.why) { writer in
        writer.member("what", arguments.positionals.first ?? "")
    } status: { result in
        TrialText.status(result)
    } render: { result in
        TrialText(result, arguments.configPath).print(on: console)
    }
}
