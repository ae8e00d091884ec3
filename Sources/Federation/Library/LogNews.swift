internal import FederationCore

/// Waits for events of a log.
struct LogNews: Sendable {
    let log: NodeLog

    /// How soon something new is noticed.
    private static let pause = Duration.milliseconds(100)

    /// The events after a cursor, once there are any; none where the task is cancelled first.
    func page(after cursor: LogCursor, limit: Int) async throws(StoreFailure) -> LogPage {
        var page = try await log.page(after: cursor, limit: limit)
        while page.events.isEmpty, !Task.isCancelled {
            // Held events alone may have been passed.
            if !page.hasMore { try? await Task.sleep(for: LogNews.pause) }
            page = try await log.page(after: page.next, limit: limit)
        }
        return page
    }

    static func page(after cursor: LogCursor, limit: Int, in log: some LogReading) throws(StoreFailure) -> LogPage {
        try log.page(after: cursor, limit: max(1, limit))
    }
}
