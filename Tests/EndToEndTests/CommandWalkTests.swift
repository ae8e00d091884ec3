import FederationCore
import Testing

@testable import FederationCLI

/// Every command, by its help, its manual page, the completions and its JSON.
struct CommandWalkTests {
    /// Commands that change neither a node nor its files: nothing for `--dry-run` to hold back.
    private static let readers: Set = [
        "run", "records", "show", "events", "divergences", "quarantine list", "quarantine show", "replayer show", "status", "why",
        "identity show", "key fingerprint", "peers", "history", "preview", "test-peer", "check", "simulate", "service print",
        "completion", "manual",
    ]

    @Test func whatChangesAnythingCanBeTriedWithoutDoingIt() {
        for command in allCommands {
            let knows = command.options.contains { $0.name == "--dry-run" }
            #expect(knows != CommandWalkTests.readers.contains(command.name), "\(command.name)")
        }
        let names = Set(allCommands.map(\.name))
        #expect(CommandWalkTests.readers.isSubset(of: names))
    }

    @Test func eachCommandThatPrintsFactsHasASchemaAndNoOtherHas() {
        let expected = allCommands.filter(\.printsFacts).map { $0.name.split(separator: " ").joined(separator: "-") + ".json" }
        #expect(TestFile.names(in: JSONSchema.directory).sorted() == (expected + ["common.json", "failure.json"]).sorted())
    }

    @Test func theSchemasUseOnlyWhatTheCheckKnows() throws {
        let known: Set = [
            "$schema", "title", "description", "$ref", "$defs", "type", "properties", "required", "items", "enum", "pattern",
            "format", "minimum", "anyOf", "additionalProperties",
        ]
        func keywords(_ schema: JSON, at path: String) {
            for (key, value) in schema.members ?? [] {
                #expect(known.contains(key), "\(path): \(key)")
                switch key {
                case "properties", "$defs": for (name, each) in value.members ?? [] { keywords(each, at: "\(path).\(name)") }
                case "items", "additionalProperties": keywords(value, at: path + "[]")
                case "anyOf": for each in value.array ?? [] { keywords(each, at: path) }
                default: break
                }
            }
            for name in schema["required"]?.array?.compactMap(\.string) ?? [] {
                #expect(schema["properties"]?[name] != nil, "\(path) requires \(name)")
            }
        }
        for file in TestFile.names(in: JSONSchema.directory) {
            let schema = try JSON(Array(TestFile.text("\(JSONSchema.directory)/\(file)").utf8))
            #expect(schema["$schema"]?.string == "https://json-schema.org/draft/2020-12/schema", "\(file)")
            keywords(schema, at: file)
        }
    }

    @Test(arguments: [
        (#"{"id":"01KN33X5G0000G40R40M30E209","name":"a"}"#, ".public_key: missing"),
        (#"{"id":"01KN33X5G0000G40R40M30E209","name":3,"public_key":"x"}"#, ".name: not"),
        (#"{"id":"nobody","name":"a","public_key":"x"}"#, ".id: 'nobody' is not"),
        (#"{"id":"01KN33X5G0000G40R40M30E209","name":"a","public_key":"x","more":1}"#, ".more: no such member"),
        (#"{"id":"01KN33X5G0000G40R40M30E209","name":"a","public_key":"x","stopped":"tired"}"#, ".stopped: none of"),
        ("[]", "the whole: not"),
    ])
    func theCheckSeesWhatIsWrong(text: String, what: String) throws {
        let found = try JSONSchema("identity show").violations(of: JSON(Array(text.utf8)))
        #expect(found.contains { "\($0)".hasPrefix(what) }, "\(found)")
    }

    @Test(arguments: allCommands.map(\.name))
    func helpManualAndJSONOfEachCommand(name: String) async throws {
        let command = try #require(allCommands.first { $0.name == name })
        let scratch = ScratchDirectory()
        let words = name.split(separator: " ").map(String.init)

        let help = try await Program.run(words + ["--help"], in: scratch)
        #expect(help.status == 0 && help.err.isEmpty)
        #expect(help.out.lowercased().hasPrefix(command.summary.lowercased()))
        #expect(help.out.contains("usage: \(command.usage)"))
        for option in command.accepted { #expect(help.out.contains(option.name) && help.out.contains(option.help), "\(option.name)") }
        for example in command.examples { #expect(help.out.contains(example.command), "\(example.command)") }
        let asked = try await Program.run(["help"] + words, in: scratch)
        #expect(asked.out == help.out)

        let manual = try await Program.run(["manual"] + words, in: scratch)
        let page = manual.out.replacing("\\-", with: "-")
        #expect(manual.status == 0 && page.contains(".SH SYNOPSIS"))
        for option in command.accepted { #expect(page.contains(option.name), "\(option.name)") }

        // Where there is no node: a failure that says so, in JSON, or facts; held to the schemas as every run is.
        guard command.printsFacts else { return }
        let arguments = command.positionals.filter { $0.count == .one || $0.count == .many }.map { _ in "nothing" }
        let dryRun = command.options.contains { $0.name == "--dry-run" } ? ["--dry-run"] : []
        let config = scratch.file("none/federation.yaml")
        let run = try await Program.run(words + arguments + dryRun + ["--json", "--no-input", "--config", config], in: scratch)
        if run.status != 0, run.status != 2 {
            #expect(try run.json["error"] != nil || run.json["ok"]?.bool == false, "\(run.out)\(run.err)")
        }
    }
}
