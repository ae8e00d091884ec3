import FederationCore
import Testing

/// What was hardly mistyped is named, whatever it is a name of.
@Suite struct SuggestionTests {
    @Test func commandsOptionsAndWordsOfTheirs() async throws {
        let scratch = ScratchDirectory()
        for (arguments, meant) in [
            (["stauts"], "status"), (["quarantine", "lst"], "quarantine list"), (["status", "--brif"], "--brief"),
            (["completion", "bahs"], "bash"), (["manual", "recrods"], "records"), (["help", "synk"], "sync"),
        ] {
            let result = try await Program.run(arguments, in: scratch)
            #expect(result.status == 2 && result.err.contains("hint: did you mean '\(meant)'?"), "\(arguments): \(result)")
        }
    }

    @Test func peersRecordsAndWordsOfRecords() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        node.setPeer("beta", "http://127.0.0.1:1")
        let id = try await node.put("# Meeting on Monday\n")
        let mistyped = String(id.dropLast()) + (id.hasSuffix("0") ? "1" : "0")
        let peer = try await node.run("sync", "bata")
        #expect(peer.err.contains("hint: did you mean 'beta'? known peers: beta"), "\(peer)")
        let other = try await node.run("sync", "office")
        #expect(other.err.contains("hint: known peers: beta"), "\(other)")
        for typed in [mistyped, String(id.dropLast(7)), id.uppercased()] {
            let record = try await node.run("show", typed)
            #expect(record.status == 1 && record.err.contains("hint: did you mean '\(id)'?"), "\(record)")
        }
        // Whatever is asked about a record or an event.
        for arguments in [
            ["why", mistyped], ["resolve", mistyped, "--accept", "alpha"], ["archive", mistyped], ["trash", mistyped], ["events", mistyped],
        ] {
            let record = try await Program.run(arguments + ["--config", node.configPath], in: node.scratch)
            #expect(record.status != 0 && record.err.contains("did you mean '\(id)'?"), "\(arguments): \(record)")
        }
        let event = try #require(try await node.facts("events")["events"]?.array?.first?["id"]?.string)
        for typed in [String(event.dropLast()) + (event.hasSuffix("0") ? "1" : "0"), String(event.dropLast(6)), event.lowercased()] {
            for arguments in [["why", typed], ["events", "--since", typed]] {
                let why = try await Program.run(arguments + ["--config", node.configPath], in: node.scratch)
                if arguments[0] == "events", typed.count < 26 || typed != typed.uppercased() { continue }
                #expect(why.status != 0 && why.err.contains("did you mean '\(event)'?"), "\(arguments): \(why)")
            }
        }
        let unknown = try await node.run("show", "20010101-nothing-like-it-k3x9qa")
        #expect(unknown.err.contains("hint: list them with 'federation records'"), "\(unknown)")
        let type = try await node.run("put", "-", "--type", "decison", input: "# X\n")
        #expect(type.err.contains("did you mean 'decision'?"), "\(type)")
    }

    /// Nothing draws or colours where no person looks.
    @Test func offATerminalNothingIsColoured() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        node.setPeer("away", "http://127.0.0.1:1")
        try await node.put("# Note\n")
        for arguments in [["sync"], ["status"], ["status", "--brief"], ["records"], ["events"], ["check"], ["peers"], ["verify", "--self"], ["nonsense"]] {
            for environment in [[:], ["NO_COLOR": "1"], ["TERM": "xterm-256color", "CLICOLOR_FORCE": "1"]] {
                let result = try await Program.run(arguments + ["--config", node.configPath], in: node.scratch, environment: environment)
                #expect(!(result.out + result.err).utf8.contains(0x1B), "\(arguments)")
            }
        }
    }
}
