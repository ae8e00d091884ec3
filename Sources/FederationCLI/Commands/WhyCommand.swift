import Federation
import FederationCore

let whyCommand = CommandDefinition(
    name: "why", summary: "say why a peer is not in step, or what became of an event",
    details: """
        Of a peer: it is polled now, step by step, in a way that changes nothing; the last step that goes well and the first
        that does not are shown, why, since when, and the command or the line of a configuration that mends it.

        Of an event (its id), or of all events of a record: who wrote it, how it came, how it is proved, what it changed, and
        what it won or lost against; of one that is not applied, why.
        """,
    positionals: [.init(name: "WHAT", count: .one)],
    examples: [
        ("federation why beta", "what is between this node and beta"),
        ("federation why 01KNJX4991ASW6NNKS9BQHNCGB", "what became of an event"),
        ("federation why 20260405-meeting-k3x9qa", "of all events of a record"),
    ]
) { arguments, console in
    let session = Session(arguments: arguments, console: console)
    return await session.perform(.why) { writer in
        writer.member("what", arguments.positionals.first ?? "")
    } status: { result in
        result["steps"] == nil ? .ok : TrialText.status(result)
    } render: { result in
        if result["steps"] == nil {
            EventWhyText.print(result, console, arguments.configPath)
        } else {
            TrialText(result, arguments.configPath).print(on: console)
        }
    }
}
