/// Two events of one origin with one number, or one that the origin's own chain does not know: the origin said two things,
/// or an old copy of it went on writing. The first case found is kept with a count; the events themselves stay where they
/// are.
package struct Equivocation: Hashable, Sendable {
    static let namespace = "equivocations"

    package var origin: ULID
    package var number: UInt64
    /// The events of that number.
    package var events: [ULID]
    package var firstSeen: WallTime
    package var count: Int

    /// All that were noted, in order of origin.
    package static func all(in log: some LogReading) throws(StoreFailure) -> [Equivocation] {
        try log.wireValues(namespace, peer: "").compactMap { Equivocation(origin: ULID($0.key), $0.value) }
    }

    /// Looks whether an event that is about to be put into the log shares its number.
    ///
    /// - Parameters:
    ///   - loser: the event whose id it takes.
    ///   - isProved: a chain names it.
    static func note(
        _ entry: LogEntry, over loser: StoredEvent?, isProved: Bool, _ intervals: inout ChainIntervals, _ sha256: SHA256,
        now: WallTime, in log: inout some LogWriting
    ) throws(StoreFailure) {
        // What is not shown to be its origin's says nothing about it: anybody could have made it up.
        guard entry.verification.rank > 0, let origin = entry.event.originID, let number = entry.event.number else { return }
        var events = try shown(of: origin, number: number, in: log)
        if let loser {
            // A loser that nobody signed says nothing about the origin.
            guard loser.verification.isProved, entry.verification.isProved, loser.event.number == number else { return }
        } else {
            var isUnknownToChain = false
            if events.isEmpty, !isProved {
                isUnknownToChain = try intervals.exclude(entry.event.id, number: number, of: origin, sha256, in: log)
            }
            guard !events.isEmpty || isUnknownToChain else { return }
        }
        if !events.contains(entry.event.id) { events.append(entry.event.id) }
        try note(events, number: number, of: origin, now: now, in: &log)
    }

    /// Looks whether an event of the log that is now shown to be its origin's shares its number with another such one.
    static func note(sealed event: Event, now: WallTime, in log: inout some LogWriting) throws(StoreFailure) {
        guard let origin = event.originID, let number = event.number else { return }
        let events = try shown(of: origin, number: number, in: log)
        if events.count > 1 { try note(events, number: number, of: origin, now: now, in: &log) }
    }

    /// The events of a number that are shown to be its origin's.
    private static func shown(of origin: ULID, number: UInt64, in log: some LogReading) throws(StoreFailure) -> [ULID] {
        var events: [ULID] = []
        for id in try log.events(of: origin, number: number) where try log.event(id)?.verification.rank ?? 0 > 0 {
            events.append(id)
        }
        return events
    }

    private static func note(
        _ events: [ULID], number: UInt64, of origin: ULID, now: WallTime, in log: inout some LogWriting
    ) throws(StoreFailure) {
        let key = origin.description
        let known = try log.wireValue(namespace, peer: "", key: key).flatMap { Equivocation(origin: origin, $0) }
        var noted = known ?? Equivocation(origin: origin, number: number, events: events, firstSeen: now, count: 0)
        if known?.number == number { noted.events = Array(Set(noted.events + events).sorted().prefix(16)) }
        noted.count += 1
        try log.setWireValue(namespace, peer: "", key: key, noted.json)
    }

    private init(origin: ULID, number: UInt64, events: [ULID], firstSeen: WallTime, count: Int) {
        self.origin = origin
        self.number = number
        self.events = events
        self.firstSeen = firstSeen
        self.count = count
    }

    private init?(origin: ULID?, _ bytes: [UInt8]) {
        guard let origin, let json = try? JSON(bytes), let number = json["number"]?.unsigned,
            let seen = json["first_seen"]?.integer, let count = json["count"]?.integer
        else { return nil }
        self.origin = origin
        self.number = number
        events = (json["events"]?.array ?? []).compactMap { $0.string.flatMap { ULID($0) } }
        firstSeen = WallTime(milliseconds: seen)
        self.count = Int(clamping: count)
    }

    private var json: [UInt8] {
        var writer = JSONWriter()
        writer.object {
            $0.member("number", number)
            $0.member("events", events.map(\.description))
            $0.member("first_seen", firstSeen.milliseconds)
            $0.member("count", count)
        }
        return writer.bytes
    }
}
