internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationStore
#if FAIL_POINTS
    internal import FailPoints
#endif

/// `federation compact`: has stubs made of updates that were overtaken, some records at a time, by the daemon where one
/// runs.
package struct Compacting: Sendable {
    package var configPath: String
    /// How long the text of an update is kept after the update that overtook it has come.
    package var kept: Duration
    /// Gives the room that is free in the file back to the file system.
    package var rewrites = false
    package var isDryRun = false

    package init(configPath: String, kept: Duration) {
        self.configPath = configPath
        self.kept = kept
    }

    /// - Parameter progress: told how many events were looked at, and of how many.
    /// - Returns: the facts as JSON.
    package func run(
        progress: @Sendable (_ done: Int64, _ total: Int64) async -> Void
    ) async throws(CommandFailure) -> [UInt8] {
        let channel = try await CommandChannel(configPath: configPath)
        do throws(CommandFailure) {
            let facts = try await run(on: channel, progress)
            await channel.close()
            return facts
        } catch {
            await channel.close()
            throw error
        }
    }

    private func run(
        on channel: CommandChannel, _ progress: @Sendable (Int64, Int64) async -> Void
    ) async throws(CommandFailure) -> [UInt8] {
        let before = try await ask(channel) { $0.member("step", Step.size.rawValue) }
        let total = before["events"]?.integer ?? 0
        var sums: [String: Int64] = [:]
        var last: String?
        repeat {
            let from = last
            let answer = try await ask(channel) {
                $0.member("step", Step.records.rawValue)
                $0.member("kept_ms", kept.wholeMilliseconds)
                $0.member("dry_run", isDryRun)
                if let from { $0.member("after", from) }
            }
            for word in ["seen", "stubs", "records", "bytes"] { sums[word, default: 0] += answer[word]?.integer ?? 0 }
            last = answer["last"]?.string
            await progress(min(sums["seen"] ?? 0, total), total)
        } while last != nil
        if rewrites, !isDryRun { _ = try await ask(channel) { $0.member("step", Step.rewrite.rawValue) } }
        let after = try await ask(channel) { $0.member("step", Step.size.rawValue) }
        return jsonObject {
            $0.member("dry_run", isDryRun)
            $0.member("kept_days", kept.components.seconds / 86_400)
            $0.member("log_events", total)
            $0.member("stubs", sums["stubs"] ?? 0)
            $0.member("records", sums["records"] ?? 0)
            $0.member("bytes", sums["bytes"] ?? 0)
            $0.member("file_before", before["file"]?.integer ?? 0)
            $0.member("file_after", after["file"]?.integer ?? 0)
            $0.member("reusable", after["reusable"]?.integer ?? 0)
        }
    }

    /// What one request asks for.
    enum Step: String { case size, records, rewrite }

    private func ask(_ channel: CommandChannel, _ body: (inout JSONWriter) -> Void) async throws(CommandFailure) -> JSON {
        let answer = try await channel.perform(.compact, jsonObject(body))
        do { return try JSON(answer) } catch { throw CommandFailure(.badRequest) }
    }
}

extension CommandService {
    /// One step of a compaction.
    func compact(_ arguments: JSON) async throws(CommandFailure) -> [UInt8] {
        if let stopped = node.stopped { throw stopped.failure }
        guard let step = Compacting.Step(rawValue: try arguments.required("step")) else { throw CommandFailure(.badRequest) }
        do throws(StoreFailure) {
            switch step {
            case .size: return try await size()
            case .records: return try await compactRecords(arguments)
            case .rewrite:
                try await node.store.rewrite()
                return jsonObject { _ in }
            }
        } catch {
            throw CommandFailure(error)
        }
    }

    private func size() async throws(StoreFailure) -> [UInt8] {
        let events = try await node.store.read { (log) throws(StoreFailure) in try log.eventCount() }
        let disk = try await node.store.disk()
        return jsonObject {
            $0.member("events", events)
            $0.member("file", disk.database)
            $0.member("reusable", disk.reusable)
        }
    }

    private func compactRecords(_ arguments: JSON) async throws(StoreFailure) -> [UInt8] {
        let kept = Duration.milliseconds(max(0, arguments["kept_ms"]?.integer ?? 0))
        let run = CompactionRun(keptFor: kept, now: SystemClock.now(), sha256: sha256)
        let after = arguments["after"]?.string
        let step: CompactionRun.Step
        if arguments["dry_run"]?.bool ?? false {
            step = try await node.store.read { (log) throws(StoreFailure) in try run.rehearse(after: after, in: log) }
        } else {
            // What is to go may go all the more where there is no room.
            step = try await node.store.attempt(evenIfFull: true) { (log: inout SQLiteLog) throws(StoreFailure) in
                try run.run(after: after, in: &log)
            }
            #if FAIL_POINTS
                FailPoint.compactedRecords.pass()
            #endif
        }
        return jsonObject {
            if let last = step.last { $0.member("last", last) }
            $0.member("seen", step.seen)
            $0.member("stubs", step.stubs)
            $0.member("records", step.records)
            $0.member("bytes", step.bytes)
        }
    }
}
