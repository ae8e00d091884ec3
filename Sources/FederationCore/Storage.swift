/// An event to be put into the log.
public struct LogEntry: Hashable, Sendable {
    public var event: Event
    package var fingerprint: EventFingerprint
    public var verification: Verification
    /// The name of the peer that gave it; empty for our own.
    public var peer: String
    public var receivedAt: WallTime
    /// Its `data` was seen here, whether or not it is still there: only then is the digest of a stub more than a claim.
    package var dataSeen: Bool
    /// Where it is proved since another time than it comes at.
    package var proofTime: ProofTime?

    /// `dataSeen` is true of a full event; for a stub it says that the stub was made here.
    package init(
        event: Event, fingerprint: EventFingerprint, verification: Verification, peer: String, receivedAt: WallTime,
        dataSeen: Bool = false
    ) {
        self.event = event
        self.fingerprint = fingerprint
        self.verification = verification
        self.peer = peer
        self.receivedAt = receivedAt
        self.dataSeen = dataSeen || !event.isStub
    }
}

/// An event of the log with its place in the order of arrival.
public struct StoredEvent: Hashable, Sendable {
    public var seq: Int64
    public var event: Event
    public var digest: Digest
    /// See `EventFingerprint.signedHash`.
    package var signedHash: Digest?
    public var verification: Verification
    public var peer: String
    public var receivedAt: WallTime
    /// See `LogEntry.dataSeen`.
    package var dataSeen: Bool
    public var hold: HoldReason?
    /// How often another variant has taken this id, and when last.
    package var replacements: Int
    package var replacedAt: WallTime?
    /// `nil` where it is proved as it was when it came: see `foundProved`.
    package var proofTime: ProofTime?

    package init(
        seq: Int64, event: Event, digest: Digest, signedHash: Digest?, verification: Verification, peer: String,
        receivedAt: WallTime, dataSeen: Bool = false, hold: HoldReason? = nil, replacements: Int = 0,
        replacedAt: WallTime? = nil, proofTime: ProofTime? = nil
    ) {
        self.seq = seq
        self.event = event
        self.digest = digest
        self.signedHash = signedHash
        self.verification = verification
        self.peer = peer
        self.receivedAt = receivedAt
        self.dataSeen = dataSeen || !event.isStub
        self.hold = hold
        self.replacements = replacements
        self.replacedAt = replacedAt
        self.proofTime = proofTime
    }
}

/// A place in a log's order of arrival: the sequence number and the id of the event that stands, or stood, there.
public struct LogPosition: Hashable, Sendable {
    public var seq: Int64
    public var id: ULID

    package init(seq: Int64, id: ULID) {
        self.seq = seq
        self.id = id
    }
}

/// What is kept of an event that is not in the log.
package struct QuarantineEntry: Hashable, Sendable {
    package enum Kind: String, Hashable, Sendable { case refused, deferred }

    /// Names the row; zero before it is stored.
    package var row: Int64
    package var kind: Kind
    package var peer: String
    package var reason: Reason
    /// `EventRefusal.code`, or `deferred`.
    package var code: String
    /// As far as they could be read; at most `Limits.eventTextBytes` each.
    package var eventID: String
    package var subject: String
    /// The event as it came, cut to `Limits.evidenceBytes` when refused, whole when deferred or a losing variant.
    package var bytes: [UInt8]
    /// SHA-256 of the whole event as it came: the same bytes are one row, counted.
    package var hash: Digest
    /// The event's digest, where it could be read: peers name it by that.
    package var digest: Digest?
    package var firstSeen: WallTime
    package var lastSeen: WallTime
    package var count: Int
    /// When to try it again by itself.
    package var retryAt: WallTime?

    package init(
        row: Int64 = 0, kind: Kind, peer: String, reason: Reason, code: String, eventID: String, subject: String,
        bytes: [UInt8], hash: Digest, digest: Digest? = nil, firstSeen: WallTime, lastSeen: WallTime, count: Int = 1,
        retryAt: WallTime? = nil
    ) {
        self.row = row
        self.kind = kind
        self.peer = peer
        self.reason = reason
        self.code = code
        self.eventID = eventID
        self.subject = subject
        self.bytes = bytes
        self.hash = hash
        self.digest = digest
        self.firstSeen = firstSeen
        self.lastSeen = lastSeen
        self.count = count
        self.retryAt = retryAt
    }
}

/// What the log knows of one origin.
package struct OriginSummary: Hashable, Sendable {
    package var origin: String
    package var events: Int64
    /// How many different numbers are present, and the highest that is, or was until another program deleted it: fewer
    /// than the highest is a gap.
    package var distinctNumbers: Int64
    package var highestNumber: UInt64
    /// The sum of the digests of its events.
    package var sum: DigestSum

    package init(
        origin: String, events: Int64, distinctNumbers: Int64, highestNumber: UInt64, sum: DigestSum = DigestSum()
    ) {
        self.origin = origin
        self.events = events
        self.distinctNumbers = distinctNumbers
        self.highestNumber = highestNumber
        self.sum = sum
    }

    /// How many numbers below the highest are missing.
    package var missingNumbers: UInt64 {
        let present = UInt64(clamping: distinctNumbers)
        return highestNumber > present ? highestNumber - present : 0
    }
}

extension [OriginSummary] {
    /// How many numbers are missing, over all of them; more than can be counted count as that.
    package var missingNumbers: UInt64 {
        reduce(0) { sum, origin in
            let (total, overflow) = sum.addingReportingOverflow(origin.missingNumbers)
            return overflow ? .max : total
        }
    }
}

/// Which records a listing names. Subjects not yet created, of which only registers are known, are in none.
public struct RecordFilter: Hashable, Sendable {
    public var subject: String?
    public var divergedOnly = false
    public var includeTrashed = false
    public var includePurged = false
    /// Only records that were purged; with `includePurged`.
    public var purgedOnly = false
    public var lifecycle: Record.Lifecycle?
    /// Only records of this type.
    public var type: String?
    /// Only records with this tag, byte for byte.
    public var tag: String?
    /// Only records whose shown head names this subject in its `derived_from`.
    public var derivedFrom: String?
    /// List after this subject (listings are in order of the subject's UTF-8 bytes).
    public var after: String?
    public var limit: Int

    /// The first `limit` records that are neither trashed nor purged.
    public init(limit: Int) { self.limit = limit }
}

/// The facts a node keeps about itself beside `federation_state`.
package enum MetaKey: String, Hashable, Sendable, CaseIterable {
    /// The random word that begins every position of this log.
    case epoch
    /// The highest number this node has given an event of its own, or met of its own in a stored clock.
    case ownNumber = "own_number"
    /// The version of `RecordFunction` that made the records.
    case recordVersion = "record_version"
    /// The version of the program that last opened the log for writing: a new one tries held events again.
    case program
    /// The file the database lives in: device-independent inode and birth time.
    case databaseFile = "database_file"
    case machine
    /// Set when the node has found that it is a copy or a restored backup: it writes nothing until a person chooses.
    case stopped
    /// The ULID identity this database belongs to.
    case identity
    /// The last event whose clock the node-wide clock had no room for.
    case refusedMerge = "refused_merge"
    /// The last event that names a number of ours too far ahead to be followed (`Limits.ownNumberLead`).
    case farOwnNumber = "far_own_number"
    /// How a backup was made, which this database is.
    case backup
    /// When every page was last found in its place.
    case pagesChecked = "pages_checked"
    /// The `seq` of the last event that came before the log kept when events were proved.
    case proofTimesAfter = "proof_times_after"
}

/// Where an event stands in the order of arrival.
package struct EventPlace: Hashable, Sendable {
    package var seq: Int64
    package var id: ULID
    package var isHeld: Bool

    package init(seq: Int64, id: ULID, isHeld: Bool) {
        self.seq = seq
        self.id = id
        self.isHeld = isHeld
    }
}

/// Reading the log and what is kept beside it. One value sees one consistent state.
///
/// Texts are compared and ordered by their UTF-8 bytes: `é` written in two ways is two subjects, and a NUL is a
/// character like any other. A limit of zero or below names nothing.
package protocol LogReading {
    /// The last place in the order of arrival; `nil` for an empty log.
    func head() throws(StoreFailure) -> LogPosition?
    /// What stands after `seq` in the order of arrival, added up from what is counted: every page that is served says it.
    func rest(after seq: Int64) throws(StoreFailure) -> LogRest
    func event(_ id: ULID) throws(StoreFailure) -> StoredEvent?
    /// The id of the event that stands at `seq`, or stood there before another variant replaced it.
    func id(at seq: Int64) throws(StoreFailure) -> ULID?
    /// The last place before the first event that came at `time` or later; `nil` where that is the first of the log.
    func place(receivedBefore time: WallTime) throws(StoreFailure) -> LogPosition?
    /// Events after `seq` in order of arrival, at most `limit`: the first always, others while the JSON of all stays
    /// within `bytes`.
    func events(after seq: Int64, limit: Int, bytes: Int) throws(StoreFailure) -> [StoredEvent]
    /// The events with `after < seq ≤ through` in order of arrival as lines of JSON, at most `limit`: the first always,
    /// others while all lines with their newlines stay within `room` bytes.
    func lines(after seq: Int64, through last: Int64, limit: Int, room: Int) throws(StoreFailure) -> LogLines
    /// Events with `after < id ≤ through` in order of id, cut as those after a place are: an empty answer means that there are none.
    func events(after id: ULID?, through: ULID, limit: Int, bytes: Int) throws(StoreFailure) -> [StoredEvent]
    /// All events of a subject in order of id.
    func events(of subject: String) throws(StoreFailure) -> [StoredEvent]
    /// Where they stand, in order of arrival: nothing of what they say is read, however much that is.
    func places(of subject: String) throws(StoreFailure) -> [EventPlace]
    /// The greatest id in the log that is at most `bound`.
    func greatestID(through bound: ULID) throws(StoreFailure) -> ULID?
    func greatestID(of subject: String) throws(StoreFailure) -> ULID?
    func eventCount() throws(StoreFailure) -> Int64
    /// The subjects of the log after `subject` in order, at most `limit`.
    func subjects(after subject: String?, limit: Int) throws(StoreFailure) -> [String]
    /// The subjects of the log from `first` through `last`, each once; `nil` where more than `limit` events are of them.
    func subjects(from first: String, through last: String, events limit: Int) throws(StoreFailure) -> Set<ExactText>?
    /// All events as a set, in blocks that are in order and leave nothing out: a set of a million has some thousands.
    func itemBlocks() throws(StoreFailure) -> [ItemBlock]
    /// Items from `start` on, below `end` where there is one, in order and at most `limit`.
    func items(from start: LogItem, below end: LogItem?, limit: Int) throws(StoreFailure) -> [LogItem]
    func event(of item: LogItem) throws(StoreFailure) -> StoredEvent?
    /// In order of origin.
    func origins() throws(StoreFailure) -> [OriginSummary]
    /// The highest number in the log of one origin, found without reading the others: every native poll asks it.
    func highestNumber(of origin: String) throws(StoreFailure) -> UInt64?
    /// Numbers of an origin that are missing below the highest that it has, or had, here: the first noticed first.
    func holes(of origin: String, limit: Int) throws(StoreFailure) -> [NumberHole]
    /// Holes of all origins, the last noticed first.
    func newestHoles(limit: Int) throws(StoreFailure) -> [NumberHole]
    /// Events of an origin by their numbers, in that order, cut as above.
    func events(
        by origin: String, numbers: ClosedRange<UInt64>, limit: Int, bytes: Int
    ) throws(StoreFailure) -> [StoredEvent]
    /// Held events in order of id after `id`, at most `limit`; of one peer, or of all.
    func heldEvents(peer: String?, after id: ULID?, limit: Int) throws(StoreFailure) -> [StoredEvent]
    func heldCount(peer: String?) throws(StoreFailure) -> Int
    /// Held events in order of id after `id`, at most `limit`: what a list has of each.
    func held(after id: ULID?, limit: Int) throws(StoreFailure) -> [HeldSummary]
    /// The held events with the greatest ids, those first, at most `limit`: what a list has of each.
    func newestHeld(limit: Int) throws(StoreFailure) -> [HeldSummary]
    /// Events after `seq` whose origin is not proved (`Verification.isProved`), in order of arrival, cut as above.
    func unproved(after seq: Int64, limit: Int, bytes: Int) throws(StoreFailure) -> [StoredEvent]
    /// How many of those there are of each kind; kinds without one are left out.
    func unprovedCounts() throws(StoreFailure) -> [Verification: Int64]

    /// The events of an origin with `after < number ≤ through` in order of number, at most `limit`, without those that
    /// are in no chain (`Verification.isLinked`).
    func chainLinks(
        of origin: ULID, after number: UInt64, through last: UInt64, limit: Int
    ) throws(StoreFailure) -> [ChainLink]
    /// The checkpoint of an origin that fits with the greatest number up to `last`.
    func lastCheckpoint(of origin: ULID, through last: UInt64) throws(StoreFailure) -> Attestation?
    /// The one that fits with the least number from `first` on.
    func firstCheckpoint(of origin: ULID, from first: UInt64) throws(StoreFailure) -> Attestation?
    /// All that were kept after `row`, in that order, at most `limit`.
    func attestations(afterRow row: Int64, limit: Int) throws(StoreFailure) -> [StoredAttestation]
    func lastAttestationRow() throws(StoreFailure) -> Int64
    /// Successions of an origin, those that do not fit among them, in order of their being kept.
    func successions(of origin: ULID) throws(StoreFailure) -> [StoredAttestation]
    /// Those that do not fit, in the order of their being kept.
    func contradictions() throws(StoreFailure) -> [Attestation]
    /// How far the checkpoints that fit reach, of each origin that has any.
    func attestedOrigins() throws(StoreFailure) -> [ULID: UInt64]
    /// The events of an origin that have this number, in order of id.
    func events(of origin: ULID, number: UInt64) throws(StoreFailure) -> [ULID]

    func record(_ subject: String) throws(StoreFailure) -> Record?
    func records(_ filter: RecordFilter) throws(StoreFailure) -> [Record]
    /// A part of a long listing, so that no view of the database is held for long: looks through records after
    /// `filter.after` until `filter.limit` are found or some `bytes` of them were read, the first always.
    ///
    /// - Parameter text: only records that hold it.
    func records(_ filter: RecordFilter, holding text: SearchText?, reading bytes: Int) throws(StoreFailure) -> RecordPage
    /// The shown heads whose `data` was removed: records show nothing of them until it comes back. At most `limit`, in
    /// order of subject.
    func incompleteHeads(limit: Int) throws(StoreFailure) -> [ULID]
    /// How many records there are that are neither trashed nor purged, or how many of these have diverged.
    func recordCount(divergedOnly: Bool) throws(StoreFailure) -> Int

    func state(_ key: String) throws(StoreFailure) -> String?
    /// Keys that begin with `prefix` and their values, in order of key.
    func states(prefix: String) throws(StoreFailure) -> [(key: String, value: String)]
    func meta(_ key: MetaKey) throws(StoreFailure) -> String?
    /// A wire's own durable value.
    func wireValue(_ wire: String, peer: String, key: String) throws(StoreFailure) -> [UInt8]?
    func wireValues(_ wire: String, peer: String) throws(StoreFailure) -> [(key: String, value: [UInt8])]

    /// Rows in order of their first being seen, at most `limit`.
    func quarantine(kind: QuarantineEntry.Kind?, peer: String?, limit: Int) throws(StoreFailure) -> [QuarantineEntry]
    /// The rows that were first seen last, those first, at most `limit`; `bytes` is empty and `digest` is absent, however
    /// long the events are.
    func newestQuarantine(limit: Int) throws(StoreFailure) -> [QuarantineEntry]
    func quarantineEntry(_ row: Int64) throws(StoreFailure) -> QuarantineEntry?
    /// Rows of the event with this id, in order of their first being seen, at most `limit`.
    func quarantine(eventID: String, limit: Int) throws(StoreFailure) -> [QuarantineEntry]
    /// The row with these bytes.
    func quarantineEntry(hash: Digest) throws(StoreFailure) -> QuarantineEntry?
    /// The first row of an event with this digest.
    func quarantineEntry(digest: Digest) throws(StoreFailure) -> QuarantineEntry?
    func quarantineCount(kind: QuarantineEntry.Kind, peer: String?) throws(StoreFailure) -> Int
    /// Rows whose `retryAt` has come, at most `limit`, and no more than have together `bytes`; the first in any case.
    func quarantineDue(at time: WallTime, limit: Int, bytes: Int) throws(StoreFailure) -> [QuarantineEntry]
}

/// Changing the log inside one transaction: what is written here commits whole or not at all.
package protocol LogWriting: LogReading {
    /// Puts an event at the end of the order of arrival.
    ///
    /// - Precondition: no event of this id is in the log.
    /// - Returns: its `seq`.
    mutating func append(_ entry: LogEntry) throws(StoreFailure) -> Int64
    /// Lets another variant take an id: it gets a new `seq` and no hold, and the old (seq, id) stays as a marker so
    /// that positions on it stay good. `counted` adds one to the id's replacements at `entry.receivedAt`; else both
    /// stay as they were.
    mutating func replace(with entry: LogEntry, counted: Bool) throws(StoreFailure) -> Int64
    /// Gives an event the signature that a relay had stripped, or another verification. Its `seq` stays.
    mutating func seal(
        _ id: ULID, signature: String?, publicKey: String?, verification: Verification, proofTime: ProofTime?
    ) throws(StoreFailure)
    /// Removes an event's `data`. Its `seq`, digest and signature stay, and that the data was seen.
    mutating func strip(_ id: ULID, to stub: Event.Stub) throws(StoreFailure)
    mutating func setHold(_ id: ULID, _ hold: HoldReason?) throws(StoreFailure)
    /// Keeps an attestation; one that is there already stays as it is. Of those that do not fit an origin has at most
    /// `Limits.conflictingAttestations`.
    mutating func keep(_ attestation: Attestation, fits: Bool, at time: WallTime) throws(StoreFailure)
    /// Forgets one, or says anew whether it fits.
    mutating func setAttestation(row: Int64, fits: Bool?) throws(StoreFailure)

    /// Stores a record, or removes it.
    mutating func setRecord(_ subject: String, _ record: Record?) throws(StoreFailure)
    mutating func setState(_ key: String, _ value: String?) throws(StoreFailure)
    mutating func setMeta(_ key: MetaKey, _ value: String?) throws(StoreFailure)
    mutating func setWireValue(_ wire: String, peer: String, key: String, _ value: [UInt8]?) throws(StoreFailure)

    /// Stores a row, or counts one more sighting of the same bytes: the row keeps its peer and first sighting, and
    /// takes kind, reason, code, bytes, digest and `retryAt` from `entry`.
    ///
    /// Past `Limits.evidenceRowsPerPeer` the oldest refused rows of a peer go; past `Limits.deferredRowsPerPeer` its
    /// deferred rows with the latest `retryAt`.
    mutating func quarantine(_ entry: QuarantineEntry) throws(StoreFailure)
    mutating func removeQuarantine(_ row: Int64) throws(StoreFailure)
    mutating func setQuarantineRetry(_ row: Int64, at time: WallTime?) throws(StoreFailure)
    /// The same for every refused row of one of these codes whose bytes were not cut.
    mutating func setQuarantineRetries(codes: [String], at time: WallTime) throws(StoreFailure)
}
