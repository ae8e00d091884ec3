import FederationCore
import FederationCrypto
import FederationTestKit
import Testing

@Suite struct NoteNameTests {
    @Test(arguments: [
        ("Hello", "Hello"), ("a/b\\c:d*e?f\"g<h>i|j", "a-b-c-d-e-f-g-h-i-j"), ("..", "Untitled"), ("", "Untitled"),
        (".hidden", "hidden"), ("~tmp", "tmp"), ("end. . ", "end"), ("a\u{0}b\u{7}\nc", "a b c"), ("con", "con_"),
        ("LPT1.txt", "LPT1.txt_"), ("a\u{202E}b", "a b"), ("café 🎈", "café 🎈"), ("x.conflict-y", "x_y"), ("/etc/passwd", "-etc-passwd"),
        ("x.conflict.conflict-y", "x.conflict_y"), ("x.conf.conflict-lict-y", "x.conf_lict-y"), (".\u{301}hidden", "\u{301}hidden"),
    ])
    func aTitleBecomesAName(title: String, stem: String) { #expect(NoteName.stem(title) == stem) }

    @Test func anyTitleIsANameThatStaysInTheDirectory() {
        var random = SeededRandom(seed: 5)
        for _ in 0..<3000 {
            var title = ""
            for _ in 0..<Int.random(in: 0...300, using: &random) {
                let ranges: [ClosedRange<UInt32>] = [0...0x7F, 0...0x7FF, 0x300...0x36F, 0x2000...0x2070, 0x1F300...0x1F6FF]
                let range = ranges.randomElement(using: &random)!
                if let scalar = Unicode.Scalar(UInt32.random(in: range, using: &random)) { title.unicodeScalars.append(scalar) }
            }
            for taken in 0..<5 {
                var asked = 0
                let name = NoteName.file(title: title, subject: title + "-b" + title, sha256) { _ in
                    asked += 1
                    return asked <= taken
                }
                #expect(name.utf8.count <= 180 && !name.utf8.contains(0x2F) && name.utf8.first != 0x2E)
                #expect(NoteName.title(of: name) != nil)
                let kept = NoteName.conflictFile(of: name, sha256([]))
                #expect(kept.utf8.count <= 230 && NoteName.isConflict(kept) && NoteName.title(of: kept) == nil)
            }
            let name = NoteName.file(title: title, subject: "20260407-a-b", sha256) { _ in false }
            #expect(name.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F })
            #expect(NoteName.stem(NoteName.stem(title)) == NoteName.stem(title))
        }
    }

    @Test func twoNotesOfOneTitleHaveTwoNames() {
        var taken: Set<String> = []
        for subject in ["20260407-a-k3x9qa", "20260407-a-z9", "20260408-a-z9"] {
            let name = NoteName.file(title: "A", subject: subject, sha256) { taken.contains($0.lowercased()) }
            #expect(taken.insert(name.lowercased()).inserted)
        }
        #expect(taken == ["a.md", "a (z9).md", "a (20260408-a-z9).md"])
    }

    @Test func notesThatAreToldApartByCaseAloneHaveTwoNames() {
        var taken: Set<String> = []
        for (title, subject) in [("Note", "x-Ab"), ("NOTE", "y-AB"), ("note", "z-aB"), ("no\u{2E}te", "x-ab"), ("Note", "X-AB")] {
            let name = NoteName.file(title: title, subject: subject, sha256) { taken.contains(NoteName.folded($0)) }
            #expect(taken.insert(NoteName.folded(name)).inserted, "\(title) \(subject)")
        }
    }

    @Test func editorsLayWhatIsNoNoteBesideAText() {
        for file in [
            "a.md~", ".a.md.swp", "4913", "#a.md#", ".#a.md", "a.md.tmp", ".goutputstream-X3", "a.md___jb_tmp___", ".md", "a.txt",
            "a.conflict-1a2b3c4d.md", ".\u{301}.md", "a.mdx", "md",
        ] { #expect(NoteName.title(of: file) == nil, "\(file)") }
        #expect(NoteName.title(of: "a.b.md") == "a.b" && NoteName.title(of: "~a.md") == "~a")
    }
}

/// A note, its record and a person, in memory: what is done is what `NoteMirror` says.
private struct NoteWorld {
    struct Text: Hashable {
        var base: [ULID]
        var body: String
        var bytes: [UInt8] { Array("\(base) \(body)".utf8) }
    }

    var file: Text?
    var heads: [ULID] = []
    var body = ""
    var isTrashed = true
    var memory: NoteMemory?
    var kept: [String] = []
    /// What was written to the log, by whom.
    var events: [String] = []
    var ownEvents = 0
    /// Files that were written, and not remembered at all.
    var crashedWrites = 0
    /// What each version said.
    var texts: [ULID: String] = [:]
    var version: Int64 = 0
    static let subject = "20260407-a-b"

    var record: NoteRecord? {
        guard !isTrashed else { return nil }
        let text = Text(base: heads, body: body).bytes
        return NoteRecord(subject: NoteWorld.subject, heads: heads, title: "A", text: text, hash: sha256(text))
    }

    var found: NoteFile {
        guard let file else { return .missing }
        return .read(
            .init(
                hash: sha256(file.bytes), base: file.base, isAsRecord: !isTrashed && file.body == body,
                isEarlier: file.base.count == 1 && texts[file.base[0]] == file.body, isEmpty: false))
    }

    /// A version that somebody else wrote, or two.
    mutating func edited(_ text: String, diverges: Bool) {
        version += 1
        heads = diverges && !isTrashed ? heads.suffix(1) + [Sample.id(version)] : [Sample.id(version)]
        body = text
        texts[Sample.id(version)] = text
        isTrashed = false
        events.append(text)
    }

    /// One look at the note. Where it crashes, what is remembered is as before: files and events are not.
    mutating func look(crashes: Bool) -> NoteAction {
        let action = NoteMirror.action(memory: memory, record: record, isTrashed: isTrashed && !heads.isEmpty, file: found)
        let before = memory
        switch action {
        case .nothing, .keep, .move, .retitle: break
        case .remember: remember()
        case .write:
            if let file {
                let isKnown = memory.map { sha256(file.bytes) == $0.fileHash } ?? false
                #expect(isKnown || events.contains(file.body), "written over")
            }
            write()
        case .remove:
            #expect(file.map { sha256($0.bytes) } == memory?.fileHash || file.map { events.contains($0.body) } ?? false)
            (file, memory) = (nil, nil)
        case .forget: memory = nil
        case .update, .resolve:
            // Event and memory are one transaction.
            version += 1
            (heads, body) = ([Sample.id(version)], file?.body ?? "")
            texts[Sample.id(version)] = body
            events.append(body)
            ownEvents += 1
            remember()
            return action
        case .trash:
            isTrashed = true
            ownEvents += 1
            memory = nil
            return action
        case .recover:
            isTrashed = false
            ownEvents += 1
        case .conflict:
            if let file { kept.append(file.body) }
            if record != nil { write() } else { (file, memory) = (nil, nil) }
        }
        if crashes {
            if before == nil { crashedWrites += 1 }
            memory = before
        }
        return action
    }

    /// A file without front matter becomes the note.
    mutating func created(_ text: String) {
        version += 1
        (heads, body, isTrashed) = ([Sample.id(version)], text, false)
        texts[Sample.id(version)] = text
        file = Text(base: [], body: text)
        events.append(text)
        remember(isDue: true)
    }

    private mutating func write() {
        file = Text(base: heads, body: body)
        remember()
    }

    private mutating func remember(isDue: Bool = false) {
        guard let record, let file else { return }
        memory = NoteMemory(
            record, file: "A.md", hash: sha256(file.bytes), base: file.base, said: "A", isDue: isDue, after: memory)
    }
}

@Suite struct NoteMirrorTests {
    @Test func nothingIsLostAndNothingGoesRound() {
        for seed in UInt64(1)...400 {
            var random = SeededRandom(seed: seed)
            var world = NoteWorld()
            var saved = 0
            var buffers: [NoteWorld.Text] = []
            var mine: [String] = []
            for step in 0..<60 {
                switch Int.random(in: 0..<10, using: &random) {
                case 0: world.edited("theirs \(step)", diverges: Bool.random(using: &random))
                case 1: if Int.random(in: 0..<4, using: &random) == 0 { world.isTrashed = true }
                case 2:
                    if world.file != nil, Int.random(in: 0..<3, using: &random) == 0 {
                        for _ in 0..<3 { _ = world.look(crashes: false) }
                        world.file = nil
                        saved += 1
                    }
                case 3, 4:
                    // Somebody saves what is there, or what was there when the editor was opened.
                    guard var text = Bool.random(using: &random) ? world.file : buffers.randomElement(using: &random) else { break }
                    // What nobody has looked at yet is that person's own to write over.
                    for _ in 0..<3 { _ = world.look(crashes: false) }
                    text.body = "mine \(step)"
                    if Int.random(in: 0..<5, using: &random) == 0 { text.base = [] }
                    world.file = text
                    mine.append(text.body)
                    saved += 1
                default: _ = world.look(crashes: Int.random(in: 0..<4, using: &random) == 0)
                }
                if let file = world.file { buffers.append(file) }
                if let mine = world.file?.body, mine.hasPrefix("mine") { buffers.append(world.file!) }
            }
            var actions: [NoteAction] = []
            for _ in 0..<6 { actions.append(world.look(crashes: false)) }
            #expect(actions.suffix(2).allSatisfy { $0 == .nothing }, "seed \(seed): \(actions)")
            #expect(world.file?.body == (world.isTrashed ? nil : world.body), "seed \(seed)")
            // No storm: never more events than saves and deletions.
            // (One that brings its record back is two.)
            #expect(world.ownEvents <= 2 * saved + world.crashedWrites, "seed \(seed)")
            for text in mine { #expect(world.events.contains(text) || world.kept.contains(text), "seed \(seed): \(text)") }
        }
    }

    @Test func eachTextThatWasSavedIsInTheLogOrBesideTheNote() {
        for seed in UInt64(1)...200 {
            var random = SeededRandom(seed: seed)
            var world = NoteWorld()
            world.edited("first", diverges: false)
            _ = world.look(crashes: false)
            var mine: [String] = []
            for step in 0..<30 {
                let buffer = world.file
                if Bool.random(using: &random) { world.edited("theirs \(step)", diverges: Bool.random(using: &random)) }
                if Bool.random(using: &random) { _ = world.look(crashes: Bool.random(using: &random)) }
                if var text = Bool.random(using: &random) ? buffer : world.file {
                    text.body = "mine \(step)"
                    world.file = text
                    mine.append(text.body)
                }
                for _ in 0..<4 { _ = world.look(crashes: false) }
                for text in mine { #expect(world.events.contains(text) || world.kept.contains(text), "seed \(seed): \(text)") }
            }
        }
    }

    /// Whatever an editor still has, with front matter or without: a version made here holds all that others have said, or
    /// somebody here has seen it and taken it out, which nobody does in this test.
    @Test func nobodysWordsAreTakenBackUnseen() {
        var updates = 0
        for seed in UInt64(1)...400 {
            var random = SeededRandom(seed: seed)
            var world = NoteWorld()
            world.created("first")
            var buffers = [world.file!]
            for step in 0..<40 {
                if Int.random(in: 0..<3, using: &random) == 0 { world.edited("\(world.body) theirs\(step)", diverges: false) }
                if Bool.random(using: &random), var text = buffers.randomElement(using: &random) {
                    text.body += " mine\(step)"
                    world.file = text
                    // The editor goes on with what it has saved, and another loads what is there now.
                    buffers.append(text)
                }
                for _ in 0..<3 {
                    let before = world.body
                    let action = world.look(crashes: Int.random(in: 0..<8, using: &random) == 0)
                    guard case .update = action else { continue }
                    updates += 1
                    let theirs = Set(before.split(separator: " ").filter { $0.hasPrefix("theirs") })
                    #expect(theirs.isSubset(of: Set(world.body.split(separator: " "))), "seed \(seed): \(before)")
                }
                if Bool.random(using: &random), let file = world.file { buffers.append(file) }
            }
        }
        #expect(updates > 500)
    }

    /// An editor in which a note was begun has no front matter, and saves without it for hours.
    @Test func aTextWithoutVersionFollowsOnlyItsOwn() {
        func record(_ version: Int64) -> NoteRecord {
            NoteRecord(
                subject: "20260407-a", heads: [Sample.id(version)], title: "A", text: [UInt8(version)],
                hash: sha256([UInt8(version)]))
        }
        let saved = NoteFile.Found(hash: sha256([9]))
        let begun = NoteMemory(record(1), file: "A.md", hash: sha256([8]), base: [], said: nil, isDue: true)
        let rewritten = NoteMemory(record(1), file: "A.md", after: begun)
        #expect(action(saved, begun, record(1)) == .update(base: record(1).heads))
        #expect(action(saved, rewritten, record(1)) == .update(base: record(1).heads))
        // Somebody else has written since, and that stands in the file.
        #expect(action(saved, NoteMemory(record(2), file: "A.md", after: rewritten), record(2)) == .conflict)
        #expect(action(saved, NoteMemory(record(2), file: "A.md"), record(2)) == .conflict)
        // Or somebody here, with front matter.
        let other = NoteMemory(record(3), file: "A.md", hash: sha256([7]), base: record(1).heads, said: "A", after: rewritten)
        #expect(action(saved, other, record(3)) == .conflict)
    }

    @Test func aFileThatWasTakenAwayIsNotDeleted() {
        let record = NoteRecord(subject: "20260407-a", heads: [Sample.id(1)], title: "A", text: [1], hash: sha256([1]))
        var memory = NoteMemory(record, file: "A.md")
        #expect(NoteMirror.action(memory: memory, record: record, file: .missing) == .trash)
        memory.isLeaving = true
        #expect(NoteMirror.action(memory: memory, record: record, file: .missing) == .write)
        #expect(NoteMirror.action(memory: memory, record: nil, file: .missing) == .forget)
    }

    @Test func whatIsRememberedIsReadAgain() throws {
        var node = SampleNode(9)
        let record = NoteRecord(
            subject: "20260407-a", heads: [Sample.id(1)], title: "A \"quoted\"", text: [], hash: sha256([2]))
        var note = NoteMemory(record, file: "é\u{301}.md", hash: sha256([1]), base: [], said: nil, isDue: true)
        note.isLeaving = true
        #expect(note.bare == record.heads)
        try node.log.transaction { log throws(StoreFailure) in try note.keep("notes", in: &log) }
        #expect(try NoteMemory.all(of: "notes", in: node.log) == [note])
        try node.log.transaction { log throws(StoreFailure) in try NoteMemory.forget(note.subject, of: "notes", in: &log) }
        #expect(try NoteMemory.all(of: "notes", in: node.log).isEmpty)
    }

    @Test func aRewindForgetsAllOfThisDirectoryAndNothingElse() throws {
        var node = SampleNode(9)
        let record = NoteRecord(subject: "20260407-a", heads: [Sample.id(1)], title: "A", text: [], hash: sha256([2]))
        let note = NoteMemory(record, file: "A.md")
        try node.log.transaction { log throws(StoreFailure) in
            for name in ["notes", "others"] { try note.keep(name, in: &log) }
            #expect(try ReplayerMemory.change("notes", .rewind, in: &log) == 1)
        }
        #expect(try NoteMemory.all(of: "notes", in: node.log).isEmpty)
        #expect(try NoteMemory.all(of: "others", in: node.log) == [note])
    }

    private func action(_ found: NoteFile.Found, _ memory: NoteMemory?, _ record: NoteRecord?) -> NoteAction {
        NoteMirror.action(memory: memory, record: record, file: .read(found))
    }

    @Test func anotherNameIsAnotherTitleAndNothingElse() {
        let record = NoteRecord(subject: "20260407-a", heads: [Sample.id(1)], title: "A", text: [1], hash: sha256([1]))
        let memory = NoteMemory(record, file: "A.md")
        let same = sha256([1])
        #expect(action(.init(hash: same, isRenamed: true, isRetitled: true), memory, record) == .retitle(base: record.heads))
        #expect(action(.init(hash: same, isRenamed: true), memory, record) == .move)
        // A title cannot be given to two versions at once.
        var diverged = record
        diverged.heads.append(Sample.id(2))
        #expect(action(.init(hash: same, isRenamed: true, isRetitled: true), memory, diverged) == .move)
        #expect(action(.init(hash: same, isRenamed: true, isRetitled: true), memory, nil) == .remove)
    }

    @Test func whatIsLeftOfATextIsNoEdit() {
        let record = NoteRecord(subject: "20260407-a", heads: [Sample.id(1)], title: "A", text: [1], hash: sha256([1]))
        let memory = NoteMemory(record, file: "A.md")
        #expect(action(.init(hash: sha256([]), isEmpty: true), memory, record) == .keep(.empty))
        #expect(action(.init(hash: sha256([9]), base: [Sample.id(7)]), memory, record) == .conflict)
        #expect(action(.init(hash: sha256([9]), base: [Sample.id(7)], isEarlier: true), memory, record) == .write)
        #expect(action(.init(hash: sha256([9]), base: record.heads), nil, record) == .update(base: record.heads))
        #expect(action(.init(hash: sha256([9]), base: []), nil, record) == .conflict)
        #expect(action(.init(hash: sha256([9])), nil, nil) == .keep(.unknownRecord))
        var due = memory
        due.isDue = true
        #expect(action(.init(hash: sha256([1])), due, record) == .write)
    }

    @Test func aTitleIsWhatAPersonChanged() {
        let record = NoteRecord(subject: "20260407-a", heads: [], title: "Old", text: [], hash: sha256([1]))
        let memory = NoteMemory(record, file: "Old.md")
        func title(_ said: String?, _ file: String, _ memory: NoteMemory?, _ record: String?) -> String {
            NoteMemory.title(
                said: said, file: file, isRenamed: memory.map { $0.file != file } ?? false, memory, record: record)
        }
        #expect(title("Old", "Old.md", memory, "Old") == "Old")
        #expect(title("New", "Old.md", memory, "Old") == "New")
        #expect(title("Old", "New.md", memory, "Old") == "New")
        #expect(title("Newer", "New.md", memory, "Old") == "Newer")
        // Another name that the same title makes.
        #expect(title("Old", "Old (k3x9qa).md", memory, "Old") == "Old")
        // The text still says what it said before the file was given another name.
        #expect(title("Old", "Old.md", memory, "Renamed") == "Renamed")
        #expect(title(nil, "Old.md", memory, "Old") == "Old")
        #expect(title(nil, "Idea.md", nil, nil) == "Idea")
        #expect(title("Said", "Idea.md", nil, "Record") == "Said")
    }
}
