internal import FederationCore
internal import Glibc
internal import HostileKit

/// `hostile-peer`: a peer, or a hundred, that answer as no peer should.
@main enum HostilePeer {
    static let usage = """
        usage: hostile-peer --list
               hostile-peer --attack NAME [--port PORT] [--other ULID]
               hostile-peer --all [--other ULID]

        Listens on the loopback address and answers until it is killed; says the name and the endpoint of each attack.
        --list says of each what it does and what a node is expected to show. --other is the identity of another peer
        of the node that is attacked, which some borrow.
        """

    static func main() {
        signal(SIGPIPE, SIG_IGN)
        var words = CommandLine.arguments.dropFirst()
        var chosen: [PeerAttack] = []
        var port: UInt16 = 0
        var other: ULID?
        while let word = words.popFirst() {
            switch word {
            case "--list": return list()
            case "--all": chosen = PeerAttack.all
            case "--attack":
                guard let name = words.popFirst(), let attack = PeerAttack.all.first(where: { $0.name == name }) else {
                    return fail("no attack of that name; see --list")
                }
                chosen = [attack]
            case "--port":
                guard let number = words.popFirst().flatMap({ UInt16($0) }) else { return fail(usage) }
                port = number
            case "--other":
                guard let id = words.popFirst().flatMap({ ULID($0) }) else { return fail(usage) }
                other = id
            default: return fail(usage)
            }
        }
        guard !chosen.isEmpty, port == 0 || chosen.count == 1 else { return fail(usage) }
        do {
            let servers = try chosen.map { (attack: $0, server: try $0.serve(port: port, other: other)) }
            for (attack, server) in servers { Terminal.say("\(attack.name) \(server.endpoint)") }
            Terminal.say("ready")
            withExtendedLifetime(servers) { while true { pause() } }
        } catch {
            fail("hostile-peer: \(error)")
        }
    }

    private static func list() {
        for attack in PeerAttack.all {
            let entry = attack.lines.isEmpty ? "" : " (with \(attack.lines.joined(separator: ", ")))"
            Terminal.say("\(attack.name)\n    \(attack.summary)\(entry)\n    shows: \(attack.signs.map(\.text).joined(separator: "; "))")
        }
    }

    private static func fail(_ line: String) {
        Terminal.complain(line)
        exit(2)
    }
}
