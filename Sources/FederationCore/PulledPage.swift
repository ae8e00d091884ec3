/// One event of a page, or what could not be read as one.
package enum PulledItem: Hashable, Sendable {
    /// An event and the bytes it was read from; indirect, as pages of them are handed on often.
    indirect case event(Event, bytes: [UInt8])
    /// It is refused; `id` and `subject` as far as they could be read.
    case unreadable(EventRefusal, bytes: [UInt8], id: String, subject: String)

    /// What it was read from.
    package var bytes: [UInt8] {
        switch self {
        case .event(_, let bytes), .unreadable(_, let bytes, _, _): bytes
        }
    }

    /// Reads one item from its JSON.
    package init(json bytes: [UInt8]) { self = PulledItem.read(bytes).item }

    /// The same, with what can be said of an event whatever is in the log, but for its signature.
    package static func read(_ bytes: [UInt8], sha256: SHA256) -> (item: PulledItem, findings: EventFindings?) {
        let (item, data) = read(bytes)
        guard case .event(let event, _) = item else { return (item, nil) }
        return (item, EventFindings(of: event, data: data, sha256: sha256))
    }

    private static func read(_ bytes: [UInt8]) -> (item: PulledItem, data: JSON?) {
        do throws(EventRefusal) {
            let (event, data) = try Event.read(bytes)
            return (.event(event, bytes: bytes), data)
        } catch {
            let json = try? JSON(bytes)
            func readable(_ key: String) -> String {
                guard let text = json?[key]?.string, text.utf8.count <= Limits.eventTextBytes else { return "" }
                return text
            }
            return (.unreadable(error, bytes: bytes, id: readable("id"), subject: readable("trace_id")), nil)
        }
    }
}

/// Events that a peer gave, in the order it gave them, and how far into its log they lead.
package struct PulledPage: Hashable, Sendable {
    package enum Cursor: Hashable, Sendable {
        /// Each event's id, as it is dealt with (Noema section 3.4). Never moves back.
        case byEvent
        /// This position, once the whole page is dealt with.
        case position(String)
        /// These events move no cursor: a rescan, or events asked for by id.
        case none
    }

    package var items: [PulledItem]
    package var cursor: Cursor
    /// What follows this page, where the peer says: for showing progress and lag only.
    package var rest: LogRest?
    /// What came with them of their origins.
    package var attestations: [Attestation]
    /// What was found out of the items already, by place; empty, or one for each.
    package var findings: [EventFindings?] = []
    /// Values of the wire's own that are true once the whole page is in the log: they are written with it.
    package var wireValues: [String: [UInt8]] = [:]

    package init(
        items: [PulledItem], cursor: Cursor, rest: LogRest? = nil, attestations: [Attestation] = []
    ) {
        self.items = items
        self.cursor = cursor
        self.rest = rest
        self.attestations = attestations
    }

    /// What was found out of the item at a place.
    func findings(at place: Int) -> EventFindings? { findings.indices.contains(place) ? findings[place] : nil }
}

/// What became of a page, once it is on disk.
public struct PageOutcome: Hashable, Sendable {
    /// New to the log and applied; new and held; already there; not taken; set aside until their time.
    public var applied = 0
    public var held = 0
    public var duplicates = 0
    public var refused = 0
    public var deferred = 0
    /// The first event that is held or refused, for the peer's health.
    public var firstProblem: ReplayProblem?
    /// The retryable failure at which the page stopped; what came before it is committed.
    package var stoppedBy: ReplayProblem?
    package var cursor: ULID?
    /// An event of our own origin, signed by us, that we lack: this database is older than what we have published.
    package var foundOwnFuture = false
    /// Attestations of the page that are neither known nor borne out by what is here.
    package var unprovenAttestations = 0
    /// Whether what the commit was bound to (`PeerCommit.Condition`) still held; if not, nothing was written.
    package var isInPlace = true
    /// How far the peer's log is read, for a commit that was bound to a place in it.
    package var position: String?
    /// How many events the peer is to be asked for at one time from here on; `nil`: as many as before.
    package var pageEvents: Int?

    package init() {}
}

/// An event that could not be applied, and why.
public struct ReplayProblem: Error, Hashable, Sendable {
    public var reason: Reason
    public var eventID: String
    public var subject: String

    package init(reason: Reason, eventID: String, subject: String) {
        self.reason = reason
        self.eventID = eventID
        self.subject = subject
    }
}
