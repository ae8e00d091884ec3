internal import CSQLite
package import FederationCore
internal import Glibc
internal import Synchronization

/// Whether SQLite has found a database damaged. Once it has, nothing is written to it any more: what is written over a
/// damaged page is lost for good.
package final class Damage: Sendable {
    private let found = Mutex(false)
    private let (notices, notice) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    var isFound: Bool { found.withLock { $0 } }

    /// Takes note of the result code of any statement.
    func heed(_ code: Int32) {
        guard code & 0xFF == SQLITE_CORRUPT || code & 0xFF == SQLITE_NOTADB else { return }
        find()
    }

    func find() {
        let isNews = found.withLock { found in
            defer { found = true }
            return !found
        }
        if isNews { notice.yield() }
    }

    /// Ends the wait of whoever waits for it to be found.
    func close() { notice.finish() }

    /// Returns `true` once it is found, `false` once nothing will be.
    func wait() async -> Bool {
        if isFound { return true }
        for await _ in notices { return true }
        return isFound
    }
}

extension SQLiteStore {
    /// SQLite has found the file damaged: what can be read is read, and nothing is written.
    package nonisolated var isDamaged: Bool { damage.isFound }

    /// Returns `true` once the database is found damaged, `false` once the store is closed. To be called once.
    package nonisolated func waitForDamage() async -> Bool { await damage.wait() }

    /// Whether every page of the file is in its place; `false` is remembered as `isDamaged`. It reads the whole file, and
    /// other work goes on meanwhile.
    package nonisolated func checkPages() async throws(StoreFailure) -> Bool { try await readers.checkPages() }
}

extension SQLiteStore {
    /// Whether SQLite finds nothing wrong with the file at `path`, whatever schema it has and whosever it is.
    ///
    /// - Throws: what kept it from looking, which says nothing of the file.
    package static func isSound(_ path: String) throws(StoreFailure) -> Bool {
        do throws(SQLiteError) {
            let connection = try SQLiteConnection(path: path, mode: .readOnly)
            return try PageCheck.isPassed(try connection.first("PRAGMA integrity_check(1)") { $0.text(0) })
        } catch {
            guard StoreFailure(error) == .corrupt else { throw StoreFailure(error) }
            return false
        }
    }
}

/// A database that was cut to nothing beside its write-ahead log.
enum EmptiedDatabase {
    private static let logHeader = 32

    /// To be asked before SQLite opens it: that deletes the write-ahead log of a database without a page, and the log may have
    /// everything.
    static func stands(at path: String) -> Bool {
        size(path) == 0 && size(path + "-wal") ?? 0 > logHeader
    }

    private static func size(_ path: String) -> Int64? {
        var facts = stat()
        guard unsafe stat(path, &facts) == 0 else { return nil }
        return Int64(facts.st_size)
    }
}

/// What SQLite's own look at the pages of a database has found.
enum PageCheck {
    /// - Throws: the failure that kept a page from being read. It is in the words alone: SQLite gives no code beside them.
    static func isPassed(_ row: String?) throws(SQLiteError) -> Bool {
        guard let row else { return false }
        if row == "ok" { return true }
        if let code = code(in: row) {
            let error = SQLiteError(extendedCode: code)
            guard StoreFailure(error) == .corrupt else { throw error }
        }
        return false
    }

    /// The number behind the words of `checkTreePage`: "unable to get the page. error code=10".
    private static func code(in row: String) -> Int32? {
        let words = Array("error code".utf8)
        let bytes = Array(row.utf8)
        guard let end = bytes.indices.last(where: { bytes[$0...].starts(with: words) }).map({ $0 + words.count }) else { return nil }
        let digits = bytes[end...].dropFirst().prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        return Int32(String(decoding: digits, as: UTF8.self))
    }
}
