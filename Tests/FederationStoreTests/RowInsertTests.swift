import CSQLite
import FederationCore
import Testing

@testable import FederationStore

private struct Thing: TableRow {
    let key: String
    let number: Int
    let bytes: [UInt8]

    static let insert = RowInsert(head: "INSERT INTO thing", row: "?, ?, ?")

    func bind(to row: inout SQLiteBinding) {
        row.bind(key)
        row.bind(number)
        row.bind(bytes)
    }
}

private func things(in scratch: ScratchDirectory) throws(SQLiteError) -> SQLiteConnection {
    let connection = try SQLiteConnection(path: scratch.file("things.db"), mode: .create)
    try connection.script("CREATE TABLE thing(key TEXT PRIMARY KEY, number INTEGER, bytes BLOB) STRICT")
    return connection
}

private func insert(
    _ number: Int, _ connection: borrowing SQLiteConnection, key: String? = nil, bytes: Int = 3
) throws(SQLiteError) {
    let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: bytes)
    try connection.insert(Thing(key: key ?? "key \(number)", number: number, bytes: bytes))
}

private func numbers(_ connection: borrowing SQLiteConnection) throws(SQLiteError) -> [Int64] {
    try connection.rows("SELECT number FROM thing ORDER BY rowid") { $0.integer(0) }
}

private func isOpen(_ connection: borrowing SQLiteConnection) -> Bool { connection.isInTransaction }

private func failure(of body: () throws(SQLiteError) -> Void) -> SQLiteError? {
    do throws(SQLiteError) { try body() } catch { return error }
    return nil
}

@Test(arguments: [1, 2, 20, 21, 22, 41, 64])
func whateverComesNextSeesTheRows(count: Int) throws {
    let scratch = ScratchDirectory()
    let connection = try things(in: scratch)
    try connection.transaction { () throws(SQLiteError) in
        for number in 0..<count { try insert(number, connection) }
        #expect(try connection.lastRowID() == Int64(count))
        for number in count..<2 * count { try insert(number, connection) }
        #expect(try numbers(connection) == (0..<Int64(2 * count)).map { $0 })
        for number in 2 * count..<3 * count { try insert(number, connection) }
    }
    let written = try connection.rows("SELECT key, number, bytes FROM thing ORDER BY rowid") {
        ($0.text(0), $0.integer(1), $0.bytes(2))
    }
    #expect(written.count == 3 * count)
    for (index, row) in written.enumerated() {
        #expect(row == ("key \(index)", Int64(index), [UInt8](repeating: UInt8(index), count: 3)))
    }
}

@Test func aLargeRowDoesNotWaitForOthers() throws {
    let scratch = ScratchDirectory()
    let connection = try things(in: scratch)
    try connection.transaction { () throws(SQLiteError) in
        for number in 0..<7 { try insert(number, connection, bytes: 200_000) }
    }
    let sizes = try connection.rows("SELECT length(bytes) FROM thing ORDER BY rowid") { $0.integer(0) }
    #expect(sizes == Array(repeating: 200_000, count: 7))
}

@Test func withoutATransactionNothingWaits() throws {
    let scratch = ScratchDirectory()
    let connection = try things(in: scratch)
    let reader = try SQLiteConnection(path: scratch.file("things.db"), mode: .readOnly)
    for number in 0..<3 {
        try insert(number, connection)
        #expect(try numbers(reader).count == number + 1)
    }
}

@Test func nobodyGoesOnWithoutARowThatCouldNotBeInserted() throws {
    let scratch = ScratchDirectory()
    let connection = try things(in: scratch)
    let isTaken = SQLiteError(extendedCode: SQLITE_CONSTRAINT | 6 << 8)
    #expect(throws: isTaken) {
        try connection.transaction { () throws(SQLiteError) in
            try insert(0, connection)
            try insert(1, connection)
            try insert(2, connection, key: "key 0")
            // Whoever ignores it hears it again.
            #expect(failure { () throws(SQLiteError) in _ = try numbers(connection) } == isTaken)
            #expect(failure { () throws(SQLiteError) in try insert(3, connection) } == isTaken)
            #expect(failure { () throws(SQLiteError) in _ = try connection.lastRowID() } == isTaken)
        }
    }
    let isStillOpen = isOpen(connection)
    #expect(!isStillOpen)
    #expect(try numbers(connection) == [])
    try connection.transaction { () throws(SQLiteError) in for number in 0..<3 { try insert(number, connection) } }
    #expect(try numbers(connection) == [0, 1, 2])
}

@Test func aPartThatIsUndoneTakesItsOwnRowsAlone() throws {
    let scratch = ScratchDirectory()
    let connection = try things(in: scratch)
    try connection.transaction { () throws(SQLiteError) in
        for number in 0..<3 { try insert(number, connection) }
        #expect(throws: SQLiteError.malformedValue) {
            try connection.savepoint { () throws(SQLiteError) in
                for number in 3..<6 { try insert(number, connection) }
                throw .malformedValue
            }
        }
        // One that fails as it ends, too.
        #expect(throws: SQLiteError.self) {
            try connection.savepoint { () throws(SQLiteError) in
                for number in 6..<9 { try insert(number, connection, key: "one") }
            }
        }
        for number in 9..<12 { try insert(number, connection) }
        try connection.savepoint { () throws(SQLiteError) in
            for number in 12..<15 { try insert(number, connection) }
        }
    }
    #expect(try numbers(connection) == [0, 1, 2, 9, 10, 11, 12, 13, 14])
}

@Test func whatIsUndoneIsNotWrittenLater() throws {
    let scratch = ScratchDirectory()
    let connection = try things(in: scratch)
    try connection.script("BEGIN IMMEDIATE")
    for number in 0..<5 { try insert(number, connection) }
    connection.undo()
    let isStillOpen = isOpen(connection)
    #expect(!isStillOpen)
    #expect(try numbers(connection) == [])
}

@Test func aDatabaseThatIsFullIsToldByTheCommit() throws {
    let scratch = ScratchDirectory()
    let connection = try things(in: scratch)
    try connection.setMaxPageCount(20)
    #expect(throws: StoreFailure.full) {
        try connection.transaction { () throws(StoreFailure) in
            try storing { () throws(SQLiteError) in
                for number in 0..<20 { try insert(number, connection, bytes: 4000) }
            }
        }
    }
    #expect(try numbers(connection) == [])
}
