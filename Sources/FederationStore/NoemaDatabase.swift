package import FederationCore
internal import CSQLite
internal import Glibc

/// The event log of a Noema cortex, read where it lies. Nothing is ever written there.
///
/// The cortex may be in use: readers and the writer of a write-ahead log do not wait for each other. SQLite would make
/// that log's files anew where no process has them; then the database is read as one that nobody changes, and opened
/// in the ordinary way as soon as a process does.
package actor NoemaDatabase {
    private let executor = BlockingExecutor(label: "federation.store.noema")
    package nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }

    private let path: String
    private var opened: Opened
    private let shape: Shape

    /// Which columns an older cortex may lack.
    private enum Shape { case signed, unsigned }

    private final class Opened {
        let connection: SQLiteConnection
        let isStill: Bool

        init(_ path: String) throws(SQLiteError) {
            isStill = NoemaDatabase.isStill(path)
            connection = try SQLiteConnection(path: path, mode: isStill ? .unchanging : .readOnly)
        }
    }

    /// - Parameter path: an absolute path.
    /// - Throws: `notOurs` where the file holds no event log of a cortex.
    package init(path: String) throws(StoreFailure) {
        self.path = path
        let opened: Opened
        do throws(SQLiteError) {
            opened = try Opened(path)
            _ = try opened.connection.userVersion()
        } catch {
            throw error.code == SQLITE_NOTADB ? .notOurs : StoreFailure(error)
        }
        self.opened = opened
        shape = try NoemaDatabase.shape(in: opened.connection)
    }

    package func eventCount() throws(StoreFailure) -> Int64 {
        try reopenIfUsed()
        return try storing { () throws(SQLiteError) in
            try opened.connection.first("SELECT count(*) FROM events") { $0.integer(0) } ?? 0
        }
    }

    /// Rows in order of arrival after `place`, at most `limit`: the first always, others while all stay within `bytes`.
    ///
    /// A row that cannot be read is one of them, and says so.
    package func rows(after place: Int64, limit: Int, bytes: Int) throws(StoreFailure) -> [NoemaRow] {
        try reopenIfUsed()
        return try storing { () throws(SQLiteError) in
            let places = try opened.connection.rows(
                "SELECT rowid FROM events WHERE rowid > ? ORDER BY rowid LIMIT ?", place, max(0, limit)
            ) { $0.integer(0) }
            var rows: [NoemaRow] = []
            var room = bytes
            for place in places {
                guard let row = try row(at: place) else { continue }
                room -= row.size
                if room < 0, !rows.isEmpty { break }
                rows.append(row)
            }
            return rows
        }
    }

    private func row(at place: Int64) throws(SQLiteError) -> NoemaRow? {
        do throws(SQLiteError) {
            let columns =
                switch shape {
                case .signed:
                    try opened.connection.first(
                        """
                        SELECT id, action, trace_id, cortex_id, origin, timestamp, data, vclock, signature, pubkey
                        FROM events WHERE rowid = ?
                        """, place, row: NoemaRow.Columns.init(row:))
                case .unsigned:
                    try opened.connection.first(
                        """
                        SELECT id, action, trace_id, cortex_id, origin, timestamp, data, vclock, NULL, NULL
                        FROM events WHERE rowid = ?
                        """, place, row: NoemaRow.Columns.init(row:))
                }
            return columns.map { NoemaRow(place: place, content: .columns($0)) }
        } catch {
            switch error.code {
            case SQLITE_TOOBIG: return NoemaRow(place: place, content: .tooLarge)
            case SQLITE_CORRUPT: return NoemaRow(place: place, content: .damaged)
            default: throw error
            }
        }
    }

    /// Somebody has begun to use the cortex: from now on its write-ahead log has to be read as well.
    private func reopenIfUsed() throws(StoreFailure) {
        guard opened.isStill, !NoemaDatabase.isStill(path) else { return }
        opened = try storing { () throws(SQLiteError) in try Opened(path) }
    }

    /// A database in WAL mode (bytes 18 and 19 of its header) without a write-ahead log: no process has it open.
    private static func isStill(_ path: String) -> Bool {
        guard unsafe access(path + "-wal", F_OK) != 0 else { return false }
        let file = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return false }
        defer { Glibc.close(file) }
        var header = [UInt8](repeating: 0, count: 20)
        let count = unsafe header.withUnsafeMutableBytes { bytes in
            unsafe pread(file, bytes.baseAddress, bytes.count, 0)
        }
        return count == header.count && header[18] == 2 && header[19] == 2
    }

    private static func shape(in connection: borrowing SQLiteConnection) throws(StoreFailure) -> Shape {
        let columns = try storing { () throws(SQLiteError) in
            // A table with pages of its own: no view and no virtual table, which could run anything.
            let isTable = try connection.first(
                "SELECT 1 FROM sqlite_schema WHERE name = 'events' AND type = 'table' AND rootpage > 0"
            ) { $0.integer(0) }
            guard isTable != nil else { return Set<String>() }
            return Set(try connection.rows("SELECT name FROM pragma_table_info('events')") { $0.text(0) })
        }
        let needed: Set = ["id", "action", "trace_id", "cortex_id", "origin", "timestamp", "data", "vclock"]
        guard columns.isSuperset(of: needed) else { throw .notOurs }
        return columns.isSuperset(of: ["signature", "pubkey"]) ? .signed : .unsigned
    }
}

extension NoemaRow {
    /// Bytes of all columns.
    fileprivate var size: Int {
        guard case .columns(let columns) = content else { return 0 }
        let all = [
            columns.id, columns.action, columns.subject, columns.origin, columns.originName, columns.timestamp,
            columns.data, columns.clock, columns.signature, columns.publicKey,
        ]
        return all.reduce(0) { $0 + ($1?.count ?? 0) }
    }
}

extension NoemaRow.Columns {
    fileprivate init(row: borrowing SQLiteRow) throws(SQLiteError) {
        self.init()
        id = row.optionalBytes(0)
        action = row.optionalBytes(1)
        subject = row.optionalBytes(2)
        origin = row.optionalBytes(3)
        originName = row.optionalBytes(4)
        timestamp = row.optionalBytes(5)
        data = row.optionalBytes(6)
        clock = row.optionalBytes(7)
        signature = row.optionalBytes(8)
        publicKey = row.optionalBytes(9)
    }
}
