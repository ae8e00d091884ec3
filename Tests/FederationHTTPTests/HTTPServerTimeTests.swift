import FederationCore
import Glibc
import HostileKit
import Testing

@testable import FederationHTTP

/// Deadlines, limits of connections, hang-ups and the end of a server.
@Suite struct HTTPServerTimeTests {
    static let request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

    /// Sends `head`, then `trickle` again and again; how long the server put up with it, and what it said.
    static func trickle(_ server: HTTPServer, _ head: String, _ trickle: String) async -> (Duration, String) {
        await blocking {
            // The server's time begins as it accepts, which may be before a connection is here.
            let begin = ContinuousClock.now
            guard let socket = try? RawSocket(connectingTo: server.port) else { return (.zero, "no connection") }
            socket.send(head)
            // The second send after the end fails: the first one provokes the reset.
            while socket.send(trickle), ContinuousClock.now - begin < .seconds(15) { usleep(2000) }
            return (ContinuousClock.now - begin, socket.receiveToEnd())
        }
    }

    @Test(arguments: [
        ("", "G"), ("GET / HTTP/1.1\r\nHost: x\r\n", "X: y\r\n"),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n", "x"),
        ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"),
    ])
    func aSlowSenderIsCutOffHoweverBusyItLooks(_ head: String, _ trickle: String) async throws {
        let limits = HTTPServerTests.limits { $0.receive = .milliseconds(200) }
        let server = try HTTPServer(address: "127.0.0.1", port: 0, limits: limits, handler: RoundTripTests.echo)
        let (time, answer) = await HTTPServerTimeTests.trickle(server, head, trickle)
        #expect(time >= .milliseconds(200) && time < .seconds(10))
        #expect(!answer.contains("200 OK"))
        #expect(await eventually { server.openConnections == 0 && server.liveExchanges == 0 })
        await server.stop()
    }

    @Test func aSilentConnectionIsCutOff() async throws {
        let limits = HTTPServerTests.limits { $0.receive = .milliseconds(100) }
        let server = try HTTPServer(address: "127.0.0.1", port: 0, limits: limits, handler: RoundTripTests.echo)
        #expect(await HTTPServerTests.conversation(server, "") == "")
        await server.stop()
    }

    @Test func aConnectionWithoutANextRequestIsClosed() async throws {
        let limits = HTTPServerTests.limits { $0.idle = .milliseconds(100) }
        let server = try HTTPServer(address: "127.0.0.1", port: 0, limits: limits, handler: RoundTripTests.echo)
        let answer = await HTTPServerTests.conversation(server, HTTPServerTimeTests.request)
        #expect(answer.hasPrefix("HTTP/1.1 200 "))
        // A second first line that trickles in does not keep it open.
        let (time, _) = await HTTPServerTimeTests.trickle(server, HTTPServerTimeTests.request, "G")
        #expect(time < .seconds(10))
        await server.stop()
    }

    @Test func aSlowReaderIsCutOff() async throws {
        let limits = HTTPServerTests.limits { $0.send = .milliseconds(200) }
        let asked = Count()
        let server = try HTTPServer(address: "127.0.0.1", port: 0, limits: limits) { _ in
            asked.raise()
            return HTTPResponse(status: 200, body: [UInt8](repeating: 1, count: 32 << 20))
        }
        let socket = try RawSocket(connectingTo: server.port)
        socket.send(HTTPServerTimeTests.request)
        #expect(await eventually { asked.value == 1 })
        #expect(await eventually { server.liveExchanges == 0 && server.openConnections == 0 })
        await server.stop()
    }

    @Test func aSlowHandlerIsAnsweredForAndCancelled() async throws {
        let (cancels, cancelled) = AsyncStream.makeStream(of: Bool.self)
        let limits = HTTPServerTests.limits { $0.handle = .milliseconds(100) }
        let server = try HTTPServer(address: "127.0.0.1", port: 0, limits: limits) { _ in
            try? await Task.sleep(for: .seconds(60))
            cancelled.yield(Task.isCancelled)
            return HTTPResponse(status: 200)
        }
        let answer = await HTTPServerTests.conversation(server, HTTPServerTimeTests.request)
        #expect(answer.hasPrefix("HTTP/1.1 503 "))
        #expect(answer.hasSuffix(#"{"error":"timeout"}"#))
        for await wasCancelled in cancels {
            #expect(wasCancelled)
            break
        }
        await server.stop()
    }

    @Test func clientsThatHangUpLeaveNothingBehind() async throws {
        let server = try HTTPServer(address: "127.0.0.1", port: 0) { _ in
            await Task.yield()
            return HTTPResponse(status: 200, body: [UInt8](repeating: 1, count: 1 << 20))
        }
        let parts = [
            "", "GE", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: x\r\n", HTTPServerTimeTests.request,
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345",
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n123",
        ]
        for round in 0..<20 {
            await blocking {
                for part in parts {
                    guard let socket = try? RawSocket(connectingTo: server.port) else { continue }
                    socket.send(part)
                    round % 2 == 0 ? socket.reset() : socket.close()
                }
            }
        }
        #expect(await eventually { server.liveExchanges == 0 && server.openConnections == 0 })
        await server.stop()
    }

    @Test func connectionsOfOneAddressAreLimited() async throws {
        let limits = HTTPServerTests.limits { $0.connectionsPerAddress = 3 }
        let turnedAway = Count()
        let server = try HTTPServer(
            address: "127.0.0.1", port: 0, limits: limits, refused: { if $0 == .connections { turnedAway.raise() } },
            handler: RoundTripTests.echo)
        let held = (0..<3).compactMap { _ in try? RawSocket(connectingTo: server.port) }
        #expect(await eventually { server.openConnections == 3 })
        #expect(await HTTPServerTests.conversation(server, HTTPServerTimeTests.request) == "")
        #expect(turnedAway.value == 1)
        held[0].close()
        let closing = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        #expect(
            await eventually { await HTTPServerTests.conversation(server, closing).hasPrefix("HTTP/1.1 200 ") })
        await server.stop()
    }

    @Test func connectionsPastTheTotalWaitForTheirTurn() async throws {
        let limits = HTTPServerTests.limits { $0.connections = 2 }
        let server = try HTTPServer(address: "127.0.0.1", port: 0, limits: limits, handler: RoundTripTests.echo)
        let held = (0..<2).compactMap { _ in try? RawSocket(connectingTo: server.port) }
        #expect(await eventually { server.openConnections == 2 })
        async let third = HTTPServerTests.conversation(
            server, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        held[0].close()
        #expect(await third.hasPrefix("HTTP/1.1 200 "))
        await server.stop()
    }

    @Test func timesWithoutMeasureAreNoTrap() async throws {
        let limits = HTTPServerTests.limits {
            let ages = Duration(secondsComponent: .max, attosecondsComponent: 0)
            $0.idle = ages
            $0.receive = ages
            $0.handle = ages
            $0.send = ages
            $0.drain = ages
            $0.headerBytes = .min
            $0.connections = .max
            $0.connectionsPerAddress = .max
        }
        let server = try HTTPServer(address: "127.0.0.1", port: 0, limits: limits, handler: RoundTripTests.echo)
        let closing = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        #expect(await HTTPServerTests.conversation(server, closing).hasPrefix("HTTP/1.1 200 "))
        await server.stop()
    }

    // MARK: The end

    @Test func stoppingLetsHandlersFinish() async throws {
        let gate = Gate(2)
        let (begins, begun) = AsyncStream.makeStream(of: Void.self)
        let server = try HTTPServer(address: "127.0.0.1", port: 0) { _ in
            begun.yield()
            await gate.wait()
            return HTTPResponse(status: 200, body: Array("done".utf8))
        }
        async let answer = HTTPServerTests.conversation(server, HTTPServerTimeTests.request)
        for await _ in begins { break }
        async let stopped: Void = server.stop()
        // Nobody gets in any more.
        #expect(await eventually { (try? RawSocket(connectingTo: server.port)) == nil })
        await gate.wait()
        await stopped
        #expect(await answer.hasSuffix("done"))
        #expect(await answer.contains("Connection: close"))
        #expect(server.liveExchanges == 0 && server.openConnections == 0)
        await server.stop()
    }

    @Test func stoppingWaitsForNoHandlerLongerThanItSays() async throws {
        let (begins, begun) = AsyncStream.makeStream(of: Void.self)
        let limits = HTTPServerTests.limits { $0.drain = .seconds(1) }
        let never = Gate(2)
        let server = try HTTPServer(address: "127.0.0.1", port: 0, limits: limits) { _ in
            begun.yield()
            await never.wait()
            return HTTPResponse(status: 200)
        }
        async let answer = HTTPServerTests.conversation(server, HTTPServerTimeTests.request)
        for await _ in begins { break }
        await server.stop()
        #expect(await answer.hasSuffix(#"{"error":"stopping"}"#))
        #expect(server.liveExchanges == 0 && server.openConnections == 0)
        // Its answer comes after the end, and is nobody's.
        await never.wait()
    }

    @Test func stoppingUnderLoadIsClean() async throws {
        for _ in 0..<10 {
            let server = try HTTPServer(address: "127.0.0.1", port: 0, handler: RoundTripTests.echo)
            let client = CurlClient()
            let endpoint = "http://127.0.0.1:\(server.port)"
            let answered = Count()
            await withTaskGroup { group in
                for _ in 0..<8 {
                    group.addTask {
                        let request = HTTPRequest(.post, "/", body: [1, 2, 3])
                        while let answer = try? await client.perform(request, endpoint: endpoint) {
                            answered.raise()
                            if answer.response.status != 200 { break }
                        }
                    }
                }
                while answered.value < 20 { await Task.yield() }
                await server.stop()
            }
            #expect(server.liveExchanges == 0 && server.openConnections == 0)
        }
    }

    @Test func everyStopReturnsOnceTheServerHasStopped() async throws {
        let server = try HTTPServer(address: "127.0.0.1", port: 0, handler: RoundTripTests.echo)
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    await server.stop()
                    #expect((try? RawSocket(connectingTo: server.port)) == nil)
                }
            }
        }
    }

    @Test func aServerThatIsLetGoStops() async throws {
        var server: HTTPServer? = try HTTPServer(address: "127.0.0.1", port: 0, handler: RoundTripTests.echo)
        let port = try #require(server?.port)
        server = nil
        #expect(await eventually { (try? RawSocket(connectingTo: port)) == nil })
    }

    @Test func aPortCanBeTakenAgainAtOnce() async throws {
        let first = try HTTPServer(address: "127.0.0.1", port: 0, handler: RoundTripTests.echo)
        let client = CurlClient()
        _ = try await client.perform(HTTPRequest(.get, "/"), endpoint: "http://127.0.0.1:\(first.port)")
        await first.stop()
        let second = try HTTPServer(address: "127.0.0.1", port: first.port, handler: RoundTripTests.echo)
        // The kept connection is dead, and replaced without a word.
        let answer = try await client.perform(HTTPRequest(.get, "/"), endpoint: "http://127.0.0.1:\(first.port)")
        #expect(answer.response.status == 200)
        await second.stop()
    }

    /// A handler that works until it is told to end learns of it from the client's end, however that comes.
    @Test(arguments: [true, false])
    func aClientThatHangsUpEndsItsHandler(withAReset: Bool) async throws {
        let (begun, begins) = AsyncStream.makeStream(of: Void.self)
        let (ended, ends) = AsyncStream.makeStream(of: Bool.self)
        let server = try HTTPServer(address: "127.0.0.1", port: 0) { _ in
            begins.yield()
            let slept: Void? = try? await Task.sleep(for: .seconds(60))
            ends.yield(slept == nil)
            return HTTPResponse(status: 200)
        }
        let socket = try RawSocket(connectingTo: server.port)
        socket.send(HTTPServerTimeTests.request)
        var beginnings = begun.makeAsyncIterator()
        await beginnings.next()
        if withAReset { socket.reset() } else { socket.close() }
        var endings = ended.makeAsyncIterator()
        #expect(await endings.next() == true)
        #expect(await eventually { server.openConnections == 0 && server.liveExchanges == 0 })
        await server.stop()
    }

    /// Bytes that come while a request is handled (a second one, sent ahead) are no hang-up.
    @Test func aRequestSentAheadIsAnsweredInItsTurn() async throws {
        let server = try HTTPServer(address: "127.0.0.1", port: 0) { _ in
            try? await Task.sleep(for: .milliseconds(50))
            return HTTPResponse(status: Task.isCancelled ? 500 : 200)
        }
        let last = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        let answers = await HTTPServerTests.conversation(server, HTTPServerTimeTests.request + last)
        #expect(answers.ranges(of: "HTTP/1.1 200 ").count == 2)
        await server.stop()
    }
}
