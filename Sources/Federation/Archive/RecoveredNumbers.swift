internal import FederationConfig
internal import FederationCore

/// What is known of the numbers that this node has given, once it has got back what could be got.
///
/// A number that is given twice is an edit that its peers take for an old one.
struct RecoveredNumbers: Hashable, Sendable {
    /// The database was a copy, or older than what it had published. Only an explicit word makes such a one the node's:
    /// `identity recover`.
    var wasStopped = false
    /// The events are there from 1 to the last number that is known to have been given.
    var isOwnComplete = false
    /// What the node knew of itself, the last number among it, was read whole.
    var isStateWhole = false
    /// Peers are configured.
    var hasPeers = false
    /// Those that were not read to the end.
    var unread: [String] = []

    /// Whether the node may write.
    func isSettled(isPartial: Bool) -> Bool {
        if wasStopped { return false }
        // Whoever asks nobody learns nothing.
        return isOwnComplete || isPartial || unread.isEmpty && (isStateWhole || hasPeers)
    }
}

extension Config {
    /// The peers that may have events of ours which were not read: all but those that were asked for everything and gave
    /// it. A peer that is only published to, is paused, only comes to us or waits for a person's word was not asked.
    func unread(_ reports: [PollReport]) -> [String] {
        let read = Set(reports.filter { $0.result == .complete }.map(\.peer))
        return peers.filter { !fetches(from: $0) || !read.contains($0.name) }.map(\.name)
    }
}
