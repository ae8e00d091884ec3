internal import CSQLite
internal import FederationCore

/// What SQLite answered: its result code, which names the failure closely enough to act on.
///
/// SQLite's message is not kept: it may quote what is in the database.
struct SQLiteError: Error, Hashable, Sendable {
    /// An extended result code, such as `SQLITE_IOERR_FSYNC`; the lowest byte is the primary one.
    let extendedCode: Int32

    init(extendedCode: Int32) { self.extendedCode = extendedCode }

    /// One of the some thirty primary codes, such as `SQLITE_BUSY`.
    var code: Int32 { extendedCode & 0xFF }

    /// SQLITE_ABORT_ROLLBACK, which is a macro of two: the transaction is gone, and this would have been a part of it.
    static let rolledBack: Int32 = SQLITE_ABORT | 2 << 8

    /// A value that our schema rules out: somebody else wrote here, or the file is damaged.
    static let malformedValue = SQLiteError(extendedCode: SQLITE_CORRUPT)
}

/// A failure that SQLite's can become, so that a transaction throws what its body throws.
protocol FailureOfSQLite: Error {
    init(_ error: SQLiteError)
}

extension SQLiteError: FailureOfSQLite {
    init(_ error: SQLiteError) { self = error }
}

extension StoreFailure: FailureOfSQLite {
    init(_ error: SQLiteError) {
        self =
            switch error.code {
            case SQLITE_BUSY, SQLITE_LOCKED, SQLITE_PROTOCOL: .busy
            case SQLITE_FULL: .full
            // The first page of a database that is damaged makes it none.
            case SQLITE_CORRUPT, SQLITE_NOTADB: .corrupt
            case SQLITE_READONLY: .readOnly
            case SQLITE_CANTOPEN, SQLITE_PERM, SQLITE_AUTH: .cannotOpen
            case SQLITE_IOERR: .io
            case SQLITE_INTERRUPT: .interrupted
            default: .other(code: Int(error.extendedCode))
            }
    }
}

/// Does what throws SQLite's failures, and throws them as the store's.
func storing<Value: ~Copyable>(_ body: () throws(SQLiteError) -> Value) throws(StoreFailure) -> Value {
    do throws(SQLiteError) { return try body() } catch { throw StoreFailure(error) }
}
