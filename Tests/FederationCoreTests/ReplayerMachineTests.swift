import FederationCore
import FederationTestKit
import Testing

@Suite struct ReplayerMachineTests {
    @Test func aProgramIsGreetedAndGivenTheLogInOrder() throws {
        var bench = try ReplayerBench.running(3)
        #expect(bench.lines.prefix(2).map { $0["type"]?.string } == ["hello", "start"])
        #expect(bench.lines.first?["protocol"]?.integer == 1)
        #expect(bench.given() == [1, 2, 3])
        for seq in Int64(1)...3 { bench.ok(seq) }
        #expect(try bench.kept.cursor.position?.seq == 3)
        try bench.take(4...4)
        #expect(bench.given() == [4])
        #expect(bench.machine.status.state == .running)
    }

    @Test func itHasNoMoreThanItsWindowAtOneTime() throws {
        var bench = try ReplayerBench.running(20, window: 3)
        #expect(bench.given() == [1, 2, 3])
        bench.ok(1)
        #expect(bench.given() == [4])
        // One answer for all that was given.
        bench.ok(4)
        #expect(bench.given() == [5, 6, 7])
        #expect(try bench.kept.cursor.position?.seq == 3)
    }

    @Test func whatHasNoAnswerIsGivenAgainAfterAKillOfEither() throws {
        var bench = try ReplayerBench.running(3)
        bench.ok(1)
        bench.end()
        #expect(bench.machine.status.state == .waiting)
        bench.wake()
        bench.greet()
        // One by one, as a program has ended while it had several; the page that was begun comes whole.
        #expect(bench.given() == [1])
        bench.ok(1)
        #expect(bench.given() == [2])
        bench.restart()
        bench.greet()
        #expect(bench.given() == [2, 3])
    }

    @Test func theLogBeginsWhereTheProgramSaysIfThatIsEarlier() throws {
        var bench = try ReplayerBench.running(4)
        bench.ok(4)
        func restarted(_ after: String, _ bench: inout ReplayerBench) -> [Int64] {
            bench.restart()
            bench.greet(after)
            return bench.given()
        }
        #expect(restarted("", &bench) == [])
        #expect(restarted(#","after":{"seq":2,"id":"\#(Sample.id(2))"}"#, &bench) == [3, 4])
        bench.ok(4)
        #expect(restarted(#","after":{"seq":4,"id":"\#(Sample.id(4))"}"#, &bench) == [])
        #expect(restarted(#","after":null"#, &bench) == [1, 2, 3, 4])
        bench.ok(4)
        // Places that the log does not have: it is another one than the program's.
        for place in [(2, 77), (9, 9)] {
            #expect(restarted(#","after":{"seq":\#(place.0),"id":"\#(Sample.id(Int64(place.1)))"}"#, &bench) == [1, 2, 3, 4])
            #expect(bench.lines.last { $0["type"]?.string == "start" }?["started_over"]?.bool == true)
            bench.ok(4)
        }
    }

    @Test func aRefusedEventHasThoseOfItsRecordWaitAndNoOthers() throws {
        var bench = ReplayerBench()
        try bench.node.take([
            Sample.event(Sample.id(1), "create", "20260407-a", clock: [1: 1]),
            Sample.event(Sample.id(2), "create", "20260407-b", clock: [1: 2]),
            Sample.event(Sample.id(3), "update", "20260407-a", clock: [1: 3]),
        ])
        bench.send(.tick)
        bench.greet()
        // The third is not under way while the first is.
        #expect(bench.given() == [1, 2])
        bench.fail(1, "invalid", #","reason":"no such thing""#)
        bench.ok(2)
        #expect(bench.given() == [])
        #expect(try bench.kept.parked == 1)
        #expect(try bench.kept.lanes.values.first?.words == "no such thing")
        #expect(try bench.kept.cursor.position?.seq == 3)
        try bench.node.take([Sample.event(Sample.id(4), "update", "20260407-a", clock: [1: 4])])
        try bench.node.take([Sample.event(Sample.id(5), "update", "20260407-b", clock: [1: 5])])
        bench.send(.news)
        #expect(bench.given() == [5])
        bench.ok(5)
        #expect(try bench.kept.parked == 1)
        bench.send(.change(ReplayerTicket(1), .retry(nil)))
        #expect(bench.changed[ReplayerTicket(1)] == 1)
        #expect(bench.given() == [1])
        bench.ok(1)
        #expect(bench.given() == [3])
        bench.ok(3)
        #expect(bench.given() == [4])
        bench.ok(4)
        #expect(try bench.kept.lanes.isEmpty)
    }

    @Test func whatWaitsBehindAParkedEventFollowsInOrder() throws {
        var bench = ReplayerBench(window: 1)
        try bench.node.take((1...4).map { Sample.event(Sample.id($0), $0 == 1 ? "create" : "update", "20260407-a", clock: [1: UInt64($0)]) })
        bench.send(.tick)
        bench.greet()
        #expect(bench.given() == [1])
        bench.fail(1, "invalid")
        #expect(bench.given() == [])
        #expect(try bench.kept.cursor.position?.seq == 4)
        // Also for the next daemon.
        bench.restart()
        bench.greet()
        #expect(bench.given() == [])
        bench.send(.change(ReplayerTicket(1), .skip(Sample.id(1))))
        var order: [Int64] = []
        while let next = bench.given().first {
            order.append(next)
            bench.ok(next)
        }
        #expect(order == [2, 3, 4])
        #expect(try bench.kept.lanes.isEmpty)
    }

    @Test func aRetryableRefusalIsTriedAgainAndThenParked() throws {
        var bench = try ReplayerBench.running(2, attempts: 3)
        #expect(bench.given() == [1, 2])
        bench.ok(2)
        try bench.take(3...3)
        #expect(bench.given() == [3])
        for attempt in 1...3 {
            bench.fail(3, "internal")
            #expect(bench.given() == [])
            #expect(bench.machine.status.parked == (attempt == 3 ? 1 : 0))
            if attempt < 3 {
                bench.wake()
                #expect(bench.given() == [3])
            }
        }
        #expect(bench.reports.contains(.parked(Sample.id(3), subject: "20260407-3", code: "internal")))
        // Another version may know better.
        bench.end()
        bench.wake()
        bench.say(#"{"type":"hello","protocol":1,"version":"2"}"#)
        #expect(bench.given() == [3])
        bench.ok(3)
        #expect(try bench.kept.lanes.isEmpty)
    }

    /// It was given while it counted: once it counts again it is given again, and holds nobody else up meanwhile.
    @Test(arguments: ["busy", "invalid"])
    func anEventThatIsHeldWhileItWaitsIsGivenOnceItCounts(_ code: String) throws {
        var bench = try ReplayerBench.running(2)
        #expect(bench.given() == [1, 2])
        bench.ok(1)
        bench.fail(2, code)
        try bench.node.log.transaction { log throws(StoreFailure) in try log.setHold(Sample.id(2), .signature) }
        if code == "invalid" { bench.send(.change(ReplayerTicket(1), .retry(nil))) }
        for _ in 1...3 { bench.wake() }
        #expect(bench.given() == [])
        try bench.take(3...3)
        #expect(bench.given() == [3])
        bench.ok(3)
        try bench.node.log.transaction { log throws(StoreFailure) in try log.setHold(Sample.id(2), nil) }
        bench.wake()
        #expect(bench.given() == [2])
        bench.ok(2)
        #expect(try bench.kept.lanes.isEmpty)
    }

    /// A program whose first release gave no version.
    @Test func aFirstVersionIsAnother() throws {
        var bench = ReplayerBench()
        try bench.take(1...1)
        bench.send(.tick)
        bench.say(#"{"type":"hello","protocol":1}"#)
        #expect(bench.given() == [1])
        bench.fail(1, "invalid")
        bench.end()
        bench.wake()
        bench.say(#"{"type":"hello","protocol":1,"version":"1"}"#)
        #expect(bench.given() == [1])
    }

    @Test func anEventThatEndsTheProgramIsParkedAndTheOthersGoOn() throws {
        var bench = try ReplayerBench.running(6, attempts: 3)
        for _ in 1...30 {
            if bench.machine.status.state == .waiting {
                bench.wake()
                bench.greet()
            }
            for seq in bench.given() {
                if seq == 3 {
                    bench.end(.exited(status: 1))
                    break
                }
                bench.ok(seq)
            }
        }
        #expect(try bench.kept.lanes.map(\.value.code) == ["crash"])
        #expect(try bench.kept.lanes.first?.value.id == Sample.id(3))
        #expect(try bench.kept.cursor.position?.seq == 6)
        #expect(bench.machine.status.tally.faults == ["exited": 4])
    }

    @Test(arguments: [
        ("{", "malformed"), ("[]", "malformed"), ("", "malformed"), (#"{"type":"what"}"#, "malformed"),
        (#"{"type":"ok"}"#, "malformed"), (#"{"type":"ok","seq":"1"}"#, "malformed"), (#"{"type":"ok","seq":-1}"#, "malformed"),
        (#"{"type":"ok","seq":9}"#, "not_given"), (#"{"type":"ok","seq":1,"id":"01KNJX4991ASW6NNKS9BQHNCGB"}"#, "wrong_id"),
        (#"{"type":"fail","seq":1,"code":"tired"}"#, "malformed"), (#"{"type":"fail","seq":1,"code":"busy","retry":"yes"}"#, "malformed"),
        (#"{"type":"hello","protocol":1}"#, "malformed"),
    ])
    func whatIsNoAnswerEndsTheProgram(line: String, code: String) throws {
        var bench = try ReplayerBench.running(2)
        bench.say(line)
        #expect(bench.machine.status.tally.lastFault?.code == code)
        #expect(bench.machine.status.state == .ending)
        #expect(bench.signals == [.terminate] && !bench.inputIsOpen)
        // What it says now counts for nothing.
        bench.ok(1)
        bench.wake()
        #expect(bench.signals == [.terminate, .kill])
        bench.end()
        bench.wake()
        #expect(bench.spawns == 2)
        #expect(try bench.kept.cursor.position == nil)
    }

    @Test func answersThatComeTwiceAreCountedAndNoFault() throws {
        var bench = try ReplayerBench.running(2)
        bench.ok(1)
        for _ in 1...3 { bench.ok(1) }
        #expect(bench.machine.status.state == .running)
        #expect(bench.machine.status.tally.repeated == 3)
        for _ in 1...Limits.replayerRepeats { bench.ok(1) }
        #expect(bench.machine.status.tally.lastFault == .flood)
    }

    @Test func aProgramThatIsSilentIsEnded() throws {
        var bench = ReplayerBench()
        try bench.take(1...2)
        bench.send(.tick)
        bench.wake()
        #expect(bench.machine.status.tally.lastFault == .noHello)
        bench.end()
        bench.wake()
        bench.say(#"{"type":"hello","protocol":2}"#)
        #expect(bench.machine.status.tally.lastFault == .version(2))
        bench.end()
        bench.wake()
        bench.greet()
        bench.pass(.seconds(59))
        bench.ok(1)
        bench.pass(.seconds(59))
        #expect(bench.machine.status.state == .running)
        bench.wake()
        #expect(bench.machine.status.tally.lastFault == .stalled)
        // Without events it may be silent for ever.
        bench.end()
        bench.wake()
        bench.greet()
        while let seq = bench.given().first { bench.ok(seq) }
        bench.pass(.seconds(100_000))
        #expect(bench.machine.status.state == .running)
    }

    @Test func itIsStartedAgainEverMoreSlowlyUntilItSettlesSomething() throws {
        var bench = try ReplayerBench.running(1)
        var waits: [Double] = []
        for _ in 1...8 {
            if bench.machine.status.state == .running { bench.end() }
            let from = bench.now
            bench.wake()
            waits.append(bench.now.since(from) / .seconds(1))
            bench.end()
        }
        #expect(waits[0] > 0.7 && waits[0] <= 1)
        #expect(zip(waits, waits.dropFirst()).allSatisfy { $0 < $1 || $1 > 40 })
        #expect(waits.max() ?? 0 <= 60)
        bench.wake()
        bench.greet()
        bench.ok(1)
        bench.end()
        let from = bench.now
        bench.wake()
        #expect(bench.now.since(from) <= .seconds(1))
    }

    @Test func theEndOfTheNodeClosesTheInputAndKeepsWhatIsAnswered() throws {
        var bench = try ReplayerBench.running(3)
        bench.send(.stop)
        #expect(!bench.inputIsOpen && bench.signals == [])
        bench.ok(3)
        bench.end(.exited(status: 0))
        #expect(bench.machine.isOver)
        #expect(try bench.kept.cursor.position?.seq == 3)
        #expect(bench.machine.status.tally.faults.isEmpty)
        // One that does not heed it.
        bench.restart()
        bench.greet()
        bench.send(.stop)
        bench.wake()
        bench.wake()
        #expect(bench.signals == [.terminate, .kill])
        bench.end()
        #expect(bench.machine.isOver)
    }

    @Test func aStoreThatFailsIsTriedAgain() throws {
        var bench = ReplayerBench()
        try bench.take(1...2)
        bench.storeFails = true
        bench.send(.tick)
        #expect(bench.spawns == 0)
        bench.storeFails = false
        bench.wake()
        bench.greet()
        #expect(bench.given() == [1, 2])
        bench.storeFails = true
        bench.ok(2)
        bench.send(.change(ReplayerTicket(1), .retry(nil)))
        #expect(try bench.kept.cursor == .start)
        bench.storeFails = false
        bench.wake()
        #expect(try bench.kept.cursor.position?.seq == 2)
    }

    @Test func aRewindGivesEverythingAgain() throws {
        var bench = try ReplayerBench.running(3)
        bench.ok(3)
        _ = bench.given()
        bench.send(.change(ReplayerTicket(1), .rewind))
        #expect(!bench.inputIsOpen)
        bench.end(.exited(status: 0))
        bench.greet()
        #expect(bench.given() == [1, 2, 3])
        #expect(bench.changed[ReplayerTicket(1)] == 1)
        #expect(bench.machine.status.tally.faults.isEmpty)
    }

    @Test func withTooManyRecordsWaitingNothingFurtherIsGiven() throws {
        var bench = ReplayerBench(window: 1)
        try bench.node.log.transaction { log throws(StoreFailure) in
            for number in 1..<Limits.replayerLanes {
                let lane = #"{"seq":1,"id":"\#(Sample.id(1))","code":"refused","since":0,"parked":true}"#
                try log.setWireValue("replayer-program", peer: ReplayerBench.name, key: "lane:\(number)", Array(lane.utf8))
            }
            // Of an earlier run of the same program.
            try log.setWireValue("replayer-program", peer: ReplayerBench.name, key: "version", Array("1".utf8))
        }
        try bench.take(1...3)
        bench.send(.tick)
        bench.greet()
        #expect(bench.given() == [1])
        bench.fail(1, "refused")
        #expect(bench.machine.status.state == .full)
        #expect(bench.machine.status.parked == Limits.replayerLanes)
        #expect(bench.given() == [])
        bench.send(.change(ReplayerTicket(1), .skip(Sample.id(1))))
        #expect(bench.given() == [2])
        #expect(bench.machine.status.state == .running)
    }

    @Test func whatEndsAProgramThatSaysWhereItIsIsParkedForGood() throws {
        var bench = ReplayerBench()
        try bench.take(1...4)
        bench.send(.tick)
        var last: Int64 = 0
        for _ in 1...30 {
            if bench.machine.status.state == .waiting { bench.wake() }
            if bench.machine.status.state == .starting {
                bench.greet(last == 0 ? #","after":null"# : #","after":{"seq":\#(last),"id":"\#(Sample.id(last))"}"#)
            }
            for seq in bench.given() {
                if seq == 1 || seq == 3 {
                    bench.end()
                    break
                }
                last = max(last, seq)
                bench.ok(seq)
            }
        }
        #expect(try Set(bench.kept.lanes.map(\.value.id)) == [Sample.id(1), Sample.id(3)])
        #expect(try bench.kept.cursor.position?.seq == 4)
        // Let go, they do not come again either.
        bench.send(.change(ReplayerTicket(1), .skip(Sample.id(3))))
        bench.end()
        bench.wake()
        bench.greet(#","after":{"seq":2,"id":"\#(Sample.id(2))"}"#)
        #expect(bench.given() == [4])
    }

    @Test func aSkipThatIsSaidTwiceSkipsOneEvent() throws {
        var bench = ReplayerBench(window: 1)
        try bench.node.take((1...3).map { Sample.event(Sample.id($0), $0 == 1 ? "create" : "update", "20260407-a", clock: [1: UInt64($0)]) })
        bench.send(.tick)
        bench.greet()
        bench.fail(1, "invalid")
        bench.end()
        for ticket in UInt64(1)...2 { bench.send(.change(ReplayerTicket(ticket), .skip(Sample.id(1)))) }
        #expect(bench.changed[ReplayerTicket(1)] == 1 && bench.changed[ReplayerTicket(2)] == 0)
        bench.wake()
        bench.greet()
        _ = bench.lines
        var order: [Int64] = []
        while let next = bench.given().first {
            order.append(next)
            // Said while it is under way.
            if next == 2 { bench.send(.change(ReplayerTicket(9), .skip(Sample.id(2)))) }
            bench.ok(next)
        }
        #expect(order == [2, 3])
    }

    @Test func whatTheProgramNeedsMayBeAwayForLong() throws {
        var bench = try ReplayerBench.running(3, window: 1)
        for _ in 1...20 {
            for seq in bench.given() { bench.fail(seq, "unavailable") }
            bench.wake()
        }
        #expect(bench.machine.status.parked == 0 && bench.machine.status.retrying == 1)
        var order: [Int64] = []
        for _ in 1...10 {
            let seqs = bench.given()
            if seqs.isEmpty { bench.wake() }
            for seq in seqs {
                order.append(seq)
                bench.ok(seq)
            }
            if order.count == 3 { break }
        }
        #expect(order == [1, 2, 3])
    }

    @Test func aProgramThatAlwaysEndsParksNoMoreThanOne() throws {
        var bench = try ReplayerBench.running(5)
        for _ in 1...25 {
            if bench.machine.status.state == .running { bench.end() }
            bench.wake()
            bench.greet()
        }
        #expect(bench.machine.status.parked <= 1)
    }

    @Test func whatItDoesNotKnowIsNoMatterForAnybody() throws {
        var bench = try ReplayerBench.running(3)
        bench.fail(1, "unsupported")
        bench.ok(3)
        #expect(try bench.kept.lanes.isEmpty)
        #expect(try bench.kept.cursor.position?.seq == 3)
        #expect(bench.machine.status.tally.refusals == [.unsupported: 1])
    }
}
