import FederationCore
import Glibc
import HostileKit
import Testing

/// A daemon whose configuration changes while it runs. Its interval is a minute: what comes sooner was not waited for.
@Suite(.serialized) struct LiveConfigTests {
    private func pair() async throws -> (alpha: TestNode, beta: TestNode) {
        let scratch = ScratchDirectory()
        let alpha = try await TestNode("alpha", in: scratch, interval: "600s")
        let beta = try await TestNode("beta", in: scratch, interval: "600s")
        try await beta.start()
        try await alpha.start()
        return (alpha, beta)
    }

    private func logged(_ node: TestNode, _ text: String) async throws {
        try await eventually("'\(text)' in the log:\n\(node.log)") { node.log.contains(text).orNil }
    }

    private func has(_ node: TestNode, _ id: String) async throws {
        try await eventually("\(id); log:\n\(node.log)") { (try await node.run("show", id).status == 0).orNil }
    }

    @Test func aPeerIsPolledAtOnceWhenItIsAddedAndNoMoreWhenItIsRemoved() async throws {
        let (alpha, beta) = try await pair()
        let first = try await beta.put("# First\n")
        #expect(try await alpha.facts("add-peer", "beta", beta.endpoint)["daemon"]?.string == "taken")
        try await has(alpha, first)
        try await logged(alpha, " info peer added peer=beta endpoint=\(beta.endpoint)")

        let removed = try await alpha.run("remove-peer", "beta")
        #expect(removed.err == "the running daemon has taken it in\n")
        #expect(alpha.log.contains(" info peer removed peer=beta"))
        #expect(try await alpha.status()["peers"]?.array?.isEmpty == true)
        let second = try await beta.put("# Second\n")
        #expect(try await alpha.run("sync").status == 0)
        #expect(try await alpha.run("show", second).status == 1)

        // What was known of it is still known.
        #expect(try await alpha.run("add-peer", "beta", beta.endpoint).status == 0)
        try await has(alpha, second)
        #expect(alpha.log.ranges(of: " pinned a peer ").count == 1)
        let forgotten = try await alpha.facts("remove-peer", "beta", "--forget")
        #expect(forgotten["forgotten"]?.integer ?? 0 >= 4)
        #expect(try await alpha.run("add-peer", "beta", beta.endpoint).status == 0)
        try await eventually("it is met anew:\n\(alpha.log)") { (alpha.log.ranges(of: " pinned a peer ").count == 2).orNil }
        #expect(try await alpha.stop() == .exited(0))
        #expect(try await beta.stop() == .exited(0))
    }

    @Test func aPausedPeerIsLeftAloneUntilItIsResumed() async throws {
        let (alpha, beta) = try await pair()
        #expect(try await alpha.run("add-peer", "beta", beta.endpoint).status == 0)
        try await logged(alpha, " pinned a peer ")
        #expect(try await alpha.run("set-mode", "subscribe", "--peer", "beta").status == 0)
        #expect(try await alpha.facts("pause-peer", "beta")["daemon"]?.string == "taken")
        #expect(try await alpha.peerStatus("beta")?["state"]?.string == "paused")
        let note = try await beta.put("# While it was paused\n")
        #expect(try await alpha.run("sync").status == 0)
        #expect(try await alpha.run("show", note).status == 1)
        #expect(try await alpha.facts("resume-peer", "beta")["to"]?.string == "subscribe")
        try await has(alpha, note)
        #expect(try await alpha.peerStatus("beta")?["mode"]?.string == "subscribe")
        #expect(try await alpha.stop() == .exited(0))
        #expect(try await beta.stop() == .exited(0))
    }

    @Test func anEditorsChangeIsNoticedAndOtherPeersAreNotDisturbed() async throws {
        let scratch = ScratchDirectory()
        let alpha = try await TestNode("alpha", in: scratch, interval: "600s")
        alpha.setPeers([
            // Of a wire whose first wait is twice the interval.
            ("gone", ["endpoint: http://127.0.0.1:\(TestPort.free())", "wire: noema"]),
            ("late", ["endpoint: http://127.0.0.1:\(TestPort.free())", "wire: noema", "interval: 50s"]),
        ])
        try await alpha.start()
        for peer in ["gone", "late"] {
            try await eventually("\(peer) has failed") { (try await alpha.peerStatus(peer)?["state"]?.string == "waiting").orNil }
        }
        let beta = try await TestNode("beta", in: scratch)
        try await beta.start()
        let note = try await beta.put("# Found\n")

        // By an editor that writes in place, and by one that renames.
        let text = TestFile.text(alpha.configPath)
        TestFile.write(text.replacing("name: late\n    endpoint: http", with: "name: late\n    mode: subscribe\n    endpoint: http"), to: alpha.configPath)
        try await logged(alpha, " info peer changed peer=late key=mode from=sync to=subscribe")
        let moved = alpha.configPath + "~"
        TestFile.write(text + "  - name: beta\n    endpoint: \(beta.endpoint)\n", to: moved)
        #expect(rename(moved, alpha.configPath) == 0)
        try await logged(alpha, " info peer added peer=beta ")
        try await has(alpha, note)
        TestFile.write(TestFile.text(alpha.configPath).replacing("interval: 600s", with: "interval: 40s"), to: alpha.configPath)
        try await logged(alpha, " info configuration changed key=interval from=10m to=40s")
        #expect(try await alpha.status()["interval"]?.string == "40s")

        let gone = try await alpha.peerStatus("gone")
        #expect(gone?["state"]?.string == "waiting" && gone?["attempt"]?.integer == 1)
        #expect(gone?["consecutive_failures"]?.integer == 1, "it was not polled again")
        #expect(try await alpha.stop() == .exited(0))
        #expect(try await beta.stop() == .exited(0))
    }

    @Test func anotherEndpointBeginsThatPeersPollingAnew() async throws {
        let (alpha, beta) = try await pair()
        let note = try await beta.put("# Elsewhere\n")
        #expect(try await alpha.run("add-peer", "beta", "http://127.0.0.1:\(TestPort.free())").status == 0)
        try await eventually("it has failed") { (try await alpha.peerStatus("beta")?["state"]?.string == "waiting").orNil }
        alpha.setPeer("beta", beta.endpoint)
        try await has(alpha, note)
        #expect(alpha.log.contains(" info peer changed peer=beta key=endpoint from="))
        #expect(try await alpha.stop() == .exited(0))
        #expect(try await beta.stop() == .exited(0))
    }

    /// By the line that names the key, and by another key in its file.
    @Test func aMendedKeyEndsTheBackOff() async throws {
        let (alpha, beta) = try await pair()
        func write(_ key: String, _ node: TestNode, _ file: String = "ring.key") {
            TestFile.write(key + "\n", to: node.directory + "/" + file)
            chmod(node.directory + "/" + file, 0o600)
        }
        func refused() async throws {
            try await eventually("it is refused:\n\(alpha.log)") {
                let peer = try await alpha.peerStatus("beta")
                return (peer?["state"]?.string == "waiting" && peer?.at("last_error", "reason")?.string == "auth").orNil
            }
        }
        write("a-key-of-the-ring-000", beta)
        beta.set("access", "{shared_key_file: ring.key}")
        #expect(try await beta.run("reload").status == 0)
        #expect(try await alpha.run("add-peer", "beta", beta.endpoint).status == 0)
        try await refused()

        let first = try await beta.put("# Behind a key\n")
        write("a-key-of-the-ring-000", alpha)
        alpha.set("access", "{shared_key_file: ring.key}")
        #expect(try await alpha.run("reload").status == 0)
        try await has(alpha, first)

        write("another-key-of-the-ring", beta)
        // A request that is held is answered that its key is none any more.
        try await refused()
        let second = try await beta.put("# Behind another key\n")
        write("another-key-of-the-ring", alpha)
        try await has(alpha, second)
        #expect(try await alpha.stop() == .exited(0))
        #expect(try await beta.stop() == .exited(0))
    }

    @Test func aBrokenFileIsReportedAndTheLastGoodOneRunsOn() async throws {
        let (alpha, beta) = try await pair()
        #expect(try await alpha.run("add-peer", "beta", beta.endpoint).status == 0)
        try await logged(alpha, " pinned a peer ")
        let good = TestFile.text(alpha.configPath)
        // As editors save: a file that is cut and half written has other problems for a moment, and each is said.
        TestFile.write(good + "    intervall: 3s\n", to: alpha.configPath + ".new")
        rename(alpha.configPath + ".new", alpha.configPath)
        let line = good.split(separator: "\n", omittingEmptySubsequences: false).count
        try await logged(alpha, "\(alpha.configPath):\(line):5: peers[0]: unknown key 'intervall', did you mean 'interval'?")
        let status = try await alpha.status()
        #expect(status["state"]?.string == "degraded")
        #expect(status.at("config", "problems")?.array?.count == 1)
        #expect(try await alpha.run("status").out.contains("⚠ the configuration has problems; what it said before runs on:"))
        #expect(try await alpha.run("status", "--check").status == 6)
        // Everything else works as before.
        let note = try await beta.put("# Meanwhile\n")
        #expect(try await alpha.run("sync").status == 0)
        #expect(try await alpha.run("show", note).status == 0)
        let reload = try await alpha.run("reload")
        #expect(reload.status == 3 && reload.err.contains("did you mean 'interval'?"))
        #expect(alpha.log.ranges(of: "configuration problem").count == 1, "what is known is not said again")
        let edit = try await alpha.run("pause-peer", "beta")
        #expect(edit.status == 3 && TestFile.text(alpha.configPath).contains("intervall"))

        TestFile.write(good, to: alpha.configPath)
        try await logged(alpha, "the configuration has no problems any more")
        #expect(try await alpha.run("status", "--check").status == 0)
        TestFile.write("[", to: alpha.configPath)
        try await eventually("a file that is no YAML") { (try await alpha.status()["state"]?.string == "degraded").orNil }
        #expect(unlink(alpha.configPath) == 0)
        #expect(try await alpha.run("status").status == 3)
        TestFile.write(good, to: alpha.configPath)
        try await eventually("it is well again") { (try await alpha.run("status", "--check").status == 0).orNil }
        #expect(try await alpha.stop() == .exited(0))
        #expect(try await beta.stop() == .exited(0))
    }

    @Test func whatIsHeldOpenWaitsForARestart() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        try await node.start()
        let other = TestPort.free()
        let text = TestFile.text(node.configPath)
        TestFile.write(
            text.replacing(":\(node.port)", with: ":\(other)").replacing("name: alpha", with: "name: omega"), to: node.configPath)
        try await logged(node, " info configuration changed key=name from=alpha to=omega")
        try await logged(node, " warning a changed key needs a restart key=listen from=127.0.0.1:\(node.port) to=127.0.0.1:\(other)")
        let status = try await node.status()
        #expect(status.at("config", "needs_restart", "0")?.string == "listen")
        #expect(status.at("node", "listen")?.string == "127.0.0.1:\(node.port)")
        #expect(status.at("node", "name")?.string == "omega")
        #expect(try await node.run("status").out.contains("⚠ 'listen' has changed in the configuration: it needs a restart"))
        #expect(try await node.run("reload").err.contains("'listen' has changed: it needs a restart"))
        // Peers are answered under the new name.
        let socket = try RawSocket(connectingTo: node.port)
        socket.send("GET /federation/v1/identity HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        #expect(socket.receiveToEnd().contains("omega"))
        // So is what it writes.
        try await node.put("# By another name\n")
        #expect(try await node.facts("events")["events"]?.array?.last?["origin_name"]?.string == "omega")
        TestFile.write(text, to: node.configPath)
        try await eventually("nothing waits") { (try await node.status().at("config", "needs_restart")?.array?.isEmpty).flatMap(\.orNil) }
        #expect(try await node.stop() == .exited(0))
    }

    /// A link further up is exchanged, of which the system tells nobody: SIGHUP, or looking, finds it.
    @Test(arguments: [true, false])
    func aHangupHasTheFileReadAndWithoutOneItIsLookedAt(hangs: Bool) async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        let text = TestFile.text(node.configPath).replacing("data: data", with: "data: \(node.directory)/data")
        for (version, interval) in [("v1", "100ms"), ("v2", "7s")] {
            #expect(mkdir(node.scratch.file(version), 0o755) == 0)
            TestFile.write(text.replacing("interval: 100ms", with: "interval: \(interval)"), to: node.scratch.file("\(version)/federation.yaml"))
        }
        let link = node.scratch.file("current")
        #expect(symlink("v1", link) == 0)
        let log = node.scratch.file("log")
        let daemon = try ChildProcess(
            Program.path, ["run", "--log-level", "debug", "--config", link + "/federation.yaml"], output: log, error: log)
        try await eventually("it has read what may have changed at its start") {
            TestFile.text(log).contains(" debug configuration read ").orNil
        }
        #expect(symlink("v2", link + ".new") == 0 && rename(link + ".new", link) == 0)
        if hangs { daemon.signal(SIGHUP) }
        try await eventually("the other interval; log:\n\(TestFile.text(log))") {
            TestFile.text(log).contains("key=interval from=100ms to=7s").orNil
        }
        daemon.signal(SIGTERM)
        #expect(try await daemon.end() == .exited(0))
    }
}
