import FederationCore
import Testing

@Suite struct VectorClockTests {
    private func clock(_ counters: [Int: UInt64]) -> VectorClock {
        var clock = VectorClock()
        for (number, counter) in counters { clock[node(number)] = counter }
        return clock
    }

    /// The vectors of Noema section 1.7 (fact 11), where equal and concurrent are one answer.
    @Test(
        arguments: [
            ([1: 1, 2: 2], [1: 2, 2: 3], ClockOrder.before),
            ([1: 3, 2: 4], [1: 2, 2: 3], .after),
            ([1: 3, 2: 2], [1: 2, 2: 3], .concurrent),
            ([1: 5, 2: 5], [1: 5, 2: 5], .equal),
            ([1: 1], [1: 1, 2: 1], .before),
            ([:], [:], .equal),
            ([:], [1: 1], .before),
        ] as [([Int: UInt64], [Int: UInt64], ClockOrder)])
    func clocksCompareAsNoemasVectorsSay(a: [Int: UInt64], b: [Int: UInt64], order: ClockOrder) {
        #expect(clock(a).compare(clock(b)) == order)
    }

    @Test func mergingTakesTheGreaterOfEachEntry() {
        var merged = clock([1: 10, 2: 7, 3: 3])
        merged.merge(clock([1: 9, 2: 8]))
        #expect(merged == clock([1: 10, 2: 8, 3: 3]))
    }

    @Test func aCopyIsNotTheOriginal() {
        let original = clock([1: 1])
        var copy = original
        copy[node(1)] += 1
        #expect(original[node(1)] == 1)
        #expect(copy[node(1)] == 2)
    }

    @Test func anEntryOfZeroSaysNothing() {
        var clock = clock([1: 1, 2: 0])
        #expect(clock.count == 1)
        clock[node(1)] = 0
        #expect(clock.isEmpty)
        #expect(VectorClock([node(1): 0]) == VectorClock())
    }

    @Test func aMergePastTheCapLeavesTheClockAsItWas() {
        var clock = VectorClock()
        for number in 0..<256 { clock[node(number)] = 1 }
        let before = clock
        let tookNew = clock.mergeCapped(VectorClock([node(999): 1]))
        #expect(!tookNew && clock == before)
        let tookKnown = clock.mergeCapped(VectorClock([node(7): 9]))
        #expect(tookKnown)
        #expect(clock[node(7)] == 9)
    }

    @Test func keysThatAreNoULIDsAreKeptAsTheyCameAndNeverCompared() throws {
        let json = Array(#"{"mycortex":9,"\#(node(1))":2,"legacy-p2":3,"a-name-of-26-characters-xx":4}"#.utf8)
        let received = try #require(ReceivedClock(json: json))
        #expect(received.json == json)
        #expect(received.vector == clock([1: 2]))
        #expect(VectorClock(stored: String(decoding: json, as: UTF8.self)) == clock([1: 2]))
    }

    @Test func aStoredClockThatIsMalformedIsEmpty() {
        for text in ["", "null", "[]", "{", "7", #"{"x":{}}"#] { #expect(VectorClock(stored: text).isEmpty) }
        let many = "{" + (0...257).map { "\"k\($0)\":1" }.joined(separator: ",") + "}"
        #expect(ReceivedClock(json: Array(many.utf8)) == nil)
    }
}
