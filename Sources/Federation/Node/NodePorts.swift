internal import FederationCore
internal import FederationCrypto
internal import FederationHTTP
internal import FederationStore
internal import Synchronization
#if FAIL_POINTS
    internal import FailPoints
#endif

/// The way to one peer over HTTP.
final class PeerTransport: PollTransport {
    private let client: CurlClient
    private let endpoint: String
    private let timeout: Duration
    private let signer: @Sendable ([UInt8]) -> [UInt8]?
    private let credentials: @Sendable () -> ChannelCredentials
    private let boot: [UInt8]?
    private let lastAddress: Mutex<String>
    private let lastDrift = Mutex<Duration?>(nil)
    /// Who answered last.
    private let lastNode = Mutex<ULID?>(nil)

    /// The name of the one secret that there is: the node's own key. It never leaves the host.
    static let nodeKey = "node key"

    /// - Parameters:
    ///   - timeout: what a request may take in place of `Limits.requestDeadline`; one that asks for less keeps its own.
    ///   - host: the endpoint's host, if that is a numeric address.
    ///   - signer: signs with the node's own key.
    ///   - credentials: what each request goes with; asked for each time, for keys change.
    ///   - boot: which machine this is (`HostMark`).
    init(
        client: CurlClient, endpoint: String, timeout: Duration, host: String = "",
        signer: @escaping @Sendable ([UInt8]) -> [UInt8]? = { _ in nil },
        credentials: @escaping @Sendable () -> ChannelCredentials = { ChannelCredentials() },
        boot: [UInt8]? = HostMark.boot
    ) {
        self.client = client
        self.endpoint = endpoint
        self.timeout = timeout
        self.signer = signer
        self.credentials = credentials
        self.boot = boot
        lastAddress = Mutex(host)
    }

    /// The numeric address that the peer's endpoint leads to, where it says so or once it did.
    var address: String { lastAddress.withLock { $0 } }

    /// How far the clock of who answers there is ahead of ours, by the last answer that told.
    var clockDrift: Duration? { lastDrift.withLock { $0 } }

    func perform(_ request: HTTPRequest, seals: [RequestSeal]) async throws(TransportFailure) -> HTTPResponse {
        try await perform(request, route: nil)
    }

    /// The same, and how far the way to the peer was gone.
    func traced(_ request: HTTPRequest) async -> (Result<HTTPResponse, TransportFailure>, RouteFacts) {
        let facts = Mutex(RouteFacts())
        let result: Result<HTTPResponse, TransportFailure>
        do throws(TransportFailure) {
            result = .success(try await perform(request) { route in facts.withLock { $0 = route } })
        } catch {
            result = .failure(error)
        }
        return (result, facts.withLock { $0 })
    }

    private func perform(
        _ request: HTTPRequest, route: (@Sendable (RouteFacts) -> Void)?
    ) async throws(TransportFailure) -> HTTPResponse {
        var request = request
        request.deadline = request.deadline < Limits.requestDeadline ? min(request.deadline, timeout) : timeout
        request.deadline += request.hold
        prove(&request)
        if request.fields["Accept-Encoding"] != nil {
            request.fields[NativeField.host] = request.fields[NativeField.node].flatMap { HostMark.of($0, boot: boot) }
        }
        let asked = SystemClock.now()
        let answer = try await client.perform(request, endpoint: endpoint, credentials: credentials(), route: route)
        if let date = answer.response.fields["Date"],
            let drift = ClockDrift.of(date: date, asked: asked, answered: SystemClock.now())
        {
            lastDrift.withLock { $0 = drift }
        }
        lastAddress.withLock { $0 = answer.peerAddress }
        if let node = answer.response.fields[NativeField.node].flatMap({ ULID($0) }) { lastNode.withLock { $0 = node } }
        return answer.response
    }

    /// Signs a request that names this node, once it is known who answers there.
    private func prove(_ request: inout HTTPRequest) {
        guard let sender = request.fields[NativeField.node].flatMap({ ULID($0) }),
            let receiver = lastNode.withLock({ $0 })
        else { return }
        let seconds = SystemClock.now().milliseconds / 1000
        let preimage = NodeProof.preimage(
            sender: sender, receiver: receiver, seconds: seconds, method: request.method.rawValue,
            target: request.target, body: sha256(request.body))
        guard let signature = signer(preimage).flatMap({ Signature(bytes: $0) }) else { return }
        request.fields[NodeProof.field] =
            NodeProof(seconds: seconds, receiver: receiver, signature: signature.description).text
    }

    func sign(_ bytes: [UInt8], secret: String) async -> [UInt8]? {
        secret == PeerTransport.nodeKey ? signer(bytes) : nil
    }
}

/// A node's store, as its polls see it.
struct NodePollStore: PollStore {
    let node: Node

    func memory(_ question: PeerQuestion) async throws(StoreFailure) -> PeerMemory {
        let check = SignaturePolicy(node.config).check
        return try await node.store.read { (log) throws(StoreFailure) in
            try PeerMemory(question, from: log, check: check)
        }
    }

    func commit(_ commit: PeerCommit) async throws(StoreFailure) -> PageOutcome {
        var commit = commit
        if let page = commit.page, page.findings.isEmpty {
            commit.page?.findings = await reading.findings(of: page.items, with: page.attestations)
            // Whoever asked for it may have changed its mind meanwhile; from here on it is carried through.
            guard !Task.isCancelled else { throw .interrupted }
        }
        let now = SystemClock.now()
        let outcome = try await node.store.write { [node, commit] (log: inout SQLiteLog) throws(StoreFailure) in
            // As it is now, and not when the page came: a change of the policy is noted in a transaction too.
            try commit.write(to: &log, intake: node.intake, now: now)
        }
        #if FAIL_POINTS
            FailPoint.pageCommitted.pass()
        #endif
        if commit.key != nil { node.bell.ring() }
        return outcome
    }

    func lines(of response: HTTPResponse) async -> ReadLines? { await reading.lines(of: response) }

    private var reading: PageReading {
        PageReading(policy: SignaturePolicy(node.config)) { [node] ids in
            let held = try? await node.store.read { (log) throws(StoreFailure) in
                var held: Set<ULID> = []
                for id in ids where try log.greatestID(through: id) == id { held.insert(id) }
                return held
            }
            // Whatever is wrong with the store, the commit will say it.
            return held ?? []
        }
    }

    func reconcile(_ question: ReconcileQuestion) async throws(StoreFailure) -> ReconcileAnswer {
        try await node.store.read { (log) throws(StoreFailure) in try LogReconciliation.answer(question, in: log) }
    }

    func outbox(after seq: Int64, limit: Int, bytes: Int) async throws(StoreFailure) -> (
        events: [StoredEvent], through: Int64
    ) {
        let events = try await node.store.read { (log) throws(StoreFailure) in
            try log.events(after: seq, limit: limit, bytes: bytes)
        }
        return (events, events.last?.seq ?? seq)
    }
}
