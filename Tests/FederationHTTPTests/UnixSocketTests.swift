import FederationCore
import FederationHTTP
import Glibc
import Testing

struct UnixSocketTests {
    @Test func aRequestGoesThroughASocketThatOnlyItsOwnerMayUse() async throws {
        let path = "/tmp/federation-\(getpid())-\(UInt64.random(in: 0...UInt64.max)).sock"
        defer { unlink(path) }
        let server = try HTTPServer(unixSocket: path) { request in
            HTTPResponse(status: 200, body: Array("\(request.path) \(request.remoteAddress)|".utf8) + request.body)
        }
        var status = stat()
        #expect(stat(path, &status) == 0)
        #expect(status.st_mode & 0o777 == 0o600)
        let client = CurlClient()
        let answer = try await client.perform(HTTPRequest(.post, "/x", body: Array("hello".utf8)), unixSocket: path)
        #expect(String(decoding: answer.body, as: UTF8.self) == "/x |hello")
        client.close()
        await server.stop()
    }

    @Test func nobodyListeningIsRefused() async {
        let client = CurlClient()
        await #expect(throws: TransportFailure.refused) {
            try await client.perform(HTTPRequest(.get, "/"), unixSocket: "/tmp/federation-nobody-listens.sock")
        }
        client.close()
    }
}
