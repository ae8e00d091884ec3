import FederationCore
import Glibc
import HostileKit
import Testing

/// What is in hand when the daemon is told to stop: it is finished, within a bound.
@Suite(.serialized) struct DrainTests {
    @Test func aRequestThatIsHeldIsAnsweredAtOnce() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        try await node.put("# Here\n")
        try await node.start()
        let first = try RawSocket(connectingTo: node.port)
        let host = "Host: 127.0.0.1:\(node.port)\r\n"
        first.send("GET /federation/v1/events HTTP/1.1\r\n\(host)Connection: close\r\n\r\n")
        let answer = first.receiveToEnd()
        let position = try #require(answer.firstMatch(of: /(?i)federation-position: (\S+)/)?.1, "\(answer)")
        let held = try RawSocket(connectingTo: node.port)
        held.send("GET /federation/v1/events?after=\(position)&wait=50 HTTP/1.1\r\n\(host)\r\n")
        // It is held once a metric, or here the answer that does not come, shows it.
        try await Task.sleep(for: .milliseconds(300))
        let began = ContinuousClock.now
        async let ended = node.stop()
        let text = held.receiveToEnd()
        #expect(text.hasPrefix("HTTP/1.1 200 ") && text.contains("\(position)"), "\(text)")
        #expect(try await ended == .exited(0))
        #expect(ContinuousClock.now - began < .seconds(20))
    }

    /// Whatever was acknowledged is there, whatever was pulled is whole.
    @Test func aPullInFlightIsCommittedOrDroppedWhole() async throws {
        let count = 1500
        let events = (1...count).map { FakeEvent.create($0, title: "Note \($0)") }
        let noema = try FakeNoema { since in
            "[" + events.drop { FakeNoema.place(of: $0) <= since }.prefix(100).joined(separator: ",") + "]"
        }
        let node = try await TestNode("alpha", in: ScratchDirectory())
        node.setPeer("noema", noema.endpoint)
        for pause in [20, 120, 250] {
            try await node.start()
            try await Task.sleep(for: .milliseconds(pause))
            #expect(try await node.stop() == .exited(0))
            let held = try await node.events().count
            #expect(held % 100 == 0, "a page is whole or not there: \(held)")
            #expect(try await node.run("check", "--deep").status == 0)
        }
        #expect(try await node.run("sync").status == 0)
        #expect(try await node.events().count == count)
    }

    @Test func aCommandThatIsAnsweredWithYesIsKept() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        try await node.start()
        let results = try await withThrowingTaskGroup(of: CommandResult.self) { group in
            for number in 1...12 {
                group.addTask { try await node.run("put", "-", input: "# Note \(number)\n") }
            }
            try await Task.sleep(for: .milliseconds(100))
            #expect(try await node.stop() == .exited(0))
            return try await group.reduce(into: []) { $0.append($1) }
        }
        let kept = try await node.facts("records", "--all")
        let ids = Set(kept["records"]?.array?.compactMap { $0["id"]?.string } ?? [])
        for result in results where result.status == 0 { #expect(ids.contains(result.line), "\(result)") }
        #expect(!results.filter { $0.status == 0 }.isEmpty)
    }

    /// A client that never finishes its request holds the drain up for its bound; whoever cannot wait says so once more.
    @Test func aSecondSignalEndsItAtOnce() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        try await node.start()
        let slow = try RawSocket(connectingTo: node.port)
        slow.send("POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:\(node.port)\r\nContent-Length: 1000\r\n\r\n{")
        try await Task.sleep(for: .milliseconds(300))
        let pid = try #require(node.pid)
        kill(pid, SIGTERM)
        try await eventually("it stops: \(node.log)") { node.log.contains(" stopping\n").orNil }
        let began = ContinuousClock.now
        #expect(try await node.stop() == .killed(signal: SIGTERM))
        #expect(ContinuousClock.now - began < .seconds(3))
        #expect(!node.log.contains(" stopped\n"))
        #expect(try await node.run("check", "--deep").status == 0)
    }
}
