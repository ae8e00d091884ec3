internal import FederationCore
internal import FederationCrypto
internal import Negentropy

/// One reconciliation with one peer, from our side: it keeps a snapshot of our set, and learns what differs.
///
/// The peer keeps nothing of it, so giving it up at any point is all that cancelling takes.
struct MeshSession: Sendable {
    private var initiator: Initiator<OrderedStore>
    private let bounds: MeshBounds
    /// Ids that are dealt with, however often they show.
    private let known: Set<ItemID>
    private(set) var isFinished = false

    var have: Int { initiator.have.count }
    var need: Set<ItemID> { initiator.need }

    init(_ items: OrderedStore, knowing known: Set<ItemID> = [], _ bounds: MeshBounds) {
        self.bounds = bounds
        self.known = known
        initiator = Initiator(store: items, settings: bounds.messages, hash: meshHash)
    }

    mutating func open() throws(ExchangeFailure) -> [UInt8] {
        do throws(ReconcileFailure) { return try initiator.open() } catch { throw .malformed(.reconcileMessage) }
    }

    /// - Returns: the next message; `nil` when all is known, or enough.
    mutating func receive(_ answer: [UInt8]) throws(ExchangeFailure) -> [UInt8]? {
        do throws(ReconcileFailure) {
            switch try initiator.receive(answer) {
            case .finished:
                isFinished = true
                return nil
            case .send(let message): return need.count { !known.contains($0) } < bounds.enough ? message : nil
            }
        } catch {
            throw .malformed(.reconcileMessage)
        }
    }
}

/// What a session allows itself and its peer; tests take less, to meet every bound with few documents.
struct MeshBounds: Sendable {
    /// Of both sides. The values are within what the library allows, or the standard ones stand in.
    var messages =
        (try? ReconcileSettings(
            frameLimit: Limits.meshFrameBytes, maxMessageBytes: Limits.meshMessageBytes, maxRounds: Limits.meshRounds,
            maxDifferences: Limits.meshDifferences)) ?? .standard
    /// So much was found that the rest may show in another session, after these are fetched.
    var enough = Limits.meshIDs
}

let meshHash: HashFunction = { sha256($0).bytes }
