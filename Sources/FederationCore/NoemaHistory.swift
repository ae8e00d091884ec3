/// What the log has of one subject, in order of id, as far as the replay of its next event can fail on it at a peer.
struct NoemaHistory: Sendable {
    struct Step: Sendable {
        var id: ULID
        var action: NoemaAction
        /// The peer has it from somebody else, or not at all.
        var isWithheld: Bool
    }

    private(set) var steps: [Step] = []
    private(set) var trashes: [(id: ULID, place: DottedClock)] = []

    /// - Parameters:
    ///   - events: all stored events of the subject, in any order.
    ///   - countsContent: what makes a trace counts too: only for a change of tags, as each has to be read whole.
    init(of events: [Event], countsContent: Bool, fault: (Event) -> NoemaWithholding?) {
        for event in events.sorted(by: { $0.id < $1.id }) {
            guard let action = event.knownAction, countsContent || !action.isContent else { continue }
            let isFelt = action.isContent || action == .recover || action.isPurge
            steps.append(Step(id: event.id, action: action, isWithheld: isFelt && fault(event) != nil))
            if action == .trash { trashes.append((event.id, DottedClock(event))) }
        }
    }

    /// What a peer has of the subject that was given everything before `id`.
    func trace(before id: ULID) -> NoemaTrace {
        var trace = NoemaTrace()
        for step in steps {
            guard step.id < id else { break }
            trace.replay(step)
        }
        return trace
    }
}

/// What a peer has of a subject, as far as the replay of an event can fail on it.
struct NoemaTrace: Hashable, Sendable {
    private(set) var exists = false
    private(set) var isTrashed = false
    /// The long tier keeps the row of what was purged, without its file.
    private(set) var isTombstone = false

    /// What makes a trace, or gives one back, counts only if we serve it; what takes one away may reach the peer without us.
    mutating func replay(_ step: NoemaHistory.Step) {
        switch step.action {
        case .create, .update: if !step.isWithheld { exists = true }
        case .trash: isTrashed = true
        case .recover: if !step.isWithheld { isTrashed = false }
        case .purge, .purgeHard:
            let before = self
            self = NoemaTrace()
            if step.isWithheld { (isTrashed, isTombstone) = (before.isTrashed, before.isTombstone) }
        case .purgeLongTerm: isTombstone = true
        default: break
        }
    }
}

/// Verdicts on many events of a log, for which each subject's history is read once.
package struct NoemaVerdicts: Sendable {
    private struct Key: Hashable {
        var subject: ExactText
        var countsContent: Bool
    }

    private let now: WallTime
    private let sha256: SHA256
    private var histories: [Key: NoemaHistory] = [:]
    private var steps = 0

    /// So many steps are kept, of some tens of bytes each.
    private static let stepsKept = 20_000

    package init(now: WallTime, _ sha256: @escaping SHA256) {
        self.now = now
        self.sha256 = sha256
    }

    /// Whether the wire serves an event of `log`, and if not, why.
    package mutating func verdict(on event: Event, in log: any LogReading) throws(StoreFailure) -> NoemaView.Verdict {
        if let why = NoemaView.withholding(of: event, now: now, sha256) { return .withheld(why) }
        guard NoemaView.needsHistory(event) else { return .served }
        let key = Key(subject: ExactText(event.subject), countsContent: event.knownAction == .tagUpdate)
        let history: NoemaHistory
        if let known = histories[key] {
            history = known
        } else {
            history = NoemaView.history(
                of: try log.events(of: event.subject).map(\.event), countsContent: key.countsContent, sha256)
            if steps + history.steps.count > NoemaVerdicts.stepsKept { (histories, steps) = ([:], 0) }
            histories[key] = history
            steps += history.steps.count
        }
        return NoemaView.conflict(of: event, with: history).map(NoemaView.Verdict.withheld) ?? .served
    }
}
