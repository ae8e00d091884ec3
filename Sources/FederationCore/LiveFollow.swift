/// Follows a peer that can hold its answer: when it is asked again, and when that is worth a write to disk.
///
/// After a poll that read everything the peer is asked again at once, and holds that request until it has news. A hold
/// that ends early and brings nothing (a peer that has no room for one more, or that stops) is followed by a pause,
/// twice as long each time up to the interval. Many in a row that bring only what is here already are followed by a short
/// one: nothing that a peer does makes this a busy loop.
struct LiveFollow: Hashable, Sendable {
    /// The last poll read everything, of a peer that can hold.
    private var isOn = false
    /// The next poll is to be one that the peer answers at once.
    private var asksFirst = false
    /// Holds in a row that ended early with nothing.
    private var shortHolds = 0
    /// Holds in a row that ended early with nothing that was not here.
    private var stale = 0
    /// When the result of a poll was last put on disk.
    private var writtenAt: Instant?
    /// When the next poll would be, of polls at a steady pace: they may be before their time by as many as `followBurst`. The
    /// peer counts what it is asked, and answers 429 to more than it allows.
    private var turn = Instant.start

    /// How long the next poll asks the peer to hold its answer.
    func hold(_ policy: PollPolicy) -> Duration { isOn && !asksFirst ? policy.hold : .zero }

    mutating func begun() { asksFirst = false }

    /// Whether the poll after this one may follow at once.
    func mayFollowAtOnce(at now: Instant) -> Bool { LiveFollow.rest(before: nextTurn(at: now), at: now) == .zero }

    /// In a ring each event comes from several peers, and who was away is first given what proves the peer's history: pages
    /// of either kind bring nothing new, and come one behind the other.
    private static let staleBorne = 64

    private static let step = Duration.seconds(1) / Limits.followsPerSecond

    private func nextTurn(at now: Instant) -> Instant { max(turn, now).advanced(by: LiveFollow.step) }

    private static func rest(before turn: Instant, at now: Instant) -> Duration {
        max(.zero, turn.since(now) - step * Limits.followBurst)
    }

    /// The peer is not followed for now. Its pace stays: it counts what it is asked all the same.
    mutating func stop() {
        let turn = turn
        self = LiveFollow()
        self.turn = turn
    }

    /// Something is known to be there: it is asked for without a hold.
    mutating func pollsFirst() { asksFirst = true }

    /// Whether what a poll found out of the ordinary way of things was put on disk less than an interval ago.
    func isWritten(at now: Instant, interval: Duration) -> Bool { writtenAt.map { now.since($0) < interval } ?? false }

    /// A poll went well and its result is on disk.
    ///
    /// - Returns: how long to wait before the next; `nil` if the peer is not followed.
    mutating func succeeded(
        _ poll: PollMachine.Poll, _ result: PollReport.Result, at now: Instant, interval: Duration, _ policy: PollPolicy
    ) -> Duration? {
        writtenAt = now
        return pause(after: poll, result, at: now, interval: interval, policy)
    }

    /// The same of a poll whose result is not worth a write.
    mutating func pause(
        after poll: PollMachine.Poll, _ result: PollReport.Result, at now: Instant, interval: Duration, _ policy: PollPolicy
    ) -> Duration? {
        isOn = result == .complete && poll.canFollow && policy.hold > .zero
        let isShort = poll.hold > .zero && poll.lastAnswerTook < policy.shortestHold
        guard isOn, isShort, poll.pages == 0 else {
            shortHolds = 0
            guard isOn else { return nil }
            stale = isShort && poll.outcome.new == 0 ? min(stale + 1, LiveFollow.staleBorne + 1) : 0
            turn = nextTurn(at: now)
            let rest = LiveFollow.rest(before: turn, at: now)
            return stale > LiveFollow.staleBorne ? max(rest, policy.stalePause) : rest
        }
        shortHolds = min(shortHolds + 1, 32)
        return min(policy.shortHoldPause * (1 << (shortHolds - 1)), interval)
    }
}

extension PollMachine {
    /// A held request brought nothing that has to be written down: its pages are on disk, the peer is who it was, and
    /// how it fares was written less than an interval ago.
    func isAsBefore(_ poll: Poll) -> Bool {
        poll.hold > .zero && lastFailure == nil && poll.newPin == nil && poll.newKey == nil && poll.newWire == nil
            && !poll.claimsOwnFuture && !poll.startedOver
    }

    /// Ends a held poll without a commit.
    mutating func followOn(_ poll: Poll, _ now: Moment) -> [Effect] {
        var report = PollReport(peer: peer.name, result: .complete)
        report.outcome = poll.outcome
        report.pages = poll.pages
        report.wire = poll.wire
        report.isHold = true
        wire = poll.wire
        let isAsked = pollsAgain || !tickets.isEmpty || !callBacks.isEmpty || !comparisonTickets.isEmpty
        let pause = following.pause(after: poll, .complete, at: now.instant, interval: peer.interval, policy) ?? peer.interval
        let next = isAsked ? now.instant : now.instant.advanced(by: pause)
        state = .idle(until: next)
        report.nextPoll = next
        followUp = poll.ahead
        // It was for at once.
        let unclaimed = next > now.instant ? dropFollowUp() : []
        return unclaimed + [.report(report, to: poll.tickets)]
    }
}
