import FederationCore
import FederationHTTP
import FederationTestKit
import Glibc
import Synchronization
import Testing

/// A native node that answers who it is, and nothing else: identity and key are the test's, and may change.
final class FakeNative: Sendable {
    struct Face: Sendable {
        var id = "01KNJX4991ASW6NNKS9BQHNCGB"
        var key: String? = FakeNative.keys[0]
    }

    static let keys = [
        "ed25519:CL1bqmzrC/Jo404NOwylmpEhfHutd0CsI4sn1xa5JGI=", "ed25519:LB+0jMLPWjc+6yXzZFm8KOGQCwjA2YzdGgbNEfcDCJo=",
    ]
    private let face: Mutex<Face>
    private let asked = Mutex<[String]>([])
    private let peer = Mutex<FakePeer?>(nil)

    init(_ face: Face = Face()) throws {
        self.face = Mutex(face)
        let peer = try FakePeer { [weak self] request in self?.answer(request) ?? HTTPResponse(status: 503) }
        self.peer.withLock { $0 = peer }
    }

    var endpoint: String { peer.withLock { $0?.endpoint ?? "" } }
    /// What it was asked for, each once.
    var paths: Set<String> { asked.withLock { Set($0) } }

    func change(_ body: (inout Face) -> Void) { face.withLock { body(&$0) } }

    private func answer(_ request: ServedRequest) -> HTTPResponse {
        asked.withLock { $0.append("\(request.method) \(request.path)") }
        let face = face.withLock { $0 }
        var fields: HTTPFields = ["Federation-Node": face.id, "Federation-Mode": "sync"]
        fields["Federation-Public-Key"] = face.key
        guard request.path == "/federation/v1/identity" else {
            (fields["Content-Type"], fields["Federation-Count"]) = ("application/x-ndjson", "0")
            (fields["Federation-Position"], fields["Federation-More"]) = ("e.0.0", "false")
            return HTTPResponse(status: 200, fields: fields)
        }
        var writer = JSONWriter()
        writer.object {
            $0.member("id", face.id)
            $0.member("name", "fake")
            $0.member("version", "0.2.0")
            $0.member("mode", "sync")
            if let key = face.key { $0.member("pubkey", key) }
            $0.member("wants", "start")
        }
        fields["Content-Type"] = "application/json"
        return HTTPResponse(status: 200, fields: fields, body: writer.bytes)
    }
}

/// Two people compare six words.
@Suite(.serialized) struct PairingTests {
    private func ask(_ node: TestNode) { node.set("access", "{first_contact: ask}") }

    /// What `pair` shows of one peer, without confirming anything.
    private func facts(_ node: TestNode, _ peer: String) async throws -> JSON {
        try #require(try await node.facts("pair", peer).at("peers", "0"))
    }

    private func words(_ node: TestNode, _ peer: String) async throws -> String {
        try #require(try await facts(node, peer)["words"]?.string)
    }

    private func standing(_ node: TestNode, _ peer: String) async throws -> String? {
        try await node.peerStatus(peer)?.at("pairing", "standing")?.string
    }

    private func two(interval: String = "100ms") async throws -> (alpha: TestNode, beta: TestNode) {
        let scratch = ScratchDirectory()
        let alpha = try await TestNode("alpha", in: scratch, interval: interval)
        let beta = try await TestNode("beta", in: scratch, interval: interval)
        alpha.setPeer("beta", beta.endpoint)
        beta.setPeer("alpha", alpha.endpoint)
        return (alpha, beta)
    }

    @Test func twoNodesShowTheSameWords() async throws {
        let (alpha, beta) = try await two()
        try await alpha.start()
        // Whether or not one's own daemon runs, and before the two have met.
        let shown = try await facts(beta, "alpha")
        let ownID = try await alpha.identity()
        #expect(shown["standing"]?.string == "unmet" && shown["protection"]?.string == "loopback")
        #expect(shown["id"]?.string == ownID && shown["calls_itself"]?.string == "alpha")
        #expect(shown["fingerprint"]?.string == (try await alpha.facts("key", "fingerprint")["fingerprint"]?.string))
        try await beta.start()
        let phrase = try await words(beta, "alpha")
        #expect(phrase.split(separator: " ").count == 6)
        #expect(try await words(alpha, "beta") == phrase)
        try await eventually("both have met") {
            let known = [try await standing(alpha, "beta"), try await standing(beta, "alpha")]
            return (known == ["pinned", "pinned"]).orNil
        }
        for node in [alpha, beta] {
            let list = try await node.run("pair")
            #expect(list.status == 0 && list.out.contains(phrase) && list.out.contains("pinned at first contact"))
            #expect(try await node.facts("pair").at("peers", "0", "words")?.string == phrase)
        }
        // No terminal, no yes: it shows, and says how to go on.
        let only = try await alpha.run("pair", "beta")
        #expect(only.status == 0 && only.out.contains(phrase) && only.err.contains("federation pair beta --yes"))
        #expect(try await standing(alpha, "beta") == "pinned")
        #expect(try await alpha.run("pair", "beta", "--yes").out.contains("paired with beta"))
        #expect(try await standing(alpha, "beta") == "paired")
        let status = try await alpha.run("status")
        let day = try #require(try await alpha.peerStatus("beta")?.at("pairing", "paired_at")?.string).prefix(10)
        #expect(status.out.contains("paired \(day)") && status.out.contains("(confirmed by a person)"))
        #expect(try await alpha.facts("peers").at("peers", "0", "key", "pin")?.string == "paired")
        #expect(try await alpha.run("pair", "gamma").err.contains("known peers: beta"))
        #expect(try await alpha.stop() == .exited(0))
        #expect(try await beta.stop() == .exited(0))
    }

    /// Whoever stands between shows each side the other's identity with a key of his own.
    @Test func somebodyBetweenGivesOtherWords() async throws {
        let (alpha, beta) = try await two()
        let honest = try await two()
        let (atAlpha, atBeta) = (try FakeNative(), try FakeNative())
        let (alphaID, betaID) = (try await alpha.identity(), try await beta.identity())
        atAlpha.change { $0.id = betaID }
        atBeta.change { $0.id = alphaID }
        alpha.setPeer("beta", atAlpha.endpoint)
        beta.setPeer("alpha", atBeta.endpoint)
        let (one, other) = (try await words(alpha, "beta"), try await words(beta, "alpha"))
        #expect(one != other)
        let refused = try await alpha.run("pair", "beta", "--words", other)
        #expect(refused.status == 5 && refused.err.contains("somebody stands between"))
        #expect(try await alpha.run("pair", "beta", "--words", other, "--json").json.at("error", "code")?.string == "words_differ")
        #expect(try await standing(alpha, "beta") == "unmet")
        _ = honest
    }

    @Test func nothingIsExchangedUntilAPersonSaysYes() async throws {
        let (alpha, beta) = try await two(interval: "600s")
        ask(alpha)
        ask(beta)
        let (fromAlpha, fromBeta) = (try await alpha.put("# From alpha\n"), try await beta.put("# From beta\n"))
        try await beta.start()
        try await alpha.start()
        try await eventually("alpha waits; log:\n\(alpha.log)") { (try await standing(alpha, "beta") == "pending").orNil }
        let peer = try #require(try await alpha.peerStatus("beta"))
        #expect(peer["state"]?.string == "pending" && peer["consecutive_failures"]?.integer == 0)
        #expect(peer["last_error"] == nil && peer["id"] == nil && peer["last_seen"] == nil)
        #expect(try await alpha.run("status").out.contains("federation pair beta"))
        #expect(try await alpha.run("status", "--check").status == 0, "it is no failure")
        #expect(try await alpha.run("check").err.contains("federation pair beta"))
        #expect(alpha.log.contains("federation pair beta"))
        let sync = try await alpha.run("sync")
        #expect(sync.status == 5 && sync.err.contains("federation pair beta"))
        #expect(try await alpha.events().count == 1)
        #expect(try await alpha.run("show", fromBeta).status == 1)

        let phrase = try await words(beta, "alpha")
        #expect(try await alpha.run("pair", "beta", "--words", "acorn " + phrase).status == 5)
        #expect(try await standing(alpha, "beta") == "pending")
        let yes = try await Program.run(
            ["pair", "beta", "--words", phrase.uppercased(), "--json", "--config", alpha.configPath], in: alpha.scratch)
        #expect(try yes.status == 0 && yes.json.at("peers", "0", "standing")?.string == "paired", "\(yes.out)\(yes.err)")
        try await eventually("it flows at once; log:\n\(alpha.log)") {
            (try await alpha.run("show", fromBeta).status == 0).orNil
        }
        // The other side has said nothing yet.
        #expect(try await beta.run("show", fromAlpha).status == 1)
        #expect(try await beta.events().count == 1)

        _ = try await alpha.stop(SIGKILL)
        try await alpha.start()
        #expect(try await standing(alpha, "beta") == "paired")
        #expect(try await beta.run("pair", "alpha", "--yes").status == 0)
        try await eventually("both have both; log:\n\(beta.log)") {
            let logs = [try await alpha.events(), try await beta.events()]
            return (logs[0].count == 2 && logs[0] == logs[1]).orNil
        }
        #expect(try await alpha.stop() == .exited(0))
        #expect(try await beta.stop() == .exited(0))
    }

    @Test func aPairedPeerWithAnotherKeyIsRefused() async throws {
        let fake = try FakeNative()
        let node = try await TestNode("alpha", in: ScratchDirectory())
        ask(node)
        node.setPeer("fake", fake.endpoint)
        try await node.start()
        try await eventually("it waits") { (try await standing(node, "fake") == "pending").orNil }
        #expect(try await node.run("pair", "fake", "--yes").status == 0)
        try await eventually("it is followed; log:\n\(node.log)") { (try await node.peerStatus("fake")?["last_success"] != nil).orNil }
        for key in [FakeNative.keys[1], nil] {
            fake.change { $0.key = key }
            let met = try await node.run("pair", "fake", "--yes")
            #expect(met.status == 5 && met.err.contains("identity_mismatch"))
            try await eventually("it is refused; log:\n\(node.log)") {
                _ = try await node.run("sync", "fake")
                return (try await node.peerStatus("fake")?.at("last_error", "reason")?.string == "identity_mismatch").orNil
            }
            #expect(try await standing(node, "fake") == "paired")
        }
        // A person says that the key was changed: then the new one is to be confirmed, too.
        fake.change { $0.key = FakeNative.keys[1] }
        #expect(try await node.run("reset-peer", "fake", "--key-rotated", "--yes").status == 0)
        try await eventually("it waits anew; log:\n\(node.log)") {
            _ = try await node.run("sync", "fake")
            return (try await standing(node, "fake") == "pending").orNil
        }
        #expect(try await node.run("pair", "fake", "--yes").status == 0)
        #expect(try await node.peerStatus("fake")?.at("key", "public_key")?.string == FakeNative.keys[1])
        #expect(try await node.stop() == .exited(0))
    }

    @Test func whoWaitsIsAskedForNothingAndShownWhenItChanges() async throws {
        let fake = try FakeNative()
        let node = try await TestNode("alpha", in: ScratchDirectory())
        node.setPeer("fake", fake.endpoint, "first_contact: ask")
        try await node.put("# Ours\n")
        try await node.start()
        try await eventually("it waits") { (try await standing(node, "fake") == "pending").orNil }
        #expect(try await node.peerStatus("fake")?.at("pairing", "changed") == nil)
        fake.change { $0 = .init(id: "01KNJX4991ASW6NNKS9BQHNCG1", key: FakeNative.keys[1]) }
        let pairing = try await eventually("the change is shown; log:\n\(node.log)") {
            let pairing = try await node.peerStatus("fake")?["pairing"]
            return pairing?["changed"]?.bool == true ? pairing : nil
        }
        #expect(pairing["id"]?.string == "01KNJX4991ASW6NNKS9BQHNCG1" && pairing["public_key"]?.string == FakeNative.keys[1])
        #expect(node.log.contains("another node or key answers where one waits"))
        #expect(try await node.run("status").out.contains("another node or key than at first"))
        #expect(try await facts(node, "fake")["changed"]?.bool == true)
        #expect(fake.paths == ["GET /federation/v1/identity"], "it was asked who it is, and nothing was brought to it")
        #expect(try await node.stop() == .exited(0))
    }

    @Test func whoShowsNoKeyCannotBeConfirmed() async throws {
        let noema = try FakeNoema(events: [FakeEvent.create(1)])
        let node = try await TestNode("alpha", in: ScratchDirectory())
        ask(node)
        node.setPeer("noema", noema.endpoint)
        try await node.start()
        try await eventually("it waits") { (try await standing(node, "noema") == "pending").orNil }
        let refused = try await node.run("pair", "noema", "--yes")
        #expect(refused.status == 5 && refused.err.contains("first_contact: pin"))
        #expect(try await node.events().isEmpty)
        // With a key it has words as any other.
        noema.change { $0.identity = FakeNoema.identity(key: FakeNative.keys[0]) }
        #expect(try await words(node, "noema").split(separator: " ").count == 6)
        #expect(try await node.run("pair", "noema", "--yes").status == 0)
        try await eventually("it flows; log:\n\(node.log)") { (try await node.events().count == 1).orNil }
        #expect(try await node.stop() == .exited(0))
    }

    /// A laptop behind a NAT: what it brings waits for a person at the node in the middle.
    @Test func aPeerThatComesToUsWaitsAsWell() async throws {
        let star = try await Star("laptop", interval: "1s", hubLines: ["first_contact: ask"])
        let (alpha, laptop) = (star.alpha, star.leaves[0])
        let note = try await laptop.put("# From a laptop\n")
        try await star.start()
        try await eventually("it waits; log:\n\(alpha.log)") { (try await standing(alpha, "laptop") == "pending").orNil }
        let since = try await alpha.peerStatus("laptop")?.at("pairing", "since")?.string
        #expect(alpha.log.contains("federation pair laptop"))
        // It is asked for what it has, comes again and again, and that is said once.
        for _ in 1...3 { _ = try await laptop.run("sync") }
        #expect(alpha.log.ranges(of: "federation pair laptop").count == 1)
        #expect(try await alpha.peerStatus("laptop")?.at("pairing", "since")?.string == since)
        #expect(try await alpha.events().isEmpty)
        let phrase = try await words(alpha, "laptop")
        #expect(try await words(laptop, "alpha") == phrase)
        #expect(try await alpha.run("pair", "laptop", "--words", phrase).status == 0)
        try await eventually("it is taken; alpha:\n\(alpha.log)\nlaptop:\n\(laptop.log)") {
            (try await alpha.run("show", note).status == 0).orNil
        }
        try await star.stop()
    }

    /// Its own key opens the door; what is given by name waits for a person as well.
    @Test func aKeyOfItsOwnDoesNotNameAPeerThatWaits() async throws {
        let (alpha, beta) = try await two(interval: "600s")
        for node in [alpha, beta] {
            TestFile.write("a-key-of-these-two-nodes\n", to: node.directory + "/two.key")
            chmod(node.directory + "/two.key", 0o600)
        }
        let mesh = ["wire: mesh", "carry: records", "key_file: two.key"]
        alpha.setPeers([("beta", ["endpoint: \(beta.endpoint)", "first_contact: ask"] + mesh)])
        beta.setPeers([("alpha", ["endpoint: \(alpha.endpoint)"] + mesh)])
        let note = try await alpha.put("# For beta alone\n")
        try await alpha.start()
        try await beta.start()
        try await eventually("alpha waits; log:\n\(alpha.log)") { (try await standing(alpha, "beta") == "pending").orNil }
        try await eventually("beta is answered; log:\n\(beta.log)") { (try await beta.run("sync").status == 0).orNil }
        #expect(try await beta.run("show", note).status == 1)
        let yes = try await alpha.run("pair", "beta", "--yes")
        #expect(yes.status == 0, "\(yes.err)")
        try await eventually("it is given what is its own; log:\n\(beta.log)") {
            _ = try await beta.run("sync")
            return (try await beta.run("show", note).status == 0).orNil
        }
        #expect(try await alpha.stop() == .exited(0))
        #expect(try await beta.stop() == .exited(0))
    }

    @Test func aBusyPeerAlarmsNobody() async throws {
        let fake = try FakePeer { _ in HTTPResponse(status: 429, fields: ["Retry-After": "30"]) }
        let node = try await TestNode("alpha", in: ScratchDirectory())
        node.setPeer("fake", fake.endpoint)
        try await node.start()
        try await eventually("it is left alone; log:\n\(node.log)") { (try await node.peerStatus("fake")?["state"]?.string == "busy").orNil }
        let peer = try #require(try await node.peerStatus("fake"))
        #expect(peer["last_error"] == nil && peer["consecutive_failures"]?.integer == 0 && peer["attempt"]?.integer == 0)
        let seconds = try #require(peer["next_poll_in"]?.string?.dropLast()).description
        #expect((Int(seconds) ?? 0) > 20)
        #expect(try await node.run("status", "--check").status == 0)
        #expect(try await node.run("sync").err.contains("busy"))
        #expect(try await node.stop() == .exited(0))
    }
}
