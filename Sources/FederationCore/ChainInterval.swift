/// What an origin's chain holds between two of its checkpoints that are here.
struct ChainInterval: Hashable {
    let numbers: ClosedRange<UInt64>
    /// The events that lead from the one to the other; `nil` where what is here does not.
    let members: Set<ULID>?

    /// - Returns: `nil` for a number that lies past every checkpoint.
    /// - Parameter budget: how many events may be read; what was read is taken off.
    init?(
        around number: UInt64, of origin: ULID, budget: inout Int, _ sha256: SHA256, in log: some LogReading
    ) throws(StoreFailure) {
        guard number > 0, let above = try log.firstCheckpoint(of: origin, from: number) else { return nil }
        let below = try log.lastCheckpoint(of: origin, through: number - 1)?.tip ?? Chain.start(of: origin, sha256)
        numbers = below.number + 1...above.number
        var candidates = try ChainCandidates(
            of: origin, after: below.number, through: above.number, [], budget: &budget, in: log)
        members = candidates.walk(from: below, to: above.tip, sha256).map { Set($0.links.map(\.id)) }
    }
}

/// The intervals that a transaction has looked at: many events of one page lie in one.
struct ChainIntervals {
    private var known: [ULID: [ChainInterval]] = [:]
    /// From which number on an origin's checkpoints are all below.
    private var open: [ULID: UInt64] = [:]
    private var budget = Limits.chainLinks

    /// What could still be said of events that lie in no interval that was looked at is not known any more.
    var isExhausted: Bool { budget == 0 }

    /// Whether an origin's chain says that an event that names this number is none of its own.
    mutating func exclude(
        _ id: ULID, number: UInt64, of origin: ULID, _ sha256: SHA256, in log: some LogReading
    ) throws(StoreFailure) -> Bool {
        if let interval = known[origin]?.first(where: { $0.numbers.contains(number) }) { return interval.excludes(id) }
        guard number > 0, number < open[origin] ?? .max, !isExhausted else { return false }
        guard let interval = try ChainInterval(around: number, of: origin, budget: &budget, sha256, in: log) else {
            open[origin] = number
            return false
        }
        known[origin, default: []].append(interval)
        return interval.excludes(id)
    }
}

extension ChainInterval {
    fileprivate func excludes(_ id: ULID) -> Bool { members.map { !$0.contains(id) } ?? false }
}
