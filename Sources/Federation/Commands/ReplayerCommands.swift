internal import FederationConfig
internal import FederationCore
internal import FederationStore

/// Looking at what a replayer was given and would not take, and saying what becomes of it.
extension CommandService {
    func replayerShow(_ arguments: JSON) async throws(CommandFailure) -> [UInt8] {
        let entry = try replayer(arguments)
        let found = try await read { (log) throws(StoreFailure) in
            let memory = try ReplayerMemory(of: entry.name, in: log)
            var lanes: [(String, ReplayerMemory.Lane, waiting: Int)] = []
            for (subject, lane) in memory.lanes.sorted(by: { $0.key < $1.key }) {
                let last = memory.cursor.position?.seq ?? 0
                let behind = try log.places(of: subject.text).count { $0.seq > lane.seq && $0.seq <= last && !$0.isHeld }
                lanes.append((subject.text, lane, behind))
            }
            return lanes
        }
        let reports: [ReplayerReport]
        do { reports = try await node.replayerReports() } catch { throw CommandFailure(error) }
        return jsonObject { writer in
            writer.key("replayer")
            for report in reports where report.name == entry.name { report.write(to: &writer) }
            writer.key("waiting")
            writer.array { writer in
                for (subject, lane, behind) in found where !lane.code.isEmpty {
                    writer.object {
                        $0.member("event_id", lane.id.description)
                        $0.member("trace_id", subject)
                        $0.member("code", lane.code)
                        if !lane.words.isEmpty { $0.member("words", lane.words) }
                        $0.member("attempts", lane.attempts)
                        $0.member("parked", lane.isParked)
                        $0.member("since", lane.since.rfc3339)
                        $0.member("behind_it", behind)
                    }
                }
            }
        }
    }

    /// `change` is `retry` (of one `event`, or all), `skip` (an `event`) or `rewind`.
    func replayerChange(_ arguments: JSON) async throws(CommandFailure) -> [UInt8] {
        let entry = try replayer(arguments)
        let change = try change(arguments)
        // A directory of notes is compared; it has no events that wait.
        if entry.word == .files, arguments["event"] != nil { throw CommandFailure(.nothingWaits, ["name": entry.name]) }
        let isDryRun = arguments["dry_run"]?.bool ?? false
        let count: Int
        if !isDryRun, let running = node.changeRunning({ $0.replayers[entry.name] }) {
            guard let kept = await running.change(change) else { throw CommandFailure(.store, ["store": "busy"]) }
            count = kept
        } else {
            count = try await node.write(isDryRun: isDryRun) { (log, _) throws(StoreFailure) in
                try ReplayerMemory.change(entry.name, change, in: &log)
            }
        }
        if count == 0, let event = arguments["event"]?.string { throw CommandFailure(.unknownEvent, ["id": event]) }
        return jsonObject {
            $0.member("name", entry.name)
            $0.member("count", count)
            if isDryRun { $0.member("dry_run", true) }
        }
    }

    private func change(_ arguments: JSON) throws(CommandFailure) -> ReplayerChange {
        var event: ULID?
        if let text = arguments["event"]?.string {
            event = ULID(text)
            if event == nil { throw CommandFailure(.unknownEvent, ["id": text]) }
        }
        switch (try arguments.required("change"), event) {
        case ("retry", let event): return .retry(event)
        case ("skip", let event?): return .skip(event)
        case ("rewind", nil): return .rewind
        default: throw CommandFailure(.badRequest)
        }
    }

    private func replayer(_ arguments: JSON) throws(CommandFailure) -> Config.Replayer {
        let name = try arguments.required("name")
        let known = node.config.replayers
        guard let entry = known.first(where: { $0.name == name }) else {
            throw CommandFailure(.unknownReplayer, ["name": name], list: known.map(\.name))
        }
        return entry
    }
}
