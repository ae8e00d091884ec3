import FederationCore
import FederationCrypto
import FederationTestKit
import Testing

@testable import FederationStore

/// Holes in the numbers of origins, as a database keeps them.
@Suite struct HolesTests {
    private let scratch = ScratchDirectory()
    private var path: String { scratch.file("federation.db") }
    private let origin = Sample.node(1).description

    private func made(_ numbers: [UInt64]) async throws -> SQLiteStore {
        let store = try SQLiteStore(path: path)
        let entries = try numbers.map { number in
            try Sample.entry(
                Sample.event(Sample.id(Int64(number)), clock: [1: number]), at: Sample.time(Int64(number) * 1000))
        }
        try await store.write { log throws(StoreFailure) in for entry in entries { _ = try log.append(entry) } }
        return store
    }

    private func script(_ sql: SQL) throws { try SQLiteConnection(path: path, mode: .readWrite).script(sql) }

    private func holes(_ store: SQLiteStore) async throws -> [NumberHole] {
        let origin = origin
        return try await store.read { log throws(StoreFailure) in try log.holes(of: origin, limit: .max) }
    }

    private func isRight(_ store: SQLiteStore) async throws -> Bool {
        try await store.write { log throws(StoreFailure) in
            try log.setMeta(.recordVersion, String(RecordFunction.version))
            for number in 1...30 { try log.setRecord("20260101-note-\(number)", nil) }
        }
        let audit = LogAudit(node: nil, ownKeys: [], sha256: sha256, verifies: { _, _, _ in false })
        let found = try await store.audit(audit, progress: { _, _ in })
        return !found.findings.contains { $0.kind == .originMismatch }
    }

    @Test func whatIsDeletedByHandIsAHoleSinceThenAlsoAtTheTop() async throws {
        let store = try await made(Array(1...20))
        #expect(try await holes(store).isEmpty)
        try script("DELETE FROM events WHERE number IN (4, 5, 6, 9, 19, 20)")
        try await store.write { _ throws(StoreFailure) in }
        let found = try await holes(store)
        #expect(found.map { $0.first...$0.last }.sorted { $0.lowerBound < $1.lowerBound } == [4...6, 9...9, 19...20])
        // By the clock of whoever deleted them.
        #expect(found.allSatisfy { $0.since > WallTime(milliseconds: 1_767_225_600_000 - 86_400_000 * 30) })
        #expect(try await isRight(store))
        // They outlive the process, and close as what is missing comes.
        await store.close()
        let again = try SQLiteStore(path: path)
        #expect(try await holes(again) == found)
        let back = try [5, 20, 19, 9, 4, 6].map { number in
            try Sample.entry(Sample.event(Sample.id(Int64(number)), clock: [1: UInt64(number)]))
        }
        try await again.write { log throws(StoreFailure) in for entry in back { _ = try log.append(entry) } }
        #expect(try await holes(again).isEmpty)
        #expect(try await isRight(again))
    }

    @Test func anOriginWhoseEventsAreAllGoneIsKnownByItsHole() async throws {
        let store = try await made([1, 2, 3])
        try script("DELETE FROM events")
        try await store.write { _ throws(StoreFailure) in }
        #expect(try await holes(store).map { $0.first...$0.last } == [1...3])
        let origins = try await store.read { log throws(StoreFailure) in try log.origins() }
        #expect(origins.map(\.events) == [0] && origins.first?.highestNumber == 3)
        #expect(try await isRight(store))
    }

    @Test func aTransactionThatIsUndoneLeavesTheHolesAsTheyWere() async throws {
        let store = try await made([1, 5])
        let before = try await holes(store)
        let entry = try Sample.entry(Sample.event(Sample.id(3), clock: [1: 3]))
        do throws(StoreFailure) {
            try await store.write { log throws(StoreFailure) in
                _ = try log.append(entry)
                throw .interrupted
            }
        } catch { #expect(error == .interrupted) }
        #expect(try await holes(store) == before && before.map { $0.first...$0.last } == [2...4])
    }

    /// A database of the schema before gets the holes that it would have had.
    @Test func anOlderDatabaseGetsItsHoles() async throws {
        let numbers: [UInt64] = [3, 4, 9, 10, 11, 30]
        let store = try await made(numbers)
        let kept = try await holes(store)
        #expect(kept.map { $0.first...$0.last } == [1...2, 5...8, 12...29])
        #expect(kept.map(\.since) == [3, 9, 30].map { Sample.time($0 * 1000) })
        await store.close()
        try script(
            """
            DROP TRIGGER arrival_lost; DROP VIEW arrivals; DROP TABLE arrival_blocks; DROP INDEX records_incomplete; DROP INDEX quarantine_by_time;
            ALTER TABLE events DROP COLUMN verified_by; ALTER TABLE events DROP COLUMN verified_at;
            DROP TABLE attestations; DROP TABLE holes; DROP TRIGGER event_lost; ALTER TABLE events_lost DROP COLUMN lost_at;
            CREATE TRIGGER event_lost AFTER DELETE ON events BEGIN
                INSERT INTO events_lost VALUES (substr(old.id, 1, 10), old.digest, old.origin, old.number);
            END;
            PRAGMA user_version = 3
            """)
        let opened = try SQLiteStore(path: path)
        #expect(try await holes(opened) == kept)
        try script("DELETE FROM events WHERE number = 10")
        try await opened.write { _ throws(StoreFailure) in }
        #expect(try await holes(opened).contains { $0.first == 10 && $0.last == 10 })
        #expect(try await isRight(opened))
    }
}
