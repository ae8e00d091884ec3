internal import FederationConfig
internal import FederationCore

extension BundleExport {
    /// How far this node has read the logs of its peers, for whoever reads the bundle: of one that is for a peer only that
    /// peer's, which nobody else can use, and of any other as many as its first line has room for.
    static func holds(
        of peers: [Config.Peer], for since: Since, in log: any LogReading
    ) throws(StoreFailure) -> [ULID: String] {
        var holds: [ULID: String] = [:]
        var room = Limits.bundleHoldsBytes
        for peer in peers {
            if case .peer(let name) = since, peer.name != name { continue }
            let pin = try log.state(StateKey.peer(peer.name, .identity)).flatMap { ULID($0) }
            guard let id = peer.id ?? pin,
                let position = try log.state(StateKey.peer(peer.name, .position)), !position.isEmpty
            else { continue }
            // Both in quotes, a colon and a comma.
            room -= id.description.utf8.count + position.utf8.count + 6
            guard room >= 0 else { break }
            holds[id] = position
        }
        return holds
    }
}
