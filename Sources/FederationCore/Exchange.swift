/// The protocols. `auto` is not one: it chooses among `native` and `noema`.
public enum WireName: String, Hashable, Sendable, CaseIterable { case native, noema, hive, neotoma, mesh, artifacts }

/// Who answered, before it is compared with the pin.
package struct PeerIdentity: Hashable, Sendable {
    package var id: ULID
    package var name: String
    /// The program's version, as `PeerHealth.safeVersion` keeps it.
    package var version: String
    /// The wire it answered on: pinned together with its id. Native, once pinned, is never left for Noema
    /// (`ExchangeFailure.wireChanged`); any other change of wire starts without a cursor.
    package var wire: WireName
    package var mode: NodeMode?
    package var publicKey: String?
    /// The highest number of ours that it holds, where it says so: how a restored node learns what it lost.
    package var heldOfOurs: UInt64?
    /// The changes of its key, as it shows them.
    package var successions: [Attestation] = []
    /// What it wants to be given of our log, as it cannot ask for it.
    package var wants: PushOffer?

    package init(
        id: ULID, name: String, version: String, wire: WireName, mode: NodeMode? = nil, publicKey: String? = nil,
        heldOfOurs: UInt64? = nil, wants: PushOffer? = nil
    ) {
        self.id = id
        self.name = name
        self.version = version
        self.wire = wire
        self.mode = mode
        self.publicKey = publicKey
        self.heldOfOurs = heldOfOurs
        self.wants = wants
    }
}

/// What an exchange is told when it begins.
package struct ExchangeContext: Sendable {
    package enum Reach: Hashable, Sendable {
        case news
        /// Read a Noema log again from its beginning; the cursor is not moved back.
        case rescan
        /// Compare the logs and fetch what is missing, whatever the cursor says.
        case reconcile
    }

    package var node: NodeIdentity
    package var peerName: String
    /// The wire that is pinned for this peer (`peer:<name>:wire`), once one is.
    package var pinnedWire: WireName?
    /// Whether events may be fetched from this peer: both the node's mode and the peer's entry decide.
    package var fetches: Bool
    /// Whether events may be pushed to this peer, on a wire that pushes.
    package var pushes: Bool
    package var cursor: ULID?
    package var position: String?
    package var interval: Duration
    package var reach: Reach
    /// How long the peer is to hold its answer where it has nothing new, if it can; zero: not at all.
    package var hold = Duration.zero
    /// How many events the peer is to be asked for at one time, at most.
    package var pageEvents = Limits.pageEvents
    /// Holes in the numbers of origins that the peer is to be asked for, once it has given its news.
    package var holes: [NumberHole] = []
    /// Events whose text the records lack, which the peer is to be asked for by id.
    package var incompleteHeads: [ULID] = []
    /// For `reconcile`: what was minted from this moment on is left out of the comparison.
    package var comparedAt: WallTime
    /// The wire's own durable values for this peer, as last kept.
    package var wireValues: [String: [UInt8]]
    package var now: WallTime
    /// Random bits for whatever the exchange mints (nonces, request ids).
    package var nonce: (UInt64, UInt64)

    package init(
        node: NodeIdentity, peerName: String, pinnedWire: WireName?, fetches: Bool, pushes: Bool, cursor: ULID?,
        position: String?, interval: Duration, reach: Reach, comparedAt: WallTime? = nil,
        wireValues: [String: [UInt8]], now: WallTime, nonce: (UInt64, UInt64)
    ) {
        self.node = node
        self.peerName = peerName
        self.pinnedWire = pinnedWire
        self.fetches = fetches
        self.pushes = pushes
        self.cursor = cursor
        self.position = position
        self.interval = interval
        self.reach = reach
        self.comparedAt = comparedAt ?? now
        self.wireValues = wireValues
        self.now = now
        self.nonce = nonce
    }
}

/// What a request carries of a secret that the wire never sees: the host puts it in, and the host checks it.
///
/// `secret` is the name of a secret in the configuration, never the secret.
package enum RequestSeal: Hashable, Sendable {
    /// `Authorization: Bearer <secret>`.
    case bearer(secret: String)
    /// The secret itself in this field.
    case plain(secret: String, field: String)
    /// `prefix` and the lower-case hex of HMAC-SHA256(secret, body), in this field.
    case hmac(secret: String, field: String, prefix: String)
}

/// What an exchange wants next. Everything it needs from outside is one of these; it does nothing itself.
package enum ExchangeStep: Sendable {
    /// Perform a request; answered by `.response` or `.transport`.
    case request(HTTPRequest, seals: [RequestSeal])
    /// Compare with the pin; answered by `.identityAccepted`, or the exchange is over.
    case identify(PeerIdentity)
    /// Replay and commit; answered by `.committed`. A page that stops ends the exchange. The host counts pages, and
    /// ends an exchange that passes `Limits.pagesPerPoll`.
    case take(PulledPage)
    /// Give events that the peer lacks, in order of arrival after `seq`; answered by `.outbox`.
    case outbox(after: Int64, limit: Int, bytes: Int)
    /// Commit values of the wire's own (`nil` removes one); answered by `.kept`.
    case keep([String: [UInt8]?])
    /// Ask our own log what a comparison with the peer's needs; answered by `.reconciled`.
    case reconcile(ReconcileQuestion)
    /// Sign with a secret that the wire cannot see; answered by `.signed`.
    case sign([UInt8], secret: String)
    case finished(ExchangeProgress)
    case failed(ExchangeFailure)
}

/// What the host answers to a step.
package enum ExchangeAnswer: Sendable {
    case response(HTTPResponse)
    case transport(TransportFailure)
    case identityAccepted
    case committed(PageOutcome)
    case outbox([StoredEvent], through: Int64)
    case kept
    case reconciled(ReconcileAnswer)
    case signed([UInt8])
}

/// How an exchange ended well.
package struct ExchangeProgress: Hashable, Sendable {
    /// Every event that the peer would give was read.
    package var isComplete: Bool
    /// The wire that was spoken, for `auto`.
    package var wire: WireName
    /// The peer holds an answer until it has news (`ExchangeContext.hold`), so it can be asked again at once.
    package var canFollow: Bool
    /// The peer did not know our position: its log is another one than before.
    package var startedOver: Bool
    /// How the logs compare, where that was asked for and the peer can say.
    package var reconciliation: ReconcileReport?
    /// Whether the peer can be asked for events by number; `nil` where this conversation does not show it.
    package var answersNumbers: Bool?
    /// Events that came because they were asked for so.
    package var filled = 0

    package init(
        isComplete: Bool, wire: WireName, canFollow: Bool = false, startedOver: Bool = false,
        reconciliation: ReconcileReport? = nil, answersNumbers: Bool? = nil, filled: Int = 0
    ) {
        self.isComplete = isComplete
        self.wire = wire
        self.canFollow = canFollow
        self.startedOver = startedOver
        self.reconciliation = reconciliation
        self.answersNumbers = answersNumbers
        self.filled = filled
    }
}

/// How an exchange ended badly: typed facts, from which its `reason` follows.
public enum ExchangeFailure: Error, Hashable, Sendable {
    case transport(TransportFailure)
    /// A status that is no answer: 401 and 403 are `auth`.
    case status(Int)
    /// A JSON-RPC error, or a tool's refusal (`isError`).
    case remoteError(code: Int?)
    /// The peer does not know the identity tool, or says no id.
    case identityMissing
    /// The peer's manifest is older than version 2 (Noema section 3.3).
    case manifestVersion(Int)
    /// It is not who it was, or shows our own identity, or another key.
    case identityMismatch
    /// The peer serves nothing to us (its mode is `subscribe`).
    case peerServesNothing
    case malformed(WireViolation)
    /// The page stopped at a retryable failure.
    case replay(ReplayProblem)
    case store(StoreFailure)
    /// It speaks another wire than the pinned one.
    case wireChanged
    case tooManyPages
    /// A secret that the conversation needs is not configured, or its file is gone.
    case secretMissing

    public var reason: Reason {
        switch self {
        case .transport(let failure): failure.reason
        case .status(let status): status == 401 || status == 403 ? .auth : .other
        case .identityMissing: .identityMissing
        case .manifestVersion: .invalidFrontmatter
        case .identityMismatch: .identityMismatch
        case .secretMissing: .auth
        case .replay(let problem): problem.reason
        case .store(let failure): failure.isFull ? .storeFull : .other
        case .remoteError, .peerServesNothing, .malformed, .wireChanged, .tooManyPages: .other
        }
    }
}

/// What in an answer breaks the protocol.
public enum WireViolation: Hashable, Sendable {
    case notJSON(JSONProblem)
    case contentType
    case missingMember
    case wrongRequestID
    case unknownProtocolVersion
    case moreEventsThanAsked(asked: Int)
    case idsNotAscending
    case headerMissing
    case headerInvalid
    /// No message of an event stream answers the request.
    case eventStream
    /// It says there is more, and gives nothing that leads on.
    case noProgress
    /// Fewer events than it says it sent.
    case truncated
    /// It is no message of a reconciliation.
    case reconcileMessage
}

/// One conversation with a peer, as a value: given the last answer it names the next step.
package protocol Exchange: Sendable {
    /// The first step.
    mutating func begin(_ context: ExchangeContext) -> ExchangeStep
    /// The step after an answer. An answer of another kind than asked for cannot happen and may be a precondition.
    mutating func resume(_ answer: ExchangeAnswer, now: WallTime) -> ExchangeStep
    /// The requests that are likely to be asked for after the step given last, in that order.
    ///
    /// A host may send some of them at once, and gives the answer when the very same request is asked for. What is not
    /// asked for is let go; one that fails by itself is sent again in its turn. So a request named here changes nothing
    /// at the peer, and its answer is as good when it was given early.
    var ahead: [UpcomingRequest] { get }
    /// What the next conversation with a peer that is followed asks for first, while the last page of this one is being
    /// committed. As of `ahead`, it is let go where something else is asked for.
    var followUp: UpcomingRequest? { get }
}

extension Exchange {
    /// None: one request after the other.
    package var ahead: [UpcomingRequest] { [] }
    package var followUp: UpcomingRequest? { nil }
}

/// A request that an exchange has not asked for yet.
package struct UpcomingRequest: Hashable, Sendable {
    package var request: HTTPRequest
    package var seals: [RequestSeal]

    package init(_ request: HTTPRequest, seals: [RequestSeal] = []) {
        self.request = request
        self.seals = seals
    }
}
