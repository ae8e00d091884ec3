import Federation
import FederationCore

let pairCommand = CommandDefinition(
    name: "pair", summary: "compare six words with a peer, and confirm who it is",
    details: """
        Asks the peer who it is and shows six words. Its own 'federation pair' shows the same six words for this node
        if each of the two means the other, and somebody stands between them if not. Once a person says that the words are
        the same, identity and key are pinned for good. Without PEER all peers are listed with their words.
        """,
    positionals: [.init(name: "PEER", count: .optional)],
    options: [
        .init("--words", value: "WORDS", "the words that the other node shows: compare them, and confirm if they are the same"),
        .init("--yes", short: "-y", "confirm without asking"),
        .init("--dry-run", "only show, and confirm nothing"),
    ],
    examples: [
        ("federation pair", "who is known, and how well"),
        ("federation pair beta", "compare the words, and say so"),
        ("federation pair beta --words \"acorn bridge candle dolphin engine forest\"", "in a script"),
    ]
) { arguments, console in
    let session = Session(arguments: arguments, console: console)
    do throws(CommandFailure) {
        guard let peer = arguments.positionals.first else {
            let overview = try await PeerMeeting.all(configPath: arguments.configPath)
            if arguments.json {
                console.print(String(decoding: overview.json, as: UTF8.self))
            } else {
                PairingText.printAll(overview, console)
            }
            return .ok
        }
        return try await Pairing(peer: peer, session: session).run()
    } catch {
        return session.report(error)
    }
}

/// One `pair PEER`, from what it shows to what it confirms.
private struct Pairing {
    let peer: String
    let session: Session

    private var arguments: ParsedArguments { session.arguments }
    private var console: Console { session.console }

    func run() async throws(CommandFailure) -> ExitStatus {
        var overview = try await PeerMeeting.meet(peer, configPath: arguments.configPath)
        if !arguments.json { PairingText.printOne(overview, console) }
        if let reason = overview.peers[0].failure {
            if arguments.json { console.print(String(decoding: overview.json, as: UTF8.self)) }
            console.error("\(peer.escapedForTerminal): \(reason.rawValue): \(reason.words)", hint: reason.hint)
            return ExitStatus(failures: [reason])
        }
        if let written = arguments.value("--words") {
            guard let words = overview.peers[0].words else { throw CommandFailure(.noKey, ["peer": peer]) }
            guard words.isWritten(as: written) else { throw CommandFailure(.wordsDiffer, ["peer": peer]) }
        }
        if try await confirms(overview.peers[0]) { try await confirm(&overview.peers[0]) }
        if arguments.json { console.print(String(decoding: overview.json, as: UTF8.self)) }
        return .ok
    }

    /// Whether there is something to confirm, and it is confirmed.
    private func confirms(_ facts: PairingFacts) async throws(CommandFailure) -> Bool {
        switch facts.standing {
        case .configured, .paired: return false
        case .pending, .pinned, .unmet: break
        }
        let isAsked = arguments.has("--yes") || arguments.value("--words") != nil
        guard facts.words != nil else {
            if isAsked { throw CommandFailure(.noKey, ["peer": peer]) }
            return false
        }
        if arguments.has("--dry-run") { return false }
        if isAsked { return true }
        guard !arguments.json, console.canAsk else {
            console.note("nothing was confirmed; where the words are the same: federation pair \(peer) --yes")
            return false
        }
        guard console.confirm("are these the six words that the other node shows?") else {
            throw CommandFailure(.needsConfirmation)
        }
        return true
    }

    private func confirm(_ facts: inout PairingFacts) async throws(CommandFailure) {
        let (id, key) = (facts.id?.description ?? "", facts.publicKey ?? "")
        let result = try await session.call(.pair) {
            $0.member("peer", peer)
            $0.member("id", id)
            $0.member("public_key", key)
        }
        facts.standing = .paired
        if let id = facts.id, let at = WallTime(rfc3339: result.text("paired_at")) {
            facts.pairing = PeerPairing(.paired, id: id, key: key, at: at)
        }
        if !arguments.json { console.print("paired with \(peer.escapedForTerminal)") }
    }
}

/// How well it is known who peers are, in words.
enum PairingText {
    static func printAll(_ overview: PairingOverview, _ console: Console) {
        guard !overview.peers.isEmpty else {
            return console.note("no peers: add one with 'federation add-peer NAME ENDPOINT'")
        }
        console.print(columns(overview.peers.map { peer in
            [peer.peer, peer.words?.text ?? (peer.id == nil ? "(not met yet)" : "(no key)"), standing(peer)]
        }))
    }

    static func printOne(_ overview: PairingOverview, _ console: Console) {
        let peer = overview.peers[0]
        var rows = [
            ["this node", "\(overview.name)  \(overview.id)"],
            ["  key", overview.fingerprint],
            [peer.peer, "\((peer.name ?? "").escapedForTerminal)  \(peer.id?.description ?? "(not met yet)")"],
            ["  key", peer.fingerprint ?? "(it shows none)"],
            ["  endpoint", peer.endpoint ?? "(comes to us)"],
        ]
        if let protection = peer.protection { rows.append(["  over", words(for: protection)]) }
        rows.append(["  known as", standing(peer)])
        if let phrase = peer.words { rows.append(["words", phrase.text]) }
        console.print(columns(rows))
    }

    private static func words(for protection: PairingFacts.Protection) -> String {
        switch protection {
        case .tls: "TLS"
        case .loopback: "this machine"
        case .plain: "plain HTTP: whoever stands between may answer in its place"
        }
    }

    private static func standing(_ peer: PairingFacts) -> String {
        switch peer.standing {
        case .configured: "named in the configuration"
        case .paired: "paired \(day(peer.pairing))"
        case .pending where peer.pairing?.hasChanged == true: "⚠ waits for a person, and has changed meanwhile"
        case .pending: "waits for a person"
        case .pinned: "pinned at first contact"
        case .unmet: "not met yet"
        }
    }

    private static func day(_ pairing: PeerPairing?) -> String { String(pairing?.at.rfc3339.prefix(10) ?? "") }

    /// The rows of `status`.
    static func rows(_ peer: JSON) -> [[String]] {
        guard let pairing = peer["pairing"] else { return [] }
        switch PairingStanding(rawValue: pairing.text("standing")) {
        case .paired: return [["  pairing", "paired \(pairing.text("paired_at").prefix(10))"]]
        case .pending:
            let command = "federation pair \(peer.text("name"))"
            guard !pairing.text("id").isEmpty else { return [["  pairing", "waits for a person: \(command)"]] }
            let who = "\(pairing.text("id")) \(pairing.text("fingerprint"))"
            let change = pairing.isTrue("changed") ? "⚠ another node or key than at first; " : ""
            return [["  pairing", "\(change)waits for a person since \(pairing.text("since")): \(command)"], ["  shows", who]]
        case .configured, .pinned, .unmet, nil: return []
        }
    }
}
