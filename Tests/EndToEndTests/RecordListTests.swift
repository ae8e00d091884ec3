import FederationCore
import Testing

/// `records` with its conditions.
@Suite(.serialized) struct RecordListTests {
    @Test(arguments: [false, true])
    func conditionsAreAllMet(withDaemon: Bool) async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        let red = try await node.put("---\ntags: [Crimson, shared]\ntype: decision\n---\n# Alpha\n\nUses the write-ahead LOG.\n")
        let blue = try await node.put("---\ntags: [blue, shared]\n---\n# Beta\n\n100% \u{DC}BERSICHT_x\n")
        let gone = try await node.put("---\ntags: [shared]\n---\n# Gamma\n\nlog\n")
        try await expectOK(node.run("trash", gone))
        if withDaemon { try await node.start() }
        func ids(_ options: String...) async throws -> Set<String> {
            let result = try await Program.run(["records", "--json", "--config", node.configPath] + options, in: node.scratch)
            guard result.status == 0 else { throw Unfulfilled("\(options): \(result.err)") }
            return Set(try result.json["records"]?.array?.compactMap { $0["id"]?.string } ?? [])
        }
        #expect(try await ids() == [red, blue])
        #expect(try await ids("--all") == [red, blue, gone])
        #expect(try await ids("--state", "all") == [red, blue, gone])
        #expect(try await ids("--state", "trashed") == [gone])
        #expect(try await ids("--type", "decision") == [red])
        #expect(try await ids("--tag", "shared") == [red, blue])
        #expect(try await ids("--tag", "crimson") == [])
        #expect(try await ids("--tag", "shared", "--type", "note") == [blue])
        #expect(try await ids("--search", "log") == [red])
        #expect(try await ids("--search", "LOG", "--state", "all") == [red, gone])
        #expect(try await ids("--search", "\u{FC}bersicht_") == [blue])
        #expect(try await ids("--search", "CRIMSON") == [red])
        #expect(try await ids("--search", "alpha", "--tag", "blue") == [])
        #expect(try await ids("--search", "%") == [blue])
        let text = try await node.run("records", "--search", "nowhere")
        #expect(text.status == 0 && text.out.isEmpty && text.err == "no record is like that\n")
        #expect(try await node.run("records", "--state", "trashed").out.hasSuffix("Gamma  [trashed]\n"))
        if withDaemon { #expect(try await node.stop() == .exited(0)) }
    }

    @Test func pagesAreWholeAndInOrder() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        try await node.start()
        var all: [String] = []
        for number in 0..<23 { all.append(try await node.put("# Number \(number % 5)\n\n\(number % 2 == 0 ? "even" : "odd")\n")) }
        for (options, wanted) in [([], 23), (["--search", "EVEN"], 12)] as [([String], Int)] {
            var found: [String] = []
            var after: String?
            repeat {
                let page = try await Program.run(
                    ["records", "--json", "--limit", "4", "--config", node.configPath] + options
                        + (after.map { ["--after", $0] } ?? []), in: node.scratch).json
                let ids = page["records"]?.array?.compactMap { $0["id"]?.string } ?? []
                found += ids
                after = page["more"]?.bool == true ? ids.last : nil
            } while after != nil && found.count < 100
            #expect(found == found.sorted() && Set(found).count == found.count)
            #expect(found.count == wanted && Set(found).isSubset(of: all))
        }
        let first = try await node.run("records", "--limit", "3")
        #expect(first.err.hasPrefix("… and more: --after "), "\(first.err)")
        #expect(try await node.stop() == .exited(0))
    }

    @Test func whatIsNoConditionIsRefused() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        func code(_ options: String...) async throws -> String? {
            let result = try await Program.run(["records", "--json", "--config", node.configPath] + options, in: node.scratch)
            return result.status == 1 ? try result.json.at("error", "code")?.string : "status \(result.status)"
        }
        #expect(try await code("--state", "gone") == "unknown_state")
        #expect(try await code("--type", "sonnet") == "unknown_type")
        #expect(try await code("--search", "") == "search_text")
        #expect(try await code("--search", String(repeating: "x", count: 1025)) == "search_text")
        #expect(try await code("--all", "--state", "all") == "status 2")
    }
}
