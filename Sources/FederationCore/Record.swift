/// The current state of one subject: a pure function of the set of its stored events (`RecordFunction`).
public struct Record: Hashable, Sendable {
    /// Where a record is between work and the bin; a purge ends all three.
    public enum Lifecycle: String, Hashable, Sendable { case active, archived, trashed }

    /// Why the record is gone for good.
    public struct Purge: Hashable, Sendable {
        public var eventID: ULID
        public var action: String
        public var reason: String

        package init(eventID: ULID, action: String, reason: String) {
            self.eventID = eventID
            self.action = action
            self.reason = reason
        }
    }

    public var subject: String
    /// The creates and updates that no other applied one dominates, in order of id. More than one is a divergence.
    /// Empty only where no create or update is applied: registers are kept for a subject not yet created.
    public var heads: [ULID]
    /// The head that is shown: the one with the greatest id.
    public var shown: ULID?
    /// The shown head's `data` was removed, or has not arrived.
    public var isIncomplete = false
    public var title = ""
    public var type = ""
    public var author = ""
    public var tags: [String] = []
    /// The subjects that the shown head names as its sources.
    public var derivedFrom: [String] = []
    public var tier = ""
    public var lifecycle = Lifecycle.active
    public var votes: Int64 = 0
    public var purge: Purge?
    /// Timestamps, as their authors wrote them, of the first create (else the first head) and of the shown head.
    public var created = ""
    public var updated = ""
    /// The origin of the shown head.
    public var origin = ""
    /// Events of this subject that are stored but not applied.
    public var heldCount = 0

    package init(subject: String, heads: [ULID] = []) {
        self.subject = subject
        self.heads = heads
        shown = heads.last
    }

    public var isDiverged: Bool { heads.count > 1 && purge == nil }
}

/// Why an event that is in the log is not applied here yet. It is relayed all the same, and tried again when the
/// program or its replayer changes version.
public enum HoldReason: Hashable, Sendable {
    case unknownAction
    case unknownType
    case unknownTier
    case invalidTraceID
    /// It builds on a held event of unknown action.
    case waits
    /// The host's replayer failed on it as often as it is asked.
    case replayer(Reason)
    /// It was applied, and a key that became known since shows that its origin did not sign it (`SignatureReview`).
    case signature

    public var reason: Reason {
        switch self {
        case .unknownAction, .waits: .unknownAction
        case .unknownType: .unknownType
        case .unknownTier: .invalidFrontmatter
        case .invalidTraceID: .invalidTraceID
        case .replayer(let reason): reason
        case .signature: .signature
        }
    }

    /// The form stored in the log.
    package var code: String {
        switch self {
        case .unknownAction: "unknown_action"
        case .unknownType: "unknown_type"
        case .unknownTier: "unknown_tier"
        case .invalidTraceID: "invalid_trace_id"
        case .waits: "waits"
        case .replayer(let reason): "replayer:\(reason.rawValue)"
        case .signature: "signature"
        }
    }

    /// Reads a stored form; one that a newer version wrote is a replayer's `other`.
    package init(code: String) {
        switch code {
        case "unknown_action": self = .unknownAction
        case "unknown_type": self = .unknownType
        case "unknown_tier": self = .unknownTier
        case "invalid_trace_id": self = .invalidTraceID
        case "waits": self = .waits
        case "signature": self = .signature
        default: self = .replayer(code.hasPrefix("replayer:") ? Reason(stored: String(code.dropFirst(9))) : .other)
        }
    }
}
