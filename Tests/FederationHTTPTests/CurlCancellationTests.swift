import FederationCore
import HostileKit
import Testing

@testable import FederationHTTP

/// Ways a transfer ends before its answer.
@Suite struct CurlCancellationTests {
    static func failure(_ client: CurlClient, _ endpoint: String) async -> TransportFailure? {
        do throws(TransportFailure) {
            _ = try await client.perform(HTTPRequest(.get, "/"), endpoint: endpoint)
            return nil
        } catch {
            return error
        }
    }

    @Test func cancellingATaskEndsItsTransferAtOnce() async {
        let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
        let (ends, ended) = AsyncStream.makeStream(of: Void.self)
        let server = ScriptedServer { socket in
            _ = socket.receive(until: "\r\n\r\n")
            arrived.yield()
            _ = socket.receiveToEnd()
            ended.yield()
        }
        let client = CurlClient()
        let task = Task { await CurlCancellationTests.failure(client, server.endpoint) }
        for await _ in arrivals { break }
        let begin = ContinuousClock.now
        task.cancel()
        #expect(await task.value == .cancelled)
        #expect(ContinuousClock.now - begin < .seconds(5))
        // The connection is gone too: the server sees its end.
        for await _ in ends { break }
    }

    @Test func aTaskCancelledBeforehandSendsNothingForLong() async {
        let server = ScriptedServer { _ = $0.receiveToEnd() }
        let client = CurlClient()
        let task = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return await CurlCancellationTests.failure(client, server.endpoint)
        }
        #expect(await task.value == .cancelled)
    }

    @Test func noCancelIsLostHoweverItFalls() async {
        let server = ScriptedServer { _ = $0.receiveToEnd() }
        let client = CurlClient()
        await withTaskGroup(of: TransportFailure?.self) { group in
            for index in 0..<200 {
                let task = Task { await CurlCancellationTests.failure(client, server.endpoint) }
                group.addTask {
                    for _ in 0..<(index % 20) { await Task.yield() }
                    task.cancel()
                    return await task.value
                }
            }
            for await failure in group { #expect(failure == .cancelled) }
        }
    }

    @Test func closingTheClientEndsWhatIsUnderWayAndRefusesTheRest() async {
        let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
        let server = ScriptedServer { socket in
            _ = socket.receive(until: "\r\n\r\n")
            arrived.yield()
            _ = socket.receiveToEnd()
        }
        let client = CurlClient()
        let task = Task { await CurlCancellationTests.failure(client, server.endpoint) }
        for await _ in arrivals { break }
        client.close()
        client.close()
        #expect(await task.value == .cancelled)
        #expect(await CurlCancellationTests.failure(client, server.endpoint) == .cancelled)
    }

    @Test func aClientThatIsLetGoLeavesNothingBehind() async {
        let (ends, ended) = AsyncStream.makeStream(of: Void.self)
        let server = ScriptedServer { socket in
            _ = socket.receive(until: "\r\n\r\n")
            socket.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            _ = socket.receiveToEnd()
            ended.yield()
        }
        #expect(await CurlCancellationTests.failure(CurlClient(), server.endpoint) == nil)
        // The kept connection ends with the client's thread.
        for await _ in ends { break }
    }
}
