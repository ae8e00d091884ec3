package import FederationCore

/// The way to one peer: its endpoint, its connection and its secrets.
package protocol PollTransport: Sendable {
    /// Performs a request at the peer's endpoint, with what its seals ask for put in. It keeps the request's limits,
    /// and ends soon after its task is cancelled.
    func perform(_ request: HTTPRequest, seals: [RequestSeal]) async throws(TransportFailure) -> HTTPResponse
    /// Signs with a secret of the peer's entry; `nil` if there is none of that name.
    func sign(_ bytes: [UInt8], secret: String) async -> [UInt8]?
}

/// The store, as a poll sees it. A commit that has begun is carried through, also when its task is cancelled.
package protocol PollStore: Sendable {
    /// Reads what is known of a peer from one consistent view.
    func memory(_ question: PeerQuestion) async throws(StoreFailure) -> PeerMemory
    /// Replays the page, if there is one, and writes what it changes about the peer: in one transaction, on disk when
    /// this returns.
    func commit(_ commit: PeerCommit) async throws(StoreFailure) -> PageOutcome
    /// Reads the lines of an answer that is not yet asked for and looks at what they hold; `nil` leaves that to the commit.
    func lines(of response: HTTPResponse) async -> ReadLines?
    /// Answers from one consistent view of the log.
    func reconcile(_ question: ReconcileQuestion) async throws(StoreFailure) -> ReconcileAnswer
    /// Events in order of arrival after `seq`, and the place up to which they were looked through.
    func outbox(after seq: Int64, limit: Int, bytes: Int) async throws(StoreFailure) -> (
        events: [StoredEvent], through: Int64
    )
}

/// Whoever is told what polls find and how they end.
package protocol PollListener: Sendable {
    func polled(_ report: PollReport) async
    func found(_ future: OwnFuture, at peer: String) async
}
