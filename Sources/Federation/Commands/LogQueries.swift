internal import FederationCore
internal import FederationStore

/// Looking at records and events.
extension CommandService {
    func records(_ arguments: JSON) async throws(CommandFailure) -> [UInt8] {
        var filter = try recordFilter(arguments)
        let text = try searchText(arguments)
        let wanted = filter.limit
        var found: [Record] = []
        // In steps, each with a view of its own: a search through a large log holds back nobody's checkpoint.
        repeat {
            filter.limit = wanted + 1 - found.count
            let step = filter
            let page = try await read { (log) throws(StoreFailure) in
                try log.records(step, holding: text, reading: Limits.searchStepBytes)
            }
            found += page.records
            filter.after = page.reached
        } while filter.after != nil && found.count <= wanted && !Task.isCancelled
        return jsonObject { writer in
            writer.key("records")
            writer.array { for record in found.prefix(wanted) { $0.record(record) } }
            writer.member("more", found.count > wanted)
        }
    }

    private func recordFilter(_ arguments: JSON) throws(CommandFailure) -> RecordFilter {
        var filter = RecordFilter(limit: arguments.limit(1000, most: 1_000_000))
        if let word = arguments["state"]?.string {
            guard let state = RecordFilter.State(rawValue: word) else {
                throw CommandFailure(
                    .unknownState, ["state": word], list: RecordFilter.State.allCases.map(\.rawValue))
            }
            filter.select(state)
        }
        if let type = arguments["type"]?.string {
            guard TraceType(rawValue: type) != nil else {
                throw CommandFailure(.unknownType, ["type": type], list: TraceType.allCases.map(\.rawValue))
            }
            filter.type = type
        }
        filter.tag = arguments["tag"]?.string
        filter.after = arguments["after"]?.string
        return filter
    }

    private func searchText(_ arguments: JSON) throws(CommandFailure) -> SearchText? {
        guard let text = arguments["search"]?.string else { return nil }
        guard let search = SearchText(text) else {
            throw CommandFailure(.searchText, ["limit": String(Limits.searchTextBytes)])
        }
        return search
    }

    func show(_ arguments: JSON) async throws(CommandFailure) -> [UInt8] {
        let id = try arguments.required("id")
        let found = try await read { (log) throws(StoreFailure) -> (Record, [StoredEvent])? in
            guard let record = try log.record(id) else { return nil }
            return (record, try log.headEvents(of: record))
        }
        guard let (record, heads) = found else { throw CommandFailure(.unknownRecord, ["id": id]) }
        return jsonObject { writer in
            writer.recordMembers(record)
            if let shown = heads.last, record.purge == nil, let data = shown.event.data {
                writer.content(data, of: shown.event)
            }
            if record.isDiverged {
                writer.key("versions")
                writer.array { for head in heads { $0.version(head) } }
            }
        }
    }

    func divergences() async throws(CommandFailure) -> [UInt8] {
        let found = try await read { (log) throws(StoreFailure) -> [(Record, [StoredEvent])] in
            var filter = RecordFilter(limit: 10_000)
            filter.divergedOnly = true
            filter.includeTrashed = true
            var found: [(Record, [StoredEvent])] = []
            for record in try log.records(filter) { found.append((record, try log.headEvents(of: record))) }
            return found
        }
        return jsonObject { writer in
            writer.key("divergences")
            writer.array { writer in
                for (record, heads) in found {
                    writer.object { writer in
                        writer.recordMembers(record)
                        writer.key("versions")
                        writer.array { for head in heads { $0.version(head) } }
                    }
                }
            }
        }
    }

    /// Events of the log or of one record; with `wait` (in milliseconds) the answer is held until there are some.
    func events(_ arguments: JSON) async throws(CommandFailure) -> [UInt8] {
        let limit = arguments.limit(100, most: 100_000)
        let subject = arguments["id"]?.string
        let since = arguments["since"]?.string
        let patience = arguments["wait"]?.integer.map { min(.milliseconds($0), Limits.followWait) }
        let now = SystemClock.now()
        let first = try await read { (log) throws(StoreFailure) in
            try EventListing(since: since, fromEnd: patience != nil, subject: subject, limit: limit, in: log)
        }
        guard var found = first else { throw CommandFailure(.unknownEvent, ["id": since ?? ""]) }
        if let subject, !found.hasSubject { throw CommandFailure(.unknownRecord, ["id": subject]) }
        if let patience, found.events.isEmpty {
            let from = found.through
            _ = await node.store.commits.wait(past: from, atMost: patience)
            found = try await read { (log) throws(StoreFailure) in
                try EventListing(after: from, subject: subject, limit: limit, in: log)
            }
        }
        let listing = found
        return jsonObject { writer in
            writer.key("events")
            writer.array { for event in listing.events.prefix(limit) { $0.event(event, now: now, withData: true) } }
            writer.member("more", listing.events.count > limit)
            if let last = listing.events.prefix(limit).last { writer.member("last_seq", last.seq) }
            if patience != nil { writer.member("through", listing.through) }
        }
    }
}

/// A part of the log, or of one record's history, from one view of the database.
struct EventListing: Sendable {
    /// One more than asked for, where there are more.
    var events: [StoredEvent] = []
    /// Up to where the log was looked through.
    var through: Int64
    /// There is at least one event of the record asked for, wherever it stands.
    var hasSubject = true

    /// - Parameters:
    ///   - since: a place in the log or an event's id; without one the listing begins at the beginning.
    ///   - fromEnd: without `since` it begins at the head instead.
    /// - Returns: `nil` where `since` is neither.
    init?(since: String?, fromEnd: Bool, subject: String?, limit: Int, in log: any LogReading) throws(StoreFailure) {
        var after: Int64 = 0
        if let since {
            if let seq = Int64(since), seq >= 0 {
                after = seq
            } else if let id = ULID(since), let event = try log.event(id) {
                after = event.seq
            } else {
                return nil
            }
        } else if fromEnd {
            after = try log.head()?.seq ?? 0
        }
        try self.init(after: after, subject: subject, limit: limit, in: log)
    }

    init(after: Int64, subject: String?, limit: Int, in log: any LogReading) throws(StoreFailure) {
        if let subject {
            through = max(after, try log.head()?.seq ?? 0)
            let all = try log.events(of: subject)
            hasSubject = !all.isEmpty
            events = Array(all.filter { $0.seq > after }.sorted { $0.seq < $1.seq }.prefix(limit + 1))
        } else {
            while events.count <= limit {
                let from = events.last?.seq ?? after
                let page = try log.events(after: from, limit: limit + 1 - events.count, bytes: Limits.pageBytes)
                if page.isEmpty { break }
                events += page
            }
            through = events.last?.seq ?? after
        }
        // What is beyond the limit has not been given yet.
        if events.count > limit { through = events[limit - 1].seq }
    }
}
