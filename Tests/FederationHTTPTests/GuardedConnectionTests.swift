import FederationCore
import Glibc
import Synchronization
import Testing

@testable import FederationHTTP

/// The connection is made to the address that was looked at, whatever its name says a moment later.
@Suite struct GuardedConnectionTests {
    /// Answers on every address of this machine, and counts.
    private final class Everywhere: Sendable {
        private final class Counter: Sendable { let answers = Atomic(0) }
        private let counter = Counter()
        let server: HTTPServer

        init() throws {
            server = try HTTPServer(address: "0.0.0.0", port: 0) { [counter] _ in
                counter.answers.add(1, ordering: .relaxed)
                return HTTPResponse(status: 204)
            }
        }

        var answered: Int { counter.answers.load(ordering: .relaxed) }
        var port: UInt16 { server.port }
    }

    private func ask(
        _ client: CurlClient, _ host: String, _ port: UInt16, allowed: [String]?, resolved: String? = nil
    ) async -> Result<HTTPResponse, TransportFailure> {
        var credentials = ChannelCredentials()
        credentials.addresses = allowed.map { AddressGuard(allowed: $0.compactMap { AddressRange($0) }) }
        credentials.resolved = resolved.map { ["\(host):\(port):\($0)"] } ?? []
        do throws(TransportFailure) {
            let request = HTTPRequest(.get, "/", deadline: .seconds(60))
            return .success(try await client.perform(request, endpoint: "http://\(host):\(port)", credentials: credentials).response)
        } catch {
            return .failure(error)
        }
    }

    @Test func loopbackIsNoPlaceToBeSentTo() async throws {
        let server = try Everywhere()
        let client = CurlClient()
        for host in ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"] {
            #expect(await ask(client, host, server.port, allowed: []) == .failure(.forbiddenAddress(.loopback)), "\(host)")
        }
        #expect(server.answered == 0)
        #expect((try? await ask(client, "127.0.0.1", server.port, allowed: ["127.0.0.0/8"]).get())?.status == 204)
        await server.server.stop()
    }

    /// The name leads elsewhere at the second question, as a hostile name server would have it.
    @Test func aNameThatChangesItsMindLeadsNowhere() async throws {
        let server = try Everywhere()
        let client = CurlClient()
        let name = "rebind.example.org"
        func asked(_ address: String, _ allowed: [String]?) async -> Result<HTTPResponse, TransportFailure> {
            await ask(client, name, server.port, allowed: allowed, resolved: address)
        }
        #expect((try? await asked("127.0.0.1", ["127.0.0.1"]).get())?.status == 204)
        #expect(server.answered == 1)
        #expect(await asked("127.0.0.2", ["127.0.0.1"]) == .failure(.forbiddenAddress(.loopback)))
        #expect(await asked("169.254.169.254", ["127.0.0.1"]) == .failure(.forbiddenAddress(.metadata)))
        #expect(await asked("[::1]", ["127.0.0.1"]) == .failure(.forbiddenAddress(.loopback)))
        #expect(server.answered == 1)
        // It would have been answered: what kept us away is the guard.
        #expect((try? await asked("127.0.0.2", nil).get())?.status == 204)
        await server.server.stop()
    }

    /// Of several addresses one that may be is used.
    @Test func amongSeveralTheOneThatMayBeIsAsked() async throws {
        let server = try Everywhere()
        let client = CurlClient()
        let answer = await ask(
            client, "two.example.org", server.port, allowed: ["127.0.0.2"], resolved: "127.0.0.1,127.0.0.2")
        #expect((try? answer.get())?.status == 204)
        await server.server.stop()
    }

    /// What was opened for somebody who may go there is not lent to one who may not.
    @Test func anOpenConnectionIsNotLent() async throws {
        let server = try Everywhere()
        let client = CurlClient()
        #expect((try? await ask(client, "127.0.0.1", server.port, allowed: nil).get())?.status == 204)
        #expect(await ask(client, "127.0.0.1", server.port, allowed: []) == .failure(.forbiddenAddress(.loopback)))
        #expect(server.answered == 1)
        await server.server.stop()
    }

    @Test func aRedirectIsAnAnswerAndNoWayOn() async throws {
        let server = try HTTPServer(address: "127.0.0.1", port: 0) { _ in
            HTTPResponse(status: 302, fields: ["Location": "http://169.254.169.254/"])
        }
        let client = CurlClient()
        #expect((try? await ask(client, "127.0.0.1", server.port, allowed: ["127.0.0.1"]).get())?.status == 302)
        await server.stop()
    }
}
