/// How rows are inserted in one table: one at a time, or many with one statement.
///
/// SQLite opens the table and each of its indexes anew for every statement, and with AUTOINCREMENT reads and writes the last
/// number too: for an event that is a third of what its row costs.
struct RowInsert: Sendable {
    /// `INSERT INTO t`.
    let head: SQL
    /// `?, ?, …`: as many as the table has columns.
    let row: SQL

    /// How many rows a statement takes. More make it larger, and no faster.
    static let most = 20

    var ofOne: String { "\(head.text) VALUES (\(row.text))" }

    /// The last value is how many of the rows are inserted.
    var ofMany: String {
        let rows = repeatElement("SELECT \(row.text)", count: RowInsert.most).joined(separator: " UNION ALL ")
        return "\(head.text) \(rows) LIMIT ?"
    }
}

/// A row of a table that rows are inserted in together.
protocol TableRow {
    static var insert: RowInsert { get }

    /// Gives the columns their values, in the order of the table.
    ///
    /// A method, as what a closure is to bind is copied for it, and a record or an event has a dozen texts.
    func bind(to row: inout SQLiteBinding)
}
