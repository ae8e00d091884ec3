/// What a write is decided from, read in its transaction.
struct WriteFacts {
    let node: ULID
    let subject: String
    /// `nil` where no applied event says anything of the subject.
    let record: Record?
    /// All stored events of the subject, in order of id.
    let stored: [StoredEvent]
    let events: [Event]
    /// Traces by which Noema nodes report that this subject has diverged, not in the trash.
    let divergenceTraces: [String]

    /// Divergence traces that one `resolve` puts into the trash.
    static let traceLimit = 100

    init(of subject: String, node: ULID, traces: Bool, in log: some LogReading) throws(StoreFailure) {
        self.node = node
        self.subject = subject
        stored = try log.events(of: subject)
        events = stored.map(\.event)
        // Not the stored record: another version of the function may have made it.
        record = RecordFunction.record(
            of: subject, from: stored.filter { !$0.isHeldApart }.map(\.event)
        ).record
        guard traces else {
            divergenceTraces = []
            return
        }
        var filter = RecordFilter(limit: WriteFacts.traceLimit)
        filter.type = TraceType.divergence.rawValue
        filter.derivedFrom = subject
        divergenceTraces = try log.records(filter).map(\.subject)
    }

    func event(_ id: ULID) -> Event? { events.first { $0.id == id } }

    var heads: [Event] { (record?.heads ?? []).compactMap(event) }

    /// The node that has locked the record, where it is another one.
    var foreignLock: String? {
        heads.first { head in
            !head.origin.isExactly(node.description)
                && (head.data.flatMap { try? Snapshot(data: $0) })?.sourceLocked == true
        }?.origin
    }
}

/// Decides which events a request comes to; pure.
struct WritePlan {
    private let facts: WriteFacts
    private let sha256: SHA256
    private let name: String

    init(_ facts: WriteFacts, sha256: @escaping SHA256, name: String) {
        self.facts = facts
        self.sha256 = sha256
        self.name = name
    }

    /// In the order in which they are to be written; none where everything is as asked for.
    func drafts(for request: WriteRequest) throws(WriteRefusal) -> [EventDraft] {
        switch request {
        case .create(_, let snapshot): try create(snapshot)
        case .update(_, let snapshot, let base): try update(snapshot, base: base)
        case .resolve(_, let resolution, let base): try resolve(resolution, base: base)
        case .change(_, let change): try self.change(change)
        case .move(_, let tier): try move(to: tier)
        case .purge(_, let reason): try purge(reason)
        }
    }

    private func create(_ snapshot: Snapshot) throws(WriteRefusal) -> [EventDraft] {
        guard isTraceID(facts.subject) else { throw .invalidTraceID(facts.subject) }
        if facts.record?.purge != nil { throw .purged }
        guard !facts.events.contains(where: { $0.knownAction?.isContent == true }) else { throw .exists }
        if snapshot.type == TraceType.divergence.rawValue { throw .reservedType }
        return [try content(.create, snapshot)]
    }

    private func update(_ snapshot: Snapshot, base: WriteRequest.Base) throws(WriteRefusal) -> [EventDraft] {
        let record = try existing()
        if record.isDiverged { throw .diverged(heads: record.heads) }
        if case .heads(let heads) = base, Set(heads) != Set(record.heads) { throw .headsChanged(heads: record.heads) }
        if record.lifecycle == .trashed { throw .trashed }
        if record.tier == Tier.long.rawValue { throw .longTier }
        if let owner = facts.foreignLock { throw .sourceLocked(owner: owner) }
        if record.isIncomplete, let shown = record.shown { throw .incomplete(head: shown) }
        if snapshot.type == TraceType.divergence.rawValue, record.type != snapshot.type { throw .reservedType }
        var snapshot = snapshot
        // The update of a record whose create never came says its tier; one that says none would move it to `short`.
        if snapshot.tier.isEmpty, record.tier != Tier.short.rawValue { snapshot.tier = record.tier }
        let update = try content(.update, snapshot)
        guard let tier = Tier(rawValue: snapshot.tier) else { return [update] }
        return [update] + move(record, to: tier)
    }

    private func change(_ change: WriteRequest.LifecycleChange) throws(WriteRefusal) -> [EventDraft] {
        let record = try existing()
        if record.isDiverged { throw .diverged(heads: record.heads) }
        let isTrashed = record.lifecycle == .trashed
        switch change {
        case .archive, .unarchive:
            if isTrashed { throw .trashed }
            guard (record.lifecycle == .archived) != (change == .archive) else { return [] }
            return [EventDraft(change == .archive ? .archive : .unarchive, facts.subject)]
        case .trash, .recover:
            guard isTrashed != (change == .trash) else { return [] }
            if let owner = facts.foreignLock { throw .sourceLocked(owner: owner) }
            return [EventDraft(change == .trash ? .trash : .recover, facts.subject)]
        }
    }

    private func move(to tier: Tier) throws(WriteRefusal) -> [EventDraft] {
        let record = try existing()
        if record.isDiverged { throw .diverged(heads: record.heads) }
        return move(record, to: tier)
    }

    private func move(_ record: Record, to tier: Tier) -> [EventDraft] {
        let from = Tier(rawValue: record.tier) ?? .short
        guard from != tier else { return [] }
        let rank = Tier.allCases.firstIndex(of:)
        let isPromotion = (rank(from) ?? 0) < (rank(tier) ?? 0)
        var data = JSONWriter()
        data.object {
            $0.member("from", from.rawValue)
            $0.member("to", tier.rawValue)
        }
        return [EventDraft(isPromotion ? .promote : .demote, facts.subject, data: data.bytes)]
    }

    /// Allowed on a diverged record too: whoever wants it gone need not choose a version first.
    private func purge(_ reason: String) throws(WriteRefusal) -> [EventDraft] {
        guard !facts.events.isEmpty else { throw .unknownSubject }
        if facts.record?.purge != nil { return [] }
        if let owner = facts.foreignLock { throw .sourceLocked(owner: owner) }
        if facts.record?.tier == Tier.long.rawValue, isTraceID(facts.subject) {
            var data = JSONWriter()
            data.object {
                if !reason.isEmpty { $0.member("reason", reason) }
                $0.member("tier", Tier.long.rawValue)
                $0.member("actor", "human")
            }
            return [EventDraft(.purgeLongTerm, facts.subject, data: data.bytes)]
        }
        let purge = EventDraft(.purge, facts.subject)
        // A Noema node removes the file of a purged trace from its trash only, so it has to be there.
        let needsTrash = !facts.heads.isEmpty && facts.record?.lifecycle != .trashed && isTraceID(facts.subject)
        return needsTrash ? [EventDraft(.trash, facts.subject), purge] : [purge]
    }

    private func resolve(
        _ resolution: WriteRequest.Resolution, base: WriteRequest.Base
    ) throws(WriteRefusal) -> [EventDraft] {
        let record = try existing()
        let traces = facts.divergenceTraces.map { EventDraft(.trash, $0) }
        guard record.isDiverged || !traces.isEmpty else { throw .notDiverged }
        if case .heads(let heads) = base, Set(heads) != Set(record.heads) { throw .headsChanged(heads: record.heads) }
        if let owner = facts.foreignLock { throw .sourceLocked(owner: owner) }
        switch resolution {
        case .accept(let version):
            // Where only a Noema node's trace says that it has diverged, the single head is what is accepted.
            guard record.isDiverged else { return traces }
            return [EventDraft(.update, facts.subject, data: try accepted(version, record))] + traces
        case .custom(let body):
            guard let base = facts.heads.reversed().compactMap(\.data).first, var snapshot = try? Snapshot(data: base)
            else { throw .incomplete(head: record.shown ?? .min) }
            snapshot.body = body
            snapshot.sourceHash = ""
            return [try content(.update, snapshot)] + traces
        }
    }

    /// The `data` of a version as it stands, with whatever in it we do not know.
    private func accepted(_ version: String, _ record: Record) throws(WriteRefusal) -> [UInt8] {
        guard let divergence = Divergence(of: record, events: facts.events) else { throw .notDiverged }
        switch divergence.version(named: version) {
        case .none: throw .unknownVersion(origins: divergence.versions.map(\.origin))
        case .ambiguous(let versions): throw .ambiguousVersion(heads: versions.map(\.eventID))
        case .found(let version):
            guard let data = facts.event(version.eventID)?.data, let json = try? JSON(data), json.isObject else {
                throw .incomplete(head: version.eventID)
            }
            return json.normalForm
        }
    }

    /// The record, if there is one with content that is not purged.
    private func existing() throws(WriteRefusal) -> Record {
        guard let record = facts.record else { throw .unknownSubject }
        if record.purge != nil { throw .purged }
        guard !record.heads.isEmpty else { throw .unknownSubject }
        guard isTraceID(facts.subject) else { throw .invalidTraceID(facts.subject) }
        return record
    }

    private func content(_ action: NoemaAction, _ snapshot: Snapshot) throws(WriteRefusal) -> EventDraft {
        guard TraceType(rawValue: snapshot.type) != nil else { throw .unknownType(snapshot.type) }
        guard snapshot.tier.isEmpty || Tier(rawValue: snapshot.tier) != nil else { throw .unknownTier(snapshot.tier) }
        var snapshot = snapshot
        if snapshot.origin.isEmpty { snapshot.origin = name }
        snapshot.contentHash = Snapshot.contentHash(of: snapshot.body, sha256)
        return EventDraft(action, facts.subject, data: snapshot.data)
    }
}
