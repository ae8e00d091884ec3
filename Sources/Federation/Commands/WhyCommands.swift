internal import FederationCore

extension CommandService {
    /// Of a peer, an event or a record, whichever has this name: in that order.
    func why(_ arguments: JSON) async throws(CommandFailure) -> [UInt8] {
        let what = try arguments.required("what")
        if node.config.peers.contains(where: { $0.name == what }) { return try await whyPeer(what) }
        throw CommandFailure(.unknownPeer, ["peer": what], list: node.config.peers.map(\.name))
    }
}
