import FederationCore
import HostileKit
import Synchronization
import Testing

@testable import FederationHTTP

/// What the server makes of clients that misbehave, byte by byte.
@Suite struct HTTPServerTests {
    static func limits(_ change: (inout HTTPServerLimits) -> Void) -> HTTPServerLimits {
        var limits = HTTPServerLimits()
        change(&limits)
        return limits
    }

    /// All that the server says to a connection on which `text` is sent.
    static func conversation(_ server: HTTPServer, _ text: String) async -> String {
        await blocking {
            guard let socket = try? RawSocket(connectingTo: server.port) else { return "" }
            socket.send(text)
            return socket.receiveToEnd()
        }
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", RefusedRequests.Cause.malformed),
        ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", .malformed),
        ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", .malformed),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\nContent-Length: 0\r\n\r\n", .malformed),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 101\r\n\r\n", .tooLarge),
        ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n" + String(repeating: "x", count: 255) + "\r\n", .tooLarge),
        ("no HTTP at all\r\n\r\n", .unfinished), ("GET / HTTP/1.1\r\nHost: x\r\nX: \(String(repeating: "x", count: 40_000))\r\n\r\n", .unfinished),
        ("GET / HTTP/1.1\r\nHo", .slow), ("", .slow),
    ])
    func whatTheServerTurnsAwayByItselfIsCounted(_ text: String, _ cause: RefusedRequests.Cause) async throws {
        let limits = HTTPServerTests.limits {
            $0.bodyBytes = 100
            $0.receive = cause == .slow ? .seconds(2) : .seconds(30)
        }
        let counts = Mutex(RefusedRequests())
        let server = try HTTPServer(
            address: "127.0.0.1", port: 0, limits: limits, refused: { cause in counts.withLock { $0.count(cause) } },
            handler: RoundTripTests.echo)
        _ = await HTTPServerTests.conversation(server, text)
        #expect(await eventually { counts.withLock { $0[cause] } == 1 })
        #expect(counts.withLock { $0.total } == 1)
        // What goes well is not counted, whatever becomes of the connection.
        let good = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        #expect(await HTTPServerTests.conversation(server, good).hasPrefix("HTTP/1.1 200 "))
        await server.stop()
        #expect(counts.withLock { $0.total } == 1)
    }

    // MARK: Listening

    @Test func aPortInUseIsSaid() throws {
        let server = try HTTPServer(address: "127.0.0.1", port: 0, handler: RoundTripTests.echo)
        #expect(throws: HTTPServerFailure.addressInUse) {
            try HTTPServer(address: "127.0.0.1", port: server.port, handler: RoundTripTests.echo)
        }
    }

    @Test(arguments: ["localhost", "", "127.0.0.1.5", "127.0.0.1\0", "1.2.3", "::g", "[::1]"])
    func onlyNumericAddressesAreListenedOn(_ address: String) {
        #expect(throws: HTTPServerFailure.notAnAddress) {
            try HTTPServer(address: address, port: 0, handler: RoundTripTests.echo)
        }
    }

    @Test func anAddressOfAnotherMachineIsSaid() {
        #expect(throws: HTTPServerFailure.addressNotHere) {
            try HTTPServer(address: "192.0.2.1", port: 0, handler: RoundTripTests.echo)
        }
    }

    // MARK: Answers

    /// Whoever asks and does not read is given so much, and then nobody more before it has read or gone.
    @Test func answersThatNobodyReadsAreBounded() async throws {
        let page = [UInt8](repeating: 0x78, count: 8 << 20)
        let limits = HTTPServerTests.limits { $0.answerBytesHeld = 12 << 20 }
        let server = try HTTPServer(address: "127.0.0.1", port: 0, limits: limits) { request in
            HTTPResponse(status: 200, body: request.path == "/page" ? page : Array(page.prefix(1000)))
        }
        let ask = "GET /page HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        let idle = try RawSocket(connectingTo: server.port)
        // The answer is on its way.
        await blocking {
            idle.send(ask)
            _ = idle.receive()
        }
        #expect(await HTTPServerTests.conversation(server, ask).hasPrefix("HTTP/1.1 503 "))
        let small = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        #expect(await HTTPServerTests.conversation(server, small).hasPrefix("HTTP/1.1 200 "))
        idle.close()
        #expect(await eventually { server.liveExchanges == 0 })
        #expect(await HTTPServerTests.conversation(server, ask).utf8.count > page.count)
        await server.stop()
    }

    @Test func oneAddressHasHalfOfTheRoom() {
        var held = HeldAnswers(limit: 100)
        #expect(held.take(40, for: "a") && held.take(10, for: "a") && !held.take(1, for: "a"))
        #expect(held.take(0, for: "a") && held.take(50, for: "b") && !held.take(1, for: "c"))
        held.giveBack(10, of: "a")
        #expect(held.take(10, for: "c") && !held.take(1, for: "c"))
        held.giveBack(40, of: "a")
        held.giveBack(50, of: "b")
        held.giveBack(10, of: "c")
        #expect(held.take(1000, for: "d") && !held.take(1, for: "a"))
    }

    /// One that has more than all the room is given alone.
    @Test func anAnswerLargerThanTheRoomIsGiven() async throws {
        let limits = HTTPServerTests.limits { $0.answerBytesHeld = 1 << 20 }
        let server = try HTTPServer(address: "127.0.0.1", port: 0, limits: limits) { _ in
            HTTPResponse(status: 200, body: [UInt8](repeating: 0x78, count: 4 << 20))
        }
        for _ in 1...3 {
            let answer = await HTTPServerTests.conversation(server, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            #expect(answer.utf8.count > 4 << 20)
            #expect(await eventually { server.liveExchanges == 0 })
        }
        await server.stop()
    }

    // MARK: Bodies

    @Test func aDeclaredBodyPastTheLimitIsRefusedBeforeItsFirstByte() async throws {
        let asked = Count()
        let limits = HTTPServerTests.limits { $0.bodyBytes = 100 }
        let server = try HTTPServer(address: "127.0.0.1", port: 0, limits: limits) { _ in
            asked.raise()
            return HTTPResponse(status: 200)
        }
        for length in ["101", "18446744073709551615"] {
            let answer = await HTTPServerTests.conversation(
                server, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: \(length)\r\n\r\n")
            #expect(answer.hasPrefix("HTTP/1.1 413 "))
            #expect(answer.contains("Connection: close"))
            #expect(answer.hasSuffix(#"{"error":"body_too_large","limit":100}"#))
        }
        #expect(asked.value == 0)
        await server.stop()
    }

    @Test func askingToContinueDoesNotGetPastTheLimit() async throws {
        let limits = HTTPServerTests.limits { $0.bodyBytes = 100 }
        let server = try HTTPServer(address: "127.0.0.1", port: 0, limits: limits, handler: RoundTripTests.echo)
        let head = "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
        let declared = await HTTPServerTests.conversation(server, head + "Content-Length: 101\r\n\r\n")
        #expect(declared.hasPrefix("HTTP/1.1 413 "))
        #expect(!declared.contains("100 Continue"))
        let chunk = "65\r\n" + String(repeating: "x", count: 101) + "\r\n0\r\n\r\n"
        let counted = await HTTPServerTests.conversation(server, head + "Transfer-Encoding: chunked\r\n\r\n" + chunk)
        #expect(counted.hasPrefix("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 413 "))
        await server.stop()
    }

    @Test func anUndeclaredBodyIsCountedWhileItComes() async throws {
        let limits = HTTPServerTests.limits { $0.bodyBytes = 100 }
        let server = try HTTPServer(address: "127.0.0.1", port: 0, limits: limits, handler: RoundTripTests.echo)
        let head = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        let chunk = "0a\r\n0123456789\r\n"
        let whole = await HTTPServerTests.conversation(
            server, head + String(repeating: chunk, count: 11) + "0\r\n\r\n")
        #expect(whole.hasPrefix("HTTP/1.1 413 "))
        #expect(whole.contains("Connection: close"))
        // One that never ends is dropped: twice the limit is as far as it gets.
        let endless = await blocking { () -> String in
            guard let socket = try? RawSocket(connectingTo: server.port) else { return "?" }
            socket.send(head)
            while socket.send(chunk) {}
            return socket.receiveToEnd()
        }
        #expect(endless == "")
        #expect(await eventually { server.liveExchanges == 0 })
        await server.stop()
    }

    @Test func aBodyAtTheLimitIsTaken() async throws {
        let limits = HTTPServerTests.limits { $0.bodyBytes = 100 }
        let server = try HTTPServer(address: "127.0.0.1", port: 0, limits: limits, handler: RoundTripTests.echo)
        let answer = try await CurlClient().perform(
            HTTPRequest(.post, "/", body: [UInt8](repeating: 1, count: 100)),
            endpoint: "http://127.0.0.1:\(server.port)")
        #expect(answer.response.body.count == 100)
        await server.stop()
    }

    @Test func chunksAreJoined() async throws {
        let server = try HTTPServer(address: "127.0.0.1", port: 0, handler: RoundTripTests.echo)
        let answer = await HTTPServerTests.conversation(
            server,
            "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: Chunked\r\n\r\n"
                + "3;name=value\r\nabc\r\n1\r\nd\r\n0\r\nX-Trailer: 1\r\n\r\n")
        #expect(answer.hasSuffix("\r\n\r\nabcd"))
        await server.stop()
    }

    @Test func bodiesShareOneRoom() async throws {
        let limits = HTTPServerTests.limits {
            $0.bodyBytes = 1000
            $0.bodyBytesHeld = 1500
        }
        let server = try HTTPServer(address: "127.0.0.1", port: 0, limits: limits, handler: RoundTripTests.echo)
        let head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"
        let holder = await blocking { () -> RawSocket? in
            let socket = try? RawSocket(connectingTo: server.port)
            socket?.send(head + String(repeating: "x", count: 999))
            return socket
        }
        let body = String(repeating: "y", count: 1000)
        #expect(
            await eventually { await HTTPServerTests.conversation(server, head + body).hasPrefix("HTTP/1.1 503 ") })
        holder?.close()
        // Room that was lent comes back.
        let closing = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 1000\r\n\r\n"
        #expect(
            await eventually { await HTTPServerTests.conversation(server, closing + body).hasPrefix("HTTP/1.1 200 ") })
        await server.stop()
    }

    // MARK: Heads

    @Test func aHeadPastTheLimitIsRefused() async throws {
        let server = try HTTPServer(address: "127.0.0.1", port: 0, handler: RoundTripTests.echo)
        let long = String(repeating: "x", count: 70_000)
        for head in ["GET /\(long) HTTP/1.1\r\n", "GET / HTTP/1.1\r\nX: \(long)\r\n", "GET /?\(long) HTTP/1.1\r\n"] {
            let answer = await HTTPServerTests.conversation(server, head + "Host: x\r\n\r\n")
            #expect(answer.isEmpty || answer.hasPrefix("HTTP/1.1 4"))
        }
        #expect(await eventually { server.liveExchanges == 0 })
        await server.stop()
    }

    @Test(arguments: [
        "Host: a\r\nHost: a\r\n", "Host: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n",
        "Host: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n", "Host: a\r\nContent-Length: -1\r\n",
        "Host: a\r\nContent-Length: +1\r\n", "Host: a\r\nContent-Length: 1, 1\r\n", "",
        "Host: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    ])
    func aHeadWithTwoMeaningsIsRefused(_ fields: String) async throws {
        let server = try HTTPServer(address: "127.0.0.1", port: 0, handler: RoundTripTests.echo)
        let answer = await HTTPServerTests.conversation(
            server, "POST / HTTP/1.1\r\n\(fields)\r\nxGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 400 "))
        #expect(!answer.contains("200 OK"))
        await server.stop()
    }

    @Test func aTransferCodingThatIsNotKnownIsRefused() async throws {
        let server = try HTTPServer(address: "127.0.0.1", port: 0, handler: RoundTripTests.echo)
        let answer = await HTTPServerTests.conversation(
            server, "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 501 "))
        await server.stop()
    }

    @Test(arguments: ["OPTIONS", "PATCH", "BREW", "get", "\u{1}"])
    func anyMethodReachesTheHandler(_ method: String) async throws {
        let server = try HTTPServer(address: "127.0.0.1", port: 0) { request in
            HTTPResponse(status: 405, body: Array("[\(request.method)]".utf8))
        }
        let answer = await HTTPServerTests.conversation(
            server, "\(method) /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 405 "))
        #expect(answer.hasSuffix("[\(method)]"))
        await server.stop()
    }

    @Test func theAnswerToAHEADHasALengthButNoBody() async throws {
        let server = try HTTPServer(address: "127.0.0.1", port: 0) { _ in HTTPResponse(status: 200, body: [65, 66]) }
        let answer = await HTTPServerTests.conversation(
            server, "HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        #expect(answer.contains("Content-Length: 2\r\n"))
        #expect(answer.hasSuffix("\r\n\r\n"))
        await server.stop()
    }

    @Test(arguments: [
        "GET\r\n\r\n", "GET \r\n\r\n", "\r\n\r\n", "\0\0\0\r\n\r\n", " / \r\n\r\n",
        "GET /\0x HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\0: \0\r\n\r\n",
        "GET ?%%%00%zz=%ff&=&& HTTP/1.0\r\n\r\n",
        "GET /\u{ff} HTTP/1.0\r\nX: \u{1b}[31m\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ": : :\r\n: :\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        "\u{16}\u{3}\u{1}\0\u{1}",
    ])
    func nonsenseIsAnsweredOrDroppedAndTheServerGoesOn(_ text: String) async throws {
        let server = try HTTPServer(address: "127.0.0.1", port: 0, handler: RoundTripTests.echo)
        let client = CurlClient()
        for end in [0, text.utf8.count / 2] {
            await blocking {
                guard let socket = try? RawSocket(connectingTo: server.port) else { return }
                socket.send(Array(text.utf8.dropLast(end)))
                socket.endSending()
                _ = socket.receiveToEnd()
            }
        }
        let answer = try await client.perform(HTTPRequest(.get, "/"), endpoint: "http://127.0.0.1:\(server.port)")
        #expect(answer.response.status == 200)
        #expect(await eventually { server.liveExchanges == 0 })
        await server.stop()
    }

    @Test func requestsSentTogetherAreAnsweredInOrder() async throws {
        let server = try HTTPServer(address: "127.0.0.1", port: 0) { request in
            HTTPResponse(status: 200, body: Array("[\(request.path)]".utf8))
        }
        let answer = await HTTPServerTests.conversation(
            server,
            "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nok"
                + "GET /3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        let parts = answer.split(separator: "[").dropFirst().map { $0.prefix(2) }
        #expect(parts == ["/1", "/2", "/3"])
        await server.stop()
    }

    @Test func aClientThatEndsItsSideCountsAsGone() async throws {
        let gate = Gate(2)
        let server = try HTTPServer(address: "127.0.0.1", port: 0) { _ in
            await gate.wait()
            return HTTPResponse(status: 200, body: Array("answer".utf8))
        }
        let socket = try RawSocket(connectingTo: server.port)
        socket.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(await eventually { server.liveExchanges == 1 })
        socket.endSending()
        await gate.wait()
        #expect(await blocking { socket.receiveToEnd() } == "")
        #expect(await eventually { server.liveExchanges == 0 && server.openConnections == 0 })
        await server.stop()
    }

    // MARK: Targets

    @Test(arguments: [
        ("/a?b=c", "/a", "b=c"), ("/", "/", ""), ("/?", "/", ""), ("/a%20b?x=%41%zz%4&y", "/a%20b", "x=A%zz%4 y="),
        ("/?a=1&a=2&&=3", "/", "a=1 a=2 =3"), ("*", "*", ""), ("", "", ""), ("/?a=b=c?d", "/", "a=b=c?d"),
        ("/?%ff=%00+%2B", "/", "\u{FFFD}=\0 +"),
    ])
    func aTargetIsPathAndQuery(_ target: String, _ path: String, _ query: String) {
        let target = RequestTarget(Array(target.utf8))
        #expect(target.path == path)
        #expect(target.query.map { "\($0.name)=\($0.value)" }.joined(separator: " ") == query)
    }
}
