import FederationCore
import Glibc
import HostileKit
import Testing

/// News at once: with an interval of a minute, nothing here is found by polling at it.
@Suite(.serialized) struct LiveFollowTests {
    @Test func whatIsWrittenIsThereAtOnce() async throws {
        let ring = try await Ring("alpha", "beta", interval: "60s")
        let (alpha, beta) = (ring["alpha"], ring["beta"])
        try await ring.start()
        // Who started first found nobody there.
        #expect(try await alpha.run("sync").status == 0)
        try await follows(alpha, beta)
        try await follows(beta, alpha)
        for number in 1...3 {
            let note = try await alpha.put("# Note \(number)\n\nText.\n")
            let begin = ContinuousClock.now
            try await eventually("beta has \(note)") { try await beta.run("show", note).status == 0 ? true : nil }
            #expect(ContinuousClock.now - begin < .seconds(20))
            try await beta.put("# Answer \(number)\n\nText.\n")
            try await ring.agreement(events: 2 * number)
        }
        // A sync cuts the held request short and is not kept waiting.
        let begin = ContinuousClock.now
        #expect(try await beta.run("sync").status == 0)
        #expect(ContinuousClock.now - begin < .seconds(20))
        try await follows(beta, alpha)
        // So does the end, on both sides: nobody waits for the hold.
        let end = ContinuousClock.now
        try await ring.stop()
        #expect(ContinuousClock.now - end < .seconds(20))
    }

    @Test func aHeldRequestIsAnsweredWithWhatIsWritten() async throws {
        let ring = try await Ring("alpha", interval: "60s")
        let alpha = ring["alpha"]
        try await ring.start()
        let socket = try RawSocket(connectingTo: alpha.port)
        socket.send("GET /federation/v1/events?wait=50 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        let note = try await alpha.put("# News\n\nText.\n")
        let answer = socket.receiveToEnd()
        #expect(answer.contains("HTTP/1.1 200 ") && answer.contains(note))
        // One that is held when the node stops is answered, and empty.
        let last = try RawSocket(connectingTo: alpha.port)
        let position = answer.split(separator: "\r\n").first { $0.hasPrefix("Federation-Position: ") }?.dropFirst(21) ?? ""
        last.send(
            "GET /federation/v1/events?wait=50&after=\(position) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        usleep(200_000)
        try await ring.stop()
        let empty = last.receiveToEnd()
        #expect(empty.contains("HTTP/1.1 200 ") && empty.contains("Federation-Count: 0"))
    }

    private func follows(_ node: TestNode, _ peer: TestNode) async throws {
        try await eventually("\(node.name) follows \(peer.name)") {
            try await node.peerStatus(peer.name)?["state"]?.string == "following" ? true : nil
        }
    }
}
