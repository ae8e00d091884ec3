import FederationCore
import FederationTestKit
import Testing

/// A peer that can hold its answers; each poll brings what `page` says.
private struct Holding: Exchange {
    var page = PulledPage(items: [], cursor: .none)
    var canFollow = true
    private var isDone = false

    init(_ page: PulledPage? = nil, canFollow: Bool = true) {
        if let page { self.page = page }
        self.canFollow = canFollow
        isDone = page == nil
    }

    mutating func begin(_ context: ExchangeContext) -> ExchangeStep {
        var request = HTTPRequest(.get, context.hold > .zero ? "/held" : "/asked")
        request.hold = context.hold
        return .request(request, seals: [])
    }

    mutating func resume(_ answer: ExchangeAnswer, now: WallTime) -> ExchangeStep {
        switch answer {
        case .transport(let failure): return .failed(.transport(failure))
        case .response: return .identify(PollBench.identity())
        case .identityAccepted where !isDone:
            isDone = true
            return .take(page)
        default: return .finished(ExchangeProgress(isComplete: true, wire: .native, canFollow: canFollow))
        }
    }
}

@Suite struct LiveFollowTests {
    private static let interval = PolledPeer(name: "beta").interval

    private func bench(_ page: PulledPage? = nil, canFollow: Bool = true) -> PollBench {
        var bench = PollBench { Holding(page, canFollow: canFollow) }
        bench.memory.pin = PollBench.peerID
        bench.memory.wire = .native
        // Compared not long ago: what is next is news.
        bench.memory.wireValues["reconciled_at"] = Array(PollBench.wallStart.rfc3339.utf8)
        return bench
    }

    /// Carries out a poll up to its request, and leaves that unanswered.
    private func hold(_ bench: inout PollBench) -> RequestID? {
        var effects = bench.due()
        while !effects.isEmpty {
            switch effects.removeFirst() {
            case .load(let id, _): effects += bench.send(.answered(id, .memory(bench.memory)))
            case .send(let id, let request, _): return request.hold > .zero ? id : nil
            default: break
            }
        }
        return nil
    }

    /// A peer that holds a request for `time`, and then answers it.
    private func held(_ bench: inout PollBench, for time: Duration, outcome: PageOutcome = PageOutcome()) -> [PollMachine.Effect] {
        guard let id = hold(&bench) else { return [] }
        bench.pass(time)
        return bench.run(bench.send(.answered(id, .response(PollBench.answer))), outcome: outcome)
    }

    @Test func aPeerThatCanHoldIsAskedAgainAtOnce() {
        var bench = bench()
        #expect(targets(bench.poll()) == ["/asked"])
        #expect(bench.machine.wakeAt == bench.now)
        #expect(hold(&bench) != nil)
        #expect(bench.machine.status.state == .following)
    }

    @Test func aPeerThatCannotIsPolledAtIntervals() {
        var bench = bench(canFollow: false)
        for _ in 0..<3 {
            #expect(targets(bench.poll()) == ["/asked"])
            #expect(bench.machine.wakeAt!.since(bench.now) >= .seconds(15))
        }
    }

    @Test func anEmptyHoldIsWrittenDownOnceAnInterval() {
        var bench = bench()
        #expect(commits(bench.poll()).count == 1)
        let begin = bench.now
        var written: [Duration] = []
        for _ in 0..<30 where !commits(held(&bench, for: .seconds(10))).isEmpty { written.append(bench.now.since(begin)) }
        // 300 s in holds of ten.
        #expect(written == [.seconds(30), .seconds(60), .seconds(90), .seconds(120), .seconds(150), .seconds(180), .seconds(210), .seconds(240), .seconds(270), .seconds(300)])
        #expect(bench.reports.allSatisfy { $0.result == .complete })
    }

    @Test func newsIsOneCommitAndTheNextHoldFollowsAtOnce() {
        var bench = bench(PulledPage(items: [], cursor: .position("e.2")))
        _ = bench.poll()
        var outcome = PageOutcome()
        outcome.applied = 1
        for _ in 0..<10 {
            let commits = commits(held(&bench, for: .milliseconds(20), outcome: outcome))
            #expect(commits.map { $0.page != nil } == [true])
            #expect(bench.machine.wakeAt == bench.now)
        }
    }

    @Test func holdsThatEndAtOnceWithNothingAreNoBusyLoop() {
        var bench = bench()
        _ = bench.poll()
        let begin = bench.now
        var pauses: [Duration] = []
        for _ in 0..<8 {
            #expect(!held(&bench, for: .milliseconds(1)).isEmpty)
            pauses.append(bench.machine.wakeAt!.since(bench.now))
        }
        #expect(pauses == [1, 2, 4, 8, 16, 30, 30, 30].map { .seconds($0) })
        #expect(bench.now.since(begin) > .seconds(60))
        // One that lasts ends the series.
        _ = held(&bench, for: .seconds(45))
        #expect(bench.machine.wakeAt == bench.now)
    }

    /// Whoever was away is given so much of the peer's history with each page, and then the peer waits for news.
    @Test func pagesThatBringNoEventsAreReadOneAfterTheOther() {
        var bench = bench(PulledPage(items: [], cursor: .position("e.2")))
        _ = bench.poll()
        let begin = bench.now
        for _ in 0..<40 { #expect(!held(&bench, for: .milliseconds(1)).isEmpty) }
        #expect(bench.now.since(begin) == .milliseconds(40) && bench.machine.wakeAt == bench.now)
    }

    @Test func pagesThatBringNothingNewForEverAreNoBusyLoop() {
        var bench = bench(PulledPage(items: [], cursor: .position("e.2")))
        _ = bench.poll()
        var outcome = PageOutcome()
        outcome.duplicates = 3
        let begin = bench.now
        var polls = 0
        while bench.now.since(begin) < .seconds(60) {
            _ = held(&bench, for: .milliseconds(1), outcome: outcome)
            polls += 1
        }
        #expect(polls < 64 + 60 * 20)
        // What is new is followed at once again.
        outcome.applied = 1
        _ = held(&bench, for: .milliseconds(1), outcome: outcome)
        #expect(bench.machine.wakeAt == bench.now)
    }

    /// What it holds was asked for before, and is not wanted any more.
    @Test func aNodeThatFetchesNoMoreLetsGoOfAHold() {
        var bench = bench(PulledPage(items: [], cursor: .position("e.2")))
        _ = bench.poll()
        guard let id = hold(&bench) else {
            Issue.record("nothing is held")
            return
        }
        var node = PollBench.node
        node.mode = .publish
        let effects = bench.send(.reconfigured(bench.machine.peer, node))
        #expect(effects.contains { if case .cancel(id) = $0 { true } else { false } })
        #expect(commits(bench.run(bench.send(.answered(id, .response(PollBench.answer))))).isEmpty)
    }

    @Test func aPageInHandIsNotTakenOnceThePeerIsNotFetchedFrom() {
        var bench = bench(PulledPage(items: [], cursor: .position("e.2")))
        var effects = bench.due()
        guard case .load(let id, _) = effects.removeFirst() else { return }
        effects = bench.send(.answered(id, .memory(bench.memory)))
        guard case .send(let request, _, _) = effects.removeFirst() else { return }
        var peer = bench.machine.peer
        peer.mode = .publish
        _ = bench.send(.reconfigured(peer, PollBench.node))
        let all = bench.run(bench.send(.answered(request, .response(PollBench.answer))))
        #expect(commits(all).map { $0.page == nil } == [true])
    }

    @Test func aHoldThatFailedIsWrittenDownWhoeverAsksMeanwhile() {
        var bench = bench()
        _ = bench.poll()
        guard let id = hold(&bench) else { return }
        bench.pass(.seconds(5))
        let effects = bench.send(.answered(id, .transport(.reset)))
        #expect(commits(effects).count == 1)
        #expect(bench.send(.syncNow(PollTicket(7))).isEmpty)
        _ = bench.run(effects)
        #expect(bench.machine.status.attempt == 1)
    }

    /// It would answer 429, and be left alone for a while.
    @Test func aPeerIsNotAskedMoreOftenThanItAllows() {
        var bench = bench(PulledPage(items: [], cursor: .position("e.2")))
        _ = bench.poll()
        var outcome = PageOutcome()
        outcome.applied = 1
        var peer = RateLimiter(rate: Limits.requestsPerSecond, burst: Limits.requestBurst, senders: 1)
        let begin = bench.now
        var (count, refused) = (0, 0)
        while bench.now.since(begin) < .seconds(10) {
            if hold(&bench, { peer.allows("", at: $0) }, outcome) { count += 1 } else { refused += 1 }
        }
        #expect(refused == 0)
        #expect(count <= Limits.followBurst + 10 * Limits.followsPerSecond + 2 && count > 10 * Limits.followsPerSecond)
    }

    private func hold(_ bench: inout PollBench, _ isAllowed: (Instant) -> Bool, _ outcome: PageOutcome) -> Bool {
        guard let id = hold(&bench) else { return false }
        let allowed = isAllowed(bench.now)
        bench.pass(.milliseconds(1))
        _ = bench.run(bench.send(.answered(id, .response(PollBench.answer))), outcome: outcome)
        return allowed
    }

    @Test func whateverElseIsToBeDoneCutsAHoldShort() {
        let changed = PolledPeer(name: "beta", expectedID: PollBench.peerID)
        let inputs: [PollMachine.Input] = [
            .syncNow(PollTicket(1)), .news, .reconfigured(changed, PollBench.node), .calledBack(Holding()),
        ]
        for input in inputs {
            var bench = bench()
            _ = bench.poll()
            let id = hold(&bench)!
            let effects = bench.send(input)
            #expect(effects.contains { if case .cancel(id) = $0 { true } else { false } })
            #expect(bench.machine.wakeAt == bench.now)
            #expect(targets(bench.poll()) == ["/asked"], "what is known to be there is not waited for")
            #expect(bench.reports.last?.result == .complete)
            // The answer of the one that was cut comes late.
            #expect(bench.send(.answered(id, .response(PollBench.answer))).isEmpty)
            #expect(hold(&bench) != nil)
        }
        for (input, state) in [
            (PollMachine.Input.stop, PollStatus.State.stopped), (.reset(PollTicket(1)), .replaying),
            (.reconfigured(PolledPeer(name: "beta", mode: .paused), PollBench.node), .paused),
        ] {
            var bench = bench()
            _ = bench.poll()
            let id = hold(&bench)!
            #expect(bench.send(input).contains { if case .cancel(id) = $0 { true } else { false } })
            #expect(bench.machine.status.state == state)
        }
    }

    @Test func whoeverAsksDuringAHoldIsToldOfThePollThatFollows() {
        var bench = bench()
        _ = bench.poll()
        _ = hold(&bench)
        _ = bench.send(.syncNow(PollTicket(7)))
        let told = bench.poll().compactMap { if case .report(let report, let to) = $0, to == [PollTicket(7)] { report } else { nil } }
        #expect(told.map(\.result) == [.complete])
    }

    /// Where only one side can reach the other, nobody wakes whoever waits.
    @Test func aPeerThatGoesAwayIsLookedForSoonAndThenLessAndLess() {
        var bench = bench()
        _ = bench.poll()
        let id = hold(&bench)!
        _ = bench.run(bench.send(.answered(id, .transport(.endOfFile))))
        #expect(bench.reports.last?.result == .failed(.transport(.endOfFile)))
        var waits: [Duration] = []
        for _ in 0..<10 {
            waits.append(bench.machine.wakeAt!.since(bench.now))
            _ = bench.poll(response: .failure(.refused))
        }
        #expect(waits[0] <= .seconds(1) && zip(waits, waits.dropFirst()).prefix(7).allSatisfy { $0 < $1 })
        #expect(waits.last! >= .seconds(240) && waits.last! <= .seconds(300))
        #expect(targets(bench.poll()) == ["/asked"])
        #expect(hold(&bench) != nil)
    }

    @Test func anotherFailureWaitsForTheInterval() {
        var bench = bench()
        _ = bench.poll()
        let id = hold(&bench)!
        _ = bench.run(bench.send(.answered(id, .transport(.malformedAnswer))))
        #expect(bench.machine.wakeAt!.since(bench.now) >= .seconds(30))
    }

    @Test func aPeerThatIsNotFetchedFromIsNotHeld() {
        var bench = PollBench(peer: PolledPeer(name: "beta", mode: .publish)) { Holding() }
        for _ in 0..<3 { #expect(targets(bench.poll()) == ["/asked"]) }
    }

    @Test func withoutAHoldInThePolicyNobodyIsFollowed() {
        var policy = PollPolicy()
        policy.hold = .zero
        var bench = PollBench(policy: policy) { Holding() }
        for _ in 0..<3 {
            #expect(targets(bench.poll()) == ["/asked"])
            #expect(bench.machine.wakeAt!.since(bench.now) >= .seconds(15))
        }
    }
}
