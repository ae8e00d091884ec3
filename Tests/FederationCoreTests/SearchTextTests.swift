import FederationCore
import Testing

@Suite struct SearchTextTests {
    @Test func aTextIsBounded() {
        #expect(SearchText("") == nil)
        #expect(SearchText(String(repeating: "x", count: Limits.searchTextBytes)) != nil)
        #expect(SearchText(String(repeating: "x", count: Limits.searchTextBytes + 1)) == nil)
    }

    @Test(arguments: [
        ("note", "A NOTE", true), ("NOTE", "a note", true), ("aab", "aaaab", true), ("aab", "aaba", true),
        ("x", "", false), ("notes", "note", false), ("\u{3C3}\u{3BF}\u{3C6}\u{3CC}\u{3C2}", "\u{3A3}\u{39F}\u{3A6}\u{38C}\u{3A3}", true),
        ("a\u{0}b", "xA\u{0}Bx", true), (".*", "anything", false),
    ])
    func caseDoesNotCount(_ text: String, _ title: String, _ holds: Bool) {
        var record = Record(subject: "20260101-note")
        record.title = title
        #expect(SearchText(text)?.isIn(record, versions: []) == holds)
    }

    @Test func ofTheDataOnlyTheBodyCounts() {
        let record = Record(subject: "20260101-note")
        let data = Array(#"{"title":"hidden","type":"note","body":"seen \u00e9"}"#.utf8)
        #expect(SearchText("SEEN \u{C9}")?.isIn(record, versions: [data]) == true)
        #expect(SearchText("hidden")?.isIn(record, versions: [data]) == false)
        #expect(SearchText("seen")?.isIn(record, versions: [Array("no json seen".utf8)]) == false)
    }

    @Test func aStateSelectsTheSameWhateverWasSelectedBefore() {
        for before in RecordFilter.State.allCases {
            for state in RecordFilter.State.allCases {
                var twice = RecordFilter(limit: 1)
                twice.select(before)
                twice.select(state)
                var once = RecordFilter(limit: 1)
                once.select(state)
                #expect(once == twice)
            }
        }
    }
}
