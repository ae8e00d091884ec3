package import FederationCore

extension SQLiteLog: AuditedLog {
    package func damage(limit: Int) throws(StoreFailure) -> [String] {
        try storing { () throws(SQLiteError) in
            var words: [String] = []
            try database.connection.scan("SELECT * FROM pragma_integrity_check(?)", limit) { row in
                words.append(row.text(0))
                return true
            }
            return words == ["ok"] ? [] : words
        }
    }

    package func rows(after seq: Int64, limit: Int, bytes: Int) throws(StoreFailure) -> [LogRow] {
        try storing { () throws(SQLiteError) in
            var rows: [LogRow] = []
            var total = 0
            try database.connection.scan(
                "SELECT * FROM events WHERE seq > ? ORDER BY seq LIMIT ?", seq, max(0, limit)
            ) { row in
                rows.append(LogRow(row: row))
                total += StoredEvent.jsonBytesBound(row)
                return total < bytes
            }
            return rows
        }
    }

    package func removed(limit: Int) throws(StoreFailure) -> [LogItem] {
        try storing { () throws(SQLiteError) in
            try database.connection.rows("SELECT time, digest FROM events_lost LIMIT ?", max(0, limit)) {
                row throws(SQLiteError) in try row.item()
            }
        }
    }

    package func numbers(of origin: String, from number: UInt64, limit: Int) throws(StoreFailure) -> [UInt64] {
        try storing { () throws(SQLiteError) in
            try database.connection.rows(
                "SELECT number FROM events WHERE origin = ? AND number >= ? ORDER BY number LIMIT ?", origin,
                Int64(clamping: number), max(0, limit)
            ) { UInt64(clamping: $0.integer(0)) }
        }
    }

    package func hole(of origin: String, from number: UInt64) throws(StoreFailure) -> NumberHole? {
        try storing { () throws(SQLiteError) in
            try database.connection.first(
                "SELECT * FROM holes WHERE origin = ? AND first >= ? ORDER BY first LIMIT 1", origin,
                Int64(clamping: number), row: NumberHole.init(row:))
        }
    }

    package func recordSubjects(after subject: String?, limit: Int) throws(StoreFailure) -> [String] {
        try storing { () throws(SQLiteError) in
            // The first page begins at the empty text, which may be a subject itself.
            try database.connection.rows(
                "SELECT subject FROM records WHERE subject >= ?1 AND (subject <> ?1 OR ?2) ORDER BY subject LIMIT ?3",
                subject ?? "", subject == nil, max(0, limit)
            ) { $0.text(0) }
        }
    }

    package func marks(after seq: Int64, limit: Int) throws(StoreFailure) -> [LogMark] {
        try storing { () throws(SQLiteError) in
            try database.connection.rows(
                """
                SELECT replaced.seq, replaced.id, (SELECT seq FROM events WHERE events.id = replaced.id)
                FROM replaced WHERE replaced.seq > ? ORDER BY replaced.seq LIMIT ?
                """, seq, max(0, limit)
            ) { LogMark(seq: $0.integer(0), id: $0.text(1), now: $0.optionalInteger(2)) }
        }
    }
}

extension LogRow {
    /// Reads a row of `events`, whose columns it knows by place.
    init(row: borrowing SQLiteRow) {
        self.init(
            seq: row.integer(0), id: row.text(1), stored: try? StoredEvent(row: row),
            number: row.optionalInteger(6).map { UInt64(clamping: $0) }, family: row.text(9))
    }
}
