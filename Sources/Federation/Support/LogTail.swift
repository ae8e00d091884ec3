internal import FederationCore
internal import Synchronization

/// The last lines that a daemon has logged, for `federation support`.
final class LogTail: Sendable {
    private let kept = Mutex<[String]>([])

    var lines: [String] { kept.withLock { $0.suffix(Limits.logRemembered) } }

    func add(_ line: String) {
        kept.withLock { lines in
            // Cut seldom: an array that loses its first element moves all the others.
            if lines.count >= 2 * Limits.logRemembered { lines.removeFirst(lines.count - Limits.logRemembered + 1) }
            lines.append(line.utf8.count > 2048 ? String(line.prefix(1024)) + "…" : line)
        }
    }
}
