import FederationCore
import Glibc
import Testing

/// Directories of notes, as the tests of them look at one.
protocol NoteTests {}

extension NoteTests {
    func ring() async throws -> Ring {
        let ring = try await Ring("alpha", "beta")
        for node in ring.nodes { giveNotes(node) }
        return ring
    }

    func giveNotes(_ node: TestNode, _ lines: String...) {
        let more = lines.map { "    \($0)\n" }.joined()
        TestFile.write(
            TestFile.text(node.configPath)
                + "\nreplayers:\n  - name: notes\n    replayer: files\n    directory: notes\n\(more)", to: node.configPath)
    }

    func folder(_ node: TestNode) -> String { node.directory + "/notes" }

    func notes(_ node: TestNode) -> [String] {
        TestFile.names(in: folder(node)).filter { !$0.hasPrefix(".") }.sorted()
    }

    /// What a note says below its front matter.
    func body(_ node: TestNode, _ name: String) -> String {
        let text = TestFile.text(folder(node) + "/" + name)
        guard let end = text.ranges(of: "---\n").dropFirst().first else { return text }
        return String(text[end.upperBound...].drop { $0 == "\n" })
    }

    func count(_ node: TestNode) async throws -> Int { try await node.events().count }

    func files(_ node: TestNode) async throws -> JSON? { try await node.status().at("replayers", "0", "files") }

    func leftAlone(_ node: TestNode) async throws -> [String] {
        try await files(node)?["left_alone"]?.array?.map { "\($0["file"]?.string ?? "") \($0["why"]?.string ?? "")" } ?? []
    }

    /// As vim saves: a new file in the place of the old one, and another beside it meanwhile.
    func saveByRename(_ text: String, _ path: String) {
        TestFile.write(text, to: path + ".swp")
        rename(path, path + "~")
        TestFile.write(text, to: path)
        unlink(path + "~")
        unlink(path + ".swp")
    }

    /// As others do: a whole text beside it, and then in its place.
    func saveAtomically(_ text: String, _ path: String) {
        TestFile.write(text, to: path + ".tmp")
        rename(path + ".tmp", path)
    }
}

/// `replayer: files`: directories of notes, and the editors of people.
@Suite(.serialized) struct NotesTests: NoteTests {
    @Test func whatIsWrittenInOneDirectoryIsInTheOther() async throws {
        let ring = try await ring()
        try await ring.start()
        let (alpha, beta) = (ring["alpha"], ring["beta"])
        // From the command line into both.
        let id = try await alpha.put("# One\n\nText.\n", "--title", "One: a note?")
        try await eventually("it is in both; \(alpha.log)") {
            (notes(alpha) == ["One- a note-.md"] && notes(beta) == notes(alpha)).orNil
        }
        #expect(TestFile.bytes(folder(alpha) + "/One- a note-.md") == TestFile.bytes(folder(beta) + "/One- a note-.md"))
        // An edit there, saved as vim does.
        let path = folder(beta) + "/One- a note-.md"
        saveByRename(TestFile.text(path) + "More.\n", path)
        try await eventually("the edit is here") { body(alpha, "One- a note-.md").hasSuffix("More.\n").orNil }
        #expect(try await count(alpha) == 2)
        // Once more from the same buffer of the editor, in place.
        TestFile.write(TestFile.text(path) + "And more.\n", to: path)
        try await eventually("that, too") { body(alpha, "One- a note-.md").hasSuffix("And more.\n").orNil }
        // A new file, without front matter.
        TestFile.write("Just text.\n", to: folder(alpha) + "/Idea.md")
        try await eventually("a new note") { (notes(beta).contains("Idea.md") && body(beta, "Idea.md") == "Just text.\n").orNil }
        // Another name, which is another title.
        try await eventually("its file has front matter") { TestFile.text(folder(alpha) + "/Idea.md").hasPrefix("---\n").orNil }
        rename(folder(alpha) + "/Idea.md", folder(alpha) + "/Better idea.md")
        try await eventually("the other name") { (notes(beta) == ["Better idea.md", "One- a note-.md"]).orNil }
        // Deleted: into the bin, which can be undone.
        unlink(folder(beta) + "/One- a note-.md")
        try await eventually("it is gone") { (notes(alpha) == ["Better idea.md"]).orNil }
        #expect(try await alpha.facts("show", id)["lifecycle"]?.string == "trashed")
        #expect(try await beta.run("recover", id).status == 0)
        try await eventually("it is back") { (notes(alpha).count == 2 && notes(beta) == notes(alpha)).orNil }
        #expect(body(alpha, "One- a note-.md").hasSuffix("And more.\n"))
        // The same by bringing the file back.
        let kept = TestFile.text(folder(beta) + "/One- a note-.md")
        unlink(folder(beta) + "/One- a note-.md")
        try await eventually("it is gone again") { (notes(alpha) == ["Better idea.md"]).orNil }
        TestFile.write(kept, to: folder(beta) + "/One- a note-.md")
        try await eventually("it is back again") { (notes(alpha).count == 2 && notes(beta) == notes(alpha)).orNil }
        #expect(body(alpha, "One- a note-.md").hasSuffix("And more.\n"))
        // Create, two edits, create, a title, trash and recover twice; and nothing goes round.
        try await Task.sleep(for: .seconds(2))
        #expect(try await count(alpha) == 9)
        #expect(try await count(beta) == 9)
        #expect(try await files(alpha)?["conflicts"]?.integer == 0)
        #expect(try await files(alpha)?["left_alone"]?.array?.isEmpty == true)
        for node in ring.nodes { #expect(try await node.stop() == .exited(0)) }
    }

    @Test func editsThatCrossStandSideBySideUntilSomebodySavesOne() async throws {
        let ring = try await ring()
        try await ring.start()
        let (alpha, beta) = (ring["alpha"], ring["beta"])
        let id = try await alpha.put("First.\n", "--title", "Note")
        try await eventually("it is in both") { (notes(beta) == ["Note.md"] && notes(alpha) == ["Note.md"]).orNil }
        // Made while the nodes are off, and taken in by each before it hears of the other.
        try await ring.stop()
        for node in ring.nodes {
            let path = folder(node) + "/Note.md"
            TestFile.write(TestFile.text(path).replacing("First.", with: "By \(node.name)."), to: path)
            try await node.start()
            try await eventually("its edit is an event") { (try await count(node) == 2).orNil }
            #expect(try await node.stop() == .exited(0))
        }
        try await ring.start()
        try await eventually("both know of two versions; \(alpha.log)") { () async throws -> Bool? in
            for node in ring.nodes where try await node.facts("show", id)["diverged"]?.bool != true { return nil }
            return ring.nodes.allSatisfy { TestFile.text(folder($0) + "/Note.md").contains("2 versions") }.orNil
        }
        #expect(body(alpha, "Note.md") == body(beta, "Note.md"))
        let path = folder(alpha) + "/Note.md"
        let front = TestFile.text(path).prefix(upTo: try #require(TestFile.text(path).ranges(of: "---\n").dropFirst().first).upperBound)
        TestFile.write(front + "\nBy both.\n", to: path)
        try await eventually("it is settled; \(alpha.log)") { () async throws -> Bool? in
            for node in ring.nodes where try await node.facts("show", id)["diverged"]?.bool == true { return nil }
            return (body(beta, "Note.md") == "By both.\n" && !TestFile.text(folder(beta) + "/Note.md").contains("versions")).orNil
        }
        #expect(try await count(alpha) == 4)
        for node in ring.nodes { #expect(try await node.stop() == .exited(0)) }
    }

    @Test func anEditOfAnOldTextIsKeptBesideTheNote() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        giveNotes(node)
        try await node.start()
        let id = try await node.put("First.\n", "--title", "Note")
        let path = folder(node) + "/Note.md"
        try await eventually("it is there") { TestFile.exists(path).orNil }
        let buffer = TestFile.text(path)
        try await node.put("Second.\n", "--id", id)
        try await eventually("the second is there") { (body(node, "Note.md") == "Second.\n").orNil }
        // An editor that still has the first saves it.
        TestFile.write(buffer.replacing("First.", with: "First, edited."), to: path)
        try await eventually("both are kept; \(node.log)") {
            let copy = notes(node).first { $0.contains(".conflict-") }
            return (body(node, "Note.md") == "Second.\n" && copy.map { body(node, $0) } == "First, edited.\n").orNil
        }
        #expect(try await count(node) == 2)
        #expect(try await files(node)?["conflicts"]?.integer == 1)
        #expect(try await node.run("status").out.contains("kept beside"))
        #expect(try await node.stop() == .exited(0))
    }

    /// The ordinary way to make a note: the editor in which it was begun knows nothing of front matter.
    @Test func aSaveWithoutFrontMatterWritesOverNobodysText() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        giveNotes(node)
        try await node.start()
        let path = folder(node) + "/Idea.md"
        try await eventually("the directory is made") { TestFile.exists(folder(node) + "/.federation-notes").orNil }
        TestFile.write("Mine.\n", to: path)
        try await eventually("it has front matter") { TestFile.text(path).hasPrefix("---\n").orNil }
        // Its own text it may write over, as often as it likes.
        for save in 1...2 {
            TestFile.write("Mine \(save).\n", to: path)
            try await eventually("saved again; \(node.log)") {
                (try await count(node) == save + 1 && TestFile.text(path).hasPrefix("---\n")).orNil
            }
        }
        #expect(try await files(node)?["conflicts"]?.integer == 0)
        let line = try #require(TestFile.text(path).split(separator: "\n").first { $0.hasPrefix("id: ") })
        let id = String(line.dropFirst(4))
        try await node.put("Theirs.\n", "--id", id)
        try await eventually("theirs is there") { (body(node, "Idea.md") == "Theirs.\n").orNil }
        TestFile.write("Mine 3.\n", to: path)
        try await eventually("both are kept; \(node.log)") {
            let copy = notes(node).first { $0.contains(".conflict-") }
            return (body(node, "Idea.md") == "Theirs.\n" && copy.map { body(node, $0) } == "Mine 3.\n").orNil
        }
        #expect(try await count(node) == 4)
        #expect(try await node.stop() == .exited(0))
    }

    @Test func manyAtOnceAreNotDeletedAndNothingIsUnderAnEarlierMark() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        giveNotes(node)
        // What lies under the disk: begun with, and left.
        try await node.start()
        try await eventually("it is begun with") { TestFile.exists(folder(node) + "/.federation-notes").orNil }
        for number in 0..<30 { try await node.put("Text.\n", "--title", "Note \(number)") }
        try await eventually("they are there; \(node.log)") { (notes(node).count == 30).orNil }
        // All but a few vanish.
        let kept = notes(node).filter { $0 >= "Note 5" }
        for name in notes(node) where !kept.contains(name) { rename(folder(node) + "/" + name, node.scratch.file(name)) }
        try await eventually("it is told; \(node.log)") { (try await files(node)?["problem"]?.string == "many_missing").orNil }
        #expect(try await node.run("status").out.contains("replayer rewind notes"))
        #expect(try await node.run("status", "--check").status != 0)
        try await Task.sleep(for: .seconds(2))
        #expect(try await count(node) == 30)
        // The same after a start.
        try await node.stop()
        try await node.start()
        try await eventually("it is told again") { (try await files(node)?["problem"]?.string == "many_missing").orNil }
        // Put back.
        for name in TestFile.names(in: node.scratch.path) where name.hasPrefix("Note ") {
            rename(node.scratch.file(name), folder(node) + "/" + name)
        }
        try await eventually("all is well; \(node.log)") { (try await files(node)?["problem"] == nil).orNil }
        #expect(notes(node).count == 30)
        #expect(try await count(node) == 30)
        // A directory with the mark of an earlier beginning, and without notes.
        rename(folder(node), folder(node) + ".under")
        try await eventually("it is missed") { (try await files(node)?["problem"]?.string == "directory_missing").orNil }
        #expect(try await node.run("replayer", "rewind", "notes").status == 0)
        try await eventually("begun with anew") { (notes(node).count == 30).orNil }
        rename(folder(node), folder(node) + ".disk")
        rename(folder(node) + ".under", folder(node))
        for name in notes(node) where name != "Note 0.md" { unlink(folder(node) + "/" + name) }
        try await eventually("it is another") { (try await files(node)?["problem"]?.string == "directory_missing").orNil }
        try await Task.sleep(for: .seconds(3))
        #expect(try await count(node) == 30)
        #expect(try await node.stop() == .exited(0))
    }

    @Test func whatIsNoNoteIsLeftAloneAndTold() async throws {
        let node = try await TestNode("alpha", in: ScratchDirectory())
        giveNotes(node)
        try await node.start()
        try await eventually("the directory is made") { TestFile.exists(folder(node) + "/.federation-notes").orNil }
        TestFile.write("secret", to: node.scratch.file("outside.md"))
        symlink(node.scratch.file("outside.md"), folder(node) + "/link.md")
        TestFile.write([0xFF, 0xFE, 0x0A], to: folder(node) + "/bytes.md")
        TestFile.write("---\nmood: good\n---\nText\n", to: folder(node) + "/matter.md")
        TestFile.write("---\nid: 20260407-nobody-x\n---\nText\n", to: folder(node) + "/unknown.md")
        TestFile.write("no note", to: folder(node) + "/picture.png")
        mkdir(folder(node) + "/folder.md", 0o755)
        TestFile.write([UInt8](repeating: 0x61, count: Limits.noteBytes + 1), to: folder(node) + "/large.md")
        let left = [
            "bytes.md not_utf8", "folder.md not_a_file", "large.md too_large", "link.md not_a_file", "matter.md front_matter",
            "unknown.md unknown_record",
        ]
        try await eventually("they are told; \(node.log)") { (try await leftAlone(node) == left).orNil }
        let shown = try await node.run("replayer", "show", "notes")
        #expect(shown.out.contains("left alone") && shown.out.contains("large.md: too_large"), "\(shown.out)")
        #expect(try await count(node) == 0)
        // A directory that is gone, a disk that is not mounted, deletes nothing.
        try await node.put("Text.\n", "--title", "Note")
        try await eventually("the note is there") { notes(node).contains("Note.md").orNil }
        rename(folder(node), folder(node) + ".away")
        try await eventually("it is missed") { (try await files(node)?["problem"]?.string == "directory_missing").orNil }
        mkdir(folder(node), 0o755)
        try await Task.sleep(for: .seconds(3))
        #expect(try await count(node) == 1)
        rmdir(folder(node))
        rename(folder(node) + ".away", folder(node))
        try await eventually("it is back") { (try await files(node)?["problem"] == nil).orNil }
        #expect(try await count(node) == 1)
        #expect(try await node.stop() == .exited(0))
    }

    @Test func savesOfAnyKindAreFewEventsAndNeverHalfAText() async throws {
        let ring = try await ring()
        try await ring.start()
        let (alpha, beta) = (ring["alpha"], ring["beta"])
        try await alpha.put("Start.\n", "--title", "Note")
        try await eventually("it is in both") { (notes(beta) == ["Note.md"] && notes(alpha) == ["Note.md"]).orNil }
        let path = folder(alpha) + "/Note.md"
        let front = String(TestFile.text(path).dropLast("Start.\n".count))
        let begun = ContinuousClock.now
        for save in 1...50 {
            let text = front + "Save \(save).\n"
            switch save % 3 {
            case 0: TestFile.write(text, to: path)
            case 1: saveByRename(text, path)
            default: saveAtomically(text, path)
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        let seconds = Int((ContinuousClock.now - begun).components.seconds)
        try await eventually("the last is there") { (body(beta, "Note.md") == "Save 50.\n").orNil }
        let events = try await count(alpha)
        // Where the saves take long, there are more pauses between them in which a text settles: a quarter of a second each.
        #expect(events >= 2 && events <= 6 + 4 * (seconds + 1), "\(events) events of 50 saves in \(seconds) s")
        // A program that writes slowly, and pauses for longer than any editor between two steps of one save.
        let slow = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC)
        func say(_ text: String) { _ = Array(text.utf8).withUnsafeBytes { write(slow, $0.baseAddress, $0.count) } }
        say(front + "Half")
        try await Task.sleep(for: .seconds(2))
        #expect(try await count(alpha) == events)
        say(" and whole.\n")
        close(slow)
        try await eventually("the whole is there") { (body(beta, "Note.md") == "Half and whole.\n").orNil }
        #expect(try await count(alpha) == events + 1)
        for node in ring.nodes {
            #expect(try await leftAlone(node) == [])
            #expect(notes(node) == ["Note.md"])
            #expect(try await node.stop() == .exited(0))
        }
    }

    @Test func noTitleOfAnotherNodeLeavesTheDirectory() async throws {
        let ring = try await ring()
        let (alpha, beta) = (ring["alpha"], ring["beta"])
        try await ring.start()
        let titles = [
            "../outside", "/etc/passwd", "..", ".", ".federation-notes", "a/../../b", String(repeating: "long ", count: 100), "Case", "case",
            "CASE", "line\nbreak", "~", "e\u{301}", "\u{E9}", "con", "x.conflict-1.md", "\u{202E}gnp.md",
        ]
        for title in titles { try await alpha.put("Text of \(title.count).\n", "--title", title) }
        try await eventually("all are there; \(beta.log)") { (notes(beta).count == titles.count).orNil }
        try await eventually("and here") { (notes(alpha).count == titles.count).orNil }
        for node in ring.nodes {
            for name in notes(node) {
                var status = stat()
                #expect(lstat(folder(node) + "/" + name, &status) == 0 && status.st_mode & S_IFMT == S_IFREG)
                #expect(name.utf8.count < 200 && name.hasSuffix(".md"))
                #expect(name.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F && $0.value != 0x202E })
            }
            #expect(Set(notes(node).map { $0.lowercased() }).count == titles.count)
            #expect(!TestFile.exists(node.directory + "/outside.md") && !TestFile.exists(node.scratch.file("b.md")))
            #expect(try await leftAlone(node) == [])
        }
        // Names are names, not edits.
        #expect(try await count(alpha) == titles.count)
        #expect(try await count(beta) == titles.count)
        for node in ring.nodes { #expect(try await node.stop() == .exited(0)) }
    }
}
