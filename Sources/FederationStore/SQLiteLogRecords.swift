public import FederationCore

extension SQLiteLog {
    public func record(_ subject: String) throws(StoreFailure) -> Record? {
        try storing { () throws(SQLiteError) in
            try database.connection.first(
                "SELECT * FROM records WHERE subject = ?", subject, row: Record.init(row:))
        }
    }

    public func records(_ filter: RecordFilter) throws(StoreFailure) -> [Record] {
        try storing { () throws(SQLiteError) in
            guard filter.limit > 0 else { return [] }
            var records: [Record] = []
            func take(_ row: borrowing SQLiteRow) throws(SQLiteError) -> Bool {
                let record = try Record(row: row)
                if filter.derivedFrom.map(record.names) ?? true { records.append(record) }
                return records.count < filter.limit
            }
            let (after, isFirst) = (filter.after ?? "", filter.after == nil)
            if let subject = filter.subject {
                try database.connection.scan(
                    """
                    SELECT * FROM records WHERE subject = ?7 AND subject >= ?1 AND (subject <> ?1 OR ?2)
                    AND heads <> '[]' AND (lifecycle <> 'trashed' OR ?3) AND (purge_event IS NULL OR ?4)
                    AND (?5 IS NULL OR type = ?5) AND (diverged OR NOT ?6)
                    """,
                    after, isFirst, filter.includeTrashed, filter.includePurged, filter.type, filter.divergedOnly,
                    subject, row: take)
            } else if filter.divergedOnly {
                try database.connection.scan(
                    """
                    SELECT * FROM records WHERE diverged AND subject >= ?1 AND (subject <> ?1 OR ?2)
                    AND heads <> '[]' AND (lifecycle <> 'trashed' OR ?3) AND (purge_event IS NULL OR ?4)
                    AND (?5 IS NULL OR type = ?5) ORDER BY subject
                    """,
                    after, isFirst, filter.includeTrashed, filter.includePurged, filter.type, row: take)
            } else {
                try database.connection.scan(
                    """
                    SELECT * FROM records WHERE subject >= ?1 AND (subject <> ?1 OR ?2)
                    AND heads <> '[]' AND (lifecycle <> 'trashed' OR ?3) AND (purge_event IS NULL OR ?4)
                    AND (?5 IS NULL OR type = ?5) ORDER BY subject
                    """,
                    after, isFirst, filter.includeTrashed, filter.includePurged, filter.type, row: take)
            }
            return records
        }
    }

    public func recordCount(divergedOnly: Bool) throws(StoreFailure) -> Int {
        return try storing { () throws(SQLiteError) in
            let count =
                divergedOnly
                ? try database.connection.first(
                    "SELECT count(*) FROM records WHERE diverged AND heads <> '[]' AND lifecycle <> 'trashed' AND purge_event IS NULL"
                ) { $0.integer(0) }
                : try database.connection.first(
                    "SELECT count(*) FROM records WHERE heads <> '[]' AND lifecycle <> 'trashed' AND purge_event IS NULL"
                ) { $0.integer(0) }
            return Int(count ?? 0)
        }
    }

    public mutating func setRecord(_ subject: String, _ record: Record?) throws(StoreFailure) {
        try storing { () throws(SQLiteError) in
            guard let record else {
                return try database.connection.run("DELETE FROM records WHERE subject = ?", subject)
            }
            try database.connection.run(
                """
                INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
                subject, list(record.heads.map(\.description)), record.shown?.description, record.isDiverged,
                record.isIncomplete, record.title, record.type, record.author, list(record.tags),
                list(record.derivedFrom), record.tier, record.lifecycle.rawValue, record.votes,
                record.purge?.eventID.description, record.purge?.action, record.purge?.reason, record.created,
                record.updated, record.origin, record.heldCount)
        }
    }

    private func list(_ texts: [String]) -> String {
        var writer = JSONWriter()
        writer.array { for text in texts { $0.string(text) } }
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}

extension Record {
    /// Reads a row of `records`, whose columns it knows by place.
    init(row: borrowing SQLiteRow) throws(SQLiteError) {
        let heads = try Record.list(row.bytes(1)).compactMap { ULID($0) }
        self.init(subject: row.text(0), heads: heads)
        shown = row.isNull(2) ? nil : try row.ulid(2)
        isIncomplete = row.integer(4) != 0
        title = row.text(5)
        type = row.text(6)
        author = row.text(7)
        tags = try Record.list(row.bytes(8))
        derivedFrom = try Record.list(row.bytes(9))
        tier = row.text(10)
        guard let lifecycle = Lifecycle(rawValue: row.text(11)) else { throw .malformedValue }
        self.lifecycle = lifecycle
        votes = row.integer(12)
        if !row.isNull(13) { purge = Purge(eventID: try row.ulid(13), action: row.text(14), reason: row.text(15)) }
        created = row.text(16)
        updated = row.text(17)
        origin = row.text(18)
        heldCount = Int(clamping: row.integer(19))
    }

    /// Whether `subject` is among the record's sources, byte for byte.
    func names(_ subject: String) -> Bool { derivedFrom.contains { $0.utf8.elementsEqual(subject.utf8) } }

    private static func list(_ json: [UInt8]) throws(SQLiteError) -> [String] {
        guard let items = try? JSON(json).array else { throw .malformedValue }
        return items.compactMap(\.string)
    }
}
