internal import FederationCore

/// What a transaction changes in the table `origins`: collected, so that a page of events costs one row an origin.
struct OriginTally {
    /// By the bytes of the origin: to Swift, two spellings of one text are equal, and to SQLite they are not.
    private var counted: [[UInt8]: Counted] = [:]

    private struct Counted {
        var summary: OriginSummary
        var isWritten = false
    }

    /// Counts an event that is about to be put into the log.
    mutating func add(_ event: Event, _ digest: Digest, in connection: borrowing SQLiteConnection) throws(SQLiteError) {
        var summary = try summary(of: event.origin, in: connection)
        summary.events += 1
        summary.sum += DigestSum(digest)
        if let number = event.number {
            // A number above all others is new without asking, and almost every one is.
            if number > summary.highestNumber {
                summary.distinctNumbers += 1
                summary.highestNumber = number
            } else if try !isPresent(number, of: event.origin, in: connection) {
                summary.distinctNumbers += 1
            }
        }
        keep(summary)
    }

    /// Uncounts an event that has just left the log.
    mutating func remove(
        _ digest: Digest, of origin: String, number: UInt64?, in connection: borrowing SQLiteConnection
    ) throws(SQLiteError) {
        var summary = try summary(of: origin, in: connection)
        summary.events -= 1
        summary.sum -= DigestSum(digest)
        if let number, try !isPresent(number, of: origin, in: connection) {
            summary.distinctNumbers -= 1
            if number == summary.highestNumber {
                summary.highestNumber = try OriginTally.highestNumber(of: origin, in: connection) ?? 0
            }
        }
        keep(summary)
    }

    /// Writes what changed.
    mutating func flush(to connection: borrowing SQLiteConnection) throws(SQLiteError) {
        for (key, counted) in counted where !counted.isWritten {
            let summary = counted.summary
            if summary.events > 0 {
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
        counted[Array(summary.origin.utf8)] = Counted(summary: summary)
    }

    private func summary(
        of origin: String, in connection: borrowing SQLiteConnection
    ) throws(SQLiteError) -> OriginSummary {
        if let known = counted[Array(origin.utf8)] { return known.summary }
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
