/// When a Noema log is read again from its beginning.
///
/// Its cursor is ULID order, which loses what arrives late; a rescan finds it. One runs every day, after a streak of
/// failures, and when more numbers are missing than before, but no sooner after another than `PollPolicy.rescanPause`.
struct RescanSchedule: Hashable, Sendable {
    /// The wire value that says when a log was read whole: RFC 3339.
    static let valueName = "rescanned_at"
    /// The longest rest between two pages of a rescan.
    static let longestRest: Duration = .seconds(5)

    /// The next poll is a rescan.
    private(set) var isNext = false
    private var isDue = false
    private var lastBegun: Instant?
    private var missing = MissingCount()

    func countIsDue(at now: Instant, _ policy: PollPolicy) -> Bool { missing.isDue(at: now, pause: policy.rescanPause) }

    mutating func counted(missing count: UInt64, at now: Instant) {
        if missing.counted(count, at: now) { isDue = true }
    }

    mutating func begun(at now: Instant) {
        isNext = false
        lastBegun = now
    }

    mutating func succeeded(_ poll: PollMachine.Poll, _ report: PollReport, _ now: Moment, _ policy: PollPolicy) {
        isNext = false
        guard poll.wire == .noema else { return }
        if report.result == .complete, report.isRescan || poll.memory.cursor == nil {
            isDue = false
            missing.lookedThrough()
            return
        }
        let lastTime = poll.memory.wireValues[RescanSchedule.valueName]
            .flatMap { WallTime(rfc3339: String(decoding: $0, as: UTF8.self)) }
        // A last time that lies ahead was written by a clock that was wrong then or is wrong now.
        let isOld = lastTime.map { now.wall.since($0) >= policy.rescanEvery || $0 > now.wall } ?? true
        if isOld || poll.memory.health.consecutiveFailures >= policy.rescanAfterFailures { isDue = true }
        isNext = isDue && (lastBegun.map { now.instant.since($0) >= policy.rescanPause } ?? true)
    }
}
