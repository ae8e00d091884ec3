internal import CSQLite

/// The statements of one connection, each compiled when first asked for and kept.
// SAFETY: the connection is the one that owns this cache, and is used here only while that owner calls.
@safe final class StatementCache {
    private let connection: OpaquePointer
    /// By the address of the literal: comparing it costs nothing, and a literal never moves.
    private var statements: [UInt: SQLiteStatement] = [:]
    /// Where it is noted that the file is damaged.
    var damage: Damage?

    init(connection: OpaquePointer) { unsafe self.connection = connection }

    /// A statement at rest: the kept one, or a fresh one while the kept one is still being read further out.
    func statement(_ sql: SQL) throws(SQLiteError) -> SQLiteStatement {
        let key = unsafe UInt(bitPattern: sql.text.utf8Start)
        if let kept = statements[key] {
            if kept.wake() { return kept }
            return try make(sql)
        }
        let made = try make(sql)
        statements[key] = made
        return made
    }

    private func make(_ sql: SQL) throws(SQLiteError) -> SQLiteStatement {
        do throws(SQLiteError) { return try unsafe SQLiteStatement(sql, on: connection, damage) } catch {
            damage?.heed(error.extendedCode)
            throw error
        }
    }
}

/// One compiled statement, finalized once. Used from one connection's owner only.
// SAFETY: the handle is private, made in `init` and finalized in `deinit`. It outlives its connection only as the
// zombie that `sqlite3_close_v2` provides for.
@safe final class SQLiteStatement {
    private let handle: OpaquePointer
    private let damage: Damage?
    private var isAwake = true

    fileprivate init(_ sql: SQL, on connection: OpaquePointer, _ damage: Damage?) throws(SQLiteError) {
        var prepared: OpaquePointer?
        let code = sql.text.withUTF8Buffer { text in
            unsafe text.withMemoryRebound(to: CChar.self) { characters in
                unsafe sqlite3_prepare_v3(
                    connection, characters.baseAddress, Int32(clamping: characters.count),
                    UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
            }
        }
        guard code == SQLITE_OK else { throw SQLiteError(extendedCode: code) }
        guard let handle = unsafe prepared else { throw SQLiteError(extendedCode: SQLITE_MISUSE) }
        unsafe self.handle = handle
        self.damage = damage
    }

    deinit { unsafe sqlite3_finalize(handle) }

    /// Takes the statement for use; `false` if it is in use.
    fileprivate func wake() -> Bool {
        guard !isAwake else { return false }
        isAwake = true
        return true
    }

    /// Gives it back, with nothing bound: a value of megabytes is not kept until the next use.
    func rest() {
        // The code says again what the last step said.
        unsafe sqlite3_reset(handle)
        unsafe sqlite3_clear_bindings(handle)
        isAwake = false
    }

    func bind<each Value: SQLiteBindable>(_ values: repeat each Value) throws(SQLiteError) {
        var index: Int32 = 0
        for value in repeat each values {
            index += 1
            let code = value.bind(to: unsafe SQLiteParameter(statement: handle, index: index))
            guard code == SQLITE_OK else { throw SQLiteError(extendedCode: code) }
        }
        assert(unsafe index == sqlite3_bind_parameter_count(handle), "a statement bound with too few values")
    }

    /// Goes to the next row; `false` when there is none.
    func step() throws(SQLiteError) -> Bool {
        switch unsafe sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case let code:
            damage?.heed(code)
            throw SQLiteError(extendedCode: code)
        }
    }

    /// The row that `step` went to.
    var row: SQLiteRow { unsafe SQLiteRow(statement: handle) }
}

/// One `?` of a statement.
// SAFETY: made by `SQLiteStatement.bind` alone, whose statement outlives the call it is passed to.
@safe struct SQLiteParameter: ~Copyable {
    fileprivate let statement: OpaquePointer
    fileprivate let index: Int32

    fileprivate init(statement: OpaquePointer, index: Int32) {
        unsafe self.statement = statement
        self.index = index
    }
}

/// What a `?` can stand for.
protocol SQLiteBindable {
    /// Binds and answers SQLite's result code.
    func bind(to parameter: borrowing SQLiteParameter) -> Int32
}

extension Int64: SQLiteBindable {
    func bind(to parameter: borrowing SQLiteParameter) -> Int32 {
        unsafe sqlite3_bind_int64(parameter.statement, parameter.index, self)
    }
}

extension Int: SQLiteBindable {
    func bind(to parameter: borrowing SQLiteParameter) -> Int32 { Int64(self).bind(to: parameter) }
}

extension Bool: SQLiteBindable {
    func bind(to parameter: borrowing SQLiteParameter) -> Int32 { Int64(self ? 1 : 0).bind(to: parameter) }
}

extension String: SQLiteBindable {
    /// With its byte count: without one SQLite would stop at the first NUL, and two keys would be one.
    func bind(to parameter: borrowing SQLiteParameter) -> Int32 {
        var text = self
        return text.withUTF8 { bytes in
            unsafe bytes.withMemoryRebound(to: CChar.self) { characters in
                // A null pointer would bind NULL, and an empty buffer may have one.
                unsafe withUnsafePointer(to: 0 as CChar) { nothing in
                    unsafe sqlite3_bind_text64(
                        parameter.statement, parameter.index, characters.baseAddress ?? nothing,
                        UInt64(characters.count), csqlite_transient(), UInt8(SQLITE_UTF8))
                }
            }
        }
    }
}

extension [UInt8]: SQLiteBindable {
    func bind(to parameter: borrowing SQLiteParameter) -> Int32 {
        // A null pointer would bind NULL, and an empty array may have one.
        if isEmpty { return unsafe sqlite3_bind_zeroblob(parameter.statement, parameter.index, 0) }
        return unsafe withUnsafeBytes { bytes in
            unsafe sqlite3_bind_blob64(
                parameter.statement, parameter.index, bytes.baseAddress, UInt64(bytes.count), csqlite_transient())
        }
    }
}

extension Optional: SQLiteBindable where Wrapped: SQLiteBindable {
    func bind(to parameter: borrowing SQLiteParameter) -> Int32 {
        switch self {
        case let value?: value.bind(to: parameter)
        case nil: unsafe sqlite3_bind_null(parameter.statement, parameter.index)
        }
    }
}

/// The columns of one row, counted from 0. They are read as what the schema (whose tables are STRICT) says they are.
// SAFETY: lent to a closure for as long as its statement stays on the row; `~Copyable`, so the closure cannot keep it.
@safe struct SQLiteRow: ~Copyable {
    private let statement: OpaquePointer

    fileprivate init(statement: OpaquePointer) { unsafe self.statement = statement }

    borrowing func isNull(_ column: Int32) -> Bool {
        unsafe sqlite3_column_type(statement, column) == SQLITE_NULL
    }

    borrowing func integer(_ column: Int32) -> Int64 { unsafe sqlite3_column_int64(statement, column) }

    /// A copy; empty for NULL.
    borrowing func text(_ column: Int32) -> String {
        // In this order: asking for the text may convert, and so change the count.
        guard let start = unsafe sqlite3_column_text(statement, column) else { return "" }
        let count = unsafe Int(sqlite3_column_bytes(statement, column))
        return unsafe String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    }

    /// A copy; empty for NULL.
    borrowing func bytes(_ column: Int32) -> [UInt8] {
        guard let start = unsafe sqlite3_column_blob(statement, column) else { return [] }
        let count = unsafe Int(sqlite3_column_bytes(statement, column))
        return unsafe [UInt8](UnsafeRawBufferPointer(start: start, count: count))
    }

    borrowing func optionalInteger(_ column: Int32) -> Int64? { isNull(column) ? nil : integer(column) }
    borrowing func optionalText(_ column: Int32) -> String? { isNull(column) ? nil : text(column) }
    borrowing func optionalBytes(_ column: Int32) -> [UInt8]? { isNull(column) ? nil : bytes(column) }

    /// How many bytes a text or blob has, without copying it.
    borrowing func length(_ column: Int32) -> Int { unsafe Int(sqlite3_column_bytes(statement, column)) }
}
