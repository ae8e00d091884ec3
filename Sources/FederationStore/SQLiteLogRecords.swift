package import FederationCore

extension SQLiteLog {
    package func record(_ subject: String) throws(StoreFailure) -> Record? {
        try storing { () throws(SQLiteError) in
            try database.connection.first(
                "SELECT * FROM records WHERE subject = ?", subject, row: Record.init(row:))
        }
    }

    package func records(_ filter: RecordFilter) throws(StoreFailure) -> [Record] {
        try storing { () throws(SQLiteError) in
            guard filter.limit > 0 else { return [] }
            var records: [Record] = []
            func take(_ row: borrowing SQLiteRow) throws(SQLiteError) -> Bool {
                let record = try Record(row: row)
                if filter.admits(record) { records.append(record) }
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

    package func records(
        _ filter: RecordFilter, holding text: SearchText?, reading bytes: Int
    ) throws(StoreFailure) -> RecordPage {
        guard filter.limit > 0 else { return RecordPage() }
        return try storing { () throws(SQLiteError) in
            var page = RecordPage()
            var read = 0
            var isCut = false
            func take(_ row: borrowing SQLiteRow) throws(SQLiteError) -> Bool {
                isCut = page.records.count == filter.limit || read > bytes
                guard !isCut else { return false }
                let record = try Record(row: row)
                page.reached = record.subject
                read += RecordPage.rowBytes
                guard filter.admits(record) else { return true }
                if let text {
                    let versions = try versions(of: record, shown: row)
                    read += versions.reduce(0) { $0 + $1.count }
                    guard text.isIn(record, versions: versions) else { return true }
                }
                page.records.append(record)
                return true
            }
            // Only a search has a use for the texts, which are most of the bytes.
            if text == nil {
                try database.connection.scan(
                    "SELECT * FROM records WHERE subject >= ?1 AND (subject <> ?1 OR ?2) ORDER BY subject",
                    filter.after ?? "", filter.after == nil, row: take)
            } else {
                try database.connection.scan(
                    """
                    SELECT records.*, events.data FROM records LEFT JOIN events ON events.id = records.shown
                    WHERE records.subject >= ?1 AND (records.subject <> ?1 OR ?2) ORDER BY records.subject
                    """,
                    filter.after ?? "", filter.after == nil, row: take)
            }
            if !isCut { page.reached = nil }
            return page
        }
    }

    /// The `data` of a record's heads, of which the row has the shown one behind the record's columns.
    private func versions(of record: Record, shown row: borrowing SQLiteRow) throws(SQLiteError) -> [[UInt8]] {
        guard record.purge == nil else { return [] }
        var versions: [[UInt8]] = []
        if let data = row.optionalBytes(20) { versions.append(data) }
        for head in record.heads where head != record.shown {
            let data = try database.connection.first("SELECT data FROM events WHERE id = ?", head.description) {
                $0.optionalBytes(0)
            }
            if let data = data ?? nil { versions.append(data) }
        }
        return versions
    }

    package func incompleteHeads(limit: Int) throws(StoreFailure) -> [ULID] {
        try storing { () throws(SQLiteError) in
            try database.connection.rows(
                "SELECT shown FROM records WHERE incomplete AND shown IS NOT NULL ORDER BY subject LIMIT ?", max(0, limit)
            ) { row throws(SQLiteError) in try row.ulid(0) }
        }
    }

    package func recordCount(divergedOnly: Bool) throws(StoreFailure) -> Int {
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

    package mutating func setRecord(_ subject: String, _ record: Record?) throws(StoreFailure) {
        try storing { () throws(SQLiteError) in
            guard let record else {
                return try database.connection.run("DELETE FROM records WHERE subject = ?", subject)
            }
            try database.connection.insert(record)
        }
    }
}

extension Record: TableRow {
    static let insert = RowInsert(
        head: "INSERT OR REPLACE INTO records", row: "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?")

    func bind(to row: inout SQLiteBinding) {
        row.bind(subject)
        bind(heads, to: &row)
        row.bind(shown)
        row.bind(isDiverged)
        row.bind(isIncomplete)
        row.bind(title)
        row.bind(type)
        row.bind(author)
        bind(tags, to: &row)
        bind(derivedFrom, to: &row)
        row.bind(tier)
        row.bind(lifecycle.rawValue)
        row.bind(votes)
        row.bind(purge?.eventID)
        row.bind(purge?.action)
        row.bind(purge?.reason)
        row.bind(created)
        row.bind(updated)
        row.bind(origin)
        row.bind(heldCount)
    }

    /// As a list in JSON: no id has anything to escape.
    private func bind(_ ids: [ULID], to row: inout SQLiteBinding) {
        var list: [UInt8] = []
        list.reserveCapacity(2 + ids.count * (ULID.length + 3))
        list.append(UInt8(ascii: "["))
        for id in ids {
            if list.count > 1 { list.append(UInt8(ascii: ",")) }
            list.append(UInt8(ascii: "\""))
            id.append(to: &list)
            list.append(UInt8(ascii: "\""))
        }
        list.append(UInt8(ascii: "]"))
        row.bind(text: list)
    }

    /// The same of any texts.
    private func bind(_ texts: some Collection<String>, to row: inout SQLiteBinding) {
        guard !texts.isEmpty else { return row.bind("[]") }
        var writer = JSONWriter()
        writer.array { for text in texts { $0.string(text) } }
        row.bind(text: writer.bytes)
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

    private static func list(_ json: [UInt8]) throws(SQLiteError) -> [String] {
        guard let items = try? JSON(json).array else { throw .malformedValue }
        return items.compactMap(\.string)
    }
}
