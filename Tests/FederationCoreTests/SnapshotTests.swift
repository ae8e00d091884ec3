import FederationCore
import FederationCrypto
import FederationTestKit
import Testing

@Suite struct SnapshotTests {
    /// The vectors of Noema section 1.6.
    @Test func contentHashesAreNoemas() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        let hello = "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
        #expect(Snapshot.contentHash(of: "", sha256) == empty)
        #expect(Snapshot.contentHash(of: "hello", sha256) == hello)
    }

    @Test func aSnapshotIsWrittenInNoemasOrderWithoutWhatIsEmpty() throws {
        var full = Snapshot()
        full.title = "T <&>\n"
        full.type = "note"
        full.author = "a"
        full.tags = ["x", "y"]
        full.derivedFrom = ["20260405-a"]
        full.origin = "alpha"
        full.tier = "mid"
        full.body = "é\u{2028}/\u{1}"
        full.contentHash = "h"
        full.sourceHash = "s"
        full.sourceLocked = true
        let text = """
            {"title":"T <&>\\n","type":"note","author":"a","tags":["x","y"],"derived_from":["20260405-a"],\
            "origin":"alpha","tier":"mid","body":"é\u{2028}/\\u0001","content_hash":"h","source_hash":"s",\
            "source_locked":true}
            """
        #expect(String(decoding: full.data, as: UTF8.self) == text)
        #expect(try Snapshot(data: full.data) == full)
        #expect(String(decoding: Snapshot().data, as: UTF8.self) == #"{"title":"","type":"","body":""}"#)
    }

    @Test func missingAndNullMembersAreEmpty() throws {
        #expect(try Snapshot(data: Array("{}".utf8)) == Snapshot())
        let nulls = #"{"title":null,"tags":null,"source_locked":null,"more":1}"#
        #expect(try Snapshot(data: Array(nulls.utf8)) == Snapshot())
    }

    @Test(arguments: [
        ("title", "7"), ("type", "[]"), ("author", "{}"), ("tags", "\"x\""), ("tags", "[1]"), ("derived_from", "{}"),
        ("origin", "true"), ("tier", "1"), ("body", "[]"), ("content_hash", "0"), ("source_hash", "0"),
        ("source_locked", "1"),
    ])
    func aMemberOfAnotherTypeIsRefused(member: String, value: String) {
        #expect(throws: EventRefusal.malformedSnapshot(member: member)) {
            try Snapshot(data: Array("{\"\(member)\":\(value)}".utf8))
        }
    }
}

@Suite struct TraceIDTests {
    @Test(arguments: [
        "20260405-a", "20260405-hello-world", "00000000-0", "20260405-a-",
        "20260405-" + String(repeating: "a", count: 100),
    ])
    func noemasFormIsATraceID(text: String) { #expect(isTraceID(text)) }

    /// Fact 24, and the edges of the form.
    @Test(arguments: [
        "../../etc/passwd", "20260405-../../etc/shadow", "20260405-hello/world", "20260405-hello\\world", "../db/noema",
        "", "20260405", "20260405-", "20260405--a", "20260405-A", "2026040-a", "20260405_a", "20260405-é",
        "20260405-a\n",
        "20260405-a\0", " 20260405-a", "20260423-Security-Reviewer-Persona-Definition",
        "20260405-" + String(repeating: "a", count: 101), "２0260405-a", "20260405-a\u{301}",
    ])
    func anythingElseIsNone(text: String) { #expect(!isTraceID(text)) }

    @Test(arguments: [
        ("Hello, World!", "hello-world"), ("  --  ", "note"), ("", "note"), ("日本語", "note"), ("Überblick", "uberblick"),
        ("naïve Æsop café", "naive-aesop-cafe"), ("e\u{301}te\u{301}", "ete"), ("a — b", "a-b"), ("a–b", "a-b"),
        ("20260405-plan", "plan"), ("2026-04-05 Plan", "plan"), ("2026 plan", "2026-plan"), ("20260405", "20260405"),
        ("C++ & C#", "c-c"), ("it's", "it-s"), ("😀 smile", "smile"), ("naïve\0title", "naive-title"),
    ])
    func slugsAreTheLettersAndDigitsOfATitle(title: String, slug: String) {
        #expect(TraceIDMinting.slug(title) == slug)
    }

    @Test func everyMintedIDIsATraceIDThatEvenAnEarlyNoemaTakes() {
        var random = SeededRandom(seed: 5)
        var minted: Set<String> = []
        for _ in 0..<1000 {
            var title = String.UnicodeScalarView()
            for _ in 0..<random.below(200) {
                let bound = [0x80, 0x250, 0x3000, 0x11_0000][random.below(4)]
                if let scalar = Unicode.Scalar(UInt32(random.below(bound))) { title.append(scalar) }
            }
            let time = WallTime(milliseconds: Int64(truncatingIfNeeded: random.next()))
            let id = TraceIDMinting.traceID(title: String(title), at: time, using: &random)
            #expect(isTraceID(id), "\(id)")
            #expect(id.utf8.count <= 64)
            minted.insert(id)
        }
        #expect(minted.count == 1000)
    }

    @Test func theSameTitleAtTheSameTimeGivesAnotherIDOnAnotherNode() {
        var (one, other) = (SeededRandom(seed: 1), SeededRandom(seed: 2))
        let time = WallTime(milliseconds: 1_775_390_400_000)
        let id = TraceIDMinting.traceID(title: "Hello", at: time, using: &one)
        #expect(id.hasPrefix("20260405-hello-"))
        #expect(id != TraceIDMinting.traceID(title: "Hello", at: time, using: &other))
    }

    @Test(arguments: [
        ("# Title\n\ntext", "Title"), ("text\n\n## Part two \n", "Part two"), ("just text\nmore", "just text"),
        ("\n\n  first  \nsecond", "first"), ("#hashtag\n", "#hashtag"), ("####### seven\n", "####### seven"),
        ("#\n# Real\r\n", "Real"), ("one\r\n# two\r\n", "two"), ("one\u{2028}\u{A0}##\u{2003}two\u{2029}three", "two"),
        ("# caf\u{65}\u{301}\u{B}more", "caf\u{65}\u{301}"),
        (String(repeating: "x", count: 300), String(repeating: "x", count: 200)),
    ])
    func aTitleIsTheFirstHeadingElseTheFirstLine(text: String, title: String) {
        #expect(TraceIDMinting.title(ofMarkdown: text) == title)
    }

    @Test func anEmptyTextHasNoTitle() {
        #expect(TraceIDMinting.title(ofMarkdown: "") == nil)
        #expect(TraceIDMinting.title(ofMarkdown: " \n\t\n") == nil)
    }
}
