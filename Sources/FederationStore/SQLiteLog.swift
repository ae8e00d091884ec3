package import FederationCore

/// The log as one transaction sees it. `SQLiteStore` lends it; it is of no use once the transaction is over.
package struct SQLiteLog {
    let database: SQLiteDatabase

    init(_ database: SQLiteDatabase) { self.database = database }
}

extension SQLiteLog: LogReading {
    package func head() throws(StoreFailure) -> LogPosition? {
        try storing { () throws(SQLiteError) in
            try database.connection.first("SELECT seq, id FROM events ORDER BY seq DESC LIMIT 1") {
                row throws(SQLiteError) in
                LogPosition(seq: row.integer(0), id: try row.ulid(1))
            }
        }
    }

    package func event(_ id: ULID) throws(StoreFailure) -> StoredEvent? {
        try storing { () throws(SQLiteError) in
            try database.connection.first(
                "SELECT * FROM events WHERE id = ?", id, row: StoredEvent.init(row:))
        }
    }

    package func id(at seq: Int64) throws(StoreFailure) -> ULID? {
        try storing { () throws(SQLiteError) in
            try database.connection.first(
                "SELECT id FROM events WHERE seq = ?1 UNION ALL SELECT id FROM replaced WHERE seq = ?1", seq
            ) { row throws(SQLiteError) in try row.ulid(0) }
        }
    }

    package func place(receivedBefore time: WallTime) throws(StoreFailure) -> LogPosition? {
        try storing { () throws(SQLiteError) in
            try database.connection.first(
                """
                SELECT seq, id FROM events
                WHERE seq < coalesce((SELECT min(seq) FROM events WHERE received_at >= ?), 9223372036854775807)
                ORDER BY seq DESC LIMIT 1
                """, time.milliseconds
            ) { row throws(SQLiteError) in LogPosition(seq: row.integer(0), id: try row.ulid(1)) }
        }
    }

    package func events(after seq: Int64, limit: Int, bytes: Int) throws(StoreFailure) -> [StoredEvent] {
        try storing { () throws(SQLiteError) in
            var page = EventPage(bytes: bytes)
            try database.connection.scan(
                "SELECT * FROM events WHERE seq > ? ORDER BY seq LIMIT ?", seq, max(0, limit)
            ) { row throws(SQLiteError) in try page.take(row) }
            return page.events
        }
    }

    package func lines(
        after seq: Int64, through last: Int64, limit: Int, room: Int
    ) throws(StoreFailure) -> LogLines {
        try storing { () throws(SQLiteError) in
            var lines = LogLines(room: room)
            try database.connection.scan(
                // What a line has nothing of is not taken out of the row.
                """
                SELECT seq, id, digest, signed_hash, origin, origin_name, number, subject, action, NULL, NULL, timestamp, clock,
                    signature, public_key, NULL, NULL, NULL, NULL, NULL, NULL, NULL, stub, data
                FROM events WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?
                """, seq, last, max(0, limit)
            ) { row throws(SQLiteError) in try lines.append(row) }
            return lines
        }
    }

    package func events(after id: ULID?, through: ULID, limit: Int, bytes: Int) throws(StoreFailure) -> [StoredEvent] {
        try storing { () throws(SQLiteError) in
            var page = EventPage(bytes: bytes)
            // The empty text is before every id.
            try database.connection.scan(
                "SELECT * FROM events WHERE id > ? AND id <= ? ORDER BY id LIMIT ?", id?.description ?? "",
                through.description, max(0, limit)
            ) { row throws(SQLiteError) in try page.take(row) }
            return page.events
        }
    }

    package func events(of subject: String) throws(StoreFailure) -> [StoredEvent] {
        try storing { () throws(SQLiteError) in
            try database.connection.rows(
                "SELECT * FROM events WHERE subject = ? ORDER BY id", subject, row: StoredEvent.init(row:))
        }
    }

    package func places(of subject: String) throws(StoreFailure) -> [EventPlace] {
        try storing { () throws(SQLiteError) in
            try database.connection.rows(
                "SELECT seq, id, hold IS NOT NULL FROM events WHERE subject = ? ORDER BY seq", subject
            ) { row throws(SQLiteError) in EventPlace(seq: row.integer(0), id: try row.ulid(1), isHeld: row.integer(2) != 0) }
        }
    }

    package func greatestID(through bound: ULID) throws(StoreFailure) -> ULID? {
        try storing { () throws(SQLiteError) in
            try database.connection.first(
                "SELECT id FROM events WHERE id <= ? ORDER BY id DESC LIMIT 1", bound.description
            ) { row throws(SQLiteError) in try row.ulid(0) }
        }
    }

    package func greatestID(of subject: String) throws(StoreFailure) -> ULID? {
        try storing { () throws(SQLiteError) in
            try database.connection.first(
                "SELECT id FROM events WHERE subject = ? ORDER BY id DESC LIMIT 1", subject
            ) { row throws(SQLiteError) in try row.ulid(0) }
        }
    }

    package func eventCount() throws(StoreFailure) -> Int64 {
        try storing { () throws(SQLiteError) in
            try database.settle()
            return try database.connection.first("SELECT coalesce(sum(events), 0) FROM origins") { $0.integer(0) } ?? 0
        }
    }

    package func subjects(after subject: String?, limit: Int) throws(StoreFailure) -> [String] {
        try storing { () throws(SQLiteError) in
            // The first page begins at the empty text, which may be a subject itself.
            try database.connection.rows(
                """
                SELECT DISTINCT subject FROM events WHERE subject >= ?1 AND (subject <> ?1 OR ?2)
                ORDER BY subject LIMIT ?3
                """,
                subject ?? "", subject == nil, max(0, limit)
            ) { $0.text(0) }
        }
    }

    package func subjects(
        from first: String, through last: String, events limit: Int
    ) throws(StoreFailure) -> Set<ExactText>? {
        try storing { () throws(SQLiteError) in
            let limit = min(max(0, limit), .max - 1)
            let found = try database.connection.rows(
                "SELECT subject FROM events WHERE subject >= ? AND subject <= ? ORDER BY subject LIMIT ?", first, last,
                limit + 1
            ) { ExactText($0.text(0)) }
            return found.count > limit ? nil : Set(found)
        }
    }

    package func highestNumber(of origin: String) throws(StoreFailure) -> UInt64? {
        try storing { () throws(SQLiteError) in
            try OriginTally.highestNumber(of: origin, in: database.connection)
        }
    }

    package func origins() throws(StoreFailure) -> [OriginSummary] {
        try storing { () throws(SQLiteError) in
            try database.settle()
            return try database.connection.rows(
                "SELECT * FROM origins ORDER BY origin", row: OriginSummary.init(row:))
        }
    }

    package func heldEvents(peer: String?, after id: ULID?, limit: Int) throws(StoreFailure) -> [StoredEvent] {
        try storing { () throws(SQLiteError) in
            try database.connection.rows(
                """
                SELECT * FROM events WHERE hold IS NOT NULL AND (?1 IS NULL OR peer = ?1) AND id > ?2
                ORDER BY id LIMIT ?3
                """, peer, id?.description ?? "", max(0, limit), row: StoredEvent.init(row:))
        }
    }

    package func held(after id: ULID?, limit: Int) throws(StoreFailure) -> [HeldSummary] {
        try storing { () throws(SQLiteError) in
            try database.connection.rows(
                "SELECT id, subject, peer, received_at, hold FROM events WHERE hold IS NOT NULL AND id > ? ORDER BY id LIMIT ?",
                id?.description ?? "", max(0, limit), row: HeldSummary.init(row:))
        }
    }

    package func newestHeld(limit: Int) throws(StoreFailure) -> [HeldSummary] {
        try storing { () throws(SQLiteError) in
            try database.connection.rows(
                "SELECT id, subject, peer, received_at, hold FROM events WHERE hold IS NOT NULL ORDER BY id DESC LIMIT ?",
                max(0, limit), row: HeldSummary.init(row:))
        }
    }

    package func heldCount(peer: String?) throws(StoreFailure) -> Int {
        try storing { () throws(SQLiteError) in
            try database.connection.first(
                "SELECT count(*) FROM events WHERE hold IS NOT NULL AND (?1 IS NULL OR peer = ?1)", peer
            ) { Int($0.integer(0)) } ?? 0
        }
    }
}

extension SQLiteLog {
    package func unproved(after seq: Int64, limit: Int, bytes: Int) throws(StoreFailure) -> [StoredEvent] {
        try storing { () throws(SQLiteError) in
            var page = EventPage(bytes: bytes)
            try database.connection.scan(
                "SELECT * FROM events WHERE verified NOT IN (2, 3, 4) AND seq > ? ORDER BY seq LIMIT ?", seq,
                max(0, limit)
            ) { row throws(SQLiteError) in try page.take(row) }
            return page.events
        }
    }

    package func unprovedCounts() throws(StoreFailure) -> [Verification: Int64] {
        try storing { () throws(SQLiteError) in
            var counts: [Verification: Int64] = [:]
            try database.connection.scan(
                "SELECT verified, count(*) FROM events WHERE verified NOT IN (2, 3, 4) GROUP BY verified"
            ) { row throws(SQLiteError) in
                counts[Verification(rawValue: Int(truncatingIfNeeded: row.integer(0))) ?? .none, default: 0] += row.integer(1)
                return true
            }
            return counts
        }
    }
}

extension SQLiteLog: LogWriting {
    package mutating func append(_ entry: LogEntry) throws(StoreFailure) -> Int64 {
        try storing { () throws(SQLiteError) in try insert(entry, replacements: 0, replacedAt: nil) }
    }

    package mutating func replace(with entry: LogEntry, counted: Bool) throws(StoreFailure) -> Int64 {
        try storing { () throws(SQLiteError) in
            let id = entry.event.id.description
            let found = try database.connection.first(
                "SELECT * FROM events WHERE id = ?", id, row: StoredEvent.init(row:))
            guard let old = found else { return try insert(entry, replacements: 0, replacedAt: nil) }
            try database.connection.run("INSERT INTO replaced VALUES (?, ?)", old.seq, id)
            try database.connection.run("DELETE FROM events WHERE seq = ?", old.seq)
            try database.uncount(old, for: entry.event)
            return try insert(
                entry, replacements: old.replacements + (counted ? 1 : 0),
                replacedAt: counted ? entry.receivedAt : old.replacedAt)
        }
    }

    package mutating func seal(
        _ id: ULID, signature: String?, publicKey: String?, verification: Verification, proofTime: ProofTime?
    ) throws(StoreFailure) {
        try storing { () throws(SQLiteError) in
            // Nearly always only the verification changes, which takes no room: then nothing is counted anew.
            let resized = try database.connection.first(
                "SELECT seq FROM events WHERE id = ? AND (signature IS NOT ? OR public_key IS NOT ?)", id.description,
                signature, publicKey
            ) { $0.integer(0) }
            if let resized { database.counts.arrivals.change(at: resized) }
            try database.connection.run(
                """
                UPDATE events SET signature = ?, public_key = ?, verified = ?, verified_at = ?, verified_by = ?
                WHERE id = ?
                """,
                signature, publicKey, verification.rawValue, proofTime?.at?.milliseconds, proofTime?.occasion.rawValue,
                id.description)
        }
    }

    package mutating func strip(_ id: ULID, to stub: Event.Stub) throws(StoreFailure) {
        try storing { () throws(SQLiteError) in
            try database.connection.run(
                "UPDATE events SET data = NULL, stub = ? WHERE id = ?", stub.stored, id.description)
            try database.counts.arrivals.change(of: id, in: database.connection)
        }
    }

    package mutating func setHold(_ id: ULID, _ hold: HoldReason?) throws(StoreFailure) {
        try storing { () throws(SQLiteError) in
            try database.connection.run("UPDATE events SET hold = ? WHERE id = ?", hold?.code, id.description)
        }
    }

    /// About what a row takes beside its bytes, with its place in the indexes and in its record.
    static let rowBytes: Int64 = 2048

    private func insert(
        _ entry: LogEntry, replacements: Int, replacedAt: WallTime?
    ) throws(SQLiteError) -> Int64 {
        let event = entry.event
        try database.count(event, entry.fingerprint.digest, at: entry.receivedAt)
        // The first place of a transaction is SQLite's to give, which never gives one twice; the others follow.
        let next = database.appended.flatMap { $0 == .max ? nil : $0 + 1 }
        let row = EventRow(
            seq: next, entry: entry, clock: event.clock.json, replacements: replacements, replacedAt: replacedAt)
        try database.connection.insert(row)
        let seq = if let next { next } else { try database.connection.lastRowID() }
        database.appended = seq
        database.counts.arrivals.add(event, clock: row.clock.count, at: seq)
        database.grown += Int64(event.data?.count ?? 0) + SQLiteLog.rowBytes
        return seq
    }
}

/// An event with all that its row of `events` has.
private struct EventRow: TableRow {
    /// `nil`: SQLite gives it.
    let seq: Int64?
    let entry: LogEntry
    /// As JSON.
    let clock: [UInt8]
    let replacements: Int
    let replacedAt: WallTime?

    static let insert = RowInsert(
        head: "INSERT INTO events",
        row: "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?")

    func bind(to row: inout SQLiteBinding) {
        let event = entry.event
        row.bind(seq)
        row.bind(event.id)
        row.bind(entry.fingerprint.digest)
        if let hash = entry.fingerprint.signedHash { row.bind(hash) } else { row.bind([]) }
        row.bind(event.origin)
        row.bind(event.originName)
        row.bind(event.number.map { Int64(clamping: $0) })
        row.bind(event.subject)
        row.bind(event.action)
        row.bind(event.family.rawValue)
        row.bindNull()  // scope
        row.bind(event.timestamp)
        row.bind(text: clock)
        row.bind(event.signature)
        row.bind(event.publicKey)
        row.bind(entry.verification.rawValue)
        row.bind(entry.peer)
        row.bind(entry.receivedAt.milliseconds)
        row.bind(entry.dataSeen)
        row.bindNull()  // hold
        row.bind(replacements)
        row.bind(replacedAt?.milliseconds)
        switch event.payload {
        case .full(let data):
            row.bindNull()
            row.bind(data)
        case .stub(let stub):
            row.bind(stub.stored)
            row.bindNull()
        }
        row.bind(entry.proofTime?.at?.milliseconds)
        row.bind(entry.proofTime.map { Int64($0.occasion.rawValue) })
    }
}

/// Events that are read until their JSON would pass a number of bytes; the first is taken however long it is.
struct EventPage {
    private(set) var events: [StoredEvent] = []
    private let bytes: Int
    /// What the events have at most, until that passes `bytes`; from then on what they have.
    private var total = 0
    private var isExact = false

    init(bytes: Int) { self.bytes = bytes }

    /// Takes the event of `row`; `false` if it does not fit any more.
    mutating func take(_ row: borrowing SQLiteRow) throws(SQLiteError) -> Bool {
        let event = try StoredEvent(row: row)
        // Writing an event only to count its bytes costs as much as reading it, and most pages are far from full.
        if !isExact {
            total += StoredEvent.jsonBytesBound(row)
            if total > bytes {
                isExact = true
                total = events.reduce(0) { $0 + $1.event.json.count } + event.event.json.count
            }
        } else {
            total += event.event.json.count
        }
        guard events.isEmpty || total <= bytes else { return false }
        events.append(event)
        return true
    }
}

extension HeldSummary {
    fileprivate init(row: borrowing SQLiteRow) throws(SQLiteError) {
        self.init(
            id: try row.ulid(0), subject: row.text(1), peer: row.text(2), receivedAt: WallTime(milliseconds: row.integer(3)),
            hold: HoldReason(code: row.text(4)))
    }
}
