internal import CSQLite
internal import FederationCore

/// What a database is like, without a word of what stands in it.
package struct DatabaseFacts: Hashable, Sendable {
    package var sqliteVersion = ""
    package var schema = 0
    package var journalMode = ""
    package var pageSize: Int64 = 0
    package var pages: Int64 = 0
    package var unusedPages: Int64 = 0
    /// `ok`, or the first thing that SQLite finds wrong with pages and rows.
    package var quickCheck = ""
    /// How long that was let run, where it did not come to its end.
    package var quickCheckStopped: Duration?
    /// Rows of each table.
    package var rows: [String: Int64] = [:]
}

extension SQLiteDatabase {
    private static let counts: [(table: String, sql: SQL)] = [
        ("events", "SELECT count(*) FROM events"), ("replaced", "SELECT count(*) FROM replaced"),
        ("origins", "SELECT count(*) FROM origins"), ("records", "SELECT count(*) FROM records"),
        ("federation_state", "SELECT count(*) FROM federation_state"), ("wire_values", "SELECT count(*) FROM wire_values"),
        ("quarantine", "SELECT count(*) FROM quarantine"), ("item_blocks", "SELECT count(*) FROM item_blocks"),
        ("events_lost", "SELECT count(*) FROM events_lost"), ("holes", "SELECT count(*) FROM holes"),
        ("attestations", "SELECT count(*) FROM attestations"),
    ]

    private func checkQuickly(_ facts: inout DatabaseFacts, within time: Duration) throws(SQLiteError) {
        let alarm = connection.alarm(after: time)
        defer { alarm.stop() }
        do throws(SQLiteError) {
            facts.quickCheck = try connection.first("PRAGMA quick_check(1)") { $0.text(0) } ?? ""
        } catch {
            guard error.code == SQLITE_INTERRUPT else { throw error }
            facts.quickCheckStopped = time
        }
    }

    /// Reads every page once, for as long as is said.
    func facts(within time: Duration) throws(SQLiteError) -> DatabaseFacts {
        var facts = DatabaseFacts()
        facts.sqliteVersion = try connection.first("SELECT sqlite_version()") { $0.text(0) } ?? ""
        facts.schema = try connection.userVersion()
        facts.journalMode = try connection.first("PRAGMA journal_mode") { $0.text(0) } ?? ""
        facts.pageSize = try connection.first("PRAGMA page_size") { $0.integer(0) } ?? 0
        facts.pages = try connection.first("PRAGMA page_count") { $0.integer(0) } ?? 0
        facts.unusedPages = try connection.first("PRAGMA freelist_count") { $0.integer(0) } ?? 0
        try checkQuickly(&facts, within: time)
        for (table, sql) in SQLiteDatabase.counts {
            // A table that is damaged says so above; the others are counted all the same.
            if let count = try? connection.first(sql, row: { $0.integer(0) }) { facts.rows[table] = count }
        }
        return facts
    }
}
