/// One poll of a peer that changes nothing: the real conversation, up to its first page, with each step noted.
///
/// - `begin → send`, and after each answer `send`, `load` or `rehearse` until it is `over`
/// - `load` reads what is known of whoever has answered; `rehearse` takes the page in, in a transaction that is undone
/// - After the first page the exchange is told that it stopped, so that it takes its leave of the peer as in a poll.
package struct PeerTrial: Sendable {
    package enum Effect: Sendable {
        /// Answered by `answered`.
        case send(HTTPRequest, seals: [RequestSeal])
        /// Answered by `loaded`.
        case load(PeerQuestion)
        /// Commit this and undo it; answered by `rehearsed`.
        case rehearse(PeerCommit)
        case over
    }

    package enum Standing: Hashable, Sendable {
        case passed
        case failed(TrialFault)
        /// There was nothing to do in this step.
        case unneeded
        /// The trial ended before it.
        case notReached
    }

    package let peer: PolledPeer
    package let node: NodeIdentity
    /// Who answered, whether or not it is who it should be.
    package private(set) var identity: PeerIdentity?
    package private(set) var wire: WireName?
    package private(set) var page: PulledPage?
    package private(set) var outcome = PageOutcome()
    /// Of the first request: how the peer was reached.
    package private(set) var route = RouteFacts()
    package private(set) var drift: Duration?
    package private(set) var fault: TrialFault?

    private var exchange: any Exchange
    private let isTLS: Bool
    private let isNumeric: Bool
    /// There is a node whose store takes pages in.
    private let hasStore: Bool
    private var memory: PeerMemory
    private var standing: TrialFault?
    private var requests = 0
    private var askedAt = WallTime(milliseconds: 0)
    private var isLeaving = false
    private var hasRehearsed = false
    private var latest = RouteFacts()
    private var isAccepted = false
    /// The key that a poll would pin.
    private var newKey: String?

    /// - Parameters:
    ///   - memory: what is known of the peer.
    ///   - aside: why events that it gave before are not applied, if so.
    package init(
        _ exchange: any Exchange, peer: PolledPeer, node: NodeIdentity, memory: PeerMemory, aside: TrialFault? = nil,
        isTLS: Bool, isNumeric: Bool, hasStore: Bool = true
    ) {
        self.exchange = exchange
        self.peer = peer
        self.node = node
        self.memory = memory
        standing = aside
        self.isTLS = isTLS
        self.isNumeric = isNumeric
        self.hasStore = hasStore
    }

    /// A trial that cannot even begin.
    package init(_ fault: TrialFault, peer: PolledPeer, node: NodeIdentity) {
        self.init(NoExchange(), peer: peer, node: node, memory: PeerMemory(), isTLS: false, isNumeric: false)
        self.fault = fault
    }

    private var rule: PeerRule {
        PeerRule(own: node.id, id: peer.expectedID, key: peer.expectedKey, firstContact: peer.firstContact)
    }

    private var fetches: Bool { node.mode.fetches(from: peer.mode) }
    private var serves: Bool { node.mode.serves(peer.mode) }

    package mutating func begin(now: WallTime, nonce: (UInt64, UInt64)) -> Effect {
        if fault != nil { return .over }
        if peer.mode == .paused { return end(.paused) }
        if !fetches, !serves { return end(.nothingFlows(own: node.mode, peer: peer.mode)) }
        var context = ExchangeContext(
            node: node, peerName: peer.name, pinnedWire: memory.wire, fetches: fetches && !rule.asks(memory.pairing),
            pushes: false, cursor: memory.cursor, position: memory.position, interval: peer.interval, reach: .news,
            wireValues: memory.wireValues, now: now, nonce: nonce)
        context.hold = .zero
        return follow(exchange.begin(context), now)
    }

    package mutating func answered(
        _ answer: Result<HTTPResponse, TransportFailure>, _ route: RouteFacts, now: WallTime
    ) -> Effect {
        if requests == 1 { self.route = route }
        latest = route
        switch answer {
        case .success(let response):
            if drift == nil, let date = response.fields["Date"] {
                drift = ClockDrift.of(date: date, asked: askedAt, answered: now)
            }
            return resume(.response(response), now)
        case .failure(let failure): return resume(.transport(failure), now)
        }
    }

    /// What is known of who has answered. What cannot be read is not taken for nothing: a pin would be gone, and whoever
    /// answers would be believed.
    package mutating func loaded(_ result: Result<PeerMemory, StoreFailure>, now: WallTime) -> Effect {
        switch result {
        case .success(let memory): self.memory = memory
        case .failure(let failure): return end(.store(failure))
        }
        guard let identity else { return end(.noIdentity) }
        switch rule.verdict(on: identity, memory, at: now) {
        case .refused(let why): return end(TrialFault(why, shown: identity))
        case .waits: return end(.waits)
        case .accepted(let key): newKey = key
        }
        isAccepted = true
        return resume(.identityAccepted, now)
    }

    /// What the page, or the end of the poll, would have come to.
    ///
    /// - Parameter problem: the first event of the page that is refused or held, and the code of why.
    package mutating func rehearsed(
        _ result: Result<PageOutcome, StoreFailure>, problem: (ReplayProblem, code: String)?, now: WallTime
    ) -> Effect {
        hasRehearsed = true
        switch result {
        case .failure(let failure): return leave(.store(failure), now)
        case .success(let outcome):
            self.outcome = outcome
            if let stop = outcome.stoppedBy { return leave(.event(stop, code: stop.reason.rawValue), now) }
            if let (found, code) = problem {
                // A wire that gives again what was given has nothing newer to say than what is known of before.
                if case .aside(let known, _, _, _)? = standing, !found.eventID.isEmpty, known.eventID == found.eventID { return leave(standing, now) }
                return leave(.event(found, code: code), now)
            }
            return leave(standing, now)
        }
    }

    /// The origin of the event that the fault names, where the page has it.
    package var faultOrigin: String? {
        guard case .event(let problem, _) = fault else { return nil }
        for case .event(let event, _) in page?.items ?? [] where event.id.description == problem.eventID { return event.origin }
        return nil
    }

    // MARK: The conversation

    private mutating func resume(_ answer: ExchangeAnswer, _ now: WallTime) -> Effect {
        follow(exchange.resume(answer, now: now), now)
    }

    private mutating func follow(_ step: ExchangeStep, _ now: WallTime) -> Effect {
        switch step {
        case .request(let request, let seals):
            requests += 1
            guard requests <= Limits.previewRequests else { return end(.endless) }
            askedAt = now
            return .send(request, seals: seals)
        case .identify(let peer):
            identity = peer
            wire = peer.wire
            var question = PeerQuestion(peer: self.peer.name, wireNamespace: self.peer.wireNamespace, keyOwner: peer.id)
            question.expectedKey = self.peer.expectedKey
            question.successions = peer.successions
            return .load(question)
        case .take(let page):
            guard isAccepted else { return end(.noIdentity) }
            guard !isLeaving else { return resume(.committed(stopped), now) }
            self.page = page
            return rehearse(page, now)
        case .keep: return resume(.kept, now)
        case .outbox(let after, _, _): return resume(.outbox([], through: after), now)
        case .sign: return end(.secretMissing)
        case .reconcile: return end(.malformed(.reconcileMessage))
        case .finished(let progress):
            wire = progress.wire
            if !fetches, identity?.mode?.fetches == false { fault = fault ?? .fetchesNothing }
            return hasRehearsed ? .over : rehearse(nil, now)
        case .failed(let failure):
            // It was told to go.
            if isLeaving { return .over }
            return end(TrialFault(failure, isKnown: isAccepted, isTLS: isTLS, isNumeric: isNumeric, route: latest))
        }
    }

    private mutating func rehearse(_ page: PulledPage?, _ now: WallTime) -> Effect {
        var commit = PeerCommit(peer: peer.name, wireNamespace: peer.wireNamespace)
        if let identity {
            commit.seenAt = now
            commit.pin = memory.pin == nil ? identity.id : nil
            commit.isBeforePairing = memory.pairing?.isPaired != true
            commit.wire = memory.wire == identity.wire ? nil : identity.wire
            commit.key = newKey.map { PeerCommit.KeyPin(owner: identity.id, publicKey: $0) }
            if newKey != nil { commit.successions = identity.successions }
        }
        commit.page = page
        commit.health = PeerHealthChange(at: now, version: identity?.version, result: .succeeded)
        return .rehearse(commit)
    }

    /// Notes what came of the page, and lets the exchange take its leave.
    private mutating func leave(_ fault: TrialFault?, _ now: WallTime) -> Effect {
        self.fault = self.fault ?? fault
        guard page != nil, !isLeaving else { return .over }
        isLeaving = true
        return resume(.committed(stopped), now)
    }

    private var stopped: PageOutcome {
        var outcome = PageOutcome()
        outcome.stoppedBy = ReplayProblem(reason: .other, eventID: "", subject: "")
        return outcome
    }

    private mutating func end(_ fault: TrialFault) -> Effect {
        self.fault = self.fault ?? fault
        return .over
    }
}

extension PeerTrial {
    /// How each step went.
    package var standings: [(step: TrialStep, standing: Standing)] {
        var hasFailed = false
        return TrialStep.allCases.map { step in
            if let fault, fault.step == step {
                hasFailed = true
                return (step, .failed(fault))
            }
            // They are one transaction with the commit, and undone with it.
            if case .store = fault, step == .verify || step == .replay, !isUnneeded(step) { return (step, .notReached) }
            // The store could not even be read: what was tried is the way.
            if case .store = fault, !hasRehearsed, !wasTried(step) { return (step, .notReached) }
            // Who answers is not told to one whose key is not accepted.
            if step == .identity, identity == nil, fault != nil { return (step, .notReached) }
            return (step, hasFailed ? .notReached : isUnneeded(step) ? .unneeded : .passed)
        }
    }

    /// Before anything was read of what is known.
    private func wasTried(_ step: TrialStep) -> Bool {
        switch step {
        case .config: true
        case .dns, .tcp, .tls: requests > 0 || isUnneeded(step)
        case .identity, .auth, .page, .verify, .replay, .commit: false
        }
    }

    private func isUnneeded(_ step: TrialStep) -> Bool {
        switch step {
        case .dns: isNumeric
        case .tls: !isTLS
        // Nothing is fetched from it, or there was nothing new.
        case .page: !fetches
        case .verify, .replay: !hasStore || page?.items.isEmpty ?? true
        case .commit: !hasStore
        case .config, .tcp, .identity, .auth: false
        }
    }

    /// The last step that went well, before the first that did not.
    package var lastGood: TrialStep? {
        var last: TrialStep?
        for (step, standing) in standings {
            switch standing {
            case .passed: last = step
            case .failed: return last
            case .unneeded, .notReached: continue
            }
        }
        return last
    }
}

/// Says nothing: of a trial that cannot begin.
private struct NoExchange: Exchange {
    mutating func begin(_ context: ExchangeContext) -> ExchangeStep { .failed(.identityMissing) }
    mutating func resume(_ answer: ExchangeAnswer, now: WallTime) -> ExchangeStep { .failed(.identityMissing) }
}
