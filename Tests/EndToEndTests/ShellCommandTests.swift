import Glibc
import Testing

@testable import FederationCLI

/// Completion scripts, asked by the shells that they are for, and manual pages, looked over by groff.
@Suite(.serialized) struct ShellCommandTests {
    private let scratch = ScratchDirectory()

    /// Runs a shell's own program; what it printed, and what it complained of.
    private func shell(_ program: String, _ arguments: [String]) async throws -> (ChildProcess.Ending, out: String, err: String) {
        let output = scratch.file("out")
        let process = try ChildProcess(program, arguments, output: output, error: output + ".err")
        return (try await process.end(), TestFile.text(output), TestFile.text(output + ".err"))
    }

    private func script(_ shell: String) async throws -> String {
        let result = try await Program.run(["completion", shell], in: scratch)
        #expect(result.status == 0 && result.err.isEmpty)
        let path = scratch.file("completion.\(shell)")
        TestFile.write(result.out, to: path)
        return path
    }

    @Test func bashCompletesWhatTheParserTakes() async throws {
        let script = try await script("bash")
        // One process answers for every command: the words of each line, then its completions.
        var asks: [String] = ["source '\(script)'"]
        asks.append("ask() { COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _federation; echo \"${COMPREPLY[*]}\"; }")
        for command in allCommands { asks.append("ask federation \(command.name) --") }
        asks += ["ask federation qua", "ask federation quarantine ''", "ask federation -c x sta", "ask federation help ver", "ask federation help network_re"]
        asks += ["ask federation put '\(script.dropLast(3))'", "ask federation put --config '\(script.dropLast(3))'"]
        asks.append("ask federation init '\(script)' --na")
        TestFile.write(asks.joined(separator: "\n") + "\n", to: scratch.file("asks"))
        let answer = try await shell("/bin/bash", ["--norc", scratch.file("asks")])
        #expect(answer.0 == .exited(0) && answer.err.isEmpty, "\(answer.err)")
        let lines = answer.out.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        for (command, line) in zip(allCommands, lines) {
            let offered = Set(line.split(separator: " ").map(String.init))
            let taken = Set(command.accepted.map(\.name))
            #expect(offered == taken, "\(command.name)")
        }
        let rest = Array(lines.dropFirst(allCommands.count))
        #expect(rest.count >= 8)
        let words = ["quarantine", "list show retry drop", "status", "verify", "network_refused network_reset"]
        #expect(Array(rest.prefix(8)) == words + [script, script, "--name"])
    }

    @Test(.enabled(if: TestFile.exists("/usr/bin/fish"), "run .ci/interop-packages: fish is missing"))
    func fishCompletesWhatTheParserTakes() async throws {
        let script = try await script("fish")
        let directory = Program.path.prefix(upTo: Program.path.lastIndex(of: "/") ?? Program.path.endIndex)
        // Names of peers are asked of the program.
        var asks = ["set -x PATH '\(directory)' $PATH", "source '\(script)'"]
        for command in allCommands { asks += ["echo '= \(command.name)'", "complete -C 'federation \(command.name) --'"] }
        asks += ["echo '= reasons'", "complete -C 'federation help network_re'"]
        asks += ["echo '= words'", "complete -C 'federation '", "echo '= verbs'", "complete -C 'federation quarantine '"]
        TestFile.write(asks.joined(separator: "\n") + "\n", to: scratch.file("asks"))
        setenv("HOME", scratch.file("home"), 0)
        let answer = try await shell("/usr/bin/fish", ["--no-config", scratch.file("asks")])
        #expect(answer.0 == .exited(0) && answer.err.isEmpty, "\(answer.err)")
        var found: [String: Set<String>] = [:]
        var at = ""
        for line in answer.out.split(separator: "\n") {
            if line.hasPrefix("= ") { at = String(line.dropFirst(2)) } else {
                found[at, default: []].insert(String(line.prefix { $0 != "\t" }))
            }
        }
        for command in allCommands {
            let taken = Set(command.accepted.map(\.name))
            #expect(found[command.name] == taken, "\(command.name)")
        }
        #expect(found["verbs"] == ["list", "show", "retry", "drop"] && found["reasons"] == ["network_refused", "network_reset"])
        let words = found["words"] ?? []
        #expect(words.isSuperset(of: ["status", "quarantine", "help", "completion"]))
        #expect(!words.contains { $0.contains(" ") })
    }

    @Test(.enabled(if: TestFile.exists("/usr/bin/zsh"), "run .ci/interop-packages: zsh is missing"))
    func zshReadsItsScript() async throws {
        let script = try await script("zsh")
        let parsed = try await shell("/usr/bin/zsh", ["-f", "-n", script])
        #expect(parsed.0 == .exited(0) && parsed.err.isEmpty, "\(parsed.err)")
        // What _arguments is told, recorded in its place.
        let asks = """
            functions[_federation_all]="$(grep -v '^_federation \\"' '\(script)')"
            _arguments() { print -rl -- "${@}" | sed -n 's/.*\\(--[a-z-]*\\)[[{].*/\\1/p; s/.*,\\(--[a-z-]*\\)}.*/\\1/p; s/^\\(--[a-z-]*\\)\\[.*/\\1/p'; state=argument }
            _describe() { : }
            _federation_all 2>/dev/null; CURRENT=3; words=(put x); _federation
            """
        TestFile.write(asks + "\n", to: scratch.file("asks"))
        let answer = try await shell("/usr/bin/zsh", ["-f", scratch.file("asks")])
        let put = try #require(allCommands.first { $0.name == "put" })
        for option in put.accepted { #expect(answer.out.contains(option.name), "\(option.name)") }
    }

    @Test func aShellThatIsNotKnownIsSaidSo() async throws {
        let result = try await Program.run(["completion", "tcsh"], in: scratch)
        #expect(result.status == 2 && result.err.contains("bash, zsh or fish") && result.out.isEmpty)
    }

    @Test func everyCommandHasAPageThatGroffReads() async throws {
        let directory = scratch.file("man1")
        #expect(mkdir(directory, 0o755) == 0)
        #expect(try await Program.run(["manual", "--into", directory], in: scratch).status == 0)
        #expect(TestFile.names(in: directory).count == allCommands.count + 1)
        for command in allCommands {
            let path = "\(directory)/\(ManualPage.name(of: command)).1"
            let words = command.name.split(separator: " ").map(String.init)
            #expect(try await Program.run(["manual"] + words, in: scratch).out == TestFile.text(path))
            let page = try await shell("/usr/bin/groff", ["-man", "-Tutf8", "-ww", "-P-cbou", path])
            #expect(page.0 == .exited(0) && page.err.isEmpty, "\(command.name): \(page.err)")
            let text = page.out.split { $0 == " " || $0 == "\n" }.joined(separator: " ")
            for option in command.accepted {
                #expect(text.contains(option.name), "\(command.name) \(option.name)")
            }
            #expect(text.contains(" EXAMPLES federation "))
        }
        #expect(try await Program.run(["manual", "--into", scratch.file("none")], in: scratch).status == 1)
        #expect(try await Program.run(["manual", "nothing"], in: scratch).status == 2)
    }
}
