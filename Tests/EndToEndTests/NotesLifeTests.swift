import FederationCore
import Glibc
import Testing

/// Directories of notes through kills, reloads, rewinds and directories that cannot be written to.
@Suite(.serialized) struct NotesLifeTests: NoteTests {
    @Test func twoHundredNotesOutliveKillsAndMakeNoStorm() async throws {
        let ring = try await ring()
        try await ring.start()
        let (alpha, beta) = (ring["alpha"], ring["beta"])
        try await eventually("the directory is made") { TestFile.exists(folder(alpha) + "/.federation-notes").orNil }
        for number in 0..<200 {
            TestFile.write("Text \(number).\n", to: folder(alpha) + "/Note \(number).md")
            if number % 60 == 30 {
                try await alpha.stop(SIGKILL)
                try await alpha.start()
            }
        }
        try await eventually("all are there; \(alpha.log)") { (notes(beta).count == 200).orNil }
        for number in 0..<20 {
            let node = number % 2 == 0 ? alpha : beta
            saveByRename(TestFile.text(folder(node) + "/Note \(number).md") + "Edited.\n", folder(node) + "/Note \(number).md")
            if number == 10 {
                try await beta.stop(SIGKILL)
                try await beta.start()
            }
        }
        try await eventually("all edits are in both") {
            (0..<20).allSatisfy { number in
                ring.nodes.allSatisfy { body($0, "Note \(number).md") == "Text \(number).\nEdited.\n" }
            }.orNil
        }
        try await Task.sleep(for: .seconds(1))
        #expect(try await count(alpha) == 220)
        #expect(try await count(beta) == 220)
        for node in ring.nodes {
            #expect(notes(node).count == 200)
            #expect(try await files(node)?["conflicts"]?.integer == 0)
            #expect(try await node.stop() == .exited(0))
        }
    }

    /// Whatever the moment: each text that was saved last is in both directories, and none became two events.
    @Test func aKillAtAnyMomentCostsNothing() async throws {
        let ring = try await ring()
        try await ring.start()
        let (alpha, beta) = (ring["alpha"], ring["beta"])
        var random = SystemRandomNumberGenerator()
        try await eventually("the directory is made") { TestFile.exists(folder(alpha) + "/.federation-notes").orNil }
        for number in 0..<6 { TestFile.write("Text.\n", to: folder(alpha) + "/Note \(number).md") }
        try await eventually("they are in both") { (notes(beta).count == 6).orNil }
        try await eventually("with front matter") {
            (0..<6).allSatisfy { TestFile.text(folder(alpha) + "/Note \($0).md").hasPrefix("---\n") }.orNil
        }
        var saves = 0
        var last = [String](repeating: "Text.\n", count: 6)
        for round in 0..<12 {
            for number in 0..<6 where Bool.random(using: &random) {
                let path = folder(alpha) + "/Note \(number).md"
                let before = TestFile.text(path)
                let end = try #require(before.ranges(of: "---\n").dropFirst().first).upperBound
                let text = String(before[..<end]) + "\nRound \(round).\n"
                Bool.random(using: &random) ? saveByRename(text, path) : TestFile.write(text, to: path)
                saves += 1
                last[number] = "Round \(round).\n"
            }
            try await Task.sleep(for: .milliseconds(Int.random(in: 0...600, using: &random)))
            try await alpha.stop(SIGKILL)
            if round % 3 == 0 {
                try await beta.stop(SIGKILL)
                try await beta.start()
            }
            try await alpha.start()
        }
        func says(_ node: TestNode) -> [String] { (0..<6).map { body(node, "Note \($0).md") } }
        try await eventually("both say what was saved last; \(alpha.log)") { () async throws -> Bool? in
            (says(alpha) == last && says(beta) == last).orNil
        }
        try await Task.sleep(for: .seconds(2))
        for node in ring.nodes {
            #expect(says(node) == last)
            #expect(notes(node).count == 6)
        }
        let events = try await count(alpha)
        #expect(events <= 6 + saves && events > 6)
        #expect(try await count(beta) == events)
        for node in ring.nodes {
            #expect(try await files(node)?["conflicts"]?.integer == 0, "\(notes(node))")
            #expect(try await leftAlone(node) == [])
            #expect(try await node.stop() == .exited(0))
        }
    }

    @Test func itComesAndGoesWithTheConfigurationAndBeginsAnewWhenTold() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        let bare = TestFile.text(node.configPath)
        try await node.put("Text.\n", "--title", "Note")
        try await node.start()
        #expect(!TestFile.exists(folder(node)))
        giveNotes(node)
        kill(try #require(node.pid), SIGHUP)
        try await eventually("it begins; \(node.log)") { (notes(node) == ["Note.md"]).orNil }
        let with = TestFile.text(node.configPath)
        TestFile.write(bare, to: node.configPath)
        kill(try #require(node.pid), SIGHUP)
        try await eventually("it is over") { (try await node.status()["replayers"]?.array?.isEmpty ?? true).orNil }
        // What is done without it is found when it is back.
        TestFile.write(TestFile.text(folder(node) + "/Note.md") + "More.\n", to: folder(node) + "/Note.md")
        try await Task.sleep(for: .seconds(1))
        #expect(try await count(node) == 1)
        TestFile.write(with, to: node.configPath)
        kill(try #require(node.pid), SIGHUP)
        try await eventually("the edit is found") { (try await count(node) == 2).orNil }

        // Asked for what it has not: a clear no.
        for change in ["skip", "retry"] {
            let id = "01KNJX4991ASW6NNKS9BQHNCGB"
            let refused = try await node.run("replayer", change, "notes", id)
            #expect(refused.status == 1 && refused.err.contains("a directory of notes"), "\(refused.err)")
            #expect(refused.err.contains("federation: hint: 'federation replayer show notes'"))
        }
        #expect(try await node.run("replayer", "retry", "notes").status == 0)
        // What is remembered is forgotten, and compared anew: no event, and what is gone comes back.
        unlink(folder(node) + "/Note.md")
        #expect(try await node.run("replayer", "rewind", "notes").status == 0)
        try await eventually("it is back") { (notes(node) == ["Note.md"] && body(node, "Note.md") == "Text.\nMore.\n").orNil }
        // The same while the node is off, into another directory.
        try await node.stop()
        rename(folder(node), folder(node) + ".old")
        try await node.start()
        try await eventually("it is missed") {
            let text = try await node.run("status").out
            return (text.contains("replayer rewind notes")).orNil
        }
        try await node.stop()
        #expect(try await node.run("replayer", "rewind", "notes").status == 0)
        try await node.start()
        try await eventually("it begins there anew") { (notes(node) == ["Note.md"]).orNil }
        #expect(try await count(node) == 2)
        // Another's directory is nobody else's.
        try await node.stop()
        TestFile.write("01KNJX4991ASW6NNKS9BQHNCGB notes\n", to: folder(node) + "/.federation-notes")
        try await node.start()
        try await eventually("it is not ours") { (try await files(node)?["problem"]?.string == "directory_not_ours").orNil }
        #expect(try await node.run("status", "--check").status != 0)
        #expect(try await node.stop() == .exited(0))
    }

    @Test func whatCannotBeWrittenIsWrittenLater() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        giveNotes(node)
        try await node.start()
        try await eventually("the directory is made") { TestFile.exists(folder(node) + "/.federation-notes").orNil }
        // In the way of every file that is to be written.
        mkdir(folder(node) + "/.federation-note.part", 0o755)
        for number in 0..<3 { try await node.put("Text.\n", "--title", "Note \(number)") }
        try await eventually("it is told; \(node.log)") {
            (try await files(node)?["problem"]?.string == "directory_io").orNil
        }
        #expect(try await node.status().at("replayers", "0", "state")?.string == "waiting")
        #expect(notes(node) == [])
        rmdir(folder(node) + "/.federation-note.part")
        try await eventually("all are written") { (notes(node) == ["Note 0.md", "Note 1.md", "Note 2.md"]).orNil }
        try await eventually("all is well") { (try await files(node)?["problem"] == nil).orNil }
        #expect(try await node.stop() == .exited(0))
    }

    @Test func aDirectoryThatOnlyShowsTakesNoEdit() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        giveNotes(node, "edits: false")
        try await node.start()
        try await node.put("Text.\n", "--title", "Note")
        let path = folder(node) + "/Note.md"
        try await eventually("it is there") { TestFile.exists(path).orNil }
        TestFile.write(TestFile.text(path) + "Mine.\n", to: path)
        TestFile.write("New.\n", to: folder(node) + "/New.md")
        try await eventually("the edit is kept beside it; \(node.log)") {
            let copy = notes(node).first { $0.contains(".conflict-") }
            return (copy.map { body(node, $0) } == "Text.\nMine.\n" && body(node, "Note.md") == "Text.\n").orNil
        }
        unlink(path)
        try await eventually("it is back") { (body(node, "Note.md") == "Text.\n").orNil }
        #expect(try await count(node) == 1)
        #expect(TestFile.text(folder(node) + "/New.md") == "New.\n")
        #expect(try await node.stop() == .exited(0))
    }
}
