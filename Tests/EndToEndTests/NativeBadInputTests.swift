import FederationCore
import FederationHTTP
import Testing

/// What a hostile or broken native peer can answer.
@Suite(.serialized) struct NativeBadInputTests {
    private static let id = "01KNJX4991ASW6NNKS9BQHNCGB"
    private static let epoch = "01KNJX4991ASW6NNKS9BQHNCGE"

    /// What the peer answers to each request for events, after a right identity.
    private struct Page: Sendable {
        var events: [String] = []
        var body: String?
        var fields: [String: String] = [:]
        var status = 200
        /// How the body is coded, as zstd.
        var coded: (@Sendable ([UInt8]) -> [UInt8])?
    }

    /// A node that has polled a peer which answers so, and the result of `sync`.
    private func polled(
        _ page: Page, identity: String? = nil
    ) async throws -> (node: TestNode, result: CommandResult) {
        let id = NativeBadInputTests.id
        let peer = try FakePeer { request in
            let fields: HTTPFields = ["Content-Type": "application/json", "Federation-Node": id]
            guard request.path != "/federation/v1/identity" else {
                let body = identity ?? #"{"id":"\#(id)","name":"fake","version":"0.1.0","mode":"sync"}"#
                return HTTPResponse(status: 200, fields: fields, body: Array(body.utf8))
            }
            let isFirst = request.parameter("after") == nil
            let events = isFirst ? page.events : []
            var answer = fields
            answer["Content-Type"] = "application/x-ndjson"
            answer["Federation-Count"] = String(events.count)
            answer["Federation-More"] = "false"
            let count = page.events.count
            answer["Federation-Position"] = "\(NativeBadInputTests.epoch).\(count).\(FakeEvent.id(count))"
            for (name, value) in page.fields { answer[name] = value.isEmpty ? nil : value }
            let body = page.body ?? events.map { $0 + "\n" }.joined()
            guard let coded = page.coded else {
                return HTTPResponse(status: page.status, fields: answer, body: Array(body.utf8))
            }
            answer["Content-Encoding"] = request.fields["Accept-Encoding"]
            return HTTPResponse(status: page.status, fields: answer, body: coded(Array(body.utf8)))
        }
        let node = try await TestNode("alpha", in: ScratchDirectory())
        node.setPeer("fake", peer.endpoint)
        let result = try await node.run("sync", "--json")
        await peer.stop()
        return (node, result)
    }

    private func reason(_ result: CommandResult) throws -> String? {
        try result.json.at("peers", "0", "reason")?.string
    }

    @Test func aGoodPageIsTakenSoThatTheOthersProveSomething() async throws {
        let (node, result) = try await polled(Page(events: [FakeEvent.create(1), FakeEvent.create(2)]))
        #expect(result.status == 0, "\(result.out)")
        #expect(try await node.events().count == 2)
        #expect(try await node.peerStatus("fake")?["wire"]?.string == "native")
    }

    private static let twoEvents = [FakeEvent.create(1), FakeEvent.create(2)]
    private static let longPosition = String(repeating: "p", count: Limits.positionLength + 1)
    private static let broken: [(String, Page)] = [
        ("a body cut off in a line", Page(body: "{\"id\":", fields: ["Federation-Count": "1"])),
        ("a body cut off between two lines", Page(body: FakeEvent.create(1) + "\n", fields: ["Federation-Count": "2"])),
        ("more lines than counted", Page(events: twoEvents, fields: ["Federation-Count": "1"])),
        ("more than asked", Page(events: twoEvents, fields: ["Federation-Count": "1001"])),
        ("a count that is none", Page(events: twoEvents, fields: ["Federation-Count": "two"])),
        ("a count below zero", Page(events: [], fields: ["Federation-Count": "-1"])),
        (
            "a count below zero that attestations make good",
            Page(events: [], fields: ["Federation-Count": "-5", "Federation-Attestations": "5"])
        ),
        ("no position", Page(events: twoEvents, fields: ["Federation-Position": ""])),
        ("a position too long", Page(events: twoEvents, fields: ["Federation-Position": longPosition])),
        ("more that never comes", Page(events: [], fields: ["Federation-More": "true"])),
        ("a yes that is none", Page(events: twoEvents, fields: ["Federation-More": "yes"])),
        ("another type", Page(events: twoEvents, fields: ["Content-Type": "text/html"])),
        ("a conflict without end", Page(status: 409)),
        ("an error", Page(status: 500)),
    ]

    @Test(arguments: broken.indices)
    func aPageThatIsBrokenFailsThePollAndTakesNothing(index: Int) async throws {
        let (what, page) = NativeBadInputTests.broken[index]
        let (node, result) = try await polled(page)
        #expect(result.status == 1, "\(what)")
        #expect(try reason(result) == "other", "\(what)")
        #expect(try await node.events().isEmpty, "\(what)")
        #expect(try await node.run("check", "--deep").status == 0)
    }

    @Test(arguments: [
        #"{}"#, #"{"id":7}"#, #"{"id":"me"}"#, #"{"id":"01knjx4991asw6nnks9bqhncgb"}"#,
        #"{"id":"81KNJX4991ASW6NNKS9BQHNCGB"}"#, "[]", "null",
    ])
    func anIdentityWithoutAnIDIsMissing(identity: String) async throws {
        let (node, result) = try await polled(Page(), identity: identity)
        #expect(result.status == 5)
        #expect(try reason(result) == "identity_missing")
        #expect(try await node.peerStatus("fake")?["id"] == nil)
    }

    @Test func whoeverAnswersThePageMustBeWhoAnsweredBefore() async throws {
        let other = "01KNJX4991ASW6NNKS9BQHNCGC"
        let (node, result) = try await polled(Page(events: [FakeEvent.create(1)], fields: ["Federation-Node": other]))
        #expect(result.status == 5)
        #expect(try reason(result) == "identity_mismatch")
        #expect(try await node.events().isEmpty)
    }

    @Test func oneBadLineSpoilsNoOther() async throws {
        let lines = [FakeEvent.create(1), "{", "", "[]", FakeEvent.create(2, clock: "7"), FakeEvent.create(3)]
        let (node, result) = try await polled(Page(events: lines))
        #expect(result.status == 0, "\(result.out)")
        #expect(try result.json.at("peers", "0", "applied")?.integer == 2)
        #expect(try result.json.at("peers", "0", "refused")?.integer == 4)
        #expect(try await node.facts("quarantine", "list")["entries"]?.array?.count == 4)
        #expect(try await node.events().count == 2)
    }

    @Test func aClaimToHoldEventsOfOursThatWeNeverWroteSwitchesUsNotOff() async throws {
        let page = Page(events: [FakeEvent.create(1)], fields: ["Federation-Held": "1000000"])
        let (node, result) = try await polled(page)
        #expect(result.status == 0, "\(result.out)")
        try await node.put("# Still writing\n")
        #expect(try await node.status()["state"]?.string != "stopped")
    }

    @Test func aForgedEventOfOursIsRefusedAndSwitchesUsNotOff() async throws {
        let scratch = ScratchDirectory()
        let node = try await TestNode("alpha", in: scratch)
        let own = try #require(try await node.facts("identity", "show")["id"]?.string)
        let forged = FakeEvent.create(1, clock: #"{"\#(own)":9}"#, origin: own)
        let peer = try FakeNoema(events: [forged, FakeEvent.create(2)])
        node.setPeer("fake", peer.endpoint, "wire: noema")
        #expect(try await node.run("sync").status == 0)
        let entries = try await node.facts("quarantine", "list")["entries"]?.array ?? []
        #expect(entries.compactMap { $0["code"]?.string } == ["forged_own_origin"])
        #expect(entries.first?["reason"]?.string == "identity_mismatch")
        try await node.put("# Still writing\n")
        #expect(try await node.events().count == 2)
    }

    @Test func aPageInZstdIsTaken() async throws {
        let (node, result) = try await polled(
            Page(events: NativeBadInputTests.twoEvents, coded: { Zstd.compress($0) ?? [] }))
        #expect(result.status == 0, "\(result.out)")
        #expect(try await node.events().count == 2)
    }

    @Test(arguments: ["cut", "not zstd", "bomb"])
    func aBodyThatCannotBeDecodedIsAReasonAndNothingIsTaken(_ kind: String) async throws {
        // Made beforehand: on a busy machine that takes longer than a request may.
        let bomb = kind == "bomb" ? Zstd.compress([UInt8](repeating: 0x0A, count: 113 << 20)) ?? [] : []
        let page = Page(events: NativeBadInputTests.twoEvents) { body in
            switch kind {
            case "cut": (Zstd.compress(body) ?? []).dropLast(3)
            case "bomb": bomb
            default: body
            }
        }
        let (node, result) = try await polled(page)
        #expect(result.status != 0)
        #expect(try reason(result) == (kind == "cut" ? "network_eof" : "other"))
        #expect(try await node.events().isEmpty)
    }
}
