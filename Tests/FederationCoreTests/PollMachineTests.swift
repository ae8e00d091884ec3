import FederationCore
import Testing

@Suite struct PollMachineTests {
    @Test func theFirstPollIsAtOnceAndTheNextWithinAnInterval() {
        var bench = PollBench(PollBench.hello())
        #expect(bench.machine.wakeAt == .start)
        _ = bench.poll()
        #expect(bench.reports.map(\.result) == [.complete])
        let wait = bench.machine.wakeAt!.since(bench.now)
        #expect(wait >= .seconds(15) && wait <= .seconds(30))
        _ = bench.poll()
        let second = bench.machine.wakeAt!.since(bench.now)
        #expect(second >= .seconds(27) && second <= .seconds(30))
    }

    @Test func firstContactPinsInTheCommitThatComesFirst() {
        var bench = PollBench(PollBench.hello() + [.take(PollBench.emptyPage)])
        let commits = commits(bench.poll())
        #expect(commits.map { $0.page == nil } == [false, true])
        #expect(commits.map(\.pin) == [PollBench.peerID, nil])
        #expect(commits.map(\.wire) == [.native, nil])
        #expect(commits.allSatisfy { $0.seenAt == PollBench.wallStart })
        #expect(bench.reports.first?.firstContact == PollBench.peerID)
    }

    @Test func firstContactPinsEvenWhereTheRestOfThePollFails() {
        var bench = PollBench(PollBench.hello() + [.failed(.peerServesNothing)])
        let commits = commits(bench.poll())
        #expect(commits.map(\.pin) == [PollBench.peerID])
        #expect(commits.first?.health?.result == .failed(.other, eventID: "", subject: ""))
        #expect(commits.first?.health?.version == "v0.9.1")
    }

    @Test(arguments: [PollBench.otherID, PollBench.ourID])
    func anotherIdentityOrOurOwnIsRefusedAtTheLongestWait(id: ULID) {
        var bench = PollBench(PollBench.hello(PollBench.identity(id)) + [.take(PollBench.emptyPage)])
        bench.memory.pin = PollBench.peerID
        let effects = bench.poll()
        #expect(bench.reports.map(\.result) == [.failed(.identityMismatch)])
        #expect(commits(effects).allSatisfy { $0.page == nil && $0.pin == nil && $0.seenAt == nil })
        #expect(bench.machine.wakeAt!.since(bench.now) >= .seconds(240))
        _ = bench.send(.contact)
        #expect(bench.machine.wakeAt! > bench.now, "a peer refused for its identity is not woken")
    }

    @Test func theConfigsIdentityIsInsistedOnBeforeAnythingIsPinned() {
        var peer = PolledPeer(name: "beta")
        peer.expectedID = PollBench.otherID
        var bench = PollBench(PollBench.hello(), peer: peer)
        _ = bench.poll()
        #expect(bench.reports.map(\.result) == [.failed(.identityMismatch)])
    }

    @Test func signingKeysArePinnedAsNoemaPinsThem() {  // Facts 6 and 7.
        func poll(
            known: String?, shown: String?, expected: String? = nil, successor: String? = nil
        ) -> (PollReport.Result, PeerCommit.KeyPin?) {
            var peer = PolledPeer(name: "beta")
            peer.expectedKey = expected
            var bench = PollBench(PollBench.hello(PollBench.identity(key: shown)), peer: peer)
            bench.memory.pin = PollBench.peerID
            bench.memory.keyOwner = PollBench.peerID
            bench.memory.key = known
            bench.memory.successor = successor
            let effects = bench.poll()
            return (bench.reports[0].result, commits(effects).compactMap(\.key).first)
        }
        let a = "ed25519:LB+0jMLPWjc+6yXzZFm8KOGQCwjA2YzdGgbNEfcDCJo="
        let b = "ed25519:A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
        let pinned = { PeerCommit.KeyPin(owner: PollBench.peerID, publicKey: $0) }
        #expect(poll(known: nil, shown: a) == (.complete, pinned(a)))
        #expect(poll(known: a, shown: a) == (.complete, nil))
        #expect(poll(known: a, shown: b) == (.failed(.identityMismatch), nil))
        #expect(poll(known: a, shown: nil) == (.complete, nil))
        #expect(poll(known: a, shown: "") == (.complete, nil))
        #expect(poll(known: nil, shown: a, expected: a) == (.complete, pinned(a)))
        #expect(poll(known: nil, shown: b, expected: a) == (.failed(.identityMismatch), nil))
        #expect(poll(known: a, shown: nil, expected: a) == (.failed(.identityMismatch), nil))
        #expect(poll(known: b, shown: a, expected: a) == (.complete, pinned(a)))
        // A hard pin that is known to have been succeeded is met no more.
        #expect(poll(known: b, shown: a, expected: a, successor: b) == (.failed(.identityMismatch), nil))
        #expect(poll(known: a, shown: b, expected: a, successor: b) == (.complete, pinned(b)))
        // White space is not part of a key, and what is no key neither pins nor unpins.
        #expect(poll(known: a, shown: " \(a)\n") == (.complete, nil))
        #expect(poll(known: nil, shown: "ed25519:A") == (.complete, nil))
        #expect(poll(known: a, shown: "rsa:A") == (.complete, nil))
    }

    /// Nodes are often started together, and one that may be followed is looked for.
    @Test func aPeerThatWasNeverMetIsLookedForSoon() {
        var bench = PollBench(PollBench.hello())
        for nominal in [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300] {
            _ = bench.poll(response: .failure(.refused))
            let wait = bench.machine.wakeAt!.since(bench.now)
            #expect(wait <= .seconds(nominal) && wait >= .seconds(nominal) * 0.8)
        }
    }

    @Test func failuresWaitTwiceAsLongEachTimeUpToFiveMinutes() {
        var bench = PollBench(PollBench.hello(), peer: PolledPeer(name: "beta", wireNamespace: "noema"))
        for nominal in [60, 120, 240, 300, 300] {
            _ = bench.poll(response: .failure(.refused))
            let wait = bench.machine.wakeAt!.since(bench.now)
            #expect(wait <= .seconds(nominal) && wait >= .seconds(nominal) * 0.8)
        }
        #expect(bench.reports.map(\.failuresInARow) == [1, 2, 3, 4, 5])
        #expect(bench.reports.map(\.isRepeated) == [false, true, true, true, true])
        #expect(bench.machine.status.failure?.reason == .networkRefused)
        _ = bench.poll()
        #expect(bench.machine.status.attempt == 0)
        #expect(bench.reports.last?.failuresInARow == 5)
        _ = bench.poll(response: .failure(.timeout))
        #expect(bench.machine.wakeAt!.since(bench.now) <= .seconds(60))
    }

    @Test func anIntervalAboveFiveMinutesIsTheLongestWaitItself() {
        var bench = PollBench(PollBench.hello(), peer: PolledPeer(name: "beta", interval: .seconds(3600), wireNamespace: "noema"))
        _ = bench.poll(response: .failure(.refused))
        #expect(bench.machine.wakeAt!.since(bench.now) <= .seconds(3600))
        #expect(bench.machine.wakeAt!.since(bench.now) >= .seconds(2880))
    }

    @Test func aContactEndsTheBackOffAtMostOnceAnInterval() {
        var bench = PollBench(PollBench.hello(), peer: PolledPeer(name: "beta", wireNamespace: "noema"))
        for _ in 0..<4 { _ = bench.poll(response: .failure(.refused)) }
        _ = bench.send(.contact)
        #expect(bench.machine.wakeAt == bench.now)
        _ = bench.poll(response: .failure(.refused))
        _ = bench.send(.contact)
        #expect(bench.machine.wakeAt! > bench.now)
        bench.pass(.seconds(30))
        _ = bench.send(.contact)
        #expect(bench.machine.wakeAt == bench.now)
    }

    @Test func aContactOfAnIdlePeerChangesNothing() {
        var bench = PollBench(PollBench.hello())
        _ = bench.poll()
        let wake = bench.machine.wakeAt
        _ = bench.send(.contact)
        #expect(bench.machine.wakeAt == wake)
    }

    @Test func pagesFollowOneAnotherWithoutWaiting() {
        let page: [ExchangeStep] = [
            .request(HTTPRequest(.get, "/events"), seals: []), .take(PollBench.emptyPage),
        ]
        var bench = PollBench(PollBench.hello() + page + page + page)
        let effects = bench.poll()
        #expect(targets(effects) == ["/identity", "/events", "/events", "/events"])
        #expect(bench.now == .start)
        #expect(bench.reports.first?.pages == 3)
    }

    @Test func aPeerThatNeverEndsIsLeft() {
        var policy = PollPolicy()
        policy.requestsPerPoll = 10
        let page: [ExchangeStep] = [
            .request(HTTPRequest(.get, "/events"), seals: []), .take(PollBench.emptyPage),
        ]
        var bench = PollBench(
            PollBench.hello() + Array(repeating: page, count: 20).flatMap { $0 }, policy: policy)
        #expect(targets(bench.poll()).count == 10)
        #expect(bench.reports.map(\.result) == [.failed(.tooManyPages)])
    }

    @Test func aLateAnswerChangesNothing() {
        var bench = PollBench(PollBench.hello())
        guard case .load(let first, _)? = bench.due().first else { return #expect(Bool(false)) }
        let sent = bench.send(.answered(first, .memory(bench.memory)))
        guard case .send(let request, _, _)? = sent.first else { return #expect(Bool(false)) }
        #expect(bench.send(.answered(first, .memory(bench.memory))).isEmpty, "the second of two answers")
        bench.pass(.seconds(180))
        let stalled = bench.send(.tick)
        #expect(stalled.count == 2, "cancels the request and commits the failure")
        #expect(bench.send(.answered(request, .response(PollBench.answer))).isEmpty)
        _ = bench.run(stalled)
        #expect(bench.reports.map(\.result) == [.failed(.transport(.timeout))])
        #expect(bench.send(.answered(request, .transport(.reset))).isEmpty)
    }

    @Test func anEarlyTickChangesNothing() {
        var bench = PollBench(PollBench.hello())
        _ = bench.poll()
        #expect(bench.send(.tick).isEmpty)
        #expect(bench.machine.status.state == .idle)
    }

    @Test func nothingIsTakenBeforeTheIdentityIsAccepted() {
        var bench = PollBench([.take(PollBench.emptyPage)])
        let effects = bench.poll()
        #expect(commits(effects).allSatisfy { $0.page == nil })
        #expect(bench.reports.map(\.result) == [.failed(.identityMissing)])
    }

    @Test func aPageThatStopsEndsThePollWithItsReason() {  // Fact 1: the engine's part of it.
        let problem = ReplayProblem(reason: .other, eventID: "01EVENT0000000000000000003", subject: "20260407-c")
        var outcome = PageOutcome()
        outcome.applied = 2
        outcome.stoppedBy = problem
        var bench = PollBench(PollBench.hello() + [.take(PollBench.emptyPage)])
        let effects = bench.run(bench.due(), outcome: outcome)
        #expect(bench.reports.map(\.result) == [.failed(.replay(problem))])
        let last = commits(effects).last
        #expect(last?.health?.result == .failed(.other, eventID: problem.eventID, subject: problem.subject))
        #expect(last?.seenAt != nil)
    }

    @Test func aStoreThatFailsFailsThePollAndIsTriedAgain() {
        var bench = PollBench(PollBench.hello() + [.take(PollBench.emptyPage)])
        var queue = bench.due()
        while !queue.isEmpty {
            switch queue.removeFirst() {
            case .load(let id, _): queue += bench.send(.answered(id, .memory(bench.memory)))
            case .send(let id, _, _): queue += bench.send(.answered(id, .response(PollBench.answer)))
            case .commit(let id, _): queue += bench.send(.answered(id, .store(.full)))
            default: break
            }
        }
        #expect(bench.reports.map(\.result) == [.failed(.store(.full))])
        #expect(bench.machine.status.state == .waiting)
    }

    @Test func whatAPeerHoldsOfOursIsComparedWithWhatWeHaveWrittenByNow() {
        var bench = PollBench(PollBench.hello(PollBench.identity(held: 8)))
        bench.memory.pin = PollBench.peerID
        bench.memory.keyOwner = PollBench.peerID
        bench.memory.ownNumber = 7
        var queue = bench.due()
        var loads = 0
        var found = 0
        while !queue.isEmpty {
            switch queue.removeFirst() {
            case .load(let id, _):
                loads += 1
                if loads == 2 { bench.memory.ownNumber = 8 }
                queue += bench.send(.answered(id, .memory(bench.memory)))
            case .send(let id, _, _): queue += bench.send(.answered(id, .response(PollBench.answer)))
            case .commit(let id, _): queue += bench.send(.answered(id, .committed(PageOutcome())))
            case .found: found += 1
            default: break
            }
        }
        #expect(loads == 2)
        #expect(found == 0, "an event written while the answer was under way is no future of ours")
    }

    @Test func aClaimOfOurFutureIsDroppedUnlessItIsProven() {
        func found(_ outcome: PageOutcome) -> [OwnFuture] {
            var bench = PollBench(PollBench.hello(PollBench.identity(held: 9)) + [.take(PollBench.emptyPage)])
            bench.memory.ownNumber = 7
            return bench.run(bench.due(), outcome: outcome).compactMap {
                if case .found(let future) = $0 { future } else { nil }
            }
        }
        var proof = PageOutcome()
        proof.foundOwnFuture = true
        #expect(found(PageOutcome()) == [.claimed(number: 9), .unproven])
        #expect(found(proof) == [.claimed(number: 9), .proven])
    }

    @Test func pausingKeepsTheCommitInHandAndIgnoresItsAnswer() {
        var bench = PollBench(PollBench.hello() + [.take(PollBench.emptyPage)])
        var queue = bench.due()
        var inHand: RequestID?
        while !queue.isEmpty {
            switch queue.removeFirst() {
            case .load(let id, _): queue += bench.send(.answered(id, .memory(bench.memory)))
            case .send(let id, _, _): queue += bench.send(.answered(id, .response(PollBench.answer)))
            case .commit(let id, _): inHand = id
            default: break
            }
        }
        #expect(bench.machine.status.state == .replaying)
        var paused = PolledPeer(name: "beta")
        paused.mode = .paused
        _ = bench.send(.reconfigured(paused, PollBench.node))
        #expect(bench.machine.status.state == .paused)
        #expect(bench.machine.wakeAt == nil)
        #expect(bench.send(.answered(inHand!, .committed(PageOutcome()))).isEmpty)
        _ = bench.send(.contact)
        _ = bench.send(.news)
        #expect(bench.machine.wakeAt == nil)
        _ = bench.send(.reconfigured(PolledPeer(name: "beta"), PollBench.node))
        #expect(bench.machine.wakeAt == bench.now)
    }

    @Test func whoeverAsksForAPollGetsTheReportOfOneThatBeganAfterwards() {
        var bench = PollBench(PollBench.hello())
        let begun = bench.due()
        #expect(bench.send(.syncNow(PollTicket(1))).isEmpty)
        let first = bench.run(begun)
        let second = bench.poll()
        func told(_ effects: [PollMachine.Effect]) -> [PollTicket] {
            effects.flatMap { if case .report(_, let tickets) = $0 { tickets } else { [PollTicket]() } }
        }
        #expect(told(first).isEmpty)
        #expect(told(second) == [PollTicket(1)])
        #expect(bench.now == .start, "it did not wait for the interval")
        _ = bench.send(.stop)
        #expect(told(bench.send(.syncNow(PollTicket(2)))) == [PollTicket(2)])
    }

    @Test func aResetForgetsAndPollsAgainAtOnce() {
        var bench = PollBench(PollBench.hello(PollBench.identity(PollBench.otherID)))
        bench.memory.pin = PollBench.peerID
        _ = bench.poll()
        let effects = bench.send(.reset(PollTicket(3)))
        #expect(commits(effects).map(\.forgets) == [true])
        bench.memory = PeerMemory()
        _ = bench.run(effects)
        #expect(bench.machine.wakeAt == bench.now)
        _ = bench.poll()
        #expect(bench.reports.last?.result == .complete)
        #expect(bench.reports.last?.firstContact == PollBench.otherID)
    }

    @Test func stoppingIsFinal() {
        var bench = PollBench(PollBench.hello())
        let effects = bench.due()
        #expect(bench.send(.stop).count == 1, "what is asked for is cancelled")
        #expect(bench.run(effects).count == 1)
        _ = bench.send(.reconfigured(PolledPeer(name: "beta"), PollBench.node))
        _ = bench.send(.news)
        #expect(bench.send(.tick).isEmpty)
        #expect(bench.machine.status.state == .stopped)
        #expect(bench.machine.wakeAt == nil)
    }

    @Test func aNoemaLogIsReadAgainAfterAStreakOfFailuresAndEveryDay() {
        var bench = PollBench { ReachEcho() }
        bench.memory.cursor = PollBench.peerID
        bench.memory.wireValues["rescanned_at"] = Array(bench.wall.rfc3339.utf8)
        #expect(targets(bench.poll()) == ["/news"])
        #expect(bench.machine.wakeAt! > bench.now)
        bench.memory.health.consecutiveFailures = 3
        #expect(targets(bench.poll()) == ["/news"])
        bench.memory.health.consecutiveFailures = 0
        let rescan = bench.poll()
        #expect(targets(rescan) == ["/rescan"])
        #expect(commits(rescan).last?.wireValues["rescanned_at"] == Array(bench.wall.rfc3339.utf8))
        #expect(targets(bench.poll()) == ["/news"])
        #expect(bench.machine.wakeAt! > bench.now)
        bench.pass(.seconds(24 * 3600))
        #expect(targets(bench.poll()) == ["/news"])
        #expect(targets(bench.poll()) == ["/rescan"])
    }

    @Test func aNumberThatIsMissingBringsOneRescanAndNotAnother() {
        var bench = PollBench { ReachEcho() }
        bench.memory.cursor = PollBench.peerID
        bench.memory.wireValues["rescanned_at"] = Array(bench.wall.rfc3339.utf8)
        _ = bench.poll()
        bench.memory.missingNumbers = 1
        bench.pass(.seconds(600))
        #expect(targets(bench.poll() + bench.poll()) == ["/news", "/rescan"])
        for _ in 0..<4 {
            bench.pass(.seconds(700))
            #expect(targets(bench.poll()) == ["/news"])
            #expect(bench.machine.wakeAt! > bench.now, "what the rescan did not find is not looked for again")
        }
        bench.memory.missingNumbers = 2
        bench.pass(.seconds(700))
        #expect(targets(bench.poll() + bench.poll()) == ["/news", "/rescan"])
    }
}
