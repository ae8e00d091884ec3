/// Subjects of which the log had nothing before this pass, each with all that it has now: what was just written is not
/// read again.
struct WholeSubjects {
    private var events: [ExactText: [RecordSource]] = [:]

    /// To be called before the first event of a subject is put into the log.
    mutating func begin(_ subject: String, in log: some LogReading) throws(StoreFailure) {
        if try log.greatestID(of: subject) == nil { events[ExactText(subject)] = [] }
    }

    mutating func add(_ entry: LogEntry, at seq: Int64, _ findings: EventFindings?) {
        let source = RecordSource(stored: StoredEvent(entry, seq: seq), findings: findings)
        events[ExactText(entry.event.subject)]?.append(source)
    }

    /// Something else than adding has happened to it.
    mutating func forget(_ subject: String) { events[ExactText(subject)] = nil }

    func contains(_ subject: String) -> Bool { events[ExactText(subject)] != nil }

    /// In order of id; `nil` where the log has to be asked.
    func events(of subject: ExactText) -> [RecordSource]? {
        guard let events = events[subject] else { return nil }
        return events.count == 1 ? events : events.sorted { $0.stored.event.id < $1.stored.event.id }
    }
}

extension StoredEvent {
    /// An event that was just put into the log.
    fileprivate init(_ entry: LogEntry, seq: Int64) {
        self.init(
            seq: seq, event: entry.event, digest: entry.fingerprint.digest, signedHash: entry.fingerprint.signedHash,
            verification: entry.verification, peer: entry.peer, receivedAt: entry.receivedAt, dataSeen: entry.dataSeen)
    }
}
