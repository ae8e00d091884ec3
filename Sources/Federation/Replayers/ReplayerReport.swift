internal import FederationConfig
internal import FederationCore
internal import FederationStore

/// How one replayer stands, as `status` and metrics have it.
struct ReplayerReport: Sendable {
    var name: String
    var kind: Config.Replayer.Word
    var status: ReplayerStatus
    /// Places of the log that it has yet to deal with.
    var behind: Int64 = 0
    var nextIn: Duration?
    /// Of a directory of notes.
    var notes: NoteReport?

    init(_ entry: Config.Replayer, _ status: ReplayerStatus) {
        name = entry.name
        kind = entry.word
        self.status = status
    }

    /// It does not do its work, or not all of it.
    var isDegraded: Bool {
        if let notes, notes.isDegraded { return true }
        return switch status.state {
        case .waiting, .full: true
        case .starting, .ending: status.parked > 0 || status.tally.lastFault != nil
        case .running, .stopped: status.parked > 0
        }
    }

    func write(to writer: inout JSONWriter) {
        let tally = status.tally
        writer.object { writer in
            writer.member("name", name)
            writer.member("kind", kind.rawValue)
            writer.member("state", status.state.rawValue)
            if let position = status.position {
                writer.member("seq", position.seq)
                writer.member("event", position.id.description)
            }
            writer.member("behind", behind)
            writer.member("in_flight", status.inFlight)
            writer.member("parked", status.parked)
            writer.member("retrying", status.retrying)
            if !tally.program.isEmpty { writer.member("program", tally.program) }
            if !tally.version.isEmpty { writer.member("version", tally.version) }
            writer.member("starts", tally.starts)
            writer.member("settled", tally.settled)
            if tally.repeated > 0 { writer.member("repeated", tally.repeated) }
            if let fault = tally.lastFault {
                writer.key("last_failure")
                writer.object {
                    $0.member("code", fault.code)
                    if let number = fault.number { $0.member("number", number) }
                    if let at = tally.lastFaultAt { $0.member("at", at.rfc3339) }
                }
            }
            notes?.write(to: &writer)
            if let nextIn { writer.member("next_start_in", "\(nextIn.components.seconds)s") }
        }
    }
}

/// A replayer that a daemon runs.
protocol RunningReplayer: Sendable {
    var entry: Config.Replayer { get }
    /// Returns once its task is cancelled and it has ended.
    func runToEnd() async
    func report() async -> ReplayerReport
    /// How many events it was done to; `nil` where it could not be kept.
    func change(_ change: ReplayerChange) async -> Int?
}

extension Node {
    /// How every replayer of the configuration stands.
    func replayerReports() async throws(StoreFailure) -> [ReplayerReport] {
        let entries = config.replayers
        guard !entries.isEmpty else { return [] }
        let (head, memories) = try await store.read { (log) throws(StoreFailure) in
            var memories: [ReplayerMemory] = []
            for entry in entries { memories.append(try ReplayerMemory(of: entry.name, in: log)) }
            return (try log.head()?.seq ?? 0, memories)
        }
        let running = changeRunning { $0.replayers }
        var reports: [ReplayerReport] = []
        for (entry, memory) in zip(entries, memories) {
            var report = await running[entry.name]?.report() ?? ReplayerReport(entry, ReplayerStatus(stopped: memory))
            report.behind = max(0, head - (report.status.position?.seq ?? 0))
            reports.append(report)
        }
        return reports
    }
}
