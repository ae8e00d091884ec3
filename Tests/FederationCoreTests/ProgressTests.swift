import FederationCore
import Testing

struct ProgressTests {
    private func at(_ seconds: Double) -> Instant { Instant(.milliseconds(Int64(seconds * 1000))) }

    @Test func rateAndTimeToGoFollowFromTimesAndCounts() {
        var progress = Progress(at: at(0))
        #expect(progress.rate == nil)
        #expect(progress.fraction == nil)
        progress.reached(1000, of: 5000, at: at(2))
        #expect(progress.rate == 500)
        #expect(progress.fraction == 0.2)
        #expect(progress.remaining == .seconds(8))
        progress.reached(3000, of: 5000, at: at(4))
        #expect(progress.rate == 750)
        progress.reached(5000, of: 5000, at: at(6))
        #expect(progress.fraction == 1)
        #expect(progress.remaining == .zero)
    }

    @Test func theRateIsThatOfTheLastTenSeconds() {
        var progress = Progress(at: at(0))
        for second in 1...60 { progress.reached(Int64(second) * 10, of: 100_000, at: at(Double(second))) }
        #expect(progress.rate == 10)
        for second in 61...75 { progress.reached(600 + Int64(second - 60) * 1000, of: 100_000, at: at(Double(second))) }
        #expect(progress.rate == 1000)
        // A standstill shows, and no end is promised.
        for second in 76...90 { progress.reached(15_600, of: 100_000, at: at(Double(second))) }
        #expect(progress.rate == 0)
        #expect(progress.remaining == nil)
    }

    @Test func withoutATotalThereIsNoEnd() {
        var progress = Progress(at: at(0))
        progress.reached(100, at: at(1))
        #expect(progress.rate == 100)
        #expect(progress.fraction == nil)
        #expect(progress.remaining == nil)
    }

    @Test func readingsThatMakeNoSenseDoNoHarm() {
        var progress = Progress(at: at(5))
        progress.reached(10, of: 4, at: at(6))
        #expect(progress.total == 10)
        #expect(progress.fraction == 1)
        // Less than before is other work.
        progress.reached(2, of: 4, at: at(7))
        #expect(progress.rate == nil)
        progress.reached(3, of: 4, at: at(1))
        progress.reached(-7, of: nil, at: at(2))
        #expect(progress.done == 0)
        progress.reached(0, of: 0, at: at(3))
        #expect(progress.fraction == 1)
        progress.reached(1, of: .max, at: at(100))
        #expect(progress.remaining == nil)
        // Ten thousand readings in one instant are one.
        for count in 1...10_000 { progress.reached(Int64(count), of: .max, at: at(100)) }
        #expect(progress.done == 10_000)
    }
}
