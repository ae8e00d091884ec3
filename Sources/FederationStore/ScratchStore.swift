package import FederationCore
internal import Glibc
#if FAIL_POINTS
    internal import FailPoints
#endif

extension SQLiteStore {
    /// Copies the state of the last commit of the database at `path` to a new file, which must not exist.
    ///
    /// Whoever writes to the database meanwhile is not in the way. The copy is not flushed to disk: it is for a
    /// rehearsal, and `Access.scratch` opens it.
    ///
    /// - Throws: `olderSchema` for a database that a writer has to bring up to date first, and `full` where the copy would leave less than `Limits.diskReserve` of the disk it goes to.
    package static func copy(of path: String, to target: String) throws(StoreFailure) {
        let connection = try storing { () throws(SQLiteError) in try SQLiteConnection(path: path, mode: .readOnly) }
        let found = try Schema.found(in: connection)
        guard found == Schema.version else { throw .olderSchema(found: found) }
        let (pages, unused, pageSize) = try storing { () throws(SQLiteError) in
            (
                try connection.first("PRAGMA page_count") { $0.integer(0) } ?? 0,
                try connection.first("PRAGMA freelist_count") { $0.integer(0) } ?? 0,
                try connection.first("PRAGMA page_size") { $0.integer(0) } ?? 0
            )
        }
        let directory = target.lastIndex(of: "/").map { String(target[...$0]) } ?? "."
        if let free = SQLiteDatabase.free(at: directory), free - (pages - unused) * pageSize < Limits.diskReserve { throw .full }
        // Empty, and its owner's alone, before anything is in it.
        let file = unsafe open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw .cannotOpen }
        Glibc.close(file)
        try storing { () throws(SQLiteError) in try connection.run("VACUUM INTO ?", target) }
        #if FAIL_POINTS
            FailPoint.afterCopy.pass()
        #endif
    }
}

extension SQLiteLog {
    /// Does `body` as a part of the transaction that is undone by itself where it fails; the rest stays.
    package mutating func part<Value, Failure: FailureOfStore>(
        _ body: (inout SQLiteLog) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        let database = database
        let (counts, appended, grown) = (database.counts, database.appended, database.grown)
        do throws(UndonePart<Failure>) {
            return try database.connection.savepoint { () throws(UndonePart<Failure>) in
                var log = SQLiteLog(database)
                do throws(Failure) { return try body(&log) } catch { throw UndonePart(failure: error) }
            }
        } catch {
            (database.counts, database.appended, database.grown) = (counts, appended, grown)
            throw error.failure
        }
    }
}

/// Why a part of a transaction was undone, as whoever began it says it.
private struct UndonePart<Failure: FailureOfStore>: FailureOfSQLite {
    var failure: Failure

    init(failure: Failure) { self.failure = failure }
    init(_ error: SQLiteError) { failure = Failure(StoreFailure(error)) }
}

extension SQLiteStore {
    /// Does `body` in one transaction on the database at `path`, which is then undone, whatever came of it.
    ///
    /// It waits for the write lock as any writer does, and whoever else writes waits meanwhile: `body` is to be short.
    package static func rehearse<Value>(
        at path: String, _ body: (inout SQLiteLog) throws(StoreFailure) -> Value
    ) throws(StoreFailure) -> Value {
        let database = try SQLiteDatabase.rehearsal(path: path)
        try storing { () throws(SQLiteError) in try database.connection.script("BEGIN IMMEDIATE") }
        defer { database.connection.undo() }
        var log = SQLiteLog(database)
        return try body(&log)
    }
}
