extension PollMachine {
    /// One poll under way: a conversation, and what is waited for in it.
    struct Poll: Sendable {
        /// What was asked for last, and how its answer is taken.
        enum Asked: Sendable {
            case memory
            /// What we know was read again, after the peer said who it is.
            case memoryAgain(PeerIdentity)
            case response(since: Instant)
            /// Nothing: this request is sent after a rest.
            case rest(HTTPRequest, seals: [RequestSeal], until: Instant)
            case page, keep, outbox, signature, comparison
            /// The last commit of the poll.
            case result(PollReport.Result)
        }

        var exchange: any Exchange
        var reach: ExchangeContext.Reach
        var tickets: [PollTicket]
        var asked = Asked.memory
        var id: RequestID
        var deadline: Instant
        let began: Instant
        var memory = PeerMemory()
        /// Who answered, once that is accepted.
        var identity: PeerIdentity?
        /// Pins that the next commit writes.
        var newPin: ULID?
        var newKey: PeerCommit.KeyPin?
        var newWire: WireName?
        var firstContact: ULID?
        /// Who answered, where a person has to say first whether that is right.
        var waiting: PeerPairing?
        /// How long a peer that is busy asks to be left alone, by its last answer.
        var retryAfter: Duration?
        var wire: WireName?
        var requests = 0
        var pages = 0
        var outcome = PageOutcome()
        /// How long the peer took for the last answer.
        var lastAnswerTook = Duration.zero
        var claimsOwnFuture = false
        /// How many events follow the last page, where the peer says, and how fast the others have come.
        var remaining: Int64?
        var progress: Progress
        /// Of the page that is being committed, what follows it and whether it moves the cursor.
        var taken: (rest: LogRest?, movesCursor: Bool)?
        /// What was sent before the conversation asked for it.
        var ahead = RequestsAhead()
        /// The request that is waited for was sent ahead: if it fails it is sent again, in its turn.
        var claimed: UpcomingRequest?
        /// When what is waited for was asked for.
        var askedAt = Instant.start
        /// How long the peer is asked to hold its answer; zero where this poll is not one that follows.
        var hold = Duration.zero
        /// The request under way is one that the peer may hold.
        var isHeld = false
        var canFollow = false
        /// The peer's log is another one than before.
        var startedOver = false
        var reconciliation: ReconcileReport?
        /// Holes that the peer is asked for, whether it can be, and what came of it.
        var looksForHoles = false
        var holes: [NumberHole] = []
        var incompleteHeads: [ULID] = []
        var answersNumbers: Bool?
        var filled = 0
        /// The moment that whoever asked wants the logs compared at.
        var comparedAt: WallTime?

        var phase: PollStatus.State {
            switch asked {
            case .response where isHeld: .following
            case .page, .result: .replaying
            case .memory, .memoryAgain: .greeting
            case .response, .rest, .keep, .outbox, .signature, .comparison: identity == nil ? .greeting : .pulling
            }
        }

        mutating func pinsAreWritten() {
            newPin = nil
            newKey = nil
            newWire = nil
        }

        var restsUntil: Instant? { if case .rest(_, _, let until) = asked { until } else { nil } }
    }

    mutating func begin(_ now: Moment) -> [Effect] {
        let isCallBack = !callBacks.isEmpty
        // Whoever asked for a poll wants news.
        let compares = !isCallBack && tickets.isEmpty && reconcile.isNext
        let reach: ExchangeContext.Reach =
            compares ? .reconcile : !isCallBack && rescan.isNext ? .rescan : .news
        var poll = Poll(
            exchange: isCallBack ? callBacks.removeFirst() : newExchange(), reach: reach,
            tickets: compares ? comparisonTickets : tickets, id: nextRequest(), deadline: now.instant, began: now.instant,
            progress: Progress(at: now.instant))
        if poll.reach == .rescan { rescan.begun(at: now.instant) }
        let isForNews = poll.reach == .news && !isCallBack && tickets.isEmpty && !pollsAgain
        if isForNews, fetches { poll.hold = following.hold(policy) }
        following.begun()
        if compares {
            reconcile.begun(at: now.instant)
            poll.comparedAt = comparisonMoment
            comparisonTickets = []
            comparisonMoment = nil
        } else {
            tickets = []
        }
        pollsAgain = false
        isOvertaken = false
        var effects: [Effect] = []
        if poll.hold > .zero { swap(&poll.ahead, &followUp) } else { effects = dropFollowUp() }
        poll.deadline = now.instant.advanced(by: policy.stall)
        let counts =
            wire == .noema && rescan.countIsDue(at: now.instant, policy)
            || wire == .native && reach == .news && holes.isOffered == false
                && reconcile.countIsDue(at: now.instant, policy)
        poll.looksForHoles =
            wire == .native && reach == .news && !isCallBack && fetches && holes.isDue(at: now.instant, policy)
        state = .polling(poll)
        var question = question(countsMissingNumbers: counts, holes: poll.looksForHoles ? holes.seen : 0)
        // More than are asked for at one time: those that nobody has may stand first.
        question.heads = poll.looksForHoles ? Limits.holesSeen : 0
        return effects + [.load(poll.id, question)]
    }

    private func question(
        keyOwner: ULID? = nil, countsMissingNumbers: Bool = false, holes: Int = 0
    ) -> PeerQuestion {
        var question = PeerQuestion(
            peer: peer.name, wireNamespace: peer.wireNamespace, keyOwner: keyOwner,
            countsMissingNumbers: countsMissingNumbers, holes: holes)
        question.expectedKey = peer.expectedKey
        return question
    }

    /// Takes the answer that the poll waits for.
    mutating func go(
        on poll: Poll, _ answer: Answer, _ now: Moment, _ random: inout some RandomNumberGenerator
    ) -> [Effect] {
        var poll = poll
        switch (poll.asked, answer) {
        case (.memory, .memory(let memory)):
            poll.memory = memory
            if let missing = memory.missingNumbers {
                if wire == .native, holes.isOffered == false {
                    reconcile.counted(missing: missing, at: now.instant)
                } else if wire == .noema {
                    rescan.counted(missing: missing, at: now.instant)
                }
            }
            if poll.looksForHoles {
                poll.holes = holes.choose(from: memory.holes, at: now.instant, policy)
                poll.incompleteHeads = holes.choose(from: memory.incompleteHeads, at: now.instant, policy)
                // Whatever there is to ask is not kept waiting for news.
                if !poll.holes.isEmpty || !poll.incompleteHeads.isEmpty { poll.hold = .zero }
            }
            // Nor is whoever came to want something since this poll began.
            if pollsAgain { poll.hold = .zero }
            // Only a native peer can be compared with.
            if poll.reach == .reconcile, memory.wire != .native || rule.asks(memory.pairing) { poll.reach = .news }
            let step = poll.exchange.begin(context(for: poll, now, &random))
            return follow(step, poll, now)
        case (.memoryAgain(let identity), .memory(let memory)):
            poll.memory = memory
            return compare(identity, poll, now)
        case (.response(let since), .response(let response)):
            poll.lastAnswerTook = now.instant.since(since)
            // How long an answer was held says nothing about the way to the peer.
            if !poll.isHeld { poll.ahead.answered(in: poll.lastAnswerTook, bytes: response.length) }
            poll.isHeld = false
            return resume(poll, .response(response), now)
        case (.response, .transport(let failure)):
            let wasHeld = poll.isHeld
            // A peer that has kept us waiting for a whole hold is not asked for another.
            if let claimed = poll.claimed, !wasHeld || failure != .timeout { return sendAgain(claimed, poll, now) }
            poll.isHeld = false
            if failure.brokeOff, !wasHeld { pageSize.failed() }
            return resume(poll, .transport(failure), now)
        case (.page, .committed(let outcome)): return committed(outcome, poll, now)
        case (.keep, .committed):
            poll.pinsAreWritten()
            return resume(poll, .kept, now)
        case (.outbox, .outbox(let events, let through)): return resume(poll, .outbox(events, through: through), now)
        case (.comparison, .reconciled(let answer)): return resume(poll, .reconciled(answer), now)
        case (.signature, .signed(let bytes)): return resume(poll, .signed(bytes), now)
        case (.signature, .secretMissing): return conclude(.failed(.secretMissing), poll, now)
        case (.result(let result), .committed): return finish(result, poll, now, &random)
        case (.result(.failed(let failure)), .store): return finish(.failed(failure), poll, now, &random)
        case (.result, .store(let failure)): return finish(.failed(.store(failure)), poll, now, &random)
        case (_, .store(let failure)): return conclude(.failed(.store(failure)), poll, now)
        case (.memory, _), (.memoryAgain, _), (.response, _), (.rest, _), (.page, _), (.keep, _), (.outbox, _),
            (.signature, _), (.comparison, _), (.result, _):
            preconditionFailure("an answer of another kind than what was asked for")
        }
    }

    private func context(
        for poll: Poll, _ now: Moment, _ random: inout some RandomNumberGenerator
    ) -> ExchangeContext {
        // Of whom a person has still to speak nothing is asked but who it is.
        let isKnown = !rule.asks(poll.memory.pairing)
        let pushes = node.mode.serves && (peer.mode == .sync || peer.mode == .publish)
        var context = ExchangeContext(
            node: node, peerName: peer.name, pinnedWire: poll.memory.wire, fetches: fetches && isKnown,
            pushes: pushes && isKnown, cursor: poll.memory.cursor,
            position: poll.memory.position, interval: peer.interval, reach: poll.reach,
            comparedAt: poll.comparedAt, wireValues: poll.memory.wireValues, now: now.wall,
            nonce: (random.next(), random.next()))
        context.hold = isKnown ? poll.hold : .zero
        context.pageEvents = pageSize.events
        context.holes = poll.holes
        context.incompleteHeads = poll.incompleteHeads
        return context
    }

    /// Both the node's mode and the peer's say whether events are taken from it.
    var fetches: Bool { node.mode.fetches(from: peer.mode) }

    mutating func resume(_ poll: Poll, _ answer: ExchangeAnswer, _ now: Moment) -> [Effect] {
        var poll = poll
        if case .response(let response) = answer { poll.retryAfter = response.retryAfter ?? poll.retryAfter }
        let step = poll.exchange.resume(answer, now: now.wall)
        return follow(step, poll, now)
    }

    /// Turns a step of the conversation into what is to be done, and what it will ask for next into requests ahead.
    private mutating func follow(_ step: ExchangeStep, _ poll: Poll, _ now: Moment) -> [Effect] {
        let effects = carryOut(step, poll, now)
        return effects + lookAhead(now)
    }

    private mutating func carryOut(_ step: ExchangeStep, _ poll: Poll, _ now: Moment) -> [Effect] {
        var poll = poll
        switch step {
        case .request(let request, let seals):
            poll.requests += 1
            guard poll.requests <= policy.requestsPerPoll else { return conclude(.failed(.tooManyPages), poll, now) }
            let upcoming = UpcomingRequest(request, seals: seals)
            if let sent = poll.ahead.claim(upcoming) { return claim(sent, poll, now) }
            if poll.reach == .rescan, poll.pages > 0 {
                // A rescan takes at most half of the peer's time.
                let rest = min(poll.lastAnswerTook, RescanSchedule.longestRest)
                poll.asked = .rest(request, seals: seals, until: now.instant.advanced(by: rest))
                state = .polling(poll)
                return []
            }
            poll.isHeld = request.hold > .zero
            return ask(.response(since: now.instant), poll, now) { .send($0, request, seals: seals) }
        case .identify(let identity):
            var question = question(keyOwner: identity.id)
            question.successions = identity.successions
            // What the peer says may know of what we wrote since this poll began.
            let isNews = identity.heldOfOurs.map { $0 > poll.memory.ownNumber } ?? false
            let showsOther = identity.publicKey != nil && identity.publicKey != poll.memory.key && !identity.successions.isEmpty
            guard isNews || showsOther || poll.memory.keyOwner != identity.id else { return compare(identity, poll, now) }
            return ask(.memoryAgain(identity), poll, now) { .load($0, question) }
        case .take(let page):
            // Nothing is exchanged before the identity is accepted (Noema section 3.3).
            guard poll.identity != nil else { return conclude(.failed(.identityMissing), poll, now) }
            // The configuration may have changed since it was asked for.
            guard fetches else { return conclude(.incomplete, poll, now) }
            if let problem = poll.outcome.stoppedBy { return conclude(.failed(.replay(problem)), poll, now) }
            var commit = self.commit(for: &poll, now)
            commit.page = page
            commit.health = PeerHealthChange(at: now.wall, version: poll.identity?.version, result: .underWay)
            commit.health?.lag = page.rest.map { PeerLag($0, at: now.wall) }
            commit.health?.mode = poll.identity?.mode
            poll.taken = (page.rest, movesCursor: page.cursor != .none)
            pageSize.came(with: page.items.count)
            return ask(.page, poll, now) { .commit($0, commit) }
        case .keep(let values):
            var commit = self.commit(for: &poll, now)
            commit.wireValues = values
            return ask(.keep, poll, now) { .commit($0, commit) }
        case .outbox(let after, let limit, let bytes):
            guard poll.identity != nil else { return conclude(.failed(.identityMissing), poll, now) }
            return ask(.outbox, poll, now) { .loadOutbox($0, after: after, limit: limit, bytes: bytes) }
        case .reconcile(let question):
            guard poll.identity != nil else { return conclude(.failed(.identityMissing), poll, now) }
            return ask(.comparison, poll, now) { .reconcile($0, question) }
        case .sign(let bytes, let secret):
            return ask(.signature, poll, now) { .sign($0, bytes, secret: secret) }
        case .finished(let progress):
            guard poll.waiting == nil else { return conclude(.pending, poll, now) }
            poll.wire = progress.wire
            poll.canFollow = progress.canFollow
            poll.startedOver = progress.startedOver
            poll.reconciliation = progress.reconciliation
            poll.answersNumbers = progress.answersNumbers
            poll.filled = progress.filled
            if let problem = poll.outcome.stoppedBy { return conclude(.failed(.replay(problem)), poll, now) }
            return conclude(progress.isComplete ? .complete : .incomplete, poll, now)
        case .failed(.status(HTTPResponse.busy)): return conclude(.busy, poll, now)
        case .failed(let failure):
            return conclude(poll.waiting == nil ? .failed(failure) : .pending, poll, now)
        }
    }

    mutating func ask(
        _ asked: Poll.Asked, _ poll: Poll, _ now: Moment, _ effect: (RequestID) -> Effect
    ) -> [Effect] {
        var poll = poll
        poll.asked = asked
        poll.askedAt = now.instant
        poll.claimed = nil
        poll.id = nextRequest()
        poll.deadline = now.instant.advanced(by: policy.stall)
        state = .polling(poll)
        return [effect(poll.id)]
    }

    mutating func sendAfterRest(_ poll: Poll, _ now: Moment) -> [Effect] {
        guard case .rest(let request, let seals, _) = poll.asked else { return [] }
        return ask(.response(since: now.instant), poll, now) { .send($0, request, seals: seals) }
    }

    /// What every commit of this poll writes about the peer, once it is known to be who it should be.
    func commit(for poll: inout Poll, _ now: Moment) -> PeerCommit {
        var commit = PeerCommit(peer: peer.name, wireNamespace: peer.wireNamespace)
        guard poll.identity != nil else { return commit }
        commit.seenAt = now.wall
        commit.pin = poll.newPin
        commit.isBeforePairing = poll.memory.pairing?.isPaired != true
        commit.wire = poll.newWire
        commit.key = poll.newKey
        if poll.newKey != nil { commit.successions = poll.identity?.successions ?? [] }
        return commit
    }

    private mutating func committed(_ outcome: PageOutcome, _ poll: Poll, _ now: Moment) -> [Effect] {
        var poll = poll
        poll.pinsAreWritten()
        poll.pages += 1
        poll.ahead.committed(in: now.instant.since(poll.askedAt))
        poll.outcome.add(outcome)
        noteProgress(&poll, outcome, now)
        tally.unprovenAttestations += outcome.unprovenAttestations
        let effects: [Effect] = outcome.foundOwnFuture ? [.found(.proven)] : []
        var outcome = outcome
        outcome.pageEvents = pageSize.events
        // A page that stopped is the last one; the conversation still says goodbye.
        return effects + resume(poll, .committed(outcome), now)
    }
}
