import FederationCore
import Glibc
import HostileKit
import Testing

@Suite(.serialized) struct DaemonTests {
    @Test(arguments: [SIGTERM, SIGINT])
    func aSignalEndsTheDaemonCleanlyWhateverItIsWaitingFor(signal: Int32) async throws {
        let stalling = ScriptedServer.stalling()
        let node = try await TestNode("alpha", in: ScratchDirectory())
        node.setPeer("silent", stalling.endpoint)
        try await node.start()
        let id = try await node.put("# Kept\n")
        #expect(try await node.stop(signal) == .exited(0))
        #expect(node.log.contains(" stopping\n") && node.log.hasSuffix(" stopped\n"), "\(node.log)")
        #expect(try await node.facts("show", id)["title"]?.string == "Kept")
        #expect(try await node.run("check", "--deep").status == 0)
    }

    /// What is said goes nowhere then, and to nobody's descriptor: once, it went to the socket that tells of signals.
    @Test(arguments: [">&- 2>&-", "<&- 2>&-", "<&- >&- 2>&-"])
    func closedStandardDescriptorsAreNobodyElses(closed: String) async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        let daemon = try ChildProcess(
            "/bin/sh", ["-c", "exec \"$0\" run --config \"$1\" \(closed)", node.program, node.configPath],
            output: node.logPath, error: node.logPath)
        try await eventually("it runs") { (try await node.status()["running"]?.bool == true).orNil }
        let id = try await node.put("# Kept\n")
        #expect(try await node.run("reload").status == 0)
        #expect(try await node.status()["running"]?.bool == true)
        daemon.signal(SIGTERM)
        #expect(try await daemon.end() == .exited(0))
        #expect(try await node.facts("show", id)["title"]?.string == "Kept")
        #expect(try await node.run("check", "--deep").status == 0)
    }

    @Test func aDaemonWithoutAPlaceToListenSaysSo() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        let taken = try FakePeer(port: node.port) { _ in HTTPResponse(status: 200) }
        let result = try await node.run("run")
        #expect(result.status == 1)
        #expect(result.err.contains("cannot listen on 127.0.0.1:\(node.port): something listens there already"))
        await taken.stop()
    }

    @Test func aPortOfTheSystemsChoiceIsLogged() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        let text = TestFile.text(node.configPath).replacing("listen: 127.0.0.1:\(node.port)", with: "listen: 127.0.0.1:0")
        TestFile.write(text + "hosts: [alpha.example]\n", to: node.configPath)
        try await node.start()
        let port = try #require(node.log.firstMatch(of: /running .* listen=127\.0\.0\.1:(\d+)/).flatMap { UInt16($0.1) })
        for host in ["127.0.0.1:\(port)", "alpha.example"] {
            let socket = try RawSocket(connectingTo: port)
            socket.send("GET /federation/v1/identity HTTP/1.1\r\nHost: \(host)\r\nConnection: close\r\n\r\n")
            #expect(socket.receiveToEnd().hasPrefix("HTTP/1.1 200 "))
        }
        #expect(try await node.stop() == .exited(0))
    }

    /// After a failure the next poll is some seconds away, and later minutes; the peer's own poll says that it is back.
    @Test func aPeerThatShowsItselfEndsTheBackOff() async throws {
        let ring = try await Ring("alpha", "beta", interval: "600s")
        let (alpha, beta) = (ring["alpha"], ring["beta"])
        try await ring.start()
        #expect(try await alpha.run("sync").status == 0)
        try await beta.stop()
        #expect(try await alpha.run("sync").status == 4)
        try await eventually("it waits") { (try await alpha.peerStatus("beta")?["state"]?.string == "waiting").orNil }
        let note = try await beta.put("# Back\n")
        try await beta.start()
        try await eventually("the note, long before the back-off is over") {
            (try await alpha.run("show", note).status == 0).orNil
        }
        try await ring.stop()
    }

    /// Two thousand events and more, relayed by a node to another: pages follow one another without waiting.
    @Test func aLongLogIsCaughtUpPageByPage() async throws {
        let count = 2300
        let events = (1...count).map { FakeEvent.create($0, title: "Note \($0)") }
        let noema = try FakeNoema { since in
            "[" + events.drop { FakeNoema.place(of: $0) <= since }.prefix(100).joined(separator: ",") + "]"
        }
        let scratch = ScratchDirectory()
        let alpha = try await TestNode("alpha", in: scratch, interval: "600s")
        let beta = try await TestNode("beta", in: scratch, interval: "600s")
        alpha.setPeer("noema", noema.endpoint)
        beta.setPeer("alpha", alpha.endpoint)
        let first = try await alpha.run("sync", "--json")
        #expect(try first.json.at("peers", "0", "applied")?.integer == Int64(count))
        #expect(try first.json.at("peers", "0", "pages")?.integer == 23)
        try await alpha.start()
        let second = try await beta.run("sync", "--json")
        #expect(try second.json.at("peers", "0", "applied")?.integer == Int64(count))
        #expect(try second.json.at("peers", "0", "pages")?.integer == 3)
        #expect(try await beta.events() == alpha.events())
        let again = try await beta.run("sync", "--json")
        #expect(try again.json.at("peers", "0", "applied")?.integer == 0)
        #expect(try await alpha.stop() == .exited(0))
    }

    // MARK: Modes

    @Test func aPublisherServesAndFetchesNothing() async throws {
        let ring = try await Ring("alpha", "beta")
        let (alpha, beta) = (ring["alpha"], ring["beta"])
        alpha.set("mode", "publish")
        try await ring.start()
        let theirs = try await beta.put("# From beta\n")
        let ours = try await alpha.put("# From alpha\n")
        try await eventually("alpha's note on beta") { try await beta.events().count == 2 ? true : nil }
        #expect(try await alpha.run("sync").status == 0)
        #expect(try await alpha.run("show", theirs).status == 1)
        #expect(try await beta.run("show", ours).status == 0)
        #expect(try await alpha.status().at("node", "mode")?.string == "publish")
        try await ring.stop()
    }

    @Test func aSubscriberFetchesAndServesNothing() async throws {
        let ring = try await Ring("alpha", "beta")
        let (alpha, beta) = (ring["alpha"], ring["beta"])
        alpha.set("mode", "subscribe")
        try await ring.start()
        let ours = try await alpha.put("# From alpha\n")
        let theirs = try await beta.put("# From beta\n")
        try await eventually("beta's note on alpha") { try await alpha.events().count == 2 ? true : nil }
        _ = try await beta.run("sync")
        #expect(try await beta.run("show", ours).status == 1)
        #expect(try await alpha.run("show", theirs).status == 0)
        try await ring.stop()
    }

    @Test func aPausedPeerIsLeftAloneAndKeepsItsPlace() async throws {
        let ring = try await Ring("alpha", "beta")
        let (alpha, beta) = (ring["alpha"], ring["beta"])
        try await ring.start()
        try await beta.put("# First\n")
        try await ring.agreement(events: 1)
        let before = try await alpha.peerStatus("beta")
        try await alpha.stop()
        alpha.setPeer("beta", beta.endpoint, "mode: paused")
        try await alpha.start()
        try await beta.put("# Second\n")
        let result = try await alpha.run("sync", "--json")
        #expect(result.status == 0)
        #expect(try result.json.at("peers", "0", "paused")?.bool == true)
        let paused = try await alpha.peerStatus("beta")
        #expect(paused?["id"]?.string == before?["id"]?.string)
        #expect(paused?["last_event"]?.string == before?["last_event"]?.string)
        #expect(try await alpha.run("status", "--check").status == 0)
        #expect(try await alpha.events().count == 1)
        // Nor is it served, and it waits without a reason to complain.
        try await alpha.put("# Third\n")
        _ = try await beta.run("sync")
        #expect(try await beta.events().count == 2)
        #expect(try await beta.peerStatus("alpha")?["reason"]?.string == nil)
        try await alpha.stop()
        alpha.setPeer("beta", beta.endpoint)
        try await alpha.start()
        // It would come by itself once it has waited.
        _ = try await beta.run("sync")
        try await ring.agreement(events: 3)
        try await ring.stop()
    }

    // MARK: Requests that are none of a peer's

    @Test(arguments: ["/mcp", "/federation/v1/identity", "/federation/v1/events"])
    func aForeignPageReadsNothing(path: String) async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        try await node.start()
        func answer(_ fields: String...) throws -> String {
            let socket = try RawSocket(connectingTo: node.port)
            let lines = ["GET \(path) HTTP/1.1", "Connection: close"] + fields
            socket.send(lines.joined(separator: "\r\n") + "\r\n\r\n")
            return socket.receiveToEnd()
        }
        let allowed = path == "/mcp" ? "HTTP/1.1 405 " : "HTTP/1.1 200 "
        let own = "127.0.0.1:\(node.port)"
        #expect(try answer("Host: \(own)").hasPrefix(allowed))
        #expect(try answer("Host: localhost:\(node.port)").hasPrefix(allowed))
        #expect(try answer("Host: \(own)", "Origin: http://\(own)").hasPrefix(allowed))
        #expect(try answer().hasPrefix("HTTP/1.1 400 "))
        #expect(try answer("Host: \(own)", "Host: \(own)").hasPrefix("HTTP/1.1 400 "))
        let foreignFields = [
            ["Host: evil.example"], ["Host: 127.0.0.1.evil.example:\(node.port)"],
            ["Host: \(own)", "Origin: http://evil.example"], ["Host: \(own)", "Origin: null"],
            ["Host: \(own)", "Origin: https://\(own)"], ["Host: \(own)", "Origin: http://127.0.0.1:1"],
        ]
        for foreign in foreignFields {
            let socket = try RawSocket(connectingTo: node.port)
            let lines = ["GET \(path) HTTP/1.1", "Connection: close"] + foreign
            socket.send(lines.joined(separator: "\r\n") + "\r\n\r\n")
            let text = socket.receiveToEnd()
            #expect(text.hasPrefix("HTTP/1.1 403 "), "\(foreign): \(text)")
            #expect(!text.lowercased().contains("access-control"))
        }
        #expect(try await node.stop() == .exited(0))
    }

    @Test func requestsThatAreNoneAreRefusedAndTheNodeServesOn() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        try await node.start()
        let host = "Host: 127.0.0.1:\(node.port)\r\n"
        func answer(_ bytes: String) throws -> String {
            let socket = try RawSocket(connectingTo: node.port)
            socket.send(bytes)
            return socket.receiveToEnd()
        }
        func post(_ body: String) -> String {
            "POST /mcp HTTP/1.1\r\n\(host)Content-Type: application/json\r\nConnection: close\r\n"
                + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
        }
        _ = try answer("\u{16}\u{3}\u{1} not HTTP at all\r\n\r\n")
        let long = String(repeating: "x", count: 64 << 10)
        #expect(try answer("GET / HTTP/1.1\r\n\(host)X: \(long)\r\n\r\n").hasPrefix("HTTP/1.1 431 "))
        let head = "POST /mcp HTTP/1.1\r\n\(host)Content-Type: application/json\r\n"
        #expect(try answer(head + "Content-Length: 6000000\r\n\r\n{").hasPrefix("HTTP/1.1 413 "))
        #expect(try answer(post(#"{"jsonrpc":"2.0","id":1,"#)).hasPrefix("HTTP/1.1 400 "))
        #expect(try answer(post(String(repeating: "[", count: 1 << 20))).hasPrefix("HTTP/1.1 400 "))
        let deep = String(repeating: #"{"a":"#, count: 1000) + "1" + String(repeating: "}", count: 1000)
        #expect(try answer(post(deep)).hasPrefix("HTTP/1.1 400 "))
        #expect(try answer(post(#"{"jsonrpc":"2.0","id":1,"method":"\u001b[2J\nping"}"#)).contains("not found"))
        #expect(try answer(post(#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#)).contains(#""result":{}"#))
        let target = "/federation/v1/events?after=%00%1b&limit=-1"
        #expect(try answer("GET \(target) HTTP/1.1\r\n\(host)Connection: close\r\n\r\n").hasPrefix("HTTP/1.1 4"))
        #expect(!node.log.utf8.contains(0x1B))
        #expect(try await node.stop() == .exited(0))
    }
}
