/// A poll, or a page of one, as the history of a peer counts it.
package struct NotedPoll: Hashable, Sendable {
    package enum Result: Hashable, Sendable {
        /// A page was taken, and the poll goes on.
        case page
        case succeeded
        /// It was met, and waits for a person.
        case waited
        case failed(Reason)
    }

    package var result: Result
    /// Events that were not here before.
    package var events = 0
    package var took: Duration?
    package var lag: Int64?

    package init(_ result: Result, events: Int = 0, took: Duration? = nil, lag: Int64? = nil) {
        self.result = result
        self.events = events
        self.took = took
        self.lag = lag
    }

    init(of change: PeerHealthChange.Result, events: Int, took: Duration?, lag: Int64?) {
        let result: Result =
            switch change {
            case .underWay: .page
            case .succeeded: .succeeded
            case .waits: .waited
            case .failed(let reason, _, _): .failed(reason)
            }
        self.init(result, events: events, took: took, lag: lag)
    }
}

/// What the polls of one peer came to in one stretch of time.
package struct PollBucket: Hashable, Sendable {
    /// How long a stretch is. The text stands in databases.
    package enum Width: String, Hashable, Sendable, CaseIterable {
        case fine = "10m"
        case coarse = "1h"

        package var seconds: Int64 {
            switch self {
            case .fine: 600
            case .coarse: 3600
            }
        }
    }

    package let width: Width
    /// In seconds since 1970; a multiple of the width.
    package let start: Int64
    package private(set) var succeeded: Int64 = 0
    package private(set) var waited: Int64 = 0
    package private(set) var failures: [Reason: Int64] = [:]
    package private(set) var events: Int64 = 0
    /// Polls of which it is known how long they took, all of their milliseconds, and those of the slowest.
    package private(set) var timed: Int64 = 0
    package private(set) var took: Int64 = 0
    package private(set) var slowest: Int64 = 0
    /// What the peer had and we had not, as last told, and the most of it; `nil` where it was not told.
    package private(set) var lag: Int64?
    package private(set) var mostLag: Int64?

    /// The stretch that `time` lies in.
    package init(_ width: Width, at time: WallTime) {
        self.init(width, holding: time.milliseconds / 1000)
    }

    private init(_ width: Width, holding second: Int64) {
        self.width = width
        let second = min(max(0, second), PollBucket.lastSecond)
        start = second - second % width.seconds
    }

    /// Twelve digits reach past the year 30000; a clock that shows more is at the end of that.
    private static let lastSecond: Int64 = 999_999_999_999
    /// Counts stop here: no sum of two of them overflows.
    private static let most: Int64 = 1 << 53

    package var time: WallTime { WallTime(milliseconds: start * 1000) }
    /// The first moment after it.
    package var end: WallTime { WallTime(milliseconds: (start + width.seconds) * 1000) }
    package var failed: Int64 { failures.values.reduce(0, PollBucket.sum) }

    package mutating func add(_ poll: NotedPoll) {
        switch poll.result {
        case .page: break
        case .succeeded: succeeded = PollBucket.sum(succeeded, 1)
        case .waited: waited = PollBucket.sum(waited, 1)
        case .failed(let reason): failures[reason] = PollBucket.sum(failures[reason] ?? 0, 1)
        }
        events = PollBucket.sum(events, Int64(clamping: max(0, poll.events)))
        if let time = poll.took?.wholeMilliseconds, time >= 0 {
            timed = PollBucket.sum(timed, 1)
            took = PollBucket.sum(took, time)
            slowest = max(slowest, min(time, PollBucket.most))
        }
        if let told = poll.lag.map({ min(max(0, $0), PollBucket.most) }) {
            lag = told
            mostLag = max(mostLag ?? 0, told)
        }
    }

    /// Takes in a later stretch, or a part of this one.
    mutating func add(_ other: PollBucket) {
        succeeded = PollBucket.sum(succeeded, other.succeeded)
        waited = PollBucket.sum(waited, other.waited)
        failures.merge(other.failures, uniquingKeysWith: PollBucket.sum)
        events = PollBucket.sum(events, other.events)
        timed = PollBucket.sum(timed, other.timed)
        took = PollBucket.sum(took, other.took)
        slowest = max(slowest, other.slowest)
        lag = other.lag ?? lag
        if let most = other.mostLag { mostLag = max(mostLag ?? 0, most) }
    }

    /// The stretch of another width that its beginning lies in, with nothing counted.
    func empty(as width: Width) -> PollBucket { PollBucket(width, holding: start) }

    private static func sum(_ a: Int64, _ b: Int64) -> Int64 { min(a, most) + min(b, most) > most ? most : a + b }
}

// MARK: As it is stored

extension PollBucket {
    /// In order of width and time: `10m:001764190200`.
    package var key: String {
        let digits = String(start)
        return "\(width.rawValue):" + String(repeating: "0", count: max(0, 12 - digits.utf8.count)) + digits
    }

    package var json: [UInt8] {
        var writer = JSONWriter()
        writer.object { writeCounts(to: &$0) }
        return writer.bytes
    }

    /// What is zero is left out, but for the lag: none is something that a peer has said.
    package func writeCounts(to writer: inout JSONWriter) {
        for (name, count) in [
            ("succeeded", succeeded), ("waited", waited), ("events", events), ("timed", timed), ("took_ms", took),
            ("slowest_ms", slowest),
        ] where count > 0 { writer.member(name, count) }
        if let lag { writer.member("lag", lag) }
        if let mostLag { writer.member("most_lag", mostLag) }
        guard !failures.isEmpty else { return }
        writer.key("failures")
        writer.array { writer in
            for (reason, count) in failures.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                writer.object {
                    $0.member("reason", reason.rawValue)
                    $0.member("polls", count)
                }
            }
        }
    }

    /// Reads a stored value. Counts that cannot be read are none: a history is no reason to fail a poll.
    ///
    /// - Returns: `nil` where the key is not one.
    package init?(key: String, json bytes: [UInt8]) {
        let parts = key.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let width = Width(rawValue: String(parts[0])), let start = Int64(parts[1]) else { return nil }
        self.init(width, holding: start)
        guard self.key == key, let json = try? JSON(bytes) else { return }
        func count(_ name: String) -> Int64? { json[name]?.integer.map { min(max(0, $0), PollBucket.most) } }
        succeeded = count("succeeded") ?? 0
        waited = count("waited") ?? 0
        events = count("events") ?? 0
        timed = count("timed") ?? 0
        took = count("took_ms") ?? 0
        slowest = count("slowest_ms") ?? 0
        lag = count("lag")
        mostLag = count("most_lag")
        for each in json["failures"]?.array ?? [] {
            let reason = Reason(stored: each["reason"]?.string ?? "")
            let polls = min(max(0, each["polls"]?.integer ?? 0), PollBucket.most)
            failures[reason] = PollBucket.sum(failures[reason] ?? 0, polls)
        }
    }
}
