package import FederationCore
internal import Glibc
#if FAIL_POINTS
    internal import FailPoints
#endif

/// A file of a node that is kept inside a backup of its database.
package struct KeptFile: Hashable, Sendable {
    package var name: String
    package var bytes: [UInt8]

    package init(name: String, bytes: [UInt8]) {
        self.name = name
        self.bytes = bytes
    }
}

/// What a backup has beside the database that it is: a table of files, and facts about how it was made.
extension SQLiteStore {
    /// Puts facts and files into a copy that nobody else has open, and leaves it as one file without a write-ahead log:
    /// it can be read where nothing may be written.
    package static func furnish(
        _ path: String, meta: [MetaKey: String], files: [KeptFile]
    ) throws(StoreFailure) {
        let connection = try storing { () throws(SQLiteError) in try SQLiteConnection(path: path, mode: .readWrite) }
        guard try Schema.found(in: connection) == Schema.version else { throw .readOnly }
        try storing { () throws(SQLiteError) in
            try connection.script("PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY")
            try connection.transaction { () throws(SQLiteError) in
                try connection.script("CREATE TABLE kept_files(name TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT")
                for file in files { try connection.run("INSERT INTO kept_files VALUES (?, ?)", file.name, file.bytes) }
                for (key, value) in meta.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
                    try connection.run("INSERT OR REPLACE INTO meta VALUES (?, ?)", key.rawValue, value)
                }
            }
        }
        #if FAIL_POINTS
            FailPoint.afterFurnish.pass()
        #endif
    }

    /// How a backup was made, and the files that it has in it; `nil` where it is no backup. It may be of an older schema.
    package static func kept(in path: String) throws(StoreFailure) -> (made: String, files: [KeptFile])? {
        let connection = try storing { () throws(SQLiteError) in try SQLiteConnection(path: path, mode: .readOnly) }
        _ = try Schema.found(in: connection)
        return try storing { () throws(SQLiteError) in
            guard try hasFiles(connection),
                let made = try connection.first(
                    "SELECT value FROM meta WHERE key = ?", MetaKey.backup.rawValue, row: { $0.text(0) })
            else { return nil }
            let files = try connection.rows("SELECT name, bytes FROM kept_files ORDER BY name") {
                KeptFile(name: $0.text(0), bytes: $0.bytes(1))
            }
            return (made, files)
        }
    }

    /// Takes out of a copy what only a backup has.
    package static func unfurnish(_ path: String) throws(StoreFailure) {
        let connection = try storing { () throws(SQLiteError) in try SQLiteConnection(path: path, mode: .readWrite) }
        try storing { () throws(SQLiteError) in
            // What was deleted is overwritten: one of the files may have been a key.
            try connection.script("PRAGMA secure_delete = ON; DROP TABLE IF EXISTS kept_files")
            try connection.run("DELETE FROM meta WHERE key = ?", MetaKey.backup.rawValue)
        }
        #if FAIL_POINTS
            FailPoint.afterUnfurnish.pass()
        #endif
    }

    private static func hasFiles(_ connection: borrowing SQLiteConnection) throws(SQLiteError) -> Bool {
        try connection.first("SELECT 1 FROM sqlite_schema WHERE name = 'kept_files' AND type = 'table'") {
            $0.integer(0)
        } != nil
    }
}
