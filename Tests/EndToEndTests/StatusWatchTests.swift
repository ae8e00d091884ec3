import FederationCore
import Glibc
import Testing

/// `status --watch`, on a terminal and elsewhere.
@Suite(.serialized) struct StatusWatchTests {
    @Test func elsewhereItPrintsWhatHasChanged() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        try await node.start()
        let output = node.scratch.file("watch")
        let process = try ChildProcess(
            Program.path, ["status", "--watch", "--json", "--config", node.configPath], output: output, error: output)
        func lines() throws -> [JSON] {
            try TestFile.text(output).split(separator: "\n").map { try JSON(Array($0.utf8)) }
        }
        try await eventually("the first") { try lines().count == 1 ? true : nil }
        try await node.put("# News\n")
        let last = try await eventually("the second") { try lines().count == 2 ? lines().last : nil }
        #expect(last["events"]?.integer == 1)
        // A daemon that stops is news as well, and no end.
        try await node.stop()
        let stopped = try await eventually("the third") { try lines().count == 3 ? lines().last : nil }
        #expect(stopped["running"]?.bool == false)
        #expect(process.poll() == nil)
        process.signal(SIGINT)
        #expect(try await process.end() == .exited(0))
    }

    @Test func aTerminalIsDrawnOver() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        node.setPeer("beta", "http://127.0.0.1:\(TestPort.free())")
        _ = try await node.run("sync")
        func drawn(_ environment: [String: String]) async throws -> String {
            let output = node.scratch.file("terminal")
            unlink(output)
            let script = "import pty, sys, os; s = pty.spawn(sys.argv[1:]); sys.exit(os.waitstatus_to_exitcode(s))"
            let process = try ChildProcess(
                "/usr/bin/python3", ["-c", script, Program.path, "status", "--watch", "--config", node.configPath], output: output,
                error: output, environment: environment)
            try await eventually("it was drawn twice") { TestFile.text(output).ranges(of: "\u{1B}[H").count > 2 ? true : nil }
            // The program is the child of the one that has the terminal.
            let children = TestFile.text("/proc/\(process.pid)/task/\(process.pid)/children")
            let child = try #require(children.split(separator: " ").first.flatMap { pid_t($0) })
            kill(child, SIGINT)
            #expect(try await process.end() == .exited(0))
            return TestFile.text(output)
        }
        let coloured = try await drawn(["TERM": "xterm", "NO_COLOR": ""])
        #expect(coloured.contains("\u{1B}[?1049h") && coloured.hasSuffix("\u{1B}[?1049l"))
        #expect(coloured.contains(/\u{1B}\[33m⚠ beta +sync +\(unknown\)/), "\(coloured)")
        #expect(!(try await drawn(["TERM": "xterm", "NO_COLOR": "1"])).contains("\u{1B}[33m"))
    }

    @Test func itGoesOnSoItChecksNothing() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        #expect(try await node.run("status", "--watch", "--check").status == 2)
    }
}
