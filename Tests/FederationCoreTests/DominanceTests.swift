import FederationCore
import FederationTestKit
import Testing

private func dominates(_ b: Event, _ a: Event) -> Bool { DottedClock(b).dominates(DottedClock(a)) }

@Suite struct DominanceTests {
    @Test func aClockThatIsAboveDominates() {
        let create = event(1, "create", by: 1, [1: 1])
        #expect(dominates(event(2, "update", by: 2, [1: 1, 2: 1]), create))
        #expect(!dominates(create, event(2, "update", by: 2, [1: 1, 2: 1])))
        // Order of time means nothing between clocks.
        #expect(dominates(event(0, "update", by: 2, [1: 1, 2: 1]), create))
    }

    @Test func concurrentAndEqualClocksDoNot() {
        #expect(!dominates(event(2, "update", by: 2, [2: 1]), event(1, "update", by: 1, [1: 1])))
        let (one, other) = (event(1, "update", by: 1, [1: 1, 2: 1]), event(2, "update", by: 2, [1: 1, 2: 1]))
        #expect(!dominates(one, other) && !dominates(other, one))
    }

    @Test func aNumberThatWasUsedTwiceIsConcurrent() {
        let (one, other) = (event(1, "update", by: 1, [1: 4]), event(2, "update", by: 1, [1: 4, 2: 9]))
        #expect(!dominates(one, other) && !dominates(other, one))
        #expect(dominates(event(3, "update", by: 1, [1: 5, 2: 9]), other))
    }

    @Test func anUndottedEventGivesWayToEveryLaterOneAndOnlyToThose() {
        let legacy = event(5, "update", by: 1, [2: 9])
        #expect(dominates(event(6, "update", by: 2, [2: 1]), legacy))
        #expect(dominates(event(6, "update", by: 2, [:]), legacy))
        #expect(!dominates(event(4, "update", by: 2, [1: 9, 2: 10]), legacy))
        #expect(!dominates(event(4, "update", by: 2, [:]), legacy))
        #expect(!dominates(legacy, event(1, "update", by: 2, [2: 1])))
        #expect(!dominates(legacy, legacy))
    }

    @Test func anOriginThatIsNoULIDIsUndotted() {
        var named = event(5, "update", by: 1, [1: 9])
        named.origin = "alpha"
        #expect(DottedClock(named).dot == nil)
        #expect(!dominates(named, event(1, "update", by: 1, [1: 1])))
        #expect(dominates(event(6, "update", by: 2, [2: 1]), named))
    }

    @Test func onlyDottedEventsAreCausallyAfterOthers() {
        let (create, update) = (event(1, "create", by: 1, [1: 1]), event(2, "update", by: 2, [1: 1, 2: 1]))
        #expect(DottedClock(update).isCausallyAfter(DottedClock(create)))
        #expect(!DottedClock(update).isCausallyAfter(DottedClock(event(1, "create"))))
        #expect(!DottedClock(event(3, "update")).isCausallyAfter(DottedClock(event(1, "create"))))
    }

    /// Every history of three creates or updates with counters up to 2 by two nodes, each clock and each author.
    @Test func inEverySmallHistorySomethingIsMaximalAndNothingRunsInCircles() {
        var events: [(Int, [Int: UInt64])] = []
        for origin in 1...2 {
            for a in UInt64(0)...2 { for b in UInt64(0)...2 { events.append((origin, [1: a, 2: b])) } }
        }
        for x in events {
            for y in events {
                for z in events {
                    let places = [x, y, z].enumerated().map { index, it in
                        DottedClock(event(index, "update", by: it.0, it.1))
                    }
                    let maximal = Dominance.maximal(places)
                    let expected = places.indices.filter { index in !places.contains { $0.dominates(places[index]) } }
                    if maximal.isEmpty || maximal != expected || Dominance.greatestMaximal(places) != expected.last {
                        Issue.record("\(x) \(y) \(z)")
                    }
                }
            }
        }
    }

    @Test func aLongLineOfUpdatesIsQuick() {
        var places: [DottedClock] = []
        var clock: [Int: UInt64] = [:]
        for index in 0..<5000 {
            clock[index % 5, default: 0] += 1
            places.append(DottedClock(event(index, "update", by: index % 5, clock)))
        }
        // 12,500,000 pairs in all, of which it looks at 10,000.
        let took = ContinuousClock().measure {
            #expect(Dominance.maximal(places) == [4999])
            #expect(Dominance.greatestMaximal(places) == 4999)
        }
        #expect(took < .seconds(5))
    }
}
