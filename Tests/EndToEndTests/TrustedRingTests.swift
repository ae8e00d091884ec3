import FederationCore
import FederationHTTP
import FederationTestKit
import Glibc
import HostileKit
import Testing

/// A node of a ring over TLS, with certificates of one authority.
struct TLSNode {
    let node: TestNode
    let port: UInt16
    /// What it shows as a server; what pins name.
    let server: TestAuthority.Issued

    var endpoint: String { "https://127.0.0.1:\(port)" }

    init(
        _ name: String, in scratch: ScratchDirectory, by authority: TestAuthority, port: UInt16 = TestPort.free(),
        server: TestAuthority.Issued? = nil
    ) async throws {
        node = try await TestNode(name, in: scratch)
        self.port = port
        self.server = server ?? authority.issue()
        node.set("tls", """
            {listen: '127.0.0.1:\(port)', certificate: server.pem, key: server.key, client_ca: ca.pem, \
            client_certificate: client.pem, client_key: client.key}
            """)
        node.set("verify", "enforce")
        let client = authority.issue(for: .client)
        let files = [
            ("ca.pem", authority.pem), ("server.pem", self.server.certificate), ("server.key", self.server.key),
            ("client.pem", client.certificate), ("client.key", client.key),
        ]
        for (name, bytes) in files { write(bytes, to: name) }
    }

    func write(_ bytes: [UInt8], to name: String) {
        TestFile.write(bytes, to: node.directory + "/" + name)
        chmod(node.directory + "/" + name, 0o600)
    }

    /// The lines of an entry that names it.
    func entry(_ more: String...) -> (name: String, lines: [String]) {
        (node.name, ["endpoint: \(endpoint)", "ca: ca.pem", "tls_pin: sha256:\(server.pin.hex)"] + more)
    }
}

/// Rings that are signed, enforced and mutually authenticated, and what becomes of whoever is not what he was.
@Suite(.serialized) struct TrustedRingTests {
    private let authority = TestAuthority()

    private func reason(_ node: TestNode, of peer: String) async throws -> String? {
        try await node.peerStatus(peer)?.at("last_error", "reason")?.string
    }

    @Test func threeNodesSignEnforceAndKnowEachOther() async throws {
        let scratch = ScratchDirectory()
        var ring: [TLSNode] = []
        for name in ["alpha", "beta", "gamma"] { ring.append(try await TLSNode(name, in: scratch, by: authority)) }
        for one in ring {
            one.node.setPeers(ring.filter { $0.node !== one.node }.map { other in
                let file = [one.node.name, other.node.name].sorted().joined() + ".key"
                one.write(Array("key-of-\(file)-for-now\nanother-key-of-\(file)\n".utf8), to: file)
                return other.entry("key_file: \(file)")
            })
        }
        for one in ring { try await one.node.start() }
        for one in ring { for number in 1...3 { try await one.node.put("# Note \(number) of \(one.node.name)\n") } }
        for one in ring {
            try await eventually("nine proved events on \(one.node.name); log:\n\(one.node.log)") {
                let signatures = try await one.node.status()["signatures"]
                return (signatures?["proved"]?.integer == 9 && signatures?["unsigned"]?.integer ?? 0 == 0).orNil
            }
            let events = try await one.node.facts("events")["events"]?.array ?? []
            let proofs = Set(events.map { $0["verified"]?.string ?? "" })
            #expect(proofs.isSubset(of: ["pinned_key", "chain"]))
        }
        #expect(Set(try await ring.asyncMap { try await $0.node.events() }).count == 1)

        // The line of the key that gamma sends is taken away at alpha, while all run: gamma is shown the door, beta is not.
        let (alpha, beta, gamma) = (ring[0], ring[1], ring[2])
        alpha.write(Array("another-key-of-alphagamma.key\n".utf8), to: "alphagamma.key")
        _ = try await alpha.node.run("reload")
        try await eventually("gamma is refused; log:\n\(gamma.node.log)") {
            (try await reason(gamma.node, of: "alpha") == "auth").orNil
        }
        let late = try await alpha.node.put("# After\n")
        try await eventually("beta has it") { (try await beta.node.run("show", late).status == 0).orNil }
        #expect(try await alpha.node.status().at("refused_requests", "key")?.integer ?? 0 > 0)
        for one in ring { #expect(try await one.node.stop() == .exited(0)) }
        for one in ring { #expect(try await one.node.run("check", "--deep").status == 0) }
    }

    /// Who answers in beta's place, and why alpha does not listen.
    enum Impostor: String, CaseIterable, CustomTestStringConvertible {
        case expired, notYet, otherHost, otherAuthority, otherTLSKey, clientCertificate, oldTLS, plainHTTP, otherNode

        var reason: Reason { self == .otherNode ? .identityMismatch : .networkTLS }
        var testDescription: String { rawValue }

        /// Takes beta's port. Whatever speaks HTTP behind it answers 500, which is another reason than the expected one.
        func stand(at beta: TLSNode, by authority: TestAuthority, in scratch: ScratchDirectory) async throws -> (
            keep: AnyObject, node: TestNode?
        ) {
            func serve(_ issued: TestAuthority.Issued) throws -> (AnyObject, TestNode?) {
                let tls = ServerTLS(try ServerCertificate(pem: issued.certificate, key: issued.key), asksClients: true, authority: nil)
                let server = try HTTPServer(address: "127.0.0.1", port: beta.port, tls: tls) { _ in HTTPResponse(status: 500) }
                return (server, nil)
            }
            switch self {
            case .expired: return try serve(authority.issue(days: -9 ... -1))
            case .notYet: return try serve(authority.issue(days: 1...9))
            case .otherHost: return try serve(authority.issue(["DNS:beta.example"]))
            case .otherAuthority: return try serve(TestAuthority(name: "another").issue())
            case .otherTLSKey: return try serve(authority.issue())
            case .clientCertificate: return try serve(authority.issue(for: .client))
            case .plainHTTP: return (try FakePeer(port: beta.port) { _ in HTTPResponse(status: 500) }, nil)
            case .oldTLS:
                // A ServerHello of TLS 1.1 (RFC 4346, 7.4.1.3), whatever was offered.
                let hello: [UInt8] = [2, 0, 0, 38, 3, 2] + [UInt8](repeating: 7, count: 32) + [0, 0, 0x2F, 0]
                let server = ScriptedServer(port: beta.port) { socket in
                    _ = socket.receive()
                    socket.send([0x16, 3, 2, 0, UInt8(hello.count)] + hello)
                    _ = socket.receiveToEnd()
                }
                return (server, nil)
            case .otherNode:
                let other = try await TLSNode("delta", in: scratch, by: authority, port: beta.port, server: beta.server)
                try await other.node.start()
                return (other.node, other.node)
            }
        }
    }

    @Test(arguments: Impostor.allCases)
    func whoeverStandsInAPeersPlaceIsAReasonAndChangesNothing(impostor: Impostor) async throws {
        let scratch = ScratchDirectory()
        let alpha = try await TLSNode("alpha", in: scratch, by: authority)
        let beta = try await TLSNode("beta", in: scratch, by: authority)
        alpha.node.setPeers([beta.entry()])
        beta.node.setPeers([alpha.entry()])
        try await beta.node.put("# Of beta\n")
        try await beta.node.start()
        #expect(try await alpha.node.run("sync").status == 0)
        let (before, pinned) = (try await alpha.node.events(), try await alpha.node.peerStatus("beta"))
        #expect(before.count == 1)
        #expect(try await beta.node.stop() == .exited(0))

        let (keep, other) = try await impostor.stand(at: beta, by: authority, in: scratch)
        let result = try await alpha.node.run("sync", "--json")
        #expect(try result.json.at("peers", "0", "reason")?.string == impostor.reason.rawValue, "\(result.out)")
        #expect(result.status == (impostor.reason.isNetwork ? 4 : 5))
        let now = try await alpha.node.peerStatus("beta")
        #expect(now?.at("last_error", "reason")?.string == impostor.reason.rawValue)
        for member in ["id", "key", "last_event", "last_success", "wire"] {
            #expect(now?[member].map { Array($0.raw) } == pinned?[member].map { Array($0.raw) }, "\(member)")
        }
        #expect(try await alpha.node.events() == before)
        try await other?.stop()
        if let fake = keep as? FakePeer { await fake.stop() }
        if let server = keep as? HTTPServer { await server.stop() }
        if let script = keep as? ScriptedServer { script.stop() }

        // The true one comes back, and nothing has to be mended.
        try await beta.node.start()
        try await beta.node.put("# And again\n")
        #expect(try await alpha.node.run("sync").status == 0)
        #expect(try await alpha.node.events().count == 2)
        #expect(try await beta.node.stop() == .exited(0))
    }

    @Test func hostAndOriginAreLookedAtOnEachListener() async throws {
        let scratch = ScratchDirectory()
        let alpha = try await TLSNode("alpha", in: scratch, by: authority)
        let monitor = TestPort.free()
        alpha.node.set("monitor", "{listen: '127.0.0.1:\(monitor)'}")
        let page = TestPort.free()
        alpha.node.set("page", "{listen: '127.0.0.1:\(page)', key_file: page.key}")
        alpha.write(Array("a-key-of-the-page-alone\n".utf8), to: "page.key")
        try await alpha.node.start()
        let client = CurlClient()
        var credentials = ChannelCredentials()
        credentials.authority = alpha.node.directory + "/ca.pem"
        credentials.certificate = (alpha.node.directory + "/client.pem", alpha.node.directory + "/client.key")
        let listeners = [
            (alpha.endpoint, alpha.port, "https", "/federation/v1/identity"),
            (alpha.node.endpoint, alpha.node.port, "http", "/federation/v1/identity"),
            ("http://127.0.0.1:\(monitor)", monitor, "http", "/healthz"),
            ("http://127.0.0.1:\(page)", page, "http", "/"),
        ]
        for (endpoint, port, scheme, path) in listeners {
            let asked: [(String, String, Int)] = [
                ("Host", "evil.example", 403), ("Host", "127.0.0.1.evil.example", 403), ("Host", "127.0.0.1:x", 400),
                ("Host", "localhost:\(port)", 200), ("Origin", "https://evil.example", 403), ("Origin", "null", 403),
                ("Origin", "\(scheme)://127.0.0.1:\(port)", 200),
                ("Origin", "\(scheme == "http" ? "https" : "http")://127.0.0.1:\(port)", 403),
            ]
            // The monitor serves no page, and says nothing of an origin of its own.
            for (field, value, status) in asked where port != monitor || status != 200 || field == "Host" {
                let request = HTTPRequest(.get, path, fields: [field: value])
                let answer = try await client.perform(request, endpoint: endpoint, credentials: credentials).response
                #expect(answer.status == status, "\(endpoint) \(field): \(value)")
                #expect(!answer.fields.fields.contains { $0.name.lowercased().hasPrefix("access-control-") })
            }
        }
        client.close()
        let refused = try await alpha.node.status()["refused_requests"]
        for (cause, least) in [("foreign_host", 6), ("foreign_origin", 9), ("bad_host", 3)] as [(String, Int64)] {
            #expect(refused?[cause]?.integer ?? 0 >= least, "\(cause)")
        }
        #expect(try await alpha.node.stop() == .exited(0))
    }
}
