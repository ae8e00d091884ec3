import FederationCore
import FederationHTTP

/// One poll of another `federation` node.
///
/// - `idle → pulling` with a position: the answer's fields say who answers, so one request is all a poll needs
/// - `idle → greeting → identifying → pulling` without one, and to start over
/// - `pulling → identifying → taking` with the first page, `pulling → taking` with each other
/// - `taking → pulling` while there is more, else `→ over`
/// - `pulling → greeting` once, when the peer says that our position is not one of its log, or that it serves nothing
struct NativeExchange: Exchange {
    private enum State {
        case idle
        case greeting
        case pulling
        /// The page that came with the identity waits until that is accepted.
        case identifying(PeerIdentity, page: NativePage?)
        case taking(more: Bool)
        case over
    }

    private var state = State.idle
    private var node: ULID?
    private var fetches = false
    private var position: String?
    /// The identity that the host has accepted in this conversation.
    private var accepted: ULID?
    private var hasStartedOver = false

    mutating func begin(_ context: ExchangeContext) -> ExchangeStep {
        node = context.node.id
        fetches = context.fetches
        position = context.pinnedWire == .noema ? nil : context.position
        return fetches && position != nil ? askForPage() : askIdentity()
    }

    mutating func resume(_ answer: ExchangeAnswer, now: WallTime) -> ExchangeStep {
        do throws(ExchangeFailure) {
            switch (state, answer) {
            case (_, .transport(let failure)): throw .transport(failure)
            case (.greeting, .response(let response)): return try greeted(response)
            case (.pulling, .response(let response)): return try pulled(response)
            case (.identifying(let peer, let page), .identityAccepted):
                accepted = peer.id
                if let page { return take(page) }
                guard fetches else { return finish() }
                guard peer.mode?.serves ?? true else { throw .peerServesNothing }
                return askForPage()
            case (.taking(let more), .committed(let outcome)):
                if let problem = outcome.stoppedBy { throw .replay(problem) }
                return more ? askForPage() : finish()
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
        case 200: break
        case 409 where !hasStartedOver:
            hasStartedOver = true
            position = nil
            return askIdentity()
        case 403 where response.fields[NativeField.mode] == NodeMode.subscribe.rawValue && accepted == nil:
            return askIdentity()
        default: throw .status(response.status)
        }
        let peer = try NativePeer.identity(fields: response.fields)
        let page = try NativePage(response, after: position, limit: Limits.pageEvents)
        guard let accepted else {
            state = .identifying(peer, page: page)
            return .identify(peer)
        }
        guard accepted == peer.id else { throw .identityMismatch }
        return take(page)
    }

    private mutating func take(_ page: NativePage) -> ExchangeStep {
        guard !page.items.isEmpty || page.position != position else { return finish() }
        position = page.position
        state = .taking(more: page.more)
        return .take(PulledPage(items: page.items, cursor: .position(page.position), remaining: page.remaining))
    }

    private mutating func finish() -> ExchangeStep {
        state = .over
        return .finished(ExchangeProgress(isComplete: true, wire: .native))
    }

    // MARK: Requests

    private mutating func askIdentity() -> ExchangeStep {
        state = .greeting
        return get(NativeRoutes.identityPath, accept: "application/json", maxAnswerBytes: Limits.smallAnswerBytes)
    }

    private mutating func askForPage() -> ExchangeStep {
        state = .pulling
        var target = "\(NativeRoutes.eventsPath)?limit=\(Limits.pageEvents)"
        if let position { target += "&after=" + percentEncoded(position) }
        return get(target, accept: NativeRoutes.pageType, maxAnswerBytes: Limits.answerBytes)
    }

    private func get(_ target: String, accept: String, maxAnswerBytes: Int) -> ExchangeStep {
        var fields: HTTPFields = ["Accept": accept]
        if accept == NativeRoutes.pageType { fields["Accept-Encoding"] = Zstd.name }
        fields[NativeField.node] = node?.description
        return .request(HTTPRequest(.get, target, fields: fields, maxAnswerBytes: maxAnswerBytes), seals: [])
    }
}

/// One answer of `/federation/v1/events`, read so that one bad line spoils no other.
struct NativePage {
    let items: [PulledItem]
    let position: String
    let more: Bool
    /// How far the end of the log is from the last event of the page, in places.
    let remaining: Int64?

    init(_ response: HTTPResponse, after: String?, limit: Int) throws(ExchangeFailure) {
        guard response.fields.mediaType == NativeRoutes.pageType else { throw .malformed(.contentType) }
        guard let position = response.fields[NativeField.position], let more = response.fields[NativeField.more],
            let count = response.fields[NativeField.count].flatMap({ Int($0) })
        else { throw .malformed(.headerMissing) }
        guard position.isHeaderToken, position.utf8.count <= Limits.positionLength, ["true", "false"].contains(more)
        else { throw .malformed(.headerInvalid) }
        guard count <= limit else { throw .malformed(.moreEventsThanAsked(asked: limit)) }
        let lines = try NativePage.lines(response.body, limit: limit)
        guard lines.count == count else { throw .malformed(.truncated) }
        items = lines.map { PulledItem(json: Array($0)) }
        self.position = position
        self.more = more == "true"
        let head = response.fields[NativeField.head].flatMap { NativePosition($0) }
        remaining = head.flatMap { head in NativePosition(position).map { max(0, head.seq - $0.seq) } }
        guard !self.more || (position != after && !lines.isEmpty) else { throw .malformed(.noProgress) }
    }

    /// Every line ends with a newline, the last one too: one that does not was cut off.
    static func lines(_ body: [UInt8], limit: Int) throws(ExchangeFailure) -> [ArraySlice<UInt8>] {
        var lines: [ArraySlice<UInt8>] = []
        var start = body.startIndex
        while start < body.endIndex {
            guard let end = body[start...].firstIndex(of: 0x0A) else { throw .malformed(.truncated) }
            guard lines.count < limit else { throw .malformed(.moreEventsThanAsked(asked: limit)) }
            lines.append(body[start..<end])
            start = end + 1
        }
        return lines
    }
}
