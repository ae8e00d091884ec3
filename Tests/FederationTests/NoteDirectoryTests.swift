import FederationCore
import FederationCrypto
import Glibc
import Testing

@testable import Federation

/// Files that are exchanged under the hands of whoever edits them.
@Suite struct NoteDirectoryTests {
    private final class Place {
        let path: String
        let directory: NoteDirectory

        init() {
            var template = Array("/tmp/federation-notes-XXXXXX\0".utf8).map { CChar(bitPattern: $0) }
            precondition(mkdtemp(&template) != nil)
            path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
            directory = NoteDirectory(path: path + "/notes", owner: "me")
        }

        deinit {
            for folder in [path + "/notes", path] {
                if let stream = opendir(folder) {
                    while let entry = readdir(stream) {
                        let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
                        if name != "." && name != ".." { remove(folder + "/" + name) }
                    }
                    closedir(stream)
                }
                rmdir(folder)
            }
        }

        func write(_ name: String, _ text: String) {
            let file = open(path + "/notes/" + name, O_WRONLY | O_CREAT | O_TRUNC, 0o640)
            _ = Array(text.utf8).withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            close(file)
        }

        func text(_ name: String) -> String? {
            guard case .bytes(let bytes) = directory.read(name) else { return nil }
            return String(decoding: bytes, as: UTF8.self)
        }

        var names: [String] { ((try? directory.names().names) ?? []).filter { $0 != "." && $0 != ".." } }
    }

    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test func aTextIsPutOnlyWhereWhatIsExpectedIs() throws {
        let place = Place()
        try place.directory.make()
        #expect(try place.directory.replace("a.md", nil, with: bytes("one")) == .done)
        #expect(try place.directory.replace("a.md", nil, with: bytes("two")) == .changed)
        #expect(place.text("a.md") == "one")
        #expect(try place.directory.replace("a.md", bytes("one"), with: bytes("two")) == .done)
        #expect(try place.directory.replace("a.md", bytes("one"), with: bytes("three")) == .changed)
        #expect(place.text("a.md") == "two")
        #expect(try place.directory.replace("b.md", bytes("one"), with: bytes("three")) == .changed)
        #expect(try place.directory.remove("a.md", bytes("one")) == .changed)
        #expect(place.text("a.md") == "two")
        #expect(try place.directory.remove("a.md", bytes("two")) == .done)
        #expect(try place.directory.remove("a.md", bytes("two")) == .changed)
        #expect(try place.directory.replace(String(repeating: "n", count: 300) + ".md", nil, with: []) == .failed(code: ENAMETOOLONG))
        #expect(place.names == [NoteDirectory.mark])
    }

    @Test func theModeOfAFileStaysAndANewOneHasTheDirectorys() throws {
        let place = Place()
        try place.directory.make()
        func mode(_ name: String) -> mode_t {
            var status = stat()
            stat(place.path + "/notes" + name, &status)
            return status.st_mode & 0o777
        }
        #expect(mode("") == 0o700)
        _ = try place.directory.replace("a.md", nil, with: bytes("one"))
        #expect(mode("/a.md") == 0o600)
        chmod(place.path + "/notes", 0o750)
        _ = try place.directory.replace("b.md", nil, with: bytes("one"))
        #expect(mode("/b.md") == 0o640)
        chmod(place.path + "/notes/a.md", 0o664)
        _ = try place.directory.replace("a.md", bytes("one"), with: bytes("two"))
        #expect(mode("/a.md") == 0o664)
    }

    @Test func noLinkIsFollowed() throws {
        let place = Place()
        try place.directory.make()
        symlink(place.path + "/secret.md", place.path + "/notes/link.md")
        mkdir(place.path + "/notes/folder.md", 0o755)
        mkfifo(place.path + "/notes/pipe.md", 0o644)
        for name in ["link.md", "folder.md", "pipe.md"] { #expect(place.directory.read(name) == .problem(.notAFile)) }
        #expect(try place.directory.replace("link.md", nil, with: bytes("one")) == .changed)
        #expect(try place.directory.replace("link.md", bytes("one"), with: bytes("two")) == .changed)
        // The link is still one, and what it would lead to is not there.
        var status = stat()
        #expect(lstat(place.path + "/notes/link.md", &status) == 0 && status.st_mode & S_IFMT == S_IFLNK)
        #expect(access(place.path + "/secret.md", F_OK) != 0)
    }

    @Test func whatIsOpenForWritingIsBusy() throws {
        let place = Place()
        try place.directory.make()
        place.write("a.md", "half")
        let file = open(place.path + "/notes/a.md", O_WRONLY | O_APPEND)
        #expect(place.directory.read("a.md", evenIfOpen: false) == .busy)
        #expect(place.directory.read("a.md") == .bytes(bytes("half")))
        close(file)
        #expect(place.directory.read("a.md", evenIfOpen: false) == .bytes(bytes("half")))
        // A reader is no writer.
        let reader = open(place.path + "/notes/a.md", O_RDONLY)
        #expect(place.directory.read("a.md", evenIfOpen: false) == .bytes(bytes("half")))
        close(reader)
    }

    @Test func aDirectoryWithoutItsMarkIsNotOurs() throws {
        let place = Place()
        #expect(throws: NoteFolderProblem.missing) { try place.directory.check() }
        try place.directory.make()
        try place.directory.make()
        try place.directory.check()
        let other = NoteDirectory(path: place.directory.path, owner: "another")
        #expect(throws: NoteFolderProblem.notOurs) { try other.make() }
        place.directory.delete(NoteDirectory.mark)
        #expect(throws: NoteFolderProblem.missing) { try place.directory.check() }
        #expect(NoteFolderProblem(errno: ENOSPC) == .full && NoteFolderProblem(errno: EDQUOT) == .full)
        #expect(NoteFolderProblem(errno: EROFS) == .io(code: EROFS))
    }

    @Test func aTextThatIsKeptAsideIsKeptOnce() throws {
        let place = Place()
        try place.directory.make()
        for _ in 0..<2 {
            place.write(NoteDirectory.exchanged, "mine")
            let kept = try place.directory.keepAside(NoteDirectory.exchanged, of: "A.md")
            #expect(kept == NoteName.conflictFile(of: "A.md", sha256(bytes("mine"))))
            #expect(place.text(kept) == "mine")
        }
        #expect(place.names.count == 2)
    }

    @Test func twoTextsThatCannotBeReadAreBothKept() throws {
        let place = Place()
        try place.directory.make()
        var kept: [String] = []
        for letter in ["a", "b"] {
            place.write(NoteDirectory.exchanged, String(repeating: letter, count: 9 << 20) + "more")
            kept.append(try place.directory.keepAside(NoteDirectory.exchanged, of: "A.md"))
        }
        #expect(Set(kept).count == 2 && kept.allSatisfy { NoteName.isConflict($0) && place.directory.exists($0) })
        #expect(place.names.count == 3)
    }

    @Test func eachBeginningHasAMarkOfItsOwn() throws {
        let place = Place()
        var first = place.directory
        first.word = "one"
        try first.make()
        try first.check()
        try first.make()
        // One that was made later, elsewhere, for the same replayer: as of a disk over this directory.
        var second = place.directory
        second.word = "two"
        #expect(throws: NoteFolderProblem.missing) { try second.check() }
        // One that was made before there were words is gone on with.
        #expect(throws: NoteFolderProblem.missing) { try place.directory.check() }
        // Begun anew on purpose.
        try second.make()
        try second.check()
        #expect(throws: NoteFolderProblem.missing) { try first.check() }
        let other = NoteDirectory(path: place.directory.path, owner: "mere", word: "two")
        #expect(throws: NoteFolderProblem.notOurs) { try other.make() }
        #expect(throws: NoteFolderProblem.notOurs) { try other.check() }
        try second.check()
        #expect(place.names == [NoteDirectory.mark])
    }

    /// Somebody who saves all the time, by renaming, against a node that writes all the time.
    @Test func theLastSaveIsNotLostInAnExchange() async throws {
        let place = Place()
        let directory = place.directory
        try directory.make()
        place.write("a.md", "person 0")
        let path = place.path + "/notes/"
        let saver = Task.detached {
            for number in 1...2000 {
                let file = open(path + "a.new", O_WRONLY | O_CREAT | O_TRUNC, 0o644)
                _ = Array("person \(number)".utf8).withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
                close(file)
                rename(path + "a.new", path + "a.md")
            }
        }
        var over: Set<String> = []
        for number in 0..<2000 {
            guard case .bytes(let seen) = directory.read("a.md") else { continue }
            if try directory.replace("a.md", seen, with: bytes("node \(number)")) == .done {
                over.insert(String(decoding: seen, as: UTF8.self))
            }
        }
        await saver.value
        // The last save is there, was seen before it was replaced, or lies beside it.
        let kept = Set(place.names.filter(NoteName.isConflict).compactMap { place.text($0) })
        let last = "person 2000"
        #expect(place.text("a.md") == last || over.contains(last) || kept.contains(last))
        #expect(place.text(NoteDirectory.exchanged) == nil)
    }
}
