/// What `reset-peer NAME…` would do: made and shown before anything is lost, then written whole or not at all.
public struct PeerResetPlan: Hashable, Sendable {
    /// How much of a peer is forgotten.
    public enum Scope: Hashable, Sendable {
        /// The next poll is a first contact.
        case everything
        /// `--key-rotated`: the pinned public key alone goes; identity, cursor and clock stay.
        case keyAlone
    }

    package enum Failure: Error, Hashable, Sendable {
        /// Names that no peer has, in the order given. Then nothing is touched, the known ones included.
        case unknownPeers([String], known: [String])
        case store(StoreFailure)
    }

    public let scope: Scope
    /// In the order named, each peer once.
    public let resets: [PeerReset]

    /// Looks up what there is to forget; changes nothing.
    ///
    /// - Parameters:
    ///   - known: the configured peers.
    ///   - wireNamespace: where a peer's wire keeps its values.
    package init(
        _ names: [String], known: [String], scope: Scope, in log: some LogReading, wireNamespace: (String) -> String
    ) throws(Failure) {
        let unknown = names.filter { !known.contains($0) }
        guard unknown.isEmpty else { throw .unknownPeers(unknown, known: known) }
        self.scope = scope
        var resets: [PeerReset] = []
        for name in names where !resets.contains(where: { $0.peer == name }) {
            do throws(StoreFailure) {
                resets.append(try PeerReset(of: name, in: log, wireNamespace: wireNamespace(name)))
            } catch {
                throw .store(error)
            }
        }
        self.resets = resets
    }

    /// How many entries leave the node-wide clock.
    public var droppedClockEntries: Int {
        scope == .keyAlone ? 0 : Set(resets.filter(\.dropsClockEntry).compactMap(\.pin)).count
    }

    /// Whether there is nothing that `write` would remove.
    public var isEmpty: Bool {
        switch scope {
        case .everything: resets.allSatisfy(\.isEmpty)
        case .keyAlone: !resets.contains(where: \.forgetsKey)
        }
    }

    /// - Parameter others: peers that are reset in another way.
    package func write(to log: inout some LogWriting, but others: Set<String> = []) throws(StoreFailure) {
        for reset in resets where !others.contains(reset.peer) {
            switch scope {
            case .everything: try reset.write(to: &log)
            case .keyAlone:
                // Whoever had confirmed the old key has not seen the new one.
                try log.setState(StateKey.peer(reset.peer, .pairing), nil)
                if let pin = reset.pin { try log.setState(StateKey.publicKey(of: pin), nil) }
            }
        }
    }
}
