package import FederationCore

extension SQLiteLog {
    package func chainLinks(
        of origin: ULID, after number: UInt64, through last: UInt64, limit: Int
    ) throws(StoreFailure) -> [ChainLink] {
        try storing { () throws(SQLiteError) in
            try database.connection.rows(
                """
                SELECT number, id, digest, signature, seq, verified FROM events WHERE origin = ? AND number > ? AND number <= ?
                    AND verified NOT IN (?, ?) ORDER BY number, id LIMIT ?
                """,
                origin.description, Int64(clamping: number), Int64(clamping: last), Verification.unsigned.rawValue,
                Verification.invalid.rawValue, max(0, limit)
            ) { row throws(SQLiteError) in
                ChainLink(
                    number: UInt64(clamping: row.integer(0)), id: try row.ulid(1), digest: try row.digest(2),
                    signature: row.optionalText(3), seq: row.integer(4),
                    isChained: row.integer(5) == Int64(Verification.chained.rawValue))
            }
        }
    }

    package func events(of origin: ULID, number: UInt64) throws(StoreFailure) -> [ULID] {
        // Asked before each event that is shown to be its origin's; almost every one has the next number, and a question
        // would have the rows before it inserted by themselves.
        if database.counts.origins.isAboveAll(number, of: origin.description) { return [] }
        return try storing { () throws(SQLiteError) in
            try database.connection.rows(
                "SELECT id FROM events WHERE origin = ? AND number = ? ORDER BY id", origin.description,
                Int64(clamping: number)
            ) { row throws(SQLiteError) in try row.ulid(0) }
        }
    }

    package func lastCheckpoint(of origin: ULID, through last: UInt64) throws(StoreFailure) -> Attestation? {
        try storing { () throws(SQLiteError) in
            try database.connection.first(
                """
                SELECT * FROM attestations WHERE origin = ? AND kind = 'checkpoint' AND fits AND number <= ?
                ORDER BY number DESC LIMIT 1
                """,
                origin.description, Int64(clamping: last), row: StoredAttestation.init(row:))?.attestation
        }
    }

    package func firstCheckpoint(of origin: ULID, from first: UInt64) throws(StoreFailure) -> Attestation? {
        try storing { () throws(SQLiteError) in
            try database.connection.first(
                """
                SELECT * FROM attestations WHERE origin = ? AND kind = 'checkpoint' AND fits AND number >= ?
                ORDER BY number LIMIT 1
                """,
                origin.description, Int64(clamping: first), row: StoredAttestation.init(row:))?.attestation
        }
    }

    package func attestations(afterRow row: Int64, limit: Int) throws(StoreFailure) -> [StoredAttestation] {
        try storing { () throws(SQLiteError) in
            try database.connection.rows(
                "SELECT * FROM attestations WHERE row > ? ORDER BY row LIMIT ?", row, max(0, limit),
                row: StoredAttestation.init(row:))
        }
    }

    package func lastAttestationRow() throws(StoreFailure) -> Int64 {
        try storing { () throws(SQLiteError) in
            try database.connection.first("SELECT coalesce(max(row), 0) FROM attestations") { $0.integer(0) } ?? 0
        }
    }

    package func successions(of origin: ULID) throws(StoreFailure) -> [StoredAttestation] {
        try storing { () throws(SQLiteError) in
            try database.connection.rows(
                "SELECT * FROM attestations WHERE origin = ? AND kind = 'succession' ORDER BY row", origin.description,
                row: StoredAttestation.init(row:))
        }
    }

    package func contradictions() throws(StoreFailure) -> [Attestation] {
        try storing { () throws(SQLiteError) in
            try database.connection.rows(
                "SELECT * FROM attestations WHERE NOT fits ORDER BY row", row: StoredAttestation.init(row:)
            ).map(\.attestation)
        }
    }

    package func attestedOrigins() throws(StoreFailure) -> [ULID: UInt64] {
        try storing { () throws(SQLiteError) in
            var reached: [ULID: UInt64] = [:]
            try database.connection.scan(
                "SELECT origin, max(number) FROM attestations WHERE kind = 'checkpoint' AND fits GROUP BY origin"
            ) { row throws(SQLiteError) in
                reached[try row.ulid(0)] = UInt64(clamping: row.integer(1))
                return true
            }
            return reached
        }
    }

    package mutating func keep(_ attestation: Attestation, fits: Bool, at time: WallTime) throws(StoreFailure) {
        try storing { () throws(SQLiteError) in
            let text = String(decoding: attestation.json, as: UTF8.self)
            let kind = attestation.next == nil ? "checkpoint" : "succession"
            try database.connection.run(
                """
                INSERT INTO attestations SELECT NULL, ?1, ?2, ?3, ?4, ?5, ?6
                WHERE NOT EXISTS (SELECT 1 FROM attestations WHERE origin = ?1 AND kind = ?2 AND number = ?3 AND text = ?4)
                    AND (?5 OR ?2 <> 'checkpoint' OR (
                        SELECT count(*) FROM attestations WHERE origin = ?1 AND kind = 'checkpoint' AND NOT fits) < ?7)
                """,
                attestation.origin.description, kind, Int64(clamping: attestation.number), text, fits, time.milliseconds,
                Limits.conflictingAttestations)
        }
    }

    package mutating func setAttestation(row: Int64, fits: Bool?) throws(StoreFailure) {
        try storing { () throws(SQLiteError) in
            if let fits {
                try database.connection.run("UPDATE attestations SET fits = ? WHERE row = ?", fits, row)
            } else {
                try database.connection.run("DELETE FROM attestations WHERE row = ?", row)
            }
        }
    }
}

extension StoredAttestation {
    /// Reads a row of `attestations`, whose columns it knows by place.
    init(row: borrowing SQLiteRow) throws(SQLiteError) {
        guard let json = try? JSON(row.bytes(4)), let attestation = Attestation(json) else { throw .malformedValue }
        self.init(row: row.integer(0), attestation: attestation, fits: row.integer(5) != 0)
    }
}
