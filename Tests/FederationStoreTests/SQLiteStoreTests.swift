import FederationCore
import FederationTestKit
import Glibc
import Testing

@testable import FederationStore

/// Event number `number` of node `origin`, each of a subject of its own.
func note(_ number: UInt64, origin: UInt64 = 1, body: String = "body") throws -> LogEntry {
    try Sample.entry(
        Sample.event(
            Sample.id(Int64(number), salt: origin), "create", "20260101-note-\(origin)-\(number)", origin: origin,
            clock: [origin: number], body: body))
}

private func append(_ entries: [LogEntry], to store: SQLiteStore) async throws(StoreFailure) {
    try await store.write { log throws(StoreFailure) in for entry in entries { _ = try log.append(entry) } }
}

@Test func whatIsWrittenIsReadAfterReopening() async throws {
    let scratch = ScratchDirectory()
    let path = scratch.file("federation.db")
    var full = try note(1)
    full.event.signature = "ed25519:signature"
    full.event.publicKey = "ed25519:key"
    full.verification = .pinned
    let stub = try Sample.entry(note(2).event.stubbed(), peer: "")
    let seen = try LogEntry(
        event: note(3).event.stubbed(), fingerprint: note(3).fingerprint, verification: .provisional, peer: "b",
        receivedAt: Sample.time(5), dataSeen: true)
    var record = Record(subject: "s", heads: [Sample.id(1), Sample.id(2)])
    record.isIncomplete = true
    (record.title, record.type, record.author, record.tier) = ("T\u{0}\u{1B}", "note", "a", "long")
    (record.tags, record.derivedFrom) = (["x", "\"y\""], ["20260101-a"])
    (record.lifecycle, record.votes, record.heldCount) = (.archived, -3, 2)
    (record.created, record.updated, record.origin) = ("2026", "2027", "me")
    record.purge = Record.Purge(eventID: Sample.id(9), action: "purge", reason: "r")
    let written = record
    do {
        let store = try SQLiteStore(path: path)
        try await append([full, stub, seen], to: store)
        try await store.write { log throws(StoreFailure) in
            try log.setRecord("s", written)
            try log.setState("vclock", "{}")
            try log.setMeta(.epoch, "e")
            try log.setWireValue("hive", peer: "p", key: "k", [])
            try log.setHold(Sample.id(2, salt: 1), .replayer(.other))
        }
        await store.close()
    }
    let store = try SQLiteStore(path: path)
    let events = try await store.read { log throws(StoreFailure) in
        try log.events(after: 0, limit: 10, bytes: .max)
    }
    func stored(_ seq: Int64, _ entry: LogEntry, hold: HoldReason? = nil) -> StoredEvent {
        StoredEvent(
            seq: seq, event: entry.event, digest: entry.fingerprint.digest, signedHash: entry.fingerprint.signedHash,
            verification: entry.verification, peer: entry.peer, receivedAt: entry.receivedAt, dataSeen: entry.dataSeen,
            hold: hold)
    }
    #expect(events == [stored(1, full), stored(2, stub, hold: .replayer(.other)), stored(3, seen)])
    try await store.read { log throws(StoreFailure) in
        #expect(try log.record("s") == written)
        #expect(try log.state("vclock") == "{}")
        #expect(try log.meta(.epoch) == "e")
        #expect(try log.wireValue("hive", peer: "p", key: "k") == [])
        #expect(try log.wireValue("hive", peer: "p", key: "other") == nil)
    }
}

@Test func aFailedWriteLeavesNothingAndCountsNothing() async throws {
    let scratch = ScratchDirectory()
    let store = try SQLiteStore(path: scratch.file("federation.db"))
    let (first, second) = (try note(1), try note(2))
    try await append([first], to: store)
    await #expect(throws: StoreFailure.busy) {
        try await store.write { log throws(StoreFailure) in
            _ = try log.append(second)
            #expect(try log.eventCount() == 2)
            #expect(try log.highestNumber(of: Sample.node(1).description) == 2)
            throw StoreFailure.busy
        }
    }
    let origin = OriginSummary(
        origin: Sample.node(1).description, events: 1, distinctNumbers: 1, highestNumber: 1,
        sum: DigestSum(first.fingerprint.digest))
    #expect(try await store.read { log throws(StoreFailure) in try log.origins() } == [origin])
    try await append([second], to: store)
    #expect(try await store.read { log throws(StoreFailure) in try log.head()?.seq } == 2)
    #expect(try await store.read { log throws(StoreFailure) in try log.origins() }.first?.highestNumber == 2)
}

@Test func readersSeeOneCommitAtATime() async throws {
    let scratch = ScratchDirectory()
    let store = try SQLiteStore(path: scratch.file("federation.db"))
    let pages = try (0..<20).map { page in try (1...10).map { try note(UInt64(page * 10 + $0)) } }
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { for page in pages { try await append(page, to: store) } }
        for _ in 0..<4 {
            group.addTask {
                var count: Int64 = 0
                while count < 200 {
                    let (head, next, counted) = try await store.read { log throws(StoreFailure) in
                        let events = try log.events(after: 0, limit: 2000, bytes: .max)
                        return (try log.head()?.seq ?? 0, Int64(events.count), try log.eventCount())
                    }
                    #expect(head == next && counted == next && next % 10 == 0 && next >= count)
                    count = next
                }
            }
        }
        try await group.waitForAll()
    }
}

@Test func aNewerSchemaIsRefusedAndLeftAsItIs() async throws {
    let scratch = ScratchDirectory()
    let path = scratch.file("federation.db")
    _ = try SQLiteStore(path: path)
    do {
        let connection = try SQLiteConnection(path: path, mode: .readWrite)
        try connection.setUserVersion(Schema.version + 1)
    }
    #expect(throws: StoreFailure.newerSchema(found: Schema.version + 1)) { try SQLiteStore(path: path) }
    #expect(throws: StoreFailure.newerSchema(found: Schema.version + 1)) {
        try SQLiteStore(path: path, access: .readOnly)
    }
    let connection = try SQLiteConnection(path: path, mode: .readOnly)
    #expect(try connection.userVersion() == Schema.version + 1)
}

@Test func anotherApplicationsDatabaseIsRefusedAndLeftAsItIs() throws {
    let scratch = ScratchDirectory()
    func make(_ name: String, _ body: (borrowing SQLiteConnection) throws -> Void) throws -> [UInt8] {
        try body(SQLiteConnection(path: scratch.file(name), mode: .create))
        return scratch.read(name)
    }
    let foreign = [
        ("noema.db", try make("noema.db") { try $0.script("CREATE TABLE federation_state(key, value)") }),
        ("marked.db", try make("marked.db") { try $0.setApplicationID(7) }),
        ("numbered.db", try make("numbered.db") { try $0.setUserVersion(1) }),
    ]
    for (name, bytes) in foreign {
        #expect(throws: StoreFailure.notOurs) { try SQLiteStore(path: scratch.file(name)) }
        #expect(scratch.read(name) == bytes)
    }
    scratch.write("text.db", Array(repeating: 0x61, count: 5000))
    #expect(throws: StoreFailure.corrupt) { try SQLiteStore(path: scratch.file("text.db")) }
    #expect(scratch.read("text.db").count == 5000)
}

@Test func theDatabaseIsItsOwnersAlone() async throws {
    let scratch = ScratchDirectory()
    let store = try SQLiteStore(path: scratch.file("federation.db"))
    try await append([note(1)], to: store)
    for name in ["federation.db", "federation.db-wal", "federation.db-shm"] {
        var status = stat()
        #expect(stat(scratch.file(name), &status) == 0)
        #expect(status.st_mode & 0o7777 == 0o600, "\(name)")
    }
}

@Test func aLookNeedsADatabaseAndWritesNothing() async throws {
    let scratch = ScratchDirectory()
    let path = scratch.file("federation.db")
    #expect(throws: StoreFailure.cannotOpen) { try SQLiteStore(path: path, access: .readOnly) }
    let writer = try SQLiteStore(path: path)
    try await append([note(1)], to: writer)
    let look = try SQLiteStore(path: path, access: .readOnly)
    #expect(try await look.read { log throws(StoreFailure) in try log.eventCount() } == 1)
    await #expect(throws: StoreFailure.readOnly) { try await append([note(2)], to: look) }
    // And it sees what the writer does meanwhile.
    try await append([note(2)], to: writer)
    #expect(try await look.read { log throws(StoreFailure) in try log.eventCount() } == 2)
}

@Test func aClosedStoreWritesNoMore() async throws {
    let scratch = ScratchDirectory()
    let store = try SQLiteStore(path: scratch.file("federation.db"))
    try await append([note(1)], to: store)
    #expect(try await store.isSound())
    await store.close()
    await #expect(throws: StoreFailure.readOnly) { try await append([note(2)], to: store) }
    var status = stat()
    #expect(stat(scratch.file("federation.db-wal"), &status) != 0, "the last connection has folded the log in")
}

@Test func aFullDiskStopsOnlyWhatDoesNotFit() async throws {
    let scratch = ScratchDirectory()
    let store = try SQLiteStore(path: scratch.file("federation.db"))
    let body = String(repeating: "x", count: 3000)
    let pages = try (0..<4).map { page in try (1...50).map { try note(UInt64(page * 50 + $0), body: body) } }
    try await append(pages[0], to: store)
    try await store.setMaxPageCount(100)
    await #expect(throws: StoreFailure.full) { try await append(pages[1] + pages[2], to: store) }
    #expect(try await store.read { log throws(StoreFailure) in try log.eventCount() } == 50)
    #expect(try await store.isSound())
    try await store.setMaxPageCount(10_000)
    for page in pages.dropFirst() { try await append(page, to: store) }
    let ids = try await store.read { log throws(StoreFailure) in
        try log.events(after: 0, limit: 1000, bytes: .max).map(\.event.id)
    }
    #expect(ids == pages.joined().map(\.event.id))
}

@Test func aReplacedRowLeavesItsPlaceMarked() async throws {
    let scratch = ScratchDirectory()
    let store = try SQLiteStore(path: scratch.file("federation.db"))
    let (first, second) = (try note(1), try note(2))
    try await append([first, second], to: store)
    var other = first.event
    other.originName = "another variant"
    let variantEvent = other
    let variant = try Sample.entry(variantEvent, peer: "c", at: Sample.time(7))
    try await store.write { log throws(StoreFailure) in
        try log.setHold(first.event.id, .unknownType)
        #expect(try log.replace(with: variant, counted: true) == 3)
    }
    try await store.read { log throws(StoreFailure) in
        #expect(try log.id(at: 1) == first.event.id)
        #expect(try log.id(at: 3) == first.event.id)
        #expect(try log.id(at: 4) == nil)
        #expect(try log.events(after: 0, limit: 10, bytes: .max).map(\.seq) == [2, 3])
        let now = try log.event(first.event.id)
        #expect(now?.event == variantEvent)
        #expect(now?.hold == nil)
        #expect(now?.replacements == 1)
        #expect(now?.replacedAt == Sample.time(7))
        #expect(try log.eventCount() == 2)
        #expect(try log.head() == LogPosition(seq: 3, id: first.event.id))
    }
}

@Test func aPageIsCutAtItsBytesButNeverEmpty() async throws {
    let scratch = ScratchDirectory()
    let store = try SQLiteStore(path: scratch.file("federation.db"))
    let entries = try (1...20).map { try note($0, body: String(repeating: "\u{1}<é", count: Int($0) * 10)) }
    try await append(entries, to: store)
    let sizes = entries.map(\.event.json.count)
    let (two, all) = (sizes[0] + sizes[1], sizes.reduce(0, +))
    for bytes in [0, 1, sizes[0], two - 1, two, all - 1, all] {
        let (bySeq, byID) = try await store.read { log throws(StoreFailure) in
            (
                try log.events(after: 0, limit: 100, bytes: bytes).count,
                try log.events(after: nil, through: .max, limit: 100, bytes: bytes).count
            )
        }
        var expected = 1
        while expected < sizes.count, sizes[...expected].reduce(0, +) <= bytes { expected += 1 }
        #expect(bySeq == expected && byID == expected)
    }
    let none = try await store.read { log throws(StoreFailure) in
        try log.events(after: 0, limit: 0, bytes: .max) + log.events(after: nil, through: .max, limit: -1, bytes: .max)
    }
    #expect(none.isEmpty)
}

@Test func aDamagedRowIsCorruptAndNotACrash() async throws {
    let scratch = ScratchDirectory()
    let path = scratch.file("federation.db")
    do {
        let store = try SQLiteStore(path: path)
        try await append([note(1)], to: store)
        await store.close()
    }
    for damage: SQL in [
        "UPDATE events SET id = 'not a ULID'", "UPDATE events SET digest = x'00'",
        "UPDATE events SET clock = '[]'", "UPDATE events SET data = NULL, stub = x'01'",
    ] {
        let connection = try SQLiteConnection(path: path, mode: .readWrite)
        try connection.script("SAVEPOINT whole")
        try connection.script(damage)
        #expect(throws: SQLiteError.malformedValue) {
            try connection.rows("SELECT * FROM events", row: StoredEvent.init(row:))
        }
        // Nor is it served.
        var lines = LogLines(room: .max)
        #expect(throws: SQLiteError.malformedValue) {
            try connection.scan("SELECT * FROM events") { row throws(SQLiteError) in try lines.append(row) }
        }
        try connection.script("ROLLBACK TO whole; RELEASE whole")
    }
    let store = try SQLiteStore(path: path)
    #expect(try await store.isSound())
}
