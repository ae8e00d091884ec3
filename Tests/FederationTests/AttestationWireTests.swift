import FederationCore
import FederationCrypto
import FederationTestKit
import Foundation
import Testing

@testable import Federation

/// The vectors of `Tests/Vectors/attestations.json`, which another program has made.
@Suite struct AttestationVectorTests {
    private func vectors() throws -> JSON {
        let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Vectors/attestations.json")
        return try JSON(Array(Data(contentsOf: path)))
    }

    private let check: SignatureCheck = { preimage, signature, key in
        guard let signature = Signature(signature), let key = VerifyingKey(key) else { return false }
        return key.verify(signature, of: preimage)
    }

    @Test func theChainOfTheVectorsIsOurs() throws {
        let vectors = try vectors()
        let origin = try #require(ULID(vectors["origin"]?.string ?? ""))
        var tip = Chain.start(of: origin, sha256)
        #expect(tip.head.hex == vectors["start"]?.string)
        for each in vectors["events"]?.array ?? [] {
            // Written with white space, as every JSON tool may.
            let event = try Event(json: #require(each["event"]).normalForm)
            let fingerprint = try event.fingerprint(sha256)
            #expect(fingerprint.digest.hex == each["digest"]?.string)
            let link = ChainLink(
                number: try #require(event.number), id: event.id, digest: fingerprint.digest, signature: event.signature)
            tip = try #require(Chain.extended(tip, by: link, sha256))
            #expect(tip.head.hex == each["head"]?.string)
            #expect(Chain.extended(tip, by: link, sha256) == nil, "a number comes once")
            var unsigned = link
            (unsigned.number, unsigned.signature) = (link.number + 1, nil)
            #expect(Chain.extended(tip, by: unsigned, sha256) == nil)
        }
        #expect(tip.number == 5)
        for kind in ["checkpoint", "succession"] {
            let json = try #require(vectors[kind]?["json"])
            let attestation = try #require(Attestation(json))
            #expect(attestation.tip == tip && attestation.origin == origin)
            #expect(attestation.isSigned(check))
            #expect(try JSON(attestation.json).normalForm == vectors[kind]?["json"]?.normalForm)
            let preimage =
                attestation.next.map { Attestation.successionPreimage(of: origin, at: tip, from: attestation.key, to: $0) }
                ?? Attestation.checkpointPreimage(of: origin, at: tip)
            #expect(hexadecimal(preimage) == vectors[kind]?["preimage"]?.string)
            var other = attestation
            other.number += 1
            #expect(!other.isSigned(check))
            (other.number, other.head) = (tip.number, sha256([]))
            #expect(!other.isSigned(check))
        }
        // A succession needs both hands, and no signature does for the other.
        let json = try #require(vectors["succession"]?["json"])
        var succession = try #require(Attestation(json))
        guard case .succession(let next, let acceptance) = succession.kind else { return }
        succession.kind = .succession(next: next, acceptance: succession.signature)
        #expect(!succession.isSigned(check))
        succession.kind = .succession(next: next, acceptance: acceptance)
        succession.signature = acceptance
        #expect(!succession.isSigned(check))
    }

    @Test(arguments: ["{}", #"{"attestation":"checkpoint"}"#, "[]", #"{"attestation":"oath","number":1}"#])
    func whatIsNoneIsLeftOut(text: String) throws { #expect(Attestation(try JSON(Array(text.utf8))) == nil) }
}

/// Attestations behind the events of a page.
@Suite struct AttestationWireTests {
    private func origin(_ events: Int) throws -> (log: MemoryStorage, id: ULID, key: SigningKey) {
        let key = try SigningKey(seed: [UInt8](repeating: 3, count: 32))
        let id = Sample.node(1)
        let writer = EventWriter(node: id, name: "n", sha256: sha256) {
            EventSeal(signature: key.sign($0).description, publicKey: key.publicKey.description)
        }
        var log = MemoryStorage()
        try log.setMeta(.epoch, Sample.id(0).description)
        var random = SeededRandom(seed: 1)
        for number in 0..<events {
            var snapshot = Snapshot()
            (snapshot.title, snapshot.type, snapshot.body) = ("t", "note", "b")
            let now = Sample.time(Int64(number) * 10)
            _ = try writer.write(
                .create(subject: "20260101-n\(number)", snapshot), now: now, random: &random, into: &log)
        }
        return (log, id, key)
    }

    private func ask(_ log: MemoryStorage, _ query: [(String, String)]) throws -> HTTPResponse {
        let node = NodeIdentity(id: Sample.node(2), name: "relay", version: "1", mode: .sync, publicKey: nil)
        let context = RouteContext(
            node: node, now: Sample.epoch, nonce: (1, 2), sha256: sha256, peerName: nil, statusText: { _ in "" })
        let routes = NativeRoutes(node: node, view: log, context: context)
        let request = ServedRequest(
            method: "GET", path: NativeRoutes.eventsPath, query: query.map { (name: $0.0, value: $0.1) })
        return try routes.respond(to: request).response(nil)
    }

    private func lines(_ response: HTTPResponse) -> [String] {
        String(decoding: response.body, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    @Test func onlyWhoAsksIsGivenAnyAndEachPageItsOwn() throws {
        let (log, _, _) = try origin(130)
        let silent = try ask(log, [("limit", "1000")])
        #expect(lines(silent).count == 130 && silent.fields[NativeField.attestations] == nil)

        let first = try ask(log, [("limit", "100"), ("attested", "0")])
        #expect(first.fields[NativeField.count] == "100" && first.fields[NativeField.attestations] == "1")
        #expect(first.fields[NativeField.attested] == "2", "from here on only what is new")
        #expect(lines(first).count == 101 && lines(first)[100].contains(#""number":64,"#))
        let position = try #require(first.fields[NativeField.position])
        let second = try ask(log, [("after", position), ("attested", "2")])
        #expect(second.fields[NativeField.count] == "30" && lines(second)[30].contains(#""number":128,"#))
        // Whoever has the events and lacks the attestations.
        let end = try #require(second.fields[NativeField.position])
        let late = try ask(log, [("after", end), ("attested", "0")])
        #expect(late.fields[NativeField.count] == "0" && lines(late).count == 2)
        #expect(late.fields[NativeField.attested] == "2")
        let done = try ask(log, [("after", end), ("attested", "2")])
        #expect(done.body.isEmpty && done.fields[NativeField.attestations] == nil)
    }

    /// What goes out while the last page is being committed is to the letter what the next conversation asks for, also
    /// where the page came with attestations: how far they were read is committed with it.
    @Test func whatFollowsUpIsWhatTheNextConversationAsksFor() throws {
        let (log, _, _) = try origin(130)
        var node = try LoopedNode(NativeWire(), 2)
        node.log = log
        let first = try ask(log, [("limit", "100"), ("attested", "0")])
        var context = LoopedNode.context(position: first.fields[NativeField.position], pinned: .native)
        context.hold = .seconds(45)
        context.wireValues = ["attested": Array("1".utf8)]

        var exchange = NativeExchange()
        let request = try #require(requested(exchange.begin(context)))
        #expect(exchange.followUp == nil)
        _ = exchange.resume(.response(try node.respond(to: request)), now: node.now)
        guard case .take(let page) = exchange.resume(.identityAccepted, now: node.now), case .position(let position) = page.cursor
        else { throw Failure.noPage }
        #expect(page.items.count == 30 && page.attestations.map(\.number) == [128])
        #expect(page.wireValues == ["attested": Array("2".utf8)])
        let followUp = try #require(exchange.followUp)
        guard case .finished = exchange.resume(.committed(PageOutcome()), now: node.now) else { throw Failure.goesOn }
        #expect(exchange.followUp == nil)

        context.position = position
        context.wireValues = page.wireValues
        var next = NativeExchange()
        let asked = try #require(requested(next.begin(context)))
        #expect(followUp == UpcomingRequest(asked) && asked.hold == .seconds(45))
    }

    @Test func behindASingleEventNothingIsSentAhead() throws {
        let (log, _, _) = try origin(130)
        var node = try LoopedNode(NativeWire(), 2)
        node.log = log
        for (limit, isSent) in [("129", false), ("128", true)] {
            let first = try ask(log, [("limit", limit), ("attested", "0")])
            var context = LoopedNode.context(position: first.fields[NativeField.position], pinned: .native)
            context.hold = .seconds(45)
            var exchange = NativeExchange()
            let request = try #require(requested(exchange.begin(context)))
            _ = exchange.resume(.response(try node.respond(to: request)), now: node.now)
            _ = exchange.resume(.identityAccepted, now: node.now)
            #expect((exchange.followUp != nil) == isSent)
        }
    }

    private enum Failure: Error { case noPage, goesOn }

    private func requested(_ step: ExchangeStep) -> HTTPRequest? { if case .request(let request, _) = step { request } else { nil } }

    @Test func aPushedPageBringsThoseOfItsOrigins() throws {
        let (log, id, key) = try origin(70)
        let page = try #require(try PushPage.next(after: nil, bytes: Limits.pushBytes, in: log))
        #expect(page.attestations == 1)
        var hub = try LoopedNode(NativeWire(), 2)
        hub.pusher = PushingPeer(name: "leaf", id: id)
        let publicKey = key.publicKey.description
        let leaf = NodeIdentity(id: id, name: "leaf", version: "1", mode: .sync, publicKey: publicKey)
        let push = NativePush(page, from: leaf, to: hub.node.id, sha256: sha256)
        let request = push.request(signature: "\(publicKey) signed \(sha256(push.preimage).hex)")
        let taken = try #require(try hub.reply(to: ServedRequest(request)).commit?.whole?.page)
        #expect(taken.items.count == 70 && taken.attestations.map(\.number) == [64])
    }

    @Test func aPageWithAttestationsIsReadWholeOrNotAtAll() throws {
        let (log, _, _) = try origin(70)
        let response = try ask(log, [("attested", "0")])
        let range = NativeRanges(from: nil).next
        let page = try NativePage(response, of: range, limit: 1000)
        #expect(page.items.count == 70 && page.attestations.map(\.number) == [64] && page.attested == 1)
        for count in ["-1", "2", "257", "x", ""] {
            var wrong = response
            wrong.fields[NativeField.attestations] = count
            #expect(throws: ExchangeFailure.self) { try NativePage(wrong, of: range, limit: 1000) }
        }
        var unknown = response
        unknown.body = Array(String(decoding: unknown.body, as: UTF8.self).replacing("checkpoint", with: "checkpaint").utf8)
        #expect(try NativePage(unknown, of: range, limit: 1000).attestations.isEmpty, "a newer kind spoils nothing")
    }
}
