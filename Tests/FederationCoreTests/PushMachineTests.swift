import FederationCore
import FederationTestKit
import Testing

/// One machine, its clock, and a log that is a number: the position that it reaches.
private struct PushBench {
    static let hub = Sample.node(2)
    static let interval = Duration.seconds(60)

    var machine: PushMachine
    var now = Instant.start
    var random = SeededRandom(seed: 1)
    /// The end of the log.
    var head = 3
    /// Pages hold at most so many events.
    var pageEvents = 100

    init(isAllowed: Bool = true, channel: Digest? = nil, policy: PushPolicy = PushPolicy()) {
        machine = PushMachine(interval: PushBench.interval, isAllowed: isAllowed, channel: channel, policy: policy)
    }

    mutating func pass(_ time: Duration) { now = now.advanced(by: time) }

    mutating func send(_ input: PushMachine.Input) -> [PushMachine.Effect] {
        machine.handle(input, at: now, using: &random)
    }

    mutating func offer(_ position: String?, by node: ULID = PushBench.hub) -> [PushMachine.Effect] {
        send(.offered(PushOffer(node: node, position: position)))
    }

    /// The log after a position: `nil` is its beginning.
    func page(after position: String?) -> PushPage? {
        let from = position.flatMap { Int($0) } ?? 0
        let to = min(head, from + pageEvents)
        guard to > from else { return nil }
        return PushPage(from: position, to: String(to), head: String(head), body: [])
    }

    /// Answers what is to be loaded, and gives the pages that are to be sent.
    mutating func load(_ effects: [PushMachine.Effect]) -> [(id: RequestID, page: PushPage)] {
        var sent: [(RequestID, PushPage)] = []
        var rest = effects
        while !rest.isEmpty {
            switch rest.removeFirst() {
            case .load(let id, let position, _): rest += send(.loaded(id, page(after: position)))
            case .find(let id, let items, let position, let last, _): rest += send(found(items, position, last, id))
            case .send(let id, let page, _): sent.append((id, page))
            case .cancel: break
            }
        }
        return sent
    }

    /// Items are numbers of events here; two fit a page.
    func found(_ items: [LogItem], _ position: String, _ last: String, _ id: RequestID) -> PushMachine.Input {
        let here = items.prefix(2).filter { $0.time <= UInt64(last) ?? 0 }
        let body = here.map { UInt8($0.time) }
        let page = body.isEmpty ? nil : PushPage(from: position, to: position, head: position, body: body)
        return .found(id, page, through: min(2, items.count))
    }

    static func items(_ numbers: UInt64...) -> [LogItem] { numbers.map { LogItem(time: $0, digest: .lowest) } }

    /// The peer takes whatever comes, until nothing does.
    mutating func run(_ effects: [PushMachine.Effect]) -> [PushPage] {
        var pages: [PushPage] = []
        var sent = load(effects)
        while let (id, page) = sent.first {
            pages.append(page)
            sent = load(send(.answered(id, .taken)))
        }
        return pages
    }

    mutating func due() -> [PushMachine.Effect] {
        guard let wake = machine.wakeAt else { return [] }
        now = max(now, wake)
        return send(.tick)
    }
}

private func spans(_ pages: [PushPage]) -> [String] { pages.map { "\($0.from ?? "start")-\($0.to)" } }

@Suite struct PushMachineTests {
    @Test func nothingIsPushedBeforeItIsWanted() {
        var bench = PushBench()
        #expect(bench.machine.status.state == .silent && !bench.machine.isWanted)
        #expect(bench.send(.grown) == [] && bench.send(.tick) == [] && bench.machine.wakeAt == nil)
        #expect(spans(bench.run(bench.offer(nil))) == ["start-3"])
        #expect(bench.machine.status.state == .current && bench.machine.wakeAt == nil)
    }

    @Test func whatIsCommittedGoesAtOnceAndOnlyThat() {
        var bench = PushBench()
        _ = bench.run(bench.offer(nil))
        bench.head = 5
        #expect(spans(bench.run(bench.send(.grown))) == ["3-5"])
        // Said twice, it is nothing.
        #expect(spans(bench.run(bench.send(.grown))) == [])
        #expect(bench.offer("5") == [])
    }

    @Test func aLongLogIsPushedPageByPage() {
        var bench = PushBench()
        (bench.head, bench.pageEvents) = (10, 4)
        #expect(spans(bench.run(bench.offer("1"))) == ["1-5", "5-9", "9-10"])
    }

    /// Nothing else wakes one that was refused for the key it showed.
    @Test func anotherChannelEndsTheBackOff() {
        let (old, new) = (Digest(1, 2, 3, 4), Digest(4, 3, 2, 1))
        var bench = PushBench(channel: old)
        let (id, _) = bench.load(bench.offer(nil))[0]
        #expect(bench.send(.answered(id, .failed(.status(401)))) == [])
        let wake = bench.machine.wakeAt
        #expect(bench.send(.channel(old)) == [] && bench.offer(nil) == [] && bench.machine.wakeAt == wake)
        #expect(spans(bench.run(bench.send(.channel(new)))) == ["start-3"])
        #expect(bench.machine.status == PushStatus(state: .current, attempt: 0, failure: nil))
        #expect(bench.send(.channel(nil)) == [], "where nothing waits nothing is sent")
    }

    /// The page on its way shows the old one still.
    @Test func anotherChannelIsTriedAtOnceWhereAPageIsOnItsWay() throws {
        var bench = PushBench()
        let (id, _) = bench.load(bench.offer(nil))[0]
        #expect(bench.send(.channel(Digest(1, 2, 3, 4))) == [])
        let again = try #require(bench.load(bench.send(.answered(id, .failed(.status(401))))).first)
        #expect(again.page.to == "3" && bench.machine.status.attempt == 0)
        // That one was shown the new one.
        #expect(bench.send(.answered(again.id, .failed(.status(401)))) == [])
        #expect(bench.machine.status.state == .waiting && bench.machine.wakeAt! > bench.now)
    }

    @Test func whatIsCommittedWhileAPageIsOnItsWayGoesWithTheNext() {
        var bench = PushBench()
        let (id, first) = bench.load(bench.offer(nil))[0]
        for head in 4...9 {
            bench.head = head
            #expect(bench.send(.grown) == [])
        }
        #expect(first.to == "3")
        #expect(spans(bench.run(bench.send(.answered(id, .taken)))) == ["3-9"])
    }

    @Test func whatGrewWhileTheLogWasReadIsNotForgotten() {
        var bench = PushBench()
        guard case .load(let id, nil, _)? = bench.offer(nil).first else { return #expect(Bool(false)) }
        #expect(bench.send(.grown) == [])
        // It was read before the commit.
        let again = bench.send(.loaded(id, nil))
        #expect(spans(bench.run(again)) == ["start-3"])
    }

    @Test func aPeerThatHoldsAnotherPositionIsFollowedThere() {
        var bench = PushBench()
        let (id, _) = bench.load(bench.offer(nil))[0]
        let next = bench.load(bench.send(.answered(id, .holds("2"))))
        #expect(spans(next.map(\.page)) == ["2-3"])
        #expect(bench.machine.status.failure == nil)
    }

    @Test func aPeerThatAlwaysHoldsAnotherPositionIsLeftForAWhile() {
        var bench = PushBench()
        var sent = bench.load(bench.offer(nil))
        var count = 0
        while let (id, _) = sent.first {
            count += 1
            sent = bench.load(bench.send(.answered(id, .holds(String(count % 2)))))
        }
        #expect(count == PushPolicy().corrections + 1)
        #expect(bench.machine.status.state == .waiting && bench.machine.status.attempt == 1)
    }

    @Test func failuresWaitLongerAndLonger() {
        var bench = PushBench()
        var waits: [Duration] = []
        var effects = bench.offer(nil)
        for _ in 0..<12 {
            let (id, _) = bench.load(effects)[0]
            #expect(bench.send(.answered(id, .failed(.transport(.refused)))) == [])
            waits.append(bench.machine.wakeAt!.since(bench.now))
            effects = bench.due()
        }
        #expect(waits[0] <= .seconds(1) && waits[0] >= .milliseconds(800))
        #expect(zip(waits, waits.dropFirst()).prefix(7).allSatisfy { $0 < $1 })
        #expect(waits.allSatisfy { $0 <= .seconds(300) } && waits.last! >= .seconds(240))
        #expect(bench.machine.status.attempt == 12 && bench.machine.status.failure == .transport(.refused))
        // And a success forgets all of it.
        #expect(spans(bench.run(effects)) == ["start-3"])
        #expect(bench.machine.status == PushStatus(state: .current, attempt: 0, failure: nil))
    }

    @Test func aSignOfLifeEndsAWaitOncePerInterval() {
        var bench = PushBench()
        func fail(_ effects: [PushMachine.Effect], _ bench: inout PushBench) {
            let (id, _) = bench.load(effects)[0]
            _ = bench.send(.answered(id, .failed(.transport(.timeout))))
        }
        fail(bench.offer(nil), &bench)
        let again = bench.offer(nil)
        #expect(!again.isEmpty)
        fail(again, &bench)
        bench.pass(.milliseconds(100))
        #expect(bench.offer(nil) == [])
        bench.pass(PushBench.interval)
        #expect(bench.machine.wakeAt! < bench.now || !bench.offer(nil).isEmpty)
    }

    @Test func whoRefusesUsForWhoWeAreIsNotPressed() {
        var bench = PushBench()
        let (id, _) = bench.load(bench.offer(nil))[0]
        _ = bench.send(.answered(id, .failed(.status(403))))
        #expect(bench.machine.wakeAt!.since(bench.now) >= .seconds(240))
        bench.pass(.seconds(100))
        #expect(bench.offer(nil) == [])
    }

    @Test func aBusyPeerIsNoFailure() {
        var bench = PushBench()
        let (id, _) = bench.load(bench.offer(nil))[0]
        _ = bench.send(.answered(id, .busy(nil)))
        #expect(bench.machine.status.attempt == 0 && bench.machine.wakeAt!.since(bench.now) <= .seconds(1))
        #expect(spans(bench.run(bench.due())) == ["start-3"])
    }

    @Test(arguments: [(7, 7), (0, 0), (100_000, 300)]) func aBusyPeerIsLeftAloneAsLongAsItAsks(asked: Int, seconds: Int) {
        var bench = PushBench()
        let (id, _) = bench.load(bench.offer(nil))[0]
        _ = bench.send(.answered(id, .busy(.seconds(asked))))
        let wait = bench.machine.wakeAt!.since(bench.now)
        #expect(wait >= .seconds(seconds) && wait <= .seconds(max(seconds, 1)))
        #expect(bench.machine.status.attempt == 0 && bench.machine.status.failure == nil)
    }

    @Test func whatIsWantedNoMoreIsPushedNoMore() {
        for end in [PushMachine.Input.offered(nil), .allowed(false), .stop] {
            var bench = PushBench()
            let (id, _) = bench.load(bench.offer(nil))[0]
            #expect(bench.send(end) == [.cancel(id)])
            // What comes late changes nothing.
            #expect(bench.send(.answered(id, .taken)) == [] && bench.send(.grown) == [] && bench.machine.wakeAt == nil)
            #expect(!bench.machine.isWanted)
        }
        var bench = PushBench()
        let (id, _) = bench.load(bench.offer(nil))[0]
        #expect(bench.send(.answered(id, .declined)) == [] && bench.machine.status.state == .silent)
        #expect(spans(bench.run(bench.offer(nil))) == ["start-3"])
    }

    @Test func aPeerThatMayNotHaveItGetsNothing() {
        var bench = PushBench(isAllowed: false)
        #expect(bench.offer(nil) == [] && bench.send(.grown) == [])
        #expect(bench.send(.allowed(true)) == [])
        #expect(spans(bench.run(bench.offer(nil))) == ["start-3"])
        var stopped = PushBench()
        _ = stopped.send(.stop)
        #expect(stopped.offer(nil) == [] && stopped.machine.status.state == .stopped)
    }

    /// An answer that was held at the peer may have been made before a page arrived there.
    @Test func anOldWordDoesNotPushTwice() {
        var bench = PushBench()
        _ = bench.run(bench.offer(nil))
        bench.head = 5
        _ = bench.run(bench.send(.grown))
        #expect(bench.offer("3") == [] && bench.offer(nil) == [])
        // Said later it is meant: the peer was put back to a backup.
        bench.pass(.seconds(6))
        #expect(spans(bench.run(bench.offer("3"))) == ["3-5"])
        // What it never held is news at once.
        #expect(spans(bench.run(bench.offer("4"))) == ["4-5"])
    }

    @Test func anotherNodeBehindTheEndpointStartsAnew() {
        var bench = PushBench()
        let (id, _) = bench.load(bench.offer(nil))[0]
        let effects = bench.offer("2", by: Sample.node(3))
        #expect(effects.contains(.cancel(id)))
        #expect(spans(bench.run(effects)) == ["2-3"])
    }

    @Test func pagesGrowWithSuccessAndShrinkWhereTheyDoNotArrive() {
        func bytes(_ effects: [PushMachine.Effect]) -> Int? {
            effects.compactMap { if case .load(_, _, let bytes) = $0 { bytes } else { nil } }.first
        }
        var policy = PushPolicy()
        policy.bytes = 16...1024
        policy.firstBytes = 256
        var bench = PushBench(policy: policy)
        bench.head = 1000
        bench.pageEvents = 1
        var effects = bench.offer(nil)
        var sizes: [Int?] = []
        for step in 0..<7 {
            sizes.append(bytes(effects))
            let (id, _) = bench.load(effects)[0]
            let fails = (3...5).contains(step)
            effects = bench.send(.answered(id, fails ? .failed(.transport(.timeout)) : .taken))
            if fails { effects = bench.due() }
        }
        #expect(sizes == [256, 512, 1024, 1024, 256, 64, 16])
    }

    @Test func whatThePeerHasLostGoesWhenNothingElseDoes() {
        var bench = PushBench()
        bench.head = 9
        _ = bench.run(bench.offer(nil))
        let mended = bench.run(bench.send(.lacking(PushBench.items(1, 4, 7))))
        #expect(mended.map(\.body) == [[1, 4], [7]] && mended.allSatisfy { $0.mends && $0.to == "9" })
        #expect(bench.machine.status.state == .current)
        // News goes first, and what it covers is not sent twice.
        let (id, _) = bench.load(bench.offer("5"))[0]
        #expect(bench.send(.lacking(PushBench.items(2, 8, 9))) == [])
        let pages = bench.run(bench.load(bench.send(.answered(id, .taken))).map { .send($0.id, $0.page, to: PushBench.hub) })
        #expect(pages.map(\.body) == [[2]])
    }

    @Test func newsDuringTheMendingIsNotKeptWaiting() {
        var bench = PushBench()
        _ = bench.run(bench.offer(nil))
        let (id, page) = bench.load(bench.send(.lacking(PushBench.items(1, 2, 3))))[0]
        #expect(page.body == [1, 2])
        bench.head = 5
        #expect(bench.send(.grown) == [])
        let next = bench.load(bench.send(.answered(id, .taken)))[0]
        #expect(next.page.from == "3" && next.page.to == "5")
        #expect(bench.run([.send(next.id, next.page, to: PushBench.hub)]).last?.body == [3])
        // Of a peer that wants nothing, nothing is lacking.
        var silent = PushBench()
        #expect(silent.send(.lacking(PushBench.items(1))) == [])
    }

    @Test func whatNobodyAnswersIsGivenUp() {
        var bench = PushBench()
        guard case .load(let loading, _, _)? = bench.offer(nil).first else { return #expect(Bool(false)) }
        #expect(bench.due() == [.cancel(loading)])
        #expect(bench.machine.status.failure == .store(.interrupted))
        let (sending, _) = bench.load(bench.due())[0]
        #expect(bench.due() == [.cancel(sending)])
        #expect(bench.machine.status.failure == .transport(.timeout))
        #expect(bench.send(.answered(sending, .taken)) == [])
    }

    /// Whatever comes in whatever order: no trap, one request at a time, and a timer wherever something is awaited.
    @Test func anyOrderOfInputsIsTaken() {
        for seed in UInt64(1)...300 {
            var bench = PushBench()
            var choice = SeededRandom(seed: seed)
            var open: [RequestID] = []
            for _ in 0..<200 {
                bench.pass(.milliseconds(Int64(choice.below(3000))))
                let id = open.isEmpty ? RequestID(UInt64(choice.below(5))) : open[choice.below(open.count)]
                let input: PushMachine.Input =
                    switch choice.below(12) {
                    case 10: .lacking(PushBench.items(1, 2, 3))
                    case 11: .found(id, choice.chance(0.5) ? nil : bench.page(after: "1"), through: choice.below(4))
                    case 0: .tick
                    case 1: .grown
                    case 2: .offered(choice.chance(0.2) ? nil : PushOffer(node: PushBench.hub, position: String(choice.below(4))))
                    case 3: .loaded(id, choice.chance(0.5) ? nil : bench.page(after: nil))
                    case 4: .unreadable(id, .busy)
                    case 5: .answered(id, .taken)
                    case 6: .answered(id, .holds(String(choice.below(4))))
                    case 7: .answered(id, .failed(.status(500)))
                    case 8: .answered(id, choice.chance(0.5) ? .busy(nil) : .declined)
                    default: .allowed(choice.chance(0.8))
                    }
                for effect in bench.send(input) {
                    switch effect {
                    case .load(let id, _, _), .send(let id, _, _), .find(let id, _, _, _, _): open.append(id)
                    case .cancel: break
                    }
                }
                let isBusy = [.pushing, .waiting].contains(bench.machine.status.state)
                #expect(isBusy == (bench.machine.wakeAt != nil))
            }
        }
    }
}
