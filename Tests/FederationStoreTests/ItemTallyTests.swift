import CSQLite
import FederationCore
import FederationTestKit
import Testing

@testable import FederationStore

/// The log as a set on disk, against a plain sorted array.
@Suite struct ItemTallyTests {
    @Test(arguments: [1, 2, 3] as [UInt64])
    func theBlocksAddUpUnderAnyWrites(seed: UInt64) async throws {
        let scratch = ScratchDirectory()
        let path = scratch.file("federation.db")
        var store = try SQLiteStore(path: path)
        var random = SeededRandom(seed: seed)
        var expected: [ULID: Digest] = [:]
        var clock: Int64 = 0
        for round in 0..<24 {
            var after = expected
            var entries: [LogEntry] = []
            for _ in 0..<100 {
                // Mostly in order, sometimes late, sometimes another variant of what is there.
                clock += Int64(random.below(3))
                let known = random.chance(0.1) ? expected.keys.randomElement(using: &random) : nil
                let time = random.chance(seed == 2 ? 0.5 : 0.02) ? Int64(random.below(Int(clock) + 1)) : clock
                let id = known ?? Sample.id(time, salt: random.next() % 1000)
                entries.append(try Sample.entry(Sample.event(id, body: "\(random.below(1000))")))
                after[id] = entries.last?.fingerprint.digest
            }
            let isUndone = random.chance(0.25)
            let written = entries
            do throws(StoreFailure) {
                try await store.write { log throws(StoreFailure) in
                    for entry in written {
                        _ = try log.event(entry.event.id) == nil
                            ? try log.append(entry) : try log.replace(with: entry, counted: false)
                    }
                    if isUndone { throw .interrupted }
                }
                expected = after
            } catch { #expect(error == .interrupted && isUndone) }
            if round == 12 {
                await store.close()
                store = try SQLiteStore(path: path)
            }
            let items = expected.map { LogItem($0.key, $0.value) }.sorted()
            try await expectBlocks(store, items)
        }
        #expect(expected.count > 1024)
        #expect(try await store.read { log throws(StoreFailure) in try log.itemBlocks().count } > 2)
    }

    /// Every block has what it says, none is too large, and all of them are all there is.
    private func expectBlocks(_ store: SQLiteStore, _ items: [LogItem]) async throws {
        let (blocks, found) = try await store.read { log throws(StoreFailure) in
            (try log.itemBlocks(), try log.items(from: .first, below: nil, limit: .max))
        }
        #expect(found == items)
        for (index, block) in blocks.enumerated() {
            let next = index + 1 < blocks.count ? blocks[index + 1].first : nil
            let inside = items.filter { item in item >= block.first && next.map { item < $0 } ?? true }
            #expect(block.total == ItemTotal(of: inside))
            #expect(block.total.count <= Int64(ItemTally.blockSize))
        }
        #expect(blocks.reduce(into: ItemTotal()) { $0 += $1.total } == ItemTotal(of: items))
    }

    /// A database of the first schema gets its blocks and sums once, when it is opened for writing.
    @Test func anOldDatabaseGetsItsIndexOnce() async throws {
        let scratch = ScratchDirectory()
        let path = scratch.file("federation.db")
        var entries: [LogEntry] = []
        for number in UInt64(0)..<1200 {
            let id = Sample.id(Int64(number * 7 % 1000), salt: number)
            entries.append(try Sample.entry(Sample.event(id, origin: 1 + number % 3)))
        }
        let written = entries
        let store = try SQLiteStore(path: path)
        try await store.write { log throws(StoreFailure) in for entry in written { _ = try log.append(entry) } }
        let before = try await store.read { log throws(StoreFailure) in (try log.origins(), try log.itemTotal()) }
        await store.close()
        try changed(path) { connection throws(SQLiteError) in
            try connection.script(
                """
                DROP TRIGGER arrival_lost; DROP VIEW arrivals; DROP TABLE arrival_blocks;
                DROP TABLE holes; DROP TRIGGER event_lost; DROP INDEX events_by_item; DROP TABLE item_blocks; DROP TABLE events_lost;
                DROP INDEX quarantine_by_digest; ALTER TABLE quarantine DROP COLUMN digest;
                ALTER TABLE events DROP COLUMN verified_by; ALTER TABLE events DROP COLUMN verified_at;
                DROP INDEX events_unproved; DROP INDEX records_incomplete; DROP TABLE attestations;
                DROP INDEX IF EXISTS quarantine_by_time; ALTER TABLE origins DROP COLUMN sum; PRAGMA user_version = 1
                """)
        }
        let opened = try SQLiteStore(path: path)
        let after = try await opened.read { log throws(StoreFailure) in (try log.origins(), try log.itemTotal()) }
        #expect(after == before)
        #expect(after.1.count == 1200)
        try await expectBlocks(opened, entries.map { LogItem($0.event.id, $0.fingerprint.digest) }.sorted())
    }

    /// Rows that another program deletes are noticed at the next write, and can come back.
    @Test func theCountsFollowWhateverDeletesARow() async throws {
        let scratch = ScratchDirectory()
        let path = scratch.file("federation.db")
        let entries = try (1...600).map { number in
            try Sample.entry(Sample.event(Sample.id(Int64(number)), clock: [1: UInt64(number)]))
        }
        let store = try SQLiteStore(path: path)
        try await store.write { log throws(StoreFailure) in for entry in entries { _ = try log.append(entry) } }
        try changed(path) { connection throws(SQLiteError) in
            try connection.script("DELETE FROM events WHERE number IN (5, 300, 600)")
        }
        let gone = [5, 300, 600]
        try await store.write { _ throws(StoreFailure) in }
        let left = entries.filter { !gone.contains(Int($0.event.number ?? 0)) }
        try await expectBlocks(store, left.map { LogItem($0.event.id, $0.fingerprint.digest) }.sorted())
        let origin = try #require(try await store.read { log throws(StoreFailure) in try log.origins() }.first)
        #expect(origin.events == 597 && origin.distinctNumbers == 597 && origin.highestNumber == 600)

        try changed(path) { connection throws(SQLiteError) in
            try connection.script("DELETE FROM events WHERE number = 7")
        }
        try await store.write { log throws(StoreFailure) in
            for entry in entries where gone.contains(Int(entry.event.number ?? 0)) || entry.event.number == 7 {
                _ = try log.append(entry)
            }
        }
        try await expectBlocks(store, entries.map { LogItem($0.event.id, $0.fingerprint.digest) }.sorted())
        let healed = try #require(try await store.read { log throws(StoreFailure) in try log.origins() }.first)
        #expect(healed.events == 600 && healed.distinctNumbers == 600 && healed.highestNumber == 600)
    }

    /// Changes a database as another program would.
    private func changed(_ path: String, _ body: (borrowing SQLiteConnection) throws(SQLiteError) -> Void) throws {
        let connection = try SQLiteConnection(path: path, mode: .readWrite)
        // The other program is bound by nothing.
        try connection.script("PRAGMA foreign_keys = OFF")
        try body(connection)
    }
}
