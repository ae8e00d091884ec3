import FederationTestKit
import Testing

@testable import FederationCore

/// A conversation of so many pages that names those to come.
private struct PagedExchange: Exchange {
    var pages: Int
    var place = 0
    var isTaking = false

    static func request(_ page: Int) -> HTTPRequest { HTTPRequest(.get, "/\(page)") }

    mutating func begin(_ context: ExchangeContext) -> ExchangeStep { .identify(PollBench.identity()) }

    mutating func resume(_ answer: ExchangeAnswer, now: WallTime) -> ExchangeStep {
        switch answer {
        case .transport(let failure): return .failed(.transport(failure))
        case .response:
            isTaking = true
            return .take(PollBench.emptyPage)
        case .committed:
            isTaking = false
            place += 1
        default: break
        }
        guard place < pages else { return .finished(ExchangeProgress(isComplete: true, wire: .native)) }
        return .request(PagedExchange.request(place), seals: [])
    }

    var ahead: [UpcomingRequest] {
        (place + 1..<max(place + 1, pages)).map { UpcomingRequest(PagedExchange.request($0)) }
    }
}

private typealias Effect = PollMachine.Effect

private func sends(_ effects: [Effect]) -> [(id: RequestID, target: String, room: Int)] {
    effects.compactMap {
        if case .send(let id, let request, _) = $0 { (id, request.target, request.maxAnswerBytes) } else { nil }
    }
}

private func cancels(_ effects: [Effect]) -> [RequestID] {
    effects.compactMap { if case .cancel(let id) = $0 { id } else { nil } }
}

private func commit(_ effects: [Effect]) -> RequestID? {
    effects.lazy.compactMap { if case .commit(let id, _) = $0 { id } else { nil } }.first
}

struct PollAheadTests {
    private func bench(_ pages: Int) -> PollBench { PollBench { PagedExchange(pages: pages) } }

    /// Until the first page is asked for.
    private func began(_ bench: inout PollBench) -> [Effect] {
        var effects = bench.due()
        while case .load(let id, _)? = effects.first {
            var memory = PeerMemory()
            memory.keyOwner = PollBench.peerID
            effects = bench.send(.answered(id, .memory(memory)))
        }
        return effects
    }

    private func answer(_ bench: inout PollBench, _ id: RequestID, bytes: Int = 10) -> [Effect] {
        bench.send(.answered(id, .response(HTTPResponse(status: 200, body: [UInt8](repeating: 0, count: bytes)))))
    }

    @Test func theNextPageIsSentForBeforeTheLastIsAskedFor() throws {
        var bench = bench(3)
        let first = sends(began(&bench))
        #expect(first.map(\.target) == ["/0", "/1"])
        bench.pass(.milliseconds(200))
        let taken = answer(&bench, first[0].id)
        let page = try #require(commit(taken))
        #expect(sends(taken).isEmpty)
        // The second comes while the first is committed: then nothing is waited for.
        #expect(answer(&bench, first[1].id).isEmpty)
        bench.pass(.milliseconds(20))
        let next = bench.send(.answered(page, .committed(PageOutcome())))
        #expect(commit(next) != nil && sends(next).map(\.target) == ["/2"])
    }

    @Test func whatIsOnItsWayIsWaitedForAndNotSentAgain() throws {
        var bench = bench(2)
        let first = sends(began(&bench))
        let page = try #require(commit(answer(&bench, first[0].id)))
        #expect(bench.send(.answered(page, .committed(PageOutcome()))).isEmpty)
        #expect(bench.machine.status.state == .pulling)
        let last = try #require(commit(answer(&bench, first[1].id)))
        _ = bench.run(bench.send(.answered(last, .committed(PageOutcome()))))
        #expect(bench.reports.map(\.result) == [.complete] && bench.reports.map(\.pages) == [2])
    }

    @Test func asManyAreUnderWayAsKeepTheStoreAtWork() throws {
        var bench = bench(100)
        var effects = began(&bench)
        let waited = sends(effects)
        bench.pass(.milliseconds(200))
        let page = try #require(commit(answer(&bench, waited[0].id)))
        _ = answer(&bench, waited[1].id)
        bench.pass(.milliseconds(50))
        effects = bench.send(.answered(page, .committed(PageOutcome())))
        // 200 ms for an answer, 50 ms for a commit: four.
        #expect(sends(effects).map(\.target) == ["/2", "/3", "/4", "/5"])
        // A store that is slower wants fewer: none is sent until there are fewer.
        bench.pass(.milliseconds(350))
        effects = bench.send(.answered(try #require(commit(effects)), .committed(PageOutcome())))
        #expect(sends(effects).isEmpty && cancels(effects).isEmpty)
    }

    @Test func whatIsNotAskedForIsLetGoAtTheEnd() throws {
        for end in ["failure", "reset", "pause", "stop"] {
            var bench = bench(5)
            let first = sends(began(&bench))
            let effects: [Effect]
            switch end {
            case "failure": effects = bench.send(.answered(first[0].id, .transport(.reset)))
            case "reset": effects = bench.send(.reset(PollTicket(1)))
            case "pause":
                effects = bench.send(.reconfigured(PolledPeer(name: "beta", mode: .paused), PollBench.node))
            default: effects = bench.send(.stop)
            }
            #expect(cancels(effects).contains(first[1].id), "\(end)")
            // Its answer comes all the same.
            #expect(answer(&bench, first[1].id).isEmpty)
        }
    }

    @Test func aStoppedPageLetsThemGo() throws {
        var bench = bench(5)
        let first = sends(began(&bench))
        let page = try #require(commit(answer(&bench, first[0].id)))
        var outcome = PageOutcome()
        outcome.stoppedBy = ReplayProblem(reason: .other, eventID: "", subject: "")
        let effects = bench.send(.answered(page, .committed(outcome)))
        // The conversation asks on, and is ended when it gives another page.
        let rest = bench.run(effects + answer(&bench, first[1].id))
        #expect(commits(rest).allSatisfy { $0.page == nil })
        guard case .failed(.replay)? = bench.reports.first?.result else { throw ExchangeFailure.tooManyPages }
    }

    @Test func oneThatFailsByItselfIsSentAgainInItsTurn() throws {
        var bench = bench(3)
        let first = sends(began(&bench))
        // Before it is asked for: once more ahead.
        #expect(bench.send(.answered(first[1].id, .transport(.reset))).isEmpty)
        let taken = answer(&bench, first[0].id)
        let again = sends(taken)
        #expect(again.map(\.target) == ["/1"] && again.map(\.room) == [Limits.bytesAhead])
        let more = sends(bench.send(.answered(try #require(commit(taken)), .committed(PageOutcome()))))
        #expect(more.map(\.target) == ["/2"])
        // While it is waited for: with all the room that there is.
        let last = sends(bench.send(.answered(again[0].id, .transport(.answerTooLarge(limit: 1)))))
        #expect(last.map(\.target) == ["/1"] && last.map(\.room) == [Limits.answerBytes])
        // That is the poll's own request, and fails it.
        _ = bench.run(bench.send(.answered(last[0].id, .transport(.timeout))))
        #expect(bench.reports.map(\.result) == [.failed(.transport(.timeout))])
    }

    @Test func threeThatFailAreTheLast() throws {
        var bench = bench(10)
        var queue = began(&bench)
        var failed = 0
        while bench.reports.isEmpty, !queue.isEmpty {
            switch queue.removeFirst() {
            case .send(let id, _, _) where isAhead(id, in: bench):
                failed += 1
                queue += bench.send(.answered(id, .transport(.reset)))
            case .send(let id, _, _): queue += answer(&bench, id)
            case .commit(let id, _): queue += bench.send(.answered(id, .committed(PageOutcome())))
            default: break
            }
        }
        #expect(failed == 3 && bench.reports.map(\.pages) == [10])
    }

    private func isAhead(_ id: RequestID, in bench: PollBench) -> Bool {
        guard case .polling(let poll) = bench.machine.state else { return false }
        return poll.id != id
    }

    @Test func theSecondOfTwoAnswersChangesNothing() throws {
        var bench = bench(2)
        let first = sends(began(&bench))
        #expect(answer(&bench, first[1].id).isEmpty)
        #expect(bench.send(.answered(first[1].id, .transport(.reset))).isEmpty)
        let page = try #require(commit(answer(&bench, first[0].id)))
        #expect(commit(bench.send(.answered(page, .committed(PageOutcome())))) != nil)
    }

    @Test(arguments: 1...30) func theBoundsHoldWhateverAPeerDoes(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var bench = bench(60)
        var rooms: [RequestID: Int] = [:]
        var queue = began(&bench)
        for _ in 0..<3000 where bench.reports.isEmpty {
            for one in sends(queue) where one.room < Limits.answerBytes { rooms[one.id] = one.room }
            #expect(rooms.count <= Limits.requestsAhead + 1)
            // One of them may be waited for by now.
            let all = rooms.values.reduce(0, +)
            #expect(all <= Limits.bytesAhead + (rooms.values.max() ?? 0))
            for id in cancels(queue) { rooms[id] = nil }
            queue.removeAll { if case .cancel = $0 { true } else { false } }
            bench.pass(.milliseconds(Int64(random.below(80))))
            guard !queue.isEmpty else { break }
            switch queue.remove(at: random.below(queue.count)) {
            case .send(let id, _, _):
                rooms[id] = nil
                if random.chance(0.1) {
                    queue += bench.send(.answered(id, .transport(.answerTooLarge(limit: 1))))
                } else {
                    queue += answer(&bench, id, bytes: random.chance(0.2) ? 3 << 20 : 1000)
                }
            case .commit(let id, _): queue += bench.send(.answered(id, .committed(PageOutcome())))
            default: break
            }
        }
        #expect(bench.reports.count == 1)
    }
}

struct PullPaceTests {
    private func pace(_ answer: Int, _ commit: Int, bytes: Int = 1000) -> PullPace {
        var pace = PullPace()
        pace.answered(in: .milliseconds(answer), bytes: bytes)
        pace.committed(in: .milliseconds(commit))
        return pace
    }

    @Test(arguments: [
        (0, 0, 1), (1, 30, 1), (30, 30, 1), (31, 30, 2), (200, 30, 7), (200, 300, 1), (5000, 1, 8),
    ])
    func theDepthFollowsFromTheTwoTimes(_ answer: Int, _ commit: Int, _ depth: Int) {
        #expect(pace(answer, commit).depth == depth)
    }

    @Test(arguments: [(1, 8), (3 << 20, 8), (8 << 20, 3), (26 << 20, 1), (112 << 20, 1)])
    func longPagesTakeTheRoomOfMany(_ bytes: Int, _ depth: Int) {
        #expect(pace(10_000, 10, bytes: bytes).depth == depth)
    }

    @Test func oneIsSentBeforeAnythingIsKnown() {
        #expect(PullPace().depth == 1)
        var pace = PullPace()
        pace.overran(.max)
        #expect(pace.depth == 1)
    }

    @Test func theLeastAnswerCountsAndTheCommitsOfLate() {
        var pace = pace(200, 100)
        // What waits behind others on a narrow way takes longer, and is no reason to send more.
        pace.answered(in: .milliseconds(900), bytes: 1)
        #expect(pace.depth == 2)
        for _ in 0..<10 { pace.committed(in: .milliseconds(50)) }
        #expect(pace.depth == 4)
    }
}
