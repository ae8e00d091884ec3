import FederationCore
import FederationTestKit
import Glibc
import Testing

@testable import FederationStore

struct NoemaDatabaseTests {
    private func makeCortex(_ path: String, mode: String = "WAL") throws -> SQLiteConnection {
        let connection = try SQLiteConnection(path: path, mode: .create)
        try connection.script(mode == "WAL" ? "PRAGMA journal_mode = WAL" : "PRAGMA journal_mode = DELETE")
        try connection.script(
            """
            CREATE TABLE events(id TEXT PRIMARY KEY, action TEXT, trace_id TEXT, cortex_id TEXT, origin TEXT,
                timestamp TEXT, data TEXT DEFAULT '{}', vclock TEXT DEFAULT '{}', signature TEXT, pubkey TEXT)
            """)
        return connection
    }

    private func add(_ id: String, data: String = "{}", to connection: borrowing SQLiteConnection) throws {
        try connection.run("INSERT INTO events(id, action, data) VALUES (?, 'create', ?)", id, data)
    }

    private func names(in directory: String) -> [String] {
        guard let stream = opendir(directory) else { return [] }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            names.append(withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
        }
        return names.filter { !$0.hasPrefix(".") }.sorted()
    }

    private func ids(_ rows: [NoemaRow]) -> [String] {
        rows.map { row in
            if case .columns(let columns) = row.content { String(decoding: columns.id ?? [], as: UTF8.self) } else { "?" }
        }
    }

    /// Read with nobody there, it leaves no file behind; once somebody writes, what they write is seen.
    @Test func aCortexThatComesIntoUseIsReadOn() async throws {
        let scratch = ScratchDirectory()
        let path = scratch.path + "/a b?c#%.db"
        try add("one", to: try makeCortex(path))
        #expect(names(in: scratch.path) == ["a b?c#%.db"])
        let database = try NoemaDatabase(path: path)
        #expect(try await ids(database.rows(after: .min, limit: 10, bytes: 1 << 20)) == ["one"])
        #expect(names(in: scratch.path) == ["a b?c#%.db"])
        let writer = try SQLiteConnection(path: path, mode: .readWrite)
        try add("two", to: writer)
        #expect(try await ids(database.rows(after: .min, limit: 10, bytes: 1 << 20)) == ["one", "two"])
        #expect(try await database.eventCount() == 2)
        try add("three", to: writer)
        #expect(try await ids(database.rows(after: 1, limit: 10, bytes: 1 << 20)) == ["two", "three"])
    }

    @Test func rowsComeInPages() async throws {
        let scratch = ScratchDirectory()
        let connection = try makeCortex(scratch.path + "/n.db", mode: "DELETE")
        for number in 0..<10 { try add("\(number)", data: String(repeating: "x", count: 1000), to: connection) }
        let database = try NoemaDatabase(path: scratch.path + "/n.db")
        #expect(try await database.rows(after: .min, limit: 3, bytes: 1 << 20).count == 3)
        #expect(try await database.rows(after: .min, limit: 100, bytes: 3500).count == 3)
        #expect(try await database.rows(after: .min, limit: 100, bytes: 1).count == 1)
        #expect(try await ids(database.rows(after: 9, limit: 100, bytes: 1 << 20)) == ["9"])
        #expect(try await database.rows(after: 10, limit: 100, bytes: 1 << 20).isEmpty)
    }

    @Test func whatIsNoEventLogIsRefused() throws {
        let scratch = ScratchDirectory()
        let view = try SQLiteConnection(path: scratch.path + "/view.db", mode: .create)
        try view.script(
            """
            CREATE TABLE t(a); CREATE VIEW events AS SELECT a AS id, a AS action, a AS trace_id, a AS cortex_id,
                a AS origin, a AS timestamp, a AS data, a AS vclock FROM t
            """)
        let other = try SQLiteConnection(path: scratch.path + "/other.db", mode: .create)
        try other.script("CREATE TABLE events(id TEXT)")
        for name in ["view.db", "other.db"] {
            #expect(throws: StoreFailure.notOurs) { try NoemaDatabase(path: scratch.path + "/" + name) }
        }
        #expect(throws: StoreFailure.cannotOpen) { try NoemaDatabase(path: scratch.path + "/missing.db") }
    }
}

struct RehearsalTests {
    private func entry(_ number: Int) throws -> LogEntry {
        try Sample.entry(Sample.event(Sample.id(Int64(number)), clock: [1: UInt64(number)]))
    }

    @Test func whatIsRehearsedIsUndone() async throws {
        let scratch = ScratchDirectory()
        let path = scratch.path + "/federation.db"
        let store = try SQLiteStore(path: path)
        let first = try entry(1)
        try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in _ = try log.append(first) }
        let second = try entry(2)
        let count = try SQLiteStore.rehearse(at: path) { (log: inout SQLiteLog) throws(StoreFailure) in
            _ = try log.append(second)
            return try log.eventCount()
        }
        #expect(count == 2)
        #expect(try await store.read { (log) throws(StoreFailure) in try log.eventCount() } == 1)
        #expect(throws: StoreFailure.other(code: 7)) {
            try SQLiteStore.rehearse(at: path) { (log: inout SQLiteLog) throws(StoreFailure) in
                _ = try log.append(second)
                throw StoreFailure.other(code: 7)
            }
        }
        try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in _ = try log.append(second) }
        #expect(throws: StoreFailure.cannotOpen) {
            try SQLiteStore.rehearse(at: scratch.path + "/none.db") { (_: inout SQLiteLog) throws(StoreFailure) in }
        }
        await store.close()
    }

    @Test func aCopyIsTheStateOfTheLastCommit() async throws {
        let scratch = ScratchDirectory()
        let store = try SQLiteStore(path: scratch.path + "/federation.db")
        let (first, second) = (try entry(1), try entry(2))
        try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in _ = try log.append(first) }
        try SQLiteStore.copy(of: scratch.path + "/federation.db", to: scratch.path + "/copy.db")
        #expect(throws: StoreFailure.cannotOpen) {
            try SQLiteStore.copy(of: scratch.path + "/federation.db", to: scratch.path + "/copy.db")
        }
        let copy = try SQLiteStore(path: scratch.path + "/copy.db", access: .scratch)
        try await copy.write { (log: inout SQLiteLog) throws(StoreFailure) in _ = try log.append(second) }
        #expect(try await copy.read { (log) throws(StoreFailure) in try log.head()?.seq } == 2)
        #expect(try await store.read { (log) throws(StoreFailure) in try log.head()?.seq } == 1)
        await copy.close()
        await store.close()
    }

    /// A part of a transaction that fails leaves no trace, not even in the counts of origins.
    @Test func aPartIsUndoneByItself() async throws {
        let scratch = ScratchDirectory()
        let store = try SQLiteStore(path: scratch.path + "/federation.db")
        let (first, second) = (try entry(1), try entry(2))
        try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in
            _ = try log.append(first)
            do throws(WriteFailure) {
                try log.part { (log: inout SQLiteLog) throws(WriteFailure) in
                    do throws(StoreFailure) { _ = try log.append(second) } catch { throw .store(error) }
                    throw .refused(.exists)
                }
            } catch {}
        }
        let (events, counted) = try await store.read { (log) throws(StoreFailure) in
            (try log.events(after: 0, limit: 10, bytes: 1 << 20).map(\.event.id), try log.eventCount())
        }
        #expect(events == [first.event.id])
        #expect(counted == 1)
        await store.close()
    }
}
