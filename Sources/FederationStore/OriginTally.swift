internal import FederationCore

/// What a transaction changes in the table `origins`: collected, so that a page of events costs one row an origin. The
/// holes in the numbers of an origin are rows of their own, written where one comes or goes.
struct OriginTally {
    private var counted: [ExactText: Counted] = [:]

    private struct Counted {
        var summary: OriginSummary
        var isWritten = false
    }

    /// Counts an event that is about to be put into the log.
    mutating func add(
        _ event: Event, _ digest: Digest, at time: WallTime, in connection: borrowing SQLiteConnection
    ) throws(SQLiteError) {
        try change(event.origin, in: connection) { summary throws(SQLiteError) in
            summary.events += 1
            summary.sum += DigestSum(digest)
            guard let number = event.number else { return }
            // A number above all others is new without asking, and almost every one is the next.
            if number > summary.highestNumber {
                if number > summary.highestNumber + 1 {
                    try connection.insert(
                        NumberHole(origin: event.origin, summary.highestNumber + 1...number - 1, since: time))
                }
                summary.distinctNumbers += 1
                summary.highestNumber = number
            } else if let hole = try connection.hole(of: event.origin, with: number) {
                summary.distinctNumbers += 1
                try connection.delete(hole)
                for left in hole.filled(by: number) { try connection.insert(left) }
            }
        }
    }

    /// Uncounts an event that has just left the log for another that takes its id, which is counted next.
    mutating func replace(
        _ old: StoredEvent, with new: Event, in connection: borrowing SQLiteConnection
    ) throws(SQLiteError) {
        var summary = try summary(of: old.event.origin, in: connection)
        summary.events -= 1
        summary.sum -= DigestSum(old.digest)
        if let number = old.event.number, try !isPresent(number, of: old.event.origin, in: connection) {
            let isItsNumberToo = new.origin.isExactly(old.event.origin) && new.number == number
            summary.distinctNumbers -= 1
            if isItsNumberToo || number < summary.highestNumber {
                // What has just been a hole of nobody's making is filled at once.
                try connection.insert(NumberHole(origin: old.event.origin, number...number, since: old.receivedAt))
            } else {
                summary.highestNumber = try OriginTally.highestNumber(of: old.event.origin, in: connection) ?? 0
                try connection.run(
                    "DELETE FROM holes WHERE origin = ? AND first > ?", old.event.origin,
                    Int64(clamping: summary.highestNumber))
            }
        }
        keep(summary)
    }

    /// Uncounts an event that another program has taken out: its number leaves a hole, also where it was the highest.
    mutating func lose(
        _ digest: Digest, of origin: String, number: UInt64?, at time: WallTime, in connection: borrowing SQLiteConnection
    ) throws(SQLiteError) {
        var summary = try summary(of: origin, in: connection)
        summary.events -= 1
        summary.sum -= DigestSum(digest)
        if let number, try !isPresent(number, of: origin, in: connection),
            try connection.hole(of: origin, with: number) == nil
        {
            summary.distinctNumbers -= 1
            var hole = NumberHole(origin: origin, number...number, since: time)
            // Numbers that were lost together are one hole.
            if let before = try connection.hole(of: origin, with: number - 1), before.since == time {
                try connection.delete(before)
                hole.first = before.first
            }
            if let after = try connection.hole(of: origin, with: number + 1), after.since == time {
                try connection.delete(after)
                hole.last = after.last
            }
            try connection.insert(hole)
        }
        keep(summary)
    }

    /// Whether a number is above all of an origin's, as far as this transaction knows without asking.
    func isAboveAll(_ number: UInt64, of origin: String) -> Bool {
        counted[ExactText(origin)].map { number > $0.summary.highestNumber } ?? false
    }

    /// Writes what changed.
    mutating func flush(to connection: borrowing SQLiteConnection) throws(SQLiteError) {
        for (key, counted) in counted where !counted.isWritten {
            let summary = counted.summary
            // An origin all of whose events were lost is still known by its holes.
            if summary.events > 0 || summary.highestNumber > 0 {
                try connection.run(
                    "INSERT OR REPLACE INTO origins VALUES (?, ?, ?, ?, ?)", summary.origin, summary.events,
                    summary.distinctNumbers, Int64(clamping: summary.highestNumber), summary.sum.bytes)
            } else {
                try connection.run("DELETE FROM origins WHERE origin = ?", summary.origin)
            }
            self.counted[key]?.isWritten = true
        }
    }

    private mutating func keep(_ summary: OriginSummary) {
        counted[ExactText(summary.origin)] = Counted(summary: summary)
    }

    /// Changes what is counted of an origin where it stands.
    private mutating func change(
        _ origin: String, in connection: borrowing SQLiteConnection,
        _ body: (inout OriginSummary) throws(SQLiteError) -> Void
    ) throws(SQLiteError) {
        guard let place = counted.index(forKey: ExactText(origin)) else {
            var summary = try summary(of: origin, in: connection)
            try body(&summary)
            return keep(summary)
        }
        counted.values[place].isWritten = false
        try body(&counted.values[place].summary)
    }

    private func summary(
        of origin: String, in connection: borrowing SQLiteConnection
    ) throws(SQLiteError) -> OriginSummary {
        if let known = counted[ExactText(origin)] { return known.summary }
        return try connection.first("SELECT * FROM origins WHERE origin = ?", origin, row: OriginSummary.init(row:))
            ?? OriginSummary(origin: origin, events: 0, distinctNumbers: 0, highestNumber: 0)
    }

    /// The greatest number in the log of one origin: one step in an index.
    static func highestNumber(
        of origin: String, in connection: borrowing SQLiteConnection
    ) throws(SQLiteError) -> UInt64? {
        try connection.first(
            "SELECT number FROM events WHERE origin = ? AND number IS NOT NULL ORDER BY number DESC LIMIT 1", origin
        ) { UInt64(clamping: $0.integer(0)) }
    }

    private func isPresent(
        _ number: UInt64, of origin: String, in connection: borrowing SQLiteConnection
    ) throws(SQLiteError) -> Bool {
        try connection.first(
            "SELECT 1 FROM events WHERE origin = ? AND number = ? LIMIT 1", origin, Int64(clamping: number)
        ) { _ in true } ?? false
    }
}

extension OriginSummary {
    init(row: borrowing SQLiteRow) {
        self.init(
            origin: row.text(0), events: row.integer(1), distinctNumbers: row.integer(2),
            highestNumber: UInt64(clamping: row.integer(3)), sum: DigestSum(bytes: row.bytes(4)) ?? DigestSum())
    }
}
