import FederationCore
import FederationTestKit
import Synchronization
import Testing

/// A native conversation that says what holes it was told of, and that its peer can be asked for them, or not.
private struct HoleEcho: Exchange {
    let offers: Bool?
    private var holes: [NumberHole] = []

    init(offers: Bool?) { self.offers = offers }

    mutating func begin(_ context: ExchangeContext) -> ExchangeStep {
        holes = context.holes
        let names = (holes.map { "\($0.first)-\($0.last)" } + context.incompleteHeads.map(\.description)).joined(separator: ",")
        return .request(HTTPRequest(.get, "/\(context.reach)?\(names)&hold=\(context.hold.components.seconds)"), seals: [])
    }

    mutating func resume(_ answer: ExchangeAnswer, now: WallTime) -> ExchangeStep {
        switch answer {
        case .transport(let failure): .failed(.transport(failure))
        case .response: .identify(PollBench.identity())
        default:
            .finished(
                ExchangeProgress(
                    isComplete: true, wire: .native, canFollow: true, answersNumbers: offers, filled: holes.count))
        }
    }
}

@Suite struct PollHolesTests {
    private func bench(offers: Bool?) -> PollBench {
        var bench = PollBench { HoleEcho(offers: offers) }
        bench.memory.wire = .native
        bench.memory.wireValues["reconciled_at"] = Array(PollBench.wallStart.rfc3339.utf8)
        return bench
    }

    private func hole(_ numbers: ClosedRange<UInt64>, since: Int64 = 0) -> NumberHole {
        NumberHole(origin: "o", numbers, since: Sample.time(since))
    }

    /// What the next polls ask for, and how far apart they are, until one asks for something.
    private func nextAsk(_ bench: inout PollBench, polls: Int = 2000) -> String? {
        for _ in 0..<polls {
            let target = targets(bench.poll()).first ?? ""
            let holes = target.split(separator: "?").last.map { $0.prefix { $0 != "&" } } ?? ""
            if !holes.isEmpty { return String(holes) }
        }
        return nil
    }

    /// Also of a peer that knows no numbers, whose holes nobody asks it for.
    @Test(arguments: [true, false]) func textsThatRecordsLackAreAskedForAsHolesAre(offers: Bool) throws {
        var bench = bench(offers: offers)
        _ = bench.poll()
        bench.memory.holes = offers ? [] : [hole(4...6)]
        bench.memory.incompleteHeads = [Sample.id(7)]
        let ask = Sample.id(7).description
        #expect(nextAsk(&bench) == ask)
        let first = bench.now
        #expect(nextAsk(&bench) == ask)
        #expect(bench.now.since(first) >= .seconds(60))
        bench.memory.incompleteHeads = [Sample.id(8)]
        #expect(nextAsk(&bench) == Sample.id(8).description)
        bench.memory.incompleteHeads = []
        #expect(nextAsk(&bench, polls: 300) == nil)
    }

    @Test func aHoleIsAskedForAtOnceAndThenEverMoreSeldom() throws {
        var bench = bench(offers: true)
        _ = bench.poll()
        bench.memory.holes = [hole(4...6)]
        #expect(nextAsk(&bench) == "4-6")
        var last = bench.now
        var waits: [Int64] = []
        for _ in 0..<12 {
            #expect(nextAsk(&bench) == "4-6")
            waits.append(bench.now.since(last).components.seconds)
            last = bench.now
        }
        #expect(waits[0] >= 60 && waits[1] >= 120 && waits[4] >= 960 && waits[11] >= 6 * 3600)
        #expect(waits[11] <= 6 * 3600 + 120, "\(waits)")
    }

    @Test func anAskIsNotKeptWaitingForNews() throws {
        var bench = bench(offers: true)
        _ = bench.poll()
        #expect(targets(bench.poll()).first?.hasSuffix("hold=\(Limits.hold.components.seconds)") == true)
        bench.memory.holes = [hole(4...6)]
        var asks: [String] = []
        for _ in 0..<3 { asks += targets(bench.poll()) }
        #expect(asks.contains("/news?4-6&hold=0"), "\(asks)")
        #expect(asks.last?.hasSuffix("hold=\(Limits.hold.components.seconds)") == true, "\(asks)")
    }

    @Test func whatIsLeftOfAHoleIsAskedForAnew() throws {
        var bench = bench(offers: true)
        _ = bench.poll()
        bench.memory.holes = [hole(4...6)]
        #expect(nextAsk(&bench) == "4-6")
        let before = bench.now
        bench.memory.holes = [hole(4...4), hole(6...6)]
        #expect(nextAsk(&bench) == "4-4,6-6")
        #expect(bench.now.since(before) < .seconds(60))
    }

    @Test func aPollAsksForSoManyAtMostAndTheNextForOthers() throws {
        var bench = bench(offers: true)
        _ = bench.poll()
        bench.memory.holes = (1...20).map { hole(UInt64($0 * 3)...UInt64($0 * 3)) }
        let first = try #require(nextAsk(&bench)).split(separator: ",")
        let second = try #require(nextAsk(&bench)).split(separator: ",")
        #expect(first.count == Limits.holesAsked && second.count == 4)
        #expect(Set(first + second).count == 20)
    }

    @Test func aPeerThatCannotBeAskedIsNot() throws {
        var bench = bench(offers: false)
        _ = bench.poll()
        bench.memory.holes = [hole(4...6)]
        #expect(nextAsk(&bench, polls: 200) == nil)
    }

    /// One rule: numbers are asked for; a comparison takes their place only where the peer cannot be asked.
    @Test(arguments: [true, false])
    func missingNumbersAreAReasonToCompareOnlyWithAPeerThatCannotBeAsked(offers: Bool) throws {
        var bench = bench(offers: offers)
        var reaches: Set<String> = []
        var counts = 0
        for round in 0..<60 {
            bench.memory.missingNumbers = round > 5 ? 3 : 0
            let effects = bench.poll()
            for target in targets(effects) { reaches.insert(String(target.prefix { $0 != "?" })) }
            for case .load(_, let question) in effects where question.countsMissingNumbers { counts += 1 }
        }
        #expect(reaches.contains("/reconcile") == !offers)
        #expect((counts == 0) == offers)
    }
}
