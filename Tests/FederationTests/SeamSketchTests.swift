import FederationCore
import FederationTestKit
import Testing

/// Two wires that are to come, written against the seam as it is: were it wrong, they could not be.
struct SeamSketchTests {
    // MARK: OpenHive: a handshake that mints tokens, a pull and a push with cursors of their own

    private struct Hives {
        var a = SketchHost(
            1, HiveSketch(peerName: "b", instance: "inst_a"), secrets: ["handshake": "s", "signing_key": "k"])
        var b = SketchHost(
            2, HiveSketch(peerName: "a", instance: "inst_b"), secrets: ["handshake": "s", "signing_key": "l"])

        /// A post that began at one of them.
        static func post(_ text: String, by instance: String, at milliseconds: Int64) throws -> Event {
            let payload = #"{\"post_id\":\"\#(text)\",\"title\":\"<\#(text)>\"}"#
            let json = try JSON(
                Array(
                    (#"{"id":"evt_1","event_type":"post_created","origin_instance_id":"\#(instance)","#
                        + #""origin_ts":\#(Sample.epoch.milliseconds + milliseconds),"payload":"\#(payload)","signature":"c2ln"}"#)
                        .utf8))
            guard case .event(let event, _) = HiveSketch.event(json) else { throw EventRefusal.notAnObject }
            return event
        }

        mutating func pollFromA(answering: (HTTPResponse) -> ExchangeAnswer = { .response($0) }) throws
            -> Result<ExchangeProgress, ExchangeFailure>
        {
            var b = b
            defer { self.b = b }
            return try a.run(with: "b") { answering(try b.serve($0)) }
        }
    }

    @Test func aHiveIsShakenHandsWithPulledFromAndPushedTo() throws {
        var hives = Hives()
        let ofA = try Hives.post("of-a", by: "inst_a", at: 1)
        let ofB = try Hives.post("of-b", by: "inst_b", at: 2)
        _ = try hives.a.log.append(try Sample.entry(ofA))
        _ = try hives.b.log.append(try Sample.entry(ofB))
        #expect(try hives.pollFromA() == .success(ExchangeProgress(isComplete: true, wire: .hive)))
        #expect(hives.a.log.event(ofB.id)?.event == ofB && hives.b.log.event(ofA.id)?.event == ofA)
        // The token that b minted is on both disks, and b knows that a is alive.
        #expect(hives.a.kept("token", of: "b") == hives.b.kept("issued", of: "a"))
        #expect(hives.a.kept("token", of: "b")?.count == 64 && hives.b.contacts.contains("a"))
        // Both cursors are kept, and the next poll brings nothing twice.
        #expect(hives.a.log.state(StateKey.peer("b", .position)) == "1")
        #expect(hives.a.kept("sent", of: "b") == "2")
        _ = try hives.pollFromA()
        #expect(hives.a.log.eventCount() == 2 && hives.b.log.eventCount() == 2)
    }

    @Test func aTokenThatIsNoLongerGoodIsMintedAnew() throws {
        var hives = Hives()
        _ = try hives.pollFromA()
        try hives.b.log.setWireValue("sketch", peer: "a", key: "issued", Array("another".utf8))
        let post = try Hives.post("late", by: "inst_b", at: 3)
        _ = try hives.b.log.append(try Sample.entry(post))
        #expect(try hives.pollFromA() == .success(ExchangeProgress(isComplete: true, wire: .hive)))
        #expect(hives.a.log.event(post.id) != nil && hives.b.kept("issued", of: "a") != "another")
    }

    @Test func aPushThatIsNotAcknowledgedMovesNoCursor() throws {
        var hives = Hives()
        let post = try Hives.post("of-a", by: "inst_a", at: 1)
        _ = try hives.a.log.append(try Sample.entry(post))
        // It arrives, and the acknowledgement is lost.
        let failed = try hives.pollFromA { response in
            String(decoding: response.body, as: UTF8.self).contains("received_seq")
                ? .transport(.reset) : .response(response)
        }
        #expect(failed == .failure(.transport(.reset)))
        #expect(hives.a.kept("sent", of: "b") == nil && hives.b.log.eventCount() == 1)
        _ = try hives.pollFromA()
        #expect(hives.a.kept("sent", of: "b") == "1" && hives.b.log.eventCount() == 1)
    }

    @Test func aHandshakeWithoutTheSecretChangesNothing() throws {
        var hives = Hives()
        hives.a.secrets["handshake"] = "wrong"
        #expect(try hives.pollFromA() == .failure(.status(403)))
        #expect(hives.b.kept("issued", of: "a") == nil && hives.b.contacts.isEmpty)
    }

    @Test func anotherKeyBehindTheSameAddressIsAMismatch() throws {
        var hives = Hives()
        _ = try hives.pollFromA()
        hives.b = SketchHost(2, HiveSketch(peerName: "a", instance: "inst_x"), secrets: hives.b.secrets)
        #expect(try hives.pollFromA() == .failure(.identityMismatch))
    }

    // MARK: Neotoma: a signed notice, answered by a call-back

    private struct Neotomas {
        var a: SketchHost
        var b: SketchHost

        init() {
            let atA = NeotomaSketch(
                localID: "node-a", localURL: "https://a", peers: [.init(id: "node-b", url: "https://b", name: "b")])
            let atB = NeotomaSketch(
                localID: "node-b", localURL: "https://b", peers: [.init(id: "node-a", url: "https://a", name: "a")])
            a = SketchHost(1, atA, secrets: ["neotoma/b": "shared"])
            b = SketchHost(2, atB, secrets: ["neotoma/a": "shared"])
        }

        static func entity(_ title: String, at milliseconds: Int64) throws -> Event {
            let json = try JSON(
                Array(
                    (#"{"entity_id":"ent_1","entity_type":"note","snapshot":{"title":"\#(title)"},"#
                        + #""last_observation_at":"\#(Sample.time(milliseconds).rfc3339)"}"#).utf8))
            guard case .event(let event, _) = NeotomaSketch.item(json, from: "node-a") else {
                throw EventRefusal.notAnObject
            }
            return event
        }

        mutating func pollFromA(tamper: (inout ServedRequest) -> Void = { _ in }) throws
            -> Result<ExchangeProgress, ExchangeFailure>
        {
            var b = b
            defer { self.b = b }
            return try a.run(with: "b") { request in
                var request = request
                tamper(&request)
                return .response(try b.serve(request))
            }
        }

        /// Begins the call-backs that b's routes have asked for.
        mutating func callBack() throws {
            var a = a
            defer { self.a = a }
            let callBacks = b.callBacks
            b.callBacks = []
            for (peer, exchange) in callBacks { _ = try b.run(exchange, with: peer) { .response(try a.serve($0)) } }
        }
    }

    @Test func aSignedNoticeIsAnsweredByACallBack() throws {
        var nodes = Neotomas()
        let note = try Neotomas.entity("first", at: 1000)
        _ = try nodes.a.log.append(try Sample.entry(note))
        #expect(try nodes.pollFromA() == .success(ExchangeProgress(isComplete: true, wire: .neotoma)))
        // On disk before it was acknowledged, and fetched after.
        #expect(nodes.b.kept("notice:ent_1", of: "a") == note.id.description && nodes.b.log.eventCount() == 0)
        #expect(nodes.b.contacts == ["a"] && nodes.b.callBacks.map(\.peerName) == ["a"])
        try nodes.callBack()
        #expect(nodes.b.log.event(note.id)?.event == note)
        #expect(nodes.b.kept("notice:ent_1", of: "a") == nil && nodes.a.kept("sent", of: "b") == "1")
    }

    @Test func aCallBackThatACrashAteIsMadeUpForByTheNextPoll() throws {
        var nodes = Neotomas()
        _ = try nodes.a.log.append(try Sample.entry(try Neotomas.entity("first", at: 1000)))
        _ = try nodes.pollFromA()
        nodes.b.callBacks = []
        var a = nodes.a
        #expect(
            try nodes.b.run(with: "a") { .response(try a.serve($0)) }
                == .success(ExchangeProgress(isComplete: true, wire: .neotoma)))
        #expect(nodes.b.log.eventCount() == 1 && nodes.b.kept("notice:ent_1", of: "a") == nil)
    }

    @Test func aNoticeThatIsNotSignedSoIsRefused() throws {
        var nodes = Neotomas()
        _ = try nodes.a.log.append(try Sample.entry(try Neotomas.entity("first", at: 1000)))
        let altered = try nodes.pollFromA { $0.body[2] = $0.body[2] == 0x65 ? 0x45 : 0x65 }
        #expect(altered == .failure(.status(400)))
        let extended = try nodes.pollFromA { $0.body.insert(0x20, at: 1) }
        #expect(extended == .failure(.status(401)))
        let unsigned = try nodes.pollFromA { $0.fields["X-Neotoma-Sync-Signature-256"] = nil }
        #expect(unsigned == .failure(.status(401)))
        nodes.b.secrets = [:]
        #expect(try nodes.pollFromA() == .failure(.status(401)))
        #expect(nodes.b.callBacks.isEmpty && nodes.b.contacts.isEmpty && nodes.a.kept("sent", of: "b") == nil)
    }
}
