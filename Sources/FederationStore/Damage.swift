internal import CSQLite
package import FederationCore
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
    package static func isSound(_ path: String) -> Bool {
        do throws(SQLiteError) {
            let connection = try SQLiteConnection(path: path, mode: .readOnly)
            return try connection.first("PRAGMA integrity_check(1)") { $0.text(0) } == "ok"
        } catch {
            return false
        }
    }
}
