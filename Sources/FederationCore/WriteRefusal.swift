/// Why a write of ours is not made, with what whoever asked needs to know to ask again.
public enum WriteRefusal: Error, Hashable, Sendable {
    /// This database may be a copy or a restored backup; it writes nothing until a person has chosen.
    case stopped(StopReason)
    /// Not of the form of a trace id: every Noema node would refuse it.
    case invalidTraceID(String)
    /// There is a record of this id already.
    case exists
    /// There is no record of this id.
    case unknownSubject
    case purged
    /// It is in the trash; recover it first.
    case trashed
    /// Several edits stand side by side, and only `resolve` may join them.
    case diverged(heads: [ULID])
    /// The write was based on other heads than the current ones.
    case headsChanged(heads: [ULID])
    case notDiverged
    /// No version is of this origin; these are.
    case unknownVersion(origins: [String])
    /// The name fits several versions.
    case ambiguousVersion(heads: [ULID])
    /// The content of this head was removed, or has not arrived.
    case incomplete(head: ULID)
    /// The content of long-tier records never changes.
    case longTier
    /// Its owner, another node, has locked it.
    case sourceLocked(owner: String)
    case unknownType(String)
    case unknownTier(String)
    /// A divergence is a view of its record, and is not written.
    case reservedType
    case tooLarge(bytes: Int, limit: Int)
    /// More nodes have edited the record than an event's clock may name.
    case clockTooLarge(entries: Int, limit: Int)
    /// An id that the write would have to follow lies further ahead than other nodes take in.
    case subjectAhead(ULID)
    case numbersExhausted
    /// Noema peers would never be given it.
    case withheld(NoemaWithholding)
    /// A request id is 1 to `EventWriter.requestIDLength` bytes.
    case invalidRequestID
    /// The request id was used for another write.
    case requestIDReused
}

/// How a write ends badly. The transaction is then to be given up.
public enum WriteFailure: Error, Hashable, Sendable {
    case refused(WriteRefusal)
    case store(StoreFailure)
}

extension WriteFailure: FailureOfStore {
    package init(_ failure: StoreFailure) { self = .store(failure) }
}

/// What a person or a program asks to be written.
public enum WriteRequest: Hashable, Sendable {
    /// What the new content was made from: a write based on anything but the current heads is refused.
    public enum Base: Hashable, Sendable {
        /// The heads that the new content was made from.
        case heads([ULID])
        /// Whatever the single current head is.
        case current
    }

    /// How a divergence is settled.
    public enum Resolution: Hashable, Sendable {
        /// The version of an origin, or of an event, named as `Divergence.version(named:)` reads it.
        case accept(String)
        /// A new body for the record.
        case custom(body: String)
    }

    /// A move of a record between work, archive and bin.
    public enum LifecycleChange: String, Hashable, Sendable, CaseIterable { case archive, unarchive, trash, recover }

    /// A new record. `TraceIDMinting` makes its id.
    case create(subject: String, Snapshot)
    /// New content; a `tier` in it that is not the record's moves the record there as well.
    case update(subject: String, Snapshot, base: Base)
    /// `base` names the versions that whoever decides has seen; `.current` is any.
    case resolve(subject: String, Resolution, base: Base = .current)
    case change(subject: String, LifecycleChange)
    case move(subject: String, to: Tier)
    /// For good. `reason` is written for long-tier records only, where Noema has a place for it.
    case purge(subject: String, reason: String)

    public var subject: String {
        switch self {
        case .create(let subject, _), .update(let subject, _, _), .resolve(let subject, _, _), .change(let subject, _),
            .move(let subject, _), .purge(let subject, _):
            subject
        }
    }

    /// It takes more from the log than it adds, and so is made also where there is no room.
    public var isRemoval: Bool { if case .purge = self { true } else { false } }

    /// Names the kind of request beside a request id.
    var kind: String {
        switch self {
        case .create: "create"
        case .update: "update"
        case .resolve: "resolve"
        case .change(_, let change): change.rawValue
        case .move: "move"
        case .purge: "purge"
        }
    }
}

/// What a write has put into the log.
public struct Written: Hashable, Sendable {
    public var subject: String
    /// In order; empty where the record was as asked for already.
    public var events: [ULID]
    /// An earlier write with the same request id had made them.
    public var isRepeated: Bool
}
