import Federation
import FederationCore

let forgetOriginCommand = CommandDefinition(
    name: "forget-origin", summary: "free a node's entry in this node's vector clock",
    details: """
        The clock of a node has room for 256 others, and one that is gone keeps its entry until it is forgotten here.
        Its events and their records stay as they are. If it writes again it is counted anew. It is forgotten by this
        node alone. A peer that was met may be given by its name.
        """,
    positionals: [.init(name: "ORIGIN", count: .one)],
    options: [
        .init("--yes", short: "-y", "do not ask"),
        .init("--dry-run", "only say what it costs"),
    ],
    examples: [
        ("federation forget-origin 01KN33X5G0000G40R40M30E209 --dry-run", "what it costs"),
        ("federation forget-origin 01KN33X5G0000G40R40M30E209 --yes", "do it"),
    ]
) { arguments, console in
    let session = Session(arguments: arguments, console: console)
    func call(dryRun: Bool) async throws(CommandFailure) -> JSON {
        try await session.call(.forgetOrigin) {
            $0.member("origin", arguments.positionals[0])
            $0.member("dry_run", dryRun)
        }
    }
    do throws(CommandFailure) {
        var result = try await call(dryRun: true)
        if !arguments.json { console.print(costs(result)) }
        if !arguments.has("--dry-run") {
            guard arguments.has("--yes") || console.confirm("forget this entry?") else { throw CommandFailure(.needsConfirmation) }
            result = try await call(dryRun: false)
        }
        if arguments.json {
            console.print(String(decoding: result.raw, as: UTF8.self))
        } else if result.isTrue("forgotten") {
            console.print("forgotten")
        }
        return .ok
    } catch {
        return session.report(error)
    }
}

private func costs(_ plan: JSON) -> String {
    let left = grouped(plan.count("entries") - 1)
    var text = "the entry of \(plan.text("origin")) goes:\n"
    text += columns([
        ["  counter", "\(grouped(plan.count("counter"))); if it writes again, it is counted anew"],
        ["  events", "\(grouped(plan.count("log_events"))) of it stay in the log, and their records as they are"],
        ["  clock", "\(left) of \(grouped(plan.count("limit"))) entries taken after it"],
    ])
    for peer in plan.texts("peers") { text += "\n⚠ it is the peer '\(peer)': what that writes next brings the entry back" }
    return text
}
