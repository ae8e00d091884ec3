import FederationCore
import Glibc
import Testing

@testable import FederationCLI

@Suite(.serialized) struct ProgressDisplayTests {
    private func reached(_ done: Int64, _ total: Int64?) -> Progress {
        var progress = Progress(at: .start)
        progress.reached(done, of: total, at: Instant(.seconds(10)))
        return progress
    }

    @Test func aBarFitsTheTerminalAndALineSaysTheSame() {
        let text = ProgressText(label: "import", unit: "items")
        let half = reached(50_000, 100_000)
        #expect(
            text.bar(half, width: 120)
                == "import  [####################....................]   50%  50,000 of 100,000 items, 5,000/s, about 10 s to go")
        #expect(text.line(half) == "import: 50,000 of 100,000 items, 5,000/s, about 10 s to go")
        #expect(text.line(reached(50_000, nil)) == "import: 50,000 items, 5,000/s")
        #expect(text.line(reached(5, 1_000_000)) == "import: 5 of 1,000,000 items, 0.5/s, about 555 h 33 min to go")
        for width in 1...200 {
            for progress in [half, reached(0, 0), reached(7, nil), reached(100_000, 100_000)] {
                #expect(text.bar(progress, width: width).count < max(2, width), "\(width)")
            }
        }
    }

    @Test func timesAndRatesAreShort() {
        #expect(ProgressText.time(.milliseconds(200)) == "1 s")
        #expect(ProgressText.time(.seconds(185)) == "3 min 05 s")
        #expect(ProgressText.time(.seconds(7800)) == "2 h 10 min")
        #expect(ProgressText.rate(0) == "0.0/s")
        #expect(ProgressText.rate(9.96) == "10.0/s")
        #expect(ProgressText.rate(12_345.6) == "12,346/s")
    }

    @Test func aTerminalIsDrawnOftenAndALogSeldom() {
        func shown(_ isTerminal: Bool) -> Int {
            var pace = ProgressPace(isTerminal: isTerminal, at: .start)
            return (0...1000).filter { pace.isDue(at: Instant(.milliseconds(Int64($0) * 10))) }.count
        }
        #expect(shown(true) == 100)
        #expect(shown(false) == 3)
    }

    @Test func severalPeersAreOneProgress() throws {
        func polls(_ text: String) throws -> [JSON] { try JSON(Array(text.utf8)).array ?? [] }
        var sync = SyncProgress()
        sync.note(try polls(#"[{"name":"a","pulled":10,"remaining":90},{"name":"b","pulled":1}]"#))
        #expect(sync.pulled == 11)
        #expect(sync.total == nil)
        sync.note(try polls(#"[{"name":"a","pulled":50,"remaining":50}]"#))
        #expect(sync.pulled == 51)
        #expect(sync.total == 101)
        sync.note([])
        #expect(sync.total == 51)
    }

    /// A tree large enough to take longer than the pace of a log.
    private func tree(_ files: Int, in scratch: ScratchDirectory) -> String {
        let root = scratch.file("notes")
        mkdir(root, 0o700)
        for number in 0..<files { TestFile.write("# Note \(number)\n", to: "\(root)/\(number).md") }
        return root
    }

    /// Python runs the program on a terminal of its own, and hands on what it drew there.
    private func onATerminal(_ arguments: [String], in scratch: ScratchDirectory) async throws -> String {
        let output = scratch.file("terminal")
        unlink(output)
        let script = "import pty, sys, os; s = pty.spawn(sys.argv[1:]); sys.exit(os.waitstatus_to_exitcode(s))"
        let process = try ChildProcess(
            "/usr/bin/python3", ["-c", script, Program.path] + arguments, output: output, error: output)
        #expect(try await process.end() == .exited(0))
        return TestFile.text(output)
    }

    @Test func aTerminalGetsABarAndItIsTakenAway() async throws {
        let scratch = ScratchDirectory()
        let node = try await TestNode("ours", in: scratch)
        let root = tree(2000, in: scratch)
        let drawn = try await onATerminal(["import", root, "--config", node.configPath], in: scratch)
        #expect(drawn.contains("\rimport  ["))
        #expect(drawn.contains(" of 2,000 items"))
        #expect(drawn.contains("/s"))
        #expect(!drawn.contains("\u{1B}"), "no escapes: a bar needs none")
        let last = drawn.split(separator: "\r", omittingEmptySubsequences: true).last { $0.contains("imported") }
        #expect(last?.hasPrefix("imported") == true || drawn.contains("\nimported") || drawn.contains("\rimported"))
        let json = try await onATerminal(["import", root, "--json", "--config", node.configPath], in: scratch)
        #expect(!json.contains("items"))
    }

    /// A peer whose pages take their time: lines come while it is read, with the end in sight, and facts stay facts.
    @Test func aLogGetsALineEveryFewSeconds() async throws {
        let scratch = ScratchDirectory()
        let beta = try await TestNode("beta", in: scratch)
        try await beta.put("# One\n")
        let peer = try SlowPeer(pages: 10)
        let alpha = try await TestNode("alpha", in: scratch)
        alpha.setPeer("slow", peer.endpoint, "wire: native")
        let quiet = try await alpha.run("sync", "--json", "--progress")
        #expect(quiet.status == 0)
        #expect(try quiet.json.at("peers", "0", "applied")?.integer == 10)
        let lines = quiet.err.split(separator: "\n")
        #expect(!lines.isEmpty)
        for line in lines {
            #expect(line.wholeMatch(of: /sync: \d+ of (9|10) events, \d+\.\d\/s(, about (\d+ min )?\d+ s to go)?/) != nil, "\(line)")
        }
    }
}

/// A native peer with one event a page, each half a second late.
private final class SlowPeer: Sendable {
    private let peer: FakePeer
    var endpoint: String { peer.endpoint }

    init(pages: Int) throws {
        let id = FakeNoema.id
        peer = try FakePeer { request in
            let epoch = "01KNJX4991ASW6NNKS9BQHNCG0"
            func position(_ number: Int) -> String { "\(epoch).\(number).\(FakeEvent.id(number))" }
            var fields: HTTPFields = [
                "Federation-Node": id, "Federation-Name": "slow", "Federation-Version": "1", "Federation-Mode": "sync",
                "Federation-Head": position(pages),
            ]
            if request.path.hasSuffix("/identity") {
                fields["Content-Type"] = "application/json"
                let body = #"{"id":"\#(id)","name":"slow","version":"1","mode":"sync","features":[],"head":"\#(position(pages))"}"#
                return HTTPResponse(status: 200, fields: fields, body: Array(body.utf8))
            }
            usleep(800_000)
            let after = request.parameter("after").flatMap { $0.split(separator: ".").dropFirst().first }.flatMap { Int($0) } ?? 0
            let number = min(after + 1, pages)
            fields["Content-Type"] = "application/x-ndjson"
            fields["Federation-Position"] = position(number)
            fields["Federation-More"] = number < pages ? "true" : "false"
            fields["Federation-Count"] = after < pages ? "1" : "0"
            return HTTPResponse(
                status: 200, fields: fields, body: after < pages ? Array((FakeEvent.create(number) + "\n").utf8) : [])
        }
    }
}
