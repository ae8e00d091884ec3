import Testing

@testable import FederationCore

@Suite struct HeartbeatTests {
    private func at(_ seconds: Int) -> Instant { Instant(.seconds(seconds)) }

    private func well(_ heartbeat: inout Heartbeat, _ parts: [Heartbeat.Part]) {
        for part in parts { heartbeat.ended(part, good: true) }
    }

    @Test func aDaemonWhosePartsAnswerLives() {
        var heartbeat = Heartbeat(patience: .seconds(10))
        for beat in 0..<100 {
            let asked = heartbeat.beat(at: at(beat * 5))
            #expect(asked == Heartbeat.Part.allCases)
            well(&heartbeat, asked)
            #expect(heartbeat.stalled(at: at(beat * 5 + 5)).isEmpty)
        }
    }

    @Test(arguments: Heartbeat.Part.allCases) func onePartThatHangsIsAskedOnceAndStopsTheFeeding(hanging: Heartbeat.Part) {
        var heartbeat = Heartbeat(patience: .seconds(10))
        #expect(heartbeat.beat(at: at(100)) == Heartbeat.Part.allCases)
        well(&heartbeat, Heartbeat.Part.allCases.filter { $0 != hanging })
        #expect(heartbeat.beat(at: at(105)) == Heartbeat.Part.allCases.filter { $0 != hanging })
        well(&heartbeat, Heartbeat.Part.allCases.filter { $0 != hanging })
        #expect(heartbeat.stalled(at: at(110)).isEmpty)
        #expect(heartbeat.stalled(at: at(111)) == [Heartbeat.Stall(part: hanging, lasted: .seconds(11))])
        heartbeat.ended(hanging, good: true)
        #expect(heartbeat.stalled(at: at(500)).isEmpty)
        #expect(heartbeat.beat(at: at(500)) == Heartbeat.Part.allCases)
    }

    @Test func aLongPieceOfWorkThatGetsOnIsNoStall() {
        var heartbeat = Heartbeat(patience: .seconds(10))
        well(&heartbeat, heartbeat.beat(at: at(0)).filter { $0 != .writer })
        for second in stride(from: 5, through: 600, by: 5) {
            heartbeat.getsOn(.writer, at: at(second))
            #expect(heartbeat.stalled(at: at(second + 5)).isEmpty)
        }
        // It stands still: from the last sign on it is late.
        #expect(heartbeat.stalled(at: at(610)).isEmpty)
        #expect(heartbeat.stalled(at: at(611)) == [Heartbeat.Stall(part: .writer, lasted: .seconds(11))])
        heartbeat.ended(.writer, good: true)
        // Nothing is owed by what has answered.
        heartbeat.getsOn(.writer, at: at(612))
        #expect(heartbeat.stalled(at: at(9999)).isEmpty)
    }

    @Test func whatAnswersBadlyIsAskedAgainAndItsTimeRunsOn() {
        var heartbeat = Heartbeat(patience: .seconds(10))
        for second in stride(from: 0, through: 20, by: 5) {
            let asked = heartbeat.beat(at: at(second))
            #expect(asked.contains(.control))
            well(&heartbeat, [.writer, .polls])
            heartbeat.ended(.control, good: false)
        }
        #expect(heartbeat.stalled(at: at(21)) == [Heartbeat.Stall(part: .control, lasted: .seconds(21))])
    }

    /// A beat that comes late, because the machine was busy or asleep, is no part's fault.
    @Test func noQuestionNoStall() {
        var heartbeat = Heartbeat(patience: .seconds(10))
        well(&heartbeat, heartbeat.beat(at: at(0)))
        #expect(heartbeat.stalled(at: at(100_000)).isEmpty)
    }

    /// What stalls while another part already does is told of too, each part once until it gets on again.
    @Test func eachStallIsToldOfOnce() {
        var heartbeat = Heartbeat(patience: .seconds(10))
        func stall(_ part: Heartbeat.Part, _ seconds: Int) -> Heartbeat.Stall { Heartbeat.Stall(part: part, lasted: .seconds(seconds)) }
        well(&heartbeat, heartbeat.beat(at: at(0)).filter { $0 != .polls })
        #expect(heartbeat.news(at: at(10)) == nil)
        #expect(heartbeat.news(at: at(11)) == .stalled([stall(.polls, 11)]))
        well(&heartbeat, heartbeat.beat(at: at(12)).filter { $0 != .writer })
        #expect(heartbeat.news(at: at(13)) == nil)
        #expect(heartbeat.news(at: at(23)) == .stalled([stall(.writer, 11)]))
        heartbeat.ended(.polls, good: true)
        #expect(heartbeat.news(at: at(24)) == nil)
        _ = heartbeat.beat(at: at(25))
        #expect(heartbeat.news(at: at(36)) == .stalled([stall(.polls, 11), stall(.control, 11)]))
        well(&heartbeat, Heartbeat.Part.allCases)
        #expect(heartbeat.news(at: at(37)) == .recovered)
        #expect(heartbeat.news(at: at(38)) == nil)
    }
}

@Suite struct HealthLineTests {
    private func peer(_ name: String, _ failure: ExchangeFailure? = nil) -> (name: String, status: PollStatus) {
        var status = PollStatus(state: .idle, attempt: 0)
        status.failure = failure
        return (name, status)
    }

    @Test func itSaysWhatMattersMost() {
        #expect(HealthLine.text(peers: []) == "no peers to poll")
        #expect(HealthLine.text(peers: [peer("beta")]) == "1 peer, all well")
        #expect(
            HealthLine.text(peers: [peer("beta"), peer("gamma", .transport(.refused))])
                == "2 peers, 1 failing: gamma (network_refused)")
        let many = ["e", "d", "c", "b", "a"].map { peer($0, .status(401)) }
        #expect(HealthLine.text(peers: many) == "5 peers, 5 failing: a (auth), b (auth), c (auth) and 2 more")
        #expect(HealthLine.text(peers: many, stopped: "copied") == "writes nothing: copied")
        let stall = Heartbeat.Stall(part: .writer, lasted: .seconds(95))
        #expect(HealthLine.text(peers: many, stopped: "copied", stalled: [stall]) == "does not get on: writer for 95 s")
    }
}

@Suite struct SocketHandoverTests {
    private func handover(
        _ count: String?, _ names: String? = nil, pid: String? = "7"
    ) throws(SocketHandover.Failure) -> [SocketHandover.Use: Int32] {
        try SocketHandover(pid: pid, count: count, names: names, ownPID: 7).descriptors
    }

    @Test func eachSocketIsUsedForWhatItsNameSays() throws {
        #expect(try handover("3", "monitor:peers:tls") == [.monitor: 3, .peers: 4, .tls: 5])
        #expect(try handover("1", "tls") == [.tls: 3])
    }

    @Test func oneAloneIsThePeersWhateverItIsCalled() throws {
        #expect(try handover("1") == [.peers: 3])
        #expect(try handover("1", "federation.socket") == [.peers: 3])
    }

    @Test func whatIsForAnotherProcessIsPassedOver() throws {
        #expect(try handover("1", "peers", pid: "8") == [:])
        #expect(try handover("1", "peers", pid: nil) == [:])
        #expect(try handover("1", "peers", pid: "7x") == [:])
        #expect(try handover(nil) == [:])
    }

    @Test func nothingIsGuessed() {
        #expect(throws: SocketHandover.Failure.count) { try handover("0") }
        #expect(throws: SocketHandover.Failure.count) { try handover("-1") }
        #expect(throws: SocketHandover.Failure.count) { try handover("17") }
        #expect(throws: SocketHandover.Failure.count) { try handover("99999999999999999999") }
        #expect(throws: SocketHandover.Failure.names) { try handover("2", "peers") }
        #expect(throws: SocketHandover.Failure.unknownName("web")) { try handover("2", "peers:web") }
        #expect(throws: SocketHandover.Failure.unknownName("")) { try handover("2") }
        #expect(throws: SocketHandover.Failure.repeatedName("tls")) { try handover("2", "tls:tls") }
    }
}
