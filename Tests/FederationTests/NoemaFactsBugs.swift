import FederationCore
import FederationCrypto
import FederationTestKit
import Testing

/// The stand-ins have the known bugs of stock nodes (sections 7 and 10): a ring has to hold with them in it.
@Suite struct NoemaFactsBugs {
    private let trace = "20260407-trace"

    @Test func twoCreatesOfOneIDTearAGoNodeAndAreOnlyStoredByARustOne() {
        for rules in NoemaRules.allCases {
            var local = node(rules)
            local.tryReplay(remote(1, .create, body: "first"))
            #expect(local.tryReplay(remote(2, .create, by: alpha, body: "second")) == nil)
            let isGo = rules == .go
            #expect(local.body(of: trace) == (isGo ? "second" : "first"))
            #expect(local.tornTraces == (isGo ? [trace] : []))
            #expect(local.log.contains(eventID(2)) == !isGo)
        }
    }

    @Test func aSecondDivergenceOfADayIsLostByGoAndPinsRust() throws {
        for rules in NoemaRules.allCases {
            var local = node(rules, name: "local")
            let trace = try local.create(.init("Trace", body: "local text"), now: noon)
            try local.replay(remote(1, .update, trace, clock: [beta: 1]), now: noon)
            let divergence = try #require(local.openDivergences.first?.id)
            // Local text is edited again, so that it is the last mutation that the next one is compared with.
            try local.update(trace, body: "again", now: noon)
            let failure = local.tryReplay(remote(2, .update, trace, clock: [beta: 2]))
            #expect(failure == (rules == .go ? nil : .uniqueConstraint))
            #expect((local.body(of: divergence) == nil) == (rules == .go))
            #expect(!local.log.contains(eventID(2)))
            #expect(local.body(of: trace) == "again")
        }
    }

    @Test func goAppliesWhatIsOlderAndTakesEqualClocksForAConflict() {
        for rules in NoemaRules.allCases {
            let isGo = rules == .go
            var local = node(rules)
            local.tryReplay(remote(1, .create, clock: [beta: 1], body: "one"))
            local.tryReplay(remote(3, .update, clock: [beta: 3], body: "three"))
            #expect(local.tryReplay(remote(2, .update, clock: [beta: 2], body: "two")) == nil)
            #expect(local.body(of: trace) == (isGo ? "two" : "three"))
            #expect(local.log.contains(eventID(2)))

            #expect(local.tryReplay(remote(4, .update, clock: [beta: 3], body: "other three")) == nil)
            #expect(local.openDivergences.count == (isGo ? 1 : 0))
        }
    }

    @Test(arguments: NoemaRules.allCases)
    func whatCannotBeAppliedPinsTheCursorForGood(rules: NoemaRules) {
        let pinning = [
            remote(3, .tagUpdate, "20260407-missing", data: #"{"tags":[]}"#), remote(3, .archive),
            remote(3, .create, "20260407-UPPER"), remote(3, .create, "20260407-x", data: #"{"tier":"never"}"#),
        ]
        for event in pinning {
            var ring = StandInPair(rules)
            ring.server.plant(remote(1, .create))
            ring.server.plant(remote(2, .trash))
            ring.server.plant(event)
            ring.server.plant(remote(4, .create, "20260407-next"))
            for _ in 1...3 { #expect(ring.poll() != .done, "\(event.action) \(event.traceID)") }
            #expect(ring.puller.cursor(of: "server") == eventID(2))
            #expect(ring.puller.traces["20260407-next"] == nil)
        }
    }

    @Test func anUnknownTypeStopsRustAndNotGo() {
        for rules in NoemaRules.allCases {
            var local = node(rules)
            let failure = local.tryReplay(remote(1, .create, data: #"{"title":"T","type":"poem","body":""}"#))
            #expect(failure == (rules == .go ? nil : .unknownType("poem")))
        }
    }

    @Test func oneEventWithoutAnOriginSpoilsRustsWholePage() {
        for rules in NoemaRules.allCases {
            let page = #"[\#(text(remote(1, .create))),{"id":"\#(eventID(2))","action":"create"}]"#
            var local = StandInPair(rules).puller
            local.poll("server", now: noon) { request in
                .response(Self.answer(request, events: page))
            }
            #expect(local.events.map(\.id) == (rules == .go ? [eventID(1)] : []))
        }
    }

    @Test func aCursorInOrderOfIDNeverSeesWhatItsPeerLearnsLate() throws {
        var ring = StandInPair(.go)
        ring.server.plant(event(5))
        #expect(ring.poll() == .done)
        ring.server.plant(event(3))
        #expect(ring.poll() == .done)
        #expect(ring.puller.events.map(\.id) == [eventID(5)])
    }

    @Test func aGoClockThatStepsBackMintsIDsBelowItsLast() throws {
        for rules in NoemaRules.allCases {
            var local = node(rules)
            try local.create(.init("one", body: ""), now: noon)
            let first = try #require(local.events.first?.id)
            let trace = try local.create(.init("two", body: ""), now: noon.advanced(by: .seconds(-10)))
            let second = try #require(local.log.events(of: trace).first?.id)
            #expect((second > first) == (rules == .rust))
        }
    }

    @Test func goSignsTheEscapedBytesAndRustTheRawOnes() throws {
        var origins: [NoemaRules: NoemaStandIn] = [:]
        for rules in NoemaRules.allCases {
            var settings = NoemaSettings(rules, name: "server", id: StandInPair.serverID, seed: 2)
            settings.signingSeed = seed(1)
            var origin = NoemaStandIn(settings)
            try origin.create(.init("a < b", body: "x"), now: noon)
            origins[rules] = origin
        }
        // Directly and through a relay; section 8.3 says who can still verify it.
        let verifies: [(origin: NoemaRules, relay: NoemaRules?, reader: NoemaRules, isValid: Bool)] = [
            (.go, nil, .go, true), (.go, nil, .rust, false), (.rust, nil, .rust, true), (.rust, nil, .go, true),
            (.rust, .go, .go, false), (.rust, .go, .rust, true),
        ]
        for (origin, relay, reader, isValid) in verifies {
            let event = try #require(origins[origin]?.events.first)
            var bytes = event.json(as: origin)
            if let relay { bytes = try NoemaEvent(JSON(bytes), as: relay).json(as: relay) }
            var settings = NoemaSettings(reader, name: "reader", id: StandInPair.pullerID)
            settings.verify = .enforce
            var local = NoemaStandIn(settings)
            let failure = local.tryReplay(try NoemaEvent(JSON(bytes), as: reader))
            #expect((failure == nil) == isValid, "\(origin) \(String(describing: relay)) \(reader)")
        }
    }

    private func text(_ event: NoemaEvent) -> String { String(decoding: event.json(as: .go), as: UTF8.self) }

    /// A server that gives one page, however it looks.
    private static func answer(_ request: ServedRequest, events: String) -> HTTPResponse {
        guard let json = try? JSON(request.body), let id = json["id"]?.integer else { return HTTPResponse(status: 202) }
        let result: String
        switch json["params"]?["name"]?.string {
        case "cortex_identity": result = content(#"{"id":"\#(beta)","name":"server","version":2,"mode":"sync"}"#)
        case "sync_events": result = content(events)
        case "sync_read_signal": result = content("[]")
        default: result = #"{"protocolVersion":"2025-11-25","serverInfo":{"name":"x","version":"1"}}"#
        }
        return HTTPResponse(
            status: 200, fields: ["Content-Type": "application/json"],
            body: Array(#"{"jsonrpc":"2.0","id":\#(id),"result":\#(result)}"#.utf8))
    }

    private static func content(_ text: String) -> String {
        var writer = JSONWriter()
        writer.string(text)
        return #"{"content":[{"type":"text","text":\#(String(decoding: writer.bytes, as: UTF8.self))}]}"#
    }
}
