import FederationCore
import FederationCrypto
import FederationHTTP
import Synchronization
import Testing

/// Nodes whose entries say `wire: mesh`, as processes on real sockets.
@Suite(.serialized) struct MeshTests {
    private func pair(_ a: [String], _ b: [String]) async throws -> (TestNode, TestNode, ScratchDirectory) {
        let scratch = ScratchDirectory()
        let alpha = try await TestNode("alpha", in: scratch)
        let beta = try await TestNode("beta", in: scratch)
        alpha.setPeers([("beta", ["endpoint: \(beta.endpoint)", "wire: mesh"] + a)])
        beta.setPeers([("alpha", ["endpoint: \(alpha.endpoint)", "wire: mesh"] + b)])
        return (alpha, beta, scratch)
    }

    private func agree(_ nodes: [TestNode], events: Int) async throws {
        try await eventually("the nodes agree on \(events) events") {
            let logs = try await nodes.asyncMap { try await $0.events() }
            let states = try await nodes.asyncMap { try await $0.records() }
            return (Set(logs).count == 1 && Set(states).count == 1 && logs[0].count == events).orNil
        }
    }

    @Test func documentsConvergeBothWaysWithUpdatesAndTombstones() async throws {
        let (alpha, beta, scratch) = try await pair(["carry: records"], ["carry: records"])
        for number in 1...40 {
            try await (number % 2 == 0 ? alpha : beta).put("# Note \(number)\n\nText.\n")
        }
        let note = try await alpha.put("# Meeting\n\nTuesday.\n")
        // Both have much that the other lacks when they first meet, and both begin at once.
        try await alpha.start()
        try await beta.start()
        try await agree([alpha, beta], events: 41)

        try await beta.put("# Meeting\n\nWednesday.\n", "--id", note)
        try await agree([alpha, beta], events: 42)
        #expect(try await alpha.facts("show", note)["body"]?.string == "# Meeting\n\nWednesday.\n")

        // A deletion is an element of the set: a node that was away when it came does not bring the note back.
        #expect(try await alpha.stop() == .exited(0))
        let trash = Self.trash(of: note, in: scratch)
        let fake = try MeshPeer(documents: [trash])
        beta.setPeers([
            ("alpha", ["endpoint: \(alpha.endpoint)", "wire: mesh", "carry: records"]),
            ("fake", ["endpoint: \(fake.endpoint)", "wire: mesh", "carry: records"]),
        ])
        #expect(try await beta.stop() == .exited(0))
        try await beta.start()
        try await eventually("beta has the tombstone") { (try await beta.events().count == 43).orNil }
        try await alpha.start()
        try await agree([alpha, beta], events: 43)
        for node in [alpha, beta] {
            let record = try await node.facts("records", "--all")["records"]?.array?.first { $0["id"]?.string == note }
            #expect(record?["lifecycle"]?.string == "trashed")
        }
        await fake.stop()

        let mesh = try #require(try await beta.peerStatus("alpha")?["mesh"])
        #expect((mesh["sessions"]?.integer ?? 0) >= 2 && (mesh["completed"]?.integer ?? 0) >= 2)
        #expect((mesh["fetched"]?.integer ?? 0) >= 21 && (mesh["need"]?.integer ?? 0) >= 21)
        // Whoever asked first had what the other lacked; the other may have fetched it before it asked.
        let there = try await alpha.peerStatus("beta")?.at("mesh", "have")?.integer ?? 0
        #expect((mesh["have"]?.integer ?? 0) + there >= 1 && (mesh["rounds"]?.integer ?? 0) >= 2)
        #expect((mesh["bytes_received"]?.integer ?? 0) > 21 * 200)
        #expect(try await beta.run("status").out.contains("sessions"))
        #expect(try await beta.stop() == .exited(0))
        #expect(try await alpha.stop() == .exited(0))
    }

    /// A trash as a Noema node writes it.
    private static func trash(of note: String, in scratch: ScratchDirectory) -> String {
        let event = FakeEvent.event(900, id: "01KYJX49920000000000000900", trace: note, action: "trash", data: "{}")
        return #"{"key":"\#(note)","time":1,"deleted":true,"event":\#(event)}"#
    }

    @Test func withoutBothEntriesOurRecordsStayHere() async throws {
        let (alpha, beta, _) = try await pair(["carry: records"], [])
        try await alpha.put("# Mine\n\nText.\n")
        try await beta.put("# Yours\n\nText.\n")
        try await alpha.start()
        try await beta.start()
        try await eventually("both have polled") {
            let polls = try await [alpha, beta].asyncMap { node in
                try await node.status()["peers"]?.array?.first?.at("mesh", "completed")?.integer ?? 0
            }
            return polls.allSatisfy { $0 >= 3 }.orNil
        }
        #expect(try await alpha.events().count == 1)
        #expect(try await beta.events().count == 1)
        try await alpha.stop()
        try await beta.stop()
    }

    /// Documents of another system come in by one node and reach the next by this wire, byte for byte; an update and a
    /// deletion follow, and two importers write the same events.
    @Test func documentsOfAnotherSystemAreImportedAndRelayed() async throws {
        let (alpha, beta, _) = try await pair([], [])
        let line = #"{"key":"tracks:7","time":1700000000000,"mesh":"hills", "position":[1.50,2],"unknown":{"a":null}}"#
        let other = #"{"key":"nodes:a b","time":1700000000001,"mesh":"hills","name":"Ä"}"#
        let system = try MeshPeer(documents: [line, other])
        let fake = ("system", ["endpoint: \(system.endpoint)", "wire: mesh"])
        alpha.setPeers([("beta", ["endpoint: \(beta.endpoint)", "wire: mesh"]), fake])
        try await alpha.start()
        try await beta.start()
        try await agree([alpha, beta], events: 2)
        let events = try await beta.facts("events", "--limit", "10")["events"]?.array ?? []
        #expect(Set(events.map { $0["action"]?.string }) == ["mesh:put"])

        system.add(#"{"key":"tracks:7","time":1700000000500,"mesh":"hills","position":[3,4]}"#)
        system.add(#"{"key":"nodes:a b","time":1700000000600,"mesh":"hills","deleted":true}"#)
        try await agree([alpha, beta], events: 4)
        let records = try await beta.facts("records", "--all")["records"]?.array ?? []
        let states = records.map { "\($0["id"]?.string ?? "") \($0["lifecycle"]?.string ?? "") \($0["type"]?.string ?? "")" }
        #expect(states.sorted() == ["nodes:a b trashed document", "tracks:7 active document"])
        #expect(try await beta.facts("show", "tracks:7")["body"]?.string == #"{"key":"tracks:7","time":1700000000500,"mesh":"hills","position":[3,4]}"#)
        #expect(try await beta.status()["state"]?.string == "ok")

        // Beta imports by itself as well: there is nothing new in it.
        let again = try MeshPeer(documents: system.documents, id: "01KNJX4991ASW6NNKS9BQHNCGC")
        beta.setPeers([("again", ["endpoint: \(again.endpoint)", "wire: mesh"])])
        try await beta.stop()
        try await beta.start()
        try await eventually("beta has compared") {
            ((try await beta.peerStatus("again")?.at("mesh", "completed")?.integer ?? 0) >= 2).orNil
        }
        #expect(try await beta.peerStatus("again")?.at("mesh", "need")?.integer == 0)
        #expect(try await beta.events().count == 4)
        for node in [alpha, beta] { try await node.stop() }
        for peer in [system, again] { await peer.stop() }
    }

    @Test func anotherIdentityBehindTheSameAddressIsRefused() async throws {
        let scratch = ScratchDirectory()
        let node = try await TestNode("alpha", in: scratch)
        let line = #"{"key":"a","time":1700000000000}"#
        let port = TestPort.free()
        let first = try MeshPeer(documents: [line], port: port)
        node.setPeer("system", first.endpoint, "wire: mesh")
        #expect(try await node.run("sync").status == 0)
        #expect(try await node.events().count == 1)
        await first.stop()
        let second = try MeshPeer(
            documents: [line, #"{"key":"b","time":1700000000001}"#], id: "01KNJX4991ASW6NNKS9BQHNCGC", port: port)
        #expect(try await node.run("sync").status != 0)
        #expect(try await node.peerStatus("system")?.at("last_error", "reason")?.string == "identity_mismatch")
        #expect(try await node.events().count == 1)
        await second.stop()
    }
}

/// Another system with the mesh wire's three routes, written from `docs/protocol.md` alone: it lists all of its ids to
/// whatever message comes.
final class MeshPeer: Sendable {
    private let state: Mutex<[String]>
    private let peer: Mutex<FakePeer?> = Mutex(nil)
    private let id: String

    init(documents: [String], id: String = FakeNoema.id, port: UInt16 = 0) throws {
        state = Mutex(documents)
        self.id = id
        let peer = try FakePeer(port: port) { [weak self] request in self?.answer(request) ?? HTTPResponse(status: 503) }
        self.peer.withLock { $0 = peer }
    }

    var endpoint: String { peer.withLock { $0?.endpoint ?? "" } }
    var documents: [String] { state.withLock { $0 } }
    func add(_ document: String) { state.withLock { $0.append(document) } }
    func stop() async { await peer.withLock { $0.take() }?.stop() }

    private func answer(_ request: ServedRequest) -> HTTPResponse {
        let fields: HTTPFields = ["Federation-Node": id]
        let documents = documents
        switch request.path {
        case "/federation/v1/mesh":
            let text = #"{"id":"\#(id)","name":"system","version":"9","carries":"records"}"#
            return with(fields, "application/json", Array(text.utf8))
        case "/federation/v1/mesh/reconcile":
            // One range to the end of time, with all ids.
            let ids = documents.flatMap { hash(of: $0) }
            return with(fields, "application/octet-stream", [0x61, 0, 0, 2, UInt8(documents.count)] + ids)
        case "/federation/v1/mesh/documents":
            var asked: Set<[UInt8]> = []
            for start in stride(from: 0, to: request.body.count, by: 32) { asked.insert(Array(request.body[start..<start + 32])) }
            let wanted = documents.filter { asked.contains(hash(of: $0)) }
            var all = fields
            all["Federation-Count"] = String(wanted.count)
            all["Federation-More"] = "false"
            return with(all, "application/x-ndjson", wanted.flatMap { Array(($0 + "\n").utf8) })
        default:
            return HTTPResponse(status: 404)
        }
    }

    private func with(_ fields: HTTPFields, _ type: String, _ body: [UInt8]) -> HTTPResponse {
        var fields = fields
        fields["Content-Type"] = type
        return HTTPResponse(status: 200, fields: fields, body: body)
    }

    /// The id of a version: of a record its event's digest, of a document its own hash.
    private func hash(of line: String) -> [UInt8] {
        guard let json = try? JSON(Array(line.utf8)) else { return [] }
        guard let event = json["event"] else { return sha256(json.normalForm).bytes }
        let digest = (try? Event(json: Array(event.raw)))?.fingerprintDigest
        return digest?.bytes ?? []
    }
}

extension Event {
    fileprivate var fingerprintDigest: Digest? { (try? fingerprint(sha256))?.digest }
}
