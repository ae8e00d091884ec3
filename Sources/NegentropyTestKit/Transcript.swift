public import Negentropy

/// All that two sides said to each other, and what the initiator learnt.
public struct Transcript {
    public var messages: [[UInt8]] = []
    public var have: Set<ItemID> = []
    public var need: Set<ItemID> = []
    public var rounds = 0

    /// Runs a session to its end.
    public init<A: ItemStore, B: ItemStore>(
        _ a: A, _ b: B, settings: ReconcileSettings, responderSettings: ReconcileSettings? = nil,
        hash: @escaping HashFunction = quickHash
    ) throws(ReconcileFailure) {
        var initiator = Initiator(store: a, settings: settings, hash: hash)
        var responder = Responder(store: b, settings: responderSettings ?? settings, hash: hash)
        var step = Initiator<A>.Step.send(try initiator.open())
        while case .send(let message) = step {
            messages.append(message)
            let answer = try responder.answer(message)
            messages.append(answer)
            step = try initiator.receive(answer)
        }
        have = initiator.have
        need = initiator.need
        rounds = initiator.rounds
    }

    /// Whether exactly the difference of the two sets was found.
    public func isExact(_ pair: SetPair) -> Bool {
        let (a, b) = (Set(pair.a.map(\.id)), Set(pair.b.map(\.id)))
        return have == a.subtracting(b) && need == b.subtracting(a)
    }

    /// Whether no message but the opening one is longer than the limit of the side that made it.
    public func keeps(_ initiatorLimit: Int?, _ responderLimit: Int?) -> Bool {
        for (index, message) in messages.enumerated().dropFirst() {
            if let limit = index % 2 == 0 ? initiatorLimit : responderLimit, message.count > limit { return false }
        }
        return true
    }
}

extension ReconcileSettings {
    /// Settings with this frame limit, and nothing else unusual.
    public static func limited(_ bytes: Int?, _ truncation: Truncation = .safe) throws -> ReconcileSettings {
        try ReconcileSettings(frameLimit: bytes, truncation: truncation)
    }
}
