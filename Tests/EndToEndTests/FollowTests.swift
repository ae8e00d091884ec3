import FederationCore
import Glibc
import Testing

/// `events --follow`.
@Suite(.serialized) struct FollowTests {
    /// A follower with the files it prints to.
    private struct Follower {
        let process: ChildProcess
        let out: String
        let err: String

        init(_ node: TestNode, _ name: String, _ options: String...) throws {
            out = node.scratch.file("\(name).out")
            err = node.scratch.file("\(name).err")
            process = try ChildProcess(
                Program.path, ["events", "--follow", "--config", node.configPath] + options, output: out, error: err)
        }

        var lines: [String] { TestFile.text(out).split(separator: "\n").map(String.init) }

        func eventually(lines count: Int) async throws -> [String] {
            try await EndToEndTests.eventually("\(count) lines; there are \(lines); \(TestFile.text(err))") {
                let lines = lines
                return lines.count >= count ? lines : nil
            }
        }
    }

    @Test(arguments: [false, true])
    func newEventsArePrintedAsTheyCome(withDaemon: Bool) async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        let old = try await node.put("# Old\n")
        if withDaemon { try await node.start() }
        let all = try Follower(node, "all", "--json", "--since", "0")
        let news = try Follower(node, "news")
        let mine = try Follower(node, "mine", old, "--json", "--since", "0")
        #expect(try await all.eventually(lines: 1).count == 1)
        // The news only: wait until it follows, which one of these puts will show.
        var ids = [old]
        try await eventually("news; it says \(TestFile.text(news.err))") {
            ids.append(try await node.put("# New \(ids.count)\n"))
            return news.lines.isEmpty ? nil : true
        }
        ids.append(try await node.put("# Last\n"))
        let lines = try await all.eventually(lines: ids.count)
        let events = try lines.map { try JSON(Array($0.utf8)) }
        #expect(events.compactMap { $0["trace_id"]?.string } == ids)
        #expect(events.compactMap { $0["seq"]?.integer } == (1...Int64(ids.count)).map { $0 })
        let last = try await news.eventually(lines: 1)
        #expect(last.allSatisfy { !$0.contains(old) })
        try await eventually("the last one") { (news.lines.last?.contains(ids[ids.count - 1]) == true).orNil }
        #expect(news.lines.last?.contains("  create  \(ids[ids.count - 1])  ") == true, "\(news.lines)")

        try await expectOK(node.run("archive", old))
        #expect(try await mine.eventually(lines: 2).count == 2)
        #expect(mine.lines.allSatisfy { $0.contains(old) })
        for (follower, signal) in [(all, SIGINT), (news, SIGTERM), (mine, SIGINT)] {
            follower.process.signal(signal)
            #expect(try await follower.process.end() == .exited(0))
            #expect(TestFile.text(follower.err).isEmpty, "\(TestFile.text(follower.err))")
        }
        if withDaemon {
            let clock = ContinuousClock()
            let waiting = try Follower(node, "waiting", "--since", "0")
            _ = try await waiting.eventually(lines: 1)
            let asked = clock.now
            #expect(try await node.stop() == .exited(0))
            let took = clock.now - asked
            #expect(took < .seconds(4) * Patience.factor, "a follower holds nobody's stop up: \(took)")
            waiting.process.signal(SIGTERM)
            #expect(try await waiting.process.end() == .exited(0))
        }
    }

    @Test func aDaemonThatGoesAndComesIsFollowedOn() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        try await node.start()
        let follower = try Follower(node, "all", "--json", "--since", "0")
        var ids = [try await node.put("# With\n")]
        _ = try await follower.eventually(lines: 1)
        #expect(try await node.stop() == .exited(0))
        ids.append(try await node.put("# Without\n"))
        _ = try await follower.eventually(lines: 2)
        try await node.start()
        ids.append(try await node.put("# Again\n"))
        _ = try await follower.eventually(lines: 3)
        #expect(try await node.stop(SIGKILL) == .killed(signal: SIGKILL))
        ids.append(try await node.put("# After a kill\n"))
        let lines = try await follower.eventually(lines: 4)
        #expect(try lines.compactMap { try JSON(Array($0.utf8))["trace_id"]?.string } == ids)
        follower.process.signal(SIGINT)
        #expect(try await follower.process.end() == .exited(0))
    }

    @Test func itEndsWhenNobodyReadsAndWithItsLimit() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        for number in 1...3 { try await node.put("# Number \(number)\n") }
        let piped = try ChildProcess(
            "/bin/sh",
            ["-c", "\"$0\" events --follow --since 0 --config \"$1\" | head -n 1", Program.path, node.configPath],
            output: node.scratch.file("head.out"), error: node.scratch.file("head.err"))
        #expect(try await piped.end() == .exited(0))
        #expect(TestFile.text(node.scratch.file("head.out")).hasPrefix("1  "))
        let two = try await node.run("events", "--follow", "--since", "1", "--limit", "2")
        #expect(two.status == 0 && two.out.split(separator: "\n").count == 2)
        let absent = try await node.run("events", "20260405-nothing", "--follow")
        #expect(absent.status == 1 && absent.err.contains("no record"))
        #expect(try await node.run("events", "--follow", "--since", "nowhere").status == 1)
    }
}
