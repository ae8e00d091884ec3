internal import FederationCore
internal import Glibc
internal import HostileKit

/// `hostile-client`: asks a node as no client should.
@main enum HostileClient {
    static let usage = """
        usage: hostile-client --list
               hostile-client --attack NAME [--peer ULID] [--from ADDRESS] http://ADDRESS:PORT
               hostile-client --all | --slow [--peer ULID] http://ADDRESS:PORT

        Says of each attack what was seen, and exits with 1 if that was not what a node should answer. --all leaves those out
        that are for a listener with a key or TLS, or that last as long as a node's deadlines; --slow is those. --peer is the
        identity of a peer of the node, which some borrow; --from the address to come from.
        """

    static func main() {
        signal(SIGPIPE, SIG_IGN)
        var words = CommandLine.arguments.dropFirst()
        var chosen: [ClientAttack] = []
        var peer: ULID?
        var source: String?
        var target: (host: String, port: UInt16)?
        while let word = words.popFirst() {
            switch word {
            case "--list": return list()
            case "--all": chosen = ClientAttack.all.filter { $0.door == .open && !$0.isSlow }
            case "--slow": chosen = ClientAttack.all.filter { $0.door == .open && $0.isSlow }
            case "--attack":
                guard let name = words.popFirst(), let attack = ClientAttack.all.first(where: { $0.name == name }) else {
                    return fail("no attack of that name; see --list")
                }
                chosen = [attack]
            case "--peer":
                guard let id = words.popFirst().flatMap({ ULID($0) }) else { return fail(usage) }
                peer = id
            case "--from":
                guard let address = words.popFirst() else { return fail(usage) }
                source = address
            default:
                guard let place = place(word) else { return fail(usage) }
                target = place
            }
        }
        guard let target, !chosen.isEmpty else { return fail(usage) }
        let scene = ClientScene(host: target.host, port: target.port, source: source, peer: peer)
        exit(ask(chosen, scene) ? 0 : 1)
    }

    /// All at one time: those that are slow wait for the node, not for each other.
    private static func ask(_ attacks: [ClientAttack], _ scene: ClientScene) -> Bool {
        var isWell = true
        for (attack, seen) in ClientAttack.run(attacks, scene) {
            let counts = Dictionary(grouping: seen, by: \.description).map { "\($0.key) × \($0.value.count)" }.sorted()
            let isExpected = attack.isAsExpected(seen)
            isWell = isWell && isExpected
            Terminal.say("\(attack.name): \(counts.joined(separator: ", "))\(isExpected ? "" : " (NOT EXPECTED)")")
        }
        return isWell
    }

    private static func place(_ url: String) -> (host: String, port: UInt16)? {
        guard let scheme = url.firstRange(of: "://") else { return nil }
        let parts = url[scheme.upperBound...].prefix { $0 != "/" }.split(separator: ":")
        guard parts.count == 2, let port = UInt16(parts[1]) else { return nil }
        return (String(parts[0]), port)
    }

    private static func list() {
        for attack in ClientAttack.all {
            let answers = attack.sights.map(\.description).sorted().joined(separator: " or ")
            let causes = attack.causes.map { Sign.counts($0).text }.sorted().joined(separator: " or ")
            let door = attack.door == .open ? "" : " (at a listener with \(attack.door == .keyed ? "a key" : "TLS"))"
            Terminal.say("\(attack.name)\n    \(attack.summary)\(door)\n    answered: \(answers); shows: \(causes)")
        }
    }

    private static func fail(_ line: String) {
        Terminal.complain(line)
        exit(2)
    }
}
