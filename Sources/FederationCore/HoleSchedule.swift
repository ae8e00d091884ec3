/// Which holes in the numbers of origins one native peer is asked to fill, and when.
///
/// A hole is asked for at the first poll that sees it; where the peer does not fill it, again after
/// `PollPolicy.holePause`, twice as long each time, up to `PollPolicy.longestHolePause`. What is left of a hole that was
/// filled in part is another hole. Each peer of a node has a schedule of its own, so every one of them is asked.
///
/// A peer that cannot be asked for numbers is compared with instead (`ReconcileSchedule`).
struct HoleSchedule: Hashable, Sendable {
    private struct Asked: Hashable {
        var times: Int
        var due: Instant
    }

    private var asked: [NumberHole: Asked] = [:]
    private var lookedAt: Instant?
    /// Whether the peer answers for numbers; `nil` before a poll has shown it.
    var isOffered: Bool?

    /// Whether the holes of the log are worth being read for the poll that begins.
    func isDue(at now: Instant, _ policy: PollPolicy) -> Bool {
        policy.fillsHoles && isOffered == true && lookedAt.map { now.since($0) >= policy.holeLook } ?? true
    }

    /// Takes the holes of the log, and chooses those that the peer is asked for now: they count as asked for, whatever
    /// comes of it.
    mutating func choose(from holes: [NumberHole], at now: Instant, _ policy: PollPolicy) -> [NumberHole] {
        lookedAt = now
        let present = Set(holes)
        asked = asked.filter { present.contains($0.key) }
        var chosen: [NumberHole] = []
        for hole in holes where chosen.count < Limits.holesAsked {
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
