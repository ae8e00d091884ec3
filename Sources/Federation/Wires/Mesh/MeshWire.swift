package import FederationConfig
package import FederationCore

/// The wire of document sets: two sides reconcile which versions they have, and fetch by id what they lack
/// (`docs/protocol.md`).
package struct MeshWire: Wire {
    /// What is carried with the peer of this name, and with a node that is none: `nil`.
    private let carried: @Sendable (String?) -> MeshCarry
    /// The identity that a peer's entry insists on.
    private let entries: @Sendable () -> [Config.Peer]
    private let sets: MeshSets
    private let bounds: MeshBounds

    /// - Parameter entries: the configured peers, as they are when asked for.
    init(sets: MeshSets, entries: @escaping @Sendable () -> [Config.Peer]) {
        self.sets = sets
        bounds = MeshBounds()
        self.entries = entries
        carried = { name in
            entries().first { $0.name == name }?.settings(MeshSettings.self)?.carry ?? .documents
        }
    }

    /// A wire that carries the same with everybody.
    package init(carrying carry: MeshCarry) { self.init(carrying: carry, MeshBounds()) }

    init(carrying carry: MeshCarry, _ bounds: MeshBounds) {
        self.bounds = bounds
        sets = MeshSets()
        entries = { [] }
        carried = { _ in carry }
    }

    package var name: WireName { .mesh }
    package var routes: [String] { [MeshRoutes.path] }

    package func exchange() -> any Exchange { MeshExchange(sets: sets, bounds: bounds, carried: carried) }

    package func respond(
        to request: ServedRequest, context: RouteContext, view: any LogReading
    ) throws(StoreFailure) -> RouteReply {
        let asker = request.fields[NativeField.node].flatMap { ULID($0) }
        var peer = context.peerName
        // A node whose key is known proves that it is itself, or gets what anybody gets.
        if peer == nil, let asker, !context.couldProve { peer = try name(of: asker, own: context.node.id, in: view) }
        return try MeshRoutes(node: context.node, carried: carried(peer), sets: sets, bounds: bounds, view: view)
            .respond(to: request, asker: asker)
    }

    /// The mesh peer that is this node: by its entry, or by the identity that was pinned.
    private func name(of id: ULID, own: ULID, in view: any LogReading) throws(StoreFailure) -> String? {
        for entry in entries() where entry.wire == .only(.mesh) {
            let pin = try view.state(StateKey.peer(entry.name, .identity))
            guard entry.id == id || pin == id.description else { continue }
            // Of whom a person has still to speak, nothing is known.
            return try entry.waits(own: own, in: view) ? nil : entry.name
        }
        return nil
    }
}
