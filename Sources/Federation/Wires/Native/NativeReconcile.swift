import FederationCore
import FederationHTTP

/// One comparison of our log with a native peer's, and the fetching of what is missing here.
///
/// - `idle → greeting → identifying`: who answers, and whether it can compare
/// - `identifying → digest → measuring`: both sides' digests of what was minted before now
/// - `measuring → opening → asking → answering → asking …`: where they differ, message by message
/// - `answering → fetching → taking → …`: what is missing here, before the next message is sent
/// - after the last message → `digest` again while something came, else `→ over`
struct NativeReconcile {
    private enum State {
        case idle, greeting
        case identifying(offers: Bool)
        case digest
        case measuring(LogDigests)
        case opening, asking, answering
        case fetching([NeededItem])
        case taking
        case over
    }

    private var state = State.idle
    private var node: ULID?
    private var fetches = false
    private var bound: UInt64 = 0
    private var accepted: ULID?
    /// The peer can hold an answer, so it can be followed again at once.
    private var canFollow = false
    private var report: ReconcileReport?
    private var passes = 0
    private var messages = 0
    /// The next message, while what the last one showed is fetched.
    private var next: [UInt8]?
    private var wanted: [NeededItem] = []
    /// Differences of this pass, once each, as far as they are listed.
    private var missingThere: Set<LogItem> = []
    private var aside: Set<Digest> = []
    /// What was asked for, in this pass and before: nothing is asked for twice.
    private var asked: Set<Digest> = []
    private var askedBefore: Set<Digest> = []
    private var cameInPass = 0
    private var fetchedAtOnce = Limits.eventsByDigest

    mutating func begin(_ context: ExchangeContext) -> ExchangeStep {
        fetchedAtOnce = min(fetchedAtOnce, context.pageEvents)
        node = context.node.id
        fetches = context.fetches
        bound = UInt64(max(0, context.comparedAt.milliseconds))
        state = .greeting
        return get(NativeRoutes.identityPath)
    }

    mutating func resume(_ answer: ExchangeAnswer) -> ExchangeStep {
        do throws(ExchangeFailure) {
            switch (state, answer) {
            case (_, .transport(let failure)): throw .transport(failure)
            case (.greeting, .response(let response)): return try greeted(response)
            case (.identifying(let offers), .identityAccepted): return offers ? askDigest() : finish()
            case (.digest, .response(let response)): return try measured(response)
            case (.measuring(let theirs), .reconciled(.digests(let ours))): return compare(ours, theirs)
            case (.opening, .reconciled(.round(let round))), (.answering, .reconciled(.round(let round))):
                return try took(round)
            case (.asking, .response(let response)):
                try check(response, "application/octet-stream")
                state = .answering
                return .reconcile(.answer(response.body))
            case (.fetching(let items), .response(let response)): return try fetched(response, items)
            case (.taking, .committed(let outcome)):
                if let problem = outcome.stoppedBy { throw .replay(problem) }
                report?.fetched += outcome.applied + outcome.held
                return try goOn()
            case (_, .reconciled): throw .malformed(.reconcileMessage)
            default: preconditionFailure("an answer that was not asked for in \(state)")
            }
        } catch {
            state = .over
            return .failed(error)
        }
    }

    private mutating func greeted(_ response: HTTPResponse) throws(ExchangeFailure) -> ExchangeStep {
        guard response.status == 200 else { throw .status(response.status) }
        guard response.fields.mediaType == "application/json" else { throw .malformed(.contentType) }
        let peer = try NativePeer.identity(body: response.body)
        accepted = peer.id
        let features = (try? JSON(response.body))?["features"]?.array ?? []
        // A peer that serves nothing does not answer messages either.
        let offers = peer.mode?.serves ?? true && features.contains { $0.string == NativeGreeting.reconcileFeature }
        canFollow = fetches && features.contains { $0.string == "wait" }
        state = .identifying(offers: offers)
        return .identify(peer)
    }

    // MARK: Digests

    private mutating func askDigest() -> ExchangeStep {
        state = .digest
        return get("\(NativeReconcileRoutes.digestPath)?before=\(bound)")
    }

    private mutating func measured(_ response: HTTPResponse) throws(ExchangeFailure) -> ExchangeStep {
        try check(response, "application/json")
        let theirs = try LogDigests(json: response.body)
        guard theirs.below == bound else { throw .malformed(.missingMember) }
        state = .measuring(theirs)
        return .reconcile(.digests(below: bound))
    }

    private mutating func compare(_ ours: LogDigests, _ theirs: LogDigests) -> ExchangeStep {
        let last = report
        var report = ReconcileReport(ours: ours, theirs: theirs)
        report.fetched = last?.fetched ?? 0
        report.rounds = last?.rounds ?? 0
        self.report = report
        if report.isEqual { return finish() }
        // What came made a difference, or this pass would show what the last one did.
        if let last, cameInPass == 0 || passes == Limits.reconcilePasses {
            self.report = last
            self.report?.ours = ours
            self.report?.theirs = theirs
            return finish()
        }
        passes += 1
        cameInPass = 0
        missingThere = []
        aside = []
        askedBefore.formUnion(asked)
        asked = []
        state = .opening
        return .reconcile(.open)
    }

    // MARK: Differences

    private mutating func took(_ round: ReconcileRound) throws(ExchangeFailure) -> ExchangeStep {
        report?.rounds += 1
        for item in round.have where item.time < bound { note(missingThere: item) }
        for item in round.aside where aside.insert(item.digest).inserted {
            report?.asideCount += 1
            if report?.aside.count ?? 0 < Limits.reconcileListed { report?.aside.append(item) }
        }
        // With a limit on frames a difference shows more than once.
        for item in round.need where asked.insert(item.digest).inserted {
            if fetches, !askedBefore.contains(item.digest) {
                wanted.append(item)
            } else if item.times.lowerBound < bound {
                note(missingHere: item)
            }
        }
        next = round.message
        return try goOn()
    }

    private mutating func note(missingThere item: LogItem) {
        guard missingThere.count < Limits.reconcileListed else {
            report?.missingThereCount += 1
            return
        }
        guard missingThere.insert(item).inserted else { return }
        report?.missingThereCount += 1
        report?.missingThere.append(item)
    }

    private mutating func note(missingHere item: NeededItem) {
        report?.missingHereCount += 1
        if report?.missingHere.count ?? 0 < Limits.reconcileListed { report?.missingHere.append(item) }
    }

    /// Fetches what is known to be missing, then asks the next thing.
    private mutating func goOn() throws(ExchangeFailure) -> ExchangeStep {
        if !wanted.isEmpty {
            let part = Array(wanted.prefix(fetchedAtOnce))
            wanted.removeFirst(part.count)
            state = .fetching(part)
            return post(
                NativeRoutes.eventsPath, type: "application/json", accept: NativeRoutes.pageType,
                body: NeededGroups(part).json, maxAnswerBytes: Limits.nativeAnswerBytes)
        }
        guard asked.count + askedBefore.count <= Limits.reconcileFetched else {
            state = .over
            return .finished(ExchangeProgress(isComplete: false, wire: .native))
        }
        if let message = next {
            next = nil
            messages += 1
            guard messages <= Limits.reconcileRounds else { throw .malformed(.noProgress) }
            state = .asking
            return post(
                NativeReconcileRoutes.reconcilePath, type: "application/octet-stream",
                accept: "application/octet-stream", body: message, maxAnswerBytes: Limits.reconcileMessageBytes)
        }
        // The last message was taken: equal now, or how far from it?
        return askDigest()
    }

    private mutating func fetched(
        _ response: HTTPResponse, _ items: [NeededItem]
    ) throws(ExchangeFailure) -> ExchangeStep {
        try check(response, NativeRoutes.pageType)
        guard let dealt = response.fields[NativeField.dealt].flatMap({ Int($0) }), dealt >= 0, dealt <= items.count
        else { throw .malformed(.headerInvalid) }
        let found = try NativePage.items(response, limit: items.count)
        guard dealt > 0 else { throw .malformed(.noProgress) }
        wanted = Array(items[dealt...]) + wanted
        guard !found.isEmpty else { return try goOn() }
        cameInPass += found.count
        state = .taking
        return .take(PulledPage(items: found, cursor: .none, rest: LogRest(events: Int64(wanted.count))))
    }

    private mutating func finish() -> ExchangeStep {
        state = .over
        return .finished(ExchangeProgress(isComplete: true, wire: .native, canFollow: canFollow, reconciliation: report))
    }

    // MARK: Requests

    private func check(_ response: HTTPResponse, _ type: String) throws(ExchangeFailure) {
        guard response.status == 200 else { throw .status(response.status) }
        guard response.fields.mediaType == type else { throw .malformed(.contentType) }
        guard try NativePeer.identity(fields: response.fields).id == accepted else { throw .identityMismatch }
    }

    private func get(_ target: String) -> ExchangeStep {
        var fields: HTTPFields = ["Accept": "application/json"]
        fields[NativeField.node] = node?.description
        return .request(
            HTTPRequest(.get, target, fields: fields, maxAnswerBytes: Limits.smallAnswerBytes), seals: [])
    }

    private func post(
        _ target: String, type: String, accept: String, body: [UInt8], maxAnswerBytes: Int
    ) -> ExchangeStep {
        var fields: HTTPFields = ["Accept": accept, "Content-Type": type]
        if accept == NativeRoutes.pageType { fields["Accept-Encoding"] = Zstd.name }
        fields[NativeField.node] = node?.description
        return .request(
            HTTPRequest(.post, target, fields: fields, body: body, maxAnswerBytes: maxAnswerBytes), seals: [])
    }
}
