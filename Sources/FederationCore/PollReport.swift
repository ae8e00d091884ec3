/// How a poll ended, for logs and for whoever asked for it.
public struct PollReport: Hashable, Sendable {
    /// How it ended.
    public enum Result: Hashable, Sendable {
        /// Every event that the peer would give was read.
        case complete
        /// It went well as far as it went.
        case incomplete
        case failed(ExchangeFailure)
        /// It was met, and nothing is exchanged until a person says that it is who it should be.
        case pending
        /// It has too much to do, and is asked again later.
        case busy
        /// There was no poll: the peer is paused, or the node stops.
        case paused
        case stopped
    }

    public var peer: String
    public var result: Result
    /// What became of the events of all its pages.
    public var outcome = PageOutcome()
    public var pages = 0
    public var wire: WireName?
    /// Events that were missing in the sequence of their origin, and came because they were asked for by number.
    package var filled = 0
    /// The whole log was read again.
    public var isRescan = false
    /// The identity that this poll pinned.
    public var firstContact: ULID?
    /// Failures in a row: before a success, or with this one.
    public var failuresInARow = 0
    /// The poll before failed as well, for the same reason: nothing that a person has not been told.
    package var isRepeated = false
    /// The peer was asked to hold its answer until it had news.
    public var isHold = false
    package var nextPoll: Instant?
    /// Who waits for a person's word.
    package var pairing: PeerPairing?
    /// From its beginning to its end.
    package var took: Duration?
    /// How the logs compare, where this poll was to find out and the peer can say.
    package var reconciliation: ReconcileReport?

    package init(peer: String, result: Result) {
        self.peer = peer
        self.result = result
    }
}

/// Whoever asked for a poll or a reset, and waits for its report.
package struct PollTicket: Hashable, Sendable {
    package var number: UInt64

    package init(_ number: UInt64) { self.number = number }
}

/// What a poll found about this node's own past.
package enum OwnFuture: Hashable, Sendable {
    /// The peer says that it holds this many events of ours, and we have written fewer. Nobody's word alone stops a
    /// node, so the poll goes on to look for proof.
    case claimed(number: UInt64)
    /// An event of ours, with our own signature, that we lack: this database is older than what it published.
    case proven
    /// Everything the peer would give was read, and there was no proof of what it had claimed.
    case unproven
}

/// A peer's poll as `status` shows it.
package struct PollStatus: Hashable, Sendable {
    package enum State: String, Hashable, Sendable, CaseIterable {
        case idle, greeting, pulling, replaying, waiting, paused, stopped
        /// The peer holds a request of ours, and answers it as soon as it has news.
        case following
        /// It waits for a person to say that it is who it should be.
        case pending
        /// It has asked to be left alone for a while.
        case busy
    }

    package var state: State
    /// When it polls next; `nil` while it polls, and where it will not.
    package var nextPoll: Instant?
    /// Failures in a row since this process began.
    package var attempt: Int
    /// The last poll's failure; `nil` after a success.
    package var failure: ExchangeFailure?
    /// The wire spoken at the last success.
    package var wire: WireName?
    /// Since when it has been busy whenever it was asked.
    package var busySince: WallTime?
    /// Events that the poll under way has committed, and about how many follow, where the peer says.
    package var pulled: Int64 = 0
    package var remaining: Int64?
    /// How fast the poll under way goes, once a page of it is on disk.
    package var progress: Progress?
    /// How far we are behind the peer; see `knowsLag`.
    package var lag: PeerLag?
    package var tally = PeerTally()
}
