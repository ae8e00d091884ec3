/// What is kept under the name of a peer that is not configured any more: shown before it is forgotten, and what was.
///
/// Unlike a reset it leaves the node's clock alone: what was learnt of the peer's events stays true, whoever gave them.
package struct PeerRemains: Hashable, Sendable {
    package let peer: String
    package let pin: ULID?
    /// Keys of `federation_state`.
    private let states: [String]
    private let wireValues: [WireValue]

    private struct WireValue: Hashable, Sendable {
        var namespace: String
        var key: String
    }

    /// Looks up what there is; changes nothing.
    package init(of peer: String, in log: some LogReading) throws(StoreFailure) {
        self.peer = peer
        var states = try log.states(prefix: "peer:\(peer):").map(\.key)
        let pin = try log.state(StateKey.peer(peer, .identity)).flatMap { ULID($0) }
        self.pin = pin
        // A key that another peer's entry was met with stays for that one.
        if let pin, try log.state(StateKey.publicKey(of: pin)) != nil {
            let own = StateKey.peer(peer, .identity)
            let others = try log.states(prefix: "peer:").contains { state in
                state.key != own && state.key.hasSuffix(":\(StateKey.OfPeer.identity.rawValue)")
                    && state.value.isExactly(pin.description)
            }
            if !others { states.append(StateKey.publicKey(of: pin)) }
        }
        self.states = states
        var wireValues: [WireValue] = []
        for namespace in ["auto", PollHistory.namespace, Bundle.namespace] + WireName.allCases.map(\.rawValue) {
            for (key, _) in try log.wireValues(namespace, peer: peer) {
                wireValues.append(WireValue(namespace: namespace, key: key))
            }
        }
        self.wireValues = wireValues
    }

    /// How many values there are.
    package var count: Int { states.count + wireValues.count }

    package func forget(in log: inout some LogWriting) throws(StoreFailure) {
        for key in states { try log.setState(key, nil) }
        for value in wireValues { try log.setWireValue(value.namespace, peer: peer, key: value.key, nil) }
    }
}
