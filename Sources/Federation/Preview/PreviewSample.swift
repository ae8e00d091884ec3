import FederationCore
import FederationStore

/// What would become of the events that a peer gives first, and what they are.
struct PreviewSample: Sendable {
    var outcome = PageOutcome()
    /// By the word that names why an event is held, refused or deferred.
    private(set) var problems: [String: Int] = [:]
    private(set) var actions: [String: Int] = [:]
    private(set) var types: [String: Int] = [:]
    private(set) var origins: [String: Int] = [:]

    /// Takes the events into a log that will forget them.
    init(of items: [PulledItem], intake: Intake, now: WallTime, in log: inout SQLiteLog) throws(StoreFailure) {
        outcome = try intake.take(
            PulledPage(items: items, cursor: .none), from: PreviewSample.giver, now: now, into: &log)
        for item in items {
            if let problem = try ImportDesk.problem(of: item, in: log) { problems[problem, default: 0] += 1 }
            guard case .event(let event, _) = item else { continue }
            actions[event.action, default: 0] += 1
            origins[event.origin, default: 0] += 1
            if event.knownAction?.isContent == true, let data = event.data, let snapshot = try? Snapshot(data: data) {
                types[snapshot.type, default: 0] += 1
            }
        }
    }

    /// By whom quarantine would say that they were given; no peer can be called so.
    static let giver = "preview:"

    func members(_ writer: inout JSONWriter) {
        writer.member("applied", outcome.applied)
        writer.member("duplicates", outcome.duplicates)
        writer.member("held", outcome.held)
        writer.member("refused", outcome.refused)
        writer.member("deferred", outcome.deferred)
        for (key, counts) in [("problems", problems), ("actions", actions), ("types", types), ("origins", origins)] {
            writer.key(key)
            writer.array { writer in
                // The most frequent first, and of equals in one order.
                for (name, count) in counts.sorted(by: { $0.value == $1.value ? $0.key < $1.key : $0.value > $1.value }) {
                    writer.object {
                        $0.member("name", name)
                        $0.member("count", count)
                    }
                }
            }
        }
    }
}
