import FederationCore
import Glibc
import HostileKit
import Testing

/// A node that can be reached, and others that listen nowhere: each knows the one in the middle and nobody else.
struct Star: Sendable {
    let scratch = ScratchDirectory()
    let alpha: TestNode
    let leaves: [TestNode]

    var nodes: [TestNode] { [alpha] + leaves }

    init(_ names: String..., interval: String = "60s", leafLines: [String] = [], hubLines: [String] = []) async throws {
        alpha = try await TestNode("alpha", in: scratch, interval: interval)
        var leaves: [TestNode] = []
        var entries: [(name: String, lines: [String])] = []
        for name in names {
            let leaf = try await TestNode(name, in: scratch, interval: interval)
            let text = TestFile.text(leaf.configPath)
            TestFile.write(text.split(separator: "\n").filter { !$0.hasPrefix("listen:") }.joined(separator: "\n") + "\n", to: leaf.configPath)
            leaf.setPeers([("alpha", ["endpoint: \(alpha.endpoint)"] + leafLines)])
            entries.append((name, ["id: \(try await leaf.identity())"] + hubLines))
            leaves.append(leaf)
        }
        alpha.setPeers(entries)
        self.leaves = leaves
    }

    func start() async throws { for node in nodes { try await node.start() } }
    func stop() async throws { for node in nodes { #expect(try await node.stop() == .exited(0)) } }

    /// Waits until every node has as many events, and the same ones.
    func agreement(events: Int) async throws {
        try await eventually("\(events) events everywhere") {
            let logs = try await nodes.asyncMap { try await $0.events() }
            return Set(logs).count == 1 && logs[0].count == events ? true : nil
        }
    }
}

extension TestNode {
    func identity() async throws -> String { try await facts("identity", "show")["id"]?.string ?? "" }

    /// Writes on this node, and waits until another has it: how long that took.
    func put(_ text: String, andSeenOn other: TestNode) async throws -> (id: String, time: Duration) {
        let note = try await put(text)
        let begin = ContinuousClock.now
        try await eventually("\(other.name) has \(note)") { try await other.run("show", note).status == 0 ? true : nil }
        return (note, ContinuousClock.now - begin)
    }
}

/// With an interval of a minute, nothing here is found by polling at it.
@Suite(.serialized) struct StarTests {
    /// Far below the interval, and far above what a loaded machine needs.
    private static let soon = Duration.seconds(30)

    @Test func leavesThatNobodyCanReachAreHeardAtOnce() async throws {
        let star = try await Star("beta", "gamma")
        let (alpha, beta, gamma) = (star.alpha, star.leaves[0], star.leaves[1])
        try await star.start()
        for number in 1...3 {
            #expect(try await beta.put("# Of beta \(number)\n", andSeenOn: gamma).time < StarTests.soon)
            #expect(try await gamma.put("# Of gamma \(number)\n", andSeenOn: beta).time < StarTests.soon)
            #expect(try await alpha.put("# Of alpha \(number)\n", andSeenOn: beta).time < StarTests.soon)
        }
        try await star.agreement(events: 9)
        // The one in the middle says who comes to it, and how each is.
        let peer = try #require(try await alpha.peerStatus("beta"))
        #expect(peer["comes_to_us"]?.bool == true && peer["endpoint"] == nil && peer["wire"]?.string == "native")
        let id = try await beta.identity()
        #expect(peer["id"]?.string == id && peer["last_seen"]?.string?.isEmpty == false)
        #expect(peer["consecutive_failures"]?.integer == 0 && peer["last_success"] != nil && peer["state"] == nil)
        #expect(try await alpha.status()["state"]?.string == "ok")
        let text = try await alpha.run("status").out
        #expect(text.contains("endpoint      (comes to us)") && text.contains("asked us      20"))
        #expect(peer["last_heard"]?.string?.isEmpty == false)
        // The leaf says that it follows, and that all is given.
        let hub = try #require(try await beta.peerStatus("alpha"))
        #expect(hub["state"]?.string == "following" && hub["push"]?["state"]?.string == "current")
        let leafText = try await beta.run("status").out
        #expect(leafText.contains("polling       following") && leafText.contains("pushing       current"))
        // Equality is proven from the leaf; the middle says that it cannot ask.
        #expect(try await beta.run("verify").status == 0)
        let verified = try await alpha.run("verify", "--json")
        let state = try verified.json.at("peers", "0", "state")?.string
        #expect(verified.status == 6 && state == "comes_to_us")
        #expect(try await alpha.run("sync").out.contains("beta: comes to us"))
        #expect(try await alpha.run("peers").out.contains("(comes to us)"))
        try await star.stop()
    }

    @Test func aRingOfLeavesOutlivesEveryKill() async throws {
        let star = try await Star("beta", "gamma")
        let (alpha, beta, gamma) = (star.alpha, star.leaves[0], star.leaves[1])
        try await star.start()
        _ = try await beta.put("# First\n", andSeenOn: gamma)
        for round in 1...2 {
            // A leaf dies with something to say, and says it when it is back.
            try await beta.stop(SIGKILL)
            let whileDead = try await gamma.put("# While beta is dead \(round)\n")
            let written = try await beta.put("# Written without a daemon \(round)\n")
            try await beta.start()
            try await eventually("gamma has \(written)") { try await gamma.run("show", written).status == 0 ? true : nil }
            try await eventually("beta has \(whileDead)") { try await beta.run("show", whileDead).status == 0 ? true : nil }
            // The middle dies; what the leaves write waits, and goes as soon as it is back.
            try await alpha.stop(SIGKILL)
            let waiting = try await beta.put("# While alpha is dead \(round)\n")
            try await alpha.start()
            let begin = ContinuousClock.now
            try await eventually("gamma has \(waiting)") { try await gamma.run("show", waiting).status == 0 ? true : nil }
            #expect(ContinuousClock.now - begin < .seconds(40), "the interval is 60 s, and the first wait after a failure twice that")
        }
        try await star.agreement(events: 7)
        try await star.stop()
    }

    /// Killed somewhere among many pages, in the middle or at the leaf: nothing is there twice, and nothing is missing.
    @Test func aKillHalfwayCostsAPageAtMost() async throws {
        let star = try await Star("beta")
        let (alpha, beta) = (star.alpha, star.leaves[0])
        let tree = star.scratch.file("tree")
        mkdir(tree, 0o755)
        for number in 0..<400 { TestFile.write("# Note \(number)\n\n\(String(repeating: "text ", count: 400))\n", to: "\(tree)/\(number).md") }
        #expect(try await beta.run("import", tree).status == 0)
        try await star.start()
        for victim in [alpha, beta, alpha, beta] {
            try? await Task.sleep(for: .microseconds(Int.random(in: 0...400_000)))
            _ = try await victim.stop(SIGKILL)
            try await victim.start()
        }
        try await star.agreement(events: 400)
        #expect(try await alpha.status()["refused"]?.integer == 0)
        try await star.stop()
    }

    @Test func modesHoldForWhoeverComes() async throws {
        // Nothing is taken from it.
        let publishing = try await Star("beta", hubLines: ["mode: publish"])
        try await publishing.start()
        let secret = try await publishing.leaves[0].put("# Not for alpha\n")
        let heard = try await publishing.alpha.put("# For beta\n", andSeenOn: publishing.leaves[0])
        #expect(heard.time < StarTests.soon)
        #expect(try await publishing.alpha.run("show", secret).status != 0)
        #expect(try await publishing.leaves[0].peerStatus("alpha")?["push"] == nil)
        // A changed mode counts as it is taken in.
        #expect(try await publishing.alpha.run("set-mode", "sync", "--peer", "beta").status == 0)
        _ = try await publishing.alpha.put("# Wakes beta\n", andSeenOn: publishing.leaves[0])
        try await eventually("alpha has it") { try await publishing.alpha.run("show", secret).status == 0 ? true : nil }
        try await publishing.stop()
        // The leaf gives nothing.
        let silent = try await Star("beta", leafLines: ["mode: subscribe"])
        try await silent.start()
        let kept = try await silent.leaves[0].put("# Kept\n")
        _ = try await silent.alpha.put("# For beta\n", andSeenOn: silent.leaves[0])
        #expect(try await silent.alpha.run("show", kept).status != 0)
        try await silent.stop()
        // Nothing is served to it, and what it brings is taken.
        let writing = try await Star("beta", hubLines: ["mode: subscribe"])
        try await writing.start()
        let hidden = try await writing.alpha.put("# Not for beta\n")
        #expect(try await writing.leaves[0].put("# Of beta\n", andSeenOn: writing.alpha).time < StarTests.soon)
        #expect(try await writing.leaves[0].run("show", hidden).status != 0)
        try await writing.stop()
    }

    @Test func aPeerIsMadeOneThatComesWithoutARestart() async throws {
        let star = try await Star("beta")
        let (alpha, beta) = (star.alpha, star.leaves[0])
        alpha.setPeers([])
        try await star.start()
        let note = try await beta.put("# Waits\n")
        try await eventually("beta has met alpha") { try await beta.peerStatus("alpha")?["state"]?.string == "following" ? true : nil }
        #expect(try await alpha.run("show", note).status != 0)
        let id = try await beta.identity()
        let added = try await alpha.facts("add-peer", "beta", "--id", id)
        #expect(added["daemon"]?.string == "taken" && added["id"]?.string == id)
        _ = try await alpha.put("# Wakes beta\n")
        try await eventually("alpha has it") { try await alpha.run("show", note).status == 0 ? true : nil }
        // Taken out again, it is not taken from.
        #expect(try await alpha.run("remove-peer", "beta").status == 0)
        let late = try await beta.put("# Too late\n")
        try await eventually("beta is told") { try await beta.peerStatus("alpha")?["push"] == nil ? true : nil }
        #expect(try await alpha.run("show", late).status != 0)
        // A peer needs a way or a name.
        #expect(try await alpha.run("add-peer", "gamma").status == 3)
        #expect(try await alpha.run("add-peer", "gamma", "--id", "nonsense").status == 3)
        try await star.stop()
    }

    @Test func aSyncGivesAsWellAsItTakes() async throws {
        let star = try await Star("beta")
        let (alpha, beta) = (star.alpha, star.leaves[0])
        try await alpha.start()
        let note = try await beta.put("# Written without a daemon\n")
        #expect(try await beta.run("sync").status == 0)
        #expect(try await alpha.run("show", note).status == 0)
        // What the middle forgets of the leaf it is told again.
        #expect(try await alpha.run("reset-peer", "beta", "--yes").status == 0)
        #expect(try await alpha.peerStatus("beta")?["last_seen"] == nil)
        let next = try await beta.put("# Another\n")
        #expect(try await beta.run("sync").status == 0)
        #expect(try await alpha.run("show", next).status == 0)
        #expect(try await alpha.status()["events"]?.integer == 2)
        #expect(try await alpha.stop() == .exited(0))
    }

    @Test func aPageOfTheLargestSizeArrives() async throws {
        let star = try await Star("beta")
        try await star.start()
        let note = try await star.leaves[0].put("# Long\n\n" + String(repeating: "0123456789abcde\n", count: 240_000))
        try await eventually("alpha has it") { try await star.alpha.run("show", note).status == 0 ? true : nil }
        try await star.stop()
    }

    /// What claims to be the leaf's and is not changes nothing, and the node goes on.
    @Test func aForgedPushIsRefused() async throws {
        let star = try await Star("beta")
        let (alpha, beta) = (star.alpha, star.leaves[0])
        try await star.start()
        _ = try await beta.put("# True\n", andSeenOn: alpha)
        let id = try await beta.identity()
        let before = try await alpha.events()
        func post(_ body: String, _ fields: [String]) throws -> String {
            let socket = try RawSocket(connectingTo: alpha.port)
            socket.send(
                (["POST /federation/v1/events HTTP/1.1", "Host: localhost", "Connection: close",
                    "Content-Type: application/x-ndjson", "Content-Length: \(body.utf8.count)"] + fields)
                    .joined(separator: "\r\n") + "\r\n\r\n" + body)
            return socket.receiveToEnd()
        }
        let asks = try RawSocket(connectingTo: alpha.port)
        asks.send("GET /federation/v1/identity HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nFederation-Node: \(id)\r\n\r\n")
        let wants = asks.receiveToEnd().split(separator: "\r\n").first { $0.hasPrefix("Federation-Wants: ") }?.dropFirst(18) ?? ""
        #expect(!wants.isEmpty)
        let forged = ["Federation-Node: \(id)", "Federation-From: \(wants)", "Federation-Position: e.9.\(ULID.max)"]
        let key = try await beta.facts("identity", "show")["public_key"]?.string ?? ""
        let signature = "ed25519:" + String(repeating: "A", count: 86) + "=="
        let wrong = try post("{}\n", forged + ["Federation-Key: \(key)", "Federation-Signature: \(signature)"])
        #expect(wrong.contains("HTTP/1.1 403 ") && wrong.contains("bad_signature"))
        #expect(try post("{}\n", forged).contains("HTTP/1.1 400 "))
        #expect(try post("{}\n", ["Federation-Node: \(ULID.max)"]).contains("not_wanted"))
        #expect(try post("{}\n", []).contains("not_wanted"))
        // One past the bound is refused while it arrives.
        let long = try RawSocket(connectingTo: alpha.port)
        long.send(
            "POST /federation/v1/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                + "Content-Type: application/x-ndjson\r\nContent-Length: \(Limits.requestBytes + 1)\r\n\r\n")
        #expect(long.receiveToEnd().contains("HTTP/1.1 413 "))
        #expect(try await alpha.events() == before)
        #expect(try await beta.put("# Still heard\n", andSeenOn: alpha).time < StarTests.soon)
        try await star.stop()
    }

    /// The one in the middle learns by what it is brought that a leaf has another key.
    @Test func aLeafThatChangesItsKeyIsHeardAgain() async throws {
        let star = try await Star("beta", interval: "3s", leafLines: [], hubLines: [])
        let (alpha, beta) = (star.alpha, star.leaves[0])
        for node in star.nodes { node.set("verify", "enforce") }
        try await star.start()
        _ = try await beta.put("# Under the first key\n", andSeenOn: alpha)
        #expect(try await beta.stop() == .exited(0))
        let rotated = try await beta.facts("keygen", "--force")["public_key"]?.string
        try await beta.start()
        _ = try await beta.put("# Under the second key\n", andSeenOn: alpha)
        try await eventually("alpha has pinned it; log:\n\(alpha.log)") {
            (try await alpha.peerStatus("beta")?.at("key", "public_key")?.string == rotated).orNil
        }
        #expect(try await alpha.facts("quarantine", "list")["entries"]?.array?.isEmpty == true)
        try await star.stop()
    }
}
