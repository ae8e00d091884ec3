internal import FederationCore
internal import FederationStore

/// Looking at what is not applied: held events are named by their id, rows of the quarantine by their number.
extension CommandService {
    private static let listed = 10_000

    func quarantineList(_ arguments: JSON) async throws(CommandFailure) -> [UInt8] {
        let limit = arguments.limit(CommandService.listed, most: CommandService.listed)
        let (held, rows) = try await read { (log) throws(StoreFailure) in
            (try log.newestHeld(limit: limit), try log.newestQuarantine(limit: limit))
        }
        return jsonObject { writer in
            writer.key("entries")
            writer.array { writer in
                // The newest of each, in order of time.
                for event in held.reversed() { writer.object { heldMembers(event, &$0) } }
                for row in rows.reversed() { writer.object { rowMembers(row, &$0) } }
            }
        }
    }

    func quarantineShow(_ arguments: JSON) async throws(CommandFailure) -> [UInt8] {
        let name = try arguments.required("row")
        if let id = ULID(name) {
            let found = try await read { (log) throws(StoreFailure) in try log.event(id) }
            guard let found, let hold = found.hold else { throw CommandFailure(.unknownRow, ["row": name]) }
            let summary = HeldSummary(
                id: id, subject: found.event.subject, peer: found.peer, receivedAt: found.receivedAt, hold: hold)
            return jsonObject {
                heldMembers(summary, &$0)
                $0.member("bytes", String(decoding: found.event.json, as: UTF8.self))
            }
        }
        let entry = try await row(name)
        return jsonObject {
            rowMembers(entry, &$0)
            $0.member("bytes", String(decoding: entry.bytes, as: UTF8.self))
        }
    }

    func quarantineDrop(_ arguments: JSON) async throws(CommandFailure) -> [UInt8] {
        let entry = try await row(try arguments.required("row"))
        let isDryRun = arguments["dry_run"]?.bool ?? false
        let found = try await node.write(isDryRun: isDryRun) { (log, intake) throws(StoreFailure) in
            try intake.drop(row: entry.row, in: &log)
        }
        guard found else { throw CommandFailure(.unknownRow, ["row": String(entry.row)]) }
        return jsonObject {
            $0.member("row", String(entry.row))
            $0.member("dropped", !isDryRun)
            if isDryRun { $0.member("dry_run", true) }
        }
    }

    func quarantineRetry(_ arguments: JSON) async throws(CommandFailure) -> [UInt8] {
        let name = try arguments.required("row")
        let now = SystemClock.now()
        let isDryRun = arguments["dry_run"]?.bool ?? false
        let result = try await node.write(isDryRun: isDryRun) { (log, intake) throws(StoreFailure) in
            if let id = ULID(name) { return try intake.retry(held: id, now: now, into: &log) }
            guard let row = Int64(name) else { return RetryResult.notFound }
            return try intake.retry(row: row, now: now, into: &log)
        }
        if result == .notFound { throw CommandFailure(.unknownRow, ["row": name]) }
        return jsonObject {
            $0.member("row", name)
            if isDryRun { $0.member("dry_run", true) }
            retryMembers(result, &$0)
        }
    }

    private func retryMembers(_ result: RetryResult, _ writer: inout JSONWriter) {
        switch result {
        case .applied, .duplicate: writer.member("applied", true)
        case .held(let hold):
            writer.member("applied", false)
            writer.member("reason", hold.reason.rawValue)
        case .refused(let reason), .failed(let reason):
            writer.member("applied", false)
            writer.member("reason", reason.rawValue)
        case .deferred:
            writer.member("applied", false)
            writer.member("reason", "deferred")
        case .evidenceIncomplete, .notFound:
            writer.member("applied", false)
            writer.member("reason", "evidence_incomplete")
        }
    }

    private func row(_ name: String) async throws(CommandFailure) -> QuarantineEntry {
        guard let number = Int64(name) else { throw CommandFailure(.unknownRow, ["row": name]) }
        let found = try await read { (log) throws(StoreFailure) in try log.quarantineEntry(number) }
        guard let found else { throw CommandFailure(.unknownRow, ["row": name]) }
        return found
    }

    private func heldMembers(_ stored: HeldSummary, _ writer: inout JSONWriter) {
        writer.member("row", stored.id.description)
        writer.member("kind", "held")
        writer.member("reason", stored.hold.reason.rawValue)
        writer.member("code", stored.hold.code)
        writer.member("peer", stored.peer)
        writer.member("event_id", stored.id.description)
        writer.member("trace_id", stored.subject)
        writer.member("first_seen", stored.receivedAt.rfc3339)
        writer.member("count", 1)
    }

    private func rowMembers(_ entry: QuarantineEntry, _ writer: inout JSONWriter) {
        writer.member("row", String(entry.row))
        writer.member("kind", entry.kind.rawValue)
        writer.member("reason", entry.reason.rawValue)
        writer.member("code", entry.code)
        writer.member("peer", entry.peer)
        writer.member("event_id", entry.eventID)
        writer.member("trace_id", entry.subject)
        writer.member("first_seen", entry.firstSeen.rfc3339)
        writer.member("last_seen", entry.lastSeen.rfc3339)
        if let retryAt = entry.retryAt { writer.member("retry_at", retryAt.rfc3339) }
        writer.member("count", entry.count)
    }
}
