import FederationCore
import FederationTestKit
import Testing

@Suite struct PeerTrialTests {
    private static let page = PulledPage(items: [], cursor: .position("e.1"))
    private static let request = ExchangeStep.request(HTTPRequest(.get, "/x"), seals: [])

    /// The way as it is gone when everything goes well.
    private static let way: RouteFacts = {
        var way = RouteFacts()
        (way.lookedUp, way.connected, way.secured) = (.milliseconds(1), .milliseconds(2), .milliseconds(3))
        way.address = "192.0.2.1"
        return way
    }()

    /// Carries a trial to its end, answering what it asks.
    private func run(
        _ script: [ExchangeStep], peer: PolledPeer = PolledPeer(name: "beta"), memory: PeerMemory = PeerMemory(),
        aside: TrialFault? = nil, isTLS: Bool = true, isNumeric: Bool = false,
        answer: Result<HTTPResponse, TransportFailure> = .success(PollBench.answer), way: RouteFacts = way,
        loading: StoreFailure? = nil, rehearsal: Result<PageOutcome, StoreFailure> = .success(PageOutcome()), problem: (ReplayProblem, code: String)? = nil
    ) -> PeerTrial {
        var trial = PeerTrial(
            ScriptedExchange(script: script), peer: peer, node: PollBench.node, memory: memory, aside: aside, isTLS: isTLS,
            isNumeric: isNumeric)
        var effect = trial.begin(now: PollBench.wallStart, nonce: (1, 2))
        for _ in 0..<100 {
            switch effect {
            case .over: return trial
            case .send: effect = trial.answered(answer, way, now: PollBench.wallStart)
            case .load: effect = trial.loaded(loading.map { .failure($0) } ?? .success(memory), now: PollBench.wallStart)
            case .rehearse: effect = trial.rehearsed(rehearsal, problem: problem, now: PollBench.wallStart)
            }
        }
        Issue.record("it goes on for ever")
        return trial
    }

    private func words(_ trial: PeerTrial) -> [String] {
        trial.standings.map { step, standing in
            switch standing {
            case .passed: "+" + step.rawValue
            case .failed: "!" + step.rawValue
            case .unneeded: "-" + step.rawValue
            case .notReached: "." + step.rawValue
            }
        }
    }

    @Test func everyStepOfAGoodPollGoesWell() {
        let trial = run(PollBench.hello() + [.take(PulledPage(items: [item], cursor: .position("e.1")))])
        #expect(trial.fault == nil && trial.lastGood == .commit)
        #expect(words(trial).allSatisfy { $0.hasPrefix("+") })
        #expect(trial.identity?.id == PollBench.peerID && trial.route.address == "192.0.2.1")
        let bare = run(PollBench.hello(), isTLS: false, isNumeric: true)
        #expect(
            words(bare) == [
                "+config", "-dns", "+tcp", "-tls", "+identity", "+auth", "+page", "-verify", "-replay", "+commit",
            ])
    }

    private let item = PulledItem(json: Array("{}".utf8))

    @Test func itTakesItsLeaveAfterTheFirstPage() {
        // The exchange is told that the page stopped, and may say goodbye; what it would take then is let go.
        let page = ExchangeStep.take(PeerTrialTests.page)
        let trial = run(PollBench.hello() + [page, page, PeerTrialTests.request, .failed(.tooManyPages)])
        #expect(trial.fault == nil)
    }

    @Test func whatIsConfiguredMayBeTheReason() {
        var peer = PolledPeer(name: "beta", mode: .paused)
        #expect(run([], peer: peer).fault == .paused)
        peer.mode = .publish
        var node = PollBench.node
        node.mode = .subscribe
        var trial = PeerTrial(
            ScriptedExchange(script: []), peer: peer, node: node, memory: PeerMemory(), isTLS: false, isNumeric: true)
        _ = trial.begin(now: PollBench.wallStart, nonce: (1, 2))
        #expect(trial.fault == .nothingFlows(own: .subscribe, peer: .publish) && trial.lastGood == nil)
        #expect(run(PollBench.hello(), peer: peer).standings.contains { $0.step == .page && $0.standing == .unneeded })
    }

    @Test func theWayIsJudgedByHowFarItWasGone() {
        func fault(
            _ failure: TransportFailure, _ steps: Int, tls: TLSFault? = nil, isTLS: Bool = true, isNumeric: Bool = false
        ) -> TrialFault? {
            var way = RouteFacts()
            if steps > 0 { way.lookedUp = .milliseconds(1) }
            if steps > 1 { way.connected = .milliseconds(2) }
            if steps > 2 { way.secured = .milliseconds(3) }
            way.tls = tls
            return run([PeerTrialTests.request], isTLS: isTLS, isNumeric: isNumeric, answer: .failure(failure), way: way).fault
        }
        #expect(fault(.nameResolution, 0) == .nameUnknown)
        #expect(fault(.timeout, 0) == .nameTimeout)
        #expect(fault(.timeout, 0, isNumeric: true) == .connectTimeout, "no name is looked up of an address")
        #expect(fault(.refused, 1) == .refused)
        #expect(fault(.timeout, 1) == .connectTimeout)
        #expect(fault(.forbiddenAddress(.loopback), 1) == .forbiddenAddress(.loopback))
        #expect(fault(.tls, 2, tls: .expired) == .tls(.expired))
        #expect(fault(.tls, 2) == .tls(.handshake))
        #expect(fault(.endOfFile, 2) == .tls(.handshake), "it hangs up on an encrypted greeting")
        #expect(fault(.endOfFile, 2, isTLS: false) == .silent(.endOfFile))
        #expect(fault(.timeout, 3) == .silent(.timeout))
    }

    @Test func stepsBeforeTheFaultWentWellAndThoseBehindItWereNotReached() {
        let refused = run([PeerTrialTests.request], answer: .failure(.refused), way: { var way = RouteFacts(); way.lookedUp = .milliseconds(1); return way }())
        #expect(refused.lastGood == .dns)
        #expect(words(refused).prefix(4) == ["+config", "+dns", "!tcp", ".tls"])
        let unauthorized = run([PeerTrialTests.request, .failed(.status(401))])
        #expect(unauthorized.fault == .keyRefused && unauthorized.lastGood == .tls)
        #expect(words(unauthorized)[4...6] == [".identity", "!auth", ".page"])
    }

    @Test func whoAnswersMustBeWhoItShould() {
        var memory = PeerMemory()
        memory.pin = PollBench.otherID
        #expect(
            run(PollBench.hello(), memory: memory).fault
                == .otherNode(expected: PollBench.otherID, shown: PollBench.peerID, by: .pinned))
        var peer = PolledPeer(name: "beta")
        peer.expectedID = PollBench.otherID
        #expect(
            run(PollBench.hello(), peer: peer).fault
                == .otherNode(expected: PollBench.otherID, shown: PollBench.peerID, by: .config))
        #expect(run(PollBench.hello(PollBench.identity(PollBench.ourID))).fault == .ourselves)
        let key = "ed25519:" + String(repeating: "A", count: 43) + "="
        memory = PeerMemory()
        memory.key = key
        let shown = "ed25519:" + String(repeating: "B", count: 42) + "A="
        guard case .otherKey(key, _, by: .pinned)? = run(PollBench.hello(PollBench.identity(key: shown)), memory: memory).fault
        else {
            Issue.record("another key is not noticed")
            return
        }
        peer = PolledPeer(name: "beta", firstContact: .ask)
        #expect(run(PollBench.hello(), peer: peer).fault == .waits)
        #expect(run([PeerTrialTests.request, .failed(.status(404))]).fault == .noNode(status: 404))
        #expect(run([PeerTrialTests.request, .failed(.malformed(.contentType))]).fault == .noIdentity)
        #expect(run([.take(PeerTrialTests.page)]).fault == .noIdentity, "nothing is taken of who has not said who it is")
    }

    @Test func aPageMayBeAnythingAndItsEventsToo() {
        func fault(_ failure: ExchangeFailure) -> TrialFault? { run(PollBench.hello() + [.failed(failure)]).fault }
        #expect(fault(.status(500)) == .status(500))
        #expect(fault(.status(429)) == .busy)
        #expect(fault(.malformed(.truncated)) == .malformed(.truncated))
        #expect(fault(.peerServesNothing) == .servesNothing)
        #expect(fault(.transport(.endOfFile)) == .broken(.endOfFile))
        let page = PollBench.hello() + [.take(PulledPage(items: [item], cursor: .position("e.1")))]
        let unsigned = ReplayProblem(reason: .signature, eventID: "", subject: "")
        let verify = run(page, problem: (unsigned, code: "unsigned"))
        #expect(verify.fault == .event(unsigned, code: "unsigned") && verify.fault?.step == .verify && verify.lastGood == .page)
        let held = ReplayProblem(reason: .unknownAction, eventID: "", subject: "")
        let replay = run(page, problem: (held, code: "unknown_action"))
        #expect(replay.fault?.step == .replay && replay.lastGood == .verify)
        // What came before is told of where nothing newer is wrong.
        let aside = TrialFault.aside(held, code: "unknown_action", held: 3, refused: 0)
        #expect(run(PollBench.hello(), aside: aside).fault == aside)
        #expect(run(page, aside: aside, problem: (unsigned, code: "unsigned")).fault?.step == .verify)
        let full = run(page, rehearsal: .failure(.quota(limit: 7)))
        #expect(full.fault == .store(.quota(limit: 7)) && full.lastGood == .page)
        var stopped = PageOutcome()
        stopped.stoppedBy = held
        #expect(run(page, rehearsal: .success(stopped)).fault == .event(held, code: "unknown_action"))
    }

    @Test func eachFaultHasAMend() {
        let place = TrialPlace(peer: "beta", endpoint: "http://beta:4001", timeout: .seconds(30))
        let problem = ReplayProblem(reason: .signature, eventID: "", subject: "")
        let faults: [(TrialFault, TrialMend)] = [
            (.paused, .command(["resume-peer", "beta"])), (.nothingFlows(own: .publish, peer: .subscribe), .command(["set-mode", "sync", "--peer", "beta"])),
            (.refused, .commandThere(["run"])), (.nameUnknown, .peerSetting("endpoint", "http://HOST:PORT")),
            (.tls(.unknownAuthority), .peerSetting("ca", "FILE")), (.ourselves, .command(["remove-peer", "beta"])),
            (.waits, .command(["pair", "beta"])), (.keyRefused, .setting("access.shared_key_file", "FILE")),
            (.silent(.timeout), .peerSetting("timeout", "60s")), (.busy, .wait),
            (.event(problem, code: "unsigned"), .command(["quarantine", "list"])),
            (.event(problem, code: "unknown_type"), .upgrade), (.store(.quota(limit: 4_000_000)), .setting("store.max_size", "8MB")),
            (.store(.quota(limit: 300_000)), .setting("store.max_size", "1MB")), (.store(.quota(limit: 1_000_001)), .setting("store.max_size", "3MB")),
        ]
        for (fault, mend) in faults { #expect(fault.mends(place).first == mend, "\(fault)") }
        var keyed = place
        keyed.hasOwnKey = true
        for fault in [TrialFault.keyRefused, .secretMissing] {
            #expect(fault.mends(keyed).first == .peerSetting("key_file", "FILE"), "the key that was sent")
        }
        for fault in TLSFault.allCases { #expect(!TrialFault.tls(fault).mends(place).isEmpty) }
    }

    @Test func aPeersVerifyIsOfferedForItsOwnEventsAlone() {
        var place = TrialPlace(peer: "beta", endpoint: "http://beta:4001", timeout: .seconds(30))
        place.identity = PollBench.peerID
        let unsigned = ReplayProblem(reason: .signature, eventID: "", subject: "")
        for fault in [TrialFault.event(unsigned, code: "unsigned"), .aside(unsigned, code: "unsigned", held: 0, refused: 1)] {
            place.origin = PollBench.peerID.description
            #expect(fault.mends(place).first == .peerSetting("verify", "warn"))
            for origin in [PollBench.otherID.description, nil] {
                place.origin = origin
                #expect(fault.mends(place) == [.command(["quarantine", "list"])])
            }
        }
    }

    @Test func whoAnswersInAnothersPlaceIsNotTrustedByTheFirstMend() {
        let place = TrialPlace(peer: "beta", endpoint: "http://beta:4001", timeout: .seconds(30))
        let look = TrialMend.commandThere(["identity", "show"])
        let faults: [(TrialFault, [TrialMend])] = [
            (.otherNode(expected: .min, shown: .max, by: .config), [look, .ifConfirmed(.peerSetting("id", ULID.max.description))]),
            (.otherNode(expected: .min, shown: .max, by: .pinned), [look, .ifConfirmed(.command(["reset-peer", "beta"]))]),
            (.otherKey(expected: "a", shown: "b", by: .config), [look, .ifConfirmed(.peerSetting("pubkey", "b"))]),
            (.otherKey(expected: "a", shown: nil, by: .config), [look]),
            (.otherKey(expected: "a", shown: "b", by: .paired), [look, .ifConfirmed(.command(["reset-peer", "beta"]))]),
            (.otherKey(expected: "a", shown: "b", by: .pinned), [look, .ifConfirmed(.command(["reset-peer", "beta", "--key-rotated"]))]),
            (.otherKey(expected: "a", shown: "b", by: .succession), [look]),
        ]
        for (fault, mends) in faults { #expect(fault.mends(place) == mends, "\(fault)") }
        // Of one that has no name nothing can be reset.
        let stranger = TrialPlace(peer: "", endpoint: "http://beta:4001", timeout: .seconds(30))
        #expect(TrialFault.otherNode(expected: .min, shown: .max, by: .pinned).mends(stranger) == [look])
    }

    @Test func anOldKeyIsMeasuredByTheOneThatHasSucceededIt() {
        let keys = ["ed25519:LB+0jMLPWjc+6yXzZFm8KOGQCwjA2YzdGgbNEfcDCJo=", "ed25519:A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="]
        var peer = PolledPeer(name: "beta")
        peer.expectedKey = keys[0]
        var memory = PeerMemory()
        (memory.key, memory.successor) = (keys[0], keys[1])
        let old = run(PollBench.hello(PollBench.identity(key: keys[0])), peer: peer, memory: memory)
        #expect(old.fault == .otherKey(expected: keys[1], shown: keys[0], by: .succession))
        #expect(run(PollBench.hello(PollBench.identity(key: keys[1])), peer: peer, memory: memory).fault == nil)
    }

    @Test func whatCannotBeReadIsNotTakenForNothing() {
        let page = ExchangeStep.take(PulledPage(items: [item], cursor: .position("e.1")))
        let trial = run(PollBench.hello() + [page], loading: .busy)
        #expect(trial.fault == .store(.busy) && trial.lastGood == .tls)
        #expect(
            words(trial) == [
                "+config", "+dns", "+tcp", "+tls", ".identity", ".auth", ".page", ".verify", ".replay", "!commit",
            ])
        let before = PeerTrial(.store(.corrupt), peer: PolledPeer(name: "beta"), node: PollBench.node)
        #expect(before.lastGood == .config && words(before)[1...8].allSatisfy { $0.hasPrefix(".") || $0 == "-tls" })
    }

    @Test func aKeyThatWasKeptBackIsSaidToBe() {
        var place = TrialPlace(peer: "", endpoint: "https://beta", timeout: .seconds(30))
        let shown = TrialMend.ifConfirmed(.command(["test-peer", "https://beta", "--with-key"]))
        for fault in [TrialFault.keyRefused, .forbidden] {
            place.isWithheld = true
            #expect(fault.mends(place) == [shown])
            place.isWithheld = false
            #expect(!fault.mends(place).isEmpty && !fault.mends(place).contains(shown))
        }
    }

    @Test func theDateOfAnAnswerShowsAClockThatIsWrong() {
        let asked = WallTime(rfc3339: "1994-11-06T08:49:30Z")!
        func drift(_ date: String) -> Duration? {
            ClockDrift.of(date: date, asked: asked, answered: asked.advanced(by: .seconds(1)))
        }
        #expect(drift("Sun, 06 Nov 1994 08:49:37 GMT") == .seconds(7))
        #expect(drift("Sun, 06 Nov 1994 08:49:30 GMT") == .zero)
        // An answer that was held says little of the moment when its date was written.
        let late = asked.advanced(by: .seconds(30))
        #expect(ClockDrift.of(date: "Sun, 06 Nov 1994 08:49:37 GMT", asked: asked, answered: late) == nil)
        for bad in ["", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 99 Nov 1994 08:49:37 GMT"] {
            #expect(drift(bad) == nil, "\(bad)")
        }
    }
}
