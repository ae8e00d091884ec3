/// The versions that stand side by side in a diverged record: a view of its heads, never an event.
///
/// Everything in it comes from the heads themselves, so that it is the same on every node that holds them.
package struct Divergence: Hashable, Sendable {
    /// What one head says.
    package struct Version: Hashable, Sendable {
        package let eventID: ULID
        /// The identity of the node that wrote it, as the event names it.
        package let origin: String
        package let clock: ReceivedClock
        package let timestamp: String
        package let title: String
        /// `nil` where the head's `data` was removed, or has not arrived.
        package let body: String?
    }

    package let subject: String
    /// In order of the origin's bytes, then of the event id.
    package let versions: [Version]

    /// - Parameter events: the events of the record's subject, or at least its heads.
    /// - Returns: `nil` if the record has not diverged, or a head is not among `events`.
    package init?(of record: Record, events: [Event]) {
        guard record.isDiverged else { return nil }
        let heads = Set(record.heads)
        var versions: [ULID: Version] = [:]
        for event in events where heads.contains(event.id) { versions[event.id] = Version(event) }
        guard versions.count == heads.count else { return nil }
        subject = record.subject
        self.versions = versions.values.sorted {
            (ExactText($0.origin), $0.eventID) < (ExactText($1.origin), $1.eventID)
        }
    }

    /// The divergence in words, in the form of Noema's divergence traces (section 7.3).
    ///
    /// A version is named by its whole origin and by the event that wrote it, for two of them can share an origin.
    /// Bodies stand as they are; control characters in the lines about them are escaped.
    package var text: String {
        var text = """
            ## Concurrent edits detected

            **Trace:** \(subject.escapedForTerminal)
            **Conflicting origins:** \(versions.map(\.label).joined(separator: ", "))

            """
        for version in versions {
            let body = version.body ?? "(The text of this version was removed, or has not arrived.)"
            text += """

                ### Version from \(version.label)
                **Event:** \(version.eventID)
                **Vector clock:** \(String(decoding: version.clock.sortedJSON, as: UTF8.self).escapedForTerminal)
                **Title:** \(version.title.escapedForTerminal)

                \(body)
                """
            if body.utf8.last != 0x0A { text += "\n" }
        }
        return text
    }
}

extension Divergence.Version {
    init(_ event: Event) {
        let snapshot = event.data.flatMap { try? Snapshot(data: $0) }
        eventID = event.id
        origin = event.origin
        clock = event.clock
        timestamp = event.timestamp
        title = snapshot?.title ?? ""
        body = snapshot?.body
    }

    fileprivate var label: String { origin.isEmpty ? eventID.description : origin.escapedForTerminal }
}

extension Divergence {
    /// What came of naming a version.
    package enum Choice: Hashable, Sendable {
        case found(Version)
        /// The text fits several versions: a longer one, or an event's id, would tell them apart.
        case ambiguous([Version])
        case none
    }

    /// The fewest characters of a name that is not given whole.
    package static let shortestPrefix = 8

    /// The version that a person names by its origin or its event's id: the whole of it, or a beginning of at least
    /// `shortestPrefix` characters that fits nothing else. Case does not matter.
    package func version(named name: String) -> Choice {
        let name = name.asciiUppercased
        let whole = versions.filter { $0.names.contains(name) }
        if !whole.isEmpty { return Choice(whole) }
        guard name.count >= Divergence.shortestPrefix else { return .none }
        return Choice(versions.filter { $0.names.contains { $0.starts(with: name) } })
    }
}

extension Divergence.Version {
    fileprivate var names: [[UInt8]] { [eventID.description.asciiUppercased, origin.asciiUppercased] }
}

extension Divergence.Choice {
    fileprivate init(_ versions: [Divergence.Version]) {
        switch versions.count {
        case 0: self = .none
        case 1: self = .found(versions[0])
        default: self = .ambiguous(versions)
        }
    }
}

extension Record {
    /// Whether this record is the trace by which a Noema node reports a divergence of `subject` (section 7.3).
    ///
    /// Such traces are stored and relayed like any other; here they count as part of our own view of the divergence.
    package func isNoemaDivergence(of subject: String) -> Bool {
        type == TraceType.divergence.rawValue && derivedFrom.contains { $0.isExactly(subject) }
    }
}

extension String {
    /// Its UTF-8 with `a` to `z` in upper case.
    fileprivate var asciiUppercased: [UInt8] { utf8.map { (0x61...0x7A).contains($0) ? $0 - 0x20 : $0 } }
}

extension ReceivedClock {
    /// The clock in order of its keys' bytes, however its author ordered them.
    fileprivate var sortedJSON: [UInt8] {
        ReceivedClock(entries: sorted).json
    }
}
