/// Decides when a note whose file is missing was deleted by somebody.
///
/// A file is gone for a moment while some editors save it. Where many are gone at once, so is their disk perhaps, or somebody
/// is only just putting them back: then none counts as deleted.
package struct NoteAbsence: Hashable, Sendable {
    package static let after = Duration.seconds(1)
    /// For how long none has come back, before what is still missing from a directory that was itself gone, or from which many were,
    /// counts as any.
    package static let doubtful = Duration.seconds(60)

    private var since: [ExactText: Instant] = [:]
    private var doubtedUntil: Instant?
    /// So many are missing that a person has to say what is meant.
    package private(set) var isTooMany = false

    package init() {}

    package mutating func missed(_ subject: ExactText, at now: Instant) {
        if since[subject] == nil { since[subject] = now }
    }

    /// Its file is there.
    package mutating func found(_ subject: ExactText, at now: Instant) {
        guard since.removeValue(forKey: subject) != nil, doubtedUntil != nil else { return }
        doubtedUntil = now.advanced(by: NoteAbsence.doubtful)
    }

    /// There is to be no file, or nothing can be said of it.
    package mutating func settled(_ subject: ExactText) { since[subject] = nil }

    /// The directory itself was gone: what was missed before may just have gone with it, and what is missing now may be on its way.
    package mutating func directoryWasGone(at now: Instant) {
        since = [:]
        isTooMany = false
        doubtedUntil = now.advanced(by: NoteAbsence.doubtful)
    }

    /// The notes that were deleted.
    ///
    /// - Parameter known: how many notes there are, those that are missing among them.
    package mutating func deleted(of known: Int, at now: Instant) -> [ExactText] {
        let gone = since.filter { $0.value.advanced(by: NoteAbsence.after) <= now }.map(\.key)
        if !gone.isEmpty, since.count > Limits.noteDeletions, since.count > known / 2 {
            isTooMany = true
            doubtedUntil = now.advanced(by: NoteAbsence.doubtful)
        } else if since.isEmpty {
            isTooMany = false
        }
        if let until = doubtedUntil {
            guard until <= now else { return [] }
            doubtedUntil = nil
            isTooMany = false
        }
        return gone.sorted()
    }

    /// When there is something to decide.
    package var wakeAt: Instant? {
        guard let first = since.values.min()?.advanced(by: NoteAbsence.after) else { return nil }
        return doubtedUntil.map { max($0, first) } ?? first
    }
}
