internal import CSQLite
#if FAIL_POINTS
    internal import FailPoints
#endif

/// The statements of one connection, each compiled when first asked for and kept.
// SAFETY: the connection is the one that owns this cache, and is used here only while that owner calls.
@safe final class StatementCache {
    private let connection: OpaquePointer
    /// By the address of the literal: comparing it costs nothing, and a literal never moves.
    private var statements: [UInt: SQLiteStatement] = [:]
    /// The inserts of many rows, likewise.
    private var inserts: [UInt: SQLiteStatement] = [:]
    /// Rows that are bound and not yet inserted.
    private var waiting: WaitingRows?
    /// Why the rows that waited could not be inserted.
    private var failure: SQLiteError?
    /// Where the last statement inserted a row.
    private var last: UInt?
    /// Where it is noted that the file is damaged.
    var damage: Damage?
    /// A transaction was begun and has not ended. Without it, a statement would be a transaction of its own.
    var isWithinTransaction = false

    init(connection: OpaquePointer) { unsafe self.connection = connection }

    /// A statement at rest: the kept one, or a fresh one while the kept one is still being read further out.
    func statement(_ sql: SQL) throws(SQLiteError) -> SQLiteStatement {
        try settle()
        return try statement(sql.place) { sql.text.description }
    }

    private func statement(_ place: UInt, text: () -> String) throws(SQLiteError) -> SQLiteStatement {
        if let kept = statements[place] {
            if kept.wake() { return kept }
            return try make(text())
        }
        let made = try make(text())
        statements[place] = made
        return made
    }

    private func make(_ text: String) throws(SQLiteError) -> SQLiteStatement {
        do throws(SQLiteError) { return try unsafe SQLiteStatement(text, on: connection, damage) } catch {
            damage?.heed(error.extendedCode)
            throw error
        }
    }

    // MARK: Rows that are inserted together

    /// Inserts a row, or has it wait where the statement before inserted one there too.
    func insert<Row: TableRow>(_ row: Row, mayWait: Bool) throws(SQLiteError) {
        let insert = Row.insert
        let place = insert.head.place
        guard mayWait, place == last else {
            try settle()
            let statement = try statement(place) { insert.ofOne }
            defer { statement.rest() }
            try statement.bind { row.bind(to: &$0) }
            while try statement.step() {}
            last = place
            #if FAIL_POINTS
                FailPoint.passed(statement: insert.head.text)
            #endif
            return
        }
        if waiting == nil { waiting = WaitingRows(insert, try statement(of: insert)) }
        try waiting?.add(row)
        guard waiting?.isFull == true else { return }
        try settle()
        last = place
    }

    private func statement(of insert: RowInsert) throws(SQLiteError) -> SQLiteStatement {
        if let kept = inserts[insert.head.place] { return kept }
        let made = try make(insert.ofMany)
        inserts[insert.head.place] = made
        return made
    }

    /// Inserts what waits.
    ///
    /// Where that fails it fails each time until it is forgotten, so that nobody goes on without those rows; and it is not
    /// tried again, since SQLite may have undone the transaction by itself. Where it has, for whatever failed, nothing that
    /// belongs to the transaction is done behind it.
    func settle() throws(SQLiteError) {
        if let failure { throw failure }
        if isWithinTransaction, unsafe sqlite3_get_autocommit(connection) != 0 {
            throw SQLiteError(extendedCode: SQLiteError.rolledBack)
        }
        last = nil
        guard let rows = waiting else { return }
        waiting = nil
        do throws(SQLiteError) { try rows.write() } catch {
            failure = error
            throw error
        }
    }

    /// What waits goes with the transaction that is undone.
    func forget() {
        waiting?.statement.rest()
        (waiting, failure, last) = (nil, nil, nil)
    }
}

/// Rows that are bound to an insert of many.
private struct WaitingRows {
    /// Rows of more are not gathered: SQLite has a copy of each large value.
    private static let mostBytes = 256 << 10

    let statement: SQLiteStatement
    private let head: SQL
    /// How many values a row has.
    private let width: Int32
    private var count: Int32 = 0
    private var bytes = 0

    init(_ insert: RowInsert, _ statement: SQLiteStatement) {
        self.statement = statement
        head = insert.head
        width = (statement.parameterCount - 1) / Int32(RowInsert.most)
    }

    var isFull: Bool { count == RowInsert.most || bytes > WaitingRows.mostBytes }

    mutating func add(_ row: some TableRow) throws(SQLiteError) {
        bytes += try statement.bind(count * width..<(count + 1) * width) { row.bind(to: &$0) }
        count += 1
    }

    /// Inserts the rows.
    func write() throws(SQLiteError) {
        defer { statement.rest() }
        let last = statement.parameterCount
        try statement.bind(last - 1..<last) { $0.bind(Int64(count)) }
        while try statement.step() {}
        #if FAIL_POINTS
            FailPoint.passed(statement: head.text)
        #endif
    }
}
