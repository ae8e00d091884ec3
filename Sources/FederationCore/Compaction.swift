/// Which events may lose their `data`, and which get it back.
///
/// What is removed leaves a stub, which still verifies, counts and reconciles. No rule here changes a record: see
/// `removable` for why.
package enum Compaction {
    /// The events of a subject whose `data` may be removed now, in order of id.
    ///
    /// - Of a subject that is not purged: updates, never creates, that are applied and dominated by an applied update
    ///   which is here in full and whose signature is verified under a pinned key. The record reads `data` of the shown
    ///   head, of creates (tier) and of the tag register's value. Such an update is no head, and its dominator stands
    ///   in the tag register too, so nothing is read from it; its place in the clocks stays.
    /// - Of a purged subject: every event but the purges, once the signature of a purge is verified so, or
    ///   `Limits.purgeGrace` after one was received. A purge keeps its `data`, which is its reason.
    ///
    /// - Parameters:
    ///   - events: all stored events of `subject`.
    ///   - kept: how long the `data` of an update is kept after the update that lets it go has come. What was purged is
    ///     not kept longer for it.
    package static func removable(
        of subject: String, from events: [StoredEvent], keptFor kept: Duration = .zero, now: WallTime
    ) -> [ULID] {
        guard mayHaveRemovable(events) else { return [] }
        let outcome = RecordFunction.record(of: subject, from: events.map(\.event))
        let sorted = events.sorted { $0.event.id < $1.event.id }
        if outcome.record?.purge != nil {
            guard sorted.contains(where: { isFinalPurge($0, now: now) }) else { return [] }
            return sorted.filter { !$0.event.isStub && !$0.event.isPurge }.map(\.event.id)
        }
        let held = Set(outcome.standings.filter { $0.hold != nil }.map(\.id))
        let updates = sorted.filter { $0.event.isAppliedUpdate(held: held) && !$0.event.isStub && $0.hold == nil }
        let dominators = updates.filter {
            $0.event.signature != nil && $0.verification.isProved
                && (kept <= .zero || now.since($0.receivedAt) >= kept)
        }.reversed().map { DottedClock($0.event) }
        return updates.filter { update in
            let place = DottedClock(update.event)
            return dominators.contains { $0.dominates(place) }
        }.map(\.event.id)
    }

    /// Most records were never edited: there is no need to compute what they are.
    private static func mayHaveRemovable(_ events: [StoredEvent]) -> Bool {
        var updates = 0
        for stored in events where !stored.event.isStub {
            if stored.event.isPurge { return true }
            if stored.event.knownAction == .update { updates += 1 }
        }
        return updates > 1 || events.contains { $0.event.isPurge }
    }

    /// Whether an event that arrives for a purged subject is stored without its `data`: it does not precede any purge.
    ///
    /// A purge keeps its own, which is its reason.
    ///
    /// - Parameter stored: the events of its subject that are in the log.
    package static func arrivesAsStub(_ event: Event, among stored: [Event]) -> Bool {
        guard !event.isPurge else { return false }
        let purges = stored.filter { $0.isPurge && $0.id != event.id }
        let place = DottedClock(event)
        return !purges.isEmpty && !purges.contains { DottedClock($0).dominates(place) }
    }

    /// Whether the digest of a stub is more than a claim: the hash of its normal form equals the hash that is signed,
    /// or its `data` was seen here. (A false normal form would give the stub a digest that no full event has.)
    package static func believesDigest(of stub: Event.Stub, dataSeen: Bool) -> Bool {
        dataSeen || stub.normalHash == stub.dataHash
    }

    /// Whether a stub in the log wants its `data` back: a head, or any event that `removable` would never have taken.
    ///
    /// Not an update that an applied update dominates, and nothing of a purged subject but the purge: those were
    /// removed on purpose, and a full copy that another node still serves must not undo it.
    ///
    /// - Parameters:
    ///   - id: of a stored stub.
    ///   - events: all stored events of `subject`.
    package static func isWanted(_ id: ULID, of subject: String, from events: [StoredEvent]) -> Bool {
        guard let stub = events.first(where: { $0.event.id == id })?.event, stub.isStub else { return false }
        let outcome = RecordFunction.record(of: subject, from: events.filter { !$0.isHeldApart }.map(\.event))
        if outcome.record?.purge != nil { return stub.isPurge }
        guard stub.action == NoemaAction.update.rawValue else { return true }
        let held = Set(outcome.standings.filter { $0.hold != nil }.map(\.id) + events.filter(\.isHeldApart).map(\.event.id))
        let place = DottedClock(stub)
        return !events.contains { other in
            other.event.id != id && other.event.isAppliedUpdate(held: held) && DottedClock(other.event).dominates(place)
        }
    }

    private static func isFinalPurge(_ stored: StoredEvent, now: WallTime) -> Bool {
        guard stored.event.isPurge else { return false }
        return stored.event.signature != nil && stored.verification.isProved
            || now.since(stored.receivedAt) >= Limits.purgeGrace
    }
}

extension Event {
    fileprivate var isPurge: Bool { knownAction?.isPurge == true }

    fileprivate func isAppliedUpdate(held: Set<ULID>) -> Bool {
        knownAction == .update && !held.contains(id)
    }
}
