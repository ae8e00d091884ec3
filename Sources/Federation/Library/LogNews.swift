internal import FederationCore
internal import FederationStore

/// Waits for events of a log: until a commit, of whatever process, makes it grow.
struct LogNews: Sendable {
    let log: NodeLog

    /// How soon it is noticed that an event which was held is applied: its place in the log is an old one.
    private static let patience = Duration.seconds(1)

    /// The events after a cursor, once there are any; none where the task is cancelled, or the log closed, first.
    func page(after cursor: LogCursor, limit: Int) async throws(StoreFailure) -> LogPage {
        var page = try await log.page(after: cursor, limit: limit)
        while page.events.isEmpty, !Task.isCancelled {
            // Held events alone may have been passed.
            if !page.hasMore {
                _ = await log.store.commits.wait(past: page.next.position?.seq ?? 0, atMost: LogNews.patience)
            }
            // A read would open the file again.
            guard !log.store.commits.isClosed else { return page }
            page = try await log.page(after: page.next, limit: limit)
        }
        return page
    }
}
