import FederationCore
import FederationTestKit
import Testing

/// What a page's subjects have in the log is asked for once, where that is little: nothing else comes of it.
@Suite struct PageSubjectsTests {
    /// Creates, and changes of what is there or comes with the same page, of many subjects.
    private func events(_ count: Int, _ random: inout SeededRandom) -> [Event] {
        let actions = ["create", "create", "update", "archive", "vote"]
        return (0..<count).map { number in
            let action = actions[random.below(actions.count)]
            // One letter in two spellings: subjects are told apart by their bytes.
            let subject = "20260101-\(random.chance(0.5) ? "caf\u{E9}" : "cafe\u{301}")-\(random.below(80))"
            return Sample.event(
                Sample.id(Int64(number)), action, subject, clock: [1: UInt64(number) + 1],
                data: action == "create" || action == "update" ? Sample.snapshot("\(number)") : nil)
        }
    }

    @Test func onePageOrManyComesToTheSame() throws {
        var random = SeededRandom(seed: 21)
        for round in 0..<60 {
            let events = events(20 + random.below(60), &random)
            var (single, paged) = (SampleNode(9), SampleNode(9))
            for event in events { try single.take([event]) }
            var rest = events.shuffled(using: &random)[...]
            // A log with little, then a page with much.
            for size in [random.below(8), 1 + random.below(40), events.count] {
                try paged.take(Array(rest.prefix(size)))
                rest = rest.dropFirst(size)
            }
            #expect(single.inventory == paged.inventory && single.records == paged.records, "round \(round)")
        }
    }

    @Test func whatTheLogHasOfASubjectCountsBesideManyThatAreNew() throws {
        var node = SampleNode(9)
        let first = Sample.event(Sample.id(1), "create", "20260101-note-5", clock: [1: 1], data: Sample.snapshot("first"))
        try node.take([first])
        let others = (0..<12).map { place in
            Sample.event(
                Sample.id(Int64(10 + place)), "create", "20260101-note-\(place < 5 ? place : place + 1)",
                clock: [1: UInt64(place) + 2], data: Sample.snapshot("\(place)"))
        }
        let edit = Sample.event(
            Sample.id(50), "update", "20260101-note-5", clock: [1: 20], data: Sample.snapshot("second"))
        try node.take(others + [edit])
        #expect(node.log.record("20260101-note-5")?.heads == [edit.id])
        #expect(node.log.record("20260101-note-5")?.created == first.timestamp)
        #expect(node.records.count == 13)
    }
}
