internal import FederationConfig
internal import FederationCore

/// The wires that this program speaks, and which of them a peer's entry asks for.
struct Wires: Sendable {
    /// The first whose routes cover a path answers it.
    let all: [any Wire]

    /// - Parameter entries: the configured peers, as they are when asked for.
    init(meshSets: MeshSets, entries: @escaping @Sendable () -> [Config.Peer]) {
        all = [MeshWire(sets: meshSets, entries: entries), NativeWire(), NoemaWire()]
    }

    func exchange(for choice: WireChoice) -> any Exchange {
        switch choice {
        case .auto: AutoExchange()
        case .only(let name):
            // The configuration refuses wires that are not built.
            all.first { $0.name == name }?.exchange() ?? AutoExchange()
        }
    }
}
