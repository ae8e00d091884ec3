import FederationCore
import FederationCrypto
import FederationTestKit
import Testing

@testable import Federation

/// Texts that records lack are asked of a native peer by id.
@Suite struct NativeHeadsTests {
    private func event(_ number: Int) -> Event { Sample.event(Sample.id(Int64(number))) }

    @Test func aPollAsksForTheTextsThatRecordsLack() throws {
        var node = try LoopedNode(NativeWire(), holding: (1...9).map(event))
        let first = try node.poll()
        try node.add(event(10))
        let second = try node.poll(after: first, heads: [Sample.id(3), Sample.id(5), Sample.id(77)])
        #expect(second.failure == nil)
        #expect(second.events.map(\.id) == [Sample.id(10), Sample.id(3), Sample.id(5)])
        #expect(second.pages.last?.cursor == PulledPage.Cursor.none)
        #expect(second.position?.contains(".10.") == true)
        // With nothing new as well; and whoever fetches nothing asks for nothing.
        #expect(try node.poll(after: second, heads: [Sample.id(3)]).events.map(\.id) == [Sample.id(3)])
        let idle = try node.poll(after: second, fetches: false, heads: [Sample.id(3)])
        #expect(!idle.requests.contains { $0.target.contains("id=") })
    }

    @Test func whatAPeerAnswersIsBoundedAndARefusalEndsNothing() throws {
        let node = try LoopedNode(NativeWire(), holding: (1...3).map(event))
        let first = try node.poll()
        let many = (0..<Limits.eventsByID + 20).map { Sample.id(Int64($0)) }
        let asked = try node.poll(after: first, heads: many).requests.last?.target ?? ""
        #expect(asked.ranges(of: "id=").count == Limits.eventsByID)
        func poll(_ change: @escaping (inout HTTPResponse) -> Void) throws -> WireRun {
            try node.poll(after: first, heads: [Sample.id(2)]) { number, response in
                var response = response
                if number > 0 { change(&response) }
                return .response(response)
            }
        }
        #expect(try poll { $0.status = 404 }.failure == nil)
        #expect(try poll { $0.fields["Federation-Node"] = Sample.id(5).description }.failure == .identityMismatch)
        #expect(try poll { $0.fields["Content-Type"] = "text/html" }.failure == .malformed(.contentType))
        #expect(try poll { $0.fields["Federation-Count"] = "7" }.failure == .malformed(.truncated))
    }

    /// Long texts do not fit one page: the rest is not left for another poll.
    @Test func whatAPageHasNoRoomForIsAskedForAtOnce() throws {
        let node = try LoopedNode(NativeWire(), holding: (1...9).map(event))
        let first = try node.poll()
        let heads = [3, 4, 5, 7].map { Sample.id($0) }
        /// Answers a page with the first events of each answer, as if there were no room for more.
        func poll(_ change: @escaping (Int, inout HTTPResponse) -> Void) throws -> WireRun {
            try node.poll(after: first, heads: heads) { number, response in
                var response = response
                if number > 0 { change(number, &response) }
                return .response(response)
            }
        }
        func cut(_ response: inout HTTPResponse, to count: Int) {
            let lines = response.body.split(separator: 0x0A).prefix(count)
            response.body = Array(lines.map { Array($0) + [0x0A] }.joined())
            response.fields["Federation-Count"] = String(lines.count)
            response.fields["Federation-More"] = "true"
        }
        let run = try poll { number, response in if number < 3 { cut(&response, to: number) } }
        #expect(run.failure == nil && run.events.map(\.id) == heads)
        let asked = run.requests.filter { $0.target.contains("id=") }.map { $0.target.ranges(of: "id=").count }
        #expect(asked == [4, 3, 1])
        // Whoever says for ever that there is more is asked no oftener than there is something to ask for.
        let endless = try poll { _, response in cut(&response, to: 1) }
        #expect(endless.failure == nil && endless.requests.count == 1 + heads.count)
        let empty = try poll { _, response in cut(&response, to: 0) }
        #expect(empty.failure == nil && empty.requests.count == 2)
    }
}
