/// What one event did to its record, and what it won or lost against: a pure function of the subject's events.
package struct EventStory: Hashable, Sendable {
    package enum Effect: Hashable, Sendable {
        /// It is stored and not applied.
        case held(HoldReason)
        /// It is what the record shows.
        case shown
        /// It is one of several versions of a diverged record, and another is shown.
        case version
        /// What it says has been replaced by later events.
        case superseded
        /// It set a register (lifecycle, tags or tier), which still has its value, or has that of another event.
        case register(wins: Bool)
        /// It is a vote, and counts.
        case counted
        /// It is why the record is gone; a second purge changes nothing.
        case purge(first: Bool)
        /// The record was purged, whatever this says.
        case purged
        /// It says nothing of a record.
        case none
    }

    /// A part of a record.
    package enum Part: String, Hashable, Sendable, CaseIterable {
        case title, body, type, author, tags, tier, lifecycle, votes, purge
        case derivedFrom = "derived_from"

        /// It stands in the `data` of a create or update.
        var isOfTheText: Bool {
            switch self {
            case .title, .body, .type, .author, .tags, .tier, .derivedFrom: true
            case .lifecycle, .votes, .purge: false
            }
        }
    }

    package var effect: Effect
    /// What of the record is other with it than with all that it had seen; of a held event what it would be.
    package var changed: [Part] = []
    /// Whether it may have changed more: its text, or that of what it was written on, was removed.
    package var isPartlyUnknown = false
    /// The versions that it took the place of.
    package var replaced: [ULID] = []
    /// Applied events that took its place: those of the same record, or of the same register.
    package var supersededBy: [ULID] = []
    /// Versions that were written beside it: neither had seen the other.
    package var beside: [ULID] = []

    /// - Parameters:
    ///   - id: of one of `events`.
    ///   - events: all stored events of `subject`.
    /// - Returns: `nil` where `id` is none of them.
    package init?(of id: ULID, subject: String, events: [Event]) {
        guard let event = events.first(where: { $0.id == id }) else { return nil }
        let outcome = RecordFunction.record(of: subject, from: events)
        let hold = outcome.standings.first { $0.id == id }?.hold
        let place = DottedClock(event)
        let held = Set(outcome.standings.filter { $0.hold != nil }.map(\.id))
        let applied = events.filter { !held.contains($0.id) && $0.id != id }
        let past = applied.filter { place.dominates(DottedClock($0)) }
        let before = RecordFunction.record(of: subject, from: past).record
        let after = RecordFunction.record(of: subject, from: past + [event]).record
        let texts = Dictionary(events.map { ($0.id, $0) }) { first, _ in first }
        let isContent = event.isContent
        let base = before?.shown.flatMap { texts[$0] }
        let isUnknown = isContent && (event.isStub || base?.isStub == true)
        isPartlyUnknown = isUnknown
        changed = Part.allCases.filter { part in
            if isUnknown, part.isOfTheText { return false }
            return EventStory.value(part, of: before, texts) != EventStory.value(part, of: after, texts)
        }
        if isContent {
            replaced = (before?.heads ?? []).filter { head in past.contains { $0.id == head } }
            let versions = applied.filter { $0.isContent }
            supersededBy = versions.filter { DottedClock($0).dominates(place) }.map(\.id).sorted()
            beside = versions.filter { !DottedClock($0).dominates(place) && !place.dominates(DottedClock($0)) }.map(\.id).sorted()
        }
        effect = .none
        effect = found(event, hold, outcome.record, applied, isContent: isContent)
    }

    private mutating func found(
        _ event: Event, _ hold: HoldReason?, _ record: Record?, _ applied: [Event], isContent: Bool
    ) -> Effect {
        if let hold { return .held(hold) }
        guard let record else { return .none }
        if event.knownAction?.isPurge == true { return .purge(first: record.purge?.eventID == event.id) }
        if record.purge != nil { return .purged }
        if isContent {
            guard record.heads.contains(event.id) else { return .superseded }
            return record.shown == event.id ? .shown : .version
        }
        if event.knownAction == .vote { return .counted }
        let members = RecordMember.members(of: applied + [event], isTraceID: true).filter { $0.hold == nil }
        let shown = members.first { $0.event.id == record.shown }
        guard let winner = RecordFunction.winner(beside: event.id, of: members, shown: shown) else { return .none }
        if winner != event.id { supersededBy = [winner] }
        return .register(wins: winner == event.id)
    }

    private static func value(_ part: Part, of record: Record?, _ events: [ULID: Event]) -> [String] {
        guard let record else { return [] }
        switch part {
        case .title: return [record.title]
        case .type: return [record.type]
        case .author: return [record.author]
        case .tags: return record.tags
        case .tier: return [record.tier]
        case .lifecycle: return [record.lifecycle.rawValue]
        case .votes: return [String(record.votes)]
        case .purge: return record.purge.map { [$0.eventID.description] } ?? []
        case .derivedFrom: return record.derivedFrom
        case .body:
            guard record.purge == nil, let data = record.shown.flatMap({ events[$0] })?.data else { return [] }
            guard let snapshot = try? Snapshot(data: data) else { return [String(decoding: data, as: UTF8.self)] }
            return [snapshot.body]
        }
    }
}

extension Event {
    /// It says what the whole record is.
    fileprivate var isContent: Bool { knownAction?.isContent == true || documentAction != nil }
}
