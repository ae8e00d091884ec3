import FederationCore
import Testing

@testable import FederationConfig

@Suite struct ReplayerConfigTests {
    private func reasons(_ entries: String) -> [ConfigProblem.Reason] {
        guard case .failure(let problems) = Config.decode(Array("name: a\nreplayers:\n\(entries)".utf8)) else { return [] }
        return problems.problems.map(\.reason)
    }

    private func replayers(_ entries: String) throws -> [Config.Replayer] {
        try Config.decode(Array("name: a\nreplayers:\n\(entries)".utf8)).get().config.replayers
    }

    @Test func aProgramHasItsDefaults() throws {
        let found = try #require(try replayers("  - {name: b, replayer: exec, command: [c, '', '~']}\n").first)
        #expect(found.name == "b" && found.word == .exec)
        guard case .exec(let exec) = found.kind else {
            Issue.record()
            return
        }
        #expect(exec.command == ["c", "", "~"])
        #expect(exec.window == 64 && exec.timeout == .seconds(60) && exec.directory == nil)
        #expect(!exec.environment.contains { $0.hasPrefix("FEDERATION") })
    }

    @Test func aDirectoryOfNotesHasItsDefaults() throws {
        let found = try replayers("  - {name: b, replayer: files, directory: n}\n  - {name: c, replayer: files, directory: m, edits: false}\n")
        #expect(found.map(\.word) == [.files, .files])
        #expect(found.first?.kind == .files(.init(directory: "n", edits: true)))
        #expect(found.last?.kind == .files(.init(directory: "m", edits: false)))
        #expect(reasons("  - {name: b, replayer: files}\n") == [.missingKey("directory")])
        #expect(reasons("  - {name: b, replayer: files, directory: ~/n}\n") == [.notAPath("~/n")])
        #expect(reasons("  - {name: b, replayer: files, directory: n, edits: maybe}\n").count == 1)
        #expect(reasons("  - {name: b, replayer: files, directry: n}\n").count == 2)
        let two = "  - {name: b, replayer: files, directory: n}\n  - {name: c, replayer: files, directory: n}\n"
        #expect(reasons(two) == [.duplicateDirectory("n", first: Mark(line: 3, column: 43))])
    }

    @Test func whatIsWrongIsSaid() {
        #expect(reasons("  - {name: b, replayer: exec}\n") == [.missingKey("command")])
        #expect(reasons("  - {name: b, replayer: exec, command: []}\n") == [.missingKey("command")])
        #expect(reasons("  - {name: b, command: [c]}\n") == [.missingKey("replayer")])
        #expect(reasons("  - {name: b, replayer: exec, command: [c], windw: 3}\n").count == 1)
        #expect(reasons("  - {name: b, replayer: exec, command: [c], window: 0}\n") == [.integerOutOfRange(1...1000)])
        #expect(reasons("  - {name: b, replayer: exec, command: [c], environment: [A=B]}\n") == [.notAVariable("A=B")])
        #expect(
            reasons("  - {name: b, replayer: exec, command: [c], environment: [PATH, FEDERATION_KEY]}\n")
                == [.secretVariable("FEDERATION_KEY")])
        let two = "  - {name: b, replayer: exec, command: [c]}\n"
        #expect(reasons(two + two) == [.duplicateReplayer("b", first: Mark(line: 3, column: 12))])
        let many = (0...Limits.replayers).map { "  - {name: b\($0), replayer: exec, command: [c]}\n" }.joined()
        #expect(reasons(many) == [.tooManyReplayers(limit: Limits.replayers)])
    }

    @Test func anotherCommandIsAChange() throws {
        let one = Config.decode(Array("name: a\nreplayers: [{name: b, replayer: exec, command: [c]}]\n".utf8))
        let other = Config.decode(Array("name: a\nreplayers: [{name: b, replayer: exec, command: [d]}]\n".utf8))
        let difference = ConfigDifference(from: try one.get().config, to: try other.get().config)
        #expect(difference.node.map(\.key) == [.replayers] && difference.needsRestart.isEmpty)
    }
}
