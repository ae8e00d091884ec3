package import FederationCore

/// Replay of a peer's events (Noema section 7).
extension NoemaStandIn {
    /// Applies one event, in the order of checks of section 7. What it throws pins the cursor.
    package mutating func replay(_ event: NoemaEvent, now: WallTime) throws(NoemaFailure) {
        try checkSignature(of: event)
        try checkSourceLock(of: event)
        if NoemaAction(rawValue: event.action)?.isCoordination == true {
            store(event)
            return
        }
        guard !log.contains(event.id) else { return }
        guard isTraceID(event.traceID) else {
            guard event.action == NoemaAction.purge.rawValue else { throw .invalidTraceID(event.traceID) }
            // Old logs have such ids; the file system is not touched for them.
            traces[event.traceID] = nil
            store(event)
            return
        }
        do {
            try apply(event, now: now)
        } catch .uniqueConstraint where rules == .go {
            // "Another peer was faster", Go believes, and whatever the handler had still to do is left out: the event
            // is not even logged (section 10.2, 1 and 4).
        }
    }

    private mutating func apply(_ event: NoemaEvent, now: WallTime) throws(NoemaFailure) {
        guard let action = NoemaAction(rawValue: event.action) else { throw .unknownAction(event.action) }
        switch action {
        case .create: try applyCreate(event)
        case .update: try applyUpdate(event, now: now)
        case .archive, .unarchive, .trash, .recover: try applyLifecycle(event, action)
        case .purge, .purgeHard, .purgeLongTerm: applyPurge(event, action)
        case .promote, .demote: try applyTier(event)
        case .consolidate:
            if traces[event.traceID]?.tier == Tier.short.rawValue { traces[event.traceID]?.tier = Tier.mid.rawValue }
            store(event)
        case .vote: try applyVote(event)
        case .tagUpdate: try applyTags(event)
        case .consolidateFallback, .divergenceLongTerm, .consolidationClaim, .consolidationSuccess, .consolidationFail:
            store(event)
        }
    }

    /// The event goes into the log once.
    mutating func store(_ event: NoemaEvent) { if !log.contains(event.id) { log.insert(event) } }

    // MARK: Content (sections 7.1 and 7.2)

    private mutating func applyCreate(_ event: NoemaEvent) throws(NoemaFailure) {
        let snapshot = try snapshot(of: event)
        var tier = snapshot.tier.isEmpty ? Tier.short.rawValue : snapshot.tier
        guard Tier(rawValue: tier) != nil else { throw .invalidTier(tier) }
        for later in log.events(of: event.traceID) where isBefore(event.id, later.id) { fold(later, into: &tier) }
        try checkHash(of: snapshot)
        let file = NoemaFile(folder: .active, traceID: event.traceID)
        guard traces[event.traceID] == nil else {
            guard rules == .go else { return store(event) }
            // The file is written before the row is inserted, and the row is not.
            files[file] = snapshot.body
            throw .uniqueConstraint
        }
        files[file] = snapshot.body
        traces[event.traceID] = NoemaTrace(
            id: event.traceID, title: snapshot.title, type: snapshot.type, author: snapshot.author,
            tags: snapshot.tags.sorted(by: isBefore), derivedFrom: snapshot.derivedFrom, origin: snapshot.origin,
            cortexID: event.cortexID, tier: tier, contentHash: hash(of: snapshot.body),
            isSourceLocked: isLocked(snapshot, by: event), createdAt: event.timestamp, updatedAt: event.timestamp)
        store(event)
    }

    /// A tier event that came before the create it belongs to.
    private func fold(_ later: NoemaEvent, into tier: inout String) {
        switch NoemaAction(rawValue: later.action) {
        case .consolidate: if tier == Tier.short.rawValue { tier = Tier.mid.rawValue }
        case .promote, .demote: if let target = targetTier(of: later), Tier(rawValue: target) != nil { tier = target }
        default: break
        }
    }

    private mutating func applyUpdate(_ event: NoemaEvent, now: WallTime) throws(NoemaFailure) {
        guard let trace = traces[event.traceID] else { return try applyCreate(event) }
        let snapshot = try snapshot(of: event)
        try checkHash(of: snapshot)
        if let last = log.lastMutation(of: event.traceID), !event.clock.isEmpty, !last.clock.isEmpty {
            switch verdict(local: last.clock, remote: event.clock) {
            case .diverge:
                return try diverge(trace, local: last.clock, event, snapshot, now: now)
            case .keep: return store(event)
            case .apply: break
            }
        }
        let promoted = log.events(of: event.traceID).contains {
            $0.action == NoemaAction.promote.rawValue && targetTier(of: $0) == Tier.long.rawValue
                && isBefore(event.id, $0.id)
        }
        if trace.tier == Tier.long.rawValue, !promoted { return store(event) }
        files[NoemaFile(folder: trace.folder, traceID: trace.id)] = snapshot.body
        var updated = trace
        updated.set(snapshot, isLocked: isLocked(snapshot, by: event))
        updated.contentHash = hash(of: snapshot.body)
        updated.updatedAt = event.timestamp
        traces[trace.id] = updated
        store(event)
    }

    private enum Verdict { case apply, keep, diverge }

    /// What the clocks decide. Go applies what is older, and takes equal clocks for a conflict; Rust does neither.
    private func verdict(local: NoemaClock, remote: NoemaClock) -> Verdict {
        switch rules {
        case .go: local.stable.goCompare(remote.stable) == 0 ? .diverge : .apply
        case .rust:
            switch local.rustCompare(remote) {
            case .before: .apply
            case .after, .equal: .keep
            case .concurrent: .diverge
            }
        }
    }

    func snapshot(of event: NoemaEvent) throws(NoemaFailure) -> Snapshot {
        let snapshot: Snapshot
        do { snapshot = try Snapshot(data: event.data) } catch { throw .malformedPayload }
        // Rust validates the front matter that it will write; Go writes any type.
        if rules == .rust, TraceType(rawValue: snapshot.type) == nil { throw .unknownType(snapshot.type) }
        return snapshot
    }

    private func checkHash(of snapshot: Snapshot) throws(NoemaFailure) {
        guard snapshot.contentHash.isEmpty || snapshot.contentHash == hash(of: snapshot.body) else {
            throw .contentHashMismatch
        }
    }

    /// Our own lock would lock us out of what we wrote ourselves.
    private func isLocked(_ snapshot: Snapshot, by event: NoemaEvent) -> Bool {
        snapshot.sourceLocked && event.cortexID != id
    }
}

extension NoemaTrace {
    /// What an update replaces: neither the created time nor the tier.
    mutating func set(_ snapshot: Snapshot, isLocked: Bool) {
        title = snapshot.title
        type = snapshot.type
        author = snapshot.author
        tags = snapshot.tags.sorted(by: isBefore)
        derivedFrom = snapshot.derivedFrom
        origin = snapshot.origin
        isSourceLocked = isLocked
    }
}

/// Lifecycle, tiers, votes, tags and purges (section 7.6). On a missing trace they are stored and create nothing.
extension NoemaStandIn {
    private mutating func applyLifecycle(_ event: NoemaEvent, _ action: NoemaAction) throws(NoemaFailure) {
        if let trace = traces[event.traceID] { try move(trace, action, at: event.timestamp) }
        store(event)
    }

    /// Moves the file and then sets the row. A trace that is there already stays as it is.
    mutating func move(_ trace: NoemaTrace, _ action: NoemaAction, at time: String) throws(NoemaFailure) {
        var moved = trace
        let source: NoemaFolder
        switch action {
        case .archive where !trace.isArchived:
            // Nobody looks whether the trace is in the trash, where its file then is.
            source = .active
            moved.archivedAt = time
        case .unarchive where trace.isArchived:
            source = .archive
            moved.archivedAt = ""
        case .trash where !trace.isTrashed:
            source = trace.folder
            moved.archivedAt = ""
            moved.trashedAt = time
        case .recover where trace.isTrashed:
            source = .trash
            moved.trashedAt = ""
        default: return
        }
        let target: NoemaFolder = action == .archive ? .archive : action == .trash ? .trash : .active
        guard let body = files.removeValue(forKey: NoemaFile(folder: source, traceID: trace.id)) else {
            throw .fileNotFound(trace.id)
        }
        files[NoemaFile(folder: target, traceID: trace.id)] = body
        traces[trace.id] = moved
    }

    private mutating func applyPurge(_ event: NoemaEvent, _ action: NoemaAction) {
        switch action {
        case .purgeLongTerm:
            if let trace = traces[event.traceID] {
                files[NoemaFile(folder: trace.folder, traceID: trace.id)] = ""
                var tombstone = trace
                tombstone.purgedAt = event.timestamp
                tombstone.purgeReason = purgeReason(of: event)
                traces[trace.id] = tombstone
            }
        case .purgeHard:
            for folder in [NoemaFolder.active, .archive, .trash] {
                files[NoemaFile(folder: folder, traceID: event.traceID)] = nil
            }
            traces[event.traceID] = nil
            for other in traces.keys { traces[other]?.derivedFrom.removeAll { $0 == event.traceID } }
        default:
            files[NoemaFile(folder: .trash, traceID: event.traceID)] = nil
            traces[event.traceID] = nil
        }
        store(event)
    }

    private func purgeReason(of event: NoemaEvent) -> String {
        guard let reason = (try? JSON(event.data))?["reason"]?.string, !reason.isEmpty else { return "remote purge" }
        return reason
    }

    private mutating func applyTier(_ event: NoemaEvent) throws(NoemaFailure) {
        guard let target = targetTier(of: event) else { throw .missingTier }
        guard Tier(rawValue: target) != nil else { throw .invalidTier(target) }
        traces[event.traceID]?.tier = target
        store(event)
    }

    /// `to`; `nil` when it is missing, `null` or empty.
    func targetTier(of event: NoemaEvent) -> String? {
        guard let tier = (try? JSON(event.data))?["to"]?.string, !tier.isEmpty else { return nil }
        return tier
    }

    private mutating func applyVote(_ event: NoemaEvent) throws(NoemaFailure) {
        guard let data = try? JSON(event.data) else { throw .malformedPayload }
        let delta = data["delta"]
        guard let sign = delta.map(sign(of:)) ?? 0 else { throw .malformedPayload }
        traces[event.traceID]?.votes += sign
        store(event)
    }

    /// Whatever its size, a delta counts one; `nil` for what is no integer.
    private func sign(of delta: JSON) -> Int? {
        if delta.isNull { return 0 }
        return delta.integer.map { Int($0.signum()) }
    }

    private mutating func applyTags(_ event: NoemaEvent) throws(NoemaFailure) {
        guard traces[event.traceID] != nil else { throw .noSuchTrace(event.traceID) }
        guard let items = (try? JSON(event.data))?["tags"]?.array else { throw .malformedPayload }
        traces[event.traceID]?.tags = items.compactMap(\.string).sorted(by: isBefore)
        store(event)
    }
}
