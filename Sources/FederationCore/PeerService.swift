/// What a node that asks is given here.
package enum PeerService: Hashable, Sendable {
    /// What this node serves.
    case given
    /// Word that nothing is served, as of a node that only fetches.
    case turnedAway
    /// Word to come again later, and nothing else.
    case leftAlone

    /// - Parameter entries: the modes of all peers that it says it is, or has the key of. A claim is enough to be refused
    ///   on: who names another's identity only gets less. Who names none gets what anybody does.
    package init(to entries: [PeerMode], by node: NodeMode) {
        if entries.contains(.paused) {
            self = .leftAlone
        } else {
            self = entries.allSatisfy { node.serves($0) } ? .given : .turnedAway
        }
    }
}
