import FederationCore
import FederationTestKit
import Glibc
import Testing

@testable import FederationStore

/// Steps to come, which take long enough to be killed amid.
private let later: [SQL] = [
    """
    CREATE TABLE grown(n INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT;
    WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < 300000)
        INSERT INTO grown SELECT n, hex(zeroblob(40)) FROM counted
    """,
    """
    CREATE INDEX grown_by_text ON grown(text, n);
    ALTER TABLE events ADD COLUMN grown INTEGER;
    UPDATE events SET grown = 1
    """,
]

@Suite struct MigrationTests {
    private func count(_ sql: SQL, _ connection: borrowing SQLiteConnection) throws -> Int64? {
        try connection.first(sql) { row throws(SQLiteError) in row.integer(0) }
    }

    private func made(in scratch: ScratchDirectory) async throws -> String {
        let path = scratch.file("federation.db")
        let store = try SQLiteStore(path: path)
        let entries = try (1...50).map { number in
            try Sample.entry(Sample.event(Sample.id(Int64(number)), "create", "20260101-\(number)"))
        }
        try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in
            for entry in entries { _ = try log.append(entry) }
        }
        await store.close()
        return path
    }

    @Test func stepsAreDoneAllTogether() async throws {
        let scratch = ScratchDirectory()
        let connection = try SQLiteConnection(path: try await made(in: scratch), mode: .readWrite)
        #expect(throws: (any Error).self) {
            try Schema.migrate(connection, by: Schema.steps + [later[0], "CREATE TABLE events(seq)"])
        }
        #expect(try connection.userVersion() == Schema.version)
        #expect(try count("SELECT count(*) FROM sqlite_schema WHERE name = 'grown'", connection) == 0)
        try Schema.migrate(connection, by: Schema.steps + later)
        #expect(try connection.userVersion() == Schema.version + 2)
        #expect(try count("SELECT sum(grown) FROM events", connection) == 50)
        #expect(throws: StoreFailure.newerSchema(found: Schema.version + 2)) { try Schema.migrate(connection) }
    }

    @Test func aCrashAmidAMigrationLeavesTheOldSchemaOrTheNew() async throws {
        let scratch = ScratchDirectory()
        let path = try await made(in: scratch)
        var old = 0
        for milliseconds: Int in [1, 60, 200, 400, 700] {
            await #expect(processExitsWith: .signal(SIGKILL)) {
                [path = path as String, milliseconds = milliseconds as Int] in
                Task.detached {
                    try await Task.sleep(for: .milliseconds(milliseconds))
                    kill(getpid(), SIGKILL)
                }
                let connection = try SQLiteConnection(path: path, mode: .readWrite)
                try Schema.migrate(connection, by: Schema.steps + later)
                while true { sleep(1) }
            }
            let connection = try SQLiteConnection(path: path, mode: .readWrite)
            let version = try connection.userVersion()
            let isNew = version == Schema.version + 2
            #expect(isNew || version == Schema.version)
            #expect(try count("SELECT count(*) FROM events", connection) == 50)
            let grown = try count("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'grown%'", connection)
            #expect(grown == (isNew ? 2 : 0))
            if isNew { break }
            old += 1
        }
        #expect(old > 0)
        let connection = try SQLiteConnection(path: path, mode: .readWrite)
        try Schema.migrate(connection, by: Schema.steps + later)
        #expect(try count("SELECT count(*) FROM grown", connection) == 300_000)
    }

    @Test(.enabled(if: Schema.version > 1, "there is no older schema yet"))
    func anOlderDatabaseIsReadOnceItIsBroughtUpToDate() async throws {
        let scratch = ScratchDirectory()
        let path = try await made(in: scratch)
        do {
            let connection = try SQLiteConnection(path: path, mode: .readWrite)
            try connection.setUserVersion(Schema.version - 1)
        }
        #expect(throws: StoreFailure.olderSchema(found: Schema.version - 1)) {
            try SQLiteStore(path: path, access: .readOnly)
        }
    }
}
