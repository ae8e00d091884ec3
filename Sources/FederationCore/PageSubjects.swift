/// The subjects that a pass over a page has come to, in that order.
///
/// Of those of which the log had nothing before it keeps all that is there now: what was just written is not read again.
struct PageSubjects {
    struct Subject {
        let text: String
        /// Its record is to be made anew.
        fileprivate(set) var isChanged = false
        /// A purge of it came with this page.
        var isPurged = false
        /// All of its events; `nil` where the log has to be asked.
        fileprivate var sources: [RecordSource]?

        /// All of its events in order of id; `nil` where the log has to be asked.
        var known: [RecordSource]? {
            guard let sources, sources.count > 1 else { return sources }
            return sources.sorted { $0.stored.event.id < $1.stored.event.id }
        }

        var isKnown: Bool { sources != nil }
    }

    /// What the log had of the subjects of a page before anything of it was put there.
    private struct Before {
        let bounds: ClosedRange<ExactText>
        let found: Set<ExactText>

        func lacks(_ subject: ExactText) -> Bool { bounds.contains(subject) && !found.contains(subject) }
    }

    /// Items of a page from which on its subjects are looked for together.
    private static let worthwhile = 8

    private var all: [Subject] = []
    private var places: [ExactText: Int] = [:]
    private var before: Before?

    subscript(place: Int) -> Subject {
        _read { yield all[place] }
        _modify { yield &all[place] }
    }

    /// Looks for all subjects of a page at once, where the log has little between them: one look for each takes longer.
    mutating func lookAhead(at items: [PulledItem], in log: some LogReading) throws(StoreFailure) {
        guard items.count >= PageSubjects.worthwhile else { return }
        var bounds: ClosedRange<ExactText>?
        for case .event(let event, _) in items {
            let subject = ExactText(event.subject)
            guard let known = bounds else { bounds = subject...subject; continue }
            if subject < known.lowerBound { bounds = subject...known.upperBound }
            if subject > known.upperBound { bounds = known.lowerBound...subject }
        }
        guard let bounds else { return }
        places.reserveCapacity(items.count)
        all.reserveCapacity(items.count)
        let found = try log.subjects(
            from: bounds.lowerBound.text, through: bounds.upperBound.text, events: items.count / 4)
        before = found.map { Before(bounds: bounds, found: $0) }
    }

    /// Where a subject stands, from now on.
    mutating func place(of subject: String) -> Int {
        let next = all.count
        // Found or put there with one look.
        let place = { (place: inout Int) in place }(&places[ExactText(subject), default: next])
        if place == next { all.append(Subject(text: subject)) }
        return place
    }

    /// The places of those whose records are to be made anew.
    var changed: some Sequence<Int> { all.indices.lazy.filter { all[$0].isChanged } }

    mutating func change(_ subject: String) { change(at: place(of: subject)) }
    mutating func change(at place: Int) { all[place].isChanged = true }

    /// To be called before an event of the subject is put into the log.
    mutating func begin(at place: Int, in log: some LogReading) throws(StoreFailure) {
        guard !all[place].isChanged else { return }
        let isNew =
            if let before { before.lacks(ExactText(all[place].text)) } else { try log.greatestID(of: all[place].text) == nil }
        if isNew { all[place].sources = [] }
    }

    /// An event was put into the log.
    mutating func add(_ entry: LogEntry, at place: Int, seq: Int64, _ findings: EventFindings?) {
        all[place].isChanged = true
        all[place].sources?.append(RecordSource(stored: StoredEvent(entry, seq: seq), findings: findings))
    }

    /// Something else than adding happens to its events.
    mutating func forget(at place: Int) { all[place].sources = nil }
    mutating func forget(_ subject: String) { if let place = places[ExactText(subject)] { forget(at: place) } }
}

extension StoredEvent {
    /// An event that was just put into the log.
    init(_ entry: LogEntry, seq: Int64) {
        self.init(
            seq: seq, event: entry.event, digest: entry.fingerprint.digest, signedHash: entry.fingerprint.signedHash,
            verification: entry.verification, peer: entry.peer, receivedAt: entry.receivedAt, dataSeen: entry.dataSeen)
    }
}
