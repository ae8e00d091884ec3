import FederationCore
import FederationTestKit
import Testing

@testable import FederationStore

@Suite struct SQLiteStoreRoomTests {
    private func note(_ number: Int, bytes: Int) throws -> LogEntry {
        let event = Sample.event(
            Sample.id(Int64(number)), "create", "20260101-n\(number)", body: String(repeating: "x", count: bytes))
        return try Sample.entry(event)
    }

    private func append(_ entry: LogEntry, to store: SQLiteStore, evenIfFull: Bool = false) async throws(StoreFailure) {
        try await store.attempt(evenIfFull: evenIfFull) { (log: inout SQLiteLog) throws(StoreFailure) in
            _ = try log.append(entry)
        }
    }

    @Test func atItsQuotaTheLogGrowsNoMoreAndEverythingElseGoesOn() async throws {
        let scratch = ScratchDirectory()
        let store = try SQLiteStore(path: scratch.file("federation.db"), room: StoreRoom(maxBytes: 1 << 20))
        let entries = try (0..<50).map { try note($0, bytes: 100_000) }
        var number = 0
        do throws(StoreFailure) {
            for entry in entries {
                try await append(entry, to: store)
                number += 1
            }
        } catch {
            #expect(error == .quota(limit: 1 << 20))
        }
        // The tables of an empty database take a part of it.
        #expect((5...9).contains(number), "\(number) events")
        let facts = try await store.disk()
        #expect(facts.database - facts.reusable + facts.writeAheadLog <= 1 << 20, "\(facts)")
        #expect(facts.free ?? 0 > 0)

        let refused = try note(99, bytes: 100_000)
        await #expect(throws: StoreFailure.quota(limit: 1 << 20)) { try await append(refused, to: store) }
        await #expect(throws: StoreFailure.quota(limit: 1 << 20)) {
            try await store.rehearse { (log: inout SQLiteLog) throws(StoreFailure) in _ = try log.append(refused) }
        }
        let (kept, health) = (Int64(number), "x")
        try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in
            try log.setState("peer:a:health", health)
            try log.setState("peer:a:last_event", health)
        }
        #expect(try await store.read { log throws(StoreFailure) in try log.eventCount() } == kept)
        #expect(try await store.read { log throws(StoreFailure) in try log.head()?.seq } == kept)

        // What is freed inside is used again.
        let stubs = entries.prefix(3).map { entry in
            (entry.event.id, Event.Stub(dataHash: entry.fingerprint.dataHash, normalHash: entry.fingerprint.normalHash))
        }
        try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in
            for (id, stub) in stubs { try log.strip(id, to: stub) }
        }
        try await append(refused, to: store)
        store.room = StoreRoom(maxBytes: 4 << 20)
        for number in 100..<110 { try await append(try note(number, bytes: 100_000), to: store) }
        #expect(try await store.isSound())
    }

    @Test func whatRemovesIsLetThrough() async throws {
        let scratch = ScratchDirectory()
        let store = try SQLiteStore(path: scratch.file("federation.db"), room: StoreRoom(maxBytes: 1))
        let entry = try note(1, bytes: 10)
        await #expect(throws: StoreFailure.quota(limit: 1)) { try await append(entry, to: store) }
        try await append(entry, to: store, evenIfFull: true)
        #expect(try await store.read { log throws(StoreFailure) in try log.eventCount() } == 1)
    }

    @Test func evidenceCountsAsGrowth() async throws {
        let scratch = ScratchDirectory()
        let store = try SQLiteStore(path: scratch.file("federation.db"), room: StoreRoom(maxBytes: 1))
        let bytes = Array("{}".utf8)
        let row = QuarantineEntry(
            kind: .refused, peer: "a", reason: .other, code: "not_json", eventID: "", subject: "", bytes: bytes,
            hash: Digest([UInt8](repeating: 1, count: 32))!, firstSeen: Sample.epoch, lastSeen: Sample.epoch)
        await #expect(throws: StoreFailure.quota(limit: 1)) {
            try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in try log.quarantine(row) }
        }
    }

    @Test func aDiskThatIsNearlyFullIsFull() async throws {
        let scratch = ScratchDirectory()
        let store = try SQLiteStore(path: scratch.file("federation.db"), room: StoreRoom(reserve: .max / 2))
        let entry = try note(1, bytes: 10)
        await #expect(throws: StoreFailure.full) { try await append(entry, to: store) }
        try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in try log.setState("a", "b") }
        store.room = StoreRoom()
        try await append(entry, to: store)
    }

    @Test func theWriteAheadLogIsFoldedInBeforeAnythingIsRefused() async throws {
        let scratch = ScratchDirectory()
        let store = try SQLiteStore(path: scratch.file("federation.db"), room: StoreRoom(maxBytes: 1 << 20))
        // The same value again and again: the log of the changes grows, and the database does not.
        for round in 0..<40 {
            try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in
                try log.setState("a", String(repeating: "\(round % 10)", count: 50_000))
            }
        }
        #expect(try await store.disk().writeAheadLog > 1 << 20)
        try await append(try note(1, bytes: 10), to: store)
        #expect(try await store.disk().writeAheadLog < 1 << 18)
        #expect(try await store.read { log throws(StoreFailure) in try log.state("a")?.count } == 50_000)
    }
}
