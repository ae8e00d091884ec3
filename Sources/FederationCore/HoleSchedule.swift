/// Which holes one native peer is asked to fill, and when: in the numbers of origins, and texts that records lack.
///
/// Each is asked for at the first poll that sees it; where the peer does not fill it, again after
/// `PollPolicy.holePause`, twice as long each time, up to `PollPolicy.longestHolePause`. What is left of a hole that was
/// filled in part is another hole. Each peer of a node has a schedule of its own, so every one of them is asked.
///
/// A peer that cannot be asked for numbers is compared with instead (`ReconcileSchedule`).
struct HoleSchedule: Hashable, Sendable {
    private var numbers = AskSchedule<NumberHole>()
    private var heads = AskSchedule<ULID>()
    private var lookedAt: Instant?
    /// Whether the peer answers for numbers; `nil` before a poll has shown it.
    var isOffered: Bool?

    /// Whether the holes of the log are worth being read for the poll that begins.
    func isDue(at now: Instant, _ policy: PollPolicy) -> Bool {
        policy.fillsHoles && lookedAt.map { now.since($0) >= policy.holeLook } ?? true
    }

    /// How many of them are worth being read, for a peer that answers for numbers or does not.
    var seen: Int { isOffered == true ? Limits.holesSeen : 0 }

    /// Takes the holes of the log, and chooses those that the peer is asked for now: they count as asked for, whatever
    /// comes of it.
    mutating func choose(from holes: [NumberHole], at now: Instant, _ policy: PollPolicy) -> [NumberHole] {
        lookedAt = now
        guard isOffered == true else { return [] }
        return numbers.choose(from: holes, atMost: Limits.holesAsked, at: now, policy)
    }

    /// The same of events whose text is to be asked for.
    mutating func choose(from heads: [ULID], at now: Instant, _ policy: PollPolicy) -> [ULID] {
        self.heads.choose(from: heads, atMost: Limits.eventsByID, at: now, policy)
    }
}

/// What was asked for, and when it may be asked for again.
private struct AskSchedule<Item: Hashable & Sendable>: Hashable, Sendable {
    private struct Asked: Hashable {
        var times: Int
        var due: Instant
    }

    private var asked: [Item: Asked] = [:]

    /// Takes what there is, and chooses what is asked for now.
    mutating func choose(from items: [Item], atMost limit: Int, at now: Instant, _ policy: PollPolicy) -> [Item] {
        let present = Set(items)
        asked = asked.filter { present.contains($0.key) }
        var chosen: [Item] = []
        for hole in items where chosen.count < limit {
            let before = asked[hole]
            guard before.map({ $0.due <= now }) ?? true else { continue }
            let times = before?.times ?? 0
            let pause = min(policy.holePause * (1 << min(times, 24)), policy.longestHolePause)
            asked[hole] = Asked(times: times + 1, due: now.advanced(by: pause))
            chosen.append(hole)
        }
        return chosen
    }
}
