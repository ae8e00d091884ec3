/// How a poll ends, and when the next one begins.
extension PollMachine {
    /// The end of the conversation; what came of it is committed, and then the poll is over.
    mutating func conclude(_ result: PollReport.Result, _ poll: Poll, _ now: Moment) -> [Effect] {
        var poll = poll
        var result = result
        // What is asked of the store from here on is not cut short.
        poll.isHeld = false
        if result == .busy {
            if busySince == nil { busySince = now }
            // Whoever says so for ever is of no use, and somebody should know.
            if isBusyTooLong(now.instant) { result = .failed(.status(HTTPResponse.busy)) }
        }
        // A person said who the peer is while this poll was under way: what it wanted to pin counts no more.
        if result == .failed(.store(.interrupted)) { poll.pinsAreWritten() }
        if result == .complete, isAsBefore(poll), following.isWritten(at: now.instant, interval: peer.interval) {
            noteCaughtUp(result, now)
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
        case .pending:
            commit.pairing = poll.waiting
            commit.health = PeerHealthChange(at: now.wall, result: .waits)
        // It was met and asked to be left alone: that says nothing of how it is.
        case .busy: break
        case .complete, .incomplete, .paused, .stopped:
            commit.health = PeerHealthChange(at: now.wall, version: version, result: .succeeded)
            noteCaughtUp(result, now)
            commit.health?.lag = lag
        }
        commit.health?.mode = poll.identity?.mode
        // How long an answer was held says nothing of how long the peer takes.
        if poll.hold == .zero { commit.took = now.instant.since(poll.began) }
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
    mutating func finish(
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
        report.took = now.instant.since(poll.began)
        var effects: [Effect] = []
        let next: Instant
        report.isHold = poll.hold > .zero
        if result == .pending || result == .busy {
            next = left(alone: result, &report, poll, now, &random)
            if result == .pending { effects += offer(nil) }
            state = .idle(until: next)
        } else if case .failed(let failure) = result {
            // One that has never been met may be one that can be followed: nodes are often started together.
            let isUnmet = poll.memory.wire == nil && ["auto", WireName.native.rawValue].contains(peer.wireNamespace)
            let isLookedFor =
                (poll.memory.wire == .native || isUnmet) && failure.reason.isNetwork && policy.hold > .zero
            following = LiveFollow()
            aside = nil
            if poll.reach == .reconcile { tally.failedComparisons += 1 }
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
            let isBusy = failure == .status(HTTPResponse.busy)
            if !isBusy { busySince = nil }
            let least = isBusy ? policy.wait(ifBusy: poll.retryAfter, interval: peer.interval) : .zero
            let isAwaited = !isBusy && (!tickets.isEmpty || !comparisonTickets.isEmpty) || isOvertaken
            next = isAwaited ? now.instant : now.instant.advanced(by: max(wait, least))
            state = .waiting(until: next)
            if isBusy { return effects + [.report(reported(report, next), to: takeAllTickets(poll))] }
        } else {
            report.failuresInARow = attempt
            forgetFailures()
            busySince = nil
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
        // Nobody who asks is kept waiting as long as a busy peer wants to be left alone.
        let waiting = result == .busy ? takeAllTickets(poll) : poll.tickets
        return effects + [.report(reported(report, next), to: waiting)]
    }

    private func reported(_ report: PollReport, _ next: Instant) -> PollReport {
        var report = report
        report.nextPoll = next
        return report
    }

    /// Whoever waits for this poll or for the next one.
    private mutating func takeAllTickets(_ poll: Poll) -> [PollTicket] {
        defer { (tickets, comparisonTickets) = ([], []) }
        return poll.tickets + tickets + comparisonTickets
    }

    private func isBusyTooLong(_ now: Instant) -> Bool {
        busySince.map { now.since($0.instant) >= policy.longestBusy } ?? false
    }

    /// When a peer is asked again that waits for a person's word, or that is busy: neither is a failure.
    private mutating func left(
        alone result: PollReport.Result, _ report: inout PollReport, _ poll: Poll, _ now: Moment,
        _ random: inout some RandomNumberGenerator
    ) -> Instant {
        following.stop()
        report.pairing = poll.waiting
        if result == .pending {
            report.failuresInARow = attempt
            report.isRepeated = poll.memory.pairing == poll.waiting && aside == .waits
            forgetFailures()
            aside = .waits
            let isAwaited = pollsAgain || !tickets.isEmpty || !comparisonTickets.isEmpty
            let wait = peer.interval.shortened(by: PollMachine.jitter, using: &random)
            return isAwaited ? now.instant : now.instant.advanced(by: wait)
        }
        report.failuresInARow = attempt
        report.isRepeated = aside == .busy
        aside = .busy
        let wait = policy.wait(ifBusy: poll.retryAfter, interval: peer.interval)
        // Never before its time, and not all at once after it.
        return now.instant.advanced(by: wait * (1 + Double.random(in: 0...PollMachine.jitter, using: &random)))
    }

    /// The most that is taken off an interval, so that peers do not poll in step; more after the first poll, which
    /// all of them make at once.
    static let jitter = 0.1
    static let firstJitter = 0.5
}

extension PollMachine {
    /// Why the peer is asked no more than who it is, or is left alone for a while, though nothing has failed.
    enum Aside: Hashable, Sendable {
        case waits, busy

        var state: PollStatus.State {
            switch self {
            case .waits: .pending
            case .busy: .busy
            }
        }
    }
}

extension PageOutcome {
    /// The events that were not here before.
    package var new: Int { applied + held + refused + deferred }

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
