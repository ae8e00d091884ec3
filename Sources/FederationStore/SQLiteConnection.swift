internal import CSQLite
#if FAIL_POINTS
    internal import FailPoints
#endif

/// The text of a statement. Only a literal makes one, so nothing from outside can become SQL.
struct SQL: ExpressibleByStringLiteral, Sendable {
    let text: StaticString

    init(stringLiteral text: StaticString) { self.text = text }

    /// Where the literal stands, which is nowhere else.
    var place: UInt { unsafe UInt(bitPattern: text.utf8Start) }
}

/// One connection to one database, closed once. It is not `Sendable`: whoever owns it is the only one to use it.
// SAFETY: the handle is private, opened in `init` and closed in `deinit`, and `~Copyable` gives it one owner.
@safe struct SQLiteConnection: ~Copyable {
    enum Mode {
        case create, readWrite, readOnly
        /// Another program's file, which is read without locks and beside which no file is made: while it is read,
        /// nobody may change it.
        case unchanging
    }

    /// A value longer than this is neither written nor read, whatever a damaged file claims.
    static let maxValueBytes: Int32 = 64 << 20
    /// How long a lock held by another connection is waited for.
    static let busyTimeout = Duration.seconds(5)

    private let handle: OpaquePointer
    private let statements: StatementCache

    /// Opens the file at `path`, which is never taken for a URI or one of SQLite's special names.
    init(path: String, mode: Mode, busyTimeout: Duration = Self.busyTimeout) throws(SQLiteError) {
        // SQLite reads up to a NUL, "file:" is a URI to a library built with SQLITE_USE_URI, ":memory:" is no file.
        guard !path.isEmpty, !path.utf8.contains(0) else { throw SQLiteError(extendedCode: SQLITE_CANTOPEN) }
        guard !EmptiedDatabase.stands(at: path) else { throw SQLiteError(extendedCode: SQLITE_CORRUPT) }
        let access =
            switch mode {
            case .create: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
            case .readWrite: SQLITE_OPEN_READWRITE
            case .readOnly: SQLITE_OPEN_READONLY
            case .unchanging: SQLITE_OPEN_READONLY | SQLITE_OPEN_URI
            }
        let file = path.hasPrefix("/") ? path : "./" + path
        var opened: OpaquePointer?
        let code = unsafe sqlite3_open_v2(
            mode == .unchanging ? SQLiteConnection.unchangingURI(of: file) : file, &opened,
            access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
        guard code == SQLITE_OK, let handle = unsafe opened else {
            // "Whether or not an error occurs when it is opened, resources … should be released" (sqlite3_open).
            unsafe sqlite3_close_v2(opened)
            throw SQLiteError(extendedCode: code)
        }
        unsafe self.handle = handle
        unsafe statements = StatementCache(connection: handle)
        unsafe sqlite3_busy_timeout(handle, Int32(clamping: busyTimeout.components.seconds * 1000))
        unsafe sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, SQLiteConnection.maxValueBytes)
        unsafe _ = csqlite_configure(handle, SQLITE_DBCONFIG_DEFENSIVE, 1)
        unsafe _ = csqlite_configure(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0)
    }

    /// Every byte that is not plainly part of a path is escaped, so that no name adds a parameter.
    private static func unchangingURI(of path: String) -> String {
        var uri = "file:"
        for byte in path.utf8 {
            switch byte {
            case 0x2D...0x39, 0x41...0x5A, 0x5F, 0x61...0x7A: uri.unicodeScalars.append(Unicode.Scalar(byte))
            default: uri += "%" + (byte < 0x10 ? "0" : "") + String(byte, radix: 16)
            }
        }
        return uri + "?immutable=1"
    }

    deinit {
        // What the write-ahead log holds must not be written over a file that is damaged.
        if statements.damage?.isFound ?? false {
            unsafe _ = csqlite_configure(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
        }
        // Statements are finalized by their own deinit, maybe later than this; the v2 close waits for the last one.
        unsafe sqlite3_close_v2(handle)
    }

    /// Has it noted from now on that the file is damaged.
    func report(to damage: Damage) { statements.damage = damage }

    // MARK: Statements

    /// Runs a statement that answers no rows.
    borrowing func run<each Value: SQLiteBindable>(_ sql: SQL, _ values: repeat each Value) throws(SQLiteError) {
        let statement = try statements.statement(sql)
        defer { statement.rest() }
        try statement.bind(repeat each values)
        while try statement.step() {}
        #if FAIL_POINTS
            FailPoint.passed(statement: sql.text)
        #endif
    }

    /// Inserts a row.
    ///
    /// In a transaction, a row that comes right after one of the same table waits for those that follow, and is inserted with
    /// them: at the latest before this connection does anything else. So what is wrong with a row may be told by a later
    /// call, and by each one until the transaction is undone. A scan that is under way does not see what waits.
    borrowing func insert(_ row: some TableRow) throws(SQLiteError) {
        try statements.insert(row, mayWait: isInTransaction)
    }

    /// Calls `body` for each row until it answers `false`.
    borrowing func scan<each Value: SQLiteBindable>(
        _ sql: SQL, _ values: repeat each Value, row body: (borrowing SQLiteRow) throws(SQLiteError) -> Bool
    ) throws(SQLiteError) {
        let statement = try statements.statement(sql)
        defer { statement.rest() }
        try statement.bind(repeat each values)
        #if FAIL_POINTS
            defer { FailPoint.passed(statement: sql.text) }
        #endif
        while try statement.step() { guard try body(statement.row) else { return } }
    }

    /// What `transform` makes of each row.
    borrowing func rows<each Value: SQLiteBindable, Result>(
        _ sql: SQL, _ values: repeat each Value, row transform: (borrowing SQLiteRow) throws(SQLiteError) -> Result
    ) throws(SQLiteError) -> [Result] {
        var results: [Result] = []
        try scan(sql, repeat each values) { row throws(SQLiteError) in
            results.append(try transform(row))
            return true
        }
        return results
    }

    /// What `transform` makes of the first row.
    borrowing func first<each Value: SQLiteBindable, Result>(
        _ sql: SQL, _ values: repeat each Value, row transform: (borrowing SQLiteRow) throws(SQLiteError) -> Result
    ) throws(SQLiteError) -> Result? {
        var result: Result?
        try scan(sql, repeat each values) { row throws(SQLiteError) in
            result = try transform(row)
            return false
        }
        return result
    }

    /// Whatever runs here is interrupted once the time is over or it is rung, unless that is stopped before.
    borrowing func alarm(after time: Duration? = nil) -> SQLiteAlarm { unsafe SQLiteAlarm(handle, after: time) }

    /// Runs several statements that take no values: a schema, a pragma.
    borrowing func script(_ sql: SQL) throws(SQLiteError) { try execute(sql.text.description) }

    private borrowing func execute(_ text: String) throws(SQLiteError) {
        try statements.settle()
        let code = unsafe sqlite3_exec(handle, text, nil, nil, nil)
        guard code == SQLITE_OK else {
            statements.damage?.heed(code)
            throw SQLiteError(extendedCode: code)
        }
    }

    /// How many rows the last statement changed.
    var changes: Int { unsafe Int(sqlite3_changes64(handle)) }

    /// The rowid that the last insert gave.
    borrowing func lastRowID() throws(SQLiteError) -> Int64 {
        try statements.settle()
        return unsafe sqlite3_last_insert_rowid(handle)
    }

    // MARK: Transactions

    /// Does `body` in one transaction that holds the write lock from its beginning, and commits it; a failure of
    /// `body` or of the commit undoes it whole.
    @discardableResult
    borrowing func transaction<Value: ~Copyable, Failure: FailureOfSQLite>(
        _ body: () throws(Failure) -> Value
    ) throws(Failure) -> Value {
        #if FAIL_POINTS
            FailPoint.beforeBegin.pass()
            let value = try whole("BEGIN IMMEDIATE") { () throws(Failure) in
                FailPoint.afterBegin.pass()
                let value = try body()
                FailPoint.beforeCommit.pass()
                return value
            }
            FailPoint.afterCommit.pass()
            return value
        #else
            return try whole("BEGIN IMMEDIATE", body)
        #endif
    }

    /// Does `body` seeing one state of the database throughout.
    @discardableResult
    borrowing func snapshot<Value: ~Copyable, Failure: FailureOfSQLite>(
        _ body: () throws(Failure) -> Value
    ) throws(Failure) -> Value {
        try whole("BEGIN DEFERRED", body)
    }

    private borrowing func whole<Value: ~Copyable, Failure: FailureOfSQLite>(
        _ begin: SQL, _ body: () throws(Failure) -> Value
    ) throws(Failure) -> Value {
        // Also where it was not begun, or has come to its end.
        defer { statements.isWithinTransaction = false }
        return try around(begin, "COMMIT", undo: "ROLLBACK") { () throws(Failure) in
            statements.isWithinTransaction = true
            return try body()
        }
    }

    /// Does `body` in a part of the running transaction that can be undone by itself.
    @discardableResult
    borrowing func savepoint<Value: ~Copyable, Failure: FailureOfSQLite>(
        _ body: () throws(Failure) -> Value
    ) throws(Failure) -> Value {
        try around("SAVEPOINT part", "RELEASE part", undo: "ROLLBACK TO part; RELEASE part", body)
    }

    private borrowing func around<Value: ~Copyable, Failure: FailureOfSQLite>(
        _ begin: SQL, _ end: SQL, undo: SQL, _ body: () throws(Failure) -> Value
    ) throws(Failure) -> Value {
        do throws(SQLiteError) { try run(begin) } catch { throw Failure(error) }
        do throws(Failure) {
            let value = try body()
            do throws(SQLiteError) { try run(end) } catch { throw Failure(error) }
            return value
        } catch {
            self.undo(by: undo)
            throw error
        }
    }

    /// Undoes the transaction, or a part of it.
    borrowing func undo(by sql: SQL = "ROLLBACK") {
        statements.forget()
        // Some failures (a full disk, a lost write) make SQLite roll back by itself; undoing twice is an error
        // that says nothing new, and the first one is the one to report.
        if isInTransaction { try? script(sql) }
    }

    /// Whether a transaction is open.
    var isInTransaction: Bool { unsafe sqlite3_get_autocommit(handle) == 0 }

    // MARK: Pragmas

    /// The number an application marks its files with; 0 for a new file.
    borrowing func applicationID() throws(SQLiteError) -> Int32 {
        Int32(truncatingIfNeeded: try first("PRAGMA application_id") { $0.integer(0) } ?? 0)
    }

    /// The version of the schema; 0 for a new file.
    borrowing func userVersion() throws(SQLiteError) -> Int {
        Int(try first("PRAGMA user_version") { $0.integer(0) } ?? 0)
    }

    // A pragma takes no bound value; a number written out cannot become anything else.
    borrowing func setApplicationID(_ id: Int32) throws(SQLiteError) { try execute("PRAGMA application_id = \(id)") }
    borrowing func setUserVersion(_ version: Int) throws(SQLiteError) {
        try execute("PRAGMA user_version = \(version)")
    }

    /// Bounds the file's size; a write past it fails as on a full disk.
    borrowing func setMaxPageCount(_ pages: Int) throws(SQLiteError) { try execute("PRAGMA max_page_count = \(pages)") }

    /// Makes a commit durable before it returns, and lets readers read while there is a writer.
    ///
    /// - Throws: `SQLITE_CANTOPEN` where the file system cannot do a write-ahead log.
    borrowing func makeDurable() throws(SQLiteError) {
        let mode = try first("PRAGMA journal_mode = WAL") { $0.text(0) }
        guard mode == "wal" else { throw SQLiteError(extendedCode: SQLITE_CANTOPEN) }
        try script("PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY")
    }
}
