/// Names one thing that the machine asked for, so that its answer is known from a late one.
package struct RequestID: Hashable, Sendable {
    package var number: UInt64

    package init(_ number: UInt64) { self.number = number }
}

/// Decides when to poll one peer, what to make of its answers, and what to write down. Does no I/O.
///
/// - `idle → polling` when the poll is due, or asked for
/// - `polling → idle` once the store has the result of a poll that went well, `→ waiting` of one that failed
/// - `waiting → polling` when the back-off is over, or the peer shows itself
/// - `any → forgetting → idle` on a reset
/// - `any ⇄ paused` as the config says
/// - `any → stopped`
///
/// Inside `polling` the phases are greeting (until the identity is accepted), pulling and replaying.
///
/// A peer that can hold its answer is followed: each poll that read everything is succeeded at once by one that the
/// peer answers when it has news. Whatever else there is to do cuts such a held request short. `LiveFollow` keeps the
/// pace; the interval stays for every other peer, and after failures.
package struct PollMachine: Sendable {
    enum State: Sendable {
        case idle(until: Instant)
        case polling(Poll)
        case waiting(until: Instant)
        case forgetting(RequestID, deadline: Instant, tickets: [PollTicket])
        case paused
        case stopped
    }

    package enum Input: Sendable {
        /// `wakeAt` has come. Sent early or twice, it does nothing.
        case tick
        case answered(RequestID, Answer)
        /// A request was proved to come from this peer.
        case contact
        /// The peer says that it has news.
        case news
        /// A person has said who the peer is.
        case confirmed
        /// The peer asked to be called back, in this conversation.
        case calledBack(any Exchange)
        /// Somebody wants a poll now, and its report.
        case syncNow(PollTicket)
        /// Somebody wants our log compared with the peer's now, as they were at a moment, and the report.
        case reconcileNow(PollTicket, at: WallTime? = nil)
        /// Forget the pin and the cursor; everything else goes on from there.
        case reset(PollTicket)
        /// The configuration may say something else of the peer or of this node. What is as it was disturbs nothing.
        case reconfigured(PolledPeer, NodeIdentity)
        case stop
    }

    package enum Answer: Sendable {
        case memory(PeerMemory)
        case response(HTTPResponse)
        case transport(TransportFailure)
        /// Committed; the outcome is the page's, and empty without one.
        case committed(PageOutcome)
        case outbox([StoredEvent], through: Int64)
        case reconciled(ReconcileAnswer)
        case signed([UInt8])
        /// There is no such secret.
        case secretMissing
        case store(StoreFailure)
    }

    package enum Effect: Sendable {
        /// Read what is known of the peer; answered by `memory` or `store`.
        case load(RequestID, PeerQuestion)
        /// Answered by `response` or `transport`.
        case send(RequestID, HTTPRequest, seals: [RequestSeal])
        /// In one transaction; answered by `committed` or `store`.
        case commit(RequestID, PeerCommit)
        /// Answered by `outbox` or `store`.
        case loadOutbox(RequestID, after: Int64, limit: Int, bytes: Int)
        /// Answered by `reconciled` or `store`.
        case reconcile(RequestID, ReconcileQuestion)
        /// Answered by `signed` or `secretMissing`.
        case sign(RequestID, [UInt8], secret: String)
        /// The answer to this is no longer wanted. One comes all the same or none does: it is ignored.
        case cancel(RequestID)
        case found(OwnFuture)
        /// What the peer wants to be given of our log; `nil` once it wants nothing any more.
        case offered(PushOffer?)
        /// What a comparison found to be missing there, of a peer that wants our log.
        case lacking([LogItem])
        case report(PollReport, to: [PollTicket])
    }

    package private(set) var peer: PolledPeer
    var node: NodeIdentity
    let policy: PollPolicy
    let newExchange: @Sendable () -> any Exchange

    var state: State
    var lastRequest: UInt64 = 0
    var backoff = Backoff()
    var wake = WakeOnContact()
    var attempt = 0
    var lastFailure: ExchangeFailure?
    var wire: WireName?
    /// Whoever waits for a poll that has not begun.
    var tickets: [PollTicket] = []
    var callBacks: [any Exchange] = []
    /// There is a reason to poll again as soon as the poll under way ends.
    var pollsAgain = false
    var hasSucceeded = false
    var rescan = RescanSchedule()
    var following = LiveFollow()
    /// What the last conversation has sent for the next one, which is about to begin.
    var followUp = RequestsAhead()
    var reconcile = ReconcileSchedule()
    var holes = HoleSchedule()
    var pageSize = PageSize()
    var tally = PeerTally()
    /// How far we are behind the peer, by its last word; `nil` where nobody knows.
    var lag: PeerLag?
    /// Whoever waits for a comparison that has not begun.
    var comparisonTickets: [PollTicket] = []
    var comparisonMoment: WallTime?
    /// The peer wants to be given our log.
    var isOffered = false
    var aside: Aside?
    /// Since when the peer has been busy whenever it was asked.
    var busySince: Moment?
    /// What was wrong may have been mended, and no poll has begun since: one that fails says nothing of how it is now.
    var isOvertaken = false

    /// Polls at once.
    package init(
        peer: PolledPeer, node: NodeIdentity, policy: PollPolicy = PollPolicy(), at now: Instant,
        exchange: @escaping @Sendable () -> any Exchange
    ) {
        self.peer = peer
        self.node = node
        self.policy = policy
        newExchange = exchange
        state = peer.mode == .paused ? .paused : .idle(until: now)
    }

    /// When `tick` is to be sent next. Derived from the state, so there is one timer to keep and none to leak.
    package var wakeAt: Instant? {
        switch state {
        case .idle(let until), .waiting(let until): until
        case .polling(let poll): poll.restsUntil ?? poll.deadline
        case .forgetting(_, let deadline, _): deadline
        case .paused, .stopped: nil
        }
    }

    package var status: PollStatus {
        let (name, next): (PollStatus.State, Instant?) =
            switch state {
            case .idle(let until): (aside?.state ?? .idle, until)
            case .waiting(let until): (.waiting, until)
            case .polling(let poll): (poll.phase, nil)
            case .forgetting: (.replaying, nil)
            case .paused: (.paused, nil)
            case .stopped: (.stopped, nil)
            }
        var status = PollStatus(state: name, nextPoll: next, attempt: attempt, failure: lastFailure, wire: wire)
        status.tally = tally
        status.lag = lag
        status.busySince = busySince?.wall
        if case .polling(let poll) = state {
            status.pulled = Int64(poll.outcome.events)
            status.progress = poll.pages > 0 ? poll.progress : nil
            status.remaining = poll.remaining
        }
        return status
    }

    package mutating func handle(
        _ input: Input, at now: Moment, using random: inout some RandomNumberGenerator
    ) -> [Effect] {
        switch input {
        case .tick: return tick(now, &random)
        case .answered(let id, let answer): return answered(id, answer, now, &random)
        case .contact: contact(now)
        case .news: return pollSoon(now)
        case .confirmed: return confirmed(now)
        case .calledBack(let exchange): return calledBack(exchange, now)
        case .syncNow(let ticket): return syncNow(ticket, now)
        case .reconcileNow(let ticket, let moment): return reconcileNow(ticket, moment, now)
        case .reset(let ticket): return reset(ticket, now)
        case .reconfigured(let peer, let node): return reconfigured(peer, node, now)
        case .stop: return leave(for: .stopped, as: .stopped)
        }
        return []
    }

    private mutating func tick(_ now: Moment, _ random: inout some RandomNumberGenerator) -> [Effect] {
        switch state {
        case .idle(let until) where until <= now.instant, .waiting(let until) where until <= now.instant:
            return begin(now)
        case .polling(let poll):
            if let rested = poll.restsUntil { return rested <= now.instant ? sendAfterRest(poll, now) : [] }
            return poll.deadline <= now.instant ? stalled(poll, now, &random) : []
        case .forgetting(let id, let deadline, let tickets) where deadline <= now.instant:
            return forgotten(tickets, failure: .interrupted, now, after: [.cancel(id)])
        case .idle, .waiting, .forgetting, .paused, .stopped:
            return []
        }
    }

    private mutating func answered(
        _ id: RequestID, _ answer: Answer, _ now: Moment, _ random: inout some RandomNumberGenerator
    ) -> [Effect] {
        switch state {
        case .polling(let poll) where poll.id == id: return go(on: poll, answer, now, &random)
        case .polling(var poll):
            // Else a late answer to something we gave up on, or the second of two.
            if poll.ahead.take(answer, to: id, at: now.instant) { state = .polling(poll) }
            return []
        case .forgetting(id, _, let tickets):
            if case .store(let failure) = answer { return forgotten(tickets, failure: failure, now, after: []) }
            return forgotten(tickets, failure: nil, now, after: [])
        // Else a late answer to something we gave up on, or the second of two.
        case .idle:
            _ = followUp.take(answer, to: id, at: now.instant)
            return []
        case .forgetting, .waiting, .paused, .stopped: return []
        }
    }

    private mutating func contact(_ now: Moment) {
        guard case .waiting(let until) = state, lastFailure != .identityMismatch, until > now.instant,
            wake.allows(at: now.instant, interval: peer.interval)
        else { return }
        state = .waiting(until: now.instant)
    }

    mutating func pollSoon(_ now: Moment) -> [Effect] {
        switch state {
        case .idle(let until):
            state = .idle(until: min(until, now.instant))
            following.pollsFirst()
        case .waiting: contact(now)
        case .polling(let poll): return interrupt(poll, now)
        case .forgetting, .paused, .stopped: break
        }
        return []
    }

    /// Another poll follows the one under way; a request that is only held is not waited for.
    private mutating func interrupt(_ poll: Poll, _ now: Moment) -> [Effect] {
        guard poll.isHeld else {
            pollsAgain = true
            return []
        }
        tickets = poll.tickets + tickets
        following.pollsFirst()
        state = .idle(until: now.instant)
        return [.cancel(poll.id)]
    }

    private mutating func calledBack(_ exchange: any Exchange, _ now: Moment) -> [Effect] {
        switch state {
        case .paused, .stopped: return []
        case .idle, .polling, .waiting, .forgetting: break
        }
        // Past the limit the regular poll will find what the call was about.
        guard callBacks.count < Limits.callBacksWaiting else { return [] }
        callBacks.append(exchange)
        return pollSoon(now)
    }

    private mutating func syncNow(_ ticket: PollTicket, _ now: Moment) -> [Effect] {
        switch state {
        case .paused: return [.report(PollReport(peer: peer.name, result: .paused), to: [ticket])]
        case .stopped: return [.report(PollReport(peer: peer.name, result: .stopped), to: [ticket])]
        case .idle(let until): state = .idle(until: min(until, now.instant))
        case .waiting(let until): state = .waiting(until: min(until, now.instant))
        case .polling(let poll):
            let effects = interrupt(poll, now)
            tickets.append(ticket)
            return effects
        case .forgetting: break
        }
        tickets.append(ticket)
        return []
    }

    private mutating func reconcileNow(_ ticket: PollTicket, _ moment: WallTime?, _ now: Moment) -> [Effect] {
        let effects = syncNow(ticket, now)
        guard tickets.last == ticket else { return effects }
        tickets.removeLast()
        comparisonTickets.append(ticket)
        comparisonMoment = moment
        reconcile.demand()
        return effects
    }

    private mutating func reconfigured(_ peer: PolledPeer, _ node: NodeIdentity, _ now: Moment) -> [Effect] {
        // Whoever has not changed is not disturbed: neither by a change of its neighbours nor by one of ours.
        let (isSame, isSameButForInterval) = (peer == self.peer, peer.isSameButForInterval(self.peer))
        let beginsToFetch = node.mode.fetches && !self.node.mode.fetches
        let endsFetching = !node.mode.fetches && self.node.mode.fetches
        self.peer = peer
        self.node = node
        if isSame, !beginsToFetch, !endsFetching { return [] }
        if !isSameButForInterval || beginsToFetch || endsFetching { following = LiveFollow() }
        switch state {
        // What ends the forgetting looks at the mode.
        case .stopped, .forgetting: return []
        case .idle, .polling, .waiting, .paused:
            if peer.mode == .paused { return leave(for: .paused, as: .paused) }
        }
        switch state {
        case .paused: state = .idle(until: now.instant)
        case .idle(let until):
            let soonest = isSameButForInterval && !beginsToFetch ? now.instant.advanced(by: peer.interval) : now.instant
            state = .idle(until: min(until, soonest))
        case .waiting where isSameButForInterval: break
        case .waiting:
            // What was wrong may be what was changed.
            forgetFailures()
            state = .idle(until: now.instant)
        case .polling where isSameButForInterval && !beginsToFetch && !endsFetching: break
        case .polling(let poll):
            if !isSameButForInterval {
                // The poll under way is one of what was before.
                forgetFailures()
                isOvertaken = true
            }
            return interrupt(poll, now)
        case .forgetting, .stopped: break
        }
        return []
    }

    /// Pauses or stops. A page being committed is committed; its answer finds nobody.
    private mutating func leave(for next: State, as result: PollReport.Result) -> [Effect] {
        var effects = dropFollowUp()
        var waiting = tickets + comparisonTickets
        switch state {
        case .polling(var poll):
            effects += poll.cancelAll()
            waiting = poll.tickets + waiting
        case .forgetting(_, _, let tickets):
            waiting = tickets + waiting
        case .stopped: return []
        case .idle, .waiting, .paused: break
        }
        tickets = []
        comparisonTickets = []
        callBacks = []
        pollsAgain = false
        following = LiveFollow()
        forgetFailures()
        state = next
        if !waiting.isEmpty { effects.append(.report(PollReport(peer: peer.name, result: result), to: waiting)) }
        return effects
    }

    mutating func forgetFailures() {
        backoff.reset()
        attempt = 0
        lastFailure = nil
        aside = nil
    }

    mutating func nextRequest() -> RequestID {
        lastRequest += 1
        return RequestID(lastRequest)
    }
}
