internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationStore

/// A node's log, as pushing sees it.
struct NodePushStore: PushStore {
    let store: SQLiteStore

    /// Looked at again after this long where nobody has said that it grew.
    private static let patience: Duration = .seconds(60)

    func page(after position: String?, bytes: Int) async throws(StoreFailure) -> PushPage? {
        try await store.read { (view) throws(StoreFailure) in
            try PushPage.next(after: position, bytes: bytes, in: view)
        }
    }

    func mending(
        _ items: [LogItem], holding position: String, upTo last: String, bytes: Int
    ) async throws(StoreFailure) -> (page: PushPage?, through: Int) {
        try await store.read { (view) throws(StoreFailure) in
            try PushPage.mending(items, holding: position, upTo: last, bytes: bytes, in: view)
        }
    }

    func growth(past seq: Int64) async -> (head: Int64?, isOver: Bool) {
        let hasGrown = await store.commits.wait(past: seq, atMost: NodePushStore.patience)
        if hasGrown { return (store.commits.head, false) }
        let head = try? await store.read { (view) throws(StoreFailure) in try view.head()?.seq }
        return (head ?? nil, store.commits.isClosed)
    }
}

/// Signs pages with a node's own key, and sends them the way of its polls.
struct NodePushTransport: PushTransport {
    let transport: PeerTransport
    /// The node, as it is at the time.
    let node: @Sendable () -> NodeIdentity

    func push(_ page: PushPage, to receiver: ULID) async -> PushAnswer {
        let push = NativePush(page, from: node(), to: receiver, sha256: sha256)
        guard let signed = await transport.sign(push.preimage, secret: PeerTransport.nodeKey),
            let signature = Signature(bytes: signed)
        else { return .failed(.secretMissing) }
        do throws(TransportFailure) {
            let response = try await transport.perform(push.request(signature: signature.description), seals: [])
            return NativePush.answer(response, to: page, from: receiver)
        } catch {
            return .failed(.transport(error))
        }
    }
}

extension Node {
    /// The entry of a peer that comes to us under this identity, if events are taken from it.
    func pusher(_ id: ULID) -> PushingPeer? {
        let config = config
        guard let entry = config.peers.first(where: { $0.comesToUs && $0.id == id }), config.fetches(from: entry) else {
            return nil
        }
        let peer = PolledPeer(entry, of: config)
        var pusher = PushingPeer(name: entry.name, id: id, expectedKey: peer.expectedKey, wireNamespace: peer.wireNamespace)
        pusher.firstContact = peer.firstContact
        return pusher
    }
}

/// Lets few pushed pages be looked at together, so that junk in a peer's name leaves the log to others; the rest wait
/// in the order they came, and past that are told to come again.
actor PushGate {
    private let atOnce: Int
    private let waitingAtMost: Int
    private(set) var inHand = 0
    private var waiting: [(id: UInt64, continuation: CheckedContinuation<Bool, Never>)] = []
    private var lastID: UInt64 = 0

    init(atOnce: Int = Limits.pushesAtOnce, waitingAtMost: Int = Limits.pushesWaiting) {
        self.atOnce = atOnce
        self.waitingAtMost = waitingAtMost
    }

    var waitingCount: Int { waiting.count }

    /// Runs `body` in its turn, and gives what it gave.
    ///
    /// - Returns: `nil` where too many wait, or the task was cancelled before its turn.
    nonisolated func pass<Value>(_ body: () async throws(StoreFailure) -> Value) async throws(StoreFailure) -> Value? {
        guard await enter() else { return nil }
        do throws(StoreFailure) {
            let value = try await body()
            await leave()
            return value
        } catch {
            await leave()
            throw error
        }
    }

    private func enter() async -> Bool {
        if inHand < atOnce {
            inHand += 1
            return true
        }
        guard waiting.count < waitingAtMost, !Task.isCancelled else { return false }
        lastID += 1
        let id = lastID
        return await withTaskCancellationHandler {
            await withCheckedContinuation { waiting.append((id, $0)) }
        } onCancel: {
            Task { await self.giveUp(id) }
        }
    }

    /// The place goes to whoever has waited longest.
    private func leave() {
        if waiting.isEmpty {
            inHand -= 1
        } else {
            waiting.removeFirst().continuation.resume(returning: true)
        }
    }

    private func giveUp(_ id: UInt64) {
        guard let index = waiting.firstIndex(where: { $0.id == id }) else { return }
        waiting.remove(at: index).continuation.resume(returning: false)
    }
}
