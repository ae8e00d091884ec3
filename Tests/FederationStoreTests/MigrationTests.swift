import FederationCore
import FederationCrypto
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

    /// A database of the schema that kept no times of proofs: of what is in it nobody knows when it was verified, and of
    /// what comes later everybody does. Rows of both lengths are read, by SQLite and from the pages alike.
    @Test func ofWhatCameBeforeTimesWereKeptNoneIsMadeUp() async throws {
        let scratch = ScratchDirectory()
        let path = try await made(in: scratch)
        do {
            let connection = try SQLiteConnection(path: path, mode: .readWrite)
            try connection.script(
                """
                ALTER TABLE events DROP COLUMN verified_by; ALTER TABLE events DROP COLUMN verified_at;
                UPDATE events SET verified = 2 WHERE seq <= 40; UPDATE events SET verified = 7 WHERE seq > 40;
                UPDATE events SET peer = '' WHERE seq = 3;
                PRAGMA user_version = 8
                """)
        }
        let store = try SQLiteStore(path: path)
        let new = try Sample.entry(Sample.event(Sample.id(99)), verification: .pinned, at: Sample.time(5))
        try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in
            _ = try log.append(new)
            try log.seal(
                Sample.id(50), signature: "s", publicKey: nil, verification: .pinned,
                proofTime: ProofTime(.review, at: Sample.time(6)))
        }
        let (events, last) = try await store.read { log throws(StoreFailure) in
            (try log.events(after: 0, limit: 99, bytes: .max), try log.proofTimesKeptAfter())
        }
        #expect(events.count == 51 && last == 50)
        let times = events.map { $0.foundProved(keptAfter: last) }
        #expect(times[0] == ProofTime(.unknown, at: nil) && times[45] == ProofTime(.unknown, at: nil))
        #expect(times[2] == ProofTime(.own, at: events[2].receivedAt), "what is written here is signed as it is written")
        #expect(times[49] == ProofTime(.review, at: Sample.time(6)))
        #expect(times[50] == ProofTime(.arrival, at: Sample.time(5)))
        await store.close()
        let salvage = try Salvage(path: path) { _, _ in }
        #expect(salvage.events(0..<salvage.count, sha256).events == events)
        // A database that is new knows it of all.
        let fresh = try SQLiteStore(path: scratch.file("fresh.db"))
        #expect(try await fresh.read { log throws(StoreFailure) in try log.meta(.proofTimesAfter) } == nil)
        await fresh.close()
    }

    /// Rows that came before have the signed hash of all `data`, and those that come have it of what is not in normal form.
    @Test func aSignedHashThatTheDigestImpliesIsReadAndNotWrittenAnyMore() async throws {
        let scratch = ScratchDirectory()
        let path = try await made(in: scratch)
        func events() async throws -> [StoredEvent] {
            let store = try SQLiteStore(path: path)
            let events = try await store.read { log throws(StoreFailure) in try log.events(after: 0, limit: 99, bytes: .max) }
            await store.close()
            return events
        }
        let new = try await events()
        #expect(!new.isEmpty && new.allSatisfy { $0.signedHash == nil })
        do {
            let connection = try SQLiteConnection(path: path, mode: .readWrite)
            for stored in new {
                try connection.run(
                    "UPDATE events SET signed_hash = ? WHERE seq = ?", stored.event.signedHash(sha256), stored.seq)
            }
            try connection.setUserVersion(9)
        }
        let old = try await events()
        #expect(old.map(\.event) == new.map(\.event))
        for (old, new) in zip(old, new) {
            let fingerprint = try new.event.fingerprint(sha256)
            #expect(old.signedHash == new.event.signedHash(sha256) && fingerprint.signedHash == nil)
            #expect(old.fitsSignature(of: new.event, fingerprint, sha256))
        }
        let salvaged = try Salvage(path: path) { _, _ in }
        #expect(salvaged.events(0..<salvaged.count, sha256).events == old)
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
