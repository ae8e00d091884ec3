package import FederationCore

extension SQLiteLog {
    package func holes(of origin: String, limit: Int) throws(StoreFailure) -> [NumberHole] {
        try storing { () throws(SQLiteError) in
            try database.connection.rows(
                "SELECT * FROM holes WHERE origin = ? ORDER BY since, first LIMIT ?", origin, max(0, limit),
                row: NumberHole.init(row:))
        }
    }

    package func newestHoles(limit: Int) throws(StoreFailure) -> [NumberHole] {
        try storing { () throws(SQLiteError) in
            try database.connection.rows(
                "SELECT * FROM holes ORDER BY since DESC, origin, first LIMIT ?", max(0, limit),
                row: NumberHole.init(row:))
        }
    }

    package func events(
        by origin: String, numbers: ClosedRange<UInt64>, limit: Int, bytes: Int
    ) throws(StoreFailure) -> [StoredEvent] {
        try storing { () throws(SQLiteError) in
            var page = EventPage(bytes: bytes)
            try database.connection.scan(
                "SELECT * FROM events WHERE origin = ? AND number BETWEEN ? AND ? ORDER BY number, seq LIMIT ?", origin,
                Int64(clamping: numbers.lowerBound), Int64(clamping: numbers.upperBound), max(0, limit)
            ) { row throws(SQLiteError) in try page.take(row) }
            return page.events
        }
    }
}

extension SQLiteConnection {
    /// The hole that has `number` in it.
    borrowing func hole(of origin: String, with number: UInt64) throws(SQLiteError) -> NumberHole? {
        let found = try first(
            "SELECT * FROM holes WHERE origin = ? AND first <= ? ORDER BY first DESC LIMIT 1", origin,
            Int64(clamping: number), row: NumberHole.init(row:))
        return found.flatMap { $0.last >= number ? $0 : nil }
    }

    borrowing func insert(_ hole: NumberHole) throws(SQLiteError) {
        try run(
            "INSERT OR REPLACE INTO holes VALUES (?, ?, ?, ?)", hole.origin, Int64(clamping: hole.first), Int64(clamping: hole.last),
            hole.since.milliseconds)
    }

    borrowing func delete(_ hole: NumberHole) throws(SQLiteError) {
        try run("DELETE FROM holes WHERE origin = ? AND first = ?", hole.origin, Int64(clamping: hole.first))
    }
}

extension NumberHole {
    init(row: borrowing SQLiteRow) throws(SQLiteError) {
        let (first, last) = (row.integer(1), row.integer(2))
        guard first > 0, first <= last else { throw .malformedValue }
        self.init(
            origin: row.text(0), UInt64(first)...UInt64(last), since: WallTime(milliseconds: row.integer(3)))
    }
}
