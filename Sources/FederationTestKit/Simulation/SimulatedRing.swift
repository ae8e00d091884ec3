package import FederationCore
import FederationCrypto

/// A ring of nodes in one value: production code, one queue, one seeded generator, no tasks and no real time.
///
/// While things go wrong as the plan says, users write on every node. Then everything is mended, and the nodes are to
/// come to the same events, records and divergences. What must always hold is checked after every step.
package struct SimulatedRing: Sendable {
    /// What came of it, for tests and for people.
    package struct Summary: Hashable, Sendable {
        /// Everything that happened, in one number: the same for the same seed.
        package var trace: UInt64
        package var steps: Int
        package var events: Int
        package var diverged: Int
        package var polls: Int
        /// Pages that a leaf pushed and that were committed, or were of another place.
        package var pushes = 0
        package var failedPolls: Int
        package var crashes: Int
        /// Events that vanished from a log, and that a position was moved past; all of them came back.
        package var lost: Int
        package var skipped: Int
        /// Events that came because a hole in the numbers of their origin was asked for.
        package var filled = 0
        /// Events whose text was removed.
        package var stubs = 0
        /// Origins whose chain somebody else has followed, and nodes that noted two events under one number.
        package var attested = 0
        package var equivocations = 0
        /// How long after the last fault all nodes agreed.
        package var agreedAfter: Duration
    }

    enum Happening: Sendable {
        case tick(node: Int, peer: Int, life: Int)
        case load(node: Int, peer: Int, life: Int, RequestID, PeerQuestion)
        case commit(node: Int, peer: Int, life: Int, RequestID, PeerCommit)
        case answer(node: Int, peer: Int, life: Int, RequestID, PollMachine.Answer)
        case reconcile(node: Int, peer: Int, life: Int, RequestID, ReconcileQuestion)
        /// A request reaches the peer's server.
        case request(node: Int, peer: Int, life: Int, RequestID, HTTPRequest, answerIsLost: Bool)
        case write(UserWrite)
        case noemaWrite(Int)
        case upkeep(node: Int, life: Int)
        case fault(RingFault)
        case restart(node: Int)
        /// A hold of this node may be over.
        case release(node: Int, life: Int)
        case noema(NoemaHappening)
        case push(node: Int, life: Int, PushHappening)
    }

    let plan: SimulationPlan
    let wires: [any Wire]
    let exchange: @Sendable () -> any Exchange
    let reconcile: @Sendable (ReconcileQuestion, MemoryStorage) throws(StoreFailure) -> ReconcileAnswer
    /// How leaves push; without it they cannot.
    package var pushing: SimulatedPushing?
    var random: SeededRandom
    var queue = SimulationQueue<Happening>()
    var now = Instant.start
    var nodes: [SimulatedNode]
    var noema: [SimulatedNoema]
    var network = SimulatedNetwork()
    var history = WriteHistory()
    var trace = TraceHash()
    var isMended = false
    /// Told of everything that happens, in words, for whoever replays a seed.
    package var narrator: (@Sendable (String) -> Void)?
    var summary = Summary(
        trace: 0, steps: 0, events: 0, diverged: 0, polls: 0, failedPolls: 0, crashes: 0, lost: 0, skipped: 0,
        agreedAfter: .zero)

    /// - Parameters:
    ///   - wires: what the nodes serve.
    ///   - exchange: how they poll.
    ///   - reconcile: how a log is compared with another.
    package init(
        _ plan: SimulationPlan, wires: [any Wire],
        reconcile: @escaping @Sendable (ReconcileQuestion, MemoryStorage) throws(StoreFailure) -> ReconcileAnswer,
        exchange: @escaping @Sendable () -> any Exchange
    ) {
        self.plan = plan
        self.wires = wires
        self.exchange = exchange
        self.reconcile = reconcile
        random = SeededRandom(seed: plan.seed &* 0x2545_F491_4F6C_DD1D &+ 1)
        nodes = []
        noema = []
    }

    /// Runs it from beginning to end.
    package mutating func run() throws -> Summary {
        try begin()
        try runUntil(Instant(plan.faultsLast))
        try mend()
        summary.agreedAfter = try runUntilAgreed()
        // Whoever was put back to a backup writes again, and nobody takes it for something old.
        for index in nodes.indices { try write(UserWrite(node: index, id: "last-\(index)")) }
        _ = try runUntilAgreed()
        try checkEnd()
        summary.trace = trace.value
        return summary
    }

    private mutating func runUntilAgreed() throws -> Duration {
        let start = now
        while let trouble = try disagreement() {
            let waited = now.since(start)
            guard waited < SimulatedRing.patience else { throw violation("no agreement after \(waited): \(trouble)") }
            try runUntil(now.advanced(by: .seconds(30)))
        }
        return now.since(start)
    }

    /// How long after the last fault everything is to agree at the latest.
    static let patience: Duration = .seconds(3 * 3600)

    private mutating func begin() throws {
        for index in 0..<plan.nodes {
            let seed = (0..<32).map { UInt8(truncatingIfNeeded: index &* 31 &+ $0) }
            var node = SimulatedNode(
                index: index, peers: plan.neighbours(of: index) + plan.noemaNeighbours(of: index),
                key: try SigningKey(seed: seed))
            node.offset = randomOffset()
            node.signatures = plan.signatures
            let epoch = "epoch-\(index)"
            try node.storage.setMeta(.epoch, epoch)
            nodes.append(node)
        }
        beginNoema()
        for index in nodes.indices { try boot(index) }
        for number in 0..<plan.writes {
            let place = random.below(nodes.count + noema.count)
            queue.plan(
                place < nodes.count
                    ? .write(UserWrite(node: place, id: "write-\(number)")) : .noemaWrite(place - nodes.count),
                at: randomInstant())
        }
        planFaults()
    }

    private mutating func runUntil(_ end: Instant) throws {
        while let next = queue.next, next <= end, let (at, what) = queue.take() {
            now = at
            summary.steps += 1
            try step(what)
        }
        now = end
    }

    private mutating func step(_ what: Happening) throws {
        switch what {
        case .tick(let node, let peer, let life):
            guard nodes[node].life == life else { return }
            nodes[node].ticks[peer] = nil
            give(.tick, to: node, peer, life)
        case .answer(let node, let peer, let life, let id, let answer):
            give(.answered(id, answer), to: node, peer, life)
        case .load(let node, let peer, let life, let id, let question):
            guard nodes[node].life == life else { return }
            let memory = try PeerMemory(question, from: nodes[node].storage)
            give(.answered(id, .memory(memory)), to: node, peer, life)
        case .reconcile(let node, let peer, let life, let id, let question):
            guard nodes[node].life == life else { return }
            let answer = try reconcile(question, nodes[node].storage)
            give(.answered(id, .reconciled(answer)), to: node, peer, life)
        case .commit(let node, let peer, let life, let id, let commit):
            guard nodes[node].life == life else { return }
            try carryOut(commit, node, peer, id)
        case .request(let node, let peer, let life, let id, let request, let answerIsLost):
            try arrive(request, at: peer, from: node, life, id, answerIsLost: answerIsLost)
        case .write(let write): try self.write(write)
        case .noemaWrite(let number): writeNoema(number)
        case .upkeep(let node, let life): try upkeep(node, life)
        case .fault(let fault): try happen(fault)
        case .restart(let node):
            guard !nodes[node].isUp else { return }
            try boot(node)
        case .release(let node, let life):
            guard nodes[node].life == life else { return }
            try release(node)
        case .noema(let happening): try step(happening)
        case .push(let node, let life, let happening):
            guard nodes[node].life == life else { return }
            try step(happening, at: node)
        }
        for node in nodes.indices { noticeGrowth(of: node) }
        for node in nodes.indices where !nodes[node].held.isEmpty { try release(node) }
    }

    // MARK: A node's life

    /// Starts a node's process.
    mutating func boot(_ index: Int) throws {
        try checkStore(of: index)
        let word = ULID(milliseconds: nodes[index].wall(at: now).milliseconds, random: (random.next(), random.next()))
        do throws(StoreFailure) {
            try nodes[index].storage.transaction { log throws(StoreFailure) in
                try log.beginEpoch(word, isServed: true)
            }
        } catch {
            // With a full disk it does not start.
            queue.plan(.restart(node: index), at: now.advanced(by: .seconds(30)))
            return
        }
        nodes[index].isUp = true
        nodes[index].startedAt = now
        nodes[index].lastCommit = now
        nodes[index].isInDoubt = false
        let identity = nodes[index].identity
        nodes[index].machines = nodes[index].peers.map { peer in
            var policy = PollPolicy()
            policy.rescanEvery = .seconds(3600)
            policy.reconcileEvery = .seconds(1800)
            policy.fillsHoles = plan.fillsHoles
            return PollMachine(
                peer: PolledPeer(name: SimulatedNode.name(of: peer), interval: plan.interval), node: identity,
                policy: policy, at: .start, exchange: exchange)
        }
        let life = nodes[index].life
        nodes[index].ticks = nodes[index].peers.map { _ in nil }
        bootPush(of: index)
        for peer in nodes[index].machines.indices { planWake(index, peer) }
        queue.plan(.upkeep(node: index, life: life), at: now.advanced(by: .seconds(60)))
        trace.add(1, index)
        tell("node \(index) starts")
    }

    /// The process ends between two instructions. What is on disk stays.
    mutating func crash(_ index: Int) {
        guard nodes[index].isUp else { return }
        summary.crashes += 1
        nodes[index].isUp = false
        nodes[index].life += 1
        dropHeld(index)
        nodes[index].machines = []
        nodes[index].push = nil
        let pause = Duration.milliseconds(Int64(random.below(60_000)))
        queue.plan(.restart(node: index), at: now.advanced(by: pause))
        trace.add(2, index)
        tell("node \(index) crashes")
    }

    /// What a host does once a minute.
    private mutating func upkeep(_ index: Int, _ life: Int) throws {
        guard nodes[index].life == life else { return }
        queue.plan(.upkeep(node: index, life: life), at: now.advanced(by: .seconds(60)))
        let wall = nodes[index].wall(at: now)
        let intake = nodes[index].intake(countsReplays: plan.countsReplays, recovers: isMended)
        _ = try? nodes[index].storage.transaction { log throws(StoreFailure) in
            try intake.retryDue(now: wall, limit: 100, into: &log)
        }
        try attest(index, wall, intake)
        try checkStore(of: index)
    }

    /// Looks again at signatures, and signs a checkpoint for whatever was written.
    private mutating func attest(_ index: Int, _ wall: WallTime, _ intake: Intake) throws {
        guard plan.signatures != .off else { return }
        let chain = OwnChain(nodes[index].writer)
        let mayWrite = nodes[index].storage.meta(.stopped) == nil && !nodes[index].isInDoubt
        _ = try? nodes[index].storage.transaction { log throws(StoreFailure) in
            while try intake.review(now: wall, limit: 7, into: &log) {}
            if mayWrite { try chain.signIfDue(quiet: Limits.checkpointQuiet, now: wall, in: &log) }
        }
    }

    // MARK: Its machines

    /// Gives a machine an input and plans what it asks for.
    mutating func give(_ input: PollMachine.Input, to node: Int, _ peer: Int, _ life: Int) {
        guard nodes[node].life == life, nodes[node].isUp else { return }
        let moment = nodes[node].moment(at: now)
        let effects = nodes[node].machines[peer].handle(input, at: moment, using: &random)
        for effect in effects { perform(effect, node, peer) }
        planWake(node, peer)
    }

    /// Keeps a tick planned at the machine's `wakeAt`, or before it: one that comes early does nothing.
    private mutating func planWake(_ node: Int, _ peer: Int) {
        guard let wake = nodes[node].machines[peer].wakeAt else { return }
        let at = max(now, nodes[node].startedAt.advanced(by: wake.sinceStart))
        if let planned = nodes[node].ticks[peer], planned <= at { return }
        nodes[node].ticks[peer] = at
        queue.plan(.tick(node: node, peer: peer, life: nodes[node].life), at: at)
    }

    private mutating func perform(_ effect: PollMachine.Effect, _ node: Int, _ peer: Int) {
        let life = nodes[node].life
        let soon = now.advanced(by: .microseconds(Int64(random.below(2000))))
        switch effect {
        case .load(let id, let question):
            queue.plan(.load(node: node, peer: peer, life: life, id, question), at: soon)
        case .reconcile(let id, let question):
            queue.plan(.reconcile(node: node, peer: peer, life: life, id, question), at: soon)
        case .commit(let id, let commit):
            // The store does one after another, in the order in which they were asked for.
            nodes[node].lastCommit = max(nodes[node].lastCommit, soon)
            queue.plan(.commit(node: node, peer: peer, life: life, id, commit), at: nodes[node].lastCommit)
        case .send(let id, let request, _): send(request, id, node, peer)
        case .cancel: break
        case .found(let future): nodes[node].isInDoubt = if case .claimed = future { true } else { false }
        case .report(let report, _):
            summary.polls += 1
            summary.filled += report.filled
            tell("node \(node) polled \(nodes[node].peers[peer]): \(report.result), \(report.outcome)")
            if case .failed(let failure) = report.result {
                summary.failedPolls += 1
                trace.add(3, node, peer, failure.reason.rawValue.utf8.count)
            } else {
                trace.add(4, node, peer, report.outcome.applied, report.pages)
            }
        case .offered(let offer): give(.offered(offer), toPushOf: node)
        case .lacking(let items): give(.lacking(items), toPushOf: node)
        case .loadOutbox, .sign: preconditionFailure("no wire of a ring pushes or signs")
        }
    }

    private mutating func carryOut(_ commit: PeerCommit, _ node: Int, _ peer: Int, _ id: RequestID) throws {
        let crashes = random.chance(isMended ? 0 : plan.crashAtCommit)
        if crashes, random.chance(0.5) { return crash(node) }
        let answer: PollMachine.Answer
        let wall = nodes[node].wall(at: now)
        let intake = nodes[node].intake(countsReplays: plan.countsReplays, recovers: isMended)
        var commit = commit
        // Whether a page was looked at before its turn must make no difference.
        if id.number.isMultiple(of: 2) { commit.page?.lookAhead(intake.policy.signatures) }
        var changed: Set<String> = []
        do throws(StoreFailure) {
            let outcome = try nodes[node].storage.transaction { [commit] log throws(StoreFailure) in
                try commit.write(to: &log, intake: intake, now: wall)
            }
            answer = .committed(outcome)
            trace.add(5, node, outcome.applied, outcome.duplicates)
            if let page = commit.page {
                if outcome.duplicates < page.items.count { changed = page.subjects }
                tell("node \(node) takes \(page.items.map(\.words)) of \(nodes[node].peers[peer]), to \(page.cursor)")
            }
        } catch {
            answer = .store(error)
            trace.add(6, node)
        }
        if !changed.isEmpty {
            try checkStore(of: node)
            try checkRecords(of: node, changed)
        }
        if commit.page != nil { try checkCursor(of: node, peer) }
        if crashes { return crash(node) }
        give(.answered(id, answer), to: node, peer, nodes[node].life)
    }

    // MARK: Numbers from the seed

    mutating func randomInstant() -> Instant {
        Instant(.milliseconds(Int64(random.below(Int(plan.faultsLast.wholeMilliseconds)))))
    }

    mutating func randomOffset() -> Duration {
        let most = Int(plan.skew.wholeMilliseconds)
        return .milliseconds(Int64(random.below(2 * most + 1) - most))
    }

    func tell(_ words: @autoclosure () -> String) { narrator?("\(now.sinceStart): \(words())") }

    func violation(_ what: String) -> SimulationViolation {
        SimulationViolation(seed: plan.seed, at: now, what: what)
    }
}

extension PulledPage {
    var subjects: Set<String> {
        Set(items.compactMap { if case .event(let event, _) = $0 { event.subject } else { nil } })
    }
}

extension PulledItem {
    var words: String {
        switch self {
        case .event(let event, _): "\(event.id) \(event.action) \(event.subject)"
        case .unreadable(let refusal, _, let id, _): "\(id) \(refusal.code)"
        }
    }
}

/// Everything that happened, folded into one number (FNV-1a).
struct TraceHash: Sendable {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ numbers: Int...) {
        for number in numbers {
            for shift in stride(from: 0, to: 64, by: 8) {
                value = (value ^ UInt64(truncatingIfNeeded: number >> shift) & 0xFF) &* 0x0000_0100_0000_01B3
            }
        }
    }

    mutating func add(_ id: ULID) { add(Int(truncatingIfNeeded: id.high), Int(truncatingIfNeeded: id.low)) }
}
