import FederationCore
import FederationCrypto
import FederationTestKit
import Synchronization
import Testing

/// An origin with a real key, whose log a test reads.
struct ChainOrigin {
    let id: ULID
    var key: SigningKey
    var log = MemoryStorage()
    var now = Sample.epoch
    private var random: SeededRandom

    init(_ number: UInt64, seed: UInt8) throws {
        id = Sample.node(number)
        key = try ChainOrigin.key(seed)
        random = SeededRandom(seed: UInt64(seed))
    }

    static func key(_ seed: UInt8) throws -> SigningKey { try SigningKey(seed: [UInt8](repeating: seed, count: 32)) }

    var writer: EventWriter {
        let key = key
        return EventWriter(node: id, name: "node", sha256: sha256) {
            EventSeal(signature: key.sign($0).description, publicKey: key.publicKey.description)
        }
    }

    var chain: OwnChain { OwnChain(writer) }

    /// - Parameter attests: signs what is due of its chain, as a node does; without, as an older program.
    mutating func write(_ count: Int, attests: Bool = true) throws {
        let writer = writer
        for _ in 0..<count {
            now = now.advanced(by: .milliseconds(10))
            var snapshot = Snapshot()
            (snapshot.title, snapshot.type, snapshot.body) = ("Note", "note", "\(random.next())")
            let subject = "20260101-note-\(log.eventCount())"
            let before = log.lastAttestationRow()
            _ = try writer.write(.create(subject: subject, snapshot), now: now, random: &random, into: &log)
            for made in log.attestations(afterRow: before, limit: 9) where !attests {
                try log.setAttestation(row: made.row, fits: nil)
            }
        }
    }

    var events: [Event] { log.events(after: 0, limit: .max, bytes: .max).map(\.event) }
    var attestations: [Attestation] { log.attestations(afterRow: 0, limit: .max).map(\.attestation) }
}

/// Counts how often a signature was checked.
final class CheckCounter: Sendable {
    private let calls = Mutex(0)
    var count: Int { calls.withLock { $0 } }
    func reset() { calls.withLock { $0 = 0 } }

    func policy(_ mode: SignatureMode) -> SignaturePolicy {
        SignaturePolicy(mode) { preimage, signature, key in
            self.calls.withLock { $0 += 1 }
            guard let signature = Signature(signature), let key = VerifyingKey(key) else { return false }
            return key.verify(signature, of: preimage)
        }
    }

    /// A node that judges by it.
    func node(_ mode: SignatureMode = .enforce) -> SampleNode {
        var node = SampleNode(9)
        node.intake.policy.originCheck = nil
        node.intake.policy.signatures = policy(mode)
        return node
    }
}

extension SampleNode {
    /// The origin shows its key to this node itself.
    mutating func meet(_ origin: ChainOrigin) throws {
        var commit = PeerCommit(peer: "peer", wireNamespace: "auto")
        commit.key = PeerCommit.KeyPin(owner: origin.id, publicKey: origin.key.publicKey.description)
        _ = try commit.write(to: &log, intake: intake, now: now)
    }

    @discardableResult
    mutating func take(_ events: [Event], _ attestations: [Attestation]) throws -> PageOutcome {
        let page = PulledPage(
            items: events.map { .event($0, bytes: $0.json) }, cursor: .none, attestations: attestations)
        let (intake, now) = (intake, now)
        return try log.transaction { log throws(StoreFailure) in try intake.take(page, from: "peer", now: now, into: &log) }
    }
}
