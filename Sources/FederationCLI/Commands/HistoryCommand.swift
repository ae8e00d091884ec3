import Federation
import FederationCore

let historyCommand = CommandDefinition(
    name: "history", summary: "show how the polls of each peer went over time",
    details: """
        Of the last day in steps of ten minutes, of the week before in steps of an hour: how many polls went well and how
        many failed and why, how many events were new, how far behind this node was, and how long polls took. Polls that
        only waited for news are not timed.
        """,
    positionals: [.init(name: "PEER", count: .optional)],
    examples: [
        ("federation history beta", "since when does it fail, and how often"),
        ("federation history --json", "of all peers, for a program"),
    ]
) { arguments, console in
    let session = Session(arguments: arguments, console: console)
    return await session.perform(.history) { writer in
        if let peer = arguments.positionals.first { writer.member("peer", peer) }
    } render: { result in
        let peers = result.items("peers")
        if peers.isEmpty { console.note("no peers: add one with 'federation add-peer NAME ENDPOINT'") }
        for peer in peers {
            let steps = peer.items("history")
            if steps.isEmpty {
                console.note("\(peer.text("name")): no poll has ended yet")
                continue
            }
            if peers.count > 1 { console.print(peer.text("name")) }
            console.print(columns([["FROM", "LENGTH", "WELL", "FAILED", "NEW", "BEHIND", "SLOWEST", "REASONS"]] + steps.map(historyRow)))
        }
    }
}

private func historyRow(_ step: JSON) -> [String] {
    let failures = step.items("failures").map { ($0.text("reason"), $0.count("polls")) }
    return [
        step.text("from"), "\(step.count("seconds") / 60)m", grouped(step.count("succeeded")),
        grouped(failures.reduce(0) { $0 + $1.1 }), grouped(step.count("events")),
        step["lag"] == nil ? "?" : grouped(step.count("lag")), step.count("timed") == 0 ? "-" : "\(grouped(step.count("slowest_ms"))) ms",
        failures.map { "\($0.0) (\(grouped($0.1)))" }.joined(separator: ", "),
    ]
}
