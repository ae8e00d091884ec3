/// What polls of a peer came to over time: in steps of ten minutes for a day, in steps of an hour for a week more.
///
/// It is written with the peer's health, in the same transaction: a poll costs one short row read and written, and what
/// a crash takes is what it takes of the poll. There are at most `Limits.historyRows` rows of a peer, however often it is
/// polled.
package enum PollHistory {
    /// Where the rows stand among the values that are kept for each peer.
    package static let namespace = "history"

    /// Counts a poll of a peer.
    static func note(
        _ poll: NotedPoll, of peer: String, at now: WallTime, in log: inout some LogWriting
    ) throws(StoreFailure) {
        let empty = PollBucket(.fine, at: now)
        let stored = try log.wireValue(namespace, peer: peer, key: empty.key)
        var bucket = stored.flatMap { PollBucket(key: empty.key, json: $0) } ?? empty
        bucket.add(poll)
        try log.setWireValue(namespace, peer: peer, key: bucket.key, bucket.json)
        // Once in ten minutes.
        guard stored == nil else { return }
        let before = try log.wireValues(namespace, peer: peer)
        let after = kept(buckets(before), at: now)
        let keys = Set(after.map(\.key))
        for (key, _) in before where !keys.contains(key) { try log.setWireValue(namespace, peer: peer, key: key, nil) }
        let unchanged = Set(buckets(before))
        for bucket in after where !unchanged.contains(bucket) {
            try log.setWireValue(namespace, peer: peer, key: bucket.key, bucket.json)
        }
    }

    /// What is known of a peer, the oldest first.
    package static func buckets(of peer: String, in log: some LogReading) throws(StoreFailure) -> [PollBucket] {
        buckets(try log.wireValues(namespace, peer: peer)).sorted { ($0.start, $0.width.seconds) < ($1.start, $1.width.seconds) }
    }

    private static func buckets(_ stored: [(key: String, value: [UInt8])]) -> [PollBucket] {
        stored.compactMap { PollBucket(key: $0.key, json: $0.value) }
    }

    /// What of a history stays: steps of ten minutes that ended more than a day ago become part of their hours, and past
    /// `Limits.historyRows` the oldest go.
    ///
    /// It is bound by number and not by time, as a clock may be wrong for a while (a board without one begins years back),
    /// and what was known before is asked for just then. What lies ahead goes before all else, once there is too much:
    /// either it was the wrong clock's, or that is the time that is shown now.
    static func kept(_ buckets: [PollBucket], at now: WallTime) -> [PollBucket] {
        let day = now.advanced(by: .zero - Limits.historyFine)
        var fine: [PollBucket] = []
        var hours: [Int64: PollBucket] = [:]
        for bucket in buckets.sorted(by: { $0.start < $1.start }) {
            if bucket.width == .fine, bucket.end > day {
                fine.append(bucket)
                continue
            }
            let hour = bucket.empty(as: .coarse)
            hours[hour.start, default: hour].add(bucket)
        }
        let all = (fine + hours.values).sorted { ($0.start, $0.width.seconds) < ($1.start, $1.width.seconds) }
        let excess = all.count - Limits.historyRows
        guard excess > 0 else { return all }
        let ahead = all.filter { $0.time > now }
        return Array(all.filter { $0.time <= now }.dropFirst(max(0, excess - ahead.count)) + ahead.dropFirst(excess))
    }
}
