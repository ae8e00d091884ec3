import FederationCore
import FederationTestKit
import Testing

@testable import FederationStore

/// What follows a place in the order of arrival, as a database keeps it.
@Suite struct ArrivalTallyTests {
    private let scratch = ScratchDirectory()
    private var path: String { scratch.file("federation.db") }

    private func made(_ count: Int64) async throws -> SQLiteStore {
        let store = try SQLiteStore(path: path)
        let entries = try (1...count).map { number in
            try Sample.entry(Sample.event(Sample.id(number), body: "body of \(number)"))
        }
        try await store.write { log throws(StoreFailure) in for entry in entries { _ = try log.append(entry) } }
        return store
    }

    private func script(_ sql: SQL) throws { try SQLiteConnection(path: path, mode: .readWrite).script(sql) }

    /// What the blocks say, and what a look at every event says, after some places.
    private func rests(_ store: SQLiteStore) async throws -> (kept: [LogRest], counted: [LogRest]) {
        try await store.read { log throws(StoreFailure) in
            let events = try log.events(after: 0, limit: .max, bytes: .max)
            var (kept, counted): ([LogRest], [LogRest]) = ([], [])
            for place in [0, 3, 255, 256, 300, 511, 700] as [Int64] {
                kept.append(try log.rest(after: place))
                let rest = events.filter { $0.seq > place }
                counted.append(
                    LogRest(
                        events: Int64(rest.count), bytes: rest.reduce(0) { $0 + $1.event.storedBytes },
                        oldest: rest.map(\.event.id).min()))
            }
            return (kept, counted)
        }
    }

    @Test func whoeverDeletesRowsTheBlocksFollow() async throws {
        let store = try await made(600)
        try script("DELETE FROM events WHERE seq IN (1, 2, 300, 600); DELETE FROM events WHERE seq BETWEEN 256 AND 290")
        let (kept, counted) = try await rests(store)
        #expect(kept == counted && kept[0].events == 561)
        try script("DELETE FROM events WHERE seq >= 512")
        let after = try await rests(store)
        #expect(after.kept == after.counted)
        await store.close()
    }

    @Test func anOlderDatabaseGetsItsBlocks() async throws {
        let store = try await made(600)
        let before = try await rests(store)
        #expect(before.kept == before.counted)
        await store.close()
        try script(
            """
            DROP TRIGGER arrival_lost; DROP VIEW arrivals; DROP TABLE arrival_blocks; DROP INDEX quarantine_by_time;
            ALTER TABLE events DROP COLUMN verified_by; ALTER TABLE events DROP COLUMN verified_at;
            PRAGMA user_version = 6
            """)
        let opened = try SQLiteStore(path: path)
        #expect(try await rests(opened).kept == before.kept)
        await opened.close()
    }
}
