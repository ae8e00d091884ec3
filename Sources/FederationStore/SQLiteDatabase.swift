internal import FederationCore
internal import Glibc
#if FAIL_POINTS
    internal import FailPoints
#endif

/// One open database: a connection and what is remembered beside it while a transaction runs.
final class SQLiteDatabase {
    let path: String
    let connection: SQLiteConnection
    /// What this transaction has changed in `origins`, `item_blocks` and `arrival_blocks`, and not yet written there.
    var counts = Counts()

    struct Counts {
        var origins = OriginTally()
        var items = ItemTally()
        var arrivals = ArrivalTally()
    }

    /// The last place that this transaction has added to the log.
    var appended: Int64?
    /// About how many bytes this transaction has added: events, and evidence of what is not in the log.
    var grown: Int64 = 0

    /// Opens the database for writing, making or migrating it where needed. The file is its owner's alone.
    static func writer(
        path: String, isDurable: Bool = true, reporting damage: Damage? = nil
    ) throws(StoreFailure) -> SQLiteDatabase {
        makeFile(path)
        let connection = try storing { () throws(SQLiteError) in try SQLiteConnection(path: path, mode: .readWrite) }
        if let damage { connection.report(to: damage) }
        try Schema.migrate(connection)
        try storing { () throws(SQLiteError) in
            try connection.makeDurable()
            // A checkpoint every 16 MiB instead of every 4 lets more pages of a catch-up be written once; a log that
            // has grown past 64 MiB (a reader held it open) gives its room back.
            try connection.script(
                """
                PRAGMA cache_size = -8192; PRAGMA wal_autocheckpoint = 4096; PRAGMA journal_size_limit = 67108864
                """)
            if !isDurable { try connection.script("PRAGMA synchronous = OFF") }
        }
        return SQLiteDatabase(path, consume connection)
    }

    /// Opens a database that has this program's schema, for reading.
    ///
    /// - Throws: `olderSchema` for one that only a writer can bring up to date.
    static func reader(path: String, reporting damage: Damage? = nil) throws(StoreFailure) -> SQLiteDatabase {
        let connection = try storing { () throws(SQLiteError) in try SQLiteConnection(path: path, mode: .readOnly) }
        if let damage { connection.report(to: damage) }
        let found = try Schema.found(in: connection)
        guard found == Schema.version else { throw .olderSchema(found: found) }
        return SQLiteDatabase(path, consume connection)
    }

    /// Opens a database that has this program's schema, for a transaction that will be undone.
    static func rehearsal(path: String) throws(StoreFailure) -> SQLiteDatabase {
        let connection = try storing { () throws(SQLiteError) in try SQLiteConnection(path: path, mode: .readWrite) }
        let found = try Schema.found(in: connection)
        guard found == Schema.version else { throw .olderSchema(found: found) }
        return SQLiteDatabase(path, consume connection)
    }

    private init(_ path: String, _ connection: consuming SQLiteConnection) {
        self.path = path
        self.connection = connection
    }

    // MARK: What is kept because it takes too long to count

    /// Counts an event that is about to be put into the log.
    func count(_ event: Event, _ digest: Digest, at time: WallTime) throws(SQLiteError) {
        try counts.origins.add(event, digest, at: time, in: connection)
        counts.items.add(LogItem(event.id, digest))
    }

    /// Uncounts an event that this transaction has just taken out of the log, for another to take its id.
    func uncount(_ old: StoredEvent, for new: Event) throws(SQLiteError) {
        let item = LogItem(old.event.id, old.digest)
        try connection.run(
            "DELETE FROM events_lost WHERE time = ? AND digest = ?", item.timeText, item.digest.bytes)
        try counts.origins.replace(old, with: new, in: connection)
        counts.items.remove(item)
        counts.arrivals.change(at: old.seq)
    }

    /// Uncounts what another program took out of the log: a trigger has noted it.
    func uncountLost() throws(SQLiteError) {
        let lost = try connection.rows("SELECT * FROM events_lost ORDER BY origin, number") { row throws(SQLiteError) in
            (
                item: try row.item(), origin: row.text(2), number: row.optionalInteger(3).map { UInt64(clamping: $0) },
                at: WallTime(milliseconds: row.integer(4))
            )
        }
        guard !lost.isEmpty else { return }
        for event in lost {
            try counts.origins.lose(
                event.item.digest, of: event.origin, number: event.number, at: event.at, in: connection)
            counts.items.remove(event.item)
        }
        try connection.run("DELETE FROM events_lost")
    }

    /// Writes what has changed: before it is read, and at the end of the transaction.
    func settle() throws(SQLiteError) {
        try counts.origins.flush(to: connection)
        try counts.items.flush(to: connection)
        try counts.arrivals.flush(to: connection)
    }

    /// What a failed transaction had counted is gone with it.
    func forgetCounts() {
        counts = Counts()
        appended = nil
        grown = 0
    }

    /// Makes an empty file of mode 0600, which SQLite's other files take over; does nothing if there is one.
    private static func makeFile(_ path: String) {
        // Never opens a database that exists: closing it again would drop SQLite's locks on it in this process.
        guard !path.utf8.contains(0) else { return }
        let file = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if file >= 0 { close(file) }
        #if FAIL_POINTS
            FailPoint.madeFile.pass()
        #endif
    }
}
