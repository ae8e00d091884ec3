import FederationCore

/// One look at a peer: carries on an exchange as a first poll would, keeps what it gives, and commits nothing.
///
/// - `begin → send`, `answered → send` until there is an `ending`
/// - After `pages` pages, or `Limits.previewBytes` of them, the exchange is told that the last page stopped, so that it
///   takes its leave of the peer as it would in a poll.
struct PreviewMachine: Sendable {
    enum Effect: Sendable {
        /// Answered by `answered`.
        case send(HTTPRequest, seals: [RequestSeal])
        case over
    }

    enum Ending: Hashable, Sendable {
        /// Everything that the peer has was read.
        case complete
        /// There may be more.
        case enough
        case failed(ExchangeFailure)
    }

    private(set) var identity: PeerIdentity?
    private(set) var wire: WireName?
    private(set) var items: [PulledItem] = []
    private(set) var pages = 0
    /// About how many events follow what was read, where the peer says.
    private(set) var remaining: Int64?
    private(set) var ending: Ending?

    private var exchange: any Exchange
    private let node: ULID
    private let pageLimit: Int
    private var bytes = 0
    private var requests = 0
    private var hasEnough = false
    /// Who the peer is, is all that is asked.
    var asksIdentityAlone = false

    init(_ exchange: any Exchange, node: ULID, pages: Int) {
        self.exchange = exchange
        self.node = node
        pageLimit = pages
    }

    mutating func begin(_ context: ExchangeContext) -> Effect { follow(exchange.begin(context), now: context.now) }

    mutating func answered(_ answer: Result<HTTPResponse, TransportFailure>, now: WallTime) -> Effect {
        switch answer {
        case .success(let response): return resume(.response(response), now)
        case .failure(let failure): return resume(.transport(failure), now)
        }
    }

    private mutating func resume(_ answer: ExchangeAnswer, _ now: WallTime) -> Effect {
        follow(exchange.resume(answer, now: now), now: now)
    }

    private mutating func follow(_ step: ExchangeStep, now: WallTime) -> Effect {
        switch step {
        case .request(let request, let seals):
            requests += 1
            guard requests <= Limits.previewRequests else { return end(.failed(.tooManyPages)) }
            return .send(request, seals: seals)
        case .identify(let peer):
            identity = peer
            wire = peer.wire
            guard peer.id != node else { return end(.failed(.identityMismatch)) }
            // A Noema session is ended as it should be; of any other wire the next request would be one too many.
            if asksIdentityAlone, peer.wire != .noema { return end(.enough) }
            return resume(.identityAccepted, now)
        case .take(let page):
            guard identity != nil else { return end(.failed(.identityMissing)) }
            take(page)
            var outcome = PageOutcome()
            if hasEnough { outcome.stoppedBy = ReplayProblem(reason: .other, eventID: "", subject: "") }
            return resume(.committed(outcome), now)
        case .keep: return resume(.kept, now)
        case .outbox(let after, _, _): return resume(.outbox([], through: after), now)
        case .sign: return end(.failed(.secretMissing))
        // A preview reads news; it compares nothing.
        case .reconcile: return end(.failed(.malformed(.reconcileMessage)))
        case .finished(let progress):
            wire = progress.wire
            return end(hasEnough || !progress.isComplete ? .enough : .complete)
        case .failed(.replay) where hasEnough: return end(.enough)
        case .failed(let failure): return end(.failed(failure))
        }
    }

    private mutating func take(_ page: PulledPage) {
        pages += 1
        remaining = page.rest?.events
        for item in page.items {
            items.append(item)
            bytes += item.byteCount
        }
        hasEnough = remaining != 0 && (pages >= pageLimit || bytes >= Limits.previewBytes)
    }

    private mutating func end(_ ending: Ending) -> Effect {
        self.ending = ending
        return .over
    }
}

extension PulledItem {
    fileprivate var byteCount: Int {
        switch self {
        case .event(_, let bytes), .unreadable(_, let bytes, _, _): bytes.count
        }
    }
}
