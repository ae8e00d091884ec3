/// How a daemon is, in one line: what a service manager shows beside it.
package enum HealthLine {
    /// Before the first poll.
    package static func starting(_ peers: Int) -> String { peers == 1 ? "1 peer" : "\(peers) peers" }

    /// Peers that are named; of more only the number is told.
    private static let named = 3

    /// - Parameters:
    ///   - peers: how the polling of each peer stands.
    ///   - stopped: why nothing is written, in one word, if so.
    ///   - stalled: what does not get on.
    package static func text(
        peers: [(name: String, status: PollStatus)], stopped: String? = nil, stalled: [Heartbeat.Stall] = []
    ) -> String {
        if !stalled.isEmpty {
            let parts = stalled.map { "\($0.part.rawValue) for \($0.lasted.wholeMilliseconds / 1000) s" }
            return "does not get on: " + parts.joined(separator: ", ")
        }
        if let stopped { return "writes nothing: \(stopped)" }
        if peers.isEmpty { return "no peers to poll" }
        let failing = peers.filter { $0.status.failure != nil }.sorted { $0.name < $1.name }
        let count = starting(peers.count)
        guard !failing.isEmpty else { return "\(count), all well" }
        let words = failing.prefix(named).map { peer in
            "\(peer.name) (\(peer.status.failure?.reason.rawValue ?? "other"))"
        }
        let rest = failing.count > named ? " and \(failing.count - named) more" : ""
        return "\(count), \(failing.count) failing: \(words.joined(separator: ", "))\(rest)"
    }
}
