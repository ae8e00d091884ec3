import FederationCore
import FederationCrypto

/// The state of the network between the nodes of a simulation.
struct SimulatedNetwork: Sendable {
    /// The side of the network that each node is on; two nodes on different sides do not reach each other.
    private var side: [Int: Int] = [:]

    func connects(_ a: Int, _ b: Int) -> Bool { side[a, default: 0] == side[b, default: 0] }

    mutating func divide(_ sides: [Int]) {
        side = Dictionary(uniqueKeysWithValues: sides.enumerated().map { ($0.offset, $0.element) })
    }

    mutating func heal() { side = [:] }
}

extension ServedRequest {
    /// The request as a server meets it, with the query taken apart.
    init(arriving request: HTTPRequest) {
        self.init(request)
        guard let mark = request.target.firstIndex(of: "?") else { return }
        query = request.target[request.target.index(after: mark)...].split(separator: "&").map { pair in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (decoded(parts[0]), parts.count > 1 ? decoded(parts[1]) : "")
        }
    }
}

/// Percent-decoded; what is no escape stands for itself.
private func decoded(_ text: Substring) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
        let digits = String(decoding: rest.prefix(2), as: UTF8.self)
        if byte == 0x25, digits.utf8.count == 2, let value = UInt8(digits, radix: 16) {
            bytes.append(value)
            rest = rest.dropFirst(2)
        } else {
            bytes.append(byte)
        }
    }
    return String(decoding: bytes, as: UTF8.self)
}

extension SimulatedRing {
    /// What becomes of a message on its way.
    private mutating func isLost() -> Bool { !isMended && random.chance(plan.loss) }

    mutating func travelTime() -> Duration {
        let longest = isMended ? .milliseconds(50) : plan.delay
        return .microseconds(Int64(random.below(Int(longest.wholeMilliseconds) * 1000 + 1)))
    }

    /// Sends a request of a machine to the peer of that place in its node's list.
    mutating func send(_ request: HTTPRequest, _ id: RequestID, _ node: Int, _ peer: Int) {
        let life = nodes[node].life
        let target = nodes[node].peers[peer]
        func fail(_ failure: TransportFailure, after wait: Duration) {
            queue.plan(
                .answer(node: node, peer: peer, life: life, id, .transport(failure)), at: now.advanced(by: wait))
        }
        // The answer that comes first counts: whatever comes after the deadline is late.
        fail(.timeout, after: request.deadline + request.hold)
        guard network.connects(node, target), isRunning(target) else {
            if random.chance(0.5) { fail(.refused, after: travelTime()) }
            return
        }
        if isLost() {
            if random.chance(0.3) { fail([.reset, .endOfFile, .nameResolution][random.below(3)], after: travelTime()) }
            return
        }
        let copies = !isMended && random.chance(plan.duplication) ? 2 : 1
        for _ in 0..<copies {
            let answerIsLost = isLost()
            let arrival = now.advanced(by: travelTime())
            queue.plan(
                .request(node: node, peer: peer, life: life, id, request, answerIsLost: answerIsLost), at: arrival)
        }
    }

    func isRunning(_ place: Int) -> Bool { place >= nodes.count || nodes[place].isUp }

    /// A request reaches a server; what it answers goes back.
    mutating func arrive(
        _ request: HTTPRequest, at peer: Int, from node: Int, _ life: Int, _ id: RequestID, answerIsLost: Bool
    ) throws {
        let target = nodes[node].peers[peer]
        guard network.connects(node, target), isRunning(target) else { return }
        let (response, hold) = try serve(ServedRequest(arriving: request), at: target, from: node, mayHold: true)
        if let hold {
            let until = now.advanced(by: hold.atMost)
            nodes[target].held.append(
                SimulatedNode.HeldRequest(
                    request: request, hold: hold, until: until, from: (node, peer, life, id), answerIsLost: answerIsLost))
            return queue.plan(.release(node: target, life: nodes[target].life), at: until)
        }
        answer(response, to: request, (node, peer, life, id), answerIsLost: answerIsLost)
    }

    private mutating func answer(
        _ response: HTTPResponse, to request: HTTPRequest, _ from: (node: Int, peer: Int, life: Int, id: RequestID),
        answerIsLost: Bool
    ) {
        guard !answerIsLost, response.body.count <= request.maxAnswerBytes else { return }
        queue.plan(
            .answer(node: from.node, peer: from.peer, life: from.life, from.id, .response(response)),
            at: now.advanced(by: travelTime()))
    }

    /// Answers what a node has held long enough, or has news for.
    mutating func release(_ place: Int) throws {
        let head = nodes[place].storage.head()?.seq ?? 0
        let due = nodes[place].held.filter { $0.until <= now || head > $0.hold.past }
        guard !due.isEmpty else { return }
        nodes[place].held.removeAll { $0.until <= now || head > $0.hold.past }
        for held in due {
            guard network.connects(held.from.node, place) else { continue }
            let (response, _) = try serve(ServedRequest(arriving: held.request), at: place, from: held.from.node)
            answer(response, to: held.request, held.from, answerIsLost: held.answerIsLost)
        }
    }

    /// A process that ends lets go of what it held; who asked may hear of it.
    mutating func dropHeld(_ place: Int) {
        for held in nodes[place].held where random.chance(0.5) {
            queue.plan(
                .answer(
                    node: held.from.node, peer: held.from.peer, life: held.from.life, held.from.id, .transport(.endOfFile)),
                at: now.advanced(by: travelTime()))
        }
        nodes[place].held = []
    }

    /// Answers a request at any place of the ring, or says that the answer is worth waiting for.
    mutating func serve(
        _ request: ServedRequest, at place: Int, from sender: Int? = nil, mayHold: Bool = false
    ) throws -> (response: HTTPResponse, hold: RouteHold?) {
        guard place < nodes.count else { return (serveNoema(request, at: place), nil) }
        guard plan.isOlder(place) || sender.map({ plan.isOlder($0) }) ?? false else {
            return try serveAsNow(request, at: place, mayHold: mayHold)
        }
        guard let understood = OlderVersion.understood(request) else { return (HTTPResponse(status: 404), nil) }
        return (OlderVersion.said(try serveAsNow(understood, at: place, mayHold: false).response, to: request), nil)
    }

    private mutating func serveAsNow(
        _ request: ServedRequest, at place: Int, mayHold: Bool
    ) throws -> (response: HTTPResponse, hold: RouteHold?) {
        guard let wire = wires.first(where: { $0.routes.contains { request.path.isBelow($0) } }) else {
            return (HTTPResponse(status: 404), nil)
        }
        let node = nodes[place]
        var context = RouteContext(
            node: node.identity, now: node.wall(at: now), nonce: (random.next(), random.next()), sha256: sha256,
            peerName: nil, statusText: { _ in "simulated" })
        context.mayHold = mayHold
        context.pusher = pusher(of: request, at: place)
        let reply = try wire.respond(to: request, context: context, view: node.storage)
        if let claimed = reply.claimedNode { notice(claimed, at: place) }
        return (reply.response(nil), reply.hold)
    }

    /// A node that names itself wakes the poll of it.
    private mutating func notice(_ claimed: ULID, at place: Int) {
        for (peer, other) in nodes[place].peers.enumerated() {
            let key = StateKey.peer(SimulatedNode.name(of: other), .identity)
            guard nodes[place].storage.state(key) == claimed.description else { continue }
            give(.contact, to: place, peer, nodes[place].life)
        }
    }
}

extension String {
    fileprivate func isBelow(_ route: String) -> Bool { self == route || hasPrefix(route + "/") }
}
