import CSQLite
import FederationCore
import Testing

@testable import FederationStore

/// An extended result code, whose C macros the importer drops.
private func extended(_ primary: Int32, _ number: Int32) -> Int32 { primary | number << 8 }

private func things(in scratch: ScratchDirectory) throws(SQLiteError) -> SQLiteConnection {
    let connection = try SQLiteConnection(path: scratch.file("things.db"), mode: .create)
    try connection.script("CREATE TABLE thing(key TEXT PRIMARY KEY, number INTEGER, bytes BLOB) STRICT")
    return connection
}

private func count(_ connection: borrowing SQLiteConnection) throws(SQLiteError) -> Int64? {
    try connection.first("SELECT count(*) FROM thing") { $0.integer(0) }
}

/// Whether a transaction is open.
private func isOpen(_ connection: borrowing SQLiteConnection) throws(SQLiteError) -> Bool { connection.isInTransaction }

private func count(in scratch: ScratchDirectory) throws(SQLiteError) -> Int64? {
    try count(SQLiteConnection(path: scratch.file("things.db"), mode: .readOnly))
}

@Test func valuesComeBackAsTheyWereBound() throws {
    let scratch = ScratchDirectory()
    let connection = try things(in: scratch)
    let texts = ["", "a", "a\0b", "a\0", "\0", "größer 🐙", String(repeating: "x", count: 100_000)]
    let blobs: [[UInt8]?] = [[], [0], [0xFF, 0, 0xFE], nil, [UInt8](repeating: 7, count: 100_000)]
    for (index, text) in texts.enumerated() {
        let blob = blobs[index % blobs.count]
        let number: Int64? = index == 0 ? nil : index == 1 ? .min : .max
        try connection.run("INSERT INTO thing VALUES (?, ?, ?)", text, number, blob)
        let row = try #require(
            try connection.first("SELECT key, number, bytes, bytes IS NULL FROM thing WHERE key = ?", text) { row in
                (row.text(0), row.optionalInteger(1), row.optionalBytes(2), row.integer(3) == 1)
            })
        #expect(row == (text, number, blob, blob == nil))
    }
    #expect(try count(connection) == Int64(texts.count), "a text is its bytes, also behind a NUL")
}

@Test func theSameStatementMayBeReadInsideItself() throws {
    let scratch = ScratchDirectory()
    let connection = try things(in: scratch)
    for key in ["a", "b", "c"] { try connection.run("INSERT INTO thing(key) VALUES (?)", key) }
    func after(_ key: String) throws(SQLiteError) -> [String] {
        try connection.rows("SELECT key FROM thing WHERE key > ? ORDER BY key", key) { row throws(SQLiteError) in
            let found = row.text(0)
            return found + (try after(found)).joined()
        }
    }
    #expect(try after("") == ["abcc", "bc", "c"])
}

@Test func aScanStopsWhenItIsTold() throws {
    let scratch = ScratchDirectory()
    let connection = try things(in: scratch)
    for number in 0..<10 { try connection.run("INSERT INTO thing(key, number) VALUES (?, ?)", "\(number)", number) }
    var seen: [Int64] = []
    for _ in 0..<2 {
        try connection.scan("SELECT number FROM thing ORDER BY number") { row throws(SQLiteError) in
            seen.append(row.integer(0))
            return row.integer(0) < 2
        }
    }
    #expect(seen == [0, 1, 2, 0, 1, 2])
}

@Test func aFailedTransactionLeavesNothing() throws {
    let scratch = ScratchDirectory()
    let connection = try things(in: scratch)
    #expect(throws: SQLiteError(extendedCode: extended(SQLITE_CONSTRAINT, 6))) {
        try connection.transaction { () throws(SQLiteError) in
            try connection.run("INSERT INTO thing(key) VALUES (?)", "a")
            try connection.run("INSERT INTO thing(key) VALUES (?)", "a")
        }
    }
    #expect(try isOpen(connection) == false)
    #expect(try count(connection) == 0)
    try connection.transaction { () throws(SQLiteError) in
        try connection.run("INSERT INTO thing(key) VALUES (?)", "a")
    }
    #expect(try count(in: scratch) == 1)
}

@Test func aSavepointIsUndoneByItself() throws {
    let scratch = ScratchDirectory()
    let connection = try things(in: scratch)
    try connection.transaction { () throws(SQLiteError) in
        try connection.run("INSERT INTO thing(key) VALUES (?)", "kept")
        #expect(throws: SQLiteError.malformedValue) {
            try connection.savepoint { () throws(SQLiteError) in
                try connection.run("INSERT INTO thing(key) VALUES (?)", "undone")
                throw .malformedValue
            }
        }
        let stillOpen = try isOpen(connection)
        #expect(stillOpen)
        try connection.savepoint { () throws(SQLiteError) in
            try connection.run("INSERT INTO thing(key) VALUES (?)", "also kept")
        }
    }
    #expect(try connection.rows("SELECT key FROM thing ORDER BY key") { $0.text(0) } == ["also kept", "kept"])
}

@Test func aReaderSeesOneStateWhileAWriterGoesOn() throws {
    let scratch = ScratchDirectory()
    let writer = try things(in: scratch)
    try writer.makeDurable()
    let reader = try SQLiteConnection(path: scratch.file("things.db"), mode: .readOnly)
    try reader.snapshot { () throws(SQLiteError) in
        #expect(try count(reader) == 0)
        try writer.run("INSERT INTO thing(key) VALUES (?)", "a")
        #expect(try count(reader) == 0)
    }
    #expect(try count(reader) == 1)
    #expect(throws: SQLiteError(extendedCode: SQLITE_READONLY)) {
        try reader.run("INSERT INTO thing(key) VALUES (?)", "b")
    }
}

@Test func aSecondWriterIsToldThatTheDatabaseIsBusy() throws {
    let scratch = ScratchDirectory()
    let first = try things(in: scratch)
    try first.makeDurable()
    let second = try SQLiteConnection(path: scratch.file("things.db"), mode: .readWrite, busyTimeout: .zero)
    try first.transaction { () throws(SQLiteError) in
        #expect(throws: StoreFailure.busy) { try second.transaction { () throws(StoreFailure) in } }
    }
    try second.transaction { () throws(StoreFailure) in }
}

@Test func aFullDatabaseSaysSoAndKeepsWhatItHad() throws {
    let scratch = ScratchDirectory()
    let connection = try things(in: scratch)
    try connection.run("INSERT INTO thing(key) VALUES (?)", "first")
    try connection.setMaxPageCount(20)
    #expect(throws: StoreFailure.full) {
        try connection.transaction { () throws(StoreFailure) in
            for number in 0..<100 {
                try storing { () throws(SQLiteError) in
                    try connection.run(
                        "INSERT INTO thing VALUES (?, 1, ?)", "\(number)", [UInt8](repeating: 1, count: 4000))
                }
            }
        }
    }
    #expect(try isOpen(connection) == false)
    #expect(try count(connection) == 1)
    try connection.setMaxPageCount(1000)
    try connection.run("INSERT INTO thing(key) VALUES (?)", "second")
    #expect(try count(connection) == 2)
}

/// SQLite undoes a transaction by itself where it finds no room; whoever goes on all the same changes nothing.
@Test func nothingIsDoneBehindATransactionThatIsGone() throws {
    let scratch = ScratchDirectory()
    let connection = try things(in: scratch)
    try connection.setMaxPageCount(20)
    try connection.script("PRAGMA cache_size = 1")
    var (isGone, behind): (Bool, SQLiteError?) = (false, nil)
    #expect(throws: SQLiteError(extendedCode: SQLiteError.rolledBack)) {
        try connection.transaction { () throws(SQLiteError) in
            for number in 0..<100 {
                // As a host does that heeds no failure.
                try? connection.run("INSERT INTO thing VALUES (?, 1, ?)", "\(number)", [UInt8](repeating: 1, count: 4000))
            }
            isGone = !connection.isInTransaction
            do throws(SQLiteError) { try connection.run("INSERT INTO thing(key) VALUES (?)", "behind it") } catch { behind = error }
        }
    }
    #expect(behind?.extendedCode == SQLiteError.rolledBack)
    #expect(isGone)
    #expect(try count(connection) == 0)
    try connection.setMaxPageCount(1000)
    try connection.transaction { () throws(StoreFailure) in
        try storing { () throws(SQLiteError) in try connection.run("INSERT INTO thing(key) VALUES (?)", "later") }
    }
    #expect(try count(connection) == 1)
}

@Test func aPathIsAFileAndNothingElse() throws {
    let scratch = ScratchDirectory()
    for path in ["", "a\0b", scratch.path, scratch.file("missing/things.db")] {
        #expect(throws: StoreFailure.cannotOpen) {
            try storing { () throws(SQLiteError) in _ = try SQLiteConnection(path: path, mode: .create) }
        }
    }
    #expect(throws: StoreFailure.cannotOpen) {
        try storing { () throws(SQLiteError) in
            _ = try SQLiteConnection(path: scratch.file("missing.db"), mode: .readWrite)
        }
    }
}

@Test func whatIsNoDatabaseIsADamagedOne() throws {
    let scratch = ScratchDirectory()
    scratch.write("things.db", Array(String(repeating: "a Markdown document\n", count: 100).utf8))
    let connection = try SQLiteConnection(path: scratch.file("things.db"), mode: .readWrite)
    #expect(throws: StoreFailure.corrupt) { try storing { () throws(SQLiteError) in _ = try connection.userVersion() } }
}

@Test func aValueLongerThanAnyOfOursIsRefused() throws {
    let scratch = ScratchDirectory()
    let connection = try things(in: scratch)
    #expect(throws: SQLiteError(extendedCode: SQLITE_TOOBIG)) {
        try connection.run("INSERT INTO thing(key, bytes) VALUES ('a', zeroblob(?))", Int64(65 << 20))
    }
}

@Test func theMarksOfAnApplicationAreKept() throws {
    let scratch = ScratchDirectory()
    do {
        let connection = try things(in: scratch)
        #expect(try connection.applicationID() == 0)
        try connection.setApplicationID(-0x1234_5678)
        try connection.setUserVersion(7)
    }
    let connection = try SQLiteConnection(path: scratch.file("things.db"), mode: .readOnly)
    #expect(try connection.applicationID() == -0x1234_5678)
    #expect(try connection.userVersion() == 7)
}

@Test func everyPrimaryCodeHasItsFailure() {
    let expected: [(Int32, StoreFailure)] = [
        (extended(SQLITE_BUSY, 2), .busy), (SQLITE_LOCKED, .busy), (SQLITE_FULL, .full),
        (extended(SQLITE_CORRUPT, 3), .corrupt), (SQLITE_NOTADB, .corrupt), (extended(SQLITE_READONLY, 4), .readOnly),
        (extended(SQLITE_CANTOPEN, 2), .cannotOpen),
        (extended(SQLITE_IOERR, 4), .io), (SQLITE_INTERRUPT, .interrupted),
        (extended(SQLITE_CONSTRAINT, 8), .other(code: Int(extended(SQLITE_CONSTRAINT, 8)))),
    ]
    for (code, failure) in expected { #expect(StoreFailure(SQLiteError(extendedCode: code)) == failure) }
}
