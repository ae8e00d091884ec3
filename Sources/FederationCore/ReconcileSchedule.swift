/// When our log is compared with a native peer's.
///
/// A position says how far we read, and cannot say that nothing is missing. A comparison runs some hours after another,
/// after first contact or a reset, after the peer's log turned out to be another one, and when somebody asks. What the
/// numbers of an origin show to be missing is asked for by number (`HoleSchedule`); only with a peer that cannot be
/// asked so a comparison takes its place, when more numbers are missing than the last one left.
///
/// Those that nobody asked for are at least `PollPolicy.reconcilePause` apart.
struct ReconcileSchedule: Hashable, Sendable {
    /// The wire value that says when the logs were compared: RFC 3339.
    static let valueName = "reconciled_at"
    /// The most that is taken off the time between two, so that nodes do not compare in step.
    static let jitter = 0.25

    /// The next poll is a comparison.
    private(set) var isNext = false
    private var isDue = false
    private var lastBegun: Instant?
    /// How long after the last one this one comes.
    private var wait: Duration?
    private var missing = MissingCount()

    /// Somebody waits for one.
    mutating func demand() {
        isNext = true
        isDue = true
    }

    func countIsDue(at now: Instant, _ policy: PollPolicy) -> Bool { missing.isDue(at: now, pause: policy.reconcilePause) }

    mutating func counted(missing count: UInt64, at now: Instant) {
        if missing.counted(count, at: now) { isDue = true }
    }

    mutating func begun(at now: Instant) {
        isNext = false
        lastBegun = now
    }

    /// A poll went well.
    mutating func succeeded(
        _ poll: PollMachine.Poll, _ result: PollReport.Result, _ now: Moment, _ policy: PollPolicy,
        using random: inout some RandomNumberGenerator
    ) {
        isNext = false
        // The poll that pins the wire is first contact; there is time for the next one to see to it.
        guard poll.wire == .native, poll.memory.wire == .native else { return }
        if poll.reach == .reconcile {
            guard result == .complete else { return }
            isDue = false
            missing.lookedThrough()
            wait = nil
            return
        }
        let wait = wait ?? policy.reconcileEvery.shortened(by: ReconcileSchedule.jitter, using: &random)
        self.wait = wait
        let lastTime = poll.memory.wireValues[ReconcileSchedule.valueName]
            .flatMap { WallTime(rfc3339: String(decoding: $0, as: UTF8.self)) }
        // A last time that lies ahead was written by a clock that was wrong then or is wrong now.
        let isOld = lastTime.map { now.wall.since($0) >= wait || $0 > now.wall } ?? true
        if isOld || poll.startedOver { isDue = true }
        isNext = isDue && result == .complete && (lastBegun.map { now.instant.since($0) >= policy.reconcilePause } ?? true)
    }
}
