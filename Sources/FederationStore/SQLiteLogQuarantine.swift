package import FederationCore

extension SQLiteLog {
    package func quarantine(
        kind: QuarantineEntry.Kind?, peer: String?, limit: Int
    ) throws(StoreFailure) -> [QuarantineEntry] {
        try storing { () throws(SQLiteError) in
            try database.connection.rows(
                """
                SELECT * FROM quarantine WHERE (?1 IS NULL OR kind = ?1) AND (?2 IS NULL OR peer = ?2)
                ORDER BY first_seen, row LIMIT ?3
                """,
                kind?.rawValue, peer, max(0, limit), row: QuarantineEntry.init(row:))
        }
    }

    package func newestQuarantine(limit: Int) throws(StoreFailure) -> [QuarantineEntry] {
        try storing { () throws(SQLiteError) in
            // By name, so that the bytes, of which there may be megabytes a row, are not read.
            try database.connection.rows(
                """
                SELECT row, kind, peer, reason, code, event_id, subject, hash, first_seen, last_seen, count, retry_at, x'', NULL
                FROM quarantine ORDER BY first_seen DESC, row DESC LIMIT ?
                """, max(0, limit), row: QuarantineEntry.init(row:))
        }
    }

    package func quarantine(eventID: String, limit: Int) throws(StoreFailure) -> [QuarantineEntry] {
        try storing { () throws(SQLiteError) in
            // Read through, without the bytes of what is another's: it is asked by a person.
            try database.connection.rows(
                "SELECT * FROM quarantine WHERE event_id = ? ORDER BY first_seen, row LIMIT ?", eventID, max(0, limit),
                row: QuarantineEntry.init(row:))
        }
    }

    package func quarantineEntry(_ row: Int64) throws(StoreFailure) -> QuarantineEntry? {
        try storing { () throws(SQLiteError) in
            try database.connection.first(
                "SELECT * FROM quarantine WHERE row = ?", row, row: QuarantineEntry.init(row:))
        }
    }

    package func quarantineEntry(hash: Digest) throws(StoreFailure) -> QuarantineEntry? {
        try storing { () throws(SQLiteError) in
            try database.connection.first(
                "SELECT * FROM quarantine WHERE hash = ?", hash.bytes, row: QuarantineEntry.init(row:))
        }
    }

    package func quarantineEntry(digest: Digest) throws(StoreFailure) -> QuarantineEntry? {
        try storing { () throws(SQLiteError) in
            try database.connection.first(
                "SELECT * FROM quarantine WHERE digest = ? ORDER BY row LIMIT 1", digest.bytes,
                row: QuarantineEntry.init(row:))
        }
    }

    package func quarantineCount(kind: QuarantineEntry.Kind, peer: String?) throws(StoreFailure) -> Int {
        try storing { () throws(SQLiteError) in
            if let peer {
                return try database.connection.first(
                    "SELECT count(*) FROM quarantine WHERE peer = ? AND kind = ?", peer, kind.rawValue
                ) { Int($0.integer(0)) } ?? 0
            }
            return try database.connection.first(
                "SELECT count(*) FROM quarantine WHERE kind = ?", kind.rawValue) { Int($0.integer(0)) } ?? 0
        }
    }

    package func quarantineDue(at time: WallTime, limit: Int, bytes: Int) throws(StoreFailure) -> [QuarantineEntry] {
        try storing { () throws(SQLiteError) in
            var due: [QuarantineEntry] = []
            var total = 0
            try database.connection.scan(
                "SELECT * FROM quarantine WHERE retry_at <= ? ORDER BY first_seen, row LIMIT ?", time.milliseconds,
                max(0, limit)
            ) { row throws(SQLiteError) in
                let entry = try QuarantineEntry(row: row)
                total += entry.bytes.count
                guard due.isEmpty || total <= bytes else { return false }
                due.append(entry)
                return true
            }
            return due
        }
    }

    package mutating func quarantine(_ entry: QuarantineEntry) throws(StoreFailure) {
        try storing { () throws(SQLiteError) in
            let peer = try database.connection.first(
                """
                INSERT INTO quarantine VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (hash) DO UPDATE SET
                    kind = excluded.kind, reason = excluded.reason, code = excluded.code,
                    event_id = excluded.event_id, subject = excluded.subject, bytes = excluded.bytes,
                    last_seen = excluded.last_seen, count = count + 1, retry_at = excluded.retry_at,
                    digest = excluded.digest
                RETURNING peer
                """,
                entry.kind.rawValue, entry.peer, entry.reason.rawValue, entry.code, entry.eventID, entry.subject,
                entry.hash.bytes, entry.firstSeen.milliseconds, entry.lastSeen.milliseconds, entry.count,
                entry.retryAt?.milliseconds, entry.bytes, entry.digest?.bytes
            ) { $0.text(0) }
            database.grown += Int64(entry.bytes.count) + SQLiteLog.rowBytes
            try evict(of: peer ?? entry.peer, kind: entry.kind)
        }
    }

    /// Keeps what one peer may fill within its limit.
    private func evict(of peer: String, kind: QuarantineEntry.Kind) throws(SQLiteError) {
        switch kind {
        case .refused:
            try database.connection.run(
                """
                DELETE FROM quarantine WHERE row IN (
                    SELECT row FROM quarantine WHERE peer = ? AND kind = 'refused'
                    ORDER BY first_seen DESC, row DESC LIMIT -1 OFFSET ?)
                """,
                peer, Limits.evidenceRowsPerPeer)
        case .deferred:
            try database.connection.run(
                """
                DELETE FROM quarantine WHERE row IN (
                    SELECT row FROM quarantine WHERE peer = ? AND kind = 'deferred'
                    ORDER BY retry_at NULLS LAST, row LIMIT -1 OFFSET ?)
                """,
                peer, Limits.deferredRowsPerPeer)
        }
    }

    package mutating func removeQuarantine(_ row: Int64) throws(StoreFailure) {
        try storing { () throws(SQLiteError) in
            try database.connection.run("DELETE FROM quarantine WHERE row = ?", row)
        }
    }

    package mutating func setQuarantineRetry(_ row: Int64, at time: WallTime?) throws(StoreFailure) {
        try storing { () throws(SQLiteError) in
            try database.connection.run(
                "UPDATE quarantine SET retry_at = ? WHERE row = ?", time?.milliseconds, row)
        }
    }

    package mutating func setQuarantineRetries(codes: [String], at time: WallTime) throws(StoreFailure) {
        try storing { () throws(SQLiteError) in
            for code in codes {
                try database.connection.run(
                    """
                    UPDATE quarantine SET retry_at = ?
                    WHERE kind = 'refused' AND code = ? AND (length(bytes) < ? OR code = 'losing_variant')
                    """, time.milliseconds, code, Limits.evidenceBytes)
            }
        }
    }
}

extension QuarantineEntry {
    /// Reads a row of `quarantine`, whose columns it knows by place.
    init(row: borrowing SQLiteRow) throws(SQLiteError) {
        guard let kind = Kind(rawValue: row.text(1)) else { throw .malformedValue }
        self.init(
            row: row.integer(0), kind: kind, peer: row.text(2), reason: Reason(stored: row.text(3)), code: row.text(4),
            eventID: row.text(5), subject: row.text(6), bytes: row.bytes(12), hash: try row.digest(7),
            digest: row.optionalBytes(13).flatMap { Digest($0) },
            firstSeen: WallTime(milliseconds: row.integer(8)), lastSeen: WallTime(milliseconds: row.integer(9)),
            count: Int(clamping: row.integer(10)), retryAt: row.optionalInteger(11).map(WallTime.init(milliseconds:)))
    }
}
