import FederationCore
import FederationCrypto
import FederationTestKit
import Glibc
import HostileKit
import Testing

@testable import FederationHTTP

/// The client and the server over TLS, with certificates made here.
@Suite struct TLSTests {
    /// A directory of its own for each test, gone with it.
    final class Files {
        let path: String
        init() {
            var template = Array("/tmp/federation-tls-XXXXXX\0".utf8CString.dropLast())
            path = template.withUnsafeMutableBufferPointer { String(cString: mkdtemp($0.baseAddress!)) }
        }
        deinit {
            for name in written { unlink(name) }
            rmdir(path)
        }
        private var written: Set<String> = []

        func write(_ name: String, _ bytes: [UInt8]) throws -> String {
            let file = path + "/" + name
            let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
            try #require(descriptor >= 0)
            defer { close(descriptor) }
            try #require(Glibc.write(descriptor, bytes, bytes.count) == bytes.count)
            written.insert(file)
            return file
        }
    }

    let files = Files()
    let authority = TestAuthority()

    @Sendable static func whoIsThere(_ request: ServedRequest) async -> HTTPResponse {
        let who =
            switch request.channel {
            case .plain: "plain"
            case .tls(nil): "nobody"
            case .tls(let client?): (client.isVouchedFor ? "known " : "unknown ") + client.key.hex
            }
        return HTTPResponse(status: 200, fields: ["X-Who": who], body: request.body)
    }

    private func serve(
        _ issued: TestAuthority.Issued, asksClients: Bool = false, authority: ClientAuthority? = nil
    ) throws -> (server: HTTPServer, tls: ServerTLS) {
        let certificate = try ServerCertificate(pem: issued.certificate, key: issued.key)
        let tls = ServerTLS(certificate, asksClients: asksClients, authority: authority)
        return (try HTTPServer(address: "127.0.0.1", port: 0, tls: tls, handler: TLSTests.whoIsThere), tls)
    }

    private func credentials(_ authority: TestAuthority? = nil) throws -> ChannelCredentials {
        var credentials = ChannelCredentials()
        credentials.authority = try files.write("ca.pem", (authority ?? self.authority).pem)
        return credentials
    }

    private func ask(
        _ server: HTTPServer, _ credentials: ChannelCredentials, host: String = "127.0.0.1",
        by client: CurlClient = CurlClient()
    ) async throws(TransportFailure) -> HTTPResponse {
        let body = [UInt8](repeating: 7, count: 100_000)
        let answer = try await client.perform(
            HTTPRequest(.post, "/x", body: body), endpoint: "https://\(host):\(server.port)", credentials: credentials)
        return answer.response
    }

    @Test func aCertificateThatItsAuthorityVouchesForIsBelieved() async throws {
        let (server, _) = try serve(authority.issue())
        let answer = try await ask(server, credentials())
        #expect(answer.fields["X-Who"] == "nobody")
        #expect(answer.body.count == 100_000)
        await server.stop()
    }

    @Test func everyOtherIsATLSFailure() async throws {
        let stranger = TestAuthority(name: "another authority")
        for (issued, host) in [
            (stranger.issue(), "127.0.0.1"), (authority.issue(["DNS:other.example"]), "127.0.0.1"),
            (authority.issue(days: -10 ... -1), "127.0.0.1"), (authority.issue(days: 1...10), "127.0.0.1"),
            (authority.issue(["IP:127.0.0.1"]), "localhost"), (authority.issue(for: .client), "127.0.0.1"),
        ] {
            let (server, _) = try serve(issued)
            await #expect(throws: TransportFailure.tls) { try await ask(server, credentials(), host: host) }
            await server.stop()
        }
        // Without an authority of its own, the system's are asked.
        let (server, _) = try serve(authority.issue())
        await #expect(throws: TransportFailure.tls) { try await ask(server, ChannelCredentials()) }
        await server.stop()
    }

    @Test func aPinIsInsistedOn() async throws {
        let issued = authority.issue()
        let (server, _) = try serve(issued)
        var pinned = try credentials()
        pinned.pin = issued.pin
        #expect(try await ask(server, pinned).status == 200)
        pinned.pin = authority.issue().pin
        let swapped = pinned
        await #expect(throws: TransportFailure.tls) { try await ask(server, swapped) }
        await server.stop()
    }

    @Test func plainHTTPOnATLSPortAndTLSOnAPlainOneFail() async throws {
        let (server, _) = try serve(authority.issue())
        let port = server.port
        await #expect(throws: (any Error).self) {
            try await CurlClient().perform(HTTPRequest(.get, "/"), endpoint: "http://127.0.0.1:\(port)")
        }
        await server.stop()
        let plain = try HTTPServer(address: "127.0.0.1", port: 0, handler: TLSTests.whoIsThere)
        await #expect(throws: TransportFailure.tls) { try await ask(plain, credentials()) }
        await plain.stop()
    }

    @Test func aNewCertificateIsShownToNewConnectionsAndOldOnesGoOn() async throws {
        let (server, tls) = try serve(authority.issue())
        let held = CurlClient()
        let credentials = try credentials()
        #expect(try await ask(server, credentials, by: held).status == 200)
        let other = authority.issue()
        tls.certificate = try ServerCertificate(pem: other.certificate, key: other.key)
        var pinned = credentials
        pinned.pin = other.pin
        #expect(try await ask(server, pinned).status == 200)
        #expect(try await ask(server, credentials, by: held).status == 200)
        #expect(server.openConnections >= 1)
        await server.stop()
    }

    @Test func aClientsCertificateIsJudgedByTheAuthorityOfTheMoment() async throws {
        let clients = TestAuthority(name: "clients")
        let ours = clients.issue(["DNS:beta"], for: .client)
        let (server, tls) = try serve(
            authority.issue(), asksClients: true, authority: try ClientAuthority(pem: clients.pem))
        let client = CurlClient()
        let nobody = try credentials()
        #expect(try await ask(server, nobody, by: client).fields["X-Who"] == "nobody")
        var shown = nobody
        shown.certificate = (try files.write("client.pem", ours.certificate), try files.write("client.key", ours.key))
        #expect(try await ask(server, shown, by: client).fields["X-Who"] == "known " + ours.pin.hex)
        // Connections that are open are judged anew.
        tls.authority = try ClientAuthority(pem: TestAuthority(name: "nobody's").pem)
        #expect(try await ask(server, shown, by: client).fields["X-Who"] == "unknown " + ours.pin.hex)
        tls.authority = try ClientAuthority(pem: clients.pem)
        for wrong in [clients.issue(for: .server), clients.issue(for: .client, days: -9 ... -1), authority.issue(for: .client)] {
            var bad = nobody
            bad.certificate = (try files.write("bad.pem", wrong.certificate), try files.write("bad.key", wrong.key))
            #expect(try await ask(server, bad).fields["X-Who"] == "unknown " + wrong.pin.hex)
        }
        await server.stop()
    }

    @Test func aChangedAuthorityFileIsReadAgain() async throws {
        let (server, _) = try serve(authority.issue())
        var credentials = try credentials(TestAuthority())
        let client = CurlClient()
        let stranger = credentials
        await #expect(throws: TransportFailure.tls) { try await ask(server, stranger, by: client) }
        credentials.authority = try files.write("ca.pem", authority.pem)
        #expect(try await ask(server, credentials, by: client).status == 200)
        await server.stop()
    }

    @Test func aBearerGoesWithEveryRequestAndIsNeverShown() async throws {
        let server = try HTTPServer(address: "127.0.0.1", port: 0) { request in
            HTTPResponse(status: 200, fields: ["X-Seen": request.fields["Authorization"] ?? "none"])
        }
        var key = Array("ring-secret".utf8)
        var credentials = ChannelCredentials()
        credentials.bearer = Secret(taking: &key)
        #expect(key.allSatisfy { $0 == 0 })
        let answer = try await CurlClient().perform(
            HTTPRequest(.delete, "/mcp"), endpoint: "http://127.0.0.1:\(server.port)", credentials: credentials)
        #expect(answer.response.fields["X-Seen"] == "Bearer ring-secret")
        #expect(!"\(credentials) \(String(reflecting: credentials))".contains("ring-secret"))
        await server.stop()
    }

    /// What a server says to a ClientHello that knows no version above `version`: a record's type, or nothing.
    private func answer(of server: HTTPServer, toVersion version: UInt8) throws -> UInt8? {
        let socket = try RawSocket(connectingTo: server.port)
        // ECDHE with ECDSA, P-256, SHA-256 (RFC 5246, 7.4.1; RFC 8422, 5.1).
        let extensions: [UInt8] = [0, 10, 0, 4, 0, 2, 0, 23, 0, 13, 0, 4, 0, 2, 4, 3]
        var hello: [UInt8] = [3, version] + [UInt8](repeating: 1, count: 32) + [0, 0, 4, 0xC0, 0x2B, 0xC0, 0x09, 1, 0]
        hello += [0, UInt8(extensions.count)] + extensions
        hello = [1, 0, 0, UInt8(hello.count)] + hello
        socket.send([0x16, 3, 1, 0, UInt8(hello.count)] + hello)
        return socket.receive().first
    }

    @Test func oldVersionsOfTLSAreRefused() async throws {
        let (server, _) = try serve(authority.issue())
        // A handshake record: the ServerHello (RFC 5246, 6.2.1).
        #expect(try answer(of: server, toVersion: 3) == 0x16)
        #expect(try answer(of: server, toVersion: 2) != 0x16)
        #expect(try answer(of: server, toVersion: 1) != 0x16)
        await server.stop()
    }
}
