package import FederationCore
import FederationCrypto

/// What of pushing belongs to a wire, and so is not in the test kit.
package struct SimulatedPushing: Sendable {
    package typealias Answer = @Sendable (HTTPResponse, PushPage, ULID) -> PushAnswer

    /// The next page of a log.
    package var page: @Sendable (_ after: String?, _ bytes: Int, MemoryStorage) throws(StoreFailure) -> PushPage?
    /// Single events, as `PushPage.mending`.
    package var mending: @Sendable ([LogItem], String, String, Int, MemoryStorage) throws(StoreFailure) -> (PushPage?, Int)
    /// A page as a request of this node to another.
    package var request: @Sendable (PushPage, NodeIdentity, ULID, _ sign: ([UInt8]) -> String) -> HTTPRequest
    package var answer: Answer

    package init(
        page: @escaping @Sendable (String?, Int, MemoryStorage) throws(StoreFailure) -> PushPage?,
        mending: @escaping @Sendable ([LogItem], String, String, Int, MemoryStorage) throws(StoreFailure) -> (PushPage?, Int),
        request: @escaping @Sendable (PushPage, NodeIdentity, ULID, ([UInt8]) -> String) -> HTTPRequest,
        answer: @escaping Answer
    ) {
        self.page = page
        self.mending = mending
        self.request = request
        self.answer = answer
    }
}

/// What a leaf's process has of pushing.
struct SimulatedPush: Sendable {
    var machine: PushMachine
    /// When the next tick is planned.
    var tick: Instant?
    /// How far the log reached when the machine was last told.
    var head: Int64
}

enum PushHappening: Sendable {
    case tick
    case load(RequestID, after: String?, bytes: Int)
    case find(RequestID, [LogItem], holding: String, upTo: String, bytes: Int)
    /// A page reaches the middle.
    case arrive(RequestID, PushPage, HTTPRequest, to: ULID, answerIsLost: Bool)
    case answer(RequestID, PushAnswer)
}

/// A star whose leaves nobody can reach: what they write they push, by the machine and the route of production.
extension SimulatedRing {
    private static let middle = 0

    mutating func bootPush(of index: Int) {
        guard plan.hasLeaves, pushing != nil, index != SimulatedRing.middle else { return }
        nodes[index].push = SimulatedPush(
            machine: PushMachine(interval: plan.interval), head: nodes[index].storage.head()?.seq ?? 0)
    }

    /// The entry of a leaf that the request names, in the middle.
    func pusher(of request: ServedRequest, at place: Int) -> PushingPeer? {
        guard plan.hasLeaves, pushing != nil, place == SimulatedRing.middle,
            let node = request.fields["Federation-Node"].flatMap({ ULID($0) }),
            let leaf = nodes.first(where: { $0.identity.id == node }), leaf.index != place
        else { return nil }
        return PushingPeer(name: SimulatedNode.name(of: leaf.index), id: node)
    }

    mutating func noticeGrowth(of index: Int) {
        guard let head = nodes[index].storage.head()?.seq, head != nodes[index].push?.head else { return }
        nodes[index].push?.head = head
        give(.grown, toPushOf: index)
    }

    mutating func step(_ happening: PushHappening, at node: Int) throws {
        switch happening {
        case .tick:
            nodes[node].push?.tick = nil
            give(.tick, toPushOf: node)
        case .load(let id, let position, let bytes):
            guard let page = try pushing?.page(position, bytes, nodes[node].storage) else {
                return give(.loaded(id, nil), toPushOf: node)
            }
            give(.loaded(id, page), toPushOf: node)
        case .find(let id, let items, let position, let last, let bytes):
            guard let (page, count) = try pushing?.mending(items, position, last, bytes, nodes[node].storage) else { return }
            give(.found(id, page, through: count), toPushOf: node)
        case .arrive(let id, let page, let request, let receiver, let answerIsLost):
            guard network.connects(node, SimulatedRing.middle), nodes[SimulatedRing.middle].isUp,
                let response = try takePush(ServedRequest(arriving: request), from: node), !answerIsLost,
                let answer = pushing?.answer(response, page, receiver)
            else { return }
            let at = now.advanced(by: travelTime())
            queue.plan(.push(node: node, life: nodes[node].life, .answer(id, answer)), at: at)
        case .answer(let id, let answer): give(.answered(id, answer), toPushOf: node)
        }
    }

    /// Gives the machine of a leaf an input and plans what it asks for.
    mutating func give(_ input: PushMachine.Input, toPushOf node: Int) {
        guard nodes[node].isUp, var push = nodes[node].push else { return }
        let moment = nodes[node].moment(at: now).instant
        let effects = push.machine.handle(input, at: moment, using: &random)
        nodes[node].push = push
        let life = nodes[node].life
        for effect in effects {
            let soon = now.advanced(by: .microseconds(Int64(random.below(2000))))
            switch effect {
            case .load(let id, let position, let bytes):
                queue.plan(.push(node: node, life: life, .load(id, after: position, bytes: bytes)), at: soon)
            case .find(let id, let items, let position, let last, let bytes):
                let find = PushHappening.find(id, items, holding: position, upTo: last, bytes: bytes)
                queue.plan(.push(node: node, life: life, find), at: soon)
            case .send(let id, let page, let receiver): send(page, id, node, to: receiver)
            case .cancel: break
            }
        }
        guard let wake = nodes[node].push?.machine.wakeAt else { return }
        let at = max(now, nodes[node].startedAt.advanced(by: wake.sinceStart))
        if let planned = nodes[node].push?.tick, planned <= at { return }
        nodes[node].push?.tick = at
        queue.plan(.push(node: node, life: life, .tick), at: at)
    }

    private mutating func send(_ page: PushPage, _ id: RequestID, _ node: Int, to receiver: ULID) {
        guard let pushing else { return }
        let key = nodes[node].key
        let request = pushing.request(page, nodes[node].identity, receiver) { key.sign($0).description }
        func plan(_ happening: PushHappening, after wait: Duration) {
            queue.plan(.push(node: node, life: nodes[node].life, happening), at: now.advanced(by: wait))
        }
        // The answer that comes first counts: whatever comes after the deadline is late.
        plan(.answer(id, .failed(.transport(.timeout))), after: request.deadline)
        guard network.connects(node, SimulatedRing.middle), nodes[SimulatedRing.middle].isUp else {
            return plan(.answer(id, .failed(.transport(.refused))), after: travelTime())
        }
        if !isMended, random.chance(self.plan.loss) { return }
        let copies = !isMended && random.chance(self.plan.duplication) ? 2 : 1
        for _ in 0..<copies {
            let answerIsLost = !isMended && random.chance(self.plan.loss)
            plan(.arrive(id, page, request, to: receiver, answerIsLost: answerIsLost), after: travelTime())
        }
    }

    /// The middle judges a page, commits it and answers; `nil` if it crashes over it.
    private mutating func takePush(_ request: ServedRequest, from leaf: Int) throws -> HTTPResponse? {
        let place = SimulatedRing.middle
        guard let wire = wires.first(where: { $0.name == .native }) else { return nil }
        let wall = nodes[place].wall(at: now)
        var context = RouteContext(
            node: nodes[place].identity, now: wall, nonce: (random.next(), random.next()), sha256: sha256, peerName: nil,
            statusText: { _ in "simulated" })
        context.pusher = pusher(of: request, at: place)
        context.isSigned = { bytes, signature, key in
            guard let signature = Signature(signature), let key = VerifyingKey(key) else { return false }
            return key.verify(signature, of: bytes)
        }
        let reply = try wire.respond(to: request, context: context, view: nodes[place].storage)
        guard let commit = reply.commit?.whole else { return reply.response(nil) }
        let crashes = random.chance(isMended ? 0 : plan.crashAtCommit)
        if crashes, random.chance(0.5) {
            crash(place)
            return nil
        }
        let intake = nodes[place].intake(countsReplays: plan.countsReplays, recovers: isMended)
        let outcome: PageOutcome
        do throws(StoreFailure) {
            outcome = try nodes[place].storage.transaction { log throws(StoreFailure) in
                try commit.write(to: &log, intake: intake, now: wall)
            }
        } catch {
            trace.add(10, leaf)
            return HTTPResponse(status: 503, fields: ["Federation-Node": nodes[place].identity.id.description])
        }
        summary.pushes += 1
        trace.add(11, leaf, outcome.applied, outcome.duplicates)
        tell("node \(leaf) pushes \(commit.page?.items.map(\.words) ?? []): \(outcome)")
        try checkStore(of: place)
        try checkRecords(of: place, commit.page?.subjects ?? [])
        try checkPosition(of: place, in: leaf)
        if crashes {
            crash(place)
            return nil
        }
        return reply.response(outcome)
    }
}
