import FederationConfig
import Testing

struct FrontMatterTests {
    private func split(_ text: String) throws -> (matter: FrontMatter, body: String) {
        try FrontMatter.split(text).get()
    }

    @Test func theBlockIsReadAndTheRestIsTheBody() throws {
        let (matter, body) = try split(
            "---\nid: 20260405-a\nbase: 01KN33X5G0000G40R40M30E209\ntitle: \"A: b\"\ntags: [x, y]\ntier: mid\n---\n"
                + "\n# Heading\n\ntext\n")
        #expect(matter.id == "20260405-a")
        #expect(matter.base == "01KN33X5G0000G40R40M30E209")
        #expect(matter.title == "A: b")
        #expect(matter.tags == ["x", "y"])
        #expect(matter.tier == "mid")
        #expect(matter.type == nil)
        #expect(body == "# Heading\n\ntext\n")
    }

    @Test(arguments: [
        "", "# Just a heading\n", "text\n---\nmore\n---\n", "----\nx: y\n----\n", " ---\nid: a\n---\n",
        "---\nnever closed\n",
    ])
    func aTextWithoutABlockIsAllBody(text: String) throws {
        let (matter, body) = try split(text)
        #expect(matter == FrontMatter())
        #expect(body == text)
    }

    @Test func anEmptyBlockAndWindowsLineEndsAreFine() throws {
        #expect(try split("---\n---\nbody").body == "body")
        let (matter, body) = try split("---\r\ntitle: T\r\n---\r\n\r\nbody\r\n")
        #expect(matter.title == "T")
        #expect(body == "body\r\n")
    }

    @Test func emptyTagsAreNotAbsentTags() throws {
        #expect(try split("---\ntags: []\n---\n").matter.tags == [])
        #expect(try split("---\ntitle: t\n---\n").matter.tags == nil)
    }

    @Test func aProblemNamesItsLineInTheFile() {
        guard case .failure(let problems) = FrontMatter.split("---\ntitle: t\ntagz: [x]\n---\nbody") else {
            Issue.record("no problem was found")
            return
        }
        #expect(
            problems.lines(in: "note.md") == [
                "note.md:3:1: unknown key 'tagz', did you mean 'tags'?"
            ])
    }
}
