import Federation
import FederationCore
import FederationTestKit
import Testing

/// How the wire is chosen where a peer's entry names none.
struct AutoWireTests {
    private static let events = WireContract.sample(3)

    /// A poll of a node that speaks these wires; `tamper` sees each answer with the path it belongs to.
    private func poll(
        _ wires: [any Wire], pinned: WireName? = nil, cursor: ULID? = nil, position: String? = nil,
        tamper: (String, HTTPResponse) -> ExchangeAnswer = { .response($1) }
    ) throws -> WireRun {
        let context = LoopedNode.context(cursor: cursor, position: position, pinned: pinned)
        return try WireRun(AutoExchange(), context) { _, request in
            let path = ServedRequest(request).path
            guard let wire = wires.first(where: { $0.routes.contains(where: path.hasPrefix) }) else {
                return .response(HTTPResponse(status: 404))
            }
            return tamper(path, try LoopedNode(wire, holding: AutoWireTests.events).respond(to: request))
        }
    }

    @Test func aNodeThatSpeaksBothIsAskedInNative() throws {
        let run = try poll([NoemaWire(), NativeWire()])
        #expect(run.events == AutoWireTests.events && run.identities.map(\.wire) == [.native])
        let progress = ExchangeProgress(isComplete: true, wire: .native, canFollow: true, answersNumbers: true)
        #expect(run.ending == .success(progress))
        #expect(run.requests.allSatisfy { $0.target.hasPrefix("/federation/v1/") })
    }

    @Test(arguments: [404, 405]) func aDefiniteNoChoosesNoema(_ status: Int) throws {
        let run = try poll([NoemaWire(), NativeWire()]) { path, response in
            .response(path.hasPrefix("/federation") ? HTTPResponse(status: status) : response)
        }
        #expect(run.events == AutoWireTests.events && run.identities.map(\.wire) == [.noema])
        #expect(run.ending == .success(ExchangeProgress(isComplete: true, wire: .noema)))
        // It was asked once, though the peer says in Noema that it speaks native.
        #expect(run.requests.count { $0.target.hasPrefix("/federation") } == 1)
    }

    @Test(
        arguments: [
            (.response(HTTPResponse(status: 401)), .status(401)), (.response(HTTPResponse(status: 403)), .status(403)),
            (.response(HTTPResponse(status: 500)), .status(500)), (.response(HTTPResponse(status: 301)), .status(301)),
            (.response(HTTPResponse(status: 410)), .status(410)),
            (.response(HTTPResponse(status: 200, fields: ["Content-Type": "text/html"])), .malformed(.contentType)),
            (.transport(.timeout), .transport(.timeout)), (.transport(.refused), .transport(.refused)),
        ] as [(ExchangeAnswer, ExchangeFailure)])
    func nothingElseProvesAnything(_ answer: ExchangeAnswer, _ failure: ExchangeFailure) throws {
        let run = try poll([NoemaWire()]) { _, response in .response(response) }
        #expect(run.failure == nil)
        let doubtful = try poll([NoemaWire(), NativeWire()]) { path, response in
            path.hasPrefix("/federation") ? answer : .response(response)
        }
        #expect(doubtful.failure == failure && doubtful.requests.count == 1 && doubtful.pages.isEmpty)
    }

    @Test func nativeIsNeverLeftForNoema() throws {
        for position in [nil, "epoch-9.1.\(AutoWireTests.events[0].id)"] {
            let run = try poll([NoemaWire()], pinned: .native, position: position)
            #expect(run.failure == .wireChanged && run.requests.count == 1)
        }
    }

    @Test func aPinnedNativePeerIsAskedInOneRequest() throws {
        let position = "epoch-9.1.\(AutoWireTests.events[0].id)"
        let run = try poll([NoemaWire(), NativeWire()], pinned: .native, position: position)
        #expect(run.requests.count == 1 && run.events.count == 2 && run.failure == nil)
    }

    @Test func aNoteOf404OnceNativeHasAnsweredIsNoChange() throws {
        let run = try poll([NativeWire()], pinned: .native) { path, response in
            .response(path.hasSuffix("events") ? HTTPResponse(status: 404) : response)
        }
        #expect(run.failure == .status(404))
    }

    @Test func aPeerThatHasLearntNativeIsAskedInItFromItsBeginning() throws {
        let run = try poll(
            [NoemaWire(), NativeWire()], pinned: .noema, cursor: Sample.id(1_000_000), position: "stale")
        #expect(run.requests.map(\.target).prefix(2) == ["/mcp", "/federation/v1/identity"])
        #expect(run.events == AutoWireTests.events && run.identities.map(\.wire) == [.native])
        #expect(run.failure == nil && run.requests.allSatisfy { !$0.target.contains("stale") })
    }

    @Test func aPeerThatOnlyOffersNativeGoesOnInNoema() throws {
        let run = try poll([NoemaWire()], pinned: .noema)
        #expect(run.events == AutoWireTests.events && run.identities.map(\.wire) == [.noema])
        #expect(
            run.requests.map { ServedRequest($0).path } == ["/mcp", "/federation/v1/identity", "/mcp", "/mcp", "/mcp"])
    }

    @Test(arguments: NoemaRules.allCases) func aStockNodeIsNeverAskedInNativeAgain(_ rules: NoemaRules) throws {
        var server = NoemaStandIn(NoemaSettings(rules, name: "stock", id: Sample.node(5)))
        let now = Sample.time(0)
        try server.create(.init("Note", body: "text"), now: now)
        let context = LoopedNode.context(pinned: nil, now: now)
        let first = WireRun(AutoExchange(), context) { .response(server.respond(to: ServedRequest($1), now: now)) }
        #expect(first.failure == nil && first.identities.map(\.wire) == [.noema] && first.events.count == 1)
        var next = LoopedNode.context(cursor: first.cursor, pinned: .noema, now: now)
        next.position = first.position
        let second = WireRun(AutoExchange(), next) { .response(server.respond(to: ServedRequest($1), now: now)) }
        #expect(second.failure == nil && second.requests.allSatisfy { $0.target == "/mcp" })
    }
}
