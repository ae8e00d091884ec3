package import FederationCore

/// Keeps `arrival_blocks` in step with the log: how many events stand in each 256 places of the order of arrival, what
/// they take, and the oldest of them. So what follows a position is added up and not read: a million events are some
/// 4,000 small rows, and at most 255 events of the block that the position is in.
///
/// A transaction that only adds to a block adds to its row. Where an event of it left, or became another, the row is
/// made anew from the events.
struct ArrivalTally {
    static let blockSize: Int64 = 256

    private var added: [Int64: LogRest] = [:]
    private var changed: Set<Int64> = []

    mutating func add(_ event: Event, clock: Int, at seq: Int64) {
        var block = added[seq / ArrivalTally.blockSize] ?? .nothing
        block.events += 1
        block.bytes = (block.bytes ?? 0) + event.storedBytes(clock: clock)
        block.oldest = min(block.oldest ?? event.id, event.id)
        added[seq / ArrivalTally.blockSize] = block
    }

    /// The event at `seq` left, or became another.
    mutating func change(at seq: Int64) { changed.insert(seq / ArrivalTally.blockSize) }

    mutating func change(of id: ULID, in connection: borrowing SQLiteConnection) throws(SQLiteError) {
        let seq = try connection.first("SELECT seq FROM events WHERE id = ?", id.description) { $0.integer(0) }
        if let seq { change(at: seq) }
    }

    /// Writes what changed. The rows of `events` are as they will be.
    mutating func flush(to connection: borrowing SQLiteConnection) throws(SQLiteError) {
        for (block, rest) in added where !changed.contains(block) {
            guard let oldest = rest.oldest else { continue }
            try connection.run(
                """
                INSERT INTO arrival_blocks VALUES (?1, ?2, ?3, ?4) ON CONFLICT (block) DO UPDATE SET
                    events = events + ?2, bytes = bytes + ?3, oldest = min(oldest, ?4)
                """, block, rest.events, rest.bytes ?? 0, oldest.description)
        }
        for block in changed {
            try connection.run("DELETE FROM arrival_blocks WHERE block = ?", block)
            try connection.run(
                """
                INSERT INTO arrival_blocks
                SELECT ?1, count(*), sum(bytes), min(id) FROM arrivals
                WHERE seq >= ?1 * 256 AND seq < (?1 + 1) * 256 HAVING count(*) > 0
                """, block)
        }
        added = [:]
        changed = []
    }

    static let schema: SQL = """
        -- What an event takes, as `Event.storedBytes` counts it: texts by their bytes, whatever is in them.
        CREATE VIEW arrivals AS SELECT seq, id,
            26 + length(CAST(origin AS BLOB)) + length(CAST(origin_name AS BLOB)) + length(CAST(subject AS BLOB))
            + length(CAST(action AS BLOB)) + length(CAST(timestamp AS BLOB)) + length(CAST(clock AS BLOB))
            + coalesce(length(CAST(signature AS BLOB)), 0) + coalesce(length(CAST(public_key AS BLOB)), 0)
            + coalesce(length(data), length(stub)) AS bytes
            FROM events;
        CREATE TABLE arrival_blocks(
            block INTEGER PRIMARY KEY, events INTEGER NOT NULL, bytes INTEGER NOT NULL, oldest TEXT NOT NULL
        ) STRICT;
        INSERT INTO arrival_blocks SELECT seq / 256, count(*), sum(bytes), min(id) FROM arrivals GROUP BY seq / 256;
        -- Whoever deletes a row: the block is counted anew.
        CREATE TRIGGER arrival_lost AFTER DELETE ON events BEGIN
            DELETE FROM arrival_blocks WHERE block = old.seq / 256;
            INSERT INTO arrival_blocks SELECT old.seq / 256, count(*), sum(bytes), min(id) FROM arrivals
                WHERE seq >= old.seq / 256 * 256 AND seq < (old.seq / 256 + 1) * 256 HAVING count(*) > 0;
        END;
        """
}

extension SQLiteLog {
    package func rest(after seq: Int64) throws(StoreFailure) -> LogRest {
        try storing { () throws(SQLiteError) in
            try database.settle()
            var rest = LogRest.nothing
            func add(_ row: borrowing SQLiteRow) throws(SQLiteError) {
                guard row.integer(0) > 0 else { return }
                let oldest = try row.ulid(2)
                rest.events += row.integer(0)
                rest.bytes = (rest.bytes ?? 0) + row.integer(1)
                rest.oldest = min(rest.oldest ?? oldest, oldest)
            }
            let block = max(0, seq) / ArrivalTally.blockSize
            _ = try database.connection.first(
                "SELECT coalesce(sum(events), 0), sum(bytes), min(oldest) FROM arrival_blocks WHERE block > ?", block
            ) { row throws(SQLiteError) in try add(row) }
            _ = try database.connection.first(
                "SELECT count(*), sum(bytes), min(id) FROM arrivals WHERE seq > ?1 AND seq < (?2 + 1) * 256", seq, block
            ) { row throws(SQLiteError) in try add(row) }
            return rest
        }
    }
}
