import FederationCore
import FederationTestKit
import Testing

@testable import Federation

/// Events asked for by the numbers of their origins, both sides.
struct NativeNumbersTests {
    private static let origin = Sample.node(1).description

    private static func event(_ number: UInt64, salt: UInt64 = 0) -> Event {
        Sample.event(
            Sample.id(Int64(number), salt: salt), "create", "20260101-n\(number)-\(salt)", origin: 1, clock: [1: number])
    }

    private func get(_ query: [(String, String)], on node: LoopedNode) throws -> HTTPResponse {
        try node.reply(
            to: ServedRequest(
                method: "GET", path: NativeRoutes.eventsPath, query: query.map { (name: $0.0, value: $0.1) })
        ).response(nil)
    }

    private func hole(_ numbers: ClosedRange<UInt64>) -> NumberHole {
        NumberHole(origin: NativeNumbersTests.origin, numbers, since: Sample.time(0))
    }

    // MARK: Served

    @Test func anyoneCanReadThemWithCurl() throws {
        let events = [1, 2, 3, 5].map { NativeNumbersTests.event($0) }
        let node = try LoopedNode(NativeWire(), holding: events.reversed())
        let page = try get([("origin", NativeNumbersTests.origin), ("from", "2"), ("to", "9")], on: node)
        #expect(page.body == events[1].json + [0x0A] + events[2].json + [0x0A] + events[3].json + [0x0A])
        #expect(page.fields["Federation-More"] == "false" && page.fields["Federation-Next"] == nil)
        #expect(page.fields["Federation-Position"] == nil)
        let cut = try get([("origin", NativeNumbersTests.origin), ("from", "1"), ("to", "5"), ("limit", "3")], on: node)
        #expect(cut.fields["Federation-Count"] == "3" && cut.fields["Federation-More"] == "true")
        #expect(cut.fields["Federation-Next"] == "4")
        let none = try get([("origin", "nobody"), ("from", "1"), ("to", "5")], on: node)
        #expect(none.status == 200 && none.body.isEmpty && none.fields["Federation-More"] == "false")
    }

    @Test func oneNumberTwiceIsPassedWhateverThePageHolds() throws {
        let events = [2, 2, 2, 3].enumerated().map { NativeNumbersTests.event($1, salt: UInt64($0)) }
        let node = try LoopedNode(NativeWire(), holding: events)
        let page = try get([("origin", NativeNumbersTests.origin), ("from", "1"), ("to", "5"), ("limit", "2")], on: node)
        #expect(page.fields["Federation-Count"] == "2" && page.fields["Federation-Next"] == "3")
    }

    @Test func whatIsNoRangeIsRefused() throws {
        let node = try LoopedNode(NativeWire(), holding: [NativeNumbersTests.event(1)])
        let queries: [[(String, String)]] = [
            [("from", ""), ("to", "5")], [("to", "5")], [("from", "1")], [("from", "0"), ("to", "5")],
            [("from", "5"), ("to", "4")], [("from", "-1"), ("to", "4")], [("from", "1"), ("to", "9223372036854775808")],
            [("from", "1"), ("to", "2"), ("limit", "0")], [("from", "1"), ("to", "2"), ("after", "x")],
            [("from", "1"), ("to", "2"), ("id", Sample.id(1).description)],
        ]
        for query in queries {
            #expect(try get([("origin", NativeNumbersTests.origin)] + query, on: node).status == 400, "\(query)")
        }
        let long = String(repeating: "o", count: Limits.eventTextBytes + 1)
        for origin in ["", long] {
            #expect(try get([("origin", origin), ("from", "1"), ("to", "2")], on: node).status == 400)
        }
        var quiet = node
        quiet.node.mode = .subscribe
        #expect(try get([("origin", NativeNumbersTests.origin), ("from", "1"), ("to", "2")], on: quiet).status == 403)
    }

    // MARK: Asked

    @Test func aPollAsksForItsHolesOnceItHasTheNews() throws {
        let events = (1...30).map { NativeNumbersTests.event(UInt64($0)) }
        var node = try LoopedNode(NativeWire(), holding: events)
        let first = try node.poll()
        try node.add(NativeNumbersTests.event(31))
        let second = try node.poll(
            after: first, holes: [hole(3...9), hole(20...20), hole(100...200)], by: NativeExchange(pageEvents: 4))
        #expect(second.failure == nil)
        #expect(second.events.map(\.number) == [31, 3, 4, 5, 6, 7, 8, 9, 20])
        #expect(second.pages.dropFirst().allSatisfy { $0.cursor == .none })
        #expect(second.position?.contains(".31.") == true)
        guard case .success(let progress) = second.ending else { return }
        #expect(progress.answersNumbers == true && progress.isComplete)
        #expect(second.requests.map(\.target).filter { $0.contains("origin=") }.count == 4)
        // Who fetches nothing asks for nothing.
        let idle = try node.poll(after: first, fetches: false, holes: [hole(3...9)])
        #expect(!idle.requests.contains { $0.target.contains("origin=") })
    }

    @Test func aPeerThatKnowsNoNumbersIsAskedForNone() throws {
        let node = try LoopedNode(NativeWire(), holding: [NativeNumbersTests.event(1)])
        let first = try node.poll()
        let second = try node.poll(after: first, holes: [hole(3...9)]) { _, response in
            var response = response
            response.fields["Federation-Features"] = "events ids zstd marks wait reconcile"
            return .response(response)
        }
        #expect(second.failure == nil && !second.requests.contains { $0.target.contains("origin=") })
        guard case .success(let progress) = second.ending else { return }
        #expect(progress.answersNumbers == false)
    }

    @Test func whatAPeerAnswersForNumbersIsBounded() throws {
        let node = try LoopedNode(NativeWire(), holding: (1...30).map { NativeNumbersTests.event(UInt64($0)) })
        let first = try node.poll()
        func poll(_ change: @escaping (inout HTTPResponse) -> Void) throws -> WireRun {
            try node.poll(after: first, holes: [hole(1...1_000_000)], by: NativeExchange(pageEvents: 4)) { number, response in
                var response = response
                if number > 0 { change(&response) }
                return .response(response)
            }
        }
        // It refuses, and the poll has its news all the same.
        #expect(try poll { $0.status = 400 }.failure == nil)
        #expect(try poll { $0.fields["Federation-Next"] = nil }.failure == .malformed(.headerMissing))
        for next in ["1", "0", "1000001"] {
            #expect(try poll { $0.fields["Federation-Next"] = next }.failure == .malformed(.noProgress))
        }
        #expect(try poll { $0.fields["Federation-Node"] = Sample.id(5).description }.failure == .identityMismatch)
        #expect(try poll { $0.fields["Content-Type"] = "text/html" }.failure == .malformed(.contentType))
        // One that gives an event a page for ever is left.
        var next = 1
        let endless = try poll { response in
            next += 1
            response.fields["Federation-More"] = "true"
            response.fields["Federation-Next"] = String(next)
            response.fields["Federation-Count"] = "1"
            response.body = NativeNumbersTests.event(1).json + [0x0A]
        }
        #expect(endless.failure == nil && endless.requests.count == 1 + Limits.holePages)
    }
}
