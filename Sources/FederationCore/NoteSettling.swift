/// Decides when a file that something has happened to is looked at: once it has come to rest, so that no half of a text
/// is taken for one, and many quick saves for many.
package struct NoteSettling: Hashable, Sendable {
    package enum Change: Hashable, Sendable {
        /// It was made or written to, and may be written to further.
        case begun
        /// Whoever wrote to it has closed it; or it was moved, or is gone.
        case done
    }

    package struct Due: Hashable, Sendable {
        package var name: String
        /// It was never closed, and has been silent for long: something holds it open.
        package var isOpen: Bool

        package init(name: String, isOpen: Bool) {
            self.name = name
            self.isOpen = isOpen
        }
    }

    private struct Waiting: Hashable, Sendable {
        /// When it was closed for the first time since it was looked at.
        var first: Instant?
        var last: Instant
        var isOpen: Bool
        /// Longer where it was looked at again and again.
        var quiet = NoteSettling.quiet
    }

    /// Editors take several steps for one save.
    package static let quiet = Duration.milliseconds(250)
    /// What is still open may have been written to its half.
    package static let openQuiet = Duration.seconds(10)
    /// What is saved again and again is looked at now and then.
    package static let longest = Duration.seconds(5)
    private static let longestQuiet = Duration.seconds(60)

    private var waiting: [ExactText: Waiting] = [:]
    private var tries: [ExactText: Int] = [:]
    /// When everything is to be looked at, for something was missed.
    private var everything: Instant?

    package init() {}

    package mutating func noted(_ name: String, _ change: Change, at now: Instant) {
        let key = ExactText(name)
        guard waiting[key] != nil || waiting.count < Limits.noteNames else { return lost(at: now) }
        var entry = waiting[key] ?? Waiting(first: nil, last: now, isOpen: false)
        entry.last = now
        entry.isOpen = change == .begun
        if change == .done {
            entry.quiet = NoteSettling.quiet
            entry.first = entry.first ?? now
        }
        waiting[key] = entry
    }

    /// It could not be dealt with, for it changed meanwhile: each time it is given a longer rest.
    package mutating func again(_ name: String, at now: Instant) {
        noted(name, .done, at: now)
        let key = ExactText(name)
        let count = tries[key, default: 0]
        guard waiting[key] != nil, tries.count < Limits.noteNames else { return }
        tries[key] = min(count + 1, 20)
        waiting[key]?.quiet = min(NoteSettling.longestQuiet, NoteSettling.quiet * (1 << min(count, 10)))
        waiting[key]?.first = now
    }

    /// It has been dealt with.
    package mutating func rested(_ name: String) { tries[ExactText(name)] = nil }

    /// Something has happened that nobody knows of.
    package mutating func lost(at now: Instant) {
        everything = everything ?? now
        waiting = [:]
    }

    /// What is to be looked at now; it is no longer waited for.
    package mutating func due(at now: Instant) -> [Due] {
        let ready = waiting.filter { moment($0.value) <= now }
        for key in ready.keys { waiting[key] = nil }
        return ready.sorted { $0.key < $1.key }.map { Due(name: $0.key.text, isOpen: $0.value.isOpen) }
    }

    /// Whether everything is to be looked at now; it is then no longer waited for.
    package mutating func takesEverything(at now: Instant) -> Bool {
        guard let since = everything, since.advanced(by: NoteSettling.quiet) <= now else { return false }
        everything = nil
        return true
    }

    /// When there is something to look at.
    package var wakeAt: Instant? {
        let next = waiting.values.map(moment).min()
        guard let all = everything?.advanced(by: NoteSettling.quiet) else { return next }
        return next.map { min($0, all) } ?? all
    }

    private func moment(_ entry: Waiting) -> Instant {
        if entry.isOpen { return entry.last.advanced(by: NoteSettling.openQuiet) }
        let rest = entry.last.advanced(by: entry.quiet)
        guard let first = entry.first, entry.quiet <= NoteSettling.longest else { return rest }
        return min(rest, first.advanced(by: NoteSettling.longest))
    }
}
