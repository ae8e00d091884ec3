internal import FederationCore
internal import FederationStore

/// What the page may ask of its node, under `/api/`: no more than it shows and does.
enum PageRoute: String, Sendable, CaseIterable {
    /// Whether a key is asked for: all that is said to whoever has none.
    case page
    case status, history, divergences, record, quarantine, events
    case historyDay = "history/day"
    case quarantineEntry = "quarantine/entry"
    case resolve, sync
    case quarantineRetry = "quarantine/retry"

    var writes: Bool {
        switch self {
        case .resolve, .sync, .quarantineRetry: true
        case .page, .status, .history, .historyDay, .divergences, .record, .quarantine, .events, .quarantineEntry: false
        }
    }
}

extension PageServer {
    /// - Returns: JSON.
    func perform(
        _ route: PageRoute, _ request: ServedRequest, from sender: NodeAccess.Sender
    ) async throws(CommandFailure) -> [UInt8] {
        switch route {
        case .page: return PageServer.facts(of: node)
        case .status: return try await report.json()
        case .events: return try await events(request, from: sender)
        case .history:
            // Of all peers it would be one answer without a bound.
            guard request.parameter("peer") != nil else { throw CommandFailure(.badRequest) }
            return try await ask(.history, request, ["peer"])
        case .historyDay: return try await days.json(from: request.parameter("from").flatMap { Int($0) } ?? 0)
        case .record: return try await ask(.show, request, ["id"])
        case .quarantineEntry: return try await ask(.quarantineShow, request, ["row"])
        case .quarantine: return try await service.perform(.quarantineList, jsonObject { $0.member("limit", Limits.pageRows) })
        case .divergences:
            return try await service.perform(
                .records,
                jsonObject {
                    $0.member("state", RecordFilter.State.diverged.rawValue)
                    $0.member("limit", Limits.pageRows)
                })
        case .resolve:
            // Whoever decides from afar says what it saw.
            guard (try? JSON(request.body))?["heads"] != nil else { throw CommandFailure(.badRequest) }
            return try await service.perform(.resolve, request.body)
        case .sync: return try await service.perform(.sync, request.body)
        case .quarantineRetry: return try await service.perform(.quarantineRetry, request.body)
        }
    }

    static func facts(of node: Node) -> [UInt8] {
        jsonObject { $0.member("asks_for_key", node.access.pageAsksForKey) }
    }

    /// A command whose arguments are parameters of the request.
    private func ask(
        _ command: CommandName, _ request: ServedRequest, _ names: [String]
    ) async throws(CommandFailure) -> [UInt8] {
        let arguments = jsonObject { writer in
            for name in names { if let value = request.parameter(name) { writer.member(name, value) } }
        }
        return try await service.perform(command, arguments)
    }

    // MARK: Live events

    /// Events after a place of the log, or the last ones; with `wait` the answer is held until there are some.
    private func events(
        _ request: ServedRequest, from sender: NodeAccess.Sender
    ) async throws(CommandFailure) -> [UInt8] {
        let after = request.parameter("after").flatMap { Int64($0) }.map { max(0, $0) }
        var news = try await news(after: after)
        if request.parameter("wait") != nil, news.events.isEmpty {
            let through = news.through
            let later: PageNews?
            do throws(StoreFailure) {
                later = try await held.hold(from: request.remoteAddress) { () throws(StoreFailure) in
                    _ = await node.store.commits.wait(past: through, atMost: Limits.pageWait)
                    // The key may have been exchanged meanwhile; then this answer has nothing.
                    guard !node.store.commits.isClosed, node.access.stillAdmits(request, as: sender, at: .page) else {
                        return PageNews(through: through)
                    }
                    return try await node.store.read { (log) throws(StoreFailure) in try PageNews(after: through, in: log) }
                }
            } catch { throw CommandFailure(error) }
            if later == nil { node.access.count(.holds) }
            news = later ?? news
            // At a stop nothing is held any more: whoever asked is to come later, not at once.
            news.isHeld = later != nil && !node.store.commits.isClosed
        }
        return news.json(now: SystemClock.now())
    }

    private func news(after: Int64?) async throws(CommandFailure) -> PageNews {
        try await service.read { (log) throws(StoreFailure) in try PageNews(after: after, in: log) }
    }
}

/// What is new in the log, as far as one answer tells of it.
struct PageNews: Sendable {
    var events: [StoredEvent] = []
    /// Of the records that they are about.
    var titles: [String: String] = [:]
    /// Up to where the log was looked through.
    var through: Int64
    var hasMore = false
    /// Whether there was room to wait for it; without it whoever asks is to come later.
    var isHeld = true

    init(through: Int64) { self.through = through }

    /// - Parameter after: a place of the log; `nil` for the last events.
    init(after: Int64?, in log: any LogReading) throws(StoreFailure) {
        let head = try log.head()?.seq ?? 0
        // A place beyond the head is one of another log, which has been put in this one's place.
        let start = after.flatMap { $0 <= head ? $0 : nil } ?? max(0, head - Int64(Limits.pageEventsTold))
        events = try log.events(after: start, limit: Limits.pageEventsTold, bytes: Limits.pageEventBytes)
        through = events.last?.seq ?? start
        hasMore = through < head
        for subject in Set(events.map(\.event.subject)) { titles[subject] = try log.record(subject)?.title }
    }

    func json(now: WallTime) -> [UInt8] {
        jsonObject { writer in
            writer.key("events")
            writer.array { for event in events { $0.event(event, now: now, withData: false) } }
            writer.key("titles")
            writer.object { for (subject, title) in titles.sorted(by: { $0.key < $1.key }) { $0.member(subject, title) } }
            writer.member("through", through)
            writer.member("more", hasMore)
            writer.member("held", isHeld)
        }
    }
}

/// The answer of `status`, made anew no more often than a tenth of the time allows: that of a long log that Noema nodes
/// are served from takes its time, and each open page asks for it.
actor PageReport {
    private let node: Node
    private var last: (json: [UInt8], at: ContinuousClock.Instant, cost: Duration)?
    private var making: Task<Result<[UInt8], CommandFailure>, Never>?

    init(_ node: Node) { self.node = node }

    func json() async throws(CommandFailure) -> [UInt8] {
        if let last, last.at.duration(to: .now) < max(.seconds(1), last.cost * 10) { return last.json }
        if let making { return try await making.value.get() }
        let began = ContinuousClock.now
        let task = Task { [node] () -> Result<[UInt8], CommandFailure> in
            do throws(CommandFailure) { return .success(try await CommandService(node: node).perform(.status, Array("{}".utf8))) } catch {
                return .failure(error)
            }
        }
        making = task
        let result = await task.value
        making = nil
        if case .success(let json) = result { last = (json, .now, began.duration(to: .now)) }
        return try result.get()
    }
}
