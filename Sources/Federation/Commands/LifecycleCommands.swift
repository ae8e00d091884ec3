internal import FederationCore

/// Archiving, trashing, purging and back: several records in one transaction, all of them or none.
extension CommandService {
    func change(_ name: CommandName, _ arguments: JSON) async throws(CommandFailure) -> [UInt8] {
        let ids = (arguments["ids"]?.array ?? []).compactMap(\.string)
        guard (1...Limits.recordsPerCommand).contains(ids.count) else { throw CommandFailure(.badRequest) }
        let isDryRun = arguments["dry_run"]?.bool ?? false
        var requests: [WriteRequest] = []
        for id in ids { requests.append(try request(name, id)) }
        let costs = name == .purge ? try await purgeCosts(of: ids) : []
        let written = try await node.write(requests, requestID: arguments["request"]?.string, isDryRun: isDryRun)
        return jsonObject { writer in
            writer.member("changed", written.count { !$0.events.isEmpty })
            writer.member("unchanged", written.count { $0.events.isEmpty })
            writer.member("count", written.reduce(0) { $0 + $1.events.count })
            if isDryRun { writer.member("dry_run", true) }
            writer.key("records")
            writer.array { writer in
                for (place, one) in written.enumerated() {
                    writer.object {
                        $0.member("id", one.subject)
                        $0.member("changed", !one.events.isEmpty)
                        if costs.indices.contains(place) {
                            $0.member("title", costs[place].title)
                            $0.member("log_events", costs[place].events)
                        }
                        $0.written(one, isDryRun: isDryRun)
                    }
                }
            }
        }
    }

    private func request(_ name: CommandName, _ id: String) throws(CommandFailure) -> WriteRequest {
        if name == .purge { return .purge(subject: id, reason: "") }
        guard let change = WriteRequest.LifecycleChange(rawValue: name.rawValue) else { throw CommandFailure(.badRequest) }
        return .change(subject: id, change)
    }

    /// What a purge takes: the events of the record that hold its text, here and at every other node.
    private struct PurgeCost: Sendable {
        var title: String
        var events: Int
    }

    private func purgeCosts(of ids: [String]) async throws(CommandFailure) -> [PurgeCost] {
        try await read { (log) throws(StoreFailure) in
            var costs: [PurgeCost] = []
            for id in ids {
                let events = try log.events(of: id).count { !$0.event.isStub && $0.event.knownAction?.isContent == true }
                costs.append(PurgeCost(title: try log.record(id)?.title ?? "", events: events))
            }
            return costs
        }
    }
}
