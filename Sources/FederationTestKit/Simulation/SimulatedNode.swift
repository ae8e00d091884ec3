import FederationCore
import FederationCrypto

/// One node of a simulation: the production engine over a store in memory.
struct SimulatedNode: Sendable {
    let index: Int
    let key: SigningKey
    var signatures = SignatureMode.off
    var identity: NodeIdentity
    /// The nodes it polls, as places in the ring, each with the machine that does it.
    let peers: [Int]
    var machines: [PollMachine] = []
    /// When the next tick of each machine is planned.
    var ticks: [Instant?] = []
    /// Pushes to the one peer of a leaf.
    var push: SimulatedPush?

    /// What is on its disk. Everything else is gone after a crash.
    var storage = MemoryStorage()
    var backups: [Backup] = []
    /// Events of its own that it has told its user are written.
    var acknowledged: Set<ULID> = []

    /// Events that a fault took from its log, or moved a position past: their absence is nobody's mistake.
    var excused: Set<ULID> = []
    /// Subjects whose record is of events that vanished, until one of them comes back.
    var staleSubjects: Set<String> = []

    /// Counts restarts: what was begun in an earlier life reaches nobody.
    var life = 0
    var isUp = true
    var startedAt = Instant.start
    /// How far its wall clock is off.
    var offset = Duration.zero
    /// Commits are carried out one after another.
    var lastCommit = Instant.start
    /// A peer claims to hold events of ours that we lack; writes wait until it is proven or not.
    var isInDoubt = false
    /// Requests whose answer waits for news.
    var held: [HeldRequest] = []

    /// A request that came from a peer's machine and that this node holds.
    struct HeldRequest: Sendable {
        var request: HTTPRequest
        var hold: RouteHold
        var until: Instant
        /// Whose machine asked: the node, the place of this node in its list, its life, and its request.
        var from: (node: Int, peer: Int, life: Int, id: RequestID)
        var answerIsLost: Bool
    }

    struct Backup: Sendable {
        var storage: MemoryStorage
        var acknowledged: Set<ULID>
    }

    init(index: Int, peers: [Int], key: SigningKey) {
        self.index = index
        self.peers = peers
        self.key = key
        identity = NodeIdentity(
            id: Sample.node(UInt64(index) + 1), name: SimulatedNode.name(of: index), version: "0.1.0", mode: .sync,
            publicKey: key.publicKey.description)
    }

    static func name(of index: Int) -> String { "node-\(index)" }

    func intake(countsReplays: Bool, recovers: Bool) -> Intake {
        let key = key
        return Intake(
            IntakePolicy(
                node: identity.id, sha256: sha256,
                isOwnSignature: { preimage, signature in
                    Signature(signature).map { key.publicKey.verify($0, of: preimage) } ?? false
                },
                signatures: SignaturePolicy(signatures) { preimage, signature, key in
                    guard let signature = Signature(signature), let key = VerifyingKey(key) else { return false }
                    return key.verify(signature, of: preimage)
                },
                replayer: countsReplays ? CountingReplayer() : nil, recoversOwnEvents: recovers))
    }

    func moment(at now: Instant) -> Moment { Moment(Instant(now.since(startedAt)), wall(at: now)) }
    func wall(at now: Instant) -> WallTime { Sample.epoch.advanced(by: now.sinceStart + offset) }
}

/// A host's replayer that notes, in the transaction itself, each time that it was given an event, and as what.
struct CountingReplayer: EventReplayer {
    static let stub: UInt8 = 0
    static let full: UInt8 = 1

    var version: String { "1" }

    func replay(_ entry: LogEntry, into log: inout ReplayLog) throws(StoreFailure) -> ReplayAnswer {
        let key = entry.event.id.description
        let form = if case .stub = entry.event.payload { CountingReplayer.stub } else { CountingReplayer.full }
        try log.setValue(key, (try log.value(key) ?? []) + [form])
        return .applied
    }

    /// Once, or once as a stub and again when its data came: the contract of `EventReplayer`.
    static func isOnce(_ forms: [UInt8]) -> Bool { forms.count == 1 || forms == [stub, full] }
}
