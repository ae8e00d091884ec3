import FederationCore
import Synchronization
import Testing

@testable import FederationHTTP

/// The client and the server, talking to each other.
@Suite struct RoundTripTests {
    /// Answers with what it was asked.
    @Sendable static func echo(_ request: ServedRequest) async -> HTTPResponse {
        var fields: HTTPFields = [
            "X-Method": request.method, "X-Path": request.path, "X-Remote": request.remoteAddress,
            "X-Query": request.query.map { "\($0.name)=\($0.value)" }.joined(separator: ";"),
        ]
        fields["X-Type"] = request.fields["content-type"]
        return HTTPResponse(status: 200, fields: fields, body: request.body)
    }

    @Test func aGetCarriesPathQueryAndAddress() async throws {
        let server = try HTTPServer(address: "127.0.0.1", port: 0, handler: RoundTripTests.echo)
        let client = CurlClient()
        let answer = try await client.perform(
            HTTPRequest(.get, "/a%2Fb/c?x=1&y=%C3%A9+z&flag&x=%zz"), endpoint: "http://127.0.0.1:\(server.port)")
        #expect(answer.peerAddress == "127.0.0.1")
        #expect(answer.response.status == 200)
        #expect(answer.response.fields["x-method"] == "GET")
        #expect(answer.response.fields["x-path"] == "/a%2Fb/c")
        #expect(answer.response.fields["x-query"] == "x=1;y=é z;flag=;x=%zz")
        #expect(answer.response.fields["x-remote"] == "127.0.0.1")
        #expect(answer.response.fields["content-length"] == "0")
        #expect(answer.response.fields["connection"]?.lowercased() == "keep-alive")
        #expect(answer.response.fields["access-control-allow-origin"] == nil)
        await server.stop()
    }

    /// What a node answers with depends on its port, so the socket listens before the server is made.
    @Test func whoComesBeforeTheServerIsServedByIt() async throws {
        let socket = try ListeningSocket(address: "127.0.0.1", port: 0)
        let port = socket.port
        async let answer = CurlClient().perform(HTTPRequest(.get, "/early"), endpoint: "http://127.0.0.1:\(port)")
        try await Task.sleep(for: .milliseconds(50))
        let server = try HTTPServer(on: socket) { _ in HTTPResponse(status: 200, body: Array("at \(port)".utf8)) }
        #expect(server.port == port)
        #expect(try await answer.response.body == Array("at \(port)".utf8))
        await server.stop()
    }

    @Test(arguments: [HTTPRequest.Method.get, .post, .put, .delete])
    func everyMethodCarriesItsBody(_ method: HTTPRequest.Method) async throws {
        let server = try HTTPServer(address: "127.0.0.1", port: 0, handler: RoundTripTests.echo)
        let client = CurlClient()
        let body = Array("with a \0 inside".utf8)
        let answer = try await client.perform(
            HTTPRequest(method, "/", fields: ["Content-Type": "text/plain"], body: body),
            endpoint: "http://127.0.0.1:\(server.port)/")
        #expect(answer.response.fields["x-method"] == method.rawValue)
        #expect(answer.response.fields["x-type"] == "text/plain")
        #expect(answer.response.body == body)
        await server.stop()
    }

    @Test func aPostWithoutABodyHasNoTypeAndComesAtOnce() async throws {
        let server = try HTTPServer(address: "127.0.0.1", port: 0, handler: RoundTripTests.echo)
        let answer = try await CurlClient().perform(
            HTTPRequest(.post, "/"), endpoint: "http://127.0.0.1:\(server.port)")
        #expect(answer.response.fields["x-method"] == "POST")
        #expect(answer.response.fields["x-type"] == nil)
        await server.stop()
    }

    @Test func anEndpointMayHaveAPathPrefix() async throws {
        let server = try HTTPServer(address: "127.0.0.1", port: 0, handler: RoundTripTests.echo)
        let answer = try await CurlClient().perform(
            HTTPRequest(.get, "/x/../y"), endpoint: "http://127.0.0.1:\(server.port)/prefix//")
        #expect(answer.response.fields["x-path"] == "/prefix/x/../y")
        await server.stop()
    }

    @Test func itListensOnIPv6() async throws {
        let server = try HTTPServer(address: "::1", port: 0, handler: RoundTripTests.echo)
        let answer = try await CurlClient().perform(HTTPRequest(.get, "/"), endpoint: "http://[::1]:\(server.port)")
        #expect(answer.peerAddress == "::1")
        #expect(answer.response.fields["x-remote"] == "::1")
        await server.stop()
    }

    @Test func bigBodiesSurviveInBothDirections() async throws {
        var limits = HTTPServerLimits()
        limits.bodyBytes = 16 << 20
        let server = try HTTPServer(address: "127.0.0.1", port: 0, limits: limits, handler: RoundTripTests.echo)
        let body = Array(repeating: (0...250).map { UInt8($0) }, count: 40_000).flatMap { $0 }
        let answer = try await CurlClient().perform(
            HTTPRequest(.post, "/", body: body), endpoint: "http://127.0.0.1:\(server.port)")
        #expect(answer.response.body == body)
        await server.stop()
    }

    @Test func oneConnectionServesManyRequests() async throws {
        let server = try HTTPServer(address: "127.0.0.1", port: 0, handler: RoundTripTests.echo)
        let client = CurlClient()
        for index in 0..<50 {
            let answer = try await client.perform(
                HTTPRequest(index % 2 == 0 ? .get : .post, "/\(index)", body: index % 2 == 0 ? [] : [1, 2, 3]),
                endpoint: "http://127.0.0.1:\(server.port)")
            #expect(answer.response.fields["x-path"] == "/\(index)")
            #expect(server.openConnections == 1)
        }
        await server.stop()
    }

    @Test func twoHundredRequestsAtOnceAreAllAnswered() async throws {
        var limits = HTTPServerLimits()
        limits.connectionsPerAddress = 300
        let gate = Gate(200)
        let server = try HTTPServer(address: "127.0.0.1", port: 0, limits: limits) { request in
            await gate.wait()
            return await RoundTripTests.echo(request)
        }
        let client = CurlClient()
        let paths = try await withThrowingTaskGroup(of: String?.self) { group in
            for index in 0..<200 {
                group.addTask {
                    try await client.perform(
                        HTTPRequest(.post, "/\(index)", body: [UInt8](repeating: 7, count: 5000)),
                        endpoint: "http://127.0.0.1:\(server.port)"
                    ).response.fields["x-path"]
                }
            }
            return try await group.reduce(into: Set<String?>()) { $0.insert($1) }
        }
        #expect(paths.count == 200)
        #expect(await eventually { server.liveExchanges == 0 })
        await server.stop()
    }

    @Test func anAnswerCannotWriteFieldsOfItsOwn() async throws {
        let server = try HTTPServer(address: "127.0.0.1", port: 0) { _ in
            HTTPResponse(
                status: 200,
                fields: [
                    "X-Good": "a\tb", "X-Evil": "1\r\nX-Injected: 1", "X Evil": "2", "X-Evil:": "3", "": "4",
                    "X-Nul": "a\0b", "Content-Length": "3", "Transfer-Encoding": "chunked", "Connection": "close",
                ], body: [1, 2])
        }
        let answer = try await CurlClient().perform(
            HTTPRequest(.get, "/"), endpoint: "http://127.0.0.1:\(server.port)")
        let names = Set(answer.response.fields.fields.map { $0.name.lowercased() })
        #expect(names == ["x-good", "content-length", "connection", "date"])
        #expect(answer.response.fields["content-length"] == "2")
        #expect(answer.response.body == [1, 2])
        await server.stop()
    }

    @Test(arguments: [0, 42, 101, 199, 600, -1, .max, .min])
    func aStatusThatIsNoneBecomes500(_ status: Int) async throws {
        let server = try HTTPServer(address: "127.0.0.1", port: 0) { _ in HTTPResponse(status: status) }
        let answer = try await CurlClient().perform(
            HTTPRequest(.get, "/"), endpoint: "http://127.0.0.1:\(server.port)")
        #expect(answer.response.status == 500)
        await server.stop()
    }
}

/// Holds everyone until `count` have come.
actor Gate {
    private let count: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(_ count: Int) { self.count = count }

    func wait() async {
        if waiting.count + 1 >= count {
            for continuation in waiting { continuation.resume() }
            waiting = []
        } else {
            await withCheckedContinuation { waiting.append($0) }
        }
    }
}
