public import FederationCore
internal import FederationStore

/// A reader of the log whose place is kept in the node's own database: for effects that are made elsewhere, where once
/// too often does no harm.
///
/// ```swift
/// let follower = node.follower(named: "mail")
/// while !Task.isCancelled {
///     let page = try await follower.nextPage()
///     for event in page.events { send(event) }
///     try await follower.advance(to: page.next)
/// }
/// ```
///
/// A crash between the effect and `advance` gives the page again. For exactly once, keep `LogPage.next` in the
/// transaction of the effect and read with `NodeLog.nextPage(after:limit:)` instead.
public struct LogFollower: Sendable {
    static let namespace = "follower"
    public let name: String
    let store: SQLiteStore
    let log: NodeLog

    init(name: String, store: SQLiteStore, log: NodeLog) {
        self.name = name
        self.store = store
        self.log = log
    }

    /// Where it stands: at the start, before it was ever advanced.
    public func cursor() async throws(StoreFailure) -> LogCursor {
        let name = name
        let stored = try await store.read { (log) throws(StoreFailure) in
            try log.wireValue(LogFollower.namespace, peer: "", key: name)
        }
        return stored.flatMap { LogCursor(String(decoding: $0, as: UTF8.self)) }?.withoutEpoch ?? .start
    }

    /// The next events, at most `limit`, once there is one. Where its task is cancelled or the node stopped meanwhile,
    /// the page has none.
    public func nextPage(limit: Int = 100) async throws(StoreFailure) -> LogPage {
        try await log.nextPage(after: try await cursor(), limit: limit)
    }

    /// Moves it; on disk when this returns. `LogCursor.start` gives everything again.
    public func advance(to cursor: LogCursor) async throws(StoreFailure) {
        // It goes back with the database that it is in, and would be forgotten with the epoch.
        let (name, text) = (name, cursor.withoutEpoch.text)
        try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in
            try log.setWireValue(LogFollower.namespace, peer: "", key: name, Array(text.utf8))
        }
    }
}
