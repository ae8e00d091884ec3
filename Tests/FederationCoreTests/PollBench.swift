import FederationCore
import FederationTestKit

/// A conversation that says what its script says, whatever it is answered.
struct ScriptedExchange: Exchange {
    var script: [ExchangeStep]

    mutating func begin(_ context: ExchangeContext) -> ExchangeStep { next() }
    mutating func resume(_ answer: ExchangeAnswer, now: WallTime) -> ExchangeStep {
        if case .transport(let failure) = answer { return .failed(.transport(failure)) }
        return next()
    }

    private mutating func next() -> ExchangeStep {
        script.isEmpty ? .finished(ExchangeProgress(isComplete: true, wire: .native)) : script.removeFirst()
    }
}

/// What the reach of each conversation was, as the exchange is told it.
struct ReachEcho: Exchange {
    mutating func begin(_ context: ExchangeContext) -> ExchangeStep {
        .request(HTTPRequest(.get, context.reach == .rescan ? "/rescan" : "/news"), seals: [])
    }
    mutating func resume(_ answer: ExchangeAnswer, now: WallTime) -> ExchangeStep {
        .finished(ExchangeProgress(isComplete: true, wire: .noema))
    }
}

/// One machine and the world around it, moved by hand.
struct PollBench {
    static let ourID = ULID("01KNJX4991ASW6NNKS9BQHNCGB")!
    static let peerID = ULID("01KNJX7Q3W2V9H8D6B5A4C3E2F")!
    static let otherID = ULID("01KNJX7Q3W2V9H8D6B5A4C3E2G")!
    static let answer = HTTPResponse(status: 200)
    static let wallStart = WallTime(rfc3339: "2026-04-20T12:00:00Z")!

    var machine: PollMachine
    var memory = PeerMemory()
    var random = SeededRandom(seed: 1)
    var now = Instant.start
    var wall = PollBench.wallStart
    var reports: [PollReport] = []

    init(
        _ script: [ExchangeStep], peer: PolledPeer = PolledPeer(name: "beta"), policy: PollPolicy = PollPolicy()
    ) {
        self.init(peer: peer, policy: policy) { ScriptedExchange(script: script) }
    }

    init(
        peer: PolledPeer = PolledPeer(name: "beta"), policy: PollPolicy = PollPolicy(),
        exchange: @escaping @Sendable () -> any Exchange
    ) {
        machine = PollMachine(peer: peer, node: PollBench.node, policy: policy, at: .start, exchange: exchange)
    }

    static let node = NodeIdentity(id: ourID, name: "alpha", version: "0.1.0", mode: .sync, publicKey: nil)

    static func identity(_ id: ULID = peerID, key: String? = nil, held: UInt64? = nil) -> PeerIdentity {
        PeerIdentity(id: id, name: "beta", version: "v0.9.1", wire: .native, publicKey: key, heldOfOurs: held)
    }

    static func hello(_ identity: PeerIdentity = identity()) -> [ExchangeStep] {
        [.request(HTTPRequest(.get, "/identity"), seals: []), .identify(identity)]
    }

    static let emptyPage = PulledPage(items: [], cursor: .position("e.1"))

    mutating func send(_ input: PollMachine.Input) -> [PollMachine.Effect] {
        let effects = machine.handle(input, at: Moment(now, wall), using: &random)
        for case .report(let report, _) in effects { reports.append(report) }
        return effects
    }

    mutating func pass(_ duration: Duration) {
        now = now.advanced(by: duration)
        wall = wall.advanced(by: duration)
    }

    /// Moves to the moment the machine waits for, and ticks.
    mutating func due() -> [PollMachine.Effect] {
        if let wake = machine.wakeAt, wake > now { pass(wake.since(now)) }
        return send(.tick)
    }

    /// Answers what is asked for, well, until nothing more is asked.
    mutating func run(
        _ effects: [PollMachine.Effect], outcome: PageOutcome = PageOutcome(),
        response: Result<HTTPResponse, TransportFailure> = .success(answer)
    ) -> [PollMachine.Effect] {
        var all: [PollMachine.Effect] = []
        var queue = effects
        while !queue.isEmpty {
            let effect = queue.removeFirst()
            all.append(effect)
            switch effect {
            case .load(let id, _): queue += send(.answered(id, .memory(memory)))
            case .send(let id, _, _):
                switch response {
                case .success(let response): queue += send(.answered(id, .response(response)))
                case .failure(let failure): queue += send(.answered(id, .transport(failure)))
                }
            case .commit(let id, let commit):
                queue += send(.answered(id, .committed(commit.page == nil ? PageOutcome() : outcome)))
            case .loadOutbox(let id, let after, _, _): queue += send(.answered(id, .outbox([], through: after)))
            case .reconcile(let id, _): queue += send(.answered(id, .reconciled(.malformed)))
            case .sign(let id, let bytes, _): queue += send(.answered(id, .signed(bytes)))
            case .cancel, .found, .offered, .lacking, .report: break
            }
        }
        return all
    }

    mutating func poll(response: Result<HTTPResponse, TransportFailure> = .success(answer)) -> [PollMachine.Effect] {
        run(due(), response: response)
    }
}

func commits(_ effects: [PollMachine.Effect]) -> [PeerCommit] {
    effects.compactMap { if case .commit(_, let commit) = $0 { commit } else { nil } }
}

func targets(_ effects: [PollMachine.Effect]) -> [String] {
    effects.compactMap { if case .send(_, let request, _) = $0 { request.target } else { nil } }
}
