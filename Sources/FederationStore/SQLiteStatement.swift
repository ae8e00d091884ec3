internal import CSQLite
internal import FederationCore

/// One compiled statement, finalized once. Used from one connection's owner only.
// SAFETY: the handle is private, made in `init` and finalized in `deinit`. It outlives its connection only as the
// zombie that `sqlite3_close_v2` provides for.
@safe final class SQLiteStatement {
    private let handle: OpaquePointer
    private let damage: Damage?
    private var isAwake = true
    /// Where the values that are bound stand.
    private var room = SQLiteBinding.Room()

    init(_ text: String, on connection: OpaquePointer, _ damage: Damage?) throws(SQLiteError) {
        var prepared: OpaquePointer?
        let code = unsafe sqlite3_prepare_v3(
            connection, text, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
        guard code == SQLITE_OK else { throw SQLiteError(extendedCode: code) }
        guard let handle = unsafe prepared else { throw SQLiteError(extendedCode: SQLITE_MISUSE) }
        unsafe self.handle = handle
        self.damage = damage
    }

    deinit {
        unsafe sqlite3_finalize(handle)
        room.deallocate()
    }

    /// Takes the statement for use; `false` if it is in use.
    func wake() -> Bool {
        guard !isAwake else { return false }
        isAwake = true
        return true
    }

    /// Gives it back, with nothing bound: a value of megabytes is not kept until the next use.
    func rest() {
        // The code says again what the last step said.
        unsafe sqlite3_reset(handle)
        unsafe sqlite3_clear_bindings(handle)
        room.empty()
        isAwake = false
    }

    /// Binds what `repeat each values` stands for.
    func bind<each Value: SQLiteBindable>(_ values: repeat each Value) throws(SQLiteError) {
        try bind { binding in
            for value in repeat each values { value.bind(to: &binding) }
        }
    }

    /// Binds what `body` gives, one `?` after another.
    ///
    /// Short texts and blobs are copied to one room that the statement keeps, where SQLite would otherwise ask for memory and
    /// free it for each.
    func bind(_ body: (inout SQLiteBinding) -> Void) throws(SQLiteError) { try bind(0..<parameterCount, body) }

    /// Binds some of the values, and says how many bytes they have.
    @discardableResult
    func bind(
        _ parameters: Range<Int32>, _ body: (inout SQLiteBinding) -> Void
    ) throws(SQLiteError) -> Int {
        var binding = unsafe SQLiteBinding(statement: handle, room: room, after: parameters.lowerBound)
        body(&binding)
        room = binding.room
        guard binding.code == SQLITE_OK else { throw SQLiteError(extendedCode: binding.code) }
        assert(binding.index == parameters.upperBound, "a statement bound with too few values")
        return binding.bytes
    }

    var parameterCount: Int32 { unsafe sqlite3_bind_parameter_count(handle) }

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

/// Gives the `?` of a statement their values, in order.
// SAFETY: made by `SQLiteStatement.bind` alone, whose statement outlives the call it is passed to. What is bound in place
// stands in a room that stays where it is until the statement is unbound.
@safe struct SQLiteBinding: ~Copyable {
    private let statement: OpaquePointer
    fileprivate var room: Room
    fileprivate private(set) var index: Int32
    /// What the texts and blobs have.
    fileprivate private(set) var bytes = 0
    /// What SQLite said first that was not well.
    fileprivate private(set) var code = SQLITE_OK

    /// A value of more is left to SQLite to copy: a statement does not keep room for megabytes.
    private static let mostBytes = 4096

    fileprivate init(statement: OpaquePointer, room: Room, after index: Int32) {
        unsafe self.statement = statement
        self.room = room
        self.index = index
    }

    private mutating func note(_ code: Int32) { if self.code == SQLITE_OK { self.code = code } }

    /// What is not bound is NULL: a statement begins with nothing bound, and is given back so.
    mutating func bindNull() { index += 1 }

    mutating func bind(_ value: Int64) {
        index += 1
        note(unsafe sqlite3_bind_int64(statement, index, value))
    }

    mutating func bind(_ value: Int) { bind(Int64(value)) }
    mutating func bind(_ value: Bool) { bind(Int64(value ? 1 : 0)) }

    mutating func bind(_ value: Int64?) { if let value { bind(value) } else { bindNull() } }
    mutating func bind(_ value: String?) { if let value { bind(value) } else { bindNull() } }
    mutating func bind(_ value: [UInt8]?) { if let value { bind(value) } else { bindNull() } }
    mutating func bind(_ value: ULID?) { if let value { bind(value) } else { bindNull() } }

    mutating func bind(_ value: String) {
        if unsafe value.utf8.withContiguousStorageIfAvailable({ unsafe bind(text: $0) }) != nil { return }
        var text = value
        text.withUTF8 { unsafe bind(text: $0) }
    }

    /// As a text, whose bytes these are.
    mutating func bind(text bytes: [UInt8]) { unsafe bytes.withUnsafeBufferPointer { unsafe bind(text: $0) } }

    mutating func bind(_ value: [UInt8]) { unsafe value.withUnsafeBufferPointer { unsafe bind(blob: $0) } }

    /// As its 26 characters.
    mutating func bind(_ value: ULID) {
        let place = unsafe room.place(for: ULID.length)
        unsafe value.write(to: place)
        index += 1
        note(unsafe bind(text: UnsafeBufferPointer(place), free: nil))
    }

    /// As its 32 bytes.
    mutating func bind(_ value: Digest) {
        let place = unsafe room.place(for: Digest.length)
        unsafe value.write(to: place)
        index += 1
        note(unsafe sqlite3_bind_blob64(statement, index, place.baseAddress, UInt64(Digest.length), nil))
    }

    private mutating func bind(text bytes: UnsafeBufferPointer<UInt8>) {
        index += 1
        self.bytes += bytes.count
        guard bytes.count <= SQLiteBinding.mostBytes else {
            return note(unsafe bind(text: bytes, free: csqlite_transient()))
        }
        let place = unsafe room.place(for: bytes.count)
        _ = unsafe place.update(from: bytes)
        note(unsafe bind(text: UnsafeBufferPointer(place), free: nil))
    }

    /// With its byte count: without one SQLite would stop at the first NUL, and two keys would be one. And never a null
    /// pointer, which would bind NULL.
    private func bind(text bytes: UnsafeBufferPointer<UInt8>, free: sqlite3_destructor_type?) -> Int32 {
        unsafe bytes.withMemoryRebound(to: CChar.self) { characters in
            unsafe sqlite3_bind_text64(
                statement, index, characters.baseAddress.unsafelyUnwrapped, UInt64(characters.count), free,
                UInt8(SQLITE_UTF8))
        }
    }

    private mutating func bind(blob bytes: UnsafeBufferPointer<UInt8>) {
        index += 1
        self.bytes += bytes.count
        guard !bytes.isEmpty else { return note(unsafe sqlite3_bind_zeroblob(statement, index, 0)) }
        guard bytes.count <= SQLiteBinding.mostBytes else {
            return note(
                unsafe sqlite3_bind_blob64(statement, index, bytes.baseAddress, UInt64(bytes.count), csqlite_transient()))
        }
        let place = unsafe room.place(for: bytes.count)
        _ = unsafe place.update(from: bytes)
        note(unsafe sqlite3_bind_blob64(statement, index, place.baseAddress, UInt64(bytes.count), nil))
    }

    /// The memory that bound values stand in: pieces that never move while they are bound, and become one piece for the next
    /// time.
    @safe struct Room {
        private var piece = unsafe UnsafeMutableBufferPointer<UInt8>(start: nil, count: 0)
        private var used = 0
        /// Pieces that were too small.
        private var full: [UnsafeMutableBufferPointer<UInt8>] = unsafe []

        /// Memory for `count` bytes; never a null pointer.
        fileprivate mutating func place(for count: Int) -> UnsafeMutableBufferPointer<UInt8> {
            // With one byte to spare, so that even nothing has a place.
            if unsafe used + count >= piece.count { grow(by: count) }
            defer { used += count }
            return unsafe UnsafeMutableBufferPointer(rebasing: piece[used..<used + count])
        }

        private mutating func grow(by count: Int) {
            if unsafe !piece.isEmpty { unsafe full.append(piece) }
            unsafe piece = .allocate(capacity: max(64, count + 1, 2 * piece.count))
            used = 0
        }

        /// Nothing is bound any more.
        fileprivate mutating func empty() {
            used = 0
            guard unsafe !full.isEmpty else { return }
            let all = unsafe full.reduce(piece.count) { $0 + $1.count }
            deallocate()
            unsafe piece = .allocate(capacity: all)
        }

        fileprivate mutating func deallocate() {
            for unsafe piece in unsafe full { unsafe piece.deallocate() }
            unsafe full = []
            unsafe piece.deallocate()
            unsafe piece = UnsafeMutableBufferPointer(start: nil, count: 0)
        }
    }
}

/// What a `?` can stand for.
protocol SQLiteBindable {
    func bind(to binding: inout SQLiteBinding)
}

extension Int64: SQLiteBindable {
    func bind(to binding: inout SQLiteBinding) { binding.bind(self) }
}

extension Int: SQLiteBindable {
    func bind(to binding: inout SQLiteBinding) { binding.bind(self) }
}

extension Bool: SQLiteBindable {
    func bind(to binding: inout SQLiteBinding) { binding.bind(self) }
}

extension String: SQLiteBindable {
    func bind(to binding: inout SQLiteBinding) { binding.bind(self) }
}

extension [UInt8]: SQLiteBindable {
    func bind(to binding: inout SQLiteBinding) { binding.bind(self) }
}

extension ULID: SQLiteBindable {
    func bind(to binding: inout SQLiteBinding) { binding.bind(self) }
}

extension Digest: SQLiteBindable {
    func bind(to binding: inout SQLiteBinding) { binding.bind(self) }
}

extension Optional: SQLiteBindable where Wrapped: SQLiteBindable {
    func bind(to binding: inout SQLiteBinding) {
        if let value = self { value.bind(to: &binding) } else { binding.bindNull() }
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

    /// Writes a text as a member of a JSON object, without a copy of its own; empty for NULL.
    borrowing func put(_ column: Int32, as key: String, to writer: inout JSONWriter) {
        guard let start = unsafe sqlite3_column_text(statement, column) else { return writer.member(key, "") }
        let count = unsafe Int(sqlite3_column_bytes(statement, column))
        writer.key(key)
        unsafe writer.string(utf8: RawSpan(_unsafeStart: start, byteCount: count))
    }

    /// The same with what is JSON already.
    borrowing func putJSON(_ column: Int32, as key: String, to writer: inout JSONWriter) {
        writer.key(key)
        guard let start = unsafe sqlite3_column_blob(statement, column) else { return writer.null() }
        let count = unsafe Int(sqlite3_column_bytes(statement, column))
        unsafe writer.raw(span: RawSpan(_unsafeStart: start, byteCount: count))
    }

    /// `nil` unless it is the text of a ULID.
    borrowing func ulid(at column: Int32) -> ULID? {
        guard let start = unsafe sqlite3_column_text(statement, column) else { return nil }
        let count = unsafe Int(sqlite3_column_bytes(statement, column))
        return unsafe ULID(characters: Span(_unsafeStart: start, count: count))
    }

    /// `nil` unless it is what the text of a ULID begins with for its time.
    borrowing func milliseconds(at column: Int32) -> UInt64? {
        guard let start = unsafe sqlite3_column_text(statement, column) else { return nil }
        let count = unsafe Int(sqlite3_column_bytes(statement, column))
        return unsafe ULID.milliseconds(characters: Span(_unsafeStart: start, count: count))
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
