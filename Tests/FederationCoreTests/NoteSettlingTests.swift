import FederationCore
import Testing

@Suite struct NoteSettlingTests {
    private func at(_ milliseconds: Int) -> Instant { Instant(.milliseconds(milliseconds)) }

    /// Fed and asked in steps of milliseconds.
    private final class Bench {
        var settling = NoteSettling()

        func noted(_ name: String, _ change: NoteSettling.Change, _ at: Int) {
            settling.noted(name, change, at: Instant(.milliseconds(at)))
        }

        func due(_ at: Int) -> [NoteSettling.Due] { settling.due(at: Instant(.milliseconds(at))) }
        func names(_ at: Int) -> [String] { due(at).map(\.name) }
        func takesEverything(_ at: Int) -> Bool { settling.takesEverything(at: Instant(.milliseconds(at))) }
        var wakeAt: Instant? { settling.wakeAt }
    }

    @Test func aFileIsLookedAtOnceItHasComeToRest() {
        let bench = Bench()
        #expect(bench.wakeAt == nil)
        bench.noted("a", .done, 0)
        bench.noted("a", .done, 200)
        bench.noted("b", .done, 100)
        #expect(bench.wakeAt == at(350))
        #expect(bench.names(349) == [])
        #expect(bench.names(350) == ["b"])
        #expect(bench.names(450) == ["a"])
        #expect(bench.wakeAt == nil && bench.names(9999) == [])
    }

    @Test func whatIsBeingWrittenIsNotLookedAt() {
        let bench = Bench()
        for moment in stride(from: 0, through: 60_000, by: 1000) {
            bench.noted("a", .begun, moment)
            #expect(bench.names(moment + 999) == [])
        }
        bench.noted("a", .done, 60_500)
        #expect(bench.names(60_749) == [])
        #expect(bench.due(60_750) == [.init(name: "a", isOpen: false)])
        bench.noted("a", .begun, 61_000)
        #expect(bench.due(70_999) == [])
        #expect(bench.due(71_000) == [.init(name: "a", isOpen: true)])
    }

    @Test func fiftyQuickSavesAreFewLooks() {
        let bench = Bench()
        var looks = 0
        for save in 0..<50 {
            bench.noted("a", .begun, save * 200)
            bench.noted("a", .done, save * 200 + 1)
            looks += bench.due(save * 200 + 199).count
        }
        looks += bench.due(20_000).count
        // One in five seconds, and the last.
        #expect((2...3).contains(looks))
    }

    @Test func whatCannotBeDoneIsTriedLessAndLessOften() {
        let bench = Bench()
        var waits: [Duration] = []
        var now = at(0)
        for _ in 0..<12 {
            bench.settling.again("a", at: now)
            let next = bench.wakeAt ?? now
            waits.append(next.since(now))
            let due = bench.settling.due(at: next)
            #expect(due.map(\.name) == ["a"])
            now = next
        }
        #expect(waits.first == .milliseconds(250) && waits.last == .seconds(60) && waits == waits.sorted())
        // A person's save is looked at as soon as any.
        bench.settling.again("a", at: now)
        bench.settling.noted("a", .done, at: now)
        #expect(bench.wakeAt == now.advanced(by: .milliseconds(250)))
        _ = bench.settling.due(at: now.advanced(by: .seconds(1)))
        bench.settling.rested("a")
        bench.settling.again("a", at: now)
        #expect(bench.wakeAt == now.advanced(by: .milliseconds(250)))
    }

    @Test func whatWasMissedIsLookedForEverywhere() {
        let bench = Bench()
        for number in 0...Limits.noteNames { bench.noted("\(number)", .done, 0) }
        #expect(bench.due(9999).isEmpty)
        #expect(bench.wakeAt == at(250))
        #expect(!bench.takesEverything(249))
        #expect(bench.takesEverything(250) && !bench.takesEverything(251))
        #expect(bench.wakeAt == nil)
    }
}
