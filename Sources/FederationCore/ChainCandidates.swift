/// A way along an origin's chain, from one place to another.
struct ChainWalk: Hashable {
    var start: ChainTip
    /// The events that the chain holds, in order of number.
    var links: [ChainLink]
    /// Something that is in the log is not among them.
    var leavesOut: Bool
}

/// The events that may be a part of an origin's chain: those of the log, and those that arrive.
struct ChainCandidates {
    /// In order of number, and then in the order in which they came here; what was walked over is no longer among them.
    private var links: ArraySlice<ChainLink>
    /// Up to here all that is in the log is among them.
    private let known: UInt64

    /// - Parameter budget: how many events of the log may be read; what was read is taken off.
    init(
        of origin: ULID, after number: UInt64, through last: UInt64, _ arriving: [ChainLink], budget: inout Int,
        in log: some LogReading
    ) throws(StoreFailure) {
        let stored = try log.chainLinks(of: origin, after: number, through: last, limit: budget + 1)
        // Past what was read nobody knows what is missing.
        known = stored.count <= budget ? last : (stored.last?.number ?? 1) - 1
        budget -= min(budget, stored.count)
        var here: [ULID: ChainLink] = [:]
        for link in stored { here[link.id] = link }
        let added = arriving.filter { link in
            link.number > number && link.number <= last && !(here[link.id]?.isSame(as: link) ?? false)
        }
        links = (stored + added).sorted { ($0.number, $0.seq ?? .max, $0.id) < ($1.number, $1.seq ?? .max, $1.id) }[...]
    }

    /// The way from `start`, where the last one ended, to `end`; `nil` where these events do not lead there.
    ///
    /// A chain has one event of a number and one of an id. Where two claim either, what the chain was known to hold is
    /// tried first, then the newest that came here, then the oldest: whoever made some up came before the origin's own, or
    /// after them.
    mutating func walk(from start: ChainTip, to end: ChainTip, over joints: [ChainTip] = [], _ sha256: SHA256) -> ChainWalk? {
        guard end.number <= known else { return nil }
        let part = Array(links.prefix { $0.number <= end.number })
        for way in ChainCandidates.ways(through: part) where Chain.walk(way[...], from: start, to: end, over: joints, sha256) {
            links = links.dropFirst(part.count)
            let taken = Set(way.map(\.id))
            let leavesOut = way.count < part.count && part.contains { $0.seq != nil && !taken.contains($0.id) }
            return ChainWalk(start: start, links: way, leavesOut: leavesOut)
        }
        return nil
    }

    /// The ways that are tried, in turn.
    private static func ways(through part: [ChainLink]) -> [[ChainLink]] {
        let isContested =
            zip(part, part.dropFirst()).contains { $0.number == $1.number } || Set(part.map(\.id)).count < part.count
        guard isContested else { return [part] }
        var ways: [[ChainLink]] = []
        for order in [part.filter(\.isChained) + part.reversed(), part.reversed(), part] {
            let way = choice(of: order)
            if !ways.contains(way) { ways.append(way) }
        }
        return ways
    }

    /// Of those that claim one number or one id the first.
    private static func choice(of links: [ChainLink]) -> [ChainLink] {
        var numbers: Set<UInt64> = []
        var ids: Set<ULID> = []
        var chosen: [ChainLink] = []
        for link in links where !numbers.contains(link.number) && !ids.contains(link.id) {
            numbers.insert(link.number)
            ids.insert(link.id)
            chosen.append(link)
        }
        return chosen.sorted { $0.number < $1.number }
    }
}
