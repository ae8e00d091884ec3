import Federation
import FederationCore

let previewCommand = CommandDefinition(
    name: "preview", summary: "show what a peer is and what it would send, before adding it",
    details: """
        Asks the peer who it is, reads the first pages of its log, and says what would become of them here. Nothing is
        written and nobody is pinned. It works beside a running daemon, and also where there is no node yet.

        With --announced the endpoint is one that others have named: it is asked without any key, and only at addresses of
        the open internet or of 'access.announced_allow'.

        An address that no peer is configured with is shown no key and no client certificate of this node, unless you say
        --with-key: whoever has the ring's key opens every node of the ring.

        'test-peer' looks at the way to an address step by step instead, and says what mends it.
        """,
    positionals: [.init(name: "ENDPOINT", count: .optional)],
    options: [
        .init("--announced", value: "NAME", "the node that others have told this one of by that name"),
        .init("--with-key", "show it the ring's key and the client certificate, as a configured peer is shown"),
        .init("--wire", value: "WIRE", "native, noema or auto (default: auto)"),
        .init("--pages", value: "N", "read at most N pages of its log (default 3)"),
    ],
    examples: [("federation preview http://127.0.0.1:4002", "before 'federation add-peer'")]
) { arguments, console in
    let session = Session(arguments: arguments, console: console)
    var preview: PeerPreview
    switch (arguments.positionals.first, arguments.value("--announced")) {
    case (let endpoint?, nil): preview = PeerPreview(endpoint: endpoint, configPath: arguments.configPath)
    case (nil, let name?):
        do throws(CommandFailure) {
            preview = try await PeerPreview(announced: name, configPath: arguments.configPath)
        } catch { return session.report(error) }
    default: return session.usage("an ENDPOINT, or --announced NAME", hint: "see 'federation help preview'")
    }
    if arguments.has("--with-key") {
        guard arguments.value("--announced") == nil else { return session.usage("--announced never shows a key") }
        preview.showsKey = true
    }
    if let wire = arguments.value("--wire") {
        guard ["native", "noema", "auto"].contains(wire) else { return session.usage("--wire is native, noema or auto") }
        preview.wire = wire
    }
    do throws(OptionProblem) {
        preview.pages = try session.number("--pages", default: 3, in: 1...Limits.previewPages)
    } catch { return session.usage(error.what) }
    do throws(CommandFailure) {
        let answer = try await preview.run()
        guard let result = try? JSON(answer) else { return .failure }
        if arguments.json {
            console.print(String(decoding: answer, as: UTF8.self))
        } else {
            printPreview(result, console)
        }
        return ExitStatus(failures: result.isTrue("ok") ? [] : [Reason(stored: result.text("reason"))])
    } catch {
        return session.report(error)
    }
}

private func printPreview(_ result: JSON, _ console: Console) {
    let endpoint = result.text("endpoint")
    var rows: [[String]] = []
    if let peer = result["peer"] {
        console.print("\(endpoint) is \(peer.text("name")) \(peer.text("id"))")
        var facts = ["version \(peer.text("version"))", "wire \(result.text("wire"))"]
        if !peer.text("mode").isEmpty { facts.append("mode \(peer.text("mode"))") }
        rows.append(["  speaks", facts.joined(separator: ", ")])
        rows.append(["  key", keyWords(result, peer)])
        rows.append(["  known", knownWords(result)])
    }
    if result["events"] != nil { rows.append(["  events", "\(result["sample"]?.isTrue("complete") == true ? "" : "about ")\(grouped(result.count("events")))"]) }
    if let sample = result["sample"] { rows += sampleRows(sample) }
    if !rows.isEmpty { console.print(columns(rows)) }
    if result.isTrue("stops_node") {
        console.warning("it has an event of this node that this node lacks: taking it in would stop this node, whose database is old")
    }
    if !result.isTrue("has_node") { console.note("there is no node here: this is what a new one would see") }
    guard result.isTrue("ok") else {
        let reason = Reason(stored: result.text("reason"))
        if result["refused_address"] != nil {
            return console.error(
                "\(endpoint): its address is of the kind '\(result.text("refused_address"))', where nobody is to be sent by others",
                hint: AnnouncementText.hint(result.text("refused_address")))
        }
        let hint = reason == .auth && result.isTrue("key_withheld")
            ? "no key of this node was shown to it; if it is whom you mean: add --with-key" : reason.hint
        return console.error("\(endpoint): \(reason.rawValue): \(reason.words)", hint: hint)
    }
    if result["peer"]?.text("mode") == NodeMode.subscribe.rawValue { console.note("it serves no events: its mode is subscribe") }
    console.note("nothing was written; to add it: federation add-peer NAME \(endpoint)")
}

func keyWords(_ result: JSON, _ peer: JSON) -> String {
    switch result.text("key") {
    case "none": "it shows none"
    case "pinned": "\(peer.text("public_key")), as pinned"
    case "differs": "\(peer.text("public_key")), another than the one pinned for this identity"
    default: peer.text("public_key")
    }
}

func knownWords(_ result: JSON) -> String {
    if result.isTrue("ourselves") { return "it is this node itself" }
    var words = result.texts("pinned_as").map { "pinned as peer '\($0)'" }
    for name in result.texts("configured_as") where !result.texts("pinned_as").contains(name) {
        words.append("peer '\(name)' has this endpoint")
    }
    return words.isEmpty ? "not yet" : words.joined(separator: ", ")
}

func sampleRows(_ sample: JSON) -> [[String]] {
    let counts = [("applied", "new"), ("duplicates", "known"), ("held", "held"), ("refused", "refused"), ("deferred", "deferred")]
    let words = counts.filter { sample.count($0.0) > 0 }.map { "\(grouped(sample.count($0.0))) \($0.1)" }
    var rows = [["  sample", "\(counted(sample.count("read"), "event")) in \(counted(sample.count("pages"), "page"))"
        + (words.isEmpty ? "" : ": " + words.joined(separator: ", "))]]
    for part in ["problems", "actions", "types", "origins"] {
        let items = sample.items(part)
        guard !items.isEmpty else { continue }
        var words = items.prefix(8).map { "\($0.text("name")) \(grouped($0.count("count")))" }
        if items.count > 8 { words.append("… \(items.count - 8) more") }
        rows.append(["  \(part)", words.joined(separator: ", ")])
    }
    return rows
}
