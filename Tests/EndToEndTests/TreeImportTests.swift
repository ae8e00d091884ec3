import FederationCore
import Glibc
import Testing

@Suite(.serialized) struct TreeImportTests {
    private func tree(in scratch: ScratchDirectory) -> String {
        let root = scratch.file("notes")
        for folder in ["", "/deep", "/deep/deeper", "/.obsidian", "/outside"] { mkdir(root + folder, 0o700) }
        return root
    }

    private func codes(_ facts: JSON) -> [String] {
        (facts["problems"]?.array ?? []).map { "\($0["path"]?.string ?? "") \($0["code"]?.string ?? "")" }
    }

    private func counts(_ facts: JSON) -> [Int64?] {
        ["read", "created", "updated", "unchanged"].map { facts.at("files", $0)?.integer }
    }

    @Test(arguments: [true, false])
    func aTreeIsOneRecordAFileAndTwiceIsOnce(isRunning: Bool) async throws {
        let scratch = ScratchDirectory()
        let root = tree(in: scratch)
        TestFile.write("# One\n\nfirst", to: root + "/one.md")
        TestFile.write("---\ntitle: Two\ntags: [x, y]\ntype: fact\n---\n\nsecond\n", to: root + "/deep/deeper/two.markdown")
        let vault = "---\naliases: [three]\ntags: [z]\n# no heading\n---\n\n# Third\n\nthird\n"
        TestFile.write(vault, to: root + "/deep/three.MD")
        TestFile.write("---\nnot front matter\n", to: root + "/four.md")
        TestFile.write("hidden", to: root + "/.obsidian/hidden.md")
        TestFile.write("hidden", to: root + "/.hidden.md")
        TestFile.write("not Markdown", to: root + "/five.txt")
        TestFile.write([0x23, 0x20, 0x00, 0x41], to: root + "/binary.md")
        TestFile.write([0x23, 0x20, 0xFF, 0xFE], to: root + "/latin.md")
        TestFile.write(String(repeating: "x", count: 4 << 20), to: root + "/large.md")
        TestFile.write("secret", to: scratch.file("secret.md"))
        symlink(scratch.file("secret.md"), root + "/link.md")
        symlink(scratch.path, root + "/deep/up")
        mkfifo(root + "/pipe.md", 0o600)
        let node = try await TestNode("ours", in: scratch)
        if isRunning { try await node.start() }

        // What a rehearsal that was killed has left; no process has such a number.
        let leftover = node.directory + "/data/rehearsal-2147483646.db-wal"
        TestFile.write("left", to: leftover)
        let rehearsed = try await node.run("import", root, "--dry-run", "--json").json
        #expect(!TestFile.exists(leftover))
        #expect(TestFile.names(in: node.directory + "/data").allSatisfy { !$0.hasPrefix("rehearsal") })
        #expect(try await node.facts("records")["records"]?.array?.isEmpty == true)
        let first = try await node.run("import", root, "--json")
        #expect(first.status == 6)
        for facts in [rehearsed, try first.json] {
            #expect(facts["kind"]?.string == "markdown")
            #expect(counts(facts) == [7, 4, 0, 0])
            #expect(facts.at("files", "links")?.integer == 2)
            #expect(codes(facts) == ["binary.md binary", "large.md too_large", "latin.md not_utf8"])
        }
        let records = try await node.facts("records")["records"]?.array ?? []
        #expect(Set(records.compactMap { $0["title"]?.string }) == ["One", "Two", "Third", "---"])
        func record(_ title: String) async throws -> JSON {
            let id = try #require(records.first { $0["title"]?.string == title }?["id"]?.string)
            return try await node.facts("show", id)
        }
        #expect(try await record("One")["body"]?.string == "# One\n\nfirst")
        let two = try await record("Two")
        #expect(two["body"]?.string == "second\n")
        #expect(two["tags"]?.array?.compactMap(\.string) == ["x", "y"])
        #expect(two["type"]?.string == "fact")
        // What its own program says in the front matter is kept, and what we understand of it is used.
        let three = try await record("Third")
        #expect(three["body"]?.string == vault)
        #expect(three["tags"]?.array?.compactMap(\.string) == ["z"])

        let log = try await node.events()
        let second = try await node.run("import", root, "--json").json
        #expect(counts(second) == [7, 0, 0, 4])
        #expect(try await node.events() == log)

        TestFile.write("# One\n\nchanged", to: root + "/one.md")
        unlink(root + "/four.md")
        let third = try await node.run("import", root, "--json").json
        #expect(counts(third) == [6, 0, 1, 2])
        #expect(third["removed"]?.array?.compactMap(\.string) == ["four.md"])
        #expect(try await record("One")["body"]?.string == "# One\n\nchanged")
        #expect(try await node.facts("records")["records"]?.array?.count == 4)
        if isRunning { #expect(try await node.stop() == .exited(0)) }
    }

    /// What was edited here since is not written over.
    @Test func anEditMadeHereIsNotWrittenOver() async throws {
        let scratch = ScratchDirectory()
        let root = tree(in: scratch)
        TestFile.write("# One\n\nfirst", to: root + "/one.md")
        TestFile.write("---\nid: 20260405-named\n---\n# Named\n", to: root + "/named.md")
        let node = try await TestNode("ours", in: scratch)
        let first = try await node.facts("import", root)
        let written = first["written"]?.array ?? []
        #expect(written.compactMap { $0["path"]?.string } == ["named.md", "one.md"])
        #expect(written[0]["id"]?.string == "20260405-named")
        let one = try #require(written[1]["id"]?.string)

        try await node.put("# One\n\nedited here", "--id", one)
        #expect(counts(try await node.facts("import", root)) == [2, 0, 0, 2])
        TestFile.write("# One\n\nedited there", to: root + "/one.md")
        let refused = try await node.run("import", root)
        #expect(refused.status == 6)
        #expect(refused.err.contains("one.md: the record was changed here since the file was imported"))
        #expect(try await node.facts("show", one)["body"]?.string == "# One\n\nedited here")
        // Settled by hand, the file says what the record says, and all is well.
        try await node.put("# One\n\nedited there", "--id", one)
        #expect(counts(try await node.facts("import", root)) == [2, 0, 0, 2])
        TestFile.write("# One\n\nedited again", to: root + "/one.md")
        #expect(counts(try await node.facts("import", root)) == [2, 0, 1, 1])

        // A moved tree is known by the name it was given, and a moved file by the id it carries.
        #expect(counts(try await node.facts("import", root, "--tree", "vault")) == [2, 1, 0, 1])
        rename(root, scratch.file("moved"))
        rename(scratch.file("moved/named.md"), scratch.file("moved/renamed.md"))
        let moved = try await node.facts("import", scratch.file("moved"), "--tree", "vault")
        #expect(counts(moved) == [2, 0, 0, 2])
        #expect(moved["removed"]?.array?.compactMap(\.string) == ["named.md"])
    }

    /// Killed at any moment, an import is begun anew, and every file is one record.
    @Test(arguments: [true, false])
    func anImportThatIsKilledCostsASecondRun(isRunning: Bool) async throws {
        let scratch = ScratchDirectory()
        let root = tree(in: scratch)
        let files = 1500
        for number in 0..<files { TestFile.write("# Note \(number)\n\ntext of \(number)\n", to: "\(root)/deep/\(number).md") }
        let node = try await TestNode("ours", in: scratch)
        if isRunning { try await node.start() }
        let log = scratch.file("import.log")
        let process = try ChildProcess(
            Program.path, ["import", root, "--config", node.configPath], output: log, error: log)
        try await eventually("the first batch") {
            try await node.facts("status")["records"]?.integer ?? 0 > 0 || process.poll() != nil ? true : nil
        }
        process.signal(SIGKILL)
        _ = try await process.end()
        // A daemon may be at the batch that was handed to it last.
        let again = try await node.facts("import", root)
        let created = again.at("files", "created")?.integer ?? -1
        #expect(created % 500 == 0, "a batch is whole or not there")
        #expect(counts(again) == [Int64(files), created, 0, Int64(files) - created])
        let records = try await node.facts("records", "--limit", "10000")["records"]?.array ?? []
        #expect(Set(records.compactMap { $0["title"]?.string }) == Set((0..<files).map { "Note \($0)" }))
        #expect(records.count == files)
        if isRunning { #expect(try await node.stop() == .exited(0)) }
    }

    @Test func whatIsNoDirectoryIsSaidSo() async throws {
        let scratch = ScratchDirectory()
        let node = try await TestNode("ours", in: scratch)
        let missing = try await node.run("import", scratch.file("nothing"), "--json")
        #expect(missing.status == 1)
        #expect(try missing.json.at("error", "code")?.string == "file")
        TestFile.write("x", to: scratch.file("x.md"))
        #expect(try await node.run("import", scratch.file("x.md")).err.contains("it is no bundle"))
        mkdir(scratch.file("empty"), 0o700)
        #expect(try await node.run("import", scratch.file("empty")).status == 0)
        // A cortex whose database is none.
        for folder in ["c", "c/db"] { mkdir(scratch.file(folder), 0o700) }
        TestFile.write("---\nname: c\nid: 01KNJX4991ASW6NNKS9BQHNCGB\n---\n", to: scratch.file("c/cortex.md"))
        TestFile.write("not a database, but long enough to be looked at", to: scratch.file("c/db/noema.db"))
        let none = try await node.run("import", scratch.file("c"))
        #expect(none.status == 1)
        #expect(none.err.contains("it holds no event log of a cortex"))
    }
}
