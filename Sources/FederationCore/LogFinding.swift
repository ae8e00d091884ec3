/// Something in a node's own database that is not as it must be.
public struct LogFinding: Hashable, Sendable {
    /// What is wrong. The raw values stand in JSON.
    public enum Kind: String, Hashable, Sendable, CaseIterable {
        /// SQLite finds pages, rows or indexes that do not fit one another.
        case fileDamaged = "file_damaged"
        /// A row of the log that cannot be read as an event.
        case eventUnreadable = "event_unreadable"
        /// An event is not what its digest or its signed hash says.
        case digestMismatch = "digest_mismatch"
        /// What is kept beside an event to find it by is not what the event says.
        case columnMismatch = "column_mismatch"
        /// A signature that fits neither a known key of its origin nor the key that it came with.
        case signatureBad = "signature_bad"
        /// A signed checkpoint that was found to fit does not: its events are others, or some are gone.
        case chainMismatch = "chain_mismatch"
        /// An event was deleted by another program.
        case eventRemoved = "event_removed"
        /// The index for comparisons does not add up to the log.
        case itemIndexMismatch = "item_index_mismatch"
        /// What is kept of an origin (counts, numbers, sum) is not what its events come to.
        case originMismatch = "origin_mismatch"
        /// The records were made by another version of the program.
        case recordsOutdated = "records_outdated"
        /// A record is not what its events make it.
        case recordMismatch = "record_mismatch"
        /// A record has no events.
        case recordWithoutEvents = "record_without_events"
        /// An event is held that should not be, or the other way round.
        case holdMismatch = "hold_mismatch"
        /// The node's clock does not cover an event that it has taken in.
        case clockBehind = "clock_behind"
        /// The node's own count is below a number that it has given.
        case ownNumberBehind = "own_number_behind"
        /// A mark that keeps positions good names no event of the log.
        case markMismatch = "mark_mismatch"
        /// How far a peer's log was read cannot be read.
        case cursorUnreadable = "cursor_unreadable"
    }

    public var kind: Kind
    /// The event's id, the origin, the record or the state that it is about, or SQLite's own words; may be empty.
    public var about: String

    package init(_ kind: Kind, _ about: String = "") {
        self.kind = kind
        self.about = about
    }
}

extension LogFinding.Kind {
    /// What is wrong, as a clause.
    public var words: String {
        switch self {
        case .fileDamaged: "the database file is damaged"
        case .eventUnreadable: "an event cannot be read"
        case .digestMismatch: "an event is not what its hashes say"
        case .columnMismatch: "an event is filed under another number, family or digest than its own"
        case .signatureBad: "a signature does not fit its event"
        case .chainMismatch: "the signed chain of an origin does not fit its events"
        case .eventRemoved: "an event was deleted by another program"
        case .itemIndexMismatch: "the index for comparisons is not that of the log"
        case .originMismatch: "the counts or holes of an origin are not those of its events"
        case .recordsOutdated: "the records were made by another version of the program"
        case .recordMismatch: "a record is not what its events make it"
        case .recordWithoutEvents: "a record has no events"
        case .holdMismatch: "an event is held or applied wrongly"
        case .clockBehind: "the vector clock does not cover an event of the log"
        case .ownNumberBehind: "an event of this node has a number above its own count"
        case .markMismatch: "a mark for positions names no event of the log"
        case .cursorUnreadable: "how far a peer was read is not readable"
        }
    }

    /// What a person can do about it.
    public var hint: String {
        switch self {
        case .fileDamaged, .eventUnreadable, .digestMismatch, .columnMismatch, .itemIndexMismatch, .originMismatch:
            "Something else wrote to the file, or the disk fails: check the disk, stop the node and run `federation "
                + "recover`."
        case .signatureBad:
            "It was changed here, or came so: compare it with a peer's copy (`federation events ID`), and whom it came from."
        case .eventRemoved: "Any command that writes counts it out; `federation verify` fetches it again from a peer."
        case .chainMismatch: "Events of it are missing or were changed: `federation verify` fetches what a peer has."
        case .recordsOutdated: "Any command that writes makes the records anew."
        case .recordMismatch, .recordWithoutEvents, .holdMismatch:
            "Where events were deleted, `federation verify` fetches them from a peer and makes their records anew; else "
                + "put a backup back."
        case .clockBehind, .ownNumberBehind:
            "Write nothing more: put a backup back and run `federation identity recover`, which goes on above every number."
        case .markMismatch: "Peers that stood there read the log again by themselves: nothing is lost."
        case .cursorUnreadable: "Run `federation reset-peer NAME`: the peer's log is read again from its beginning."
        }
    }
}

/// What a log can tell of itself where it may be damaged, for `LogAudit`.
package protocol AuditedLog: LogReading {
    /// What the database finds wrong with its own file, in its own words; nothing for a sound one.
    func damage(limit: Int) throws(StoreFailure) -> [String]
    /// Rows of the log after `seq` in order of arrival, cut as `events(after:limit:bytes:)` is: an empty answer means
    /// that there are none.
    func rows(after seq: Int64, limit: Int, bytes: Int) throws(StoreFailure) -> [LogRow]
    /// Events that another program has deleted and that the counts still have, at most `limit`.
    func removed(limit: Int) throws(StoreFailure) -> [LogItem]
    /// Numbers of an origin's events, as they are filed, at and above `number` in order, each as often as it stands there.
    func numbers(of origin: String, from number: UInt64, limit: Int) throws(StoreFailure) -> [UInt64]
    /// The first hole of an origin that begins at `number` or above.
    func hole(of origin: String, from number: UInt64) throws(StoreFailure) -> NumberHole?
    /// The subjects that have records, after `subject` in order.
    func recordSubjects(after subject: String?, limit: Int) throws(StoreFailure) -> [String]
    /// Where events stood before others took their ids, after `seq`: the place, and the place of the event that has
    /// the id now.
    func marks(after seq: Int64, limit: Int) throws(StoreFailure) -> [LogMark]
}

/// One row of the log, as far as it can be read.
package struct LogRow: Hashable, Sendable {
    package var seq: Int64
    package var id: String
    /// `nil` where it is no event.
    package var stored: StoredEvent?
    /// What the row says beside the event, to be found by.
    package var number: UInt64?
    package var family: String

    package init(seq: Int64, id: String, stored: StoredEvent?, number: UInt64?, family: String) {
        self.seq = seq
        self.id = id
        self.stored = stored
        self.number = number
        self.family = family
    }
}

package struct LogMark: Hashable, Sendable {
    package var seq: Int64
    package var id: String
    /// Where the event with the id stands.
    package var now: Int64?

    package init(seq: Int64, id: String, now: Int64?) {
        self.seq = seq
        self.id = id
        self.now = now
    }
}
