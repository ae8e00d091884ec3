internal import CSQLite
internal import FederationCore
internal import Glibc
#if FAIL_POINTS
    internal import FailPoints
#endif

/// How much room a database takes and has left.
extension SQLiteDatabase {
    /// Inside a transaction with what that has added.
    ///
    /// The files are asked about by name: opening and closing them would drop the locks that SQLite holds on them in
    /// this process (SQLite, "How To Corrupt", 2.2).
    func diskFacts() throws(SQLiteError) -> DiskFacts {
        let pageSize = try connection.first("PRAGMA page_size") { $0.integer(0) } ?? 0
        let pages = try connection.first("PRAGMA page_count") { $0.integer(0) } ?? 0
        let unused = try connection.first("PRAGMA freelist_count") { $0.integer(0) } ?? 0
        return DiskFacts(
            database: pages * pageSize, reusable: unused * pageSize,
            writeAheadLog: SQLiteDatabase.size(of: path + "-wal"), free: SQLiteDatabase.free(at: path))
    }

    /// Zero for a file that is not there.
    private static func size(of path: String) -> Int64 {
        var facts = stat()
        return unsafe stat(path, &facts) == 0 ? Int64(facts.st_size) : 0
    }

    /// What a program without privileges may still write to the file system; `nil` where it does not say.
    static func free(at path: String) -> Int64? {
        var facts = statvfs()
        guard unsafe statvfs(path, &facts) == 0, facts.f_blocks > 0 else { return nil }
        let (bytes, overflow) = Int64(clamping: facts.f_bavail).multipliedReportingOverflow(by: Int64(clamping: facts.f_frsize))
        return overflow ? .max : bytes
    }

    /// Folds the write-ahead log into the database and empties its file, as far as no reader holds it.
    func fold() throws(SQLiteError) {
        #if FAIL_POINTS
            FailPoint.beforeCheckpoint.pass()
        #endif
        try connection.script("PRAGMA wal_checkpoint(TRUNCATE)")
        #if FAIL_POINTS
            FailPoint.afterCheckpoint.pass()
        #endif
    }
}

extension SQLiteStore {
    /// What a program without privileges may still write to the file system of `path`; `nil` where it does not say.
    package static func free(at path: String) -> Int64? { SQLiteDatabase.free(at: path) }
}
