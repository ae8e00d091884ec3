import FederationCore
import FederationHTTP
import FederationTestKit
import Glibc
import Testing

/// Nodes that speak TLS, with certificates made here: mutual, exchanged, out of time, of the wrong authority.
@Suite(.serialized) struct TLSRingTests {
    private let authority = TestAuthority()

    private func write(_ bytes: [UInt8], _ node: TestNode, _ name: String) {
        TestFile.write(bytes, to: node.directory + "/" + name)
        chmod(node.directory + "/" + name, 0o600)
    }

    private func install(_ issued: TestAuthority.Issued, _ node: TestNode, _ name: String) {
        write(issued.certificate, node, name + ".pem")
        write(issued.key, node, name + ".key")
    }

    /// A node that serves TLS beside its plain port, and shows a certificate to those it asks.
    private func node(
        _ name: String, in scratch: ScratchDirectory, server: TestAuthority.Issued, client: TestAuthority.Issued
    ) async throws -> (node: TestNode, tls: UInt16) {
        let node = try await TestNode(name, in: scratch)
        let port = TestPort.free()
        node.set("tls", """
            {listen: '127.0.0.1:\(port)', certificate: server.pem, key: server.key, client_ca: ca.pem, \
            client_certificate: client.pem, client_key: client.key}
            """)
        write(authority.pem, node, "ca.pem")
        install(server, node, "server")
        install(client, node, "client")
        return (node, port)
    }

    private func reason(_ node: TestNode, of peer: String) async throws -> String? {
        try await node.peerStatus(peer)?.at("last_error", "reason")?.string
    }

    private func join(_ one: (node: TestNode, tls: UInt16), to other: (node: TestNode, tls: UInt16), _ lines: String...) {
        one.node.setPeers([
            (other.node.name, ["endpoint: https://127.0.0.1:\(other.tls)", "ca: ca.pem"] + lines)
        ])
    }

    @Test func aRingWithMutualAuthenticationConverges() async throws {
        let scratch = ScratchDirectory()
        let (first, second) = (authority.issue(days: -1...30), authority.issue())
        let alpha = try await node("alpha", in: scratch, server: first, client: authority.issue(for: .client))
        let beta = try await node("beta", in: scratch, server: second, client: authority.issue(for: .client))
        join(alpha, to: beta, "tls_pin: sha256:\(second.pin.hex)")
        join(beta, to: alpha)
        try await alpha.node.start()
        try await beta.node.start()
        let note = try await alpha.node.put("# Over TLS\n")
        let answer = try await beta.node.put("# And back\n")
        try await eventually("both have both; logs:\n\(alpha.node.log)\n\(beta.node.log)") {
            let statuses = [
                try await beta.node.run("show", note).status, try await alpha.node.run("show", answer).status,
            ]
            return (statuses == [0, 0]).orNil
        }
        let status = try await alpha.node.status()
        #expect(status.at("tls", "listen")?.string == "127.0.0.1:\(alpha.tls)")
        #expect([29, 30].contains(status.at("tls", "days_left")?.integer))
        #expect([30, 90].contains(status.at("tls", "ends_within")?.integer))
        #expect(try await alpha.node.run("status").out.contains("renew it"))
        // Whoever has no certificate is turned away, and the plain port is as open as it was.
        let client = CurlClient()
        var credentials = ChannelCredentials()
        credentials.authority = alpha.node.directory + "/ca.pem"
        let request = HTTPRequest(.get, "/federation/v1/identity")
        let bare = try await client.perform(request, endpoint: "https://127.0.0.1:\(alpha.tls)", credentials: credentials)
        #expect(bare.response.status == 403)
        #expect(try await client.perform(request, endpoint: alpha.node.endpoint).response.status == 200)
        client.close()
        #expect(try await alpha.node.stop() == .exited(0))
        #expect(try await beta.node.stop() == .exited(0))
    }

    @Test func whoeverIsNotWhoHeShouldBeIsAReasonAndChangesNothing() async throws {
        let scratch = ScratchDirectory()
        let stranger = TestAuthority(name: "stranger")
        let alpha = try await node("alpha", in: scratch, server: authority.issue(), client: authority.issue(for: .client))
        let beta = try await node("beta", in: scratch, server: authority.issue(), client: authority.issue(for: .client))
        try await beta.node.start()
        let note = try await beta.node.put("# Not for everybody\n")
        let before = try await beta.node.events()
        func meets(_ expected: String, _ what: String) async throws {
            try await alpha.node.start()
            try await eventually("\(what); log:\n\(alpha.node.log)") {
                (try await reason(alpha.node, of: "beta") == expected).orNil
            }
            #expect(try await alpha.node.run("show", note).status == 1)
            #expect(try await alpha.node.stop() == .exited(0))
            #expect(try await alpha.node.run("reset-peer", "beta", "--yes").status == 0)
        }
        join(alpha, to: beta, "tls_pin: sha256:\(authority.issue().pin.hex)")
        try await meets("network_tls", "another key than the pinned one")
        join(alpha, to: beta)
        write(stranger.pem, alpha.node, "ca.pem")
        try await meets("network_tls", "an authority that does not vouch for beta")
        write(authority.pem, alpha.node, "ca.pem")
        install(stranger.issue(for: .client), alpha.node, "client")
        try await meets("auth", "a client certificate of another authority")
        install(authority.issue(for: .client, days: -9 ... -1), alpha.node, "client")
        try await meets("auth", "a client certificate that has expired")
        install(authority.issue(for: .client), alpha.node, "client")
        alpha.node.setPeers([("beta", ["endpoint: https://127.0.0.2:\(beta.tls)", "ca: ca.pem"])])
        try await meets("network_refused", "an address where nobody listens")
        #expect(try await beta.node.events() == before)
        #expect(try await beta.node.stop() == .exited(0))
    }

    @Test func aCertificateIsExchangedWhileTheNodeRuns() async throws {
        let scratch = ScratchDirectory()
        let alpha = try await node("alpha", in: scratch, server: authority.issue(days: -1...5), client: authority.issue(for: .client))
        let beta = try await node("beta", in: scratch, server: authority.issue(), client: authority.issue(for: .client))
        join(beta, to: alpha)
        try await alpha.node.start()
        try await eventually("the end is told of; log:\n\(alpha.node.log)") {
            alpha.node.log.contains(" error the certificate ends soon ").orNil
        }
        try await beta.node.start()
        let note = try await alpha.node.put("# Before\n")
        try await eventually("it comes") { (try await beta.node.run("show", note).status == 0).orNil }
        // A chain and a key that do not fit each other, as while one is copied after the other: the old ones stay.
        let next = authority.issue(days: -1...400)
        write(next.certificate, alpha.node, "server.pem")
        try await eventually("the half is noticed; log:\n\(alpha.node.log)") {
            alpha.node.log.contains("what was read before stays").orNil
        }
        write(next.key, alpha.node, "server.key")
        try await eventually("the whole is taken; log:\n\(alpha.node.log)") {
            alpha.node.log.contains("keys and certificates were read again").orNil
        }
        #expect(try await alpha.node.status().at("tls", "key")?.string == "sha256:" + next.pin.hex)
        #expect(try await alpha.node.status().at("tls", "ends_within") == nil)
        let second = try await alpha.node.put("# After\n")
        try await eventually("it comes") { (try await beta.node.run("show", second).status == 0).orNil }
        #expect(try await alpha.node.stop() == .exited(0))
        #expect(try await beta.node.stop() == .exited(0))
    }

    @Test func aNodeWhoseCertificateCannotBeShownDoesNotStart() async throws {
        let scratch = ScratchDirectory()
        let alpha = try await node("alpha", in: scratch, server: authority.issue(days: -9 ... -1), client: authority.issue(for: .client))
        func refuses(_ words: String) async throws {
            let run = try await alpha.node.run("run")
            #expect(run.status == 3, "\(run.err)")
            #expect(run.err.contains(words), "\(run.err)")
        }
        try await refuses("the certificate has expired")
        install(authority.issue(days: 1...9), alpha.node, "server")
        try await refuses("does not hold yet")
        install(authority.issue(), alpha.node, "server")
        write(authority.issue().key, alpha.node, "server.key")
        try await refuses("is not its key")
        write(Array("no certificate\n".utf8), alpha.node, "server.pem")
        try await refuses("holds no certificate")
        install(authority.issue(), alpha.node, "server")
        chmod(alpha.node.directory + "/server.key", 0o644)
        try await refuses("chmod 600")
    }
}

