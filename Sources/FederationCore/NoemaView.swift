/// Why the Noema wire does not give an event to its peers.
public enum NoemaWithholding: String, Hashable, Sendable, CaseIterable {
    /// Its id lies further ahead of our clock than a Noema cursor may be led.
    case early
    /// It belongs to another family.
    case otherFamily = "other_family"
    case unknownAction = "unknown_action"
    /// The subject is not of the form that the action's rule allows.
    case invalidTraceID = "invalid_trace_id"
    case unknownType = "unknown_type"
    case unknownTier = "unknown_tier"
    /// `timestamp` is not RFC 3339 as the Go line reads it.
    case malformedTimestamp = "malformed_timestamp"
    /// `data` is no object, lacks what the action needs, or holds what one of the two lines cannot read.
    case malformedData = "malformed_data"
    case contentHashMismatch = "content_hash_mismatch"
    /// `data` was removed.
    case stub
    /// It archives or unarchives what is in the trash.
    case trashed
    /// It changes what was purged.
    case purged
    /// It changes the tags of a record that no event before it makes.
    case missingTrace = "missing_trace"

    /// Whether the event will never be given: its peers' cursors pass it, and ask for nothing below them.
    public var isFinal: Bool { self != .early }
}

/// What the Noema wire serves: only what a stock Noema node of either line can replay.
///
/// Such a node stops at the first event that it cannot, and asks for it again for ever; nothing that follows it ever
/// arrives. So whatever could fail there stays here, and travels on the native wire (Noema sections 3.4, 7 and 10.1).
package enum NoemaView {
    package enum Verdict: Hashable, Sendable {
        case served
        case withheld(NoemaWithholding)
    }

    /// Whether the verdict on an event depends on others of its subject; where not, `history` may be left empty.
    package static func needsHistory(_ event: Event) -> Bool { event.knownAction.map(needsHistory) ?? false }

    /// Whether the wire serves an event, and if not, why.
    ///
    /// - Parameters:
    ///   - history: all stored events of the subject, in any order.
    ///   - now: our wall clock; only `.early` depends on it.
    package static func verdict(on event: Event, history: [Event], now: WallTime, _ sha256: SHA256) -> Verdict {
        if let why = withholding(of: event, now: now, sha256) { return .withheld(why) }
        guard needsHistory(event) else { return .served }
        let history = self.history(of: history, countsContent: event.knownAction == .tagUpdate, sha256)
        return conflict(of: event, with: history).map(Verdict.withheld) ?? .served
    }

    /// What keeps the event back whatever else is in the log.
    static func withholding(of event: Event, now: WallTime, _ sha256: SHA256) -> NoemaWithholding? {
        event.id.time > now.advanced(by: Limits.earlyAfter) ? .early : fault(of: event, sha256)
    }

    static func history(of events: [Event], countsContent: Bool, _ sha256: SHA256) -> NoemaHistory {
        NoemaHistory(of: events, countsContent: countsContent) { fault(of: $0, sha256) }
    }

    /// The event as the wire gives it: all as it came, `data` byte for byte, and no `null` anywhere.
    ///
    /// A purge whose `data` was removed carries `{}`, which is what its replay reads.
    package static func encoded(_ event: Event) -> [UInt8] {
        guard event.isStub else { return event.json }
        var served = event
        served.payload = .full(emptyObject)
        return served.json
    }

    private static let emptyObject = Array("{}".utf8)

    private static func needsHistory(_ action: NoemaAction) -> Bool { action.isLifecycle || action == .tagUpdate }

    /// What is wrong with the event by itself.
    private static func fault(of event: Event, _ sha256: SHA256) -> NoemaWithholding? {
        guard let action = event.knownAction else {
            return event.family == .noema ? .unknownAction : .otherFamily
        }
        // Only the plain purge goes past Noema's check of the id; the purges of the long tier do not.
        guard isTraceID(event.subject) || action.isCoordination || action == .purge else { return .invalidTraceID }
        guard isStrictRFC3339(event.timestamp) else { return .malformedTimestamp }
        switch event.payload {
        case .stub(let stub):
            // What signed another `data` than `{}` does not verify with that, and a peer that enforces would stop.
            let fits = event.signature == nil || stub.dataHash == sha256(emptyObject)
            return action.isPurge && fits ? nil : .stub
        case .full(let data):
            guard let json = try? JSON(data), json.isObject, json.isReadByEveryLine, NoemaShape(action).fits(json)
            else { return .malformedData }
            return fault(of: json, action, sha256)
        }
    }

    /// What is wrong with `data` whose shape is right.
    private static func fault(of json: JSON, _ action: NoemaAction, _ sha256: SHA256) -> NoemaWithholding? {
        switch action {
        case .create, .update:
            guard TraceType(rawValue: json["type"]?.string ?? "") != nil else { return .unknownType }
            if let tier = json["tier"]?.string, Tier(rawValue: tier) == nil, !tier.isEmpty { return .unknownTier }
            guard let hash = json["content_hash"]?.string else { return nil }
            return hash == Snapshot.contentHash(of: json["body"]?.string ?? "", sha256) ? nil : .contentHashMismatch
        case .promote, .demote:
            return Tier(rawValue: json["to"]?.string ?? "") == nil ? .unknownTier : nil
        default:
            return nil
        }
    }

    /// What would stop the event at a peer that has replayed everything before it, in order of id.
    static func conflict(of event: Event, with history: NoemaHistory) -> NoemaWithholding? {
        let trace = history.trace(before: event.id)
        if trace.isTombstone { return .purged }
        switch event.knownAction {
        case .archive, .unarchive:
            // A peer that has trashed it with a later id without knowing of this event has done so already.
            let place = DottedClock(event)
            let isOvertaken = history.trashes.contains { later in later.id > event.id && !later.place.dominates(place) }
            return trace.isTrashed || isOvertaken ? .trashed : nil
        case .tagUpdate:
            if trace.isTrashed { return .trashed }
            return trace.exists ? nil : .missingTrace
        default:
            return nil
        }
    }

    /// RFC 3339 in capitals and without a leap second: the Go line reads no other.
    private static func isStrictRFC3339(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard WallTime(rfc3339: text) != nil, bytes.count >= 20 else { return false }
        return bytes[10] == 0x54 && bytes.last != 0x7A && bytes[17] != 0x36
    }
}
