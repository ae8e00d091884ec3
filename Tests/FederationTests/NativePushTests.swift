import FederationCore
import FederationCrypto
import FederationHTTP
import FederationTestKit
import Testing

@testable import Federation

/// A leaf and the node that it pushes to, both in memory: the routes and the commit of production.
private struct Push {
    /// The node that is pushed to, and the leaf.
    var hub: LoopedNode
    var leaf: LoopedNode
    var intake: Intake
    /// Changes a request on its way.
    var tamper: (inout HTTPRequest) -> Void = { _ in }

    init(_ events: [Event] = WireContract.sample(3)) throws {
        hub = try LoopedNode(NativeWire(), 2)
        leaf = try LoopedNode(NativeWire(), 9, holding: events)
        leaf.node.publicKey = Push.key(9)
        hub.pusher = PushingPeer(name: "leaf", id: leaf.node.id)
        intake = Intake(IntakePolicy(node: hub.node.id, sha256: sha256, isOwnSignature: { _, _ in false }))
    }

    static func key(_ number: UInt8) -> String {
        (try? SigningKey(seed: [UInt8](repeating: number, count: SigningKey.seedLength)))?.publicKey.description ?? ""
    }

    static func sign(_ push: NativePush, by node: NodeIdentity) -> String {
        "\(node.publicKey ?? "") signed \(sha256(push.preimage).hex)"
    }

    func page(after position: String?, bytes: Int = Limits.pushBytes) throws -> PushPage? {
        try PushPage.next(after: position, bytes: bytes, in: leaf.log)
    }

    func request(_ page: PushPage) -> HTTPRequest {
        let push = NativePush(page, from: leaf.node, to: hub.node.id, sha256: sha256)
        var request = push.request(signature: Push.sign(push, by: leaf.node))
        tamper(&request)
        return request
    }

    mutating func deliver(_ request: HTTPRequest) throws -> HTTPResponse {
        let reply = try hub.reply(to: ServedRequest(request))
        guard let commit = reply.commit?.whole else { return reply.response(nil) }
        let (intake, now) = (intake, hub.now)
        let outcome = try hub.log.transaction { log throws(StoreFailure) in
            try commit.write(to: &log, intake: intake, now: now)
        }
        return reply.response(outcome)
    }

    /// What the leaf is told that the hub wants.
    func offer() throws -> PushOffer? {
        let request = HTTPRequest(.get, "/federation/v1/identity", fields: ["Federation-Node": leaf.node.id.description])
        let response = try hub.respond(to: request)
        let told = try NativePeer.identity(fields: response.fields).wants
        #expect(try NativePeer.identity(body: response.body).wants == told)
        return told
    }

    @discardableResult
    mutating func push(after position: String?) throws -> PushAnswer {
        let page = try #require(try page(after: position))
        return NativePush.answer(try deliver(request(page)), to: page, from: hub.node.id)
    }

    var position: String? { hub.log.state(StateKey.peer("leaf", .position)) }
    var ids: [ULID] { hub.log.events(after: 0, limit: .max, bytes: .max).map(\.event.id) }
    /// Everything that the hub keeps: a refusal leaves it as it is.
    var kept: [String] {
        hub.log.states(prefix: "").map { "\($0.key)=\($0.value)" } + ids.map(\.description)
            + hub.log.quarantine(kind: nil, peer: nil, limit: .max).map { "\($0.row)" }
    }
}

private func code(_ response: HTTPResponse) -> String? { (try? JSON(response.body))?["error"]?["code"]?.string }

@Suite struct NativePushTests {
    @Test func aLeafIsAskedForWhatFollowsAndBringsIt() throws {
        var push = try Push()
        #expect(try push.offer() == PushOffer(node: push.hub.node.id, position: nil))
        #expect(try push.push(after: nil) == .taken)
        #expect(push.ids == WireContract.sample(3).map(\.id))
        let position = try #require(push.position)
        #expect(try push.offer()?.position == position)
        #expect(try push.page(after: position) == nil)
        // What a poll would write of a peer is written.
        func state(_ what: StateKey.OfPeer) -> String? { push.hub.log.state(StateKey.peer("leaf", what)) }
        #expect(state(.identity) == push.leaf.node.id.description && state(.wire) == "native")
        #expect(state(.lastSeen) == push.hub.now.rfc3339)
        #expect(push.hub.log.state(StateKey.publicKey(of: push.leaf.node.id)) == push.leaf.node.publicKey)
        let health = PeerHealth(json: Array((state(.health) ?? "").utf8))
        #expect(health.version == "1.2.9" && health.lastSuccess == push.hub.now.rfc3339 && health.lastError == nil)
        // And what came since goes after it.
        try push.leaf.add(WireContract.sample(4)[3])
        #expect(try push.push(after: position) == .taken)
        #expect(push.ids == WireContract.sample(4).map(\.id))
    }

    @Test func aPushedPageIsWhatAPullIsAnsweredWith() throws {
        let push = try Push(WireContract.sample(40))
        let page = try #require(try push.page(after: nil))
        let pulled = try push.leaf.respond(to: HTTPRequest(.get, "/federation/v1/events"))
        #expect(page.body == pulled.body && page.to == pulled.fields["Federation-Position"])
        #expect(page.head == pulled.fields["Federation-Head"] && !page.isFollowed)
        let first = try #require(try PushPage.next(after: nil, bytes: 1, in: push.leaf.log))
        #expect(first.isFollowed && first.body.filter { $0 == 0x0A }.count == 1)
    }

    @Test func onlyWhoseEntryHasNoEndpointIsAskedToPush() throws {
        var push = try Push()
        push.hub.pusher = nil
        #expect(try push.offer() == nil)
        let before = push.kept
        let response = try push.deliver(push.request(#require(try push.page(after: nil))))
        #expect(response.status == 403 && code(response) == "not_wanted" && push.kept == before)
        let page = try #require(try push.page(after: nil))
        #expect(NativePush.answer(response, to: page, from: push.hub.node.id) == .declined)
    }

    /// One byte of what was signed is another: nothing changes, and the answer says why.
    @Test(arguments: ["body", "from", "to", "signature", "key", "receiver", "coding", "attestations", "none"])
    func whatIsNotSignedByTheLeafChangesNothing(_ what: String) throws {
        var push = try Push(WireContract.sample(30))
        if what == "from" { try push.hub.log.setState(StateKey.peer("leaf", .position), "elsewhere") }
        let other = push
        push.tamper = { request in
            switch what {
            case "body": request.body[request.body.count / 2] ^= 1
            case "from": request.fields["Federation-From"] = "elsewhere"
            case "to": request.fields["Federation-Position"] = "epoch-9.3.\(ULID.max)"
            case "attestations": request.fields["Federation-Attestations"] = "1"
            case "signature": request.fields["Federation-Signature"] = "ed25519:nonsense"
            case "key": request.fields["Federation-Key"] = Push.key(5)
            case "coding": request.fields["Content-Encoding"] = request.fields["Content-Encoding"] == nil ? "zstd" : nil
            case "receiver":
                let page = try! other.page(after: nil)!
                let stranger = NativePush(page, from: other.leaf.node, to: Sample.node(77), sha256: sha256)
                request.fields["Federation-Signature"] = Push.sign(stranger, by: other.leaf.node)
            default: request.fields["Federation-Signature"] = nil
            }
        }
        let before = push.kept
        let response = try push.deliver(push.request(#require(try push.page(after: nil))))
        #expect(response.status == (what == "none" ? 400 : 403), "\(what): \(code(response) ?? "")")
        #expect(code(response) == (what == "none" ? "invalid_push" : "bad_signature"))
        #expect(push.kept == before)
    }

    @Test func aKeyThatIsPinnedIsTheOnlyOne() throws {
        var push = try Push()
        try push.hub.log.setState(StateKey.publicKey(of: push.leaf.node.id), Push.key(7))
        let before = push.kept
        let response = try push.deliver(push.request(#require(try push.page(after: nil))))
        #expect(response.status == 403 && code(response) == "wrong_key" && push.kept == before)
        let page = try #require(try push.page(after: nil))
        #expect(NativePush.answer(response, to: page, from: push.hub.node.id) == .failed(.status(403)))
        // So is the one that the configuration names, and another node under the name.
        try push.hub.log.setState(StateKey.publicKey(of: push.leaf.node.id), nil)
        push.hub.pusher?.expectedKey = Push.key(7)
        #expect(code(try push.deliver(push.request(page))) == "wrong_key")
        push.hub.pusher?.expectedKey = nil
        try push.hub.log.setState(StateKey.peer("leaf", .identity), Sample.node(5).description)
        #expect(code(try push.deliver(push.request(page))) == "identity_mismatch")
    }

    @Test func aReplayedPageLeadsOnFromNowhere() throws {
        var push = try Push()
        let page = try #require(try push.page(after: nil))
        let captured = push.request(page)
        #expect(try push.deliver(captured).status == 200)
        let before = push.kept
        let again = try push.deliver(captured)
        #expect(again.status == 409 && code(again) == "position_other" && push.kept == before)
        #expect(NativePush.answer(again, to: page, from: push.hub.node.id) == .holds(page.to))
    }

    /// Two copies of one page are looked at together: the second to commit finds the position moved.
    @Test func theTransactionDecidesWhichOfTwoIsFirst() throws {
        var push = try Push()
        let page = try #require(try push.page(after: nil))
        let request = ServedRequest(push.request(page))
        let replies = [try push.hub.reply(to: request), try push.hub.reply(to: request)]
        var answers: [HTTPResponse] = []
        for reply in replies {
            let commit = try #require(reply.commit?.whole)
            let (intake, now) = (push.intake, push.hub.now)
            let outcome = try push.hub.log.transaction { log throws(StoreFailure) in
                try commit.write(to: &log, intake: intake, now: now)
            }
            answers.append(reply.response(outcome))
        }
        #expect(answers.map(\.status) == [200, 409] && push.ids.count == 3)
        #expect(answers[1].fields["Federation-Wants"] == push.position)
    }

    /// Nor does one that was judged under no key commit under another that was pinned since.
    @Test func aKeyPinnedMeanwhileHolds() throws {
        var push = try Push()
        let reply = try push.hub.reply(to: ServedRequest(push.request(#require(try push.page(after: nil)))))
        try push.hub.log.setState(StateKey.publicKey(of: push.leaf.node.id), Push.key(7))
        let commit = try #require(reply.commit?.whole)
        let before = push.kept
        let (intake, now) = (push.intake, push.hub.now)
        let outcome = try push.hub.log.transaction { log throws(StoreFailure) in
            try commit.write(to: &log, intake: intake, now: now)
        }
        #expect(!outcome.isInPlace && reply.response(outcome).status == 409 && push.kept == before)
    }

    @Test func aPositionThatIsNotOfTheLeafsLogIsPushedFromTheBeginning() throws {
        var push = try Push()
        for stale in ["epoch-7.2.\(WireContract.sample(3)[1].id)", "nonsense", "epoch-9.9.\(ULID.max)"] {
            try push.hub.log.setState(StateKey.peer("leaf", .position), stale)
            let page = try #require(try push.page(after: stale))
            #expect(page.from == stale && page.body.filter { $0 == 0x0A }.count == 3)
            #expect(try push.push(after: stale) == .taken && push.ids.count == 3)
            #expect(push.position == "epoch-9.3.\(WireContract.sample(3)[2].id)")
        }
    }

    @Test func aPageStopsWhereItMustAndKeepsWhatCameBefore() throws {
        var push = try Push()
        push.intake.policy.replayer = StubbornReplayer(refused: WireContract.sample(3)[1].id)
        push.intake.policy.replayAttempts = 3
        for attempt in 1...2 {
            let page = try #require(try push.page(after: nil))
            let response = try push.deliver(push.request(page))
            #expect(response.status == 503 && code(response) == "replay", "attempt \(attempt)")
            #expect(push.ids == [WireContract.sample(3)[0].id] && push.position == nil)
            #expect(NativePush.answer(response, to: page, from: push.hub.node.id) == .failed(.status(503)))
        }
        let health = PeerHealth(json: Array((push.hub.log.state(StateKey.peer("leaf", .health)) ?? "").utf8))
        #expect(health.consecutiveFailures == 2 && health.lastError?.eventID == WireContract.sample(3)[1].id.description)
        // Then it is held, and the rest goes on.
        #expect(try push.push(after: nil) == .taken)
        #expect(push.ids.count == 3)
    }

    @Test func aBadLineIsRefusedAloneAndABadPageAltogether() throws {
        var push = try Push()
        var page = try #require(try push.page(after: nil))
        page.body = Array("no event\n".utf8) + page.body
        #expect(try push.deliver(push.request(page)).status == 200)
        #expect(push.ids.count == 3 && push.hub.log.quarantineCount(kind: .refused, peer: "leaf") == 1)
        let position = push.position
        for body in [Array("{}".utf8), Array(repeating: UInt8(0x0A), count: Limits.pageEvents + 1)] {
            var bad = PushPage(from: position, to: "epoch-9.4.\(ULID.max)", head: "", body: body)
            bad.from = position
            let response = try push.deliver(push.request(bad))
            #expect(response.status == 400 && code(response) == "invalid_page")
        }
        #expect(push.position == position)
    }

    @Test func aFrameThatBecomesTooMuchIsNotDecoded() throws {
        var push = try Push()
        let page = PushPage(
            from: nil, to: "epoch-9.3.\(ULID.max)", head: "", body: [UInt8](repeating: 0x20, count: Limits.requestBytes + 1))
        let request = push.request(page)
        #expect(request.body.count < 64 << 10 && request.fields["Content-Encoding"] == "zstd")
        let response = try push.deliver(request)
        #expect(response.status == 413 && code(response) == "too_large" && push.ids.isEmpty)
    }

    @Test func theLargestEventFitsARequest() throws {
        let text = [UInt8](repeating: 0x61, count: Limits.eventDataBytes - 1000)
        let event = Sample.event(Sample.id(1), "note", data: Array("{\"x\":\"".utf8) + text + Array("\"}".utf8))
        var push = try Push([event, WireContract.sample(1)[0]])
        let page = try #require(try push.page(after: nil, bytes: Limits.pushBytes))
        #expect(page.body.count <= Limits.requestBytes && page.isFollowed == (page.body.count > Limits.pushBytes - 1000))
        #expect(try push.push(after: nil) == .taken)
        #expect(Limits.requestBytes >= Limits.eventBytes + 1 && Limits.requestBytes >= Limits.pushBytes)
    }

    @Test(arguments: [
        ("Federation-Node", nil), ("Federation-From", nil), ("Federation-From", "a b"), ("Federation-Position", nil),
        ("Federation-Position", String(repeating: "x", count: 129)), ("Federation-Position", "start"),
    ] as [(String, String?)])
    func fieldsThatAreMissingOrWrongAreRefused(_ field: String, _ value: String?) throws {
        var push = try Push()
        push.tamper = { $0.fields[field] = value }
        let before = push.kept
        let response = try push.deliver(push.request(#require(try push.page(after: nil))))
        #expect([400, 403].contains(response.status) && push.kept == before)
    }

    /// A peer that is asked for events and one that brings some share a path.
    @Test func aQuestionIsNoPush() throws {
        let push = try Push()
        let question = HTTPRequest(
            .post, "/federation/v1/events", fields: ["Content-Type": "application/json"], body: Array(#"{"items":[]}"#.utf8))
        #expect(try push.hub.respond(to: question).status == 200)
    }

    @Test func nobodyButWhoWantedItIsBelieved() throws {
        let push = try Push()
        let page = try #require(try push.page(after: nil))
        func answer(_ status: Int, _ node: ULID?, _ wants: String?) -> PushAnswer {
            var fields: HTTPFields = [:]
            fields["Federation-Node"] = node?.description
            fields["Federation-Wants"] = wants
            return NativePush.answer(HTTPResponse(status: status, fields: fields), to: page, from: push.hub.node.id)
        }
        #expect(answer(200, push.hub.node.id, page.to) == .taken)
        #expect(answer(200, Sample.node(5), page.to) == .failed(.identityMismatch))
        #expect(answer(200, nil, page.to) == .failed(.malformed(.headerMissing)))
        #expect(answer(200, push.hub.node.id, "other") == .failed(.malformed(.headerInvalid)))
        #expect(answer(409, push.hub.node.id, "start") == .holds(nil))
        #expect(answer(409, push.hub.node.id, nil) == .failed(.status(409)))
        #expect(answer(409, push.hub.node.id, "a b") == .failed(.malformed(.headerInvalid)))
        #expect(answer(429, push.hub.node.id, nil) == .busy(nil))
        // Whoever says so, it costs no more than a wait.
        #expect(answer(429, nil, nil) == .busy(nil))
        #expect(answer(404, nil, nil) == .failed(.status(404)))
    }
}

/// Refuses one event for now, each time.
private struct StubbornReplayer: EventReplayer {
    var refused: ULID
    var version: String { "1" }

    func replay(_ entry: LogEntry, into log: inout ReplayLog) throws(StoreFailure) -> ReplayAnswer {
        entry.event.id == refused ? .failed(.other) : .applied
    }
}
