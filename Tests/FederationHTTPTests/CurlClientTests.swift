import FederationCore
import Glibc
import HostileKit
import Testing

@testable import FederationHTTP

/// What the client makes of servers that misbehave, and of a network that is not there.
@Suite struct CurlClientTests {
    let client = CurlClient()

    /// What became of a request: its status, or why it has none.
    enum Outcome: Equatable {
        case status(Int)
        case failure(TransportFailure)
    }

    func outcome(_ request: HTTPRequest, at endpoint: String) async -> Outcome {
        do throws(TransportFailure) {
            return .status(try await client.perform(request, endpoint: endpoint).response.status)
        } catch {
            return .failure(error)
        }
    }

    /// What becomes of a request to a server that reads it and then says `answer` and ends.
    func outcome(of answer: String, _ request: HTTPRequest = HTTPRequest(.get, "/")) async -> Outcome {
        let server = ScriptedServer { socket in
            _ = socket.receive(until: "\r\n\r\n")
            socket.send(answer)
            socket.endSending()
            _ = socket.receiveToEnd()
        }
        return await outcome(request, at: server.endpoint)
    }

    // MARK: Nobody there

    @Test func aPortWithoutAListenerIsRefused() async {
        #expect(await outcome(HTTPRequest(.get, "/"), at: "http://127.0.0.1:1") == .failure(.refused))
    }

    @Test func aNameWithoutAnAddressIsAFailureOfNameResolution() async {
        #expect(
            await outcome(HTTPRequest(.get, "/"), at: "http://nonexistent.invalid") == .failure(.nameResolution))
    }

    @Test func anAddressOutsideEveryRouteIsRefused() async {
        // 240.0.0.0/4 is reserved: the kernel answers "invalid argument" or "unreachable" at once, or drops it.
        let request = HTTPRequest(.get, "/", deadline: .milliseconds(300))
        let outcome = await outcome(request, at: "http://[100::1]:9")
        #expect([.failure(.refused), .failure(.timeout)].contains(outcome))
    }

    // MARK: Too late

    @Test func aServerThatNeverAnswersRunsIntoTheDeadline() async {
        let server = ScriptedServer { _ = $0.receiveToEnd() }
        let begin = ContinuousClock.now
        let request = HTTPRequest(.get, "/", deadline: .milliseconds(100))
        #expect(await outcome(request, at: server.endpoint) == .failure(.timeout))
        #expect(ContinuousClock.now - begin >= .milliseconds(100))
    }

    @Test func aServerThatTricklesRunsIntoTheDeadlineToo() async {
        let server = ScriptedServer { socket in
            _ = socket.receive(until: "\r\n\r\n")
            socket.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            while socket.send("x") { usleep(1000) }
        }
        let request = HTTPRequest(.get, "/", deadline: .milliseconds(150))
        #expect(await outcome(request, at: server.endpoint) == .failure(.timeout))
    }

    @Test(arguments: [Duration.zero, .seconds(-5), .nanoseconds(1)])
    func noTimeAtAllIsATimeout(_ deadline: Duration) async {
        let server = ScriptedServer { _ = $0.receiveToEnd() }
        #expect(
            await outcome(HTTPRequest(.get, "/", deadline: deadline), at: server.endpoint) == .failure(.timeout))
    }

    @Test func aDeadlineOfAgesIsNoTrap() async {
        let request = HTTPRequest(.get, "/", deadline: Duration(secondsComponent: .max, attosecondsComponent: 0))
        #expect(await outcome(request, at: "http://127.0.0.1:1") == .failure(.refused))
    }

    // MARK: Cut off

    @Test func aResetConnectionIsToldAsAReset() async {
        let server = ScriptedServer { socket in
            _ = socket.receive(until: "\r\n\r\n")
            socket.reset()
        }
        #expect(await outcome(HTTPRequest(.get, "/"), at: server.endpoint) == .failure(.reset))
    }

    @Test func aResetAmidTheBodyIsToldAsAReset() async {
        let server = ScriptedServer { socket in
            _ = socket.receive(until: "\r\n\r\n")
            socket.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
            socket.reset()
        }
        #expect(await outcome(HTTPRequest(.get, "/"), at: server.endpoint) == .failure(.reset))
    }

    @Test func aResetIsNotRememberedByLaterTransfers() async {
        await aResetConnectionIsToldAsAReset()
        let chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot hex\r\n"
        #expect(await outcome(of: chunk) == .failure(.malformedAnswer))
    }

    @Test(arguments: [
        "", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n", "HTTP/1.1 200 OK\r\nX: y\r\n",
        "HTTP/1.1 200 OK\r\nX: y", "HTTP/1.1 200", "HTTP/1.1 100 Continue\r\n\r\n",
    ])
    func anAnswerThatEndsEarlyIsAnEndOfFile(_ answer: String) async {
        #expect(await outcome(of: answer) == .failure(.endOfFile))
    }

    // MARK: Not HTTP

    @Test(arguments: [
        "SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: minus one\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "HTTP/1.1 abc OK\r\n\r\n", "\0\0\0\0\0\0\r\n",
        "HTTP/7.3 200 OK\r\nContent-Length: 1\r\n\r\nx", "<html>a web page without a header</html>",
    ])
    func anAnswerThatIsNotHTTPIsMalformed(_ answer: String) async {
        #expect(await outcome(of: answer) == .failure(.malformedAnswer))
    }

    @Test func aTLSGreetingToAPlainPortFailsAsTLS() async {
        let server = ScriptedServer { socket in
            _ = socket.receive()
            socket.send("HTTP/1.1 400 Bad Request\r\n\r\n")
            _ = socket.receiveToEnd()
        }
        #expect(
            await outcome(HTTPRequest(.get, "/"), at: "https://127.0.0.1:\(server.port)") == .failure(.tls))
    }

    // MARK: Too much

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n" + String(repeating: "x", count: 101),
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + String(repeating: "x", count: 101),
    ])
    func aBodyPastTheLimitIsCutOff(_ answer: String) async {
        let request = HTTPRequest(.get, "/", maxAnswerBytes: 100)
        #expect(await outcome(of: answer, request) == .failure(.answerTooLarge(limit: 100)))
    }

    @Test(arguments: [0, 100])
    func aBodyAtTheLimitIsNot(_ count: Int) async {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: \(count)\r\n\r\n" + String(repeating: "x", count: count)
        #expect(await outcome(of: answer, HTTPRequest(.get, "/", maxAnswerBytes: count)) == .status(200))
    }

    @Test func aLimitOfNothingRefusesOneByte() async {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx"
        let request = HTTPRequest(.get, "/", maxAnswerBytes: 0)
        #expect(await outcome(of: answer, request) == .failure(.answerTooLarge(limit: 0)))
    }

    @Test(arguments: ["X-Many: 1234567890\r\n", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"])
    func aHeaderSectionWithoutEndIsCutOff(_ line: String) async {
        let server = ScriptedServer { socket in
            _ = socket.receive(until: "\r\n\r\n")
            socket.send("HTTP/1.1 200 OK\r\n")
            while socket.send(line) {}
        }
        let outcome = await outcome(HTTPRequest(.get, "/"), at: server.endpoint)
        #expect(
            [.failure(.answerTooLarge(limit: Limits.answerHeaderBytes)), .failure(.malformedAnswer)]
                .contains(outcome))
    }

    // MARK: What is read

    @Test func interimAnswersAndTrailersAreNotTheAnswer() async throws {
        let server = ScriptedServer { socket in
            _ = socket.receive(until: "\r\n\r\n")
            socket.send("HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\nHTTP/1.1 201 Created\r\nX-Real:  a: b \t\r\n")
            socket.send("X-Real: 2\r\nX-Empty:\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Late: 1\r\n\r\n")
        }
        let response = try await client.perform(HTTPRequest(.get, "/"), endpoint: server.endpoint).response
        #expect(response.status == 201)
        #expect(response.fields["x-real"] == "a: b")
        #expect(response.fields.count(of: "X-Real") == 2)
        #expect(response.fields["x-empty"] == "")
        #expect(response.fields["x-early"] == nil)
        #expect(response.fields["x-late"] == nil)
        #expect(response.body == Array("ok".utf8))
    }

    @Test func aRedirectIsAnAnswerAndNotFollowed() async {
        let answer = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
        #expect(await outcome(of: answer) == .status(302))
    }

    // MARK: What is sent

    @Test func aRequestIsSentAsItWasDescribed() async {
        let (requests, told) = AsyncStream.makeStream(of: String.self)
        let server = ScriptedServer { socket in
            told.yield(socket.receive(until: "\r\n\r\n0123456789"))
            socket.send("HTTP/1.1 204 No Content\r\n\r\n")
        }
        let fields: HTTPFields = [
            "X-One": "1", "X-Empty": "", "Accept": "application/json", "Content-Length": "3", "Expect": "100-continue",
            "Transfer-Encoding": "chunked", "Connection": "upgrade",
        ]
        let request = HTTPRequest(.post, "/p?q=%20#", fields: fields, body: Array("0123456789".utf8))
        #expect(await outcome(request, at: server.endpoint) == .status(204))
        var heard = requests.makeAsyncIterator()
        let lines = await heard.next()?.split(separator: "\r\n").map { String($0) } ?? []
        #expect(lines.first?.hasPrefix("POST /p?q=%20") == true)
        #expect(
            Set(lines.dropFirst()) == [
                "Host: 127.0.0.1:\(server.port)", "X-One: 1", "X-Empty:", "Accept: application/json",
                "Content-Length: 10", "0123456789",
            ])
    }

    @Test(arguments: [
        ("X", "a\r\nX-Injected: 1"), ("X", "a\nb"), ("X", "a\0b"), ("X\r\nY", "1"), ("X Y", "1"),
        ("X:", "1"), ("", "1"),
    ])
    func aFieldThatWouldEndItsLineIsNotSent(_ name: String, _ value: String) async {
        var fields: HTTPFields = [:]
        fields.append(name, value)
        let server = ScriptedServer { _ in }
        let outcome = await outcome(HTTPRequest(.get, "/", fields: fields), at: server.endpoint)
        #expect(outcome == .failure(.other(code: 43)))
        #expect(server.connections == 0)
    }

    @Test(arguments: ["", "x", "/a b", "/a\r\nX: 1", "/a\0", "?x"])
    func aTargetThatIsNoneIsNotSent(_ target: String) async {
        let server = ScriptedServer { _ in }
        #expect(await outcome(HTTPRequest(.get, target), at: server.endpoint) == .failure(.other(code: 3)))
        #expect(server.connections == 0)
    }

    @Test(arguments: [
        "ftp://127.0.0.1", "file:///etc", "gopher://127.0.0.1", "http://user:word@127.0.0.1:1", "", "http://",
        "https:///", "127.0.0.1",
    ])
    func onlyPlainHTTPAddressesAreUsed(_ endpoint: String) async {
        let outcome = await outcome(HTTPRequest(.get, "/passwd"), at: endpoint)
        // 67: a name in the URL, which libcurl itself refuses.
        #expect(outcome == .failure(.other(code: endpoint.contains("@") ? 67 : 3)))
    }

    @Test func theProxyOfTheEnvironmentIsNotUsed() async {
        await #expect(processExitsWith: .success) {
            setenv("http_proxy", "http://127.0.0.1:1", 1)
            setenv("all_proxy", "http://127.0.0.1:1", 1)
            let server = ScriptedServer { socket in
                _ = socket.receive(until: "\r\n\r\n")
                socket.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            }
            let answer = try await CurlClient().perform(HTTPRequest(.get, "/"), endpoint: server.endpoint)
            #expect(answer.response.status == 200)
        }
    }

    @Test func aConnectionThatTheServerClosedIsReplaced() async {
        let server = ScriptedServer { socket in
            _ = socket.receive(until: "\r\n\r\n")
            socket.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            socket.close()
        }
        for _ in 0..<20 { #expect(await outcome(HTTPRequest(.get, "/"), at: server.endpoint) == .status(200)) }
        #expect(server.connections == 20)
    }
}
