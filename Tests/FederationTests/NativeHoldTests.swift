import FederationCore
import FederationTestKit
import Testing

@testable import Federation

/// `wait` on the native wire, both sides.
struct NativeHoldTests {
    private let events = WireContract.sample(3)

    private func reply(_ query: [(name: String, value: String)], on node: LoopedNode, mayHold: Bool = true) throws -> RouteReply {
        var node = node
        node.mayHold = mayHold
        return try node.reply(to: ServedRequest(method: "GET", path: "/federation/v1/events", query: query))
    }

    @Test func anEmptyPageIsWorthWaitingFor() throws {
        let node = try LoopedNode(NativeWire(), holding: events)
        let end = "epoch-9.3.\(events[2].id)"
        let held = try reply([("after", end), ("wait", "20")], on: node)
        #expect(held.hold == RouteHold(past: 3, atMost: .seconds(20)))
        // A host without room gives the empty page at once, with the same position.
        #expect(held.response(nil).status == 200 && held.response(nil).fields["Federation-Position"] == end)
        #expect(try reply([("after", end), ("wait", "3600")], on: node).hold?.atMost == Limits.longestHold)
        #expect(try reply([("after", end)], on: node).hold == nil)
        #expect(try reply([("after", end), ("wait", "0")], on: node).hold == nil)
        #expect(try reply([("after", end), ("wait", "20")], on: node, mayHold: false).hold == nil)
        #expect(try reply([("after", "epoch-9.2.\(events[1].id)"), ("wait", "20")], on: node).hold == nil)
        #expect(try reply([("id", "\(ULID.max)"), ("wait", "20")], on: node).hold == nil)
        let empty = try LoopedNode(NativeWire())
        #expect(try reply([("wait", "20")], on: empty).hold == RouteHold(past: 0, atMost: .seconds(20)))
    }

    @Test(arguments: ["-1", "x", "1.5", "", "99999999999999999999"])
    func aWaitThatIsNoNumberIsRefused(_ text: String) throws {
        let node = try LoopedNode(NativeWire(), holding: events)
        #expect(try reply([("wait", text)], on: node).response(nil).status == 400)
    }

    @Test func aNodeThatServesNothingHoldsNothing() throws {
        let node = try LoopedNode(NativeWire(), mode: .subscribe, holding: events)
        let reply = try reply([("wait", "20")], on: node)
        #expect(reply.hold == nil && reply.response(nil).status == 403)
    }

    @Test func thePullerAsksForAHoldOnlyWhereItIsToldTo() throws {
        let node = try LoopedNode(NativeWire(), holding: events)
        let first = try node.poll()
        #expect(try first.ending?.get().canFollow == true)
        #expect(first.requests.allSatisfy { !$0.target.contains("wait=") && $0.hold == .zero })
        let followed = try node.poll(after: first, hold: .seconds(45))
        #expect(followed.requests.map(\.hold) == [.seconds(45)])
        #expect(followed.requests.first?.target.hasSuffix("&wait=45") == true)
        #expect(try followed.ending?.get().canFollow == true)
    }

    @Test func onlyTheFirstRequestIsHeld() throws {
        let node = try LoopedNode(NativeWire(), holding: WireContract.sample(1500))
        var first = try node.poll()
        first.position = "epoch-9.1.\(WireContract.sample(1)[0].id)"
        let run = try node.poll(after: first, hold: .seconds(45))
        #expect(run.events.count == 1499)
        #expect(run.requests.map(\.hold).dropFirst().allSatisfy { $0 == .zero } && run.requests.count > 1)
    }

    @Test func aPeerThatDoesNotOfferToWaitIsNotFollowed() throws {
        let node = try LoopedNode(NativeWire(), holding: events)
        let run = try node.poll { _, response in
            var response = response
            response.fields["Federation-Features"] = "events ids"
            return .response(response)
        }
        #expect(try run.ending?.get().canFollow == false)
    }
}
