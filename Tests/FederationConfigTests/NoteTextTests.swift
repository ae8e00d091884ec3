import FederationCore
import Testing

@testable import FederationConfig

@Suite struct NoteTextTests {
    @Test func aMarkOfTheEncodingIsNoTextAndHidesNoFrontMatter() throws {
        let text = "---\nid: 20260407-a\nbase: 01KNJX4992ASW6NNKS9BQHNCGC\n---\n\nText.\n"
        let read = try NoteText([0xEF, 0xBB, 0xBF] + Array(text.utf8))
        #expect(read.matter.id == "20260407-a" && read.body == "Text.\n")
        #expect(try read.base.count == 1)
        #expect(try NoteText([0xEF, 0xBB, 0xBF] + Array("Text.\n".utf8)).body == "Text.\n")
        // Only there, and once.
        #expect(try NoteText(Array("a\u{FEFF}b".utf8)).body == "a\u{FEFF}b")
    }

    private let hash: SHA256 = { bytes in Digest([UInt8](repeating: UInt8(bytes.count & 0xFF), count: 32))! }

    @Test func whatARecordMakesSaysWhatTheRecordSays() throws {
        let nasty = [
            "", "---", "---\n", "\n\nbody", "a: b\n---\nmore", "\u{FEFF}x", "tab\t\"quote\" \\ 'single'", "# heading\n\n", "é\u{301}🎈",
            "line\r\nline\r\n", "[a, b]", "null", "1", "true", "- x", "{a: b}", "x: y", "a, b", "#c", "a]b", "~", "a\u{2028}b", " lead", "trail ",
        ]
        for title in nasty where !title.contains("\r") {
            for body in nasty {
                var content = Snapshot()
                content.title = title
                content.type = "note"
                content.author = title
                content.tags = [title, "b"].filter { !$0.isEmpty }
                content.derivedFrom = [body].filter { !$0.isEmpty && !$0.contains("\r") }
                content.tier = "mid"
                content.body = body
                content.contentHash = Snapshot.contentHash(of: body, hash)
                for heads in [[ULID("01KNJX4992ASW6NNKS9BQHNCGC")!], [ULID("01KNJX4992ASW6NNKS9BQHNCGC")!, ULID("01KNJX4993ASW6NNKS9BQHNCGD")!]] {
                    let bytes = NoteText.bytes("20260407-a", heads: heads, content)
                    let read = try NoteText(bytes)
                    #expect(read.matter.id == "20260407-a")
                    #expect(try read.base == heads)
                    let again = read.applied(to: Snapshot(), title: read.matter.title ?? "?", hash)
                    #expect(again.data == content.data, "\(title.debugDescription) \(body.debugDescription)")
                }
            }
        }
    }

    @Test func whatIsNoNoteIsSaid() {
        func problem(_ bytes: [UInt8]) -> NoteProblem? {
            do throws(NoteProblem) { _ = try NoteText(bytes) } catch { return error }
            return nil
        }
        #expect(problem([0xFF, 0xFE]) == .notUTF8)
        #expect(problem([0x61, 0]) == .notUTF8)
        #expect(problem(Array("---\nunknown: x\n---\n".utf8)) == .frontMatter)
        #expect(problem([UInt8](repeating: 0x61, count: Limits.noteBytes + 1)) == .tooLarge)
        #expect(problem([]) == nil)
    }
}
