package import FederationCore

/// What can still be read of a node's database that SQLite finds damaged, row by row and page by page.
///
/// Rows are found by their shape on every page that is one of a b-tree, whether or not a path leads there: a lost page
/// costs the rows on it and no others. What is found is not believed: whoever takes it in looks at it as at what a peer
/// gives. Nothing is written to the damaged files.
package struct Salvage {
    /// What a node knows of itself and of others, beside the log.
    package struct Known: Sendable {
        package var meta: [MetaKey: String] = [:]
        /// `federation_state`. A key of which two values were found is left out.
        package var state: [String: String] = [:]
        /// Each with whether it was found to fit.
        package var attestations: [Attestation: Bool] = [:]
        /// `meta` and `federation_state` could be read as SQLite reads them, so nothing of them is missing or old.
        package var isStateWhole = false
    }

    package private(set) var known = Known()

    private let pages: DamagedPages
    /// Where the rows of the log are, in order of arrival.
    private var places: [Place] = []

    private struct Place {
        var seq: Int64
        var page: UInt32
        var cell: UInt16
    }

    /// Rows of the log that are there, readable or not.
    package var count: Int { places.count }

    /// Looks at every page of the database at `path` once.
    ///
    /// - Parameter progress: told how many pages were looked at, and of how many.
    /// - Throws: `cannotOpen` where there is no file that may be read.
    package init(path: String, progress: (_ done: Int64, _ total: Int64) -> Void) throws(StoreFailure) {
        pages = try DamagedPages(path: path)
        var found = FoundState()
        for number in 1...max(1, pages.count) {
            if let records = PageRecords(number, of: pages) { survey(records, number, &found) }
            if number % 256 == 0 { progress(Int64(number), Int64(pages.count)) }
        }
        // Of one place both an old and the present state may be on a page: both are looked at.
        places.sort { ($0.seq, $0.page, $0.cell) < ($1.seq, $1.page, $1.cell) }
        if let read = StateTables(path: path) {
            (known.meta, known.state, known.isStateWhole) = (read.meta, read.state, true)
        } else {
            (known.meta, known.state) = (found.meta, found.state)
        }
    }

    private mutating func survey(_ records: PageRecords, _ number: Int, _ found: inout FoundState) {
        for cell in 0..<records.count {
            guard let (rowid, columns) = records.outline(cell) else { continue }
            switch records.kind {
            case .table where SalvagedRow.eventColumns.contains(columns.count) && SalvagedRow.isEvent(columns):
                places.append(Place(seq: rowid, page: UInt32(clamping: number), cell: UInt16(clamping: cell)))
            case .table where columns.count == SalvagedRow.attestationColumns:
                if let values = records.row(cell)?.values, let attestation = Attestation(salvaged: values) {
                    known.attestations[attestation] = values[5].integer != 0
                }
            case .index where columns.count == 2, .indexInterior where columns.count == 2:
                guard let values = records.row(cell)?.values, let key = values[0].text, let value = values[1].text else {
                    continue
                }
                found.add(key, value)
            case .table, .index, .indexInterior: break
            }
        }
    }

    /// Some events, in order of arrival.
    package struct Batch: Sendable {
        package var events: [StoredEvent] = []
        /// Rows that cannot be read, or whose event is not what the row says it is.
        package var unreadable = 0
        /// The row behind the last one looked at.
        package var end: Int
    }

    /// The events at `range` of the rows found, in order of arrival; fewer where they have more than `bytes`, but one at least.
    package func events(_ range: Range<Int>, bytes: Int = .max, _ sha256: SHA256) -> Batch {
        let range = range.clamped(to: places.indices)
        var batch = Batch(end: range.lowerBound)
        var taken = 0
        while batch.end < range.upperBound, taken < bytes {
            let place = places[batch.end]
            batch.end += 1
            guard let records = PageRecords(Int(place.page), of: pages), let (seq, values) = records.row(Int(place.cell)),
                let event = StoredEvent(salvaged: values, seq: seq), let found = try? event.event.fingerprint(sha256),
                event.hasHashes(found, sha256)
            else {
                batch.unreadable += 1
                continue
            }
            batch.events.append(event)
            taken += values[23].blob?.count ?? 0
        }
        return batch
    }
}

/// `meta` and `federation_state`, as SQLite reads them; all of both or nothing.
private struct StateTables {
    var meta: [MetaKey: String] = [:]
    var state: [String: String] = [:]

    init?(path: String) {
        do throws(SQLiteError) {
            let connection = try SQLiteConnection(path: path, mode: .readOnly)
            try connection.scan("SELECT key, value FROM meta") { row throws(SQLiteError) in
                if let key = MetaKey(rawValue: row.text(0)) { meta[key] = row.text(1) }
                return true
            }
            try connection.scan("SELECT key, value FROM federation_state") { row throws(SQLiteError) in
                state[row.text(0)] = row.text(1)
                return true
            }
        } catch {
            return nil
        }
    }
}

/// The same from rows that lie about, some of them perhaps old ones.
private struct FoundState {
    var meta: [MetaKey: String] = [:]
    var state: [String: String] = [:]
    private var doubtful: Set<String> = []
    private var identities: Set<String> = []

    mutating func add(_ key: String, _ value: String) {
        if let name = MetaKey(rawValue: key) {
            if name == .ownNumber, let before = meta[name].flatMap({ UInt64($0) }), before >= UInt64(value) ?? 0 { return }
            // Who it is cannot be chosen: an old page may have who it was before 'identity new'.
            if name == .identity {
                identities.insert(value)
                meta[name] = identities.count == 1 ? value : nil
            } else {
                meta[name] = value
            }
            return
        }
        guard !doubtful.contains(key) else { return }
        if let before = state[key], before != value {
            state[key] = nil
            doubtful.insert(key)
        } else {
            state[key] = value
        }
    }
}

/// What a row of a table of ours looks like, whatever page it is on.
enum SalvagedRow {
    /// A row that was written before the last two came has them not.
    static let eventColumns: Set = [24, 26]
    static let attestationColumns = 7

    /// The types that the columns of `events` have (`Schema`), as far as they tell it from any other table.
    static func isEvent(_ types: [UInt64]) -> Bool {
        // The rowid stands elsewhere; an id has 26 characters, a digest 32 bytes, a signed hash as many or none.
        types[0] == 0 && types[1] == 13 + 2 * 26 && types[2] == 12 + 2 * 32 && [12, 12 + 2 * 32].contains(types[3])
            && (types[22] == 0) != (types[23] == 0)
    }
}

extension Attestation {
    init?(salvaged values: [SalvagedValue]) {
        guard values.count == SalvagedRow.attestationColumns, case .null = values[0], let kind = values[2].text, kind == "checkpoint" || kind == "succession",
            let text = values[4].text, let json = try? JSON(Array(text.utf8))
        else { return nil }
        self.init(json)
    }
}

extension StoredEvent {
    /// The same as from a row that SQLite reads.
    init?(salvaged values: [SalvagedValue], seq: Int64) {
        func text(_ column: Int) -> String? { values[column].text }
        // A disk that fails may give another row than when it was counted.
        guard SalvagedRow.eventColumns.contains(values.count), let id = text(1).flatMap({ ULID($0) }), let digest = values[2].blob.flatMap({ Digest($0) }),
            let hash = values[3].blob, hash.isEmpty || hash.count == Digest.length, let origin = text(4), let originName = text(5),
            let subject = text(7), let action = text(8), let timestamp = text(11),
            let clock = text(12).flatMap({ ReceivedClock(json: Array($0.utf8)) }), let peer = text(16),
            let received = values[17].integer
        else { return nil }
        let payload: Event.Payload
        if let data = values[23].blob {
            payload = .full(data)
        } else {
            guard let stub = values[22].blob.flatMap({ Event.Stub(stored: $0) }) else { return nil }
            payload = .stub(stub)
        }
        self.init(
            seq: seq,
            event: Event(
                id: id, action: action, subject: subject, origin: origin, originName: originName, timestamp: timestamp,
                payload: payload, clock: clock, signature: text(13), publicKey: text(14)),
            digest: digest, signedHash: Digest(hash),
            verification: values[15].integer.flatMap { Verification(rawValue: Int(clamping: $0)) } ?? .none, peer: peer,
            receivedAt: WallTime(milliseconds: received), dataSeen: values[18].integer != 0,
            hold: text(19).map(HoldReason.init(code:)), replacements: Int(clamping: values[20].integer ?? 0),
            replacedAt: values[21].integer.map(WallTime.init(milliseconds:)),
            proofTime: values.count > 24 ? ProofTime(at: values[24].integer, by: values[25].integer) : nil)
    }
}
