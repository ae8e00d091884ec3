internal import FederationConfig
internal import FederationCore
internal import Negentropy

/// One poll of a mesh peer.
///
/// - `idle → greeting → identifying`: who answers, and what it gives us
/// - `→ reading → reconciling`: our own set follows the log, then rounds of messages
/// - `→ fetching ⇄ taking`: what we lack, by id, a page at a time
/// - `→ reading` again while more is missing than one session looks for
/// - `→ keeping → over`: the statistics, also after a failure
struct MeshExchange: Exchange {
    enum State {
        case idle
        case greeting
        case identifying
        /// What follows once our set is at the end of the log.
        case reading(after: Int64, then: AfterReading)
        case reconciling
        case fetching(asked: [ItemID])
        case taking(more: Bool)
        case keeping(Result<ExchangeProgress, ExchangeFailure>)
        case over
    }

    enum AfterReading { case session, declined(isComplete: Bool) }

    let sets: MeshSets
    let carried: @Sendable (String?) -> MeshCarry
    let bounds: MeshBounds

    private var state = State.idle
    private var node: ULID?
    private var fetches = false
    private var carry = MeshCarry.documents
    private var servesNothing = false
    private var accepted: ULID?
    private var session: MeshSession?
    /// Ids to be fetched, in no order: the peer gives them in the order in which they came to it.
    private var wanted: Set<ItemID> = []
    /// Fetched in this poll.
    private var fetched: Set<ItemID> = []
    /// How many they were when this session began.
    private var fetchedBefore = 0
    private var declined = DeclinedIDs()
    private var outcome = PageOutcome()
    private var statistics = MeshStatistics()

    init(sets: MeshSets, bounds: MeshBounds, carried: @escaping @Sendable (String?) -> MeshCarry) {
        self.bounds = bounds
        self.sets = sets
        self.carried = carried
    }

    mutating func begin(_ context: ExchangeContext) -> ExchangeStep {
        node = context.node.id
        fetches = context.fetches
        carry = carried(context.peerName)
        statistics = MeshStatistics(json: context.wireValues[MeshStatistics.valueName] ?? [])
        declined = DeclinedIDs(stored: context.wireValues[DeclinedIDs.valueName] ?? [])
        state = .greeting
        return request(.get, MeshRoutes.path, accept: "application/json", limit: Limits.smallAnswerBytes)
    }

    mutating func resume(_ answer: ExchangeAnswer, now: WallTime) -> ExchangeStep {
        do throws(ExchangeFailure) {
            switch (state, answer) {
            case (_, .transport(let failure)): throw .transport(failure)
            case (.greeting, .response(let response)): return try greeted(response)
            case (.identifying, .identityAccepted):
                guard fetches else { return finish() }
                guard !servesNothing else { throw .peerServesNothing }
                return read(then: .session)
            case (.reading(let after, let next), .outbox(let page, let through)):
                return try follow(page, through, after: after, then: next)
            case (.reconciling, .response(let response)): return try reconciled(response)
            case (.fetching(let asked), .response(let response)): return try received(response, asked)
            case (.taking(let more), .committed(let outcome)): return try committed(outcome, more)
            case (.keeping(let result), .kept):
                state = .over
                switch result {
                case .success(let progress): return .finished(progress)
                case .failure(let failure): return .failed(failure)
                }
            default: preconditionFailure("an answer that was not asked for in \(state)")
            }
        } catch {
            return fail(error)
        }
    }

    // MARK: Who is there

    private mutating func greeted(_ response: HTTPResponse) throws(ExchangeFailure) -> ExchangeStep {
        guard response.status == 200 else { throw .status(response.status) }
        guard response.fields.mediaType == "application/json" else { throw .malformed(.contentType) }
        let peer = try MeshPeer(body: response.body)
        accepted = peer.identity.id
        carry = carry.and(peer.carried)
        servesNothing = !(peer.identity.mode?.serves ?? true)
        state = .identifying
        return .identify(peer.identity)
    }

    // MARK: Our own set

    private var key: MeshSets.Key { MeshSets.Key(node: node ?? .min, carried: carry) }

    private mutating func read(then next: AfterReading) -> ExchangeStep {
        let after = sets.set(key).readsAfter
        state = .reading(after: after, then: next)
        return .outbox(after: after, limit: Limits.pageEvents, bytes: Limits.pageBytes)
    }

    private mutating func follow(
        _ page: [StoredEvent], _ through: Int64, after: Int64, then next: AfterReading
    ) throws(ExchangeFailure) -> ExchangeStep {
        let known = sets.set(key).last?.seq ?? 0
        // A page that holds only what is known is the last one.
        let isEnd = (page.last?.seq ?? 0) <= known
        sets.follow(page, after: after, isEnd: isEnd, key)
        guard isEnd, sets.set(key).last?.seq ?? 0 >= known else { return read(then: next) }
        switch next {
        case .session: return try openSession()
        case .declined(let isComplete):
            let set = sets.set(key)
            declined.add(fetched.filter { !set.contains($0) }.sorted())
            return finish(isComplete: isComplete)
        }
    }

    // MARK: Reconciling

    private mutating func openSession() throws(ExchangeFailure) -> ExchangeStep {
        var session = MeshSession(sets.set(key).items, knowing: fetched.union(declined.ids), bounds)
        fetchedBefore = fetched.count
        let message = try session.open()
        self.session = session
        statistics.sessions.count(1)
        return send(message)
    }

    private mutating func send(_ message: [UInt8]) -> ExchangeStep {
        state = .reconciling
        statistics.bytesSent.count(message.count)
        return request(
            .post, MeshRoutes.reconcilePath, body: message, type: MeshRoutes.messageType, accept: MeshRoutes.messageType,
            limit: Limits.meshMessageBytes)
    }

    private mutating func reconciled(_ response: HTTPResponse) throws(ExchangeFailure) -> ExchangeStep {
        try check(response, type: MeshRoutes.messageType)
        statistics.rounds.count(1)
        statistics.bytesReceived.count(response.body.count)
        guard let next = try session?.receive(response.body) else {
            guard let session else { return finish() }
            if session.isFinished { statistics.completed.count(1) }
            statistics.have.count(session.have)
            wanted = session.need.subtracting(fetched)
            statistics.need.count(wanted.count)
            wanted.subtract(declined.ids)
            return wanted.isEmpty ? try concludeFetching() : fetch()
        }
        return send(next)
    }

    // MARK: Fetching

    private mutating func fetch() -> ExchangeStep {
        let asked = Array(wanted.sorted().prefix(Limits.meshIDs))
        state = .fetching(asked: asked)
        let body = asked.flatMap(\.bytes)
        statistics.bytesSent.count(body.count)
        return request(
            .post, MeshRoutes.documentsPath, body: body, type: MeshRoutes.messageType, accept: MeshRoutes.documentsType,
            limit: Limits.answerBytes)
    }

    private mutating func received(_ response: HTTPResponse, _ asked: [ItemID]) throws(ExchangeFailure) -> ExchangeStep {
        try check(response, type: MeshRoutes.documentsType)
        let page = try MeshPage(response, asked: Set(asked))
        statistics.bytesReceived.count(response.body.count)
        statistics.fetched.count(page.ids.count)
        fetched.formUnion(page.ids)
        // What is not in an answer that says there is no more, the peer no longer has.
        wanted.subtract(page.more ? page.ids : Set(asked))
        if page.items.isEmpty { return wanted.isEmpty ? try concludeFetching() : fetch() }
        state = .taking(more: !wanted.isEmpty)
        return .take(PulledPage(items: page.items, cursor: .none))
    }

    private mutating func committed(_ page: PageOutcome, _ more: Bool) throws(ExchangeFailure) -> ExchangeStep {
        if let problem = page.stoppedBy { throw .replay(problem) }
        outcome.add(page)
        return more ? fetch() : try concludeFetching()
    }

    /// A session that was cut short is followed by another; what was refused is noted, so that it is asked for once.
    private mutating func concludeFetching() throws(ExchangeFailure) -> ExchangeStep {
        let wasCut = !(session?.isFinished ?? true)
        session = nil
        // Also where all of it was refused: what stands behind that is another's.
        if wasCut, fetched.count > fetchedBefore { return read(then: .session) }
        return outcome.refused + outcome.deferred > 0 ? read(then: .declined(isComplete: !wasCut)) : finish(isComplete: !wasCut)
    }

    // MARK: The end

    private mutating func finish(isComplete: Bool = true) -> ExchangeStep {
        keep(.success(ExchangeProgress(isComplete: isComplete, wire: .mesh)))
    }

    private mutating func fail(_ failure: ExchangeFailure) -> ExchangeStep {
        switch state {
        case .keeping, .over, .idle, .greeting, .identifying:
            state = .over
            return .failed(failure)
        case .reading, .reconciling, .fetching, .taking: return keep(.failure(failure))
        }
    }

    /// A poll without a session has nothing to keep.
    private mutating func keep(_ result: Result<ExchangeProgress, ExchangeFailure>) -> ExchangeStep {
        guard statistics.sessions > 0, fetches else {
            state = .over
            switch result {
            case .success(let progress): return .finished(progress)
            case .failure(let failure): return .failed(failure)
            }
        }
        state = .keeping(result)
        return .keep([MeshStatistics.valueName: statistics.json, DeclinedIDs.valueName: declined.stored])
    }

    // MARK: Requests

    /// An answer that is one, by the node that the host has accepted.
    private func check(_ response: HTTPResponse, type: String) throws(ExchangeFailure) {
        guard response.status == 200 else { throw .status(response.status) }
        guard response.fields[NativeField.node].flatMap({ ULID($0) }) == accepted else { throw .identityMismatch }
        guard response.fields.mediaType == type else { throw .malformed(.contentType) }
    }

    private func request(
        _ method: HTTPRequest.Method, _ path: String, body: [UInt8] = [], type: String? = nil, accept: String, limit: Int
    ) -> ExchangeStep {
        var fields: HTTPFields = ["Accept": accept]
        fields[NativeField.node] = node?.description
        fields["Content-Type"] = type
        let target = method == .get ? path : "\(path)?\(MeshRoutes.carryName)=\(carry.rawValue)"
        return .request(HTTPRequest(method, target, fields: fields, body: body, maxAnswerBytes: limit), seals: [])
    }
}
