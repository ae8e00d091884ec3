/// What a peer did since the start of this process that the next good poll would hide: counted for `status`.
package struct PeerTally: Hashable, Sendable {
    /// Comparisons of the logs that failed.
    package var failedComparisons = 0
    /// What it said of the histories of origins and nothing here bears out: it is not signed as it must be, or does not
    /// fit the events that are here. A peer from which something is missing does so as well.
    package var unprovenAttestations = 0

    package init() {}
}
