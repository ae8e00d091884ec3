import FederationCore
import FederationHTTP
import Glibc
import Synchronization
import Testing

@testable import FederationCLI

/// A native node whose log is as long as it says, and which gives one line of it at a time.
private final class LongLog: Sendable {
    static let id = ULID("01KNJX4991ASW6NNKS9BQHNCGB")!
    let peer: FakePeer

    /// - Parameters:
    ///   - pages: how many are given before it fails.
    ///   - saysRest: as nodes since 0.3 do.
    init(places: Int64, pages: Int, pause: Duration = .zero, saysRest: Bool) throws {
        let counter = Box(pages)
        peer = try FakePeer { request in
            var fields: HTTPFields = [
                "Federation-Node": LongLog.id.description, "Federation-Name": "long", "Federation-Version": "9.9.9",
                "Federation-Mode": "sync", "Federation-Head": LongLog.position(places),
            ]
            if request.path.hasSuffix("/identity") {
                let head = LongLog.position(places)
                return HTTPResponse(
                    status: 200, fields: ["Content-Type": "application/json"], body: Array(#"{"id":"\#(LongLog.id)","name":"long","version":"9.9.9","mode":"sync","head":"\#(head)"}"#.utf8))
            }
            guard counter.take() else { return HTTPResponse(status: 503) }
            if pause > .zero { usleep(UInt32(pause.components.attoseconds / 1_000_000_000_000)) }
            let place = (request.parameter("after")?.split(separator: ".")[1]).flatMap { Int64($0) } ?? 0
            fields["Federation-Position"] = LongLog.position(place + 1)
            fields["Federation-More"] = "true"
            fields["Federation-Count"] = "1"
            if saysRest { fields["Federation-Rest"] = "\(places - place - 1) \((places - place - 1) * 100) \(LongLog.oldest)" }
            fields["Content-Type"] = "application/x-ndjson"
            return HTTPResponse(status: 200, fields: fields, body: Array("no event \(place)\n".utf8))
        }
    }

    static func position(_ place: Int64) -> String { "e.\(place).\(place == 0 ? ULID.min : oldest)" }

    /// Of the first second of 2020.
    static let oldest = ULID(floorOf: WallTime(rfc3339: "2020-01-01T00:00:00Z")!)

    private final class Box: Sendable {
        private let left: Mutex<Int>
        init(_ pages: Int) { left = Mutex(pages) }
        func take() -> Bool {
            left.withLock { left in
                left -= 1
                return left >= 0
            }
        }
    }
}

@Suite(.serialized) struct LagTests {
    private func text(_ node: TestNode) async throws -> String { try await node.run("status").out }

    @Test func whatIsKnownOfAPeerThatFailsIsSaidToBeAsOfThen() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        for saysRest in [true, false] {
            let log = try LongLog(places: 500, pages: 2, saysRest: saysRest)
            let name = saysRest ? "new" : "old"
            node.setPeer(name, log.peer.endpoint)
            #expect(try await node.run("sync").status == 1)
            let peer = try #require(try await node.peerStatus(name))
            #expect(peer.at("lag", "events")?.integer == 498)
            #expect(peer.at("lag", "current")?.bool == false)
            #expect(peer.at("lag", "observed_at")?.string != nil && peer["failing_since"]?.string != nil)
            let shown = try await text(node)
            if saysRest {
                #expect(peer.at("lag", "bytes")?.integer == 49_800)
                #expect(peer.at("lag", "seconds")?.integer ?? 0 > 5 * 365 * 86_400)
                #expect(peer.at("lag", "oldest_event")?.string == LongLog.oldest.description)
                #expect(shown.contains("498 events, 49.8 kB, the oldest "))
            } else {
                #expect(peer.at("lag", "bytes") == nil && peer.at("lag", "seconds") == nil)
                #expect(shown.contains("498 events, size and age unknown, as of "))
            }
            await log.peer.stop()
        }
    }

    @Test func nobodyMetIsUnknownAndWhoWasReadIsNotBehind() async throws {
        let scratch = ScratchDirectory()
        let (alpha, beta) = (try await TestNode("alpha", in: scratch), try await TestNode("beta", in: scratch))
        alpha.setPeer("beta", beta.endpoint)
        #expect(try await alpha.peerStatus("beta")?["lag"] == nil)
        #expect(try await text(alpha).contains("(unknown)"))
        try await beta.put("# Of beta\n")
        try await beta.start()
        _ = try await alpha.facts("sync")
        let lag = try #require(try await alpha.peerStatus("beta")?["lag"])
        #expect(lag["events"]?.integer == 0 && lag["bytes"]?.integer == 0 && lag["seconds"]?.integer == 0)
        #expect(lag["current"]?.bool == false, "nobody asks it any more")
        try await alpha.start()
        try await eventually("alpha follows beta") { () -> Bool? in
            try await alpha.peerStatus("beta")?.at("lag", "current")?.bool == true ? true : nil
        }
        #expect(try await text(alpha).contains("behind        nothing\n"))
        for node in [alpha, beta] { try await node.stop() }
    }

    @Test func aBackfillShowsHowFarItIsAndHowLongItTakes() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        let log = try LongLog(places: 100_000, pages: .max, pause: .milliseconds(20), saysRest: true)
        node.setPeer("long", log.peer.endpoint)
        try await node.start()
        let peer = try await eventually("a rate is measured") { () -> JSON? in
            let peer = try await node.peerStatus("long")
            return peer?.at("progress", "seconds_to_go") == nil ? nil : peer
        }
        let (pulled, left) = (peer.at("progress", "pulled")?.integer ?? 0, peer.at("progress", "remaining")?.integer ?? 0)
        #expect(pulled > 0 && pulled + left == 100_000)
        #expect(peer.at("lag", "events")?.integer == left && peer.at("lag", "current")?.bool == true)
        #expect(peer.at("lag", "bytes")?.integer == left * 100)
        let shown = try await text(node)
        #expect(shown.contains(/catching up +\d+ of 100,000 events, \d+(\.\d)?\/s, about \d+ (h|min) \d+ (min|s) to go/), "\(shown)")
        try await node.stop()
        await log.peer.stop()
    }
}
