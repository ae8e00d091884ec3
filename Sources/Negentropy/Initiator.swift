/// The side of a session that asks, and learns what differs.
///
///     var session = Initiator(store: store, hash: sha256)
///     var message = try session.open()
///     while true {
///         let reply = try await send(message)
///         guard case .send(let next) = try session.receive(reply) else { break }
///         message = next
///     }
///     // session.have: ids that only we have. session.need: ids that only they have.
///
/// Holds no connection and no clock: give up yourself on a peer that does not answer.
public struct Initiator<Store: ItemStore>: Sendable {
    /// What to do after a message.
    public enum Step: Equatable, Sendable {
        /// Send this to the responder and pass its answer to `receive`.
        case send([UInt8])
        /// `have` and `need` are complete. Nothing is sent.
        case finished
    }

    private enum State {
        case new, open, finished
    }

    private let store: Store
    private let settings: ReconcileSettings
    private let hash: HashFunction
    private var state = State.new

    /// Ids that this side has and the other has not, as far as known.
    public private(set) var have: Set<ItemID> = []
    /// Ids that the other side says it has and this one has not, as far as known.
    ///
    /// Claims, not facts: look into the store before asking for one, and expect that it may not be delivered.
    public private(set) var need: Set<ItemID> = []
    /// For each of `need`, the timestamps between which the other side says it lies.
    public private(set) var places: [ItemID: ClosedRange<UInt64>] = [:]
    /// The number of messages received.
    public private(set) var rounds = 0

    /// - Parameter hash: SHA-256, unless both sides agree on something else.
    public init(store: Store, settings: ReconcileSettings = .standard, hash: @escaping HashFunction) {
        self.store = store
        self.settings = settings
        self.hash = hash
    }

    /// The message that starts the session. Below 1,100 bytes, and not bound by the frame limit.
    ///
    /// - Throws: `alreadyOpened`.
    public mutating func open() throws(ReconcileFailure) -> [UInt8] {
        guard state == .new else { throw .alreadyOpened }
        state = .open
        var exchange = RangeExchange(store: store, settings: settings, hash: hash, role: .initiator)
        return exchange.opening()
    }

    /// Takes the responder's answer, adds what it shows to `have` and `need`, and says what to do next.
    ///
    /// A responder that has the same set and one that answers nothing out of laziness look alike: "finished" is as
    /// honest as the peer.
    ///
    /// - Throws: `notOpened`, `alreadyFinished`, `tooManyRounds`, `tooManyDifferences`, and for a bad message any of
    ///   the others. Nothing has changed then; what was found before can still be used.
    public mutating func receive(_ message: [UInt8]) throws(ReconcileFailure) -> Step {
        switch state {
        case .new: throw .notOpened
        case .finished: throw .alreadyFinished
        case .open: break
        }
        guard rounds < settings.maxRounds else { throw .tooManyRounds(limit: settings.maxRounds) }
        guard try MessageVersion(of: message, settings: settings) == .known else {
            throw .unsupportedVersion(message[0])
        }
        var exchange = RangeExchange(store: store, settings: settings, hash: hash, role: .initiator)
        let answer = try exchange.answer(message)

        let newHave = answer.have.isEmpty ? [] : Set(answer.have).subtracting(have)
        let newNeed = answer.need.isEmpty ? [] : Set(answer.need).subtracting(need)
        let room = settings.maxDifferences - have.count - need.count
        guard newHave.count <= room, newNeed.count <= room - newHave.count else {
            throw .tooManyDifferences(limit: settings.maxDifferences)
        }
        have.formUnion(newHave)
        need.formUnion(newNeed)
        places.merge(answer.places) { $1 }
        rounds += 1
        if answer.message.count > 1 { return .send(answer.message) }
        state = .finished
        return .finished
    }
}

/// The first byte of a message, which both sides check in the same way.
enum MessageVersion {
    case known, other

    /// - Throws: `messageTooLong`, `emptyMessage`, `invalidVersion`.
    init(of message: [UInt8], settings: ReconcileSettings) throws(ReconcileFailure) {
        guard message.count <= settings.maxMessageBytes else {
            throw .messageTooLong(bytes: message.count, limit: settings.maxMessageBytes)
        }
        guard let version = message.first else { throw .emptyMessage }
        guard (0x60...0x6F).contains(version) else { throw .invalidVersion(version) }
        self = version == MessageWriter.version ? .known : .other
    }
}
