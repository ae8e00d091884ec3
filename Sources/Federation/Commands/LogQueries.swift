internal import FederationCore

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
            if let shown = heads.last, record.purge == nil, let data = shown.event.data,
                let snapshot = try? Snapshot(data: data)
            {
                writer.member("body", snapshot.body)
                if !snapshot.derivedFrom.isEmpty { writer.member("derived_from", snapshot.derivedFrom) }
                if !snapshot.contentHash.isEmpty { writer.member("content_hash", snapshot.contentHash) }
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

    func events(_ arguments: JSON) async throws(CommandFailure) -> [UInt8] {
        let limit = arguments.limit(100, most: 100_000)
        let subject = arguments["id"]?.string
        let since = arguments["since"]?.string
        let now = SystemClock.now()
        let found = try await read { (log) throws(StoreFailure) -> [StoredEvent]? in
            var after: Int64 = 0
            if let since {
                if let seq = Int64(since), seq >= 0 {
                    after = seq
                } else if let id = ULID(since), let event = try log.event(id) {
                    after = event.seq
                } else {
                    return nil
                }
            }
            if let subject {
                return Array(try log.events(of: subject).filter { $0.seq > after }.sorted { $0.seq < $1.seq }.prefix(limit + 1))
            }
            var events: [StoredEvent] = []
            while events.count <= limit {
                let page = try log.events(after: events.last?.seq ?? after, limit: limit + 1 - events.count, bytes: Limits.pageBytes)
                if page.isEmpty { break }
                events += page
            }
            return events
        }
        guard let found else { throw CommandFailure(.unknownEvent, ["id": since ?? ""]) }
        if let subject, found.isEmpty, since == nil { throw CommandFailure(.unknownRecord, ["id": subject]) }
        return jsonObject { writer in
            writer.key("events")
            writer.array { for event in found.prefix(limit) { $0.event(event, now: now, withData: true) } }
            writer.member("more", found.count > limit)
            if let last = found.prefix(limit).last { writer.member("last_seq", last.seq) }
        }
    }
}
