import FederationCore
import FederationTestKit
import Testing

/// A native conversation that says by its request what its reach is, and by its end what it was told to.
private struct NativeEcho: Exchange {
    var startsOver = false
    var ending: ReconcileReport?
    var wire = WireName.native
    private var reach = ExchangeContext.Reach.news

    init(startsOver: Bool = false, ending: ReconcileReport? = nil, wire: WireName = .native) {
        self.startsOver = startsOver
        self.ending = ending
        self.wire = wire
    }

    mutating func begin(_ context: ExchangeContext) -> ExchangeStep {
        reach = context.reach
        return .request(HTTPRequest(.get, "/\(reach)"), seals: [])
    }

    mutating func resume(_ answer: ExchangeAnswer, now: WallTime) -> ExchangeStep {
        switch answer {
        case .transport(let failure): .failed(.transport(failure))
        case .response: .identify(PollBench.identity())
        default:
            .finished(
                ExchangeProgress(
                    isComplete: true, wire: wire, startedOver: startsOver,
                    reconciliation: reach == .reconcile ? ending : nil, answersNumbers: false))
        }
    }
}

private func report(equal: Bool) throws -> ReconcileReport {
    func digests(_ number: UInt8) throws -> LogDigests {
        let digest = try #require(Digest([UInt8](repeating: number, count: 32)))
        return LogDigests(below: 1_776_686_400_000, all: SetDigest(count: 7, digest: digest), origins: [])
    }
    return ReconcileReport(ours: try digests(1), theirs: try digests(equal ? 1 : 2))
}

private struct Bench {
    var bench: PollBench

    init(_ make: @escaping @Sendable () -> NativeEcho) {
        bench = PollBench { make() }
        bench.memory.wire = .native
    }

    /// The reach of the next poll, carried through; the machine's memory is what it committed.
    mutating func next(_ response: Result<HTTPResponse, TransportFailure> = .success(PollBench.answer)) -> String {
        let effects = bench.poll(response: response)
        for commit in commits(effects) {
            for (name, value) in commit.wireValues { bench.memory.wireValues[name] = value }
        }
        return targets(effects).first ?? ""
    }
}

@Suite struct PollReconcileTests {
    @Test func aNativePeerIsComparedAfterFirstContactAndThenEveryFewHours() throws {
        var bench = Bench { NativeEcho() }
        #expect(bench.next() == "/news")
        #expect(bench.next() == "/reconcile")
        let compared = bench.bench.now
        var reach = ""
        repeat { reach = bench.next() } while reach == "/news"
        #expect(reach == "/reconcile")
        let waited = bench.bench.now.since(compared)
        #expect(waited >= .seconds(4.5 * 3600) && waited <= .seconds(6 * 3600 + 60))
    }

    /// The next poll may go well, and its success hides the failure.
    @Test func aComparisonThatFailsIsCounted() throws {
        var bench = Bench { NativeEcho() }
        #expect(bench.next() == "/news")
        #expect(bench.next(.failure(.reset)) == "/reconcile")
        #expect(bench.bench.machine.status.tally.failedComparisons == 1)
        while bench.next() != "/news" {}
        #expect(bench.bench.machine.status.tally.failedComparisons == 1)
    }

    @Test func aComparisonThatIsNotLongAgoOutlivesARestart() throws {
        var bench = Bench { NativeEcho() }
        let before = PollBench.wallStart.advanced(by: .seconds(-3600))
        bench.bench.memory.wireValues["reconciled_at"] = Array(before.rfc3339.utf8)
        for _ in 0..<20 { #expect(bench.next() == "/news") }
    }

    @Test func aLogThatIsAnotherOneIsCompared() throws {
        var bench = Bench { NativeEcho(startsOver: true) }
        bench.bench.memory.wireValues["reconciled_at"] = Array(PollBench.wallStart.rfc3339.utf8)
        #expect(bench.next() == "/news")
        #expect(bench.next() == "/reconcile")
        // It starts over each time; comparisons keep their distance.
        let first = bench.bench.now
        var reach = ""
        repeat { reach = bench.next() } while reach == "/news"
        #expect(bench.bench.now.since(first) >= .seconds(600))
    }

    @Test func aResetIsFollowedByAComparison() throws {
        var bench = Bench { NativeEcho() }
        bench.bench.memory.wireValues["reconciled_at"] = Array(PollBench.wallStart.rfc3339.utf8)
        #expect(bench.next() == "/news")
        bench.bench.memory.wireValues = [:]
        let effects = bench.bench.send(.reset(PollTicket(1)))
        _ = bench.bench.run(effects)
        #expect(bench.next() == "/news")
        #expect(bench.next() == "/reconcile")
    }

    @Test func moreMissingNumbersThanBeforeAreAReason() throws {
        var bench = Bench { NativeEcho() }
        bench.bench.memory.wireValues["reconciled_at"] = Array(PollBench.wallStart.rfc3339.utf8)
        bench.bench.memory.missingNumbers = 0
        for _ in 0..<30 { #expect(bench.next() == "/news") }
        bench.bench.memory.missingNumbers = 3
        var reach = ""
        let start = bench.bench.now
        repeat { reach = bench.next() } while reach == "/news" && bench.bench.now.since(start) < .seconds(3600)
        #expect(reach == "/reconcile")
        // What that did not find is known, and no reason again.
        for _ in 0..<60 { #expect(bench.next() == "/news") }
    }

    @Test func whoAsksForAComparisonGetsItsReport() throws {
        let ending = try report(equal: true)
        var bench = Bench { NativeEcho(ending: ending) }
        bench.bench.memory.wireValues["reconciled_at"] = Array(PollBench.wallStart.rfc3339.utf8)
        #expect(bench.next() == "/news")
        // Whoever wants news at the same time gets a poll of its own, first.
        _ = bench.bench.send(.reconcileNow(PollTicket(7)))
        _ = bench.bench.send(.syncNow(PollTicket(8)))
        let first = bench.bench.poll()
        #expect(targets(first) == ["/news"] && tickets(first) == [PollTicket(8)])
        let second = bench.bench.poll()
        #expect(targets(second) == ["/reconcile"] && tickets(second) == [PollTicket(7)])
        #expect(bench.bench.reports.last?.reconciliation == ending)
        #expect(commits(second).last?.proof?.events == 7)
        #expect(commits(second).last?.proof?.digest == ending.ours.all.digest.hex)
    }

    @Test func onlyEqualLogsAreAProof() throws {
        let ending = try report(equal: false)
        var bench = Bench { NativeEcho(ending: ending) }
        #expect(bench.next() == "/news")
        let effects = bench.bench.poll()
        #expect(targets(effects) == ["/reconcile"])
        #expect(commits(effects).allSatisfy { $0.proof == nil })
        #expect(bench.bench.reports.last?.reconciliation?.isEqual == false)
    }

    @Test func aFailedComparisonDoesNotKeepNewsAway() throws {
        var bench = Bench { NativeEcho() }
        #expect(bench.next() == "/news")
        #expect(bench.next(.failure(.reset)) == "/reconcile")
        #expect(bench.next() == "/news")
        // It is still due, in its time.
        var reach = ""
        let start = bench.bench.now
        repeat { reach = bench.next() } while reach == "/news" && bench.bench.now.since(start) < .seconds(3600)
        #expect(reach == "/reconcile")
    }

    @Test func whoAsksDuringABackOffDoesNotWaitForIt() throws {
        var bench = Bench { NativeEcho() }
        #expect(bench.next(.failure(.refused)) == "/news")
        _ = bench.bench.send(.reconcileNow(PollTicket(1)))
        let effects = bench.bench.send(.tick)
        #expect(targets(bench.bench.run(effects)).isEmpty == false)
        #expect(bench.bench.reports.count == 2)
    }

    @Test func aNoemaPeerIsNeverCompared() throws {
        var bench = Bench { NativeEcho(wire: .noema) }
        bench.bench.memory.wire = .noema
        for _ in 0..<5 { #expect(bench.next() != "/reconcile") }
        _ = bench.bench.send(.reconcileNow(PollTicket(1)))
        let effects = bench.bench.poll()
        #expect(targets(effects) == ["/news"] && tickets(effects) == [PollTicket(1)])
        #expect(bench.bench.reports.last?.reconciliation == nil)
    }

    @Test func whoeverWaitsIsToldWhenThePeerIsPaused() throws {
        var bench = Bench { NativeEcho() }
        #expect(bench.next() == "/news")
        _ = bench.bench.send(.reconcileNow(PollTicket(1)))
        let effects = bench.bench.send(.stop)
        #expect(tickets(effects) == [PollTicket(1)])
        #expect(tickets(bench.bench.send(.reconcileNow(PollTicket(2)))) == [PollTicket(2)])
    }

    private func tickets(_ effects: [PollMachine.Effect]) -> [PollTicket] {
        effects.flatMap { if case .report(_, let tickets) = $0 { tickets } else { [] as [PollTicket] } }
    }
}
