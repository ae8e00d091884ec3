import FederationCore
import FederationTestKit
import Testing

@Suite struct PeerLagTests {
    private let oldest = ULID(floorOf: PollBench.wallStart.advanced(by: .seconds(-90)))

    private func page(_ rest: LogRest?, cursor: PulledPage.Cursor = .position("e.1")) -> ExchangeStep {
        .take(PulledPage(items: [], cursor: cursor, rest: rest))
    }

    @Test func whatAFieldSaysIsReadWholeOrNotAtAll() {
        let rest = LogRest(events: 3, bytes: 1200, oldest: oldest)
        #expect(rest.text == "3 1200 \(oldest)")
        #expect(LogRest(text: rest.text!) == rest)
        #expect(LogRest(text: "0 0") == .nothing && LogRest.nothing.text == "0 0")
        #expect(LogRest(events: 3).text == nil, "what is not known is not said")
        for bad in ["", "3", "3 5", "0 0 \(oldest)", "-1 0", "1 -1 \(oldest)", "1 1 x", "1  1", "1 1 \(oldest) 4", "x 1", "1 1 \(oldest) "] {
            #expect(LogRest(text: bad) == nil, "\(bad)")
        }
    }

    @Test func moreThanALogCanHaveIsNotBelieved() throws {
        let most = Limits.restSaid
        for (events, bytes) in [(most + 1, 1), (1, most + 1), (.max, 1), (1, .max)] as [(Int64, Int64)] {
            #expect(LogRest(text: "\(events) \(bytes) \(oldest)") == nil)
            let json = #"{"events":\#(events),"bytes":\#(bytes),"observed_at":"2026-04-20T12:00:00Z"}"#
            let lag = PeerLag(json: try JSON(Array(json.utf8)))
            #expect(lag == nil || (lag?.rest.events == 1 && lag?.rest.bytes == nil), "\(json)")
        }
        #expect(LogRest(text: "\(most) \(most) \(oldest)")?.events == most)
        #expect(LogRest.total(read: 1, rest: .max) == nil && LogRest.total(read: 1, rest: 2) == 3)
        // Whatever a wire hands over, the poll goes on.
        var outcome = PageOutcome()
        outcome.applied = 2
        let bench = committing(page(LogRest(events: .max)), outcome: outcome)
        #expect(bench.machine.status.progress?.done == 2 && bench.machine.status.progress?.total == nil)
    }

    @Test func theOldestEventMissingHasAnAge() {
        let lag = PeerLag(LogRest(events: 3, bytes: 1200, oldest: oldest), at: PollBench.wallStart)
        #expect(lag.age(at: PollBench.wallStart) == .seconds(90))
        #expect(lag.age(at: PollBench.wallStart.advanced(by: .seconds(-600))) == .zero, "an id ahead of our clock")
        #expect(PeerLag(.nothing, at: PollBench.wallStart).age(at: PollBench.wallStart) == .zero)
        #expect(PeerLag(LogRest(events: 3), at: PollBench.wallStart).age(at: PollBench.wallStart) == nil)
    }

    @Test func aPageThatIsOnDiskSaysHowFarBehindWeAre() {
        let rest = LogRest(events: 3, bytes: 1200, oldest: oldest)
        var bench = PollBench(PollBench.hello() + [page(rest), .request(HTTPRequest(.get, "/more"), seals: [])])
        #expect(bench.machine.status.lag == nil)
        var effects = bench.run(bench.due().filter { if case .load = $0 { true } else { false } })
        // The bench has answered everything, so the poll has read the log to its end.
        #expect(bench.machine.status.lag == PeerLag(.nothing, at: bench.wall))
        #expect(bench.machine.status.knowsLag)
        let health = commits(effects).compactMap(\.health)
        #expect(health.first { $0.result == .underWay }?.lag == PeerLag(rest, at: bench.wall))
        #expect(health.last?.lag == PeerLag(.nothing, at: bench.wall))
        // A failure leaves what was known, and says that it may be so no more.
        effects = bench.poll(response: .failure(.refused))
        #expect(commits(effects).last?.health?.lag == nil)
        #expect(bench.machine.status.lag != nil && !bench.machine.status.knowsLag)
    }

    /// Carries a poll on until its first page is being committed, and answers that with `outcome`.
    private func committing(_ step: ExchangeStep, outcome: PageOutcome = PageOutcome()) -> PollBench {
        var bench = PollBench(PollBench.hello() + [step, .request(HTTPRequest(.get, "/more"), seals: [])])
        var effects = bench.due()
        while let effect = effects.popLast() {
            switch effect {
            case .load(let id, _): effects += bench.send(.answered(id, .memory(bench.memory)))
            case .send(let id, let request, _) where request.target != "/more":
                effects += bench.send(.answered(id, .response(PollBench.answer)))
            case .commit(let id, _): effects += bench.send(.answered(id, .committed(outcome)))
            default: break
            }
        }
        return bench
    }

    @Test func whatIsNotKnownIsUnknownAndNotZero() {
        // An older peer: how many, and no more.
        #expect(committing(page(LogRest(events: 3))).machine.status.lag?.rest == LogRest(events: 3))
        // A wire that says nothing.
        #expect(committing(page(nil, cursor: .byEvent)).machine.status.lag == nil)
        var stopped = PageOutcome()
        stopped.stoppedBy = ReplayProblem(reason: .other, eventID: "", subject: "")
        // What follows a page of which only a part was taken is more than what follows the page.
        #expect(committing(page(LogRest(events: 3)), outcome: stopped).machine.status.lag == nil)
    }

    @Test func pagesThatFillAHoleSayNothingOfTheEnd() {
        var bench = PollBench(PollBench.hello() + [page(LogRest(events: 3)), page(nil, cursor: .none), page(LogRest(events: 1))])
        let lags = commits(bench.poll()).compactMap { $0.page == nil ? nil : $0.health?.lag?.rest.events }
        #expect(lags == [3, 1])
    }

    @Test func timeToGoIsSaidOnceItIsMeasured() {
        let outcome = { var outcome = PageOutcome(); outcome.applied = 100; return outcome }()
        var bench = committing(page(LogRest(events: 900)), outcome: outcome)
        #expect(bench.machine.status.progress?.done == 100)
        #expect(bench.machine.status.progress?.total == 1000)
        #expect(bench.machine.status.progress?.remaining == nil, "no time has passed, so nothing was measured")
        bench.pass(.seconds(2))
        var progress = bench.machine.status.progress!
        progress.reached(progress.done, of: progress.total, at: bench.now)
        #expect(progress.rate == 50 && progress.remaining == .seconds(18))
    }

    @Test func itIsKeptWithThePeersHealth() throws {
        let lag = PeerLag(LogRest(events: 3, bytes: 1200, oldest: oldest), at: PollBench.wallStart)
        var change = PeerHealthChange(at: PollBench.wallStart, result: .underWay)
        change.lag = lag
        var health = change.applied(to: PeerHealth(), standing: PeerStanding())
        #expect(PeerHealth(json: health.json) == health && health.lag == lag)
        #expect(
            String(decoding: health.json, as: UTF8.self)
                == #"{"lag":{"events":3,"bytes":1200,"oldest":"\#(oldest)","observed_at":"2026-04-20T12:00:00Z"}}"#)
        health = PeerHealthChange(at: PollBench.wallStart, result: .failed(.networkEOF, eventID: "", subject: ""))
            .applied(to: health, standing: PeerStanding())
        #expect(health.lag == lag && health.failingSince == "2026-04-20T12:00:00Z")
        let later = PollBench.wallStart.advanced(by: .seconds(60))
        health = PeerHealthChange(at: later, result: .failed(.networkEOF, eventID: "", subject: ""))
            .applied(to: health, standing: PeerStanding())
        #expect(health.failingSince == "2026-04-20T12:00:00Z" && health.consecutiveFailures == 2)
        #expect(PeerHealth(json: health.json) == health)
        health = PeerHealthChange(at: later, result: .succeeded).applied(to: health, standing: PeerStanding())
        #expect(health.failingSince == "")
        for bad in [#"{"lag":{}}"#, #"{"lag":{"events":-1,"observed_at":"2026-04-20T12:00:00Z"}}"#, #"{"lag":7}"#] {
            #expect(PeerHealth(json: Array(bad.utf8)).lag == nil)
        }
    }
}
