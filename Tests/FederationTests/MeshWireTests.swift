import FederationConfig
import FederationCore
import FederationCrypto
import FederationTestKit
import Negentropy
import Testing

@testable import Federation

/// What the mesh wire does beyond the contract of all wires.
struct MeshWireTests {
    static let family = MeshWire(carrying: .documents)

    static func document(
        _ key: String, _ time: Int64, deleted: Bool = false, mesh: String? = nil, _ rest: String = #","n":1"#
    ) -> String {
        #"{"key":"\#(key)","time":\#(time),"deleted":\#(deleted)\#(rest)"#
            + (mesh.map { #","mesh":"\#($0)""# } ?? "") + "}"
    }

    static func event(_ line: String) throws -> Event {
        guard case .event(let event, _) = MeshDocument.item(of: Array(line.utf8)) else { throw Unreadable() }
        return event
    }

    struct Unreadable: Error {}

    // MARK: Documents and events

    @Test func aDocumentIsTheSameEventOnEveryNodeAndComesBackUnchanged() throws {
        let line = Self.document("tracks:7", 1_700_000_000_123, mesh: "alpha", #", "x" : [1.50,{"ü":null}]"#)
        let event = try Self.event(line)
        #expect(event == (try Self.event(line)))
        #expect(event.family == .mesh && event.documentAction == .put && event.subject == "tracks:7")
        #expect(event.id.milliseconds == 1_700_000_000_123 && event.clock.isEmpty && event.number == nil)
        #expect(event.timestamp == "2023-11-14T22:13:20Z")
        #expect(MeshDocument.line(of: event) == Array(line.utf8))
        // Spacing is no content: another importer that met it otherwise spaced has the same version.
        let respaced = try Self.event(line.replacing(" ", with: ""))
        #expect(respaced.id == event.id && respaced.origin == event.origin)
        #expect(try item(of: respaced) == item(of: event))
    }

    @Test func keyContentTimeDeletionAndMeshAllTellVersionsApart() throws {
        let base = try Self.event(Self.document("a", 1000, mesh: "m"))
        let others = [
            Self.document("b", 1000, mesh: "m"), Self.document("a", 1001, mesh: "m"),
            Self.document("a", 1000, deleted: true, mesh: "m"), Self.document("a", 1000, mesh: "m", #","n":2"#),
            Self.document("a", 1000, mesh: "n"), Self.document("a", 1000),
        ]
        let items = Set(try ([base] + others.map(Self.event)).map { try item(of: $0) })
        #expect(items.count == 7)
        #expect(Set(try others.map { try Self.event($0).id } + [base.id]).count == 7)
        #expect(try Self.event(others[3]).origin == base.origin && Self.event(others[4]).origin != base.origin)
    }

    private func item(of event: Event) throws -> SyncItem {
        try #require(SyncItem(of: event, digest: try event.fingerprint(sha256).digest))
    }

    /// What another implementation has to compute: a plain hash over its own bytes.
    @Test func theIdOfACompactDocumentIsItsHash() throws {
        let line = Self.document("k", 5)
        let item = try item(of: try Self.event(line))
        #expect(item.id.description == sha256(Array(line.utf8)).hex && item.timestamp == 5 && item.key == "k")
    }

    @Test(arguments: [
        ("", "not_json"), ("[]", "not_an_object"), ("{}", "missing_trace_id"), (#"{"key":1,"time":1}"#, "wrong_type_trace_id"),
        (#"{"key":"a"}"#, "missing_timestamp"), (#"{"key":"a","time":-1}"#, "wrong_type_timestamp"),
        (#"{"key":"a","time":1e3}"#, "wrong_type_timestamp"), (#"{"key":"a","time":281474976710656}"#, "wrong_type_timestamp"),
        (#"{"key":"a","time":1,"key":"b"}"#, "duplicate_key"), (#"{"key":"a","time":1,"event":{}}"#, "missing_id"),
        ("{\"key\":\"a\",\"time\":1,\"x\":\n2}", "raw_control_byte"),
    ])
    func whatIsNoDocumentIsRefused(line: String, code: String) {
        guard case .unreadable(let refusal, _, _, _) = MeshDocument.item(of: Array(line.utf8)) else {
            Issue.record("\(line) was read")
            return
        }
        #expect(refusal.code == code)
    }

    // MARK: What is carried

    @Test func ourRecordsStayInTheirFamilyUnlessBothSidesAsk() throws {
        let record = WireContract.sample(1)[0]
        let document = try Self.event(Self.document("a", 1000))
        for (ours, theirs, expected) in [
            (MeshCarry.documents, MeshCarry.documents, [document]), (.documents, .records, [document]),
            (.records, .documents, [document]), (.records, .records, [record, document]),
        ] {
            let server = try LoopedNode(MeshWire(carrying: theirs), holding: [record, document])
            let run = try server.poll(by: MeshWire(carrying: ours).exchange())
            #expect(run.failure == nil && run.events == expected, "\(ours), \(theirs)")
        }
    }

    @Test func whoAsksForMoreThanIsGivenIsRefused() throws {
        let server = try LoopedNode(Self.family, holding: WireContract.sample(3))
        for path in [MeshRoutes.reconcilePath, MeshRoutes.documentsPath] {
            let request = HTTPRequest(.post, path + "?carry=records", body: [])
            #expect(try server.respond(to: request).status == 403)
            #expect(try server.respond(to: HTTPRequest(.post, path + "?carry=all", body: [])).status == 400)
            #expect(try server.respond(to: HTTPRequest(.get, path)).status == 405)
        }
    }

    @Test func anEntryGivesToTheNodeThatItNames() throws {
        let config = try Config.decode(
            Array(
                """
                name: here
                peers:
                  - {name: a, endpoint: "http://127.0.0.1:1", wire: mesh, carry: records}
                  - {name: b, endpoint: "http://127.0.0.1:2", wire: mesh}
                  - {name: c, endpoint: "http://127.0.0.1:3", wire: mesh, carry: records, id: \(Sample.node(5))}
                """.utf8)
        ).get().config
        var server = try LoopedNode(MeshWire(sets: MeshSets()) { config.peers })
        try server.log.setState(StateKey.peer("a", .identity), Sample.node(3).description)
        try server.log.setState(StateKey.peer("b", .identity), Sample.node(4).description)
        for (asker, carried) in [(3, "records"), (4, "documents"), (5, "records"), (6, "documents")] as [(UInt64, String)] {
            var request = HTTPRequest(.get, MeshRoutes.path)
            request.fields["Federation-Node"] = Sample.node(asker).description
            #expect(try server.respond(to: request).fields["Federation-Carries"] == carried)
        }
    }

    // MARK: Bounds

    private static let small: MeshBounds = {
        var bounds = MeshBounds()
        bounds.messages = (try? ReconcileSettings(frameLimit: 4096)) ?? .standard
        bounds.enough = 100
        return bounds
    }()

    @Test func fiveBytesDrawOneFrame() throws {
        let bounds = MeshBounds()
        #expect(bounds.messages.frameLimit == Limits.meshFrameBytes)
        #expect(bounds.messages.maxMessageBytes == Limits.meshMessageBytes)
        let server = try LoopedNode(MeshWire(carrying: .records, Self.small), holding: WireContract.sample(300))
        let request = HTTPRequest(.post, MeshRoutes.reconcilePath + "?carry=records", body: [0x61, 0, 0, 2, 0])
        let answer = try server.respond(to: request)
        #expect(answer.status == 200 && answer.body.count <= 4096 && answer.body.count > 3800)
        let path = MeshRoutes.documentsPath + "?carry=records"
        let ids = [UInt8](repeating: 7, count: (Limits.meshIDs + 1) * 32)
        #expect(try server.respond(to: HTTPRequest(.post, path, body: ids)).status == 400)
        let none = try server.respond(to: HTTPRequest(.post, path, body: Array(ids.dropLast(32))))
        #expect(none.status == 200 && none.body.isEmpty && none.fields["Federation-Count"] == "0")
    }

    /// More than one session looks for: the poll goes on with another until all is there.
    @Test func moreThanOneSessionFindsIsFetchedInOnePoll() throws {
        let events = WireContract.sample(500)
        let wire = MeshWire(carrying: .records, Self.small)
        let server = try LoopedNode(wire, holding: events)
        var log = MemoryStorage()
        let run = try poll(server, wire.exchange(), into: &log)
        #expect(run.failure == nil && log.eventCount() == 500)
        let sessions = run.kept["statistics"].flatMap { $0 }.map { MeshStatistics(json: $0).sessions }
        #expect(sessions == 5)
    }

    // MARK: What a poll keeps

    @Test func twoLogsBecomeOneWhicheverSideAsksAndStatisticsAddUp() throws {
        let all = WireContract.sample(400)
        let anywhere = all.enumerated().filter { $0.offset % 77 != 0 }.map(\.element)
        var (ours, theirs) = (MemoryStorage(), MemoryStorage())
        for (index, event) in all.enumerated() {
            if index % 7 != 0 { _ = try ours.append(try Sample.entry(event)) }
            if index % 11 != 0 { _ = try theirs.append(try Sample.entry(event)) }
        }
        let missing = ours.eventCount()
        let wire = MeshWire(carrying: .records)
        var other = try LoopedNode(MeshWire(carrying: .records), 9)
        other.log = theirs
        let run = try poll(other, wire.exchange(), into: &ours)
        #expect(run.failure == nil)
        let kept = try #require(run.kept["statistics"].flatMap { $0 })
        let statistics = MeshStatistics(json: kept)
        #expect(statistics.sessions == 1 && statistics.completed == 1 && statistics.rounds == UInt64(run.requests.count) - 2)
        #expect(statistics.need == UInt64(ours.eventCount() - missing) && statistics.fetched == statistics.need)
        #expect(statistics.have == UInt64(anywhere.count) - UInt64(theirs.eventCount()))
        #expect(statistics.bytesSent > 0 && statistics.bytesReceived > statistics.need * 100)
        // Now the other side, by the same two wires.
        var here = try LoopedNode(wire, 8)
        here.log = ours
        _ = try poll(here, other.wire.exchange(), as: other.node, into: &theirs)
        #expect(ours.events(after: 0, limit: 999, bytes: .max).map(\.event.id).sorted() == anywhere.map(\.id))
        #expect(theirs.events(after: 0, limit: 999, bytes: .max).map(\.event.id).sorted() == anywhere.map(\.id))
    }

    @Test func whatIsRefusedIsNotAskedForAgain() throws {
        let server = try LoopedNode(Self.family, holding: [try Self.event(Self.document("a", 1000))])
        var values: [String: [UInt8]] = [:]
        var pages: [Int] = []
        for _ in 0..<3 {
            var context = LoopedNode.context()
            context.wireValues = values
            var refusing = PageOutcome()
            refusing.refused = 1
            let run = try WireRun(
                Self.family.exchange(), context, reading: { _, _, _ in [] }, committing: { _ in refusing }
            ) {
                .response(try server.respond(to: $1))
            }
            #expect(run.failure == nil)
            pages.append(run.pages.count)
            for (name, value) in run.kept { values[name] = value }
        }
        #expect(pages == [1, 0, 0])
    }

    /// More than one session looks for that nobody takes stand before what would be taken.
    @Test func whatIsRefusedKeepsNothingBehindIt() throws {
        let events = WireContract.sample(500)
        let server = try LoopedNode(MeshWire(carrying: .records, Self.small), holding: events)
        var seen: Set<ULID> = []
        let run = try WireRun(
            server.wire.exchange(), LoopedNode.context(), reading: { _, _, _ in [] },
            committing: { page in
                for case .event(let event, _) in page.items { seen.insert(event.id) }
                var refusing = PageOutcome()
                refusing.refused = page.items.count
                return refusing
            }
        ) {
            .response(try server.respond(to: $1))
        }
        #expect(run.failure == nil && seen.count == 500)
    }

    /// What has to wait for its time is read again as an event.
    @Test func aDocumentOfATimeToComeIsTakenInThen() throws {
        let day: Int64 = 86_400_000
        var node = SampleNode(9)
        let line = Self.document("a", Sample.epoch.milliseconds + day + 1)
        #expect(try node.take(items: [MeshDocument.item(of: Array(line.utf8))]).deferred == 1)
        node.now = Sample.time(2)
        #expect(try node.retryDue().applied == 1)
        #expect(node.log.record("a") != nil)
    }

    @Test func aSessionGivenUpAnywhereLeavesNothingBehind() throws {
        let events = WireContract.sample(300)
        let server = try LoopedNode(MeshWire(carrying: .records), holding: events)
        let whole = try server.poll()
        for steps in 0..<(4 * whole.requests.count) {
            let context = LoopedNode.context()
            _ = try WireRun(server.wire.exchange(), context, steps: steps) { .response(try server.respond(to: $1)) }
            #expect(try server.poll().events == events)
        }
    }

    /// A poll whose pages reach a log, as a host's do.
    private func poll(
        _ server: LoopedNode, _ exchange: any Exchange, as node: NodeIdentity? = nil, into log: inout MemoryStorage
    ) throws -> WireRun {
        var context = LoopedNode.context()
        if let node { context.node = node }
        var taken = log
        let run = try WireRun(
            exchange, context, reading: { taken.events(after: $0, limit: $1, bytes: $2) },
            committing: { page in
                var outcome = PageOutcome()
                for case .event(let event, _) in page.items {
                    _ = try taken.append(try Sample.entry(event))
                    outcome.applied += 1
                }
                return outcome
            }
        ) { .response(try server.respond(to: $1)) }
        log = taken
        return run
    }
}
