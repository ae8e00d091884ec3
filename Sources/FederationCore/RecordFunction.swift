/// What the events of a subject come to.
public struct RecordOutcome: Hashable, Sendable {
    /// Whether one event is applied, and if not, why.
    public struct Standing: Hashable, Sendable {
        public var id: ULID
        /// `nil` for an applied event.
        public var hold: HoldReason?
    }

    /// `nil` where no applied event says anything of the subject.
    public var record: Record?
    /// One for every event, in order of id.
    public var standings: [Standing]
}

/// From the events of one subject to its record.
public enum RecordFunction {
    /// Raised whenever the same events could give another record: then every record is computed anew.
    public static let version = 1

    /// The record of a subject, and which of its events are applied.
    ///
    /// A pure function of the set of `events`: neither their order nor how often one is given matters, nor when, from
    /// whom and in which order they came. The host replayer's holds (`HoldReason.replayer`) are not its business.
    ///
    /// - Parameter events: all stored events of `subject`, applied or held.
    public static func record(of subject: String, from events: [Event]) -> RecordOutcome {
        RecordOutcome(record: nil, standings: events.map { RecordOutcome.Standing(id: $0.id, hold: nil) })
    }
}
