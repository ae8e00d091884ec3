/// Decides whether a daemon gets on, and so whether its service manager is told that it lives.
///
/// Each part is asked for a sign of life, and not asked again before that question has ended. A part whose question stands
/// without a good answer for longer than `patience` is stalled; one good answer ends that.
package struct Heartbeat: Hashable, Sendable {
    /// What must get on for the daemon to do its work.
    package enum Part: String, Hashable, Sendable, CaseIterable {
        /// The thread that writes the database.
        case writer
        /// The polls of peers: each takes what comes to it, and is woken when it wanted to be.
        case polls
        /// Commands reach the daemon and are answered.
        case control
    }

    /// A part that has not got on, and for how long.
    package struct Stall: Hashable, Sendable {
        package var part: Part
        package var lasted: Duration
    }

    /// How long a sign of life may take.
    package let patience: Duration
    private var inFlight: Set<Part> = []
    /// Since when each part owes a good answer.
    private var owedSince: [Part: Instant] = [:]
    /// The stalled parts that were told of.
    private var told: Set<Part> = []

    package init(patience: Duration) { self.patience = patience }

    /// The parts to be asked now: those that are not being asked already.
    package mutating func beat(at now: Instant) -> [Part] {
        let asked = Part.allCases.filter { !inFlight.contains($0) }
        for part in asked {
            inFlight.insert(part)
            owedSince[part] = owedSince[part] ?? now
        }
        return asked
    }

    /// A question has ended.
    ///
    /// - Parameter good: the part got on; without it the time runs on from the first question.
    package mutating func ended(_ part: Part, good: Bool) {
        inFlight.remove(part)
        if good { owedSince[part] = nil }
    }

    /// A part is at one long piece of work, and gets on with it: what it owes it owes from now on.
    package mutating func getsOn(_ part: Part, at now: Instant) {
        if owedSince[part] != nil { owedSince[part] = now }
    }

    /// The parts that do not get on; empty while the daemon lives.
    package func stalled(at now: Instant) -> [Stall] {
        Part.allCases.compactMap { part in
            guard let since = owedSince[part] else { return nil }
            let lasted = now.since(since)
            return lasted > patience ? Stall(part: part, lasted: lasted) : nil
        }
    }

    /// What the log is to be told of.
    package enum News: Hashable, Sendable {
        /// These do not get on, which was not told of yet.
        case stalled([Stall])
        /// Nothing is stalled any more.
        case recovered
    }

    /// What has changed since the last time; a part that stalls while another does is news too.
    package mutating func news(at now: Instant) -> News? {
        let stalled = stalled(at: now)
        let new = stalled.filter { !told.contains($0.part) }
        let isRecovery = stalled.isEmpty && !told.isEmpty
        told = Set(stalled.map(\.part))
        return isRecovery ? .recovered : new.isEmpty ? nil : .stalled(new)
    }
}
