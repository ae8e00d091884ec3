/// How many numbers of an origin are missing, against how many the last thorough look left: more than that is a reason
/// to look again.
struct MissingCount: Hashable, Sendable {
    /// Missing numbers that the last look did not find: the origin may have used none of them.
    private var forGood: UInt64 = 0
    private var takesNext = false
    private var last: Instant?

    func isDue(at now: Instant, pause: Duration) -> Bool { last.map { now.since($0) >= pause } ?? true }

    /// - Returns: whether more are missing than were left.
    mutating func counted(_ missing: UInt64, at now: Instant) -> Bool {
        last = now
        guard takesNext || missing <= forGood else { return true }
        forGood = missing
        takesNext = false
        return false
    }

    /// Everything was looked through: what is missing at the next count is missing for good.
    mutating func lookedThrough() {
        takesNext = true
        last = nil
    }
}
