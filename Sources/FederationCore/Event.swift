/// The system an event belongs to. A wire serves its own family; the native wire serves all.
public enum EventFamily: String, Hashable, Sendable, CaseIterable {
    case noema, hive, neotoma, artifacts, mesh

    fileprivate init(of action: String) {
        // Nearly every action is Noema's, and going through characters takes long.
        guard action.utf8.contains(UInt8(ascii: ":")) else {
            self = .noema
            return
        }
        let name = action.firstIndex(of: ":").map { String(action[..<$0]) }
        self = name.flatMap(EventFamily.init(rawValue:)) ?? .noema
    }
}

/// An immutable record of one change to one subject, exactly as its origin wrote it (Noema section 1.2).
public struct Event: Hashable, Sendable {
    /// What the change was, or what is left of it.
    public enum Payload: Hashable, Sendable {
        /// The bytes of `data` as they came: signatures cover them, and serving never re-encodes them.
        case full([UInt8])
        case stub(Stub)
    }

    /// What stays of `data` when it was removed.
    public struct Stub: Hashable, Sendable {
        /// SHA-256 of `data` as it came: the hash that the signature covers.
        public var dataHash: Digest
        /// SHA-256 of its normal form: the hash that the event's digest covers.
        public var normalHash: Digest

        package init(dataHash: Digest, normalHash: Digest) {
            self.dataHash = dataHash
            self.normalHash = normalHash
        }
    }

    public var id: ULID
    /// The rest, shared by all copies: an event goes through many hands, and hardly any changes it.
    private var shared: Shared

    private struct Fields: Hashable, Sendable {
        var action: String
        var subject: String
        var origin: String
        var originName: String
        var timestamp: String
        var payload: Payload
        var clock: ReceivedClock
        var signature: String?
        var publicKey: String?
    }

    private final class Shared: Hashable, Sendable {
        let fields: Fields
        // What is asked for again and again on the way into the log.
        let originID: ULID?
        let number: UInt64?
        let family: EventFamily
        let knownAction: NoemaAction?

        init(_ fields: Fields) {
            self.fields = fields
            originID = ULID(fields.origin)
            let counter = originID.map { fields.clock.vector[$0] } ?? 0
            number = counter > 0 ? counter : nil
            family = EventFamily(of: fields.action)
            // Nearly every event is a create or an update, and to look for a text among all takes longer.
            knownAction = fields.action == "create" ? .create : fields.action == "update" ? .update : NoemaAction(rawValue: fields.action)
        }

        static func == (a: Shared, b: Shared) -> Bool { a === b || a.fields == b.fields }
        func hash(into hasher: inout Hasher) { hasher.combine(fields) }
    }

    package init(
        id: ULID, action: String, subject: String, origin: String, originName: String, timestamp: String,
        payload: Payload, clock: ReceivedClock, signature: String? = nil, publicKey: String? = nil
    ) {
        self.id = id
        shared = Shared(
            Fields(
                action: action, subject: subject, origin: origin, originName: originName, timestamp: timestamp,
                payload: payload, clock: clock, signature: signature, publicKey: publicKey))
    }

    private mutating func change(_ change: (inout Fields) -> Void) {
        var fields = shared.fields
        change(&fields)
        shared = Shared(fields)
    }

    /// One of Noema's actions (section 1.4), `family:action` for imported objects, or one we do not know.
    public var action: String {
        get { shared.fields.action }
        set { change { $0.action = newValue } }
    }

    /// What changed. Noema calls it `trace_id`.
    public var subject: String {
        get { shared.fields.subject }
        set { change { $0.subject = newValue } }
    }

    /// Who changed it. Noema calls it `cortex_id`; a ULID but for very old logs.
    public var origin: String {
        get { shared.fields.origin }
        set { change { $0.origin = newValue } }
    }

    /// The origin's display name when it wrote: never trusted, never a key.
    public var originName: String {
        get { shared.fields.originName }
        set { change { $0.originName = newValue } }
    }

    /// RFC 3339 as its author wrote it.
    public var timestamp: String {
        get { shared.fields.timestamp }
        set { change { $0.timestamp = newValue } }
    }

    public var payload: Payload {
        get { shared.fields.payload }
        set { change { $0.payload = newValue } }
    }

    public var clock: ReceivedClock {
        get { shared.fields.clock }
        set { change { $0.clock = newValue } }
    }

    /// `ed25519:` and base64, as it came.
    public var signature: String? {
        get { shared.fields.signature }
        set { change { $0.signature = newValue } }
    }

    public var publicKey: String? {
        get { shared.fields.publicKey }
        set { change { $0.publicKey = newValue } }
    }

    public var originID: ULID? { shared.originID }

    /// The event's place in its origin's sequence, where the origin numbers its events: its own entry of its clock.
    public var number: UInt64? { shared.number }

    /// The part of the action before a colon; an action without one is Noema's.
    ///
    /// It is part of the action, and so of the digest: no relay can move an event to another family.
    public var family: EventFamily { shared.family }

    public var isStub: Bool { if case .stub = payload { true } else { false } }

    /// The bytes of `data`, unless they were removed.
    public var data: [UInt8]? { if case .full(let data) = payload { data } else { nil } }

    /// What the action does, if it is one of Noema's.
    public var knownAction: NoemaAction? { shared.knownAction }
}

/// The actions of Noema (section 1.4).
public enum NoemaAction: String, Hashable, Sendable, CaseIterable {
    case create, update, archive, unarchive, trash, recover, purge, promote, demote, consolidate, vote
    case consolidateFallback = "consolidate_fallback"
    case divergenceLongTerm = "divergence_long_term"
    case purgeLongTerm = "purge_long_term"
    case purgeHard = "purge_hard"
    case consolidationClaim = "consolidation_claim"
    case consolidationSuccess = "consolidation_success"
    case consolidationFail = "consolidation_fail"
    case tagUpdate = "tag_update"

    /// It carries a snapshot of the whole record.
    public var isContent: Bool { self == .create || self == .update }

    /// It moves a record between active, archived and trashed.
    public var isLifecycle: Bool {
        switch self {
        case .archive, .unarchive, .trash, .recover: true
        default: false
        }
    }

    public var isPurge: Bool { self == .purge || self == .purgeLongTerm || self == .purgeHard }

    /// It coordinates nodes and names a window, not a record (section 1.5).
    public var isCoordination: Bool {
        self == .consolidationClaim || self == .consolidationSuccess || self == .consolidationFail
    }
}
