import Federation
import FederationCore

let testPeerCommand = CommandDefinition(
    name: "test-peer", summary: "test an address, step by step, before trusting it",
    details: """
        Polls what answers there as 'why' polls a configured peer, and says which step does not go well and what mends it; who
        answers, by which key and on which wires, how far its clock is off, how much it has, what would flow, and the lines
        that add it. Nothing is written, here or there, and nobody is pinned.

        An address that no peer is configured with is shown no key and no client certificate of this node, unless you say
        --with-key: whoever has the ring's key opens every node of the ring.

        'preview' reads more of its log and judges each event; this looks at the way to it, and at its first page.
        """,
    positionals: [.init(name: "ENDPOINT", count: .one)],
    options: [
        .init("--with-key", "show it the ring's key and the client certificate, as a configured peer is shown"),
        .init("--wire", value: "WIRE", "native, noema or auto (default: auto)"),
    ],
    examples: [("federation test-peer https://beta.example:4001", "before 'federation add-peer'")]
) { arguments, console in
    let session = Session(arguments: arguments, console: console)
    var test = PeerTest(endpoint: arguments.positionals.first ?? "", configPath: arguments.configPath)
    test.showsKey = arguments.has("--with-key")
    if let wire = arguments.value("--wire") {
        guard ["native", "noema", "auto"].contains(wire) else { return session.usage("--wire is native, noema or auto") }
        test.wire = wire
    }
    do throws(CommandFailure) {
        let answer = try await test.run()
        guard let result = try? JSON(answer) else { return .failure }
        if arguments.json {
            console.print(String(decoding: answer, as: UTF8.self))
        } else {
            TrialText(result, arguments.configPath).print(on: console)
            printTest(result, console)
        }
        // Without a fault it is the key that differs.
        return !result.isTrue("ok") && result["code"] == nil ? .identity : TrialText.status(result)
    } catch {
        return session.report(error)
    }
}

private func printTest(_ result: JSON, _ console: Console) {
    guard result["identity"] != nil else { return }
    var rows = [
        ["key", keyWords(result, result["identity"] ?? result)], ["known", knownWords(result)],
        ["wires", result.texts("wires").joined(separator: ", ")],
    ]
    if let log = result["log"] {
        let bytes = log["bytes_after_sample"] == nil ? "" : ", of which \(byteText(log.count("bytes_after_sample"))) follow the sample"
        rows.append(["log", "\(counted(log.count("events"), "event"))\(bytes)"])
    }
    if let sample = result["sample"] { rows += sampleRows(sample).map { [String($0[0].drop { $0 == " " })] + $0.dropFirst() } }
    console.print("\n" + columns(rows))
    if result.isTrue("stops_node") {
        console.warning("it has an event of this node that this node lacks: taking it in would stop this node, whose database is old")
    }
    if !result.isTrue("has_node") { console.note("there is no node here: this is what a new one would see") }
    guard let add = result["add"] else { return }
    console.print("\nto add it: \(add.text("command"))\nor write, under 'peers:'\n")
    for line in (add["yaml"]?.string ?? "").split(separator: "\n") { console.print("  " + String(line).escapedForTerminal) }
    console.note("\nnothing was written; compare the words with whoever runs it: federation pair")
}
