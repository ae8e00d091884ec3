import Federation
import FederationCore
import Testing

@testable import FederationCLI

/// The documents that describe the program, held against it.
@Suite(.serialized) struct DocumentTests {
    private static let root = String(#filePath.split(separator: "/").dropLast(3).map { "/" + $0 }.joined())

    private func text(_ path: String) -> String { TestFile.text("\(DocumentTests.root)/\(path)") }

    /// The text below a heading, to the next heading of that level.
    private func section(_ heading: String, of text: String) throws -> String {
        let start = try #require(text.firstRange(of: "\n\(heading)\n"), "\(heading)").upperBound
        let level = heading.prefix { $0 == "#" }
        let rest = text[start...]
        return String(rest[..<(rest.firstRange(of: "\n\(level) ")?.lowerBound ?? rest.endIndex)])
    }

    /// The cells of the table rows whose first cell is in backticks.
    private func rows(of text: String) -> [[String]] {
        text.split(separator: "\n").filter { $0.hasPrefix("| `") }.map { line in
            line.dropFirst(2).dropLast(2).split(separator: " | ", omittingEmptySubsequences: false).map(String.init)
        }
    }

    // MARK: docs/cli.md

    @Test func eachCommandAndOptionIsDescribedAndNoOtherIs() throws {
        let document = text("docs/cli.md")
        let headings = document.split(separator: "\n").filter { $0.hasPrefix("### ") }.map { String($0.dropFirst(4)) }
        #expect(headings == allCommands.map(\.name))
        for command in allCommands {
            let section = try section("### \(command.name)", of: document)
            #expect(section.lowercased().contains(command.summary.lowercased()), "\(command.name)")
            #expect(section.contains("\n\(command.usage)\n"), "\(command.name): \(command.usage)")
            let expected = command.options.map { option in
                let short = option.short.map { " (`\($0)`)" } ?? ""
                return ["`\(option.name)\(option.value.map { " \($0)" } ?? "")`\(short)", option.help]
            }
            #expect(rows(of: section) == expected, "\(command.name)")
            #expect(section.contains("JSON: ") == command.printsFacts, "\(command.name)")
        }
        for option in CommandDefinition.common + [CommandDefinition.json] { #expect(document.contains(option.name)) }
    }

    @Test func eachFailureHasItsCodeAndExitStatus() throws {
        let rows = rows(of: try section("## JSON", of: text("docs/cli.md")))
        #expect(rows.map { $0[0] } == CommandFailure.Code.allCases.map { "`\($0.rawValue)`" })
        for (row, code) in zip(rows, CommandFailure.Code.allCases) {
            #expect(row[1] == String(FailureText(CommandFailure(code)).status.rawValue), "\(code)")
        }
        let statuses = try section("## Exit statuses", of: text("docs/cli.md"))
        for status in 0...6 {
            #expect(statuses.contains("\n| \(status) | "))
            #expect(ExitStatus(rawValue: Int32(status)) != nil)
        }
        #expect(ExitStatus(rawValue: 7) == nil)
    }

    @Test func eachFindingHasItsWords() throws {
        let rows = rows(of: try section("## Findings", of: text("docs/cli.md")))
        #expect(rows == LogFinding.Kind.allCases.map { ["`\($0.rawValue)`", $0.words] })
    }

    @Test func eachMemberThatACommandPrintsIsNamed() async throws {
        let document = text("docs/cli.md")
        let node = try await TestNode("alpha", in: ScratchDirectory())
        let events = [
            FakeEvent.create(1), FakeEvent.create(2, type: "sonnet"), FakeEvent.create(3, clock: "7"),
            FakeEvent.event(4, trace: "20260406-hello-1", action: "update", data: FakeEvent.data(body: "a")),
            FakeEvent.event(
                5, trace: "20260406-hello-1", action: "update", data: FakeEvent.data(body: "b"),
                clock: #"{"\#(FakeNoema.id)":1,"01KNJX4991ASW6NNKS9BQHNCG1":1}"#,
                origin: "01KNJX4991ASW6NNKS9BQHNCG1"),
        ]
        let peer = try FakeNoema(events: events)
        node.setPeers([
            ("fake", ["endpoint: \(peer.endpoint)"]), ("gone", ["endpoint: http://127.0.0.1:\(TestPort.free())"]),
        ])
        try await node.start()
        try await eventually("four events") { (try await node.events().count == 4).orNil }
        try await eventually("a refusal") { (try await node.peerStatus("gone")?["last_error"] != nil).orNil }
        let own = try await node.put("# Own\n")
        let row = try #require(try await node.facts("quarantine", "list").at("entries", "1", "row")?.string)
        let commands = [
            ["put", "-"], ["records"], ["show", own], ["show", "20260406-hello-1"], ["events"], ["divergences"],
            ["resolve", "20260406-hello-1", "--accept", FakeNoema.id], ["quarantine list"], ["quarantine show", row],
            ["quarantine retry", row], ["quarantine drop", row, "--dry-run"],
            ["forget-origin", FakeNoema.id, "--dry-run"], ["put", "-", "--dry-run"], ["archive", own, "--dry-run"], ["unarchive", own], ["trash", own], ["recover", own],
            ["purge", own, "--dry-run"], ["quarantine retry", row, "--dry-run"], ["status"], ["peers"], ["history"], ["pair"], ["pair", "fake"], ["sync"], ["verify", "--self"],
            ["identity show"], ["check"], ["reset-peer", "fake", "--dry-run"],
            ["add-peer", "delta", "http://127.0.0.1:1", "--dry-run"],
            ["import", DocumentTests.root + "/docs", "--dry-run"], ["preview", peer.endpoint],
            ["pause-peer", "gone"], ["resume-peer", "gone"], ["set-mode", "subscribe", "--peer", "gone"], ["set-mode", "sync"],
            ["identity rename", "omega"], ["key fingerprint"], ["reload"], ["remove-peer", "gone", "--forget"],
        ]
        for command in commands {
            let words = command[0].split(separator: " ").map(String.init) + command.dropFirst()
            let result = try await Program.run(
                words + ["--json", "--config", node.configPath], input: "# Put\n", in: node.scratch)
            var section = try section("### \(command[0])", of: document)
            // Sections that say "as in" are read together with those.
            for other in ["records", "show", "quarantine list", "archive"] where section.contains("`\(other)`") {
                section += try self.section("### \(other)", of: document)
            }
            let json = try result.json
            #expect(json["error"] == nil, "\(command): \(result.out)")
            for name in names(in: json) { #expect(section.contains("`\(name)`"), "\(command): \(name)") }
        }
        #expect(try await node.stop() == .exited(0))
    }

    /// The names of all members, but for objects whose names are data.
    private func names(in json: JSON) -> Set<String> {
        var found: Set<String> = []
        for (key, value) in json.members ?? [] {
            found.insert(key)
            if key != "vclock" && key != "data" { found.formUnion(names(in: value)) }
        }
        for value in json.array ?? [] { found.formUnion(names(in: value)) }
        return found
    }

    // MARK: docs/testing.md

    @Test func eachTestTargetIsInTheTableOfLayers() throws {
        let targets = TestFile.names(in: "\(DocumentTests.root)/Tests").filter { $0.hasSuffix("Tests") }
        let rows = rows(of: try section("## The layers", of: text("docs/testing.md")))
        #expect(rows.map { $0[0] }.sorted() == targets.map { "`\($0)`" }.sorted())
    }

    // MARK: docs/limits.md

    @Test func eachLimitIsDescribedWithItsValueAndNoOtherIs() throws {
        let document = text("docs/limits.md")
        let constants = text("Sources/FederationCore/Limits.swift").split(separator: "\n").compactMap { line in
            line.firstMatch(of: /(?:public|package) static let (\w+)(?:: \w+)? = (.+)$/)
                .map { (String($0.1), String($0.2)) }
        }
        #expect(constants.count > 40)
        let rows = rows(of: document)
        #expect(rows.map { $0[0] } == constants.map { "`\($0.0)`" })
        for (row, constant) in zip(rows, constants) {
            #expect(try value(row[1]) == value(ofSwift: constant.1), "\(constant)")
            #expect(row[2].count > 10, "\(constant.0) has no reason")
        }
    }

    /// `4 MiB - 64 KiB`, `2^63`, `5 min` or `257`: bytes, seconds or a count.
    private func value(_ text: String) throws -> UInt64 {
        let units: [Substring: UInt64] = [
            "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "s": 1, "min": 60, "h": 3600, "d": 86_400,
        ]
        if text.hasPrefix("2^") { return 1 << (try #require(UInt64(text.dropFirst(2)))) }
        let terms = try text.split(separator: " - ").map { term in
            let words = term.split(separator: " ")
            return try #require(UInt64(words[0])) * (words.count > 1 ? try #require(units[words[1]], "\(text)") : 1)
        }
        return terms.dropFirst().reduce(terms[0], -)
    }

    /// `4 << 20 - 64 << 10`, `.seconds(7 * 24 * 3600)`, `2_000_000`: shifts bind tighter than minus.
    private func value(ofSwift text: String) throws -> UInt64 {
        let plain = text.replacing(".seconds(", with: "").replacing(")", with: "").replacing("_", with: "")
        let terms = try plain.split(separator: " - ").map { term in
            if let shift = term.firstRange(of: " << ") {
                let places = try #require(UInt64(term[shift.upperBound...]))
                return try #require(UInt64(term[..<shift.lowerBound])) << places
            }
            return try term.split(separator: " * ").map { try #require(UInt64($0), "\(text)") }.reduce(1, *)
        }
        return terms.dropFirst().reduce(terms[0], -)
    }
}
