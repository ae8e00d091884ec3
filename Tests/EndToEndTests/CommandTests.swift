import FederationCore
import Glibc
import Testing

@testable import FederationCLI

@Suite(.serialized) struct CommandTests {
    @Test func commandsThatWriteAtOnceWithoutADaemonWaitForTheirTurn() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        let ids = try await withThrowingTaskGroup(of: String.self) { group in
            for number in 1...3 { group.addTask { try await node.put("# Note \(number)\n") } }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(ids.count == 3)
        #expect(try await node.events().count == 3)
    }

    @Test func everyCommandExplainsItselfAndRefusesWhatItDoesNotKnow() async throws {
        let scratch = ScratchDirectory()
        let overview = try await Program.run(["--help"], in: scratch)
        #expect(overview.status == 0)
        for command in allCommands {
            let words = command.name.split(separator: " ").map(String.init)
            #expect(overview.out.contains("  \(command.name) "))
            let help = try await Program.run(words + ["--help"], in: scratch)
            #expect(help.status == 0 && help.err.isEmpty)
            #expect(help.out.hasPrefix(command.summary))
            for option in command.accepted { #expect(help.out.contains(option.name), "\(command.name) \(option.name)") }
            for example in command.examples { #expect(help.out.contains(example.command)) }
            #expect(!command.examples.isEmpty, "\(command.name) has no example")
            #expect(try await Program.run(["help"] + words, in: scratch).out == help.out)
            let wrong = try await Program.run(words + ["--no-such-option"], in: scratch)
            #expect(wrong.status == 2)
            #expect(wrong.err.hasPrefix("federation: error: unknown option '--no-such-option'\nfederation: hint: "))
        }
    }

    /// What status and `why` name can be read where nothing but the program is.
    @Test func reasonsAreExplained() async throws {
        let scratch = ScratchDirectory()
        let all = try await Program.run(["help", "reasons"], in: scratch)
        #expect(all.status == 0 && all.out == TestFile.text(#filePath.replacing("Tests/EndToEndTests/CommandTests.swift", with: "docs/reasons.md")))
        for reason in Reason.allCases {
            let one = try await Program.run(reason.help.split(separator: " ").dropFirst().map(String.init), in: scratch)
            #expect(one.status == 0 && one.out.hasPrefix("## \(reason.rawValue)\n\n"), "\(one.out)")
            #expect(one.out.ranges(of: "## ").count == 1 && one.out.contains("- **What to do**: "), "\(one.out)")
        }
        #expect(try await Program.run(["help", "network_refusd"], in: scratch).err.contains("did you mean 'network_refused'?"))
    }

    @Test func aSlipOfThePenIsAnsweredWithWhatWasMeant() async throws {
        let scratch = ScratchDirectory()
        let cases: [([String], String)] = [
            (["stauts"], "did you mean 'status'?"), (["quarantine", "lst"], "did you mean 'quarantine list'?"),
            (["records", "--limt", "3"], "did you mean '--limit'?"), (["resetpeer"], "did you mean 'reset-peer'?"),
        ]
        for (arguments, hint) in cases {
            let result = try await Program.run(arguments, in: scratch)
            #expect(result.status == 2, "\(arguments)")
            #expect(result.err.contains(hint), "\(arguments): \(result.err)")
        }
    }

    @Test func everyClassOfFailureHasItsExitStatus() async throws {
        let scratch = ScratchDirectory()
        let node = try await TestNode("alpha", in: scratch)
        node.setPeer("beta", "http://127.0.0.1:\(TestPort.free())")
        func status(_ arguments: String...) async throws -> Int32 {
            try await Program.run(arguments + ["--config", node.configPath], in: scratch).status
        }
        #expect(try await status("status") == 0)
        #expect(try await status("show", "20260405-nothing") == 1)
        #expect(try await status("records", "--limit", "0") == 2)
        #expect(try await status("show") == 2)
        #expect(try await status("sync") == 4)
        #expect(try await node.peerStatus("beta")?["consecutive_failures"]?.integer == 1, "one command, one poll")
        #expect(try await status("status", "--check") == 6)
        #expect(try await status("sync", "gamma") == 1)
        #expect(try await Program.run(["status", "--config", scratch.file("none.yaml")], in: scratch).status == 3)
        node.set("nmae", "x")
        #expect(try await status("status") == 3)
        #expect(try await status("check") == 3)
    }

    @Test func aProbeSaysThatNoDaemonRuns() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        #expect(try await node.run("status", "--check").status == 6)
        #expect(try await node.run("status", "--brief").out.contains("daemon not running"))
        try await node.start()
        #expect(try await node.run("status", "--check").status == 0)
        #expect(try await !node.run("status", "--brief").out.contains("daemon"))
    }

    @Test func whatCannotBeSaidIsAFailure() async throws {
        let scratch = ScratchDirectory()
        let node = try await TestNode("alpha", in: scratch)
        func run(_ output: String) async throws -> (status: Int32, err: String) {
            let result = try await Program.run(
                ["-c", "exec \"$0\" \"$@\" > \(output)", Program.path, "status", "--json", "--config", node.configPath], in: scratch,
                program: "/bin/sh")
            return (result.status, result.err)
        }
        let full = try await run("/dev/full")
        #expect(full.status == 1 && full.err.contains("cannot write to standard output: No space left on device"), "\(full.err)")
        #expect(try await run("/dev/null").status == 0)
    }

    @Test func aFailureIsJSONWhereJSONWasAskedFor() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        let result = try await node.run("show", "20260405-nothing", "--json")
        #expect(result.status == 1)
        #expect(try result.json.at("error", "code")?.string == "unknown_record")
        #expect(try result.json.at("error", "id")?.string == "20260405-nothing")
        #expect(result.err.contains("federation: error: no record '20260405-nothing'"))
    }

    @Test func commandsDoTheSameWithADaemonAsWithout() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        let first = try await node.put("# One\n\nWithout a daemon.\n")
        try await node.start()
        let second = try await node.put("# Two\n\nBy the daemon.\n", "--type", "decision", "--tier", "mid")
        try await node.put("# Two\n\nMended.\n", "--id", second)
        let commands = [
            ["records"], ["records", "--all"], ["show", first], ["show", second], ["events"], ["events", second],
            ["events", "--since", "1", "--limit", "1"], ["divergences"], ["peers"], ["quarantine", "list"],
            ["show", "20260405-nothing"], ["quarantine", "show", "7"], ["put", "-", "--id", first, "--base", first],
        ]
        func outcomes() async throws -> [String] {
            var outcomes: [String] = []
            for command in commands {
                for json in [[], ["--json"]] {
                    let result = try await Program.run(
                        command + json + ["--config", node.configPath], input: "", in: node.scratch)
                    outcomes.append("\(command): \(result.status)\n\(result.out)\n\(result.err)")
                }
            }
            return outcomes
        }
        let running = try await outcomes()
        #expect(try await node.status()["running"]?.bool == true)
        #expect(try await node.stop() == .exited(0))
        let stopped = try await outcomes()
        for (a, b) in zip(running, stopped) { #expect(a == b) }
        #expect(try await node.status()["running"]?.bool == false)
    }

    @Test func aSecondDaemonOfTheSameDirectoryIsRefused() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        try await node.start()
        let second = try await node.run("run")
        #expect(second.status == 1)
        #expect(second.err.contains("another federation process (pid "), "\(second.err)")
        #expect(try await node.run("identity", "new", "--yes").status == 1)
        #expect(node.isRunning)
        try await node.put("# Still here\n")
        #expect(try await node.stop() == .exited(0))
    }

    @Test func putTakesFrontMatterAndRefusesWhatItCannotWrite() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        let text = "---\ntitle: Über uns\ntype: decision\ntier: mid\ntags: [a, b]\nauthor: \"Ada\"\n---\n\nBody.\n"
        let id = try await node.put(text)
        #expect(id.wholeMatch(of: /[0-9]{8}-uber-uns-[a-z0-9]{6}/) != nil || id.contains("-uns-"), "\(id)")
        let record = try await node.facts("show", id)
        #expect(record["title"]?.string == "Über uns")
        #expect(record["type"]?.string == "decision" && record["tier"]?.string == "mid")
        #expect(record["author"]?.string == "Ada")
        let base = try #require(record.at("heads", "0")?.string)
        try await node.put("Body, mended.\n", "--id", id, "--base", base)
        func refusal(_ text: String, _ options: String...) async throws -> (Int32, String?) {
            let result = try await Program.run(
                ["put", "-", "--json", "--config", node.configPath] + options, input: text, in: node.scratch)
            return (result.status, try result.json.at("error", "code")?.string)
        }
        #expect(try await refusal("Late.\n", "--id", id, "--base", base) == (1, "heads_changed"))
        #expect(try await refusal("x\n", "--type", "sonnet") == (1, "unknown_type"))
        #expect(try await refusal("x\n", "--tier", "eternal") == (1, "unknown_tier"))
        #expect(try await refusal("x\n", "--id", "20260405-nothing") == (1, "unknown_record"))
        #expect(try await refusal("---\ntitel: x\n---\n") == (1, "front_matter"))
        let missing = try await node.run("put", node.scratch.file("no-such-file"))
        #expect(missing.status == 1)
        #expect(try await node.events().count == 2)
    }
}
