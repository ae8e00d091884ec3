import FederationCore
import Glibc
import Testing

/// The forms of the log: for people, for programs, for the journal.
@Suite(.serialized) struct LogFormatTests {
    /// A life with everything in it that is logged: a peer that fails, a change of the configuration, problems, an end.
    private func live(_ node: TestNode, _ arguments: String..., environment: [String: String] = [:], isUp: (String) -> Bool) async throws {
        node.setPeer("away", "http://127.0.0.1:1")
        let process = try ChildProcess(
            Program.path, ["run", "--config", node.configPath, "--log-level", "debug"] + arguments, output: node.logPath,
            error: node.logPath, environment: environment)
        try await eventually("it runs:\n\(node.log)") { isUp(node.log).orNil }
        node.set("mode", "publish")
        process.signal(SIGHUP)
        try await eventually("it is read:\n\(node.log)") { node.log.contains("the configuration was read again").orNil }
        TestFile.write("name: \"a\\nb\"\n", to: node.configPath)
        process.signal(SIGHUP)
        try await eventually("it is refused:\n\(node.log)") { node.log.contains("cannot be used").orNil }
        process.signal(SIGTERM)
        #expect(try await process.end() == .exited(0))
    }

    @Test func eachLineIsAnObjectWhereJSONIsAskedFor() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        try await live(node, "--log-format", "json") { $0.contains(#""message":"running""#) }
        let lines = node.log.split(separator: "\n")
        #expect(lines.count > 5)
        for line in lines {
            let json = try JSON(Array(line.utf8))
            #expect(json["time"]?.string?.hasSuffix("Z") == true && json["message"]?.string != nil, "\(line)")
            #expect(["debug", "info", "warning", "error"].contains(json["level"]?.string), "\(line)")
            #expect(json.members?.allSatisfy { ["time", "level", "message", "facts"].contains($0.0) } == true, "\(line)")
        }
        let running = try JSON(Array(try #require(lines.first { $0.contains(#""running""#) }).utf8))
        #expect(running.at("facts", "node")?.string == "alpha")
    }

    @Test func aStartThatFailsSaysSoInJSONToo() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        TestFile.write("nam: alpha\n", to: node.configPath)
        let result = try await node.run("run", "--log-format", "json")
        #expect(result.status == 3 && result.out.isEmpty)
        let lines = result.err.split(separator: "\n")
        #expect(lines.count >= 2)
        for line in lines { #expect(try JSON(Array(line.utf8))["level"]?.string == "error") }
        #expect(try JSON(Array(try #require(lines.last).utf8)).at("facts", "code")?.string == "config_problems")
        let unknown = try await node.run("run", "--log-format", "xml")
        #expect(unknown.status == 2 && unknown.err.contains("auto, text, journal or json"))
    }

    @Test func theConfigurationChoosesItAndTheCommandLineStandsBefore() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        node.set("log", "{format: json}")
        let json = try ChildProcess(Program.path, ["run", "--config", node.configPath], output: node.logPath, error: node.logPath)
        try await eventually("JSON:\n\(node.log)") { node.log.contains(#""message":"running""#).orNil }
        json.signal(SIGTERM)
        #expect(try await json.end() == .exited(0))
        try await node.start("--log-format", "text")
        #expect(try await node.stop() == .exited(0))
    }

    /// systemd names device and inode of the stream that it reads; any other program's output is none of the journal's.
    @Test func whatTheJournalReadsHasItsPriorityAndNoTime() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        TestFile.write("", to: node.logPath)
        var status = stat()
        #expect(stat(node.logPath, &status) == 0)
        let stream = ["JOURNAL_STREAM": "\(status.st_dev):\(status.st_ino)"]
        try await live(node, environment: stream) { $0.contains("<6>running ") }
        for line in node.log.split(separator: "\n") { #expect(line.contains(/^<[3467]>[a-z]/), "\(line)") }
        #expect(node.log.contains("<3>the configuration was read again and cannot be used"))
        let other = try await TestNode("beta", in: ScratchDirectory())
        try await other.start(environment: ["JOURNAL_STREAM": "1:\(status.st_ino)"])
        #expect(try await other.stop() == .exited(0))
    }
}
