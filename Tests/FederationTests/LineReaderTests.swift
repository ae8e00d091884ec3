import CProcess
import Glibc
import Synchronization
import Testing

@testable import Federation

/// Lines from a pipe, by a reader that must outlive whatever the other end does.
@Suite(.timeLimit(.minutes(2))) struct LineReaderTests {
    private struct Pipe {
        var reading: Int32
        var writing: Int32

        init() throws {
            var ends: [Int32] = [-1, -1]
            try #require(pipe2(&ends, O_CLOEXEC) == 0)
            (reading, writing) = (ends[0], ends[1])
            _ = fcntl(reading, F_SETFL, fcntl(reading, F_GETFL) | O_NONBLOCK)
        }

        func write(_ text: String) {
            var bytes = Array(text.utf8)[...]
            while !bytes.isEmpty {
                let count = bytes.withUnsafeBytes { Glibc.write(writing, $0.baseAddress, $0.count) }
                guard count > 0 else { return }
                bytes = bytes.dropFirst(count)
            }
        }
    }

    private final class Heard: Sendable {
        let lines = Mutex<[String]>([])
        let ended = AsyncStream.makeStream(of: Void.self)

        @Sendable func take(_ found: LineReader.Found) {
            switch found {
            case .line(let line): lines.withLock { $0.append(String(decoding: line, as: UTF8.self)) }
            case .tooLong(let line): lines.withLock { $0.append("too long: " + String(decoding: line, as: UTF8.self)) }
            case .end:
                lines.withLock { $0.append("end") }
                ended.continuation.finish()
            }
        }

        func end() async { for await _ in ended.stream {} }
        var all: [String] { lines.withLock { $0 } }
    }

    private func reader(_ pipe: Pipe, _ heard: Heard, lineBytes: Int = 100, mostWaiting: Int? = nil, givesRest: Bool = false) -> LineReader {
        LineReader(
            pipe.reading, lineBytes: lineBytes, mostWaiting: mostWaiting, givesRest: givesRest, label: "test",
            found: heard.take)
    }

    @Test(arguments: [
        ("one\ntwo\n", ["one", "two", "end"]), ("", ["end"]), ("\n\n", ["", "", "end"]),
        ("0123456789\n01234567890\nlast\n", ["0123456789", "too long: 0123456789", "last", "end"]),
    ])
    func linesAreHandedOutInOrderAndThenTheEnd(text: String, expected: [String]) async throws {
        let (pipe, heard) = (try Pipe(), Heard())
        let reader = reader(pipe, heard, lineBytes: 10)
        pipe.write(text)
        close(pipe.writing)
        await heard.end()
        #expect(heard.all == expected)
        reader.stop()
        #expect(heard.all == expected)
    }

    @Test(arguments: [(true, ["half", "end"]), (false, ["end"])])
    func aLineWithoutItsEndIsHandedOutWhereItIsWanted(givesRest: Bool, expected: [String]) async throws {
        let (pipe, heard) = (try Pipe(), Heard())
        _ = reader(pipe, heard, givesRest: givesRest)
        pipe.write("half")
        close(pipe.writing)
        await heard.end()
        #expect(heard.all == expected)
    }

    @Test func oneThatIsStoppedSaysItsEndOnceAndClosesItsDescriptor() async throws {
        let (pipe, heard) = (try Pipe(), Heard())
        let reader = reader(pipe, heard)
        reader.stop()
        reader.stop()
        await heard.end()
        #expect(heard.all == ["end"])
        // Whoever writes learns that nobody reads: poll says so of a pipe whose other end is closed.
        var watched = pollfd(fd: pipe.writing, events: 0, revents: 0)
        #expect(poll(&watched, 1, 60_000) == 1)
        #expect(watched.revents & Int16(POLLERR) != 0)
        close(pipe.writing)
    }

    @Test func nothingIsReadWhileTooMuchWaits() async throws {
        let (pipe, heard) = (try Pipe(), Heard())
        let reader = reader(pipe, heard, mostWaiting: 4)
        pipe.write("1\n2\n3\n4\n")
        await eventually { heard.all.count == 4 }
        pipe.write("5\n")
        try await Task.sleep(for: .milliseconds(100))
        #expect(heard.all.count == 4)
        reader.took()
        try await Task.sleep(for: .milliseconds(100))
        #expect(heard.all.count == 4)
        reader.took()
        await eventually { heard.all.count == 5 }
        close(pipe.writing)
        await heard.end()
        #expect(heard.all == ["1", "2", "3", "4", "5", "end"])
    }

    @Test func oneThatWaitsForTakersCanBeStopped() async throws {
        let (pipe, heard) = (try Pipe(), Heard())
        let reader = reader(pipe, heard, mostWaiting: 1)
        pipe.write("1\n2\n")
        await eventually { !heard.all.isEmpty }
        reader.stop()
        await heard.end()
        reader.took()
        #expect(heard.all.last == "end")
        close(pipe.writing)
    }

    /// The end of a pipe, as many at a time as there are programs that fail at once: libdispatch's own watching of pipes
    /// frees what it goes on using (swift-corelibs-libdispatch issue 949), and takes the process with it.
    @Test func pipesThatEndAllTheTimeHarmNobody() async throws {
        try await withThrowingTaskGroup { group in
            for _ in 0..<8 {
                group.addTask {
                    for round in 0..<250 {
                        let (pipe, heard) = (try Pipe(), Heard())
                        let reader = reader(pipe, heard)
                        if round % 2 == 0 { pipe.write("x\n") }
                        close(pipe.writing)
                        if round % 3 == 0 { reader.stop() } else { await heard.end() }
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}
