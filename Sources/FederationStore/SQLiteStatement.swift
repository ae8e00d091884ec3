internal import CSQLite
internal import FederationCore

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
    /// Where the values that are bound stand; at most the parameters' number times `SQLiteParameter.mostBytes`.
    private var room: UnsafeMutableBufferPointer<UInt8>?

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

    deinit {
        unsafe sqlite3_finalize(handle)
        unsafe room?.deallocate()
    }

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

    /// Binds what `repeat each values` stands for. Short texts and blobs are copied to one room that the statement keeps,
    /// where SQLite would otherwise ask for memory and free it for each.
    func bind<each Value: SQLiteBindable>(_ values: repeat each Value) throws(SQLiteError) {
        var bytes = 0
        for value in repeat each values { bytes += value.boundBytes }
        var place = unsafe room(for: bytes)
        var index: Int32 = 0
        for value in repeat each values {
            index += 1
            let code = value.bind(to: unsafe SQLiteParameter(statement: handle, index: index, place: place))
            guard code == SQLITE_OK else { throw SQLiteError(extendedCode: code) }
            unsafe place += value.boundBytes
        }
        assert(unsafe index == sqlite3_bind_parameter_count(handle), "a statement bound with too few values")
    }

    /// Nothing is bound while the room is exchanged for a larger one: a statement is bound once, and `rest` unbinds.
    private func room(for bytes: Int) -> UnsafeMutablePointer<UInt8> {
        if let known = unsafe room, known.count >= bytes, let start = known.baseAddress { return unsafe start }
        unsafe room?.deallocate()
        let larger = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(64, bytes))
        unsafe room = larger
        return unsafe larger.baseAddress.unsafelyUnwrapped
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
// SAFETY: made by `SQLiteStatement.bind` alone, whose statement outlives the call it is passed to. `place` has as many
// bytes as the value asked for, and stays where it is until the statement is unbound.
@safe struct SQLiteParameter: ~Copyable {
    /// A value of more is left to SQLite to copy: a statement does not keep room for megabytes.
    static let mostBytes = 4096

    fileprivate let statement: OpaquePointer
    fileprivate let index: Int32
    fileprivate let place: UnsafeMutablePointer<UInt8>

    fileprivate init(statement: OpaquePointer, index: Int32, place: UnsafeMutablePointer<UInt8>) {
        unsafe self.statement = statement
        self.index = index
        unsafe self.place = place
    }

    fileprivate borrowing func bind(text bytes: UnsafeBufferPointer<UInt8>) -> Int32 {
        let isKept = bytes.count > SQLiteParameter.mostBytes
        if !isKept, let start = bytes.baseAddress { unsafe place.update(from: start, count: bytes.count) }
        let start = unsafe isKept ? bytes.baseAddress.unsafelyUnwrapped : UnsafePointer(place)
        // With its byte count: without one SQLite would stop at the first NUL, and two keys would be one. And never a
        // null pointer, which would bind NULL.
        return unsafe start.withMemoryRebound(to: CChar.self, capacity: bytes.count) { characters in
            unsafe sqlite3_bind_text64(
                statement, index, characters, UInt64(bytes.count), isKept ? csqlite_transient() : nil, UInt8(SQLITE_UTF8))
        }
    }

    fileprivate borrowing func bind(blob bytes: UnsafeBufferPointer<UInt8>) -> Int32 {
        guard let start = bytes.baseAddress, !bytes.isEmpty else {
            return unsafe sqlite3_bind_zeroblob(statement, index, 0)
        }
        guard bytes.count <= SQLiteParameter.mostBytes else {
            return unsafe sqlite3_bind_blob64(statement, index, start, UInt64(bytes.count), csqlite_transient())
        }
        unsafe place.update(from: start, count: bytes.count)
        return unsafe sqlite3_bind_blob64(statement, index, place, UInt64(bytes.count), nil)
    }
}

/// What a `?` can stand for.
protocol SQLiteBindable {
    /// How many bytes `bind` writes to the parameter's place.
    var boundBytes: Int { get }
    /// Binds and answers SQLite's result code.
    func bind(to parameter: borrowing SQLiteParameter) -> Int32
}

extension SQLiteBindable {
    var boundBytes: Int { 0 }
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
    var boundBytes: Int { utf8.count <= SQLiteParameter.mostBytes ? utf8.count : 0 }

    func bind(to parameter: borrowing SQLiteParameter) -> Int32 {
        var text = self
        return text.withUTF8 { unsafe parameter.bind(text: $0) }
    }
}

extension [UInt8]: SQLiteBindable {
    var boundBytes: Int { count <= SQLiteParameter.mostBytes ? count : 0 }

    func bind(to parameter: borrowing SQLiteParameter) -> Int32 {
        unsafe withUnsafeBufferPointer { unsafe parameter.bind(blob: $0) }
    }
}

/// As its 26 characters.
extension ULID: SQLiteBindable {
    var boundBytes: Int { ULID.length }

    func bind(to parameter: borrowing SQLiteParameter) -> Int32 {
        let place = unsafe UnsafeMutableBufferPointer(start: parameter.place, count: ULID.length)
        unsafe write(to: place)
        return unsafe place.withMemoryRebound(to: CChar.self) { characters in
            unsafe sqlite3_bind_text64(
                parameter.statement, parameter.index, characters.baseAddress, UInt64(ULID.length), nil,
                UInt8(SQLITE_UTF8))
        }
    }
}

/// As its 32 bytes.
extension Digest: SQLiteBindable {
    var boundBytes: Int { Digest.length }

    func bind(to parameter: borrowing SQLiteParameter) -> Int32 {
        unsafe write(to: UnsafeMutableBufferPointer(start: parameter.place, count: Digest.length))
        return unsafe sqlite3_bind_blob64(
            parameter.statement, parameter.index, parameter.place, UInt64(Digest.length), nil)
    }
}

extension Optional: SQLiteBindable where Wrapped: SQLiteBindable {
    var boundBytes: Int { self?.boundBytes ?? 0 }

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

    /// `nil` unless it is the text of a ULID.
    borrowing func ulid(at column: Int32) -> ULID? {
        guard let start = unsafe sqlite3_column_text(statement, column) else { return nil }
        let count = unsafe Int(sqlite3_column_bytes(statement, column))
        return unsafe ULID(characters: Span(_unsafeStart: start, count: count))
    }

    /// `nil` unless it has the bytes of a digest.
    borrowing func digest(at column: Int32) -> Digest? {
        guard let start = unsafe sqlite3_column_blob(statement, column) else { return nil }
        let count = unsafe Int(sqlite3_column_bytes(statement, column))
        return unsafe Digest(span: Span(_unsafeStart: start.assumingMemoryBound(to: UInt8.self), count: count))
    }

    borrowing func optionalInteger(_ column: Int32) -> Int64? { isNull(column) ? nil : integer(column) }
    borrowing func optionalText(_ column: Int32) -> String? { isNull(column) ? nil : text(column) }
    borrowing func optionalBytes(_ column: Int32) -> [UInt8]? { isNull(column) ? nil : bytes(column) }

    /// How many bytes a text or blob has, without copying it.
    borrowing func length(_ column: Int32) -> Int { unsafe Int(sqlite3_column_bytes(statement, column)) }
}
