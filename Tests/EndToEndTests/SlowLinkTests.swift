import FederationCore
import FederationHTTP
import FederationStore
import FederationTestKit
import Glibc
import Testing

@testable import Federation

/// A long log over a long line.
///
/// `FEDERATION_LINK_EVENTS=20000 FEDERATION_LINK_DELAY_MS=100` makes it the measurement that the documents speak of.
@Suite(.serialized) struct SlowLinkTests {
    private static func number(_ name: String, _ otherwise: Int) -> Int {
        getenv(name).flatMap { Int(String(cString: $0)) } ?? otherwise
    }

    private static let events = number("FEDERATION_LINK_EVENTS", 4_300)
    private static let delay = Duration.milliseconds(number("FEDERATION_LINK_DELAY_MS", 100))

    /// A node that serves so many events, as if it had got them long ago.
    private func server(
        in scratch: ScratchDirectory, events: Int = SlowLinkTests.events
    ) async throws -> TestNode {
        let node = try await TestNode("server", in: scratch)
        let store = try SQLiteStore(path: node.directory + "/data/federation.db")
        var first = 0
        while first < events {
            let numbers = first..<min(first + 1000, events)
            let entries = try numbers.map { number in
                try Sample.entry(
                    Sample.event(
                        Sample.id(Int64(number)), "create", "20260101-note-\(number)", origin: 9,
                        clock: [9: UInt64(number) + 1], body: "Note \(number) of many, which is as long as a note is.",
                        signature: "ed25519:\(sha256Text(number))"))
            }
            try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in
                for entry in entries { _ = try log.append(entry) }
            }
            first += 1000
        }
        await store.close()
        try await node.start()
        return node
    }

    private func sha256Text(_ number: Int) -> String {
        Sample.seal(Array("\(number)".utf8), by: 9).signature.suffix(64) + "=="
    }

    /// The log in its own order.
    private func log(of node: TestNode) async throws -> [String] {
        (try await node.facts("events", "--limit", "100000")["events"]?.array ?? []).map { $0["id"]?.string ?? "" }
    }

    /// Catches up over the line once, and gives the time it took.
    private func catchUp(
        _ name: String, with server: TestNode, over link: SlowLink, program: String = Program.path
    ) async throws -> (node: TestNode, took: Duration) {
        let node = try await TestNode(name, in: server.scratch, program: program)
        node.setPeer("server", link.endpoint)
        let start = ContinuousClock.now
        let result = try await node.run("sync", "--json")
        let took = ContinuousClock.now - start
        #expect(result.status == 0, "\(result.out) \(result.err)")
        return (node, took)
    }

    @Test func aLongLogComesWholeAndInOrderWithPagesUnderWay() async throws {
        let scratch = ScratchDirectory()
        let server = try await server(in: scratch)
        let link = SlowLink(to: server.port, delay: SlowLinkTests.delay)
        let expected = (0..<SlowLinkTests.events).map { Sample.id(Int64($0)).description }
        let (node, took) = try await catchUp("ahead", with: server, over: link)
        let pages = (SlowLinkTests.events + Limits.pageEvents - 1) / Limits.pageEvents
        #expect(try await log(of: node) == expected)
        let carried = link.carried
        #expect((1...Limits.requestsAhead + 1).contains(carried.connections), "\(carried)")
        // No page came twice; both ends are of one machine, where none is compressed.
        #expect(carried.received < SlowLinkTests.events * 600, "\(carried)")
        print("\(pages) pages over \(SlowLinkTests.delay) each way: \(took), \(carried)")
        guard let previous = Program.previous else { return }
        let (slow, slowTook) = try await catchUp("one-by-one", with: server, over: link, program: previous)
        #expect(try await log(of: slow) == expected)
        print("one page at a time (\(Program.previousVersion)): \(slowTook); the ratio is \(took / slowTook)")
        #expect(try await server.stop() == .exited(0))
    }

    /// Short pages, so that a commit takes little beside a round trip, also of a program that was built for debugging.
    @Test func severalPagesAreUnderWayAtOneTime() async throws {
        let scratch = ScratchDirectory()
        let server = try await server(in: scratch, events: 1500)
        var took: [Duration] = []
        var received: [Int] = []
        for (name, looksAhead) in [("ahead", true), ("one-by-one", false)] {
            let link = SlowLink(to: server.port, delay: SlowLinkTests.delay)
            let node = try await TestNode(name, in: scratch)
            let start = ContinuousClock.now
            // The second as from another machine.
            let report = try await poll(node.configPath, over: link, boot: looksAhead ? HostMark.boot : [0]) {
                let exchange = AutoExchange(pageEvents: 50)
                return looksAhead ? exchange : OneByOne(exchange: exchange)
            }
            took.append(ContinuousClock.now - start)
            received.append(link.carried.received)
            #expect(report.result == .complete && report.pages == 30 && report.outcome.applied == 1500)
            #expect(try await log(of: node) == (0..<1500).map { Sample.id(Int64($0)).description })
            // How many are under way follows from how quick the disk is; without looking ahead it is never two.
            #expect(looksAhead || link.carried.connections == 1, "\(link.carried)")
        }
        #expect(received[1] * 4 < received[0] * 3, "only to another machine are pages compressed: \(received)")
        print("30 pages over \(SlowLinkTests.delay) each way: \(took[0]), one by one \(took[1]), \(took[0] / took[1])")
        #expect(try await server.stop() == .exited(0))
    }

    /// One poll by a node in this process.
    private func poll(
        _ config: String, over link: SlowLink, boot: [UInt8]?, exchange: @escaping @Sendable () -> any Exchange
    ) async throws -> PollReport {
        let node = try await Node(
            configPath: config, use: .write, logger: Logger(level: .error, now: SystemClock.now) { _ in })
        let client = CurlClient()
        let driver = PollDriver(
            peer: PolledPeer(name: "server"), node: node.identity, clock: ContinuousClock(),
            wallClock: SystemClock.now,
            transport: PeerTransport(client: client, endpoint: link.endpoint, timeout: .seconds(60), boot: boot),
            store: NodePollStore(node: node), listener: PollLog(node: node), firstPoll: Instant(.seconds(3600)),
            exchange: exchange)
        let running = Task { await driver.run() }
        let report = await driver.syncNow()
        running.cancel()
        await running.value
        client.close()
        await node.close()
        return report
    }

    /// The line breaks off at a moment nobody chose, again and again: nothing is lost and nothing comes twice.
    @Test func whatIsUnderWayWhenTheLineBreaksIsAskedForAgain() async throws {
        let scratch = ScratchDirectory()
        let server = try await server(in: scratch)
        let node = try await TestNode("puller", in: scratch)
        let expected = (0..<SlowLinkTests.events).map { Sample.id(Int64($0)).description }
        node.setPeer("server", server.endpoint)
        for pause in [150, 300, 450] {
            try await node.start()
            try await Task.sleep(for: .milliseconds(pause))
            #expect(try await node.stop(SIGKILL) == .killed(signal: SIGKILL))
            let got = try await log(of: node)
            #expect(got == Array(expected.prefix(got.count)))
        }
        #expect(try await node.run("sync").status == 0)
        #expect(try await log(of: node) == expected)
        #expect(try await server.stop() == .exited(0))
    }
}

/// The same conversation with nothing ahead.
private struct OneByOne: Exchange {
    var exchange: AutoExchange

    mutating func begin(_ context: ExchangeContext) -> ExchangeStep { exchange.begin(context) }
    mutating func resume(_ answer: ExchangeAnswer, now: WallTime) -> ExchangeStep { exchange.resume(answer, now: now) }
}
