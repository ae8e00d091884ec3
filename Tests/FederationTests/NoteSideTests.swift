import FederationCore
import FederationTestKit
import Testing

@testable import Federation

/// What a log says of a note.
@Suite struct NoteSideTests {
    @Test func ofWhatIsNotHereNothingWasDecided() throws {
        var node = SampleNode(9)
        let subject = "20260407-a"
        let none = try #require(try NoteSide(of: subject, in: node.log))
        #expect(!none.isKnown && !none.isTrashed && none.note == nil)
        var content = Snapshot()
        (content.type, content.title) = (TraceType.note.rawValue, "A")
        try node.write(.create(subject: subject, content))
        let some = try #require(try NoteSide(of: subject, in: node.log))
        #expect(some.isKnown && some.note?.subject == subject)
        try node.write(.change(subject: subject, .trash))
        let trashed = try #require(try NoteSide(of: subject, in: node.log))
        #expect(trashed.isKnown && trashed.isTrashed && trashed.note == nil)
    }
}
