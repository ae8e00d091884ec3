import FederationCore
import Glibc
import HostileKit
import Testing

/// Every attack of `hostile-peer` at one time, on one node that has an honest peer as well.
@Suite(.serialized) struct HostilePeerTests {
    /// Another program that stands beside the tests.
    static func program(_ name: String) -> String {
        Program.path.prefix(upTo: Program.path.lastIndex(of: "/") ?? Program.path.endIndex) + "/" + name
    }

    @Test func eachAttackHasANameASentenceAndASign() {
        let attacks = PeerAttack.all
        #expect(attacks.count >= 40)
        #expect(Set(attacks.map(\.name)).count == attacks.count)
        for attack in attacks {
            #expect(!attack.signs.isEmpty && attack.summary.hasSuffix("."), "\(attack.name)")
            #expect(attack.name.utf8.count <= Limits.peerNameLength)
        }
    }

    @Test func whateverPeersDoTheNodeShowsItAndServesTheHonestOne() async throws {
        let attacks = PeerAttack.all
        let pair = try await Ring("alpha", "beta")
        let (alpha, beta) = (pair["alpha"], pair["beta"])
        for node in pair.nodes { node.set("verify", "enforce") }
        try await pair.start()
        try await beta.put("# Before\n")
        try await pair.agreement(events: 1)
        let other = try #require(try await beta.facts("identity", "show")["id"]?.string)

        let hostile = try await HostileProcess(other: other, in: pair.scratch)
        var entries = [("beta", ["endpoint: \(beta.endpoint)"])]
        for attack in attacks {
            let endpoint = try #require(hostile.endpoints[attack.name])
            entries.append((attack.name, ["endpoint: \(endpoint)", "interval: 1s"] + attack.lines))
        }
        alpha.setPeers(entries)
        #expect(try await alpha.run("reload").status == 0)

        var load = NodeLoad(try #require(alpha.pid))
        var missing = attacks.map(\.name)
        var seen: Set<String> = []
        var slowest = Duration.zero
        var written = 1
        let began = ContinuousClock.now
        try await eventually("signs of \(missing); the log's end:\n\(alpha.log.suffix(4000))") {
            // An honest peer goes on writing, and is read meanwhile.
            let note = try await beta.put("# Note \(written)\n")
            written += 1
            let asked = ContinuousClock.now
            try await eventually("note \(written) of beta reaches alpha") {
                try load.look()
                return (try await alpha.run("show", note).status == 0).orNil
            }
            slowest = max(slowest, ContinuousClock.now - asked)
            // A sign that was seen has been seen: a slow machine may come to some when others have given way already.
            seen.formUnion(try await AttackSigns(of: alpha).shown(attacks))
            missing = AttackSigns.names(of: attacks).filter { !seen.contains($0) }
            return missing.isEmpty.orNil
        }
        print("hostile-peer: \(attacks.count) attacks shown after \(ContinuousClock.now - began); slowest honest event",
            "\(slowest); \(load)")
        try await beta.put("# After\n")
        try await eventually("both have the same") {
            let logs = (try await alpha.events(), try await beta.events())
            return (logs.0 == logs.1).orNil
        }
        try await onlyWhatWasSigned(alpha, attacks, honest: written + 1, by: other)
        #expect(!alpha.log.utf8.contains(0x1B))
        #expect(load.memory < NodeLoad.memoryBound, "\(load)")
        #expect(load.descriptors < NodeLoad.descriptorBound(peers: attacks.count + 1), "\(load)")
        try await pair.stop()
        #expect(try await alpha.run("check", "--deep").status == 0)
    }

    /// The log holds what the honest node wrote, and of each attack as much as was honest.
    private func onlyWhatWasSigned(_ node: TestNode, _ attacks: [PeerAttack], honest: Int, by other: String) async throws {
        let events = try await node.facts("events", "--limit", "100000")["events"]?.array ?? []
        let origins = Dictionary(grouping: events) { $0["origin"]?.string ?? "" }.mapValues(\.count)
        #expect(origins[other] == honest)
        for attack in attacks {
            let taken = attack.origins.reduce(0) { $0 + (origins[$1.description] ?? 0) }
            #expect(taken == attack.takes, "\(attack.name)")
        }
        let strangers = Set(origins.keys).subtracting(attacks.flatMap(\.origins).map(\.description) + [other])
        #expect(strangers.isEmpty)
        let proofs = Set(events.map { $0["verified"]?.string ?? "" })
        #expect(proofs.isSubset(of: ["pinned_key", "provisional_key", "chain"]))
    }
}

/// `hostile-peer` with all its attacks.
struct HostileProcess {
    let endpoints: [String: String]
    private let process: ChildProcess

    init(other: String, in scratch: ScratchDirectory) async throws {
        let output = scratch.file("hostile-peer.out")
        process = try ChildProcess(
            HostilePeerTests.program("hostile-peer"), ["--all", "--other", other], output: output, error: output)
        let lines = try await eventually("hostile-peer listens: \(TestFile.text(output))") { [process] in
            if let ending = process.poll() { throw Unfulfilled("hostile-peer ended with \(ending)") }
            let lines = TestFile.text(output).split(separator: "\n")
            return lines.last == "ready" ? lines.dropLast() : nil
        }
        endpoints = Dictionary(uniqueKeysWithValues: lines.map { line in
            let words = line.split(separator: " ").map(String.init)
            return (words[0], words[1])
        })
    }
}

/// What a node shows, compared with what each attack is expected to show.
struct AttackSigns {
    let status: JSON
    private let peers: [String: JSON]
    private let entries: [String: [JSON]]

    init(of node: TestNode) async throws {
        status = try await node.status()
        peers = Dictionary(
            (status["peers"]?.array ?? []).map { ($0["name"]?.string ?? "", $0) }, uniquingKeysWith: { first, _ in first })
        let listed = try await node.facts("quarantine", "list")["entries"]?.array ?? []
        entries = Dictionary(grouping: listed) { $0["peer"]?.string ?? "" }
    }

    /// Every sign of every attack, by a name of its own.
    static func names(of attacks: [PeerAttack]) -> [String] {
        attacks.flatMap { attack in attack.signs.map { "\(attack.name): \($0.text)" } }
    }

    /// Those that are to be seen now.
    func shown(_ attacks: [PeerAttack]) -> [String] {
        attacks.flatMap { attack in
            attack.signs.filter { shows($0, attack) }.map { "\(attack.name): \($0.text)" }
        }
    }

    private func shows(_ sign: Sign, _ attack: PeerAttack) -> Bool {
        let peer = peers[attack.name]
        let origins = attack.origins.map(\.description)
        func isKept(_ kind: String, _ code: String?) -> Bool {
            (entries[attack.name] ?? []).contains { entry in
                entry["kind"]?.string == kind && (code == nil || entry["code"]?.string == code)
            }
        }
        switch sign {
        case .fails(let reason):
            return peer?.at("last_error", "reason")?.string == reason.rawValue && peer?["consecutive_failures"]?.integer ?? 0 > 0
        case .refuses(let code): return isKept("refused", code)
        case .holds(let code): return isKept("held", code)
        case .defers: return isKept("deferred", nil)
        case .warns(let code): return status["warnings"]?.array?.contains { $0["code"]?.string == code } ?? false
        case .equivocates:
            return status["equivocations"]?.array?.contains { origins.contains($0["origin"]?.string ?? "") } ?? false
        case .gap: return status["gaps"]?.array?.contains { origins.contains($0["origin"]?.string ?? "") } ?? false
        case .refusesAttestations: return peer?["unproven_attestations"]?.integer ?? 0 > 0
        case .isBusy: return peer?["state"]?.string == "busy"
        case .failsComparison: return peer?["failed_comparisons"]?.integer ?? 0 > 0
        case .pushFails(let reason): return peer?.at("push", "reason")?.string == reason.rawValue
        case .counts(let cause): return status.at("refused_requests", cause.rawValue)?.integer ?? 0 > 0
        }
    }
}

/// What a node has used at most: memory by the kernel's own account, descriptors as often as somebody looked.
struct NodeLoad: CustomStringConvertible {
    private let pid: pid_t
    private(set) var memory = 0
    private(set) var descriptors = 0

    init(_ pid: pid_t) { self.pid = pid }

    /// What a debug build may use with a hundred hostile peers.
    static let memoryBound = (512 << 20) * Patience.factor
    static func descriptorBound(peers: Int) -> Int { 64 + 2 * peers }

    /// What a listener may use: its connections, and a node's own files.
    static let listenerBound = Limits.connections + 64

    mutating func look() throws {
        descriptors = max(descriptors, TestFile.names(in: "/proc/\(pid)/fd").count)
        let line = TestFile.text("/proc/\(pid)/status").split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        guard let kilobytes = line?.split(whereSeparator: { !$0.isNumber }).first.flatMap({ Int($0) }) else {
            throw Unfulfilled("process \(pid) has gone")
        }
        memory = max(memory, kilobytes << 10)
    }

    var description: String { "\(memory >> 20) MiB, \(descriptors) descriptors" }
}
