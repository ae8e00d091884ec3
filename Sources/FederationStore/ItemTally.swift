package import FederationCore

/// Keeps `item_blocks`, the sums of the log as a set, in step with the log.
///
/// The items themselves are an index of `events`, so they cannot differ from it. A block has the items from its own key
/// up to the next block's. What a transaction changes is collected and written once: a page of events in order costs
/// one small row, and one that comes anywhere costs a row for each block it touches.
struct ItemTally {
    /// A block that grew past this is split.
    static let blockSize = 512

    private var changes: [(item: LogItem, isAdded: Bool)] = []

    mutating func add(_ item: LogItem) { changes.append((item, true)) }
    mutating func remove(_ item: LogItem) { changes.append((item, false)) }

    /// Writes what changed. The rows of `events` are as they will be.
    mutating func flush(to connection: borrowing SQLiteConnection) throws(SQLiteError) {
        guard !changes.isEmpty else { return }
        changes.sort { $0.item < $1.item }
        var open: OpenBlock?
        for change in changes {
            if let block = open, block.next.map({ change.item >= $0 }) ?? false {
                try block.write(to: connection)
                open = nil
            }
            if open == nil { open = try OpenBlock(around: change.item, in: connection) }
            if change.isAdded { open?.total.add(change.item.digest) } else { open?.total.remove(change.item.digest) }
        }
        try open?.write(to: connection)
        changes = []
    }

    /// Makes the blocks of a log that has none, and the sums of its origins.
    static func build(in connection: borrowing SQLiteConnection) throws(SQLiteError) {
        let hasBlocks = try connection.first("SELECT 1 FROM item_blocks LIMIT 1") { _ in true } ?? false
        guard !hasBlocks else { return }
        try insert(ItemBlock(first: .first, total: ItemTotal()), in: connection)
        let hasEvents = try connection.first("SELECT 1 FROM events LIMIT 1") { _ in true } ?? false
        guard hasEvents else { return }
        try OpenBlock(first: .first, next: nil, total: ItemTotal()).split(in: connection)
        var sums: [[UInt8]: (origin: String, sum: DigestSum)] = [:]
        try connection.scan("SELECT origin, digest FROM events") { row throws(SQLiteError) in
            let origin = row.text(0)
            let digest = try row.digest(1)
            sums[Array(origin.utf8), default: (origin, DigestSum())].sum += DigestSum(digest)
            return true
        }
        for (origin, sum) in sums.values {
            try connection.run("UPDATE origins SET sum = ? WHERE origin = ?", sum.bytes, origin)
        }
    }

    fileprivate static func insert(_ block: ItemBlock, in connection: borrowing SQLiteConnection) throws(SQLiteError) {
        try connection.run(
            "INSERT OR REPLACE INTO item_blocks VALUES (?, ?, ?, ?)", block.first.timeText, block.first.digest.bytes,
            block.total.count, block.total.sum.bytes)
    }
}

/// A block whose total is being changed.
private struct OpenBlock {
    let first: LogItem
    /// Where the next block begins.
    let next: LogItem?
    var total: ItemTotal

    init(first: LogItem, next: LogItem?, total: ItemTotal) {
        self.first = first
        self.next = next
        self.total = total
    }

    /// The block that `item` belongs in.
    init(around item: LogItem, in connection: borrowing SQLiteConnection) throws(SQLiteError) {
        let found = try connection.first(
            """
            SELECT time, digest, events, sum FROM item_blocks WHERE (time, digest) <= (?, ?)
            ORDER BY time DESC, digest DESC LIMIT 1
            """, item.timeText, item.digest.bytes
        ) { row throws(SQLiteError) in try ItemBlock(row: row) }
        let block = found ?? ItemBlock(first: .first, total: ItemTotal())
        let next = try connection.first(
            "SELECT time, digest FROM item_blocks WHERE (time, digest) > (?, ?) ORDER BY time, digest LIMIT 1",
            block.first.timeText, block.first.digest.bytes
        ) { row throws(SQLiteError) in try row.item() }
        self.init(first: block.first, next: next, total: block.total)
    }

    func write(to connection: borrowing SQLiteConnection) throws(SQLiteError) {
        if total.count > ItemTally.blockSize { return try split(in: connection) }
        // The first block stays: something must be below every item.
        if total.count == 0, first != .first {
            return try connection.run(
                "DELETE FROM item_blocks WHERE time = ? AND digest = ?", first.timeText, first.digest.bytes)
        }
        try ItemTally.insert(ItemBlock(first: first, total: total), in: connection)
    }

    /// Makes several blocks of this one, from the rows themselves.
    ///
    /// The last block grows at its end, mostly: it leaves full blocks behind. Others leave room on both sides.
    func split(in connection: borrowing SQLiteConnection) throws(SQLiteError) {
        let roomy = ItemTally.blockSize * 2 / 3
        let pieces = (Int(clamping: total.count) + roomy - 1) / roomy
        let size = next == nil ? ItemTally.blockSize : (Int(clamping: total.count) + pieces - 1) / pieces
        var blocks: [ItemBlock] = []
        var block = ItemBlock(first: first, total: ItemTotal())
        try scan(connection) { item in
            if block.total.count >= Int64(size) {
                blocks.append(block)
                block = ItemBlock(first: item, total: ItemTotal())
            }
            block.total.add(item.digest)
        }
        blocks.append(block)
        for block in blocks { try ItemTally.insert(block, in: connection) }
    }

    private func scan(
        _ connection: borrowing SQLiteConnection, _ body: (LogItem) -> Void
    ) throws(SQLiteError) {
        try connection.scanItems(from: first, below: next, limit: .max, body)
    }
}

extension SQLiteConnection {
    /// Calls `body` for items in order.
    borrowing func scanItems(
        from start: LogItem, below end: LogItem?, limit: Int, _ body: (LogItem) -> Void
    ) throws(SQLiteError) {
        // Above every time, where there is no end.
        let endTime = end?.timeText ?? "~"
        let endDigest = end?.digest.bytes ?? []
        // A comparison of pairs would not be searched for in an index of an expression, and read all of it.
        try scan(
            """
            SELECT substr(id, 1, 10), digest FROM events INDEXED BY events_by_item
            WHERE substr(id, 1, 10) >= ?1 AND (substr(id, 1, 10) > ?1 OR digest >= ?2)
                AND substr(id, 1, 10) <= ?3 AND (substr(id, 1, 10) < ?3 OR digest < ?4)
            ORDER BY substr(id, 1, 10), digest LIMIT ?5
            """, start.timeText, start.digest.bytes, endTime, endDigest, max(0, limit)
        ) { row throws(SQLiteError) in
            body(try row.item())
            return true
        }
    }
}

extension ItemBlock {
    init(row: borrowing SQLiteRow) throws(SQLiteError) {
        guard let sum = DigestSum(bytes: row.bytes(3)) else { throw .malformedValue }
        self.init(first: try row.item(), total: ItemTotal(count: row.integer(2), sum: sum))
    }
}

extension LogItem {
    /// The time as an id's text begins.
    var timeText: String {
        String(ULID(milliseconds: Int64(clamping: time), random: (0, 0)).description.prefix(ULID.timeLength))
    }
}

extension SQLiteRow {
    /// The item whose time and digest are in the first two columns.
    borrowing func item() throws(SQLiteError) -> LogItem {
        guard let milliseconds = milliseconds(at: 0) else { throw .malformedValue }
        return LogItem(time: milliseconds, digest: try digest(1))
    }
}

extension SQLiteLog {
    package func itemBlocks() throws(StoreFailure) -> [ItemBlock] {
        try storing { () throws(SQLiteError) in
            try database.settle()
            return try database.connection.rows("SELECT * FROM item_blocks ORDER BY time, digest") {
                row throws(SQLiteError) in try ItemBlock(row: row)
            }
        }
    }

    package func items(from start: LogItem, below end: LogItem?, limit: Int) throws(StoreFailure) -> [LogItem] {
        try storing { () throws(SQLiteError) in
            var items: [LogItem] = []
            try database.connection.scanItems(from: start, below: end, limit: limit) { items.append($0) }
            return items
        }
    }

    package func event(of item: LogItem) throws(StoreFailure) -> StoredEvent? {
        try storing { () throws(SQLiteError) in
            try database.connection.first(
                "SELECT * FROM events WHERE substr(id, 1, 10) = ? AND digest = ?", item.timeText, item.digest.bytes,
                row: StoredEvent.init(row:))
        }
    }
}
