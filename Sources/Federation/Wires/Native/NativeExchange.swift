import FederationCore
import FederationHTTP

/// One poll of another `federation` node.
///
/// - `idle → pulling` with a position: the answer's fields say who answers, so one request is all a poll needs
/// - `idle → greeting → identifying → pulling` without one, and to start over
/// - `pulling → identifying → taking` with the first page, `pulling → taking` with each other
/// - `taking → pulling` while there is more, else `→ over`
/// - `→ naming → completing → naming …` before it is over, where texts that records lack are to be asked for
/// - `→ numbering → filling → numbering …` before it is over, where there are holes to ask for and the peer can be asked
/// - `pulling → greeting` once, when the peer says that our position is not one of its log, or that it serves nothing
struct NativeExchange: Exchange {
    private enum State {
        case idle
        case greeting
        case pulling
        /// The page that came with the identity waits until that is accepted.
        case identifying(PeerIdentity, page: NativePage?)
        case taking(more: Bool)
        case naming, completing
        case numbering, filling
        /// How far the peer's attestations were read is written down by itself, as no page came with them.
        case keeping
        case over
    }

    private var state = State.idle
    private var node: ULID?
    private var fetches = false
    private var ranges = NativeRanges(from: nil)
    private var pageEvents: Int
    private let longestPage: Int
    /// The line does not bear pages of the full length, and so no several at one time either.
    private var isShortened = false
    /// The identity that the host has accepted in this conversation.
    private var accepted: ULID?
    private var hasStartedOver = false
    /// How long the first page may be held; after it there is something to do.
    private var hold = Duration.zero
    /// The same of the conversation after this one.
    private var nextHold = Duration.zero
    /// How many events the last page brought.
    private var pageCount = 0
    private var canFollow = false
    private var numbers = NativeNumbers([], limit: 1)
    /// Events that the peer is asked for by id, because their text is missing here.
    private var heads = NativeHeads([])
    /// Whether the peer can be asked for events by number, once an answer has shown it.
    private var answersNumbers: Bool?
    /// The last row of the peer's attestations that we were given; as it was when the conversation began, and now.
    private var attested: (before: Int64, now: Int64) = (0, 0)
    static let attestedValue = "attested"
    /// The conversation is a comparison of the logs.
    private var comparison: NativeReconcile?

    /// - Parameter pageEvents: how many events a page is asked to hold at most.
    init(pageEvents: Int = Limits.pageEvents) {
        self.pageEvents = pageEvents
        longestPage = pageEvents
    }

    /// The pages after this one. Nothing is asked of a stranger.
    var ahead: [UpcomingRequest] {
        guard accepted != nil, !isShortened else { return [] }
        switch state {
        case .pulling: return ranges.following.map { UpcomingRequest(request(for: $0)) }
        case .taking(more: true): return ([ranges.next] + ranges.following).map { UpcomingRequest(request(for: $0)) }
        case .taking, .keeping, .idle, .greeting, .identifying, .naming, .completing, .numbering, .filling, .over:
            return []
        }
    }

    /// The next page of a peer that is followed, sent while this one is on its way to the disk. Behind a single event there is
    /// time, and to ask for more would be in that one's way.
    var followUp: UpcomingRequest? {
        guard case .taking(more: false) = state, canFollow, !isShortened, nextHold > .zero, pageCount > 1 else { return nil }
        let ranges = NativeRanges(from: ranges.position)
        return UpcomingRequest(
            request(for: ranges.next, holding: nextHold, marks: !ranges.areRefused, attested: attested.now))
    }

    mutating func begin(_ context: ExchangeContext) -> ExchangeStep {
        if context.reach == .reconcile {
            var comparison = NativeReconcile()
            let step = comparison.begin(context)
            self.comparison = comparison
            return step
        }
        node = context.node.id
        fetches = context.fetches
        (hold, nextHold) = (context.hold, context.hold)
        ask(forPagesOf: context.pageEvents)
        numbers = NativeNumbers(context.holes, limit: pageEvents)
        heads = NativeHeads(context.incompleteHeads, limit: pageEvents)
        let row = context.wireValues[NativeExchange.attestedValue].flatMap { Int64(String(decoding: $0, as: UTF8.self)) }
        attested = (row ?? 0, row ?? 0)
        ranges = NativeRanges(from: context.pinnedWire == .noema ? nil : context.position)
        return fetches && ranges.position != nil ? askForPage() : askIdentity()
    }

    mutating func resume(_ answer: ExchangeAnswer, now: WallTime) -> ExchangeStep {
        if var comparison {
            let step = comparison.resume(answer)
            self.comparison = comparison
            return step
        }
        do throws(ExchangeFailure) {
            switch (state, answer) {
            case (_, .transport(let failure)): throw .transport(failure)
            case (.greeting, .response(let response)): return try greeted(response)
            case (.pulling, .response(let response)): return try pulled(response)
            case (.identifying(let peer, let page), .identityAccepted):
                accepted = peer.id
                if let page { return try take(page) }
                guard fetches else { return finish() }
                guard peer.mode?.serves ?? true else { throw .peerServesNothing }
                return askForPage()
            case (.taking(let more), .committed(let outcome)):
                if let problem = outcome.stoppedBy { throw .replay(problem) }
                if let events = outcome.pageEvents { ask(forPagesOf: events) }
                if more { return askForPage() }
                attested.before = attested.now
                return finish()
            case (.keeping, .kept): return finish()
            case (.naming, .response(let response)): return try named(response)
            case (.completing, .committed(let outcome)):
                if let problem = outcome.stoppedBy { throw .replay(problem) }
                return finish()
            case (.numbering, .response(let response)): return try numbered(response)
            case (.filling, .committed(let outcome)):
                if let problem = outcome.stoppedBy { throw .replay(problem) }
                numbers.committed(outcome)
                return finish()
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
        guard accepted == nil || accepted == peer.id else { throw .identityMismatch }
        state = .identifying(peer, page: nil)
        return .identify(peer)
    }

    private mutating func pulled(_ response: HTTPResponse) throws(ExchangeFailure) -> ExchangeStep {
        switch response.status {
        case 200:
            canFollow = response.fields.offers("wait")
            answersNumbers = response.fields.offers(NativeNumbers.feature)
        // Its log has begun another epoch since it named them, or it will not have so many at one time.
        case 400 where ranges.next.until != nil, 409 where ranges.next.until != nil:
            ranges.refuse()
            return askForPage()
        case 409 where !hasStartedOver:
            hasStartedOver = true
            attested.now = 0
            ranges = NativeRanges(from: nil)
            return askIdentity()
        case 403 where response.fields[NativeField.mode] == NodeMode.subscribe.rawValue && accepted == nil:
            return askIdentity()
        default: throw .status(response.status)
        }
        var peer = try NativePeer.identity(fields: response.fields)
        let page = try NativePage(response, of: ranges.next, limit: pageEvents)
        peer.successions = page.attestations.filter { $0.origin == peer.id && $0.next != nil }
        guard let accepted else {
            state = .identifying(peer, page: page)
            return .identify(peer)
        }
        guard accepted == peer.id else { throw .identityMismatch }
        return try take(page)
    }

    private mutating func take(_ page: NativePage) throws(ExchangeFailure) -> ExchangeStep {
        if let row = page.attested { attested.now = row }
        guard !page.items.isEmpty || page.position != ranges.position || !page.attestations.isEmpty else {
            return keepOrFinish()
        }
        guard !page.more || !ranges.circles(at: page.position) else { throw .malformed(.noProgress) }
        ranges.took(page)
        pageCount = page.items.count
        state = .taking(more: page.more)
        var pulled = PulledPage(
            items: page.items, cursor: .position(page.position), rest: page.rest, attestations: page.attestations)
        pulled.findings = page.findings
        // With the last page, and not in a transaction after it: whoever is followed live signs often.
        if !page.more, attested.now != attested.before { pulled.wireValues = attestedRow }
        return .take(pulled)
    }

    private mutating func keepOrFinish() -> ExchangeStep {
        guard attested.now != attested.before else { return finish() }
        state = .keeping
        return .keep(attestedRow)
    }

    private var attestedRow: [String: [UInt8]] { [NativeExchange.attestedValue: Array(String(attested.now).utf8)] }

    /// What the peer does not fill it is asked for again by another poll.
    private mutating func numbered(_ response: HTTPResponse) throws(ExchangeFailure) -> ExchangeStep {
        guard response.status == 200 else {
            numbers.giveUp()
            return finish()
        }
        guard try NativePeer.identity(fields: response.fields).id == accepted else { throw .identityMismatch }
        let items = try numbers.took(response)
        guard !items.isEmpty else { return finish() }
        state = .filling
        return .take(PulledPage(items: items, cursor: .none))
    }

    /// What the peer has of the events that it was asked for by id: stubs bring nothing, and are no harm.
    private mutating func named(_ response: HTTPResponse) throws(ExchangeFailure) -> ExchangeStep {
        guard response.status == 200 else {
            heads.giveUp()
            return finish()
        }
        guard try NativePeer.identity(fields: response.fields).id == accepted else { throw .identityMismatch }
        let items = try heads.took(response)
        guard !items.isEmpty else { return finish() }
        state = .completing
        return .take(PulledPage(items: items, cursor: .none))
    }

    private mutating func finish() -> ExchangeStep {
        if fetches, accepted != nil, let target = heads.target {
            state = .naming
            return .request(get(target, accept: NativeRoutes.pageType, maxAnswerBytes: Limits.nativeAnswerBytes), seals: [])
        }
        if fetches, answersNumbers == true, let target = numbers.target {
            state = .numbering
            return .request(get(target, accept: NativeRoutes.pageType, maxAnswerBytes: Limits.nativeAnswerBytes), seals: [])
        }
        state = .over
        return .finished(
            ExchangeProgress(
                isComplete: true, wire: .native, canFollow: canFollow && ranges.position != nil,
                startedOver: hasStartedOver, answersNumbers: answersNumbers, filled: numbers.filled))
    }

    // MARK: Requests

    private mutating func askIdentity() -> ExchangeStep {
        state = .greeting
        let request = get(
            NativeRoutes.identityPath, accept: "application/json", maxAnswerBytes: Limits.smallAnswerBytes)
        return .request(request, seals: [])
    }

    private mutating func askForPage() -> ExchangeStep {
        state = .pulling
        defer { hold = .zero }
        return .request(request(for: ranges.next, holding: hold), seals: [])
    }

    private mutating func ask(forPagesOf events: Int) {
        pageEvents = min(longestPage, events)
        isShortened = events < Limits.pageEvents
    }

    private func request(for range: NativeRanges.Range, holding hold: Duration = .zero) -> HTTPRequest {
        // As it was at first: a page that was asked for ahead must be the very one that is asked for in its turn.
        request(for: range, holding: hold, marks: !ranges.areRefused && !isShortened, attested: attested.before)
    }

    private func request(
        for range: NativeRanges.Range, holding hold: Duration, marks: Bool, attested: Int64
    ) -> HTTPRequest {
        var target = "\(NativeRoutes.eventsPath)?limit=\(pageEvents)"
        if marks { target += "&marks=\(Limits.marks)" }
        if let after = range.after { target += "&after=" + percentEncoded(after) }
        if let until = range.until { target += "&until=" + percentEncoded(until) }
        target += "&\(NativeAttestations.parameter)=\(attested)"
        let isHeld = range.after != nil && hold > .zero
        if isHeld { target += "&wait=\(hold.components.seconds)" }
        var request = get(target, accept: NativeRoutes.pageType, maxAnswerBytes: Limits.nativeAnswerBytes)
        if isHeld { request.hold = hold }
        return request
    }

    private func get(_ target: String, accept: String, maxAnswerBytes: Int) -> HTTPRequest {
        var fields: HTTPFields = ["Accept": accept]
        if accept == NativeRoutes.pageType { fields["Accept-Encoding"] = Zstd.name }
        fields[NativeField.node] = node?.description
        var request = HTTPRequest(.get, target, fields: fields, maxAnswerBytes: maxAnswerBytes)
        request.asksForLines = accept == NativeRoutes.pageType
        return request
    }
}

extension HTTPFields {
    /// The answering node says that it can do something.
    fileprivate func offers(_ feature: String) -> Bool {
        self[NativeField.features]?.utf8.split(separator: UInt8(ascii: " ")).contains { $0.elementsEqual(feature.utf8) } ?? false
    }
}

/// One answer of `/federation/v1/events`, read so that one bad line spoils no other.
struct NativePage {
    let items: [PulledItem]
    /// What was found out of them on the way here.
    let findings: [EventFindings?]
    let attestations: [Attestation]
    /// The last row of the peer's attestations that the answer has dealt with, where it says so.
    let attested: Int64?
    let position: String
    let more: Bool
    /// What follows the last event of the page, as the peer says.
    let rest: LogRest?
    /// Places that follow `position`, in order; none from an older peer.
    let marks: [String]
    /// The end of the log, as the peer says.
    let head: String?

    init(_ response: HTTPResponse, of range: NativeRanges.Range, limit: Int) throws(ExchangeFailure) {
        guard response.fields.mediaType == NativeRoutes.pageType else { throw .malformed(.contentType) }
        guard let position = response.fields[NativeField.position], let more = response.fields[NativeField.more]
        else { throw .malformed(.headerMissing) }
        guard position.isHeaderToken, position.utf8.count <= Limits.positionLength, ["true", "false"].contains(more)
        else { throw .malformed(.headerInvalid) }
        let contents = try NativePage.contents(response, limit: limit)
        (items, findings, attestations) = (contents.items, contents.findings, contents.attestations)
        attested = response.fields[NativeField.attested].flatMap { Int64($0) }.flatMap { $0 >= 0 ? $0 : nil }
        self.position = position
        self.more = more == "true"
        head = response.fields[NativeField.head]
        rest = NativePage.rest(response.fields[NativeField.rest], between: position, and: head)
        // A range may turn out to hold nothing any more; whoever asked for it knows that by its end.
        let advances = position != range.after && (!items.isEmpty || position == range.until)
        guard !self.more || advances, items.isEmpty || position != range.after else { throw .malformed(.noProgress) }
        marks = try NativePage.marks(response.fields[NativeField.marks], after: position)
    }

    /// What the peer says that follows; of an older one it is only known how far away the end of its log is, in places.
    private static func rest(_ field: String?, between position: String, and head: String?) -> LogRest? {
        guard let head = head.flatMap({ NativePosition($0) }), let last = NativePosition(position) else { return nil }
        let places = max(0, head.seq - last.seq)
        // There are never more events than places.
        if let said = field.flatMap({ LogRest(text: $0) }), said.events <= places { return said }
        guard LogRest.isBelieved(places) else { return nil }
        return places == 0 ? .nothing : LogRest(events: places)
    }

    private static func marks(_ field: String?, after position: String) throws(ExchangeFailure) -> [String] {
        let marks = (field ?? "").split(separator: " ").map { String($0) }
        guard marks.count <= Limits.marks, Set(marks + [position]).count == marks.count + 1,
            marks.allSatisfy({ $0.isHeaderToken && $0.utf8.count <= Limits.positionLength })
        else { throw .malformed(.headerInvalid) }
        return marks
    }

    /// The events of an answer, as many as it says it has.
    static func items(_ response: HTTPResponse, limit: Int) throws(ExchangeFailure) -> [PulledItem] {
        try contents(response, limit: limit).items
    }

    private static func contents(
        _ response: HTTPResponse, limit: Int
    ) throws(ExchangeFailure) -> (items: [PulledItem], findings: [EventFindings?], attestations: [Attestation]) {
        guard let count = response.fields[NativeField.count].flatMap({ Int($0) }) else {
            throw .malformed(.headerMissing)
        }
        guard count >= 0 else { throw .malformed(.headerInvalid) }
        guard count <= limit else { throw .malformed(.moreEventsThanAsked(asked: limit)) }
        let behind = try NativeAttestations.count(in: response.fields)
        if let read = response.lines {
            guard read.items.count <= limit + behind else { throw .malformed(.moreEventsThanAsked(asked: limit)) }
            guard read.items.count == count + behind else { throw .malformed(.truncated) }
            let attestations = NativeAttestations.read(read.items.dropFirst(count).map { $0.bytes[...] })
            return (Array(read.items.prefix(count)), Array(read.findings.prefix(count)), attestations)
        }
        let lines = try ReadLines.cut(response.body, limit: limit + behind)
        guard lines.count == count + behind else { throw .malformed(.truncated) }
        return (lines.prefix(count).map { PulledItem(json: Array($0)) }, [], NativeAttestations.read(lines.dropFirst(count)))
    }
}
