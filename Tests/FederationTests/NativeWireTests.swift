import FederationCore
import FederationTestKit
import Testing

@testable import Federation

/// The native wire, both sides.
struct NativeWireTests {
    private func get(
        _ path: String, _ query: [(name: String, value: String)] = [], asking: String? = nil, on node: LoopedNode
    ) throws -> HTTPResponse {
        var request = ServedRequest(method: "GET", path: "/federation/v1/" + path, query: query)
        request.fields["Federation-Node"] = asking
        return try node.reply(to: request).response(nil)
    }

    private func lines(_ response: HTTPResponse) -> Int { response.body.count { $0 == 0x0A } }

    // MARK: Served

    @Test func anyoneCanReadItWithCurl() throws {
        let events = WireContract.sample(3)
        let node = try LoopedNode(NativeWire(), holding: events)
        let identity = try get("identity", on: node)
        #expect(
            String(decoding: identity.body, as: UTF8.self)
                == #"{"id":"\#(node.node.id)","name":"nöde 9","version":"1.2.9","mode":"sync","pubkey":"ed25519:key-of-9","#
                + #""features":["events","ids","zstd","marks","wait","reconcile","numbers","push","attestations"],"head":"epoch-9.3.\#(events[2].id)"}"#)
        let page = try get("events", [("limit", "2")], on: node)
        #expect(page.body == events[0].json + [0x0A] + events[1].json + [0x0A])
        let fields: [String: String] = Dictionary(uniqueKeysWithValues: page.fields.fields.map { ($0.name, $0.value) })
        #expect(
            fields == [
                "Federation-Node": node.node.id.description, "Federation-Name": "n%C3%B6de%209",
                "Federation-Version": "1.2.9",
                "Federation-Mode": "sync", "Federation-Key": "ed25519:key-of-9",
                "Federation-Position": "epoch-9.2.\(events[1].id)", "Federation-Head": "epoch-9.3.\(events[2].id)",
                "Federation-Features": "events ids zstd marks wait reconcile numbers push attestations", "Federation-More": "true", "Federation-Count": "2",
                "Federation-Rest": "1 \(events[2].storedBytes) \(events[2].id)", "Content-Type": "application/x-ndjson",
            ])
        let rest = try get("events", [("after", "epoch-9.2.\(events[1].id)")], on: node)
        #expect(rest.body == events[2].json + [0x0A] && rest.fields["Federation-More"] == "false")
        #expect(rest.fields["Federation-Rest"] == "0 0")
    }

    @Test func eventsComeInOrderOfArrival() throws {
        let events = [5, 1, 3].map {
            Sample.event(Sample.id($0), "create", "20260101-n\($0)", origin: 9, clock: [9: UInt64($0)])
        }
        #expect(try LoopedNode(NativeWire(), holding: events).poll().events == events)
    }

    @Test func aPositionOfAnotherLogIsAConflict() throws {
        let events = WireContract.sample(3)
        let node = try LoopedNode(NativeWire(), holding: events)
        let good = "epoch-9.2.\(events[1].id)"
        #expect(try get("events", [("after", good)], on: node).status == 200)
        #expect(try get("events", [("after", "epoch-9.0.\(ULID.min)")], on: node).status == 200)
        let bad = [
            "epoch-8.2.\(events[1].id)", "epoch-9.2.\(events[0].id)", "epoch-9.4.\(events[2].id)",
            "epoch-9.0.\(events[0].id)",
            "epoch-9.-1.\(events[0].id)", "epoch-9.+2.\(events[1].id)", "epoch-9.02.\(events[1].id)", "x", "..",
            good + ".",
            "epoch-9.9223372036854775807.\(events[2].id)", "epoch-9.9223372036854775808.\(events[2].id)",
            "epoch-9.2.\(events[1].id.description.lowercased())", String(repeating: "9", count: 200),
        ]
        for after in bad {
            let response = try get("events", [("after", after)], on: node)
            #expect(response.status == 409, "\(after)")
            #expect(try JSON(response.body)["error"]?["code"]?.string == "position_unknown")
            #expect(response.fields["Federation-Node"] == node.node.id.description)
        }
    }

    /// Found by the simulation: in a log put back to a backup, some place may hold by chance what it held before.
    @Test func aPositionThatARestoredLogNeverReachedIsAConflict() throws {
        let events = WireContract.sample(4)
        let position = "epoch-9.3.\(events[2].id)"
        var node = try LoopedNode(NativeWire(), holding: [events[0]])
        try node.log.beginEpoch(Sample.id(1), isServed: true)
        for event in [events[3], events[2]] { _ = try node.log.append(try Sample.entry(event)) }
        #expect(node.log.id(at: 3) == events[2].id)
        #expect(try get("events", [("after", position)], on: node).status == 409)
        // What was reached before stays good, and comes back under the new word.
        let old = try get("events", [("after", "epoch-9.1.\(events[0].id)"), ("limit", "1")], on: node)
        #expect(old.fields["Federation-Position"] == "\(Sample.id(1)).2.\(events[3].id)")
    }

    @Test func aReplacedEventAtAPullersPositionIsNoConflict() throws {
        let events = WireContract.sample(3)
        var node = try LoopedNode(NativeWire(), holding: events)
        let first = try node.poll()
        var other = events[2]
        other.originName = "another variant"
        _ = try node.log.replace(with: try Sample.entry(other), counted: true)
        let second = try node.poll(after: first)
        #expect(second.requests.count == 1 && second.failure == nil)
        #expect(second.events == [other])
    }

    @Test func aRestoredPeerIsReadFromItsBeginningOnce() throws {
        var node = try LoopedNode(NativeWire(), holding: WireContract.sample(3))
        let first = try node.poll()
        node = try LoopedNode(NativeWire(), holding: WireContract.sample(2))
        let second = try node.poll(after: first)
        #expect(second.failure == nil && second.events.count == 2 && second.identities.count == 1)
        #expect(
            second.requests.map { $0.target.prefix { $0 != "?" } } == [
                "/federation/v1/events", "/federation/v1/identity", "/federation/v1/events",
            ])
        #expect(second.position == "epoch-9.2.\(WireContract.sample(2)[1].id)")
        let stubborn = try node.poll(after: first) { .response($0 == 1 ? $1 : HTTPResponse(status: 409)) }
        #expect(stubborn.failure == .status(409))
    }

    @Test func singleEventsAreServedByID() throws {
        let events = WireContract.sample(3)
        let node = try LoopedNode(NativeWire(), holding: events)
        let ids = [events[2].id, Sample.id(77, salt: 7), events[0].id].map { (name: "id", value: $0.description) }
        let response = try get("events", ids, on: node)
        #expect(response.body == events[2].json + [0x0A] + events[0].json + [0x0A])
        #expect(response.fields["Federation-More"] == "false" && response.fields["Federation-Position"] == nil)
        let many = Array(repeating: ids[0], count: 101)
        #expect(try get("events", Array(many.dropLast()), on: node).status == 200)
        for (query, code) in [
            (many, "too_many_ids"), ([("id", "x")], "invalid_id"), ([ids[0], ("after", "x")], "invalid_query"),
            ([("limit", "0")], "invalid_limit"), ([("limit", "x")], "invalid_limit"),
            ([("limit", "-1")], "invalid_limit"),
            ([("limit", "99999999999999999999")], "invalid_limit"),
        ] as [([(name: String, value: String)], String)] {
            let response = try get("events", query, on: node)
            #expect(response.status == 400)
            #expect(try JSON(response.body)["error"]?["code"]?.string == code)
        }
        #expect(lines(try get("events", [("limit", "5000")], on: node)) == 3)
    }

    @Test func aPageEndsAtItsBytesButHoldsAtLeastOneEvent() throws {
        let events = WireContract.sample(5)
        let node = try LoopedNode(NativeWire(), holding: events)
        let line = events.map { $0.json.count + 1 }.max() ?? 0
        for (room, count) in [(1, 1), (2 * line, 2), (2 * line + 50, 2)] {
            let routes = NativeRoutes(node: node.node, view: node.log, context: node.context, pageBytes: room)
            let byID = events.map { (name: "id", value: $0.id.description) }
            for query in [[], byID] {
                let request = ServedRequest(method: "GET", path: NativeRoutes.eventsPath, query: query)
                let response = try routes.respond(to: request).response(nil)
                #expect(lines(response) == count && response.fields["Federation-More"] == "true")
            }
        }
    }

    @Test func theAskingNodeLearnsWhatIsHeldOfIt() throws {
        let events = [3, 8, 8].enumerated().map { index, origin in
            Sample.event(
                Sample.id(Int64(index)), "create", "20260101-n\(index)", origin: origin,
                clock: [origin: UInt64(index) + 40])
        }
        let node = try LoopedNode(NativeWire(), holding: events)
        #expect(try get("identity", asking: Sample.node(8).description, on: node).fields["Federation-Held"] == "42")
        #expect(try get("events", asking: Sample.node(7).description, on: node).fields["Federation-Held"] == "0")
        #expect(try get("events", on: node).fields["Federation-Held"] == nil)
        #expect(try get("events", asking: "x", on: node).status == 400)
        // Both at first contact and later.
        let first = try node.poll()
        #expect(first.identities.first?.heldOfOurs == 42)
        #expect(try node.poll(after: first).identities.first?.heldOfOurs == 42)
    }

    @Test func aRequestClaimsItsNodeAndProvesNothing() throws {
        let node = try LoopedNode(NativeWire())
        let request = try #require(try node.poll().requests.first)
        let reply = try node.reply(to: ServedRequest(request))
        #expect(reply.claimedNode == Sample.node(8) && reply.contactWith == nil)
    }

    @Test func aSubscriberServesNoEvents() throws {
        let node = try LoopedNode(NativeWire(), mode: .subscribe, holding: WireContract.sample(2))
        let response = try get("events", on: node)
        #expect(response.status == 403 && response.fields["Federation-Mode"] == "subscribe")
        #expect(try JSON(response.body)["error"]?["code"]?.string == "subscribe_mode")
        #expect(try get("identity", on: node).status == 200)
    }

    @Test func otherMethodsAndPathsAreNotServed() throws {
        let node = try LoopedNode(NativeWire())
        for (method, status) in [("POST", 405), ("DELETE", 405), ("HEAD", 405), ("OPTIONS", 204)] {
            let response = try node.reply(to: ServedRequest(method: method, path: "/federation/v1/identity")).response(
                nil)
            #expect(response.status == status && response.fields["Allow"] == "GET, OPTIONS")
        }
        for path in ["", "x", "events/", "events/x", "identity/../events"] {
            #expect(try get(path, on: node).status == 404)
        }
    }

    @Test func aLogWithoutAnEpochIsNotServed() throws {
        var node = try LoopedNode(NativeWire())
        try node.log.setMeta(.epoch, nil)
        #expect(throws: StoreFailure.corrupt) { try node.poll() }
    }

    // MARK: Asked

    @Test func onceAPositionIsKnownAPollIsOneRequest() throws {
        let events = WireContract.sample(3)
        let node = try LoopedNode(NativeWire(), holding: events)
        let first = try node.poll()
        let position = "epoch-9.3.\(events[2].id)"
        #expect(first.requests.map(\.target) == ["/federation/v1/identity", "/federation/v1/events?limit=1000&marks=16&attested=0"])
        #expect(first.pages.map(\.cursor) == [.position(position)])
        let second = try node.poll(after: first)
        #expect(second.requests.map(\.target) == ["/federation/v1/events?limit=1000&marks=16&after=\(position)&attested=0"])
        #expect(second.pages.isEmpty && second.identities == first.identities)
        #expect(second.requests[0].fields["Federation-Node"] == Sample.node(8).description)
        #expect(second.requests[0].fields["Accept"] == "application/x-ndjson")
    }

    @Test func anEmptyLogHasAPositionToo() throws {
        var node = try LoopedNode(NativeWire())
        let first = try node.poll()
        #expect(first.position == "epoch-9.0.\(ULID.min)")
        let event = WireContract.sample(1)
        try node.add(event[0])
        let second = try node.poll(after: first)
        #expect(second.requests.count == 1 && second.events == event)
    }

    @Test func aPositionIsOpaqueToThePuller() throws {
        let position = "a/b?c=d&e=%20+#\"~"
        let run = try LoopedNode(NativeWire()).poll { _, response in
            var response = response
            if response.fields["Federation-Position"] != nil { response.fields["Federation-Position"] = position }
            return .response(response)
        }
        #expect(run.position == position)
        let next = try LoopedNode(NativeWire()).poll(after: run)
        #expect(ServedRequest(try #require(next.requests.first)).parameter("after") == position)
    }

    @Test func anotherNodeInTheMiddleOfAPollIsAMismatch() throws {
        let node = try LoopedNode(NativeWire(), holding: WireContract.sample(1001))
        let run = try node.poll { index, response in
            var response = response
            if index == 2 { response.fields["Federation-Node"] = Sample.node(7).description }
            return .response(response)
        }
        #expect(run.failure == .identityMismatch && run.events.count == 1000)
    }

    @Test(
        arguments: [
            ("Federation-Position", nil, .malformed(.headerMissing)),
            ("Federation-More", nil, .malformed(.headerMissing)),
            ("Federation-Count", nil, .malformed(.headerMissing)),
            ("Federation-Count", "x", .malformed(.headerMissing)),
            ("Federation-Count", "2", .malformed(.truncated)), ("Federation-Count", "-1", .malformed(.headerInvalid)),
            ("Federation-Count", "1001", .malformed(.moreEventsThanAsked(asked: 1000))),
            ("Federation-More", "yes", .malformed(.headerInvalid)),
            ("Federation-Position", "a b", .malformed(.headerInvalid)),
            ("Federation-Position", "", .malformed(.headerInvalid)), ("Federation-Node", nil, .identityMissing),
            ("Federation-Position", String(repeating: "x", count: 129), .malformed(.headerInvalid)),
            ("Content-Type", "application/json", .malformed(.contentType)),
            ("Content-Type", nil, .malformed(.contentType)),
        ] as [(String, String?, ExchangeFailure)])
    func aPageWithoutItsFieldsIsAViolation(_ field: String, _ value: String?, _ failure: ExchangeFailure) throws {
        let run = try LoopedNode(NativeWire(), holding: WireContract.sample(3)).poll { index, response in
            var response = response
            if index == 1 { response.fields[field] = value }
            return .response(response)
        }
        #expect(run.failure == failure && run.pages.isEmpty)
    }

    @Test func aRestThatNoLogCanHaveIsUnknown() throws {
        func rests(_ fields: [String: String]) throws -> [LogRest?] {
            let run = try LoopedNode(NativeWire(), holding: WireContract.sample(3)).poll { index, response in
                var response = response
                if index == 1 { for (name, value) in fields { response.fields[name] = value } }
                return .response(response)
            }
            #expect(run.failure == nil && run.pages.count == 1)
            return run.pages.map(\.rest)
        }
        let (place, end) = ("e.0.\(Sample.id(1))", "e.\(Int64.max).\(Sample.id(2))")
        let far = ["Federation-Position": place, "Federation-Head": end]
        #expect(try rests(far.merging(["Federation-Rest": ""]) { $1 }) == [nil])
        #expect(try rests(far.merging(["Federation-Rest": "\(Int64.max) 1 \(Sample.id(1))"]) { $1 }) == [nil])
        #expect(try rests(far.merging(["Federation-Rest": "1 \(Int64.max) \(Sample.id(1))"]) { $1 }) == [nil])
        let said = LogRest(events: 1, bytes: 7, oldest: Sample.id(1))
        #expect(try rests(far.merging(["Federation-Rest": "1 7 \(Sample.id(1))"]) { $1 }) == [said])
    }

    @Test func moreOfNothingIsAViolation() throws {
        let node = try LoopedNode(NativeWire(), holding: WireContract.sample(3))
        let first = try node.poll()
        for last in [nil, first] {
            let run = try node.poll(after: last) { _, response in
                var response = response
                guard response.fields["Federation-More"] != nil else { return .response(response) }
                response.fields["Federation-More"] = "true"
                if last == nil { response.body = [] }
                if last == nil { response.fields["Federation-Count"] = "0" }
                return .response(response)
            }
            #expect(run.failure == .malformed(.noProgress) && run.pages.isEmpty)
        }
    }

    @Test func aBadLineIsRefusedByItself() throws {
        let node = try LoopedNode(NativeWire(), holding: WireContract.sample(3))
        for bad in ["", "x", "{", "[]", "null", #"{"id":"x"}"#, "\u{FF}", "{\"id\":\"\(Sample.id(1))\"}\r"] {
            let run = try node.poll { index, response in
                guard index == 1 else { return .response(response) }
                var response = response
                response.body = Array(bad.utf8) + [0x0A] + response.body
                response.fields["Federation-Count"] = "4"
                return .response(response)
            }
            #expect(run.failure == nil && run.items.count == 4 && run.events.count == 3, "\(bad)")
        }
    }

    @Test func aStubTravels() throws {
        let stub = try WireContract.sample(1)[0].stubbed()
        let run = try LoopedNode(NativeWire(), holding: [stub]).poll()
        #expect(run.events == [stub] && run.events[0].isStub)
    }

    @Test func positionsReadWhatTheyWrite() {
        let position = NativePosition(epoch: "e", seq: 7, id: Sample.id(1))
        #expect(NativePosition(position.text) == position)
        #expect(percentDecoded(percentEncoded("a b%ü/\u{0}~")) == "a b%ü/\u{0}~")
        #expect(percentDecoded("%+f%-0% 1") == "%+f%-0% 1" && percentDecoded("%4a%4A") == "JJ")
        #expect(percentDecoded("%") == "%" && percentDecoded("%4") == "%4" && percentDecoded("%zz%41") == "%zzA")
    }
}
