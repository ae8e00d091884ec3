package import FederationCore

/// What a person does on a Noema node. Each change appends one event, in the same transaction (Noema section 1.7).
extension NoemaStandIn {
    /// The text and labels of a new or changed trace.
    package struct Draft: Hashable, Sendable {
        package var title: String
        package var type: String
        package var body: String
        package var tags: [String] = []
        package var author = ""
        package var tier = Tier.short
        package var isSourceLocked = false

        package init(_ title: String, type: String = TraceType.note.rawValue, body: String, tags: [String] = []) {
            self.title = title
            self.type = type
            self.body = body
            self.tags = tags
        }
    }

    /// Makes a trace and gives its id: the date and the title's slug.
    @discardableResult
    package mutating func create(_ draft: Draft, now: WallTime) throws(NoemaFailure) -> String {
        let traceID = now.compactDate + "-" + noemaSlug(draft.title)
        guard isTraceID(traceID) else { throw .invalidTraceID(traceID) }
        guard traces[traceID] == nil else { throw .uniqueConstraint }
        insert(snapshot(of: draft, origin: settings.name), as: traceID, now: now)
        return traceID
    }

    /// Replaces a trace's text and labels.
    @discardableResult
    package mutating func update(_ traceID: String, _ draft: Draft, now: WallTime) throws(NoemaFailure) -> NoemaEvent {
        let trace = try writable(traceID)
        guard trace.tier != Tier.long.rawValue else { throw .immutableTier }
        var snapshot = snapshot(of: draft, origin: trace.origin)
        snapshot.tier = trace.tier
        files[NoemaFile(folder: trace.folder, traceID: traceID)] = snapshot.body
        traces[traceID]?.set(snapshot, isLocked: trace.isSourceLocked)
        traces[traceID]?.contentHash = snapshot.contentHash
        traces[traceID]?.updatedAt = now.rfc3339
        return emit(.update, traceID, snapshot.data, now: now)
    }

    /// Replaces a trace's text alone.
    @discardableResult
    package mutating func update(_ traceID: String, body: String, now: WallTime) throws(NoemaFailure) -> NoemaEvent {
        guard let trace = traces[traceID] else { throw .noSuchTrace(traceID) }
        var draft = Draft(trace.title, type: trace.type, body: body, tags: trace.tags)
        draft.author = trace.author
        draft.isSourceLocked = trace.isSourceLocked
        return try update(traceID, draft, now: now)
    }

    /// Archives, trashes and the ways back.
    ///
    /// - Precondition: `action` is one of those four.
    @discardableResult
    package mutating func change(
        _ traceID: String, _ action: NoemaAction, now: WallTime
    ) throws(NoemaFailure) -> NoemaEvent {
        precondition(action.isLifecycle, "\(action) does not move a trace")
        let isFree = action == .archive || action == .unarchive
        guard let trace = traces[traceID] else { throw .noSuchTrace(traceID) }
        if !isFree { _ = try writable(traceID) }
        try move(trace, action, at: now.rfc3339)
        return emit(action, traceID, Array("{}".utf8), now: now)
    }

    /// Removes a trashed trace for good.
    @discardableResult
    package mutating func purge(_ traceID: String, now: WallTime) throws(NoemaFailure) -> NoemaEvent {
        _ = try writable(traceID)
        files[NoemaFile(folder: .trash, traceID: traceID)] = nil
        traces[traceID] = nil
        return emit(.purge, traceID, Array("{}".utf8), now: now)
    }

    /// Changes a trace's tier; the action says in which direction.
    @discardableResult
    package mutating func setTier(_ traceID: String, to tier: Tier, now: WallTime) throws(NoemaFailure) -> NoemaEvent {
        guard let trace = traces[traceID] else { throw .noSuchTrace(traceID) }
        let order = Tier.allCases.map(\.rawValue)
        let rises = order.firstIndex(of: trace.tier) ?? 0 <= order.firstIndex(of: tier.rawValue) ?? 0
        traces[traceID]?.tier = tier.rawValue
        var writer = JSONWriter()
        writer.object {
            $0.member("from", trace.tier)
            $0.member("to", tier.rawValue)
        }
        return emit(rises ? .promote : .demote, traceID, writer.bytes, now: now)
    }

    @discardableResult
    package mutating func vote(_ traceID: String, up: Bool, now: WallTime) throws(NoemaFailure) -> NoemaEvent {
        guard traces[traceID] != nil else { throw .noSuchTrace(traceID) }
        traces[traceID]?.votes += up ? 1 : -1
        return emit(.vote, traceID, Array(#"{"delta":\#(up ? 1 : -1),"actor":"human"}"#.utf8), now: now)
    }

    /// Replaces a trace's tags and nothing else (by v0.18: an older node's cursor stops at it).
    @discardableResult
    package mutating func setTags(
        _ traceID: String, _ tags: [String], now: WallTime
    ) throws(NoemaFailure) -> NoemaEvent {
        _ = try writable(traceID)
        traces[traceID]?.tags = tags.sorted(by: isBefore)
        var writer = JSONWriter()
        writer.object { $0.member("tags", tags) }
        return emit(.tagUpdate, traceID, writer.bytes, now: now)
    }

    /// Announces that this node means to consolidate (section 1.4): the trace id is a window's.
    @discardableResult
    package mutating func claimConsolidation(now: WallTime) -> NoemaEvent {
        let window = mint.next(now: now, using: &random).description
        return emit(
            .consolidationClaim, window, Array(#"{"window_id":"\#(window)","cortex_id":"\#(id)"}"#.utf8), now: now)
    }

    /// Ends a divergence with one side's text (`accept`: name, id or its first eight characters) or with `body`
    /// (section 7.4): an update of the original and a trash of the divergence.
    package mutating func resolve(
        _ divergenceID: String, accept: String? = nil, body: String? = nil, now: WallTime
    ) throws(NoemaFailure) {
        guard (accept == nil) != (body == nil), accept != "", body != "" else { throw .usage }
        guard let divergence = traces[divergenceID] else { throw .noSuchTrace(divergenceID) }
        guard divergence.type == TraceType.divergence.rawValue, let original = divergence.derivedFrom.first else {
            throw .notDivergence
        }
        var text = body ?? ""
        if let accept {
            guard let version = versions(in: divergenceID).first(where: { $0.isNamed(accept) }) else {
                throw .originNotInDivergence(accept)
            }
            text = version.body
        }
        try update(original, body: text, now: now)
        try change(divergenceID, .trash, now: now)
    }

    // MARK: Steps

    /// A trace that this node may change: there, and not locked by another's name (section 7.5).
    private func writable(_ traceID: String) throws(NoemaFailure) -> NoemaTrace {
        guard let trace = traces[traceID] else { throw .noSuchTrace(traceID) }
        guard !trace.isSourceLocked || trace.origin == settings.name else { throw .sourceLocked }
        return trace
    }

    private func snapshot(of draft: Draft, origin: String) -> Snapshot {
        var snapshot = Snapshot()
        snapshot.title = draft.title
        snapshot.type = draft.type
        snapshot.author = draft.author
        snapshot.tags = draft.tags
        snapshot.origin = origin
        snapshot.tier = draft.tier.rawValue
        snapshot.body = draft.body
        snapshot.sourceLocked = draft.isSourceLocked
        snapshot.contentHash = hash(of: draft.body)
        return snapshot
    }

    /// The file, the row and the `create` event of a trace made here.
    ///
    /// - Precondition: there is no trace of this id.
    mutating func insert(_ snapshot: Snapshot, as traceID: String, now: WallTime) {
        var snapshot = snapshot
        snapshot.contentHash = hash(of: snapshot.body)
        files[NoemaFile(folder: .active, traceID: traceID)] = snapshot.body
        traces[traceID] = NoemaTrace(
            id: traceID, title: snapshot.title, type: snapshot.type, author: snapshot.author,
            tags: snapshot.tags.sorted(by: isBefore), derivedFrom: snapshot.derivedFrom, origin: snapshot.origin,
            cortexID: id, tier: snapshot.tier, contentHash: snapshot.contentHash,
            isSourceLocked: snapshot.sourceLocked, createdAt: now.rfc3339, updatedAt: now.rfc3339)
        emit(.create, traceID, snapshot.data, now: now)
    }

    /// Numbers, signs and logs an event of our own.
    @discardableResult
    mutating func emit(_ action: NoemaAction, _ traceID: String, _ data: [UInt8], now: WallTime) -> NoemaEvent {
        clock = clock.stable
        clock.increment(id)
        let event = signed(
            NoemaEvent(
                id: mint.next(now: now, using: &random).description, action: action.rawValue, traceID: traceID,
                cortexID: id, origin: settings.name, timestamp: now.rfc3339, data: rules.written(data), clock: clock))
        log.insert(event)
        return event
    }
}
