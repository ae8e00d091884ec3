import FederationCore

/// A stock Noema node among the others.
struct SimulatedNoema: Sendable {
    let place: Int
    /// The node that it polls.
    let neighbour: Int
    var standIn: NoemaStandIn
    var offset: Duration
    /// Counts its polls: an answer to an earlier one reaches nobody.
    var poll = 0
    /// The page it was given last, if that is what its poll ended with: which event stops it, the Rust line does not
    /// say.
    var page: [(id: String, subject: String)] = []

    var peerName: String { SimulatedNode.name(of: neighbour) }
    func wall(at now: Instant) -> WallTime { Sample.epoch.advanced(by: now.sinceStart + offset) }

    /// The event that its last poll stopped at, unless Noema's own rules stop it there whoever serves it: the second
    /// conflict of one trace on one day (Noema section 10.2, 2), and what its own user has moved to the trash.
    func blocked(at now: Instant) -> (id: String, subject: String)? {
        guard let error = standIn.lastError(of: peerName), !error.reason.isNetwork else { return nil }
        let cursor = standIn.cursor(of: peerName) ?? ""
        guard let event = page.first(where: { $0.id > cursor }) else { return nil }
        let divergence = "\(wall(at: now).compactDate)-divergence-\(event.subject)"
        let isOwn =
            standIn.traces[divergence] != nil || standIn.traces[event.subject]?.isTrashed == true
            || standIn.tornTraces.contains(event.subject)
        return isOwn ? nil : event
    }

    /// Nothing is looked at in the answer to the end of a session.
    mutating func note(_ answer: StandInAnswer) {
        guard case .response(let response) = answer else { return page = [] }
        guard !response.body.isEmpty else { return }
        let content = (try? JSON(response.body))?["result"]?["content"]?.array?.first?["text"]?.string ?? ""
        let events = (try? JSON(Array(content.utf8)))?.array ?? []
        page = events.map { ($0["id"]?.string ?? "", $0["trace_id"]?.string ?? "") }
    }
}

enum NoemaHappening: Sendable {
    case poll(Int, after: Int)
    case request(Int, poll: Int, HTTPRequest, answerIsLost: Bool)
    case answer(Int, poll: Int, StandInAnswer)
}

extension SimulationPlan {
    func noemaPlace(_ number: Int) -> Int { nodes + number }

    /// The Noema nodes that `node` polls: those that poll it.
    func noemaNeighbours(of node: Int) -> [Int] {
        noemaNodes.indices.filter { $0 % nodes == node }.map(noemaPlace)
    }
}

extension SimulatedRing {
    mutating func beginNoema() {
        for (number, rules) in plan.noemaNodes.enumerated() {
            let place = plan.noemaPlace(number)
            let neighbour = number % plan.nodes
            var settings = NoemaSettings(
                rules, name: SimulatedNode.name(of: place), id: Sample.node(UInt64(place) + 1),
                peers: [NoemaSettings.Peer(SimulatedNode.name(of: neighbour))], seed: random.next())
            settings.interval = plan.interval
            noema.append(
                SimulatedNoema(
                    place: place, neighbour: neighbour, standIn: NoemaStandIn(settings), offset: randomOffset()))
            queue.plan(.noema(.poll(number, after: noema[number].poll)), at: now)
        }
    }

    mutating func mendNoema() {
        // Its own back-off may be long, and it knows no wake on contact.
        for number in noema.indices {
            noema[number].standIn.restart()
            noema[number].poll += 1
            queue.plan(.noema(.poll(number, after: noema[number].poll)), at: now)
        }
    }

    mutating func step(_ happening: NoemaHappening) throws {
        switch happening {
        case .poll(let number, let earlier):
            guard noema[number].poll == earlier else { return }
            noema[number].poll += 1
            let node = noema[number]
            try follow(noema[number].standIn.beginPoll(of: node.peerName, now: node.wall(at: now)), number)
        case .answer(let number, let poll, let answer):
            guard noema[number].poll == poll else { return }
            noema[number].poll += 1
            noema[number].note(answer)
            let node = noema[number]
            try follow(noema[number].standIn.resume(answer, of: node.peerName, now: node.wall(at: now)), number)
        case .request(let number, let poll, let request, let answerIsLost):
            let node = noema[number]
            guard network.connects(node.place, node.neighbour), isRunning(node.neighbour) else { return }
            let response = try serve(ServedRequest(arriving: request), at: node.neighbour).response
            guard !answerIsLost else { return }
            queue.plan(
                .noema(.answer(number, poll: poll, .response(response))), at: now.advanced(by: travelTime()))
        }
    }

    private mutating func follow(_ step: StandInStep, _ number: Int) throws {
        let node = noema[number]
        switch step {
        case .request(let request):
            let lost = !isMended && random.chance(plan.loss)
            let answerIsLost = !isMended && random.chance(plan.loss)
            queue.plan(
                .noema(.answer(number, poll: node.poll, .transport(.timeout))),
                at: now.advanced(by: node.standIn.settings.requestDeadline))
            guard !lost else { return }
            queue.plan(
                .noema(.request(number, poll: node.poll, request, answerIsLost: answerIsLost)),
                at: now.advanced(by: travelTime()))
        case .done, .failed:
            if let event = node.blocked(at: now) {
                throw violation("\(node.peerName) blocks a Noema node with \(event.id) of \(event.subject)")
            }
            let cursor = node.standIn.cursor(of: node.peerName) ?? "none"
            tell("noema \(number) polled \(node.neighbour): \(step), cursor \(cursor)")
            trace.add(8, number, node.standIn.events.count)
            let wall = node.wall(at: now)
            let wait = node.standIn.wakeAt(of: node.peerName).map { $0.since(wall) } ?? plan.interval
            noema[number].poll += 1
            let next = now.advanced(by: max(wait, .milliseconds(1)))
            queue.plan(.noema(.poll(number, after: noema[number].poll)), at: next)
        }
    }

    mutating func serveNoema(_ request: ServedRequest, at place: Int) -> HTTPResponse {
        let number = place - nodes.count
        let wall = noema[number].wall(at: now)
        return noema[number].standIn.respond(to: request, now: wall)
    }

    /// Why a Noema node is not content.
    func noemaTrouble() -> String? {
        for node in noema {
            let health = node.standIn.health(of: node.peerName)
            let isUnreachable = health.consecutiveFailures == 0 || health.lastError?.reason.isNetwork == true
            if health.lastSuccess.isEmpty, isUnreachable {
                return "a Noema node cannot reach \(node.peerName)"
            }
        }
        return nil
    }
}
