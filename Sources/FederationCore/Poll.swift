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
        var memory = PeerMemory()
        /// Who answered, once that is accepted.
        var identity: PeerIdentity?
        /// Pins that the next commit writes.
        var newPin: ULID?
        var newKey: PeerCommit.KeyPin?
        var newWire: WireName?
        var firstContact: ULID?
        var wire: WireName?
        var requests = 0
        var pages = 0
        var outcome = PageOutcome()
        /// How long the peer took for the last answer.
        var lastAnswerTook = Duration.zero
        var claimsOwnFuture = false
        /// What follows the last page, where the peer says.
        var remaining: Int64?
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
            tickets: compares ? comparisonTickets : tickets, id: nextRequest(), deadline: now.instant)
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
        poll.deadline = now.instant.advanced(by: policy.stall)
        let counts =
            wire == .noema && rescan.countIsDue(at: now.instant, policy)
            || wire == .native && reach == .news && holes.isOffered == false
                && reconcile.countIsDue(at: now.instant, policy)
        poll.looksForHoles =
            wire == .native && reach == .news && !isCallBack && fetches && holes.isDue(at: now.instant, policy)
        state = .polling(poll)
        let seen = poll.looksForHoles ? Limits.holesSeen : 0
        return [.load(poll.id, question(countsMissingNumbers: counts, holes: seen))]
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
                // Whatever there is to ask is not kept waiting for news.
                if !poll.holes.isEmpty { poll.hold = .zero }
            }
            // Only a native peer can be compared with.
            if poll.reach == .reconcile, memory.wire != .native { poll.reach = .news }
            let step = poll.exchange.begin(context(for: poll, now, &random))
            return follow(step, poll, now)
        case (.memoryAgain(let identity), .memory(let memory)):
            poll.memory = memory
            return compare(identity, poll, now)
        case (.response(let since), .response(let response)):
            poll.lastAnswerTook = now.instant.since(since)
            // How long an answer was held says nothing about the way to the peer.
            if !poll.isHeld { poll.ahead.answered(in: poll.lastAnswerTook, bytes: response.body.count) }
            poll.isHeld = false
            return resume(poll, .response(response), now)
        case (.response, .transport(let failure)):
            if let claimed = poll.claimed { return sendAgain(claimed, poll, now) }
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
        var context = ExchangeContext(
            node: node, peerName: peer.name, pinnedWire: poll.memory.wire, fetches: fetches,
            pushes: node.mode.serves && (peer.mode == .sync || peer.mode == .publish), cursor: poll.memory.cursor,
            position: poll.memory.position, interval: peer.interval, reach: poll.reach,
            comparedAt: poll.comparedAt, wireValues: poll.memory.wireValues, now: now.wall,
            nonce: (random.next(), random.next()))
        context.hold = poll.hold
        context.holes = poll.holes
        return context
    }

    /// Both the node's mode and the peer's say whether events are taken from it.
    private var fetches: Bool { node.mode.fetches && (peer.mode == .sync || peer.mode == .subscribe) }

    mutating func resume(_ poll: Poll, _ answer: ExchangeAnswer, _ now: Moment) -> [Effect] {
        var poll = poll
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
            if let problem = poll.outcome.stoppedBy { return conclude(.failed(.replay(problem)), poll, now) }
            poll.remaining = page.remaining
            var commit = self.commit(for: &poll, now)
            commit.page = page
            commit.health = PeerHealthChange(at: now.wall, version: poll.identity?.version, result: .underWay)
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
            poll.wire = progress.wire
            poll.canFollow = progress.canFollow
            poll.startedOver = progress.startedOver
            poll.reconciliation = progress.reconciliation
            poll.answersNumbers = progress.answersNumbers
            poll.filled = progress.filled
            if let problem = poll.outcome.stoppedBy { return conclude(.failed(.replay(problem)), poll, now) }
            return conclude(progress.isComplete ? .complete : .incomplete, poll, now)
        case .failed(let failure):
            return conclude(.failed(failure), poll, now)
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
    private func commit(for poll: inout Poll, _ now: Moment) -> PeerCommit {
        var commit = PeerCommit(peer: peer.name, wireNamespace: peer.wireNamespace)
        guard poll.identity != nil else { return commit }
        commit.seenAt = now.wall
        commit.pin = poll.newPin
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
        let effects: [Effect] = outcome.foundOwnFuture ? [.found(.proven)] : []
        // A page that stopped is the last one; the conversation still says goodbye.
        return effects + resume(poll, .committed(outcome), now)
    }

    /// Compares who answered with who should (Noema sections 3.3 and 8.6).
    private mutating func compare(_ identity: PeerIdentity, _ poll: Poll, _ now: Moment) -> [Effect] {
        var poll = poll
        guard let key = acceptedKey(of: identity, poll.memory) else {
            return conclude(.failed(.identityMismatch), poll, now)
        }
        if poll.memory.pin == nil {
            poll.newPin = identity.id
            poll.firstContact = identity.id
        }
        if case .pins(let publicKey) = key {
            poll.newKey = PeerCommit.KeyPin(owner: identity.id, publicKey: publicKey)
        }
        if poll.memory.wire != identity.wire { poll.newWire = identity.wire }
        poll.identity = identity
        var effects: [Effect] = []
        if let held = identity.heldOfOurs, held > poll.memory.ownNumber {
            poll.claimsOwnFuture = true
            effects.append(.found(.claimed(number: held)))
        }
        effects += offers(of: identity)
        return effects + resume(poll, .identityAccepted, now)
    }

    /// What the peer wants of us, where it may have it.
    private mutating func offers(of identity: PeerIdentity) -> [Effect] {
        let mayHave = node.mode.serves && (peer.mode == .sync || peer.mode == .publish)
        let offer = mayHave ? identity.wants : nil
        guard offer != nil || isOffered else { return [] }
        isOffered = offer != nil
        return [.offered(offer)]
    }

    private enum KeyChange { case none, pins(String) }

    /// What follows for the pinned key; `nil` where the identity or its key is not the expected one.
    private func acceptedKey(of identity: PeerIdentity, _ memory: PeerMemory) -> KeyChange? {
        guard identity.id != node.id, identity.id == peer.expectedID ?? identity.id,
            identity.id == memory.pin ?? identity.id
        else { return nil }
        // What is no key is as good as none: it must neither be pinned nor take a pin away.
        let advertised = identity.publicKey.flatMap { PublicKey($0)?.text }
        if let expected = peer.expectedKey {
            // Once it has a successor, whoever shows the old one has stolen it, or is an old copy.
            guard let advertised, advertised == memory.successor ?? expected else { return nil }
            return memory.key == advertised ? KeyChange.none : .pins(advertised)
        }
        // A peer that shows no key keeps the pin it has: nothing is downgraded.
        guard let advertised else { return KeyChange.none }
        guard let known = memory.key else { return .pins(advertised) }
        if PublicKey.isSame(known, advertised) { return KeyChange.none }
        return advertised == memory.successor ? .pins(advertised) : nil
    }

    /// The end of the conversation; what came of it is committed, and then the poll is over.
    private mutating func conclude(_ result: PollReport.Result, _ poll: Poll, _ now: Moment) -> [Effect] {
        var poll = poll
        if result == .complete, isAsBefore(poll), following.isWritten(at: now.instant, interval: peer.interval) {
            return followOn(poll, now)
        }
        var commit = self.commit(for: &poll, now)
        let version = poll.identity?.version
        switch result {
        case .failed(.replay(let problem)):
            commit.health = PeerHealthChange(
                at: now.wall, version: version,
                result: .failed(problem.reason, eventID: problem.eventID, subject: problem.subject))
        case .failed(let failure):
            commit.health = PeerHealthChange(
                at: now.wall, version: version, result: .failed(failure.reason, eventID: "", subject: ""))
        case .complete, .incomplete, .paused, .stopped:
            commit.health = PeerHealthChange(at: now.wall, version: version, result: .succeeded)
        }
        let readsAll = poll.reach == .rescan || poll.memory.cursor == nil
        if result == .complete, poll.wire == .noema, readsAll, fetches {
            commit.wireValues[RescanSchedule.valueName] = Array(now.wall.rfc3339.utf8)
        }
        if result == .complete, poll.reach == .reconcile {
            commit.wireValues[ReconcileSchedule.valueName] = Array(now.wall.rfc3339.utf8)
            if let found = poll.reconciliation, found.isEqual {
                let (all, moment) = (found.ours.all, WallTime(milliseconds: Int64(clamping: found.ours.below)))
                commit.proof = SyncProof(at: moment, events: all.count, digest: all.digest.hex)
            }
        }
        let unclaimed = poll.ahead.drop(allBut: []).map { Effect.cancel($0) }
        return unclaimed + ask(.result(result), poll, now) { .commit($0, commit) }
    }

    /// Gives up a poll in which nothing moves any more.
    mutating func stalled(_ poll: Poll, _ now: Moment, _ random: inout some RandomNumberGenerator) -> [Effect] {
        switch poll.asked {
        case .result(.failed(let failure)): [.cancel(poll.id)] + finish(.failed(failure), poll, now, &random)
        case .result: [.cancel(poll.id)] + finish(.failed(.store(.interrupted)), poll, now, &random)
        case .response: [.cancel(poll.id)] + conclude(.failed(.transport(.timeout)), poll, now)
        case .memory, .memoryAgain, .page, .keep, .outbox, .signature, .comparison, .rest:
            [.cancel(poll.id)] + conclude(.failed(.store(.interrupted)), poll, now)
        }
    }

    /// The result is on disk, or will not be: when to poll next.
    private mutating func finish(
        _ result: PollReport.Result, _ poll: Poll, _ now: Moment, _ random: inout some RandomNumberGenerator
    ) -> [Effect] {
        var report = PollReport(peer: peer.name, result: result)
        report.outcome = poll.outcome
        report.pages = poll.pages
        report.wire = poll.wire
        report.isRescan = poll.reach == .rescan
        report.firstContact = poll.firstContact
        report.reconciliation = poll.reconciliation
        report.filled = poll.filled
        var effects: [Effect] = []
        let next: Instant
        report.isHold = poll.hold > .zero
        if case .failed(let failure) = result {
            // One that has never been met may be one that can be followed: nodes are often started together.
            let isUnmet = poll.memory.wire == nil && ["auto", WireName.native.rawValue].contains(peer.wireNamespace)
            let isLookedFor =
                (poll.memory.wire == .native || isUnmet) && failure.reason.isNetwork && policy.hold > .zero
            following = LiveFollow()
            attempt += 1
            report.isRepeated = lastFailure?.reason == failure.reason
            report.failuresInARow = attempt
            lastFailure = failure
            // Only a person can mend it; polling goes on so that a mended peer is noticed.
            let wait =
                failure == .identityMismatch
                ? backoff.longest(interval: peer.interval, longest: policy.longestBackoff, using: &random)
                : backoff.next(
                    interval: isLookedFor ? min(peer.interval, policy.followRetry) : peer.interval,
                    longest: max(peer.interval, policy.longestBackoff), using: &random)
            let isAwaited = !tickets.isEmpty || !comparisonTickets.isEmpty
            next = isAwaited ? now.instant : now.instant.advanced(by: wait)
            state = .waiting(until: next)
        } else {
            report.failuresInARow = attempt
            forgetFailures()
            wire = poll.wire
            holes.isOffered = poll.answersNumbers ?? holes.isOffered
            if poll.claimsOwnFuture, !poll.outcome.foundOwnFuture, result == .complete {
                effects.append(.found(.unproven))
            }
            rescan.succeeded(poll, report, now, policy)
            reconcile.succeeded(poll, result, now, policy, using: &random)
            if let found = poll.reconciliation, isOffered, !found.missingThere.isEmpty {
                effects.append(.lacking(found.missingThere))
            }
            if !comparisonTickets.isEmpty { reconcile.demand() }
            // A comparison fetches what a poll would, and takes the place of the next one.
            let soon =
                pollsAgain || !tickets.isEmpty || !callBacks.isEmpty || rescan.isNext || !comparisonTickets.isEmpty
            let spread = hasSucceeded ? PollMachine.jitter : PollMachine.firstJitter
            let wait = peer.interval.shortened(by: spread, using: &random)
            hasSucceeded = true
            let pause = following.succeeded(poll, result, at: now.instant, interval: peer.interval, policy)
            next = soon ? now.instant : now.instant.advanced(by: pause ?? wait)
            state = .idle(until: next)
        }
        report.nextPoll = next
        return effects + [.report(report, to: poll.tickets)]
    }

    /// The most that is taken off an interval, so that peers do not poll in step; more after the first poll, which
    /// all of them make at once.
    static let jitter = 0.1
    static let firstJitter = 0.5
}

extension PageOutcome {
    /// The events that it tells of.
    public var events: Int { applied + held + duplicates + refused + deferred }

    /// Adds what became of a further page.
    package mutating func add(_ page: PageOutcome) {
        applied += page.applied
        held += page.held
        duplicates += page.duplicates
        refused += page.refused
        deferred += page.deferred
        firstProblem = firstProblem ?? page.firstProblem
        stoppedBy = page.stoppedBy
        cursor = page.cursor ?? cursor
        foundOwnFuture = foundOwnFuture || page.foundOwnFuture
    }
}
