import FederationCore
import FederationHTTP
import HostileKit
import Testing

/// One way to bring each reason about, on a real socket or with a real event.
enum Provocation: String, CaseIterable, CustomTestStringConvertible {
    case closedPort, stalledPeer, unknownHost, plainPortForTLS, reset, cutOff, unauthorised, otherIdentity, noIdentity
    case oldManifest, malformedSnapshot, traceID, action, type, serverError, wrongHash, fullStore, notSigned

    var reason: Reason {
        switch self {
        case .closedPort: .networkRefused
        case .stalledPeer: .networkTimeout
        case .unknownHost: .networkDNS
        case .plainPortForTLS: .networkTLS
        case .reset: .networkReset
        case .cutOff: .networkEOF
        case .unauthorised: .auth
        case .otherIdentity: .identityMismatch
        case .noIdentity: .identityMissing
        case .oldManifest, .malformedSnapshot: .invalidFrontmatter
        case .traceID: .invalidTraceID
        case .action: .unknownAction
        case .type: .unknownType
        case .fullStore: .storeFull
        case .notSigned: .signature
        case .serverError, .wrongHash: .other
        }
    }

    /// Whether the poll itself fails, and not only an event that it brings.
    var failsThePoll: Bool {
        switch self {
        case .malformedSnapshot, .traceID, .action, .type, .wrongHash, .notSigned: false
        default: true
        }
    }

    /// The exit status of `sync`.
    var exitStatus: Int32 {
        guard failsThePoll else { return 0 }
        return switch reason {
        case .auth, .identityMismatch, .identityMissing: 5
        case let reason where reason.isNetwork: 4
        default: 1
        }
    }

    var testDescription: String { "\(rawValue) gives \(reason.rawValue)" }

    /// Whoever misbehaves, its endpoint, and further lines of its entry.
    func stage() throws -> (keep: AnyObject?, endpoint: String, lines: [String]) {
        func socket(_ server: ScriptedServer, _ lines: [String] = []) -> (AnyObject?, String, [String]) {
            (server, server.endpoint, lines)
        }
        func http(_ peer: FakePeer) -> (AnyObject?, String, [String]) { (peer, peer.endpoint, []) }
        func noema(_ peer: FakeNoema, _ lines: [String] = []) -> (AnyObject?, String, [String]) {
            (peer, peer.endpoint, lines)
        }
        switch self {
        case .closedPort: return (nil, "http://127.0.0.1:\(TestPort.free())", [])
        case .stalledPeer: return socket(.stalling(), ["timeout: 1s"])
        case .unknownHost: return (nil, "http://nonexistent.invalid:4001", [])
        case .plainPortForTLS:
            let peer = try FakePeer.answering(status: 200)
            return (peer, "https://127.0.0.1:\(peer.server.port)", [])
        case .reset: return socket(.resetting())
        case .cutOff: return socket(.cuttingOff())
        case .unauthorised: return http(try .answering(status: 401))
        case .otherIdentity: return noema(try FakeNoema(events: []), ["id: 01KNJX4991ASW6NNKS9BQHNCGC"])
        case .noIdentity: return noema(try FakeNoema(identity: #"{"name":"fake","version":2}"#, events: []))
        case .oldManifest: return noema(try FakeNoema(identity: #"{"name":"fake","version":1}"#, events: []))
        case .malformedSnapshot:
            return noema(try FakeNoema(events: [FakeEvent.event(1, action: "create", data: #"{"title":7}"#)]))
        case .traceID: return noema(try FakeNoema(events: [FakeEvent.create(1, trace: "../../etc/passwd")]))
        case .action: return noema(try FakeNoema(events: [FakeEvent.create(1, action: "transmogrify")]))
        case .type: return noema(try FakeNoema(events: [FakeEvent.create(1, type: "sonnet")]))
        case .serverError: return http(try .answering(status: 500))
        case .fullStore:
            let body = String(repeating: "x", count: 300_000)
            return noema(try FakeNoema(events: (1...4).map { FakeEvent.create($0, body: body) }))
        // Nobody's key is asked for unless the node says so.
        case .notSigned: return noema(try FakeNoema(events: [FakeEvent.create(1)]))
        case .wrongHash:
            let zeros = String(repeating: "0", count: 64)
            let data = #"{"title":"a","type":"note","body":"a","content_hash":"sha256:\#(zeros)"}"#
            return noema(try FakeNoema(events: [FakeEvent.event(1, action: "create", data: data)]))
        }
    }
}

@Suite(.serialized) struct ReasonTests {
    @Test func everyReasonHasAProvocation() {
        #expect(Set(Provocation.allCases.map(\.reason)) == Set(Reason.allCases))
    }

    @Test(arguments: Provocation.allCases)
    func aReasonIsProvokedAndShown(by provocation: Provocation) async throws {
        let (keep, endpoint, lines) = try provocation.stage()
        let node = try await TestNode("alpha", in: ScratchDirectory())
        if provocation == .fullStore { node.set("store", "{max_size: 1MB}") }
        if provocation == .notSigned { node.set("verify", "enforce") }
        node.setPeers([("trouble", ["endpoint: \(endpoint)"] + lines)])
        try await node.start()

        let reason = provocation.reason
        let peer = try await eventually("\(reason) is shown; log:\n\(node.log)") {
            let peer = try await node.peerStatus("trouble")
            return peer?.at("last_error", "reason")?.string == reason.rawValue ? peer : nil
        }
        #expect((peer["consecutive_failures"]?.integer ?? 0 > 0) == provocation.failsThePoll)
        if !provocation.failsThePoll {
            #expect(peer.at("last_error", "event_id")?.string == FakeEvent.id(1))
            #expect((peer["held"]?.integer ?? 0) + (peer["refused"]?.integer ?? 0) == 1)
        }

        let status = try await node.run("status")
        #expect(status.status == 0)
        for part in [reason.rawValue, reason.words, reason.hint] { #expect(status.out.contains(part), "\(status.out)") }
        #expect(try await node.run("status", "--check").status == 6)
        let sync = try await node.run("sync")
        #expect(sync.status == provocation.exitStatus, "\(sync.err)")
        if provocation.failsThePoll { #expect(sync.err.contains("federation: error: trouble: \(reason.rawValue): ")) }
        #expect(try await node.stop() == .exited(0))
        withExtendedLifetime(keep) {}
    }
}
