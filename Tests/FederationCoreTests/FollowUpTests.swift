import FederationCore
import FederationTestKit
import Testing

/// A peer that is followed. Each conversation brings one page, which leads from its position to the next, and says what the
/// one after it will ask for.
private struct Followed: Exchange {
    private var place = 0
    private var hold = Duration.zero
    private var isTaking = false

    var followUp: UpcomingRequest? {
        isTaking && hold > .zero ? UpcomingRequest(Followed.request(after: place + 1, hold)) : nil
    }

    mutating func begin(_ context: ExchangeContext) -> ExchangeStep {
        place = context.position.flatMap { Int($0) } ?? 0
        hold = context.hold
        return .request(Followed.request(after: place, hold), seals: [])
    }

    mutating func resume(_ answer: ExchangeAnswer, now: WallTime) -> ExchangeStep {
        switch answer {
        case .transport(let failure): return .failed(.transport(failure))
        case .response: return .identify(PollBench.identity())
        case .identityAccepted:
            isTaking = true
            return .take(PulledPage(items: [], cursor: .position(String(place + 1))))
        case .committed(let outcome) where outcome.stoppedBy != nil: return .failed(.replay(outcome.stoppedBy!))
        default: return .finished(ExchangeProgress(isComplete: true, wire: .native, canFollow: true))
        }
    }

    private static func request(after place: Int, _ hold: Duration) -> HTTPRequest {
        var request = HTTPRequest(.get, hold > .zero ? "/held/\(place)" : "/asked/\(place)")
        request.hold = hold
        return request
    }
}

/// What a peer that is followed is asked for next goes out while the last page is on its way to the disk.
@Suite struct FollowUpTests {
    /// A peer that is followed, at the moment at which a page is being committed and the next request is under way.
    private struct Moment {
        var bench: PollBench
        var commit: RequestID
        var next: RequestID

        init() throws {
            bench = PollBench { Followed() }
            (bench.memory.pin, bench.memory.keyOwner) = (PollBench.peerID, PollBench.peerID)
            bench.memory.wire = .native
            bench.memory.wireValues["reconciled_at"] = Array(PollBench.wallStart.rfc3339.utf8)
            _ = bench.poll()
            bench.memory.position = "1"
            let held = try #require(Moment.sent(try Moment.loaded(&bench)))
            #expect(held.target == "/held/1")
            let effects = bench.send(.answered(held.id, .response(PollBench.answer)))
            commit = try #require(effects.compactMap { if case .commit(let id, _) = $0 { id } else { nil } }.first)
            let sent = try #require(Moment.sent(effects))
            #expect(sent.target == "/held/2")
            next = sent.id
        }

        /// The page is in the log.
        mutating func committed() -> [PollMachine.Effect] {
            bench.memory.position = "2"
            var outcome = PageOutcome()
            outcome.applied = 1
            return bench.send(.answered(commit, .committed(outcome)))
        }

        /// Begins the next poll, up to what it asks for once it knows where it stands.
        static func loaded(_ bench: inout PollBench) throws -> [PollMachine.Effect] {
            let begun = bench.due()
            let load = try #require(begun.compactMap { if case .load(let id, _) = $0 { id } else { nil } }.first)
            return begun + bench.send(.answered(load, .memory(bench.memory)))
        }

        static func sent(_ effects: [PollMachine.Effect]) -> (id: RequestID, target: String)? {
            for case .send(let id, let request, _) in effects { return (id, request.target) }
            return nil
        }

        func cancels(_ effects: [PollMachine.Effect]) -> Bool {
            effects.contains { if case .cancel(next) = $0 { true } else { false } }
        }
    }

    @Test func itIsNotSentAgainOnceItIsAskedFor() throws {
        var moment = try Moment()
        #expect(!moment.cancels(moment.committed()))
        #expect(moment.bench.machine.wakeAt == moment.bench.now)
        let asked = try Moment.loaded(&moment.bench)
        #expect(targets(asked).isEmpty && !moment.cancels(asked))
        #expect(moment.bench.machine.status.state == .following)
        let page = moment.bench.send(.answered(moment.next, .response(PollBench.answer)))
        #expect(commits(page).map { $0.page?.cursor } == [.position("3")])
        #expect(targets(page) == ["/held/3"])
    }

    /// Before the page is in the log, before the next poll has begun, or while that looks up where it stands.
    @Test(arguments: 0..<3) func anAnswerThatComesEarlyIsKept(_ when: Int) throws {
        var moment = try Moment()
        let answer = PollMachine.Input.answered(moment.next, .response(PollBench.answer))
        if when == 0 { #expect(moment.bench.send(answer).isEmpty) }
        _ = moment.committed()
        if when == 1 { #expect(moment.bench.send(answer).isEmpty) }
        let load = try #require(moment.bench.due().compactMap { if case .load(let id, _) = $0 { id } else { nil } }.first)
        if when == 2 { #expect(moment.bench.send(answer).isEmpty) }
        let page = moment.bench.send(.answered(load, .memory(moment.bench.memory)))
        #expect(commits(page).map { $0.page?.cursor } == [.position("3")])
        #expect(targets(page) == ["/held/3"])
    }

    @Test func oneThatFailsByItselfIsSentAgain() throws {
        var moment = try Moment()
        _ = moment.committed()
        _ = moment.bench.send(.answered(moment.next, .transport(.reset)))
        #expect(try targets(Moment.loaded(&moment.bench)) == ["/held/2"])
    }

    @Test func aPageThatDoesNotComeIntoTheLogLetsItGo() throws {
        for answer in [PollMachine.Answer.store(.full), .committed(stopped())] {
            var moment = try Moment()
            #expect(moment.cancels(moment.bench.send(.answered(moment.commit, answer))))
        }
    }

    private func stopped() -> PageOutcome {
        var outcome = PageOutcome()
        outcome.stoppedBy = ReplayProblem(reason: .other, eventID: "", subject: "")
        return outcome
    }

    /// Whatever else there is to do is not kept waiting for it.
    @Test func whoeverWantsSomethingElseEndsIt() throws {
        for input in [PollMachine.Input.syncNow(PollTicket(1)), .news] {
            // While the page is being committed, once it is, and while the next poll looks up where it stands.
            for when in 0..<3 {
                var moment = try Moment()
                var effects: [PollMachine.Effect] = []
                if when == 0 { effects += moment.bench.send(input) }
                effects += moment.committed()
                if when == 1 { effects += moment.bench.send(input) }
                effects += moment.bench.due()
                if when == 2 { effects += moment.bench.send(input) }
                let load = try #require(effects.compactMap { if case .load(let id, _) = $0 { id } else { nil } }.last)
                effects += moment.bench.send(.answered(load, .memory(moment.bench.memory)))
                #expect(moment.cancels(effects) && Moment.sent(effects)?.target == "/asked/2", "\(input) \(when)")
            }
        }
        for input in [PollMachine.Input.stop, .reset(PollTicket(1))] {
            for when in 0..<3 {
                var moment = try Moment()
                if when > 0 { _ = moment.committed() }
                if when > 1 { _ = moment.bench.due() }
                #expect(moment.cancels(moment.bench.send(input)), "\(input) \(when)")
            }
        }
    }

    /// The log that stands at the peer's place now is another one, or somebody has put the cursor back.
    @Test func whereTheNextPollAsksForAnotherPageItIsLetGo() throws {
        var moment = try Moment()
        _ = moment.committed()
        moment.bench.memory.position = "0"
        let asked = try Moment.loaded(&moment.bench)
        #expect(moment.cancels(asked) && targets(asked) == ["/held/0"])
    }
}
