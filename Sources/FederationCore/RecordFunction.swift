/// What the events of a subject come to.
package struct RecordOutcome: Hashable, Sendable {
    /// Whether one event is applied, and if not, why.
    package struct Standing: Hashable, Sendable {
        package var id: ULID
        /// `nil` for an applied event.
        package var hold: HoldReason?
    }

    /// `nil` where no applied event says anything of the subject.
    package var record: Record?
    /// One for every event, in order of id.
    package var standings: [Standing]
}

/// From the events of one subject to its record.
package enum RecordFunction {
    /// Raised whenever the same events could give another record: then every record is computed anew.
    package static let version = 2

    /// The record of a subject, and which of its events are applied.
    ///
    /// A pure function of the set of `events`: neither their order nor how often one is given matters, nor when, from
    /// whom and in which order they came. Of two forms of one id (which no log holds) a full event counts before a
    /// stub, then the one whose JSON is smaller. The host replayer's holds (`HoldReason.replayer`) are not its
    /// business.
    ///
    /// Whether the `data` of a dominated update was removed never shows in it, nor, once the subject is purged, whether
    /// that of any event but the purges was (`Compaction`).
    ///
    /// - Parameter events: all stored events of `subject`, applied or held.
    package static func record(of subject: String, from events: [Event]) -> RecordOutcome {
        record(of: subject, from: events, knowing: [:])
    }

    /// - Parameter found: of some of the events, what their `data` says, which is then not read again.
    static func record(
        of subject: String, from events: [Event], knowing found: [ULID: Snapshot]
    ) -> RecordOutcome {
        let members = RecordMember.members(of: events, knowing: found, isTraceID: isTraceID(subject))
        let applied = members.filter { $0.hold == nil }
        let standings = members.map { RecordOutcome.Standing(id: $0.event.id, hold: $0.hold) }
        guard applied.contains(where: \.saysSomething) else { return RecordOutcome(record: nil, standings: standings) }

        let content = applied.filter { $0.action?.isContent == true || $0.event.documentAction != nil }
        let heads = Dominance.maximal(content.map(\.place)).map { content[$0] }
        var record = Record(subject: subject, heads: heads.map(\.event.id))
        record.created = (content.first { $0.action == .create } ?? heads.first)?.event.timestamp ?? ""
        record.heldCount = members.count - applied.count
        record.lifecycle = heads.last?.event.documentAction == .delete ? .trashed : lifecycle(of: applied)
        record.purge = purge(of: applied)
        if let shown = heads.last { show(shown, in: &record) }
        // What is purged says nothing more of what it held, whether or not the bytes are still here.
        guard record.purge == nil else { return RecordOutcome(record: record, standings: standings) }
        record.tags = tags(of: applied)
        record.tier = tier(of: applied, shown: heads.last).rawValue
        record.votes = votes(of: applied)
        return RecordOutcome(record: record, standings: standings)
    }

    /// What `record` comes to of one create or update alone that is applied: of nearly every event that comes new. A test
    /// holds the two together.
    ///
    /// - Parameter snapshot: what its `data` says, if it can be read.
    /// - Returns: `nil` for any other event.
    static func record(of event: Event, saying snapshot: Snapshot?) -> Record? {
        guard let snapshot, event.knownAction?.isContent == true, snapshot.hold == nil, isTraceID(event.subject)
        else { return nil }
        var record = Record(subject: event.subject, heads: [event.id])
        (record.created, record.updated, record.origin) = (event.timestamp, event.timestamp, event.origin)
        (record.title, record.type, record.author) = (snapshot.title, snapshot.type, snapshot.author)
        (record.tags, record.derivedFrom) = (tags(snapshot.tags), snapshot.derivedFrom)
        record.tier = (Tier(rawValue: snapshot.tier) ?? .short).rawValue
        return record
    }

    /// The type that is shown of a document of a mesh.
    package static let documentType = "document"

    private static func show(_ head: RecordMember, in record: inout Record) {
        record.updated = head.event.timestamp
        record.origin = head.event.origin
        guard record.purge == nil else { return }
        guard head.event.documentAction == nil else {
            // Another system's content is shown as it is; only its key is ours to read.
            record.title = head.event.subject
            record.type = RecordFunction.documentType
            record.isIncomplete = head.event.isStub
            return
        }
        guard let snapshot = head.snapshot else {
            record.isIncomplete = true
            return
        }
        record.title = snapshot.title
        record.type = snapshot.type
        record.author = snapshot.author
        record.derivedFrom = snapshot.derivedFrom
    }

    /// The purge with the smallest id, so that a later one changes nothing.
    private static func purge(of applied: [RecordMember]) -> Record.Purge? {
        guard let first = applied.first(where: { $0.action?.isPurge == true }) else { return nil }
        let reason = first.json?["reason"]?.string ?? ""
        // Noema's word where a purge of the long tier gives none (section 1.5).
        let isBare = reason.isEmpty && first.action != .purge
        return Record.Purge(
            eventID: first.event.id, action: first.event.action, reason: isBare ? "remote purge" : reason)
    }
}

/// One event of a subject with what the record function asks of it again and again.
///
/// A class, as one event is in several lists at a time.
final class RecordMember {
    let event: Event
    let place: DottedClock
    let action: NoemaAction?
    var hold: HoldReason?

    /// `data` as JSON, unless it was removed. Read anew each time: most events are never asked.
    var json: JSON? { event.data.flatMap { try? JSON($0) } }

    /// What a create or update says, without its body, unless its `data` was removed.
    var snapshot: Snapshot? { found ?? read }
    private lazy var read: Snapshot? = event.data.flatMap { try? Snapshot(data: $0, withBody: false) }
    private let found: Snapshot?

    /// Whether a record of the subject exists because of it.
    var saysSomething: Bool {
        switch action {
        case .create, .update, .archive, .unarchive, .trash, .recover, .purge, .purgeLongTerm, .purgeHard, .promote,
            .demote, .consolidate, .vote, .tagUpdate:
            true
        case .consolidateFallback, .divergenceLongTerm, .consolidationClaim, .consolidationSuccess, .consolidationFail:
            false
        case nil:
            event.documentAction != nil
        }
    }

    private init(_ event: Event, _ found: Snapshot?) {
        self.event = event
        self.found = found
        place = DottedClock(event)
        action = event.knownAction
    }

    /// The events in order of id, each once and with its hold.
    static func members(
        of events: [Event], knowing found: [ULID: Snapshot] = [:], isTraceID: Bool
    ) -> [RecordMember] {
        let members = distinct(events).map { RecordMember($0, found[$0.id]) }
        let isPurged = members.contains { $0.action?.isPurge == true }
        for index in members.indices {
            members[index].hold = members[index].holdOfItsOwn(isTraceID: isTraceID, readsData: !isPurged)
        }
        let unknown = members.filter { $0.hold == .unknownAction }
        guard !unknown.isEmpty else { return members }
        for index in members.indices where members[index].waits(behind: unknown) { members[index].hold = .waits }
        return members
    }

    /// What holds the event by itself, whatever else is stored.
    ///
    /// In a purged subject the content is neither shown nor known everywhere, so it holds nothing there.
    private func holdOfItsOwn(isTraceID: Bool, readsData: Bool) -> HoldReason? {
        guard let action else { return event.documentAction == nil ? .unknownAction : nil }
        if action.isCoordination || action.isPurge { return nil }
        guard isTraceID else { return .invalidTraceID }
        guard action.isContent, readsData, event.data != nil else { return nil }
        // Intake refuses a snapshot that cannot be read; one that is in a log all the same has no type we know.
        guard let snapshot else { return .unknownType }
        return snapshot.hold
    }

    /// Whether it was written with knowledge of an event that we cannot apply.
    ///
    /// What an undotted event knew is not known, and nothing waits behind one. A purge is absorbing whatever came
    /// before it, and waits for nothing.
    private func waits(behind unknown: [RecordMember]) -> Bool {
        guard hold == nil, let action, !action.isPurge, !action.isCoordination else { return false }
        return unknown.contains { place.isCausallyAfter($0.place) }
    }

    private static func distinct(_ events: [Event]) -> [Event] {
        guard events.count > 1 else { return events }
        var distinct: [Event] = []
        for event in events.sorted(by: { $0.id < $1.id }) {
            guard let last = distinct.last, last.id == event.id else {
                distinct.append(event)
                continue
            }
            if event.counts(before: last) { distinct[distinct.count - 1] = event }
        }
        return distinct
    }
}

extension Event {
    fileprivate func counts(before other: Event) -> Bool {
        isStub == other.isStub ? json.lexicographicallyPrecedes(other.json) : other.isStub
    }
}

extension Snapshot {
    /// What of it this version does not know, and so holds its event.
    fileprivate var hold: HoldReason? {
        guard TraceType.allCases.contains(where: { $0.rawValue == type }) else { return .unknownType }
        return tier.isEmpty || Tier(rawValue: tier) != nil ? nil : .unknownTier
    }
}
