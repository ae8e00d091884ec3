internal import FederationCore
internal import Glibc

/// One open database: a connection and what is remembered beside it while a transaction runs.
final class SQLiteDatabase {
    let path: String
    let connection: SQLiteConnection
    /// What this transaction has added to `origins` and not yet written there.
    var tally = OriginTally()
    /// The last place that this transaction has added to the log.
    var appended: Int64?
    /// About how many bytes this transaction has added: events, and evidence of what is not in the log.
    var grown: Int64 = 0

    /// Opens the database for writing, making or migrating it where needed. The file is its owner's alone.
    static func writer(path: String, isDurable: Bool = true) throws(StoreFailure) -> SQLiteDatabase {
        makeFile(path)
        let connection = try storing { () throws(SQLiteError) in try SQLiteConnection(path: path, mode: .readWrite) }
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
    static func reader(path: String) throws(StoreFailure) -> SQLiteDatabase {
        let connection = try storing { () throws(SQLiteError) in try SQLiteConnection(path: path, mode: .readOnly) }
        let found = try Schema.found(in: connection)
        guard found == Schema.version else { throw .olderSchema(found: found) }
        return SQLiteDatabase(path, consume connection)
    }

    /// Opens a database that has this program's schema, for a transaction that will be undone.
    static func rehearsal(path: String) throws(StoreFailure) -> SQLiteDatabase {
        let connection = try storing { () throws(SQLiteError) in try SQLiteConnection(path: path, mode: .readWrite) }
        guard try Schema.found(in: connection) == Schema.version else { throw .readOnly }
        return SQLiteDatabase(path, consume connection)
    }

    private init(_ path: String, _ connection: consuming SQLiteConnection) {
        self.path = path
        self.connection = connection
    }

    /// Makes an empty file of mode 0600, which SQLite's other files take over; does nothing if there is one.
    private static func makeFile(_ path: String) {
        // Never opens a database that exists: closing it again would drop SQLite's locks on it in this process.
        guard !path.utf8.contains(0) else { return }
        let file = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if file >= 0 { close(file) }
    }
}
