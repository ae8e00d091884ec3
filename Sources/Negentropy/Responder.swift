/// The side of a session that answers. It never learns what differs, and never knows that a session has ended.
///
/// All it keeps is its store and a count of messages, so a server without sessions may make a fresh one for every
/// request; it must then bound by itself how often a peer may ask.
public struct Responder<Store: ItemStore>: Sendable {
    private let store: Store
    private let settings: ReconcileSettings
    private let hash: HashFunction

    /// The number of messages answered.
    public private(set) var rounds = 0

    /// - Parameter hash: SHA-256, unless both sides agree on something else.
    public init(store: Store, settings: ReconcileSettings = .standard, hash: @escaping HashFunction) {
        self.store = store
        self.settings = settings
        self.hash = hash
    }

    /// The answer to an initiator's message, to be sent in any case.
    ///
    /// A message of another version is answered with the version byte alone, after which the initiator may start again
    /// with ours.
    ///
    /// - Throws: `tooManyRounds`, and for a bad message any of the others that concern messages.
    public mutating func answer(_ message: [UInt8]) throws(ReconcileFailure) -> [UInt8] {
        guard rounds < settings.maxRounds else { throw .tooManyRounds(limit: settings.maxRounds) }
        guard try MessageVersion(of: message, settings: settings) == .known else {
            rounds += 1
            return [MessageWriter.version]
        }
        var exchange = RangeExchange(store: store, settings: settings, hash: hash, role: .responder)
        let answer = try exchange.answer(message)
        rounds += 1
        return answer.message
    }
}
