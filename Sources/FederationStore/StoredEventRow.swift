internal import FederationCore

extension StoredEvent {
    /// Reads a row of `events`, whose columns it knows by place.
    init(row: borrowing SQLiteRow) throws(SQLiteError) {
        guard let clock = ReceivedClock(json: row.bytes(12)) else { throw .malformedValue }
        let payload: Event.Payload
        if let data = row.optionalBytes(23) {
            payload = .full(data)
        } else {
            guard let stub = Event.Stub(stored: row.bytes(22)) else { throw .malformedValue }
            payload = .stub(stub)
        }
        let event = Event(
            id: try row.ulid(1), action: row.text(8), subject: row.text(7), origin: row.text(4),
            originName: row.text(5), timestamp: row.text(11), payload: payload, clock: clock,
            signature: row.optionalText(13), publicKey: row.optionalText(14))
        self.init(
            seq: row.integer(0), event: event, digest: try row.digest(2), signedHash: try row.signedHash(3),
            // A rank that a newer program wrote proves nothing to this one.
            verification: Verification(rawValue: Int(truncatingIfNeeded: row.integer(15))) ?? .none,
            peer: row.text(16), receivedAt: WallTime(milliseconds: row.integer(17)),
            dataSeen: row.integer(18) != 0, hold: row.optionalText(19).map(HoldReason.init(code:)),
            replacements: Int(clamping: row.integer(20)),
            replacedAt: row.optionalInteger(21).map(WallTime.init(milliseconds:)),
            proofTime: ProofTime(at: row.optionalInteger(24), by: row.optionalInteger(25)))
    }

    /// No fewer bytes than the event's JSON has: each byte of a text may be escaped as `\u00xx`, `data` and the clock
    /// stand as they are, and the rest is the names of the members and what of them has a fixed length.
    static func jsonBytesBound(_ row: borrowing SQLiteRow) -> Int {
        var texts = 0
        for column: Int32 in [4, 5, 7, 8, 11, 13, 14] { texts += row.length(column) }
        return 512 + 6 * texts + row.length(12) + row.length(23)
    }
}

extension LogLines {
    /// Takes the event of a row of `events` as it stands there, without making the event of it; `false` if it does not fit.
    ///
    /// The line is the one that `Event.json` writes. A row that `StoredEvent.init(row:)` would not read is not served either.
    mutating func append(_ row: borrowing SQLiteRow) throws(SQLiteError) -> Bool {
        guard ReceivedClock(json: row.bytes(12)) != nil else { throw .malformedValue }
        _ = (try row.digest(2), try row.signedHash(3))
        var dot: DottedClock.Dot?
        if let number = row.optionalInteger(6), let origin = row.ulid(at: 4) {
            dot = DottedClock.Dot(origin: origin, number: UInt64(clamping: number))
        }
        var stub: Event.Stub?
        if row.isNull(23) {
            guard let stored = Event.Stub(stored: row.bytes(22)) else { throw .malformedValue }
            stub = stored
        }
        return append(Place(seq: row.integer(0), id: try row.ulid(1), dot: dot)) { writer in
            writer.object { writer in
                row.put(1, as: "id", to: &writer)
                row.put(8, as: "action", to: &writer)
                row.put(7, as: "trace_id", to: &writer)
                row.put(4, as: "cortex_id", to: &writer)
                row.put(5, as: "origin", to: &writer)
                row.put(11, as: "timestamp", to: &writer)
                if let stub { stub.write(to: &writer) } else { row.putJSON(23, as: "data", to: &writer) }
                // An empty clock is `{}`.
                if row.length(12) > 2 { row.putJSON(12, as: "vclock", to: &writer) }
                if !row.isNull(13) { row.put(13, as: "signature", to: &writer) }
                if !row.isNull(14) { row.put(14, as: "pubkey", to: &writer) }
            }
        }
    }
}

extension ProofTime {
    /// As a row keeps it; `nil` where it keeps none.
    init?(at milliseconds: Int64?, by occasion: Int64?) {
        guard let occasion else { return nil }
        // What a newer program wrote says nothing to this one.
        let known = Occasion(rawValue: Int(truncatingIfNeeded: occasion))
        self.init(known ?? .unknown, at: known == nil ? nil : milliseconds.map(WallTime.init(milliseconds:)))
    }
}

extension Event.Stub {
    /// The two hashes, one behind the other.
    var stored: [UInt8] { dataHash.bytes + normalHash.bytes }

    init?(stored bytes: [UInt8]) {
        guard bytes.count == 2 * Digest.length, let dataHash = Digest(bytes.prefix(Digest.length)),
            let normalHash = Digest(bytes.suffix(Digest.length))
        else { return nil }
        self.init(dataHash: dataHash, normalHash: normalHash)
    }
}

extension SQLiteRow {
    borrowing func ulid(_ column: Int32) throws(SQLiteError) -> ULID {
        guard let id = ulid(at: column) else { throw .malformedValue }
        return id
    }

    /// Empty for `nil`.
    borrowing func signedHash(_ column: Int32) throws(SQLiteError) -> Digest? {
        length(column) == 0 && !isNull(column) ? nil : try digest(column)
    }

    borrowing func digest(_ column: Int32) throws(SQLiteError) -> Digest {
        guard let digest = digest(at: column) else { throw .malformedValue }
        return digest
    }
}
