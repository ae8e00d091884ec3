import FederationCore
import FederationTestKit
import Testing

@testable import Federation

/// A preview carries on the exchanges of the real wires with real routes, in memory.
struct PreviewMachineTests {
    private func look(
        _ wire: any Wire, events: Int, pages: Int, as node: ULID? = nil,
        tamper: (ServedRequest, HTTPResponse) -> Result<HTTPResponse, TransportFailure> = { .success($1) }
    ) throws -> (machine: PreviewMachine, requests: [HTTPRequest]) {
        let context = LoopedNode.context(cursor: nil, position: nil, pinned: nil)
        let served = try LoopedNode(wire, holding: WireContract.sample(events))
        var machine = PreviewMachine(wire.exchange(), node: node ?? context.node.id, pages: pages)
        var requests: [HTTPRequest] = []
        var effect = machine.begin(context)
        while case .send(let request, _) = effect {
            requests.append(request)
            let response = try served.respond(to: request)
            effect = machine.answered(tamper(ServedRequest(request), response), now: context.now)
        }
        return (machine, requests)
    }

    @Test(arguments: [NativeWire() as any Wire, NoemaWire()])
    func itReadsWhatItIsToldToAndNoMore(wire: any Wire) throws {
        let all = try look(wire, events: 5, pages: 3).machine
        #expect(all.ending == .complete)
        #expect(all.items.count == 5)
        #expect(all.identity != nil)
        let perPage = wire.name == .native ? Limits.pageEvents : Limits.noemaPageEvents
        let some = try look(wire, events: perPage * 2 + 1, pages: 2).machine
        #expect(some.ending == .enough)
        #expect(some.pages == 2)
        #expect(some.items.count == perPage * 2)
        #expect(some.remaining == (wire.name == .native ? 1 : nil))
        #expect(try look(wire, events: 0, pages: 1).machine.ending == .complete)
    }

    @Test(arguments: [NativeWire() as any Wire, NoemaWire()])
    func itGoesNoFurtherWithItself(wire: any Wire) throws {
        let identity = try #require(try look(wire, events: 1, pages: 1).machine.identity)
        let (machine, requests) = try look(wire, events: 1, pages: 1, as: identity.id)
        #expect(machine.ending == .failed(.identityMismatch))
        #expect(machine.items.isEmpty)
        #expect(!requests.contains { $0.target.contains("events") })
    }

    @Test(arguments: [NativeWire() as any Wire, NoemaWire()])
    func aFailureAtAnyRequestIsItsEnding(wire: any Wire) throws {
        let count = try look(wire, events: 3, pages: 3).requests.count
        for failing in 0..<count {
            var seen = -1
            let machine = try look(wire, events: 3, pages: 3) { _, response in
                seen += 1
                return seen == failing ? .failure(.reset) : .success(response)
            }.machine
            #expect(machine.ending == .failed(.transport(.reset)), "request \(failing)")
        }
    }

    /// A peer that never comes to an end is left.
    @Test func aPeerWithoutEndIsLeft() throws {
        let machine = try look(NativeWire(), events: Limits.pageEvents * 4, pages: 2) { request, response in
            // It always says that there is as much again, as a node does that says no more than its head.
            var response = response
            response.fields["Federation-Rest"] = nil
            if request.path.hasSuffix("events") { response.fields["Federation-Head"] = "epoch-9.9000000.\(ULID.max)" }
            return .success(response)
        }.machine
        #expect(machine.ending == .enough)
        #expect(machine.pages == 2)
        #expect(machine.remaining == 9_000_000 - 2 * Int64(Limits.pageEvents))
    }
}
