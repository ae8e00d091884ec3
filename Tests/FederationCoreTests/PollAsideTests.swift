import FederationCore
import FederationTestKit
import Testing

/// Peers that wait for a person's word, and peers that are busy: neither is a failure.
@Suite struct PollAsideTests {
    private static let key = "ed25519:LB+0jMLPWjc+6yXzZFm8KOGQCwjA2YzdGgbNEfcDCJo="

    private func asking(_ script: [ExchangeStep]) -> PollBench {
        PollBench(script, peer: PolledPeer(name: "beta", firstContact: .ask))
    }

    /// What a conversation is told it may do.
    private struct Echo: Exchange {
        mutating func begin(_ context: ExchangeContext) -> ExchangeStep {
            let reach = context.reach == .news ? "news" : "other"
            return .request(
                HTTPRequest(.get, "/\(reach) \(context.fetches) \(context.pushes) \(context.hold > .zero)"), seals: [])
        }
        mutating func resume(_ answer: ExchangeAnswer, now: WallTime) -> ExchangeStep {
            .finished(ExchangeProgress(isComplete: true, wire: .native, canFollow: true))
        }
    }

    @Test func whoWaitsIsAskedWhoItIsAndNothingElse() {
        var bench = PollBench(peer: PolledPeer(name: "beta", firstContact: .ask)) { Echo() }
        bench.memory.wire = .native
        for _ in 1...3 { #expect(targets(bench.poll()) == ["/news false false false"]) }
        bench.memory.pairing = PeerPairing(.paired, id: PollBench.peerID, key: PollAsideTests.key, at: PollBench.wallStart)
        #expect(targets(bench.poll()) == ["/news true true true"])
    }

    @Test func nothingIsTakenNorPinnedBeforeTheYes() throws {
        let identity = PeerIdentity(
            id: PollBench.peerID, name: "beta", version: "1", wire: .native, publicKey: PollAsideTests.key, heldOfOurs: 99,
            wants: PushOffer(node: PollBench.peerID, position: nil))
        var bench = asking(PollBench.hello(identity) + [.take(PollBench.emptyPage)])
        let effects = bench.poll()
        let commit = try #require(commits(effects).first)
        #expect(commits(effects).count == 1)
        #expect(commit.page == nil && commit.pin == nil && commit.key == nil && commit.wire == nil && commit.seenAt == nil)
        #expect(commit.pairing == PeerPairing(.pending, id: PollBench.peerID, key: PollAsideTests.key, at: PollBench.wallStart))
        #expect(commit.health?.result == .waits)
        for effect in effects {
            switch effect {
            case .offered(let offer): #expect(offer == nil)
            case .found: Issue.record("its claims are not looked at")
            default: break
            }
        }
        #expect(bench.reports.map(\.result) == [.pending])
        #expect(bench.machine.status.state == .pending && bench.machine.status.failure == nil)

        bench.memory.pairing = PeerPairing(.paired, id: PollBench.peerID, key: PollAsideTests.key, at: PollBench.wallStart)
        let next = commits(bench.run(bench.send(.news) + bench.send(.tick)))
        #expect(next.contains { $0.page != nil && $0.pin == PollBench.peerID }, "at once")
        #expect(bench.machine.status.state == .idle)
    }

    @Test func waitingNeitherGrowsNorIsSaidTwice() {
        var bench = asking(PollBench.hello(PollBench.identity(key: PollAsideTests.key)))
        for index in 0..<6 {
            _ = bench.poll()
            let wait = bench.machine.wakeAt!.since(bench.now)
            #expect(wait <= .seconds(30) && wait >= .seconds(27))
            #expect(bench.reports[index].isRepeated == (index > 0) && bench.machine.status.attempt == 0)
            bench.memory.pairing = bench.reports[index].pairing
        }
    }

    @Test func anotherThatAnswersIsSaidAnew() {
        var bench = asking(PollBench.hello(PollBench.identity(key: PollAsideTests.key)))
        bench.memory.pairing = PeerPairing(.pending, id: PollBench.otherID, key: PollAsideTests.key, at: PollBench.wallStart)
        _ = bench.poll()
        #expect(bench.reports[0].pairing?.hasChanged == true && !bench.reports[0].isRepeated)
    }

    @Test func aNoemaSessionIsEndedAsItShouldBe() {
        let identity = PeerIdentity(id: PollBench.peerID, name: "beta", version: "1", wire: .noema, publicKey: PollAsideTests.key)
        var bench = asking(PollBench.hello(identity) + [.request(HTTPRequest(.delete, "/mcp"), seals: [])])
        let effects = bench.poll()
        #expect(targets(effects) == ["/identity", "/mcp"])
        #expect(bench.reports.map(\.result) == [.pending])
        #expect(commits(effects).map(\.pin) == [nil])
    }

    @Test func whoHadFailedAndIsMetHasFailedNoMore() throws {
        var bench = asking(PollBench.hello())
        _ = bench.poll(response: .failure(.refused))
        #expect(bench.machine.status.attempt == 1)
        let commit = try #require(commits(bench.poll()).first)
        #expect(bench.machine.status.attempt == 0 && bench.reports[1].failuresInARow == 1)
        var health = PeerHealth()
        health.consecutiveFailures = 4
        health.lastError = PeerHealth.LastError(reason: .networkRefused, observedAt: PollBench.wallStart)
        let after = try #require(commit.health).applied(to: health, standing: PeerStanding())
        #expect(after.consecutiveFailures == 0 && after.lastError == nil && after.lastSuccess == "")
    }

    // MARK: Busy

    private func busy(_ retryAfter: String?) -> HTTPResponse {
        var fields: HTTPFields = [:]
        fields["Retry-After"] = retryAfter
        return HTTPResponse(status: 429, fields: fields)
    }

    @Test(arguments: [
        (nil, 30), ("7", 7), ("90", 90), ("0", 1), ("299", 299), ("100000", 300), ("9999999999", 30), ("-5", 30),
        ("Wed, 21 Oct 2026 07:28:00 GMT", 30), ("", 30),
    ] as [(String?, Int)])
    func aBusyPeerIsLeftAloneAsLongAsItAsks(asked: String?, seconds: Int) {
        var bench = PollBench([.request(HTTPRequest(.get, "/identity"), seals: []), .failed(.status(429))])
        for round in 0..<2 {
            let effects = bench.poll(response: .success(busy(asked)))
            #expect(commits(effects).allSatisfy { $0.health == nil }, "nothing alarms")
            let wait = bench.machine.wakeAt!.since(bench.now)
            #expect(wait >= .seconds(seconds) && wait <= .seconds(seconds) * 1.1, "round \(round): it does not grow")
            #expect(bench.machine.status.attempt == 0 && bench.machine.status.failure == nil)
            #expect(bench.machine.status.state == .busy)
        }
        #expect(bench.reports.map(\.result) == [.busy, .busy])
        #expect(bench.reports.map(\.isRepeated) == [false, true])
    }

    /// Whoever is busy for ever has failed, and is left alone all the same.
    @Test func tenMinutesOfBusyAnswersAreAFailure() throws {
        var bench = PollBench([.request(HTTPRequest(.get, "/identity"), seals: []), .failed(.status(429))])
        while bench.machine.wakeAt! < .start.advanced(by: .seconds(600)) {
            let effects = bench.poll(response: .success(busy("100")))
            #expect(commits(effects).allSatisfy { $0.health == nil })
            #expect(bench.machine.status.busySince == PollBench.wallStart)
        }
        let effects = bench.poll(response: .success(busy("290")))
        #expect(commits(effects).first?.health?.result == .failed(.other, eventID: "", subject: ""))
        #expect(bench.reports.last?.result == .failed(.status(429)) && bench.machine.status.attempt == 1)
        #expect(bench.machine.wakeAt!.since(bench.now) >= .seconds(290))
        #expect(bench.machine.status.busySince == PollBench.wallStart)
        _ = bench.poll(response: .success(busy("290")))
        #expect(bench.machine.status.attempt == 2)
        // Another failure is another story.
        _ = bench.poll(response: .failure(.refused))
        #expect(bench.machine.status.busySince == nil)
        _ = bench.poll(response: .success(busy("290")))
        #expect(bench.reports.last?.result == .busy)
    }

    @Test func whoAsksIsNotKeptWaitingByABusyPeer() {
        var bench = PollBench([.request(HTTPRequest(.get, "/identity"), seals: []), .failed(.status(429))])
        let loading = bench.due()
        _ = bench.send(.syncNow(PollTicket(7)))
        _ = bench.send(.reconcileNow(PollTicket(8)))
        var told: [PollTicket] = []
        for case .report(let report, let tickets) in bench.run(loading, response: .success(busy("290"))) {
            #expect(report.result == .busy)
            told += tickets
        }
        #expect(Set(told) == [PollTicket(7), PollTicket(8)])
        #expect(bench.machine.wakeAt!.since(bench.now) >= .seconds(290))
    }

    /// What it was about to pin counts no more, and the next poll is at once.
    @Test func aYesDuringAFirstPollIsFollowedAtOnce() throws {
        var bench = PollBench(PollBench.hello(PollBench.identity(key: PollAsideTests.key)) + [.take(PollBench.emptyPage)])
        var effects = bench.due()
        for _ in 0..<8 {
            if let commit = effects.compactMap({ if case .commit(let id, _) = $0 { id } else { nil } }).first {
                _ = bench.send(.confirmed)
                effects = bench.send(.answered(commit, .store(.interrupted)))
                break
            }
            switch effects.first {
            case .load(let id, _): effects = bench.send(.answered(id, .memory(bench.memory)))
            case .send(let id, _, _): effects = bench.send(.answered(id, .response(PollBench.answer)))
            default: effects = []
            }
        }
        let last = try #require(commits(effects).first)
        #expect(last.pin == nil && last.key == nil)
        _ = bench.run(effects)
        #expect(bench.machine.wakeAt == bench.now, "nothing waits for a back-off")
    }

    @Test func aYesEndsTheWaitOfAPeerThatWasRefused() {
        var bench = PollBench(PollBench.hello(PollBench.identity(key: PollAsideTests.key)))
        bench.memory.pin = PollBench.otherID
        _ = bench.poll()
        #expect(bench.machine.wakeAt!.since(bench.now) > .seconds(200))
        _ = bench.send(.confirmed)
        #expect(bench.machine.wakeAt == bench.now && bench.machine.status.failure == nil)
    }

    @Test func whatCameBeforeABusyAnswerStays() {
        var bench = PollBench(
            PollBench.hello() + [
                .take(PollBench.emptyPage), .request(HTTPRequest(.get, "/events"), seals: []), .failed(.status(429)),
            ])
        let all = commits(bench.poll(response: .success(busy("3"))))
        #expect(all.map { $0.page == nil } == [false, true] && all[0].pin == PollBench.peerID)
        #expect(bench.reports.map(\.pages) == [1])
        #expect(bench.machine.wakeAt!.since(bench.now) <= .seconds(3.3))
    }

    @Test func aLongIntervalBoundsTheWaitAsItBoundsAFailure() {
        let peer = PolledPeer(name: "beta", interval: .seconds(3600))
        var bench = PollBench([.request(HTTPRequest(.get, "/identity"), seals: []), .failed(.status(429))], peer: peer)
        _ = bench.poll(response: .success(busy("100000")))
        #expect(bench.machine.wakeAt!.since(bench.now) >= .seconds(3600))
        // News, and whoever asks, are not kept waiting.
        _ = bench.send(.news)
        #expect(bench.machine.wakeAt == bench.now)
    }
}
