internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationStore
internal import Synchronization

extension SignaturePolicy {
    /// What a configuration says, checked by libcrypto.
    init(_ config: Config) {
        let peers = config.peers.filter { $0.verify != nil || $0.publicKey != nil }
        let keys = VerifyingKeys()
        self.init(SignatureMode(config.verify), peers: peers.map(Peer.init)) { preimage, signature, key in
            guard let signature = Signature(signature), let key = keys.key(key) else { return false }
            return key.verify(signature, of: preimage)
        }
    }
}

/// Keys by their text: making one of its bytes costs a tenth of what checking a signature by it does.
private final class VerifyingKeys: Sendable {
    private static let most = 64
    private let known = Mutex<[ExactText: VerifyingKey]>([:])

    func key(_ text: String) -> VerifyingKey? {
        if let key = known.withLock({ $0[ExactText(text)] }) { return key }
        guard let key = VerifyingKey(text) else { return nil }
        known.withLock { known in
            // Whoever shows many keys gains nothing by it, and whoever shows one is soon known again.
            if known.count >= VerifyingKeys.most { known = [:] }
            known[ExactText(text)] = key
        }
        return key
    }
}

extension SignaturePolicy.Peer {
    fileprivate init(_ entry: Config.Peer) {
        self.init(name: entry.name, id: entry.id, mode: entry.verify.map(SignatureMode.init), key: entry.publicKey)
    }
}

extension SignatureMode {
    init(_ verify: Config.Verify) {
        switch verify {
        case .off: self = .off
        case .warn: self = .warn
        case .enforce: self = .enforce
        }
    }
}

extension Node {
    /// Events whose signatures one transaction looks at again.
    private static let reviewBatch = 500
    /// Batches of one round; what else is to be tended has its turn in between.
    private static let reviewBatches = 40

    /// Notes the policy that the configuration asks for; what it may judge otherwise is looked at again.
    func noteSignaturePolicy() async throws(StoreFailure) {
        let policy = SignaturePolicy(config)
        let now = SystemClock.now()
        let isOther = try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in
            try SignatureReview.note(policy, now: now, in: &log)
        }
        if isOther { bell.ring() }
    }

    /// Looks at signatures again, a batch a transaction; what is left is taken up in the next round, which comes at once.
    func reviewSignatures() async throws(StoreFailure) {
        guard try await store.read({ (log) throws(StoreFailure) in try SignatureReview.isDue(in: log) }) else { return }
        for _ in 0..<Node.reviewBatches where !Task.isCancelled {
            let now = SystemClock.now()
            let isMore = try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in
                try intake.review(now: now, limit: Node.reviewBatch, into: &log)
            }
            guard isMore else { return }
        }
        bell.ring()
    }
}

extension Node {
    /// Signs what is due of the chain of our own events.
    func signCheckpoints() async throws(StoreFailure) {
        guard stopped == nil else { return }
        let chain = OwnChain(opened.writer)
        let now = SystemClock.now()
        guard let quiet = try await store.read({ (log) throws(StoreFailure) in try chain.quiet(now: now, in: log) }) else {
            return
        }
        var isMore = true
        while isMore, !Task.isCancelled {
            isMore = try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in
                try chain.signIfDue(quiet: quiet, now: now, in: &log)
            }
        }
    }
}

/// Wakes whoever tends the log before its time.
struct MaintenanceBell: Sendable {
    private let rings: AsyncStream<Void>.Continuation
    let stream: AsyncStream<Void>

    init() { (stream, rings) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1)) }

    func ring() { rings.yield() }
}
