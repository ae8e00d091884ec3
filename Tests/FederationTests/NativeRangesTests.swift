import FederationCore
import FederationTestKit
import Testing

@testable import Federation

/// Several pages of the native wire at one time: the places a peer names ahead, and what a puller makes of them.
struct NativeRangesTests {
    private static let events = WireContract.sample(95)

    private func get(_ query: [(String, String)], on node: LoopedNode) throws -> HTTPResponse {
        try node.reply(
            to: ServedRequest(
                method: "GET", path: NativeRoutes.eventsPath, query: query.map { (name: $0.0, value: $0.1) })
        ).response(nil)
    }

    private func place(_ seq: Int) -> String { "epoch-9.\(seq).\(NativeRangesTests.events[seq - 1].id)" }

    private func marks(_ response: HTTPResponse) -> [String] {
        (response.fields["Federation-Marks"] ?? "").split(separator: " ").map { String($0) }
    }

    @Test(arguments: [1, 2, 3, 7, 100])
    func aCircleOfAnyLengthIsNoticed(length: Int) {
        var ranges = NativeRanges(from: nil)
        let pages = (0..<1000).first { ranges.circles(at: $0 < 5 ? "way in \($0)" : "\(($0 - 5) % length)") }
        #expect(pages.map { $0 <= 5 + 4 * length + 8 } == true, "\(String(describing: pages)) pages")
        var straight = NativeRanges(from: nil)
        #expect(!(0..<10_000).contains { straight.circles(at: "\($0)") })
    }

    // MARK: Served

    @Test func aPageNamesPlacesAheadOfIt() throws {
        let node = try LoopedNode(NativeWire(), holding: NativeRangesTests.events)
        let first = try get([("limit", "10"), ("marks", "3")], on: node)
        #expect(marks(first) == [place(20), place(30), place(40)])
        // From wherever a page begins, the same places.
        let odd = try get([("limit", "10"), ("marks", "3"), ("after", place(7))], on: node)
        #expect(odd.fields["Federation-Position"] == place(17) && marks(odd) == [place(20), place(30), place(40)])
        let last = try get([("limit", "10"), ("marks", "16"), ("after", place(60))], on: node)
        #expect(marks(last) == [place(80), place(90)])
        for query in [[("limit", "10")], [("limit", "10"), ("marks", "0")], [("marks", "16")]] {
            #expect(try get(query, on: node).fields["Federation-Marks"] == nil)
        }
        #expect(marks(try get([("limit", "1"), ("marks", "5000")], on: node)).count == Limits.marks)
        for text in ["x", "-1", "99999999999999999999"] {
            let response = try get([("marks", text)], on: node)
            #expect(response.status == 400)
            #expect(try JSON(response.body)["error"]?["code"]?.string == "invalid_marks")
        }
    }

    @Test func aPageEndsAtThePlaceItIsAskedToEndAt() throws {
        let node = try LoopedNode(NativeWire(), holding: NativeRangesTests.events)
        let page = try get([("after", place(10)), ("until", place(13))], on: node)
        #expect(page.fields["Federation-Count"] == "3" && page.fields["Federation-Position"] == place(13))
        #expect(page.fields["Federation-More"] == "true")
        let cut = try get([("after", place(10)), ("until", place(13)), ("limit", "2")], on: node)
        #expect(cut.fields["Federation-Position"] == place(12))
        for (until, status) in [(place(10), 400), (place(9), 400), ("x", 409), ("epoch-9.200.\(ULID.min)", 409)] {
            #expect(try get([("after", place(10)), ("until", until)], on: node).status == status)
        }
    }

    @Test func aRangeWhoseEventsMovedOnIsReadToItsEnd() throws {
        var node = try LoopedNode(NativeWire(), holding: NativeRangesTests.events)
        for seq in [12, 13, 20] {
            var other = NativeRangesTests.events[seq - 1]
            other.originName = "another variant"
            _ = try node.log.replace(with: try Sample.entry(other), counted: true)
        }
        let empty = try get([("after", place(11)), ("until", place(13))], on: node)
        #expect(empty.fields["Federation-Count"] == "0" && empty.fields["Federation-Position"] == place(13))
        #expect(empty.fields["Federation-More"] == "true")
        let tail = try get([("after", place(18)), ("until", place(20))], on: node)
        #expect(tail.fields["Federation-Count"] == "1" && tail.fields["Federation-Position"] == place(20))
        for depth in [0, 8] {
            let run = try node.poll(by: NativeExchange(pageEvents: 10), ahead: depth)
            #expect(run.failure == nil && run.events.count == 95 && Set(run.events).count == 95)
        }
    }

    // MARK: Asked

    @Test(arguments: [0, 1, 3, 8, 16], [1, 7, 10, 95, 200])
    func everyEventComesOnceAndInOrder(_ depth: Int, _ pageEvents: Int) throws {
        let node = try LoopedNode(NativeWire(), holding: NativeRangesTests.events)
        let run = try node.poll(by: NativeExchange(pageEvents: pageEvents), ahead: depth)
        #expect(run.failure == nil && run.events == NativeRangesTests.events)
        // The identity, and each page once: nothing that was sent ahead was sent in vain.
        #expect(run.requests.count == 1 + (95 + pageEvents - 1) / pageEvents)
        #expect(Set(run.requests).count == run.requests.count)
    }

    @Test(arguments: [0, 8]) func aPageThatIsCutShortIsFollowedByItsRest(_ depth: Int) throws {
        let node = try LoopedNode(NativeWire(), holding: NativeRangesTests.events)
        let run = try WireRun(NativeExchange(pageEvents: 10), LoopedNode.context(), ahead: depth) { _, request in
            var routes = NativeRoutes(node: node.node, view: node.log, context: node.context)
            routes.pageBytes = 4 * NativeRangesTests.events[0].json.count
            return .response(try routes.respond(to: ServedRequest(request)).response(nil))
        }
        #expect(run.failure == nil && run.events == NativeRangesTests.events)
        #expect(Set(run.requests).count == run.requests.count)
    }

    @Test func aPeerThatForgotItsMarksIsReadPageByPage() throws {
        let node = try LoopedNode(NativeWire(), holding: NativeRangesTests.events)
        for status in [400, 409] {
            let run = try WireRun(NativeExchange(pageEvents: 10), LoopedNode.context(), ahead: 4) { _, request in
                let served = ServedRequest(request)
                guard served.parameter("until") == nil else { return .response(HTTPResponse(status: status)) }
                return .response(try node.respond(to: request))
            }
            #expect(run.failure == nil && run.events == NativeRangesTests.events)
            #expect(run.requests.last?.target.contains("marks") == false)
        }
    }

    @Test func anOlderPeerIsReadPageByPage() throws {
        let node = try LoopedNode(NativeWire(), holding: NativeRangesTests.events)
        for depth in [0, 8] {
            let run = try WireRun(NativeExchange(pageEvents: 10), LoopedNode.context(), ahead: depth) { _, request in
                var served = ServedRequest(request)
                served.query.removeAll { !["limit", "after"].contains($0.name) }
                return .response(try node.reply(to: served).response(nil))
            }
            #expect(run.failure == nil && run.events == NativeRangesTests.events)
            #expect(run.requests.count == 11 && !run.requests.contains { $0.target.contains("until") })
        }
    }

    @Test func nothingIsAskedOfAStranger() throws {
        let node = try LoopedNode(NativeWire(), holding: NativeRangesTests.events)
        var exchange = NativeExchange(pageEvents: 10)
        let context = LoopedNode.context(position: place(5), pinned: .native)
        guard case .request(let request, _) = exchange.begin(context) else { throw PeerServesNothing() }
        #expect(exchange.ahead.isEmpty)
        guard case .identify = exchange.resume(.response(try node.respond(to: request)), now: context.now) else {
            throw PeerServesNothing()
        }
        #expect(exchange.ahead.isEmpty)
        _ = exchange.resume(.identityAccepted, now: context.now)
        #expect(exchange.ahead.count == 9)
    }

    @Test func aLineThatBearsNoFullPagesIsAskedForShortOnesOneByOne() throws {
        let node = try LoopedNode(NativeWire(), holding: NativeRangesTests.events)
        var exchange = NativeExchange()
        var context = LoopedNode.context(position: place(5), pinned: .native)
        context.pageEvents = 3
        guard case .request(let request, _) = exchange.begin(context) else { throw PeerServesNothing() }
        #expect(request.target.contains("limit=3&") && !request.target.contains("marks="), "\(request.target)")
        context = LoopedNode.context()
        context.pageEvents = 3
        let run = try WireRun(NativeExchange(), context, ahead: 8) { .response(try node.respond(to: $1)) }
        #expect(run.failure == nil && run.events == NativeRangesTests.events)
        #expect(run.requests.count { $0.target.contains("/events") } == (NativeRangesTests.events.count + 2) / 3)
        #expect(run.requests.allSatisfy { !$0.target.contains("until") })
    }

    @Test func pagesGrowAgainWithinOnePoll() throws {
        let node = try LoopedNode(NativeWire(), holding: NativeRangesTests.events)
        var context = LoopedNode.context()
        context.pageEvents = 1
        var size = 1
        let run = try WireRun(
            NativeExchange(), context, ahead: 8, reading: { _, _, _ in [] },
            committing: { _ in
                size = min(2 * size, Limits.pageEvents)
                var outcome = PageOutcome()
                outcome.pageEvents = size
                return outcome
            }, answer: { .response(try node.respond(to: $1)) })
        #expect(run.failure == nil && run.events == NativeRangesTests.events)
        // 1, 2, 4 … 64 of 95 events, and not one by one.
        #expect(run.pages.map(\.items.count) == [1, 2, 4, 8, 16, 32, 32])
    }

    @Test func anAnswerWhoseLinesWereReadIsTheSamePage() async throws {
        let node = try LoopedNode(NativeWire(), holding: NativeRangesTests.events)
        var response = try get([("limit", "50")], on: node)
        let range = NativeRanges(from: nil).next
        let plain = try NativePage(response, of: range, limit: 50)
        let reading = PageReading(policy: .off) { _ in [] }
        response.lines = await reading.lines(of: response)
        response.body = []
        let read = try NativePage(response, of: range, limit: 50)
        #expect(read.items == plain.items && read.position == plain.position && read.marks == plain.marks)
        #expect(read.findings.count == 50 && plain.findings.isEmpty)
        #expect(throws: ExchangeFailure.malformed(.moreEventsThanAsked(asked: 40))) {
            try NativePage(response, of: range, limit: 40)
        }
    }

    private struct PeerServesNothing: Error {}

    @Test func whoAnswersAPageAheadMustBeWhoAnsweredBefore() throws {
        let node = try LoopedNode(NativeWire(), holding: NativeRangesTests.events)
        let run = try node.poll(by: NativeExchange(pageEvents: 10), ahead: 8) { index, response in
            var response = response
            if index == 4 { response.fields["Federation-Node"] = Sample.node(7).description }
            return .response(response)
        }
        #expect(run.failure == .identityMismatch && run.events.count == 30)
    }

    @Test(arguments: [
        "a a", "a\u{1}", String(repeating: "x", count: 129),
        (0..<17).map { "m\($0)" }.joined(separator: " "),
    ])
    func badMarksEndThePoll(_ marks: String) throws {
        let node = try LoopedNode(NativeWire(), holding: NativeRangesTests.events)
        let run = try node.poll(by: NativeExchange(pageEvents: 10)) { index, response in
            var response = response
            if index == 1 { response.fields["Federation-Marks"] = marks }
            return .response(response)
        }
        #expect(run.failure == .malformed(.headerInvalid) && run.pages.isEmpty)
    }

    @Test func marksThatLeadNowhereEndThePoll() throws {
        let node = try LoopedNode(NativeWire(), holding: NativeRangesTests.events)
        for marks in ["a b c", place(3), "\(place(40)) \(place(20))"] {
            for depth in [0, 8] {
                let run = try node.poll(by: NativeExchange(pageEvents: 10), ahead: depth) { _, response in
                    var response = response
                    if response.fields["Federation-Count"] != nil { response.fields["Federation-Marks"] = marks }
                    return .response(response)
                }
                #expect(run.ending != nil && run.requests.count < 200, "\(marks): \(run.requests.count)")
                #expect(Set(run.events).count == run.events.count, "\(marks)")
            }
        }
    }
}
