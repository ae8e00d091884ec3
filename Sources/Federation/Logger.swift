package import FederationCore
internal import Synchronization

/// Writes one line a fact to standard error: time, level, a constant message, then `key=value` facts.
///
/// Values come from anywhere, so they are escaped; messages are constants. Secrets never get here.
package struct Logger: Sendable {
    package enum Level: Int, Hashable, Comparable, Sendable {
        case debug, info, warning, error

        package static func < (a: Level, b: Level) -> Bool { a.rawValue < b.rawValue }

        var word: String {
            switch self {
            case .debug: "debug"
            case .info: "info"
            case .warning: "warning"
            case .error: "error"
            }
        }
    }

    private let threshold: LogThreshold
    private let now: @Sendable () -> WallTime
    private let write: @Sendable (String) -> Void

    /// `write` takes whole lines without their newline; called from any thread.
    package init(level: Level, now: @escaping @Sendable () -> WallTime, write: @escaping @Sendable (String) -> Void) {
        self.init(threshold: LogThreshold(level), now: now, write: write)
    }

    /// Logs from whatever level `threshold` says at the time.
    init(
        threshold: LogThreshold, now: @escaping @Sendable () -> WallTime, write: @escaping @Sendable (String) -> Void
    ) {
        self.threshold = threshold
        self.now = now
        self.write = write
    }

    /// Says nothing.
    package static let silent = Logger(level: .error, now: { WallTime(milliseconds: 0) }, write: { _ in })

    package func debug(_ message: StaticString, _ facts: KeyValuePairs<String, String> = [:]) { log(.debug, message, facts) }
    package func info(_ message: StaticString, _ facts: KeyValuePairs<String, String> = [:]) { log(.info, message, facts) }
    package func warning(_ message: StaticString, _ facts: KeyValuePairs<String, String> = [:]) {
        log(.warning, message, facts)
    }
    package func error(_ message: StaticString, _ facts: KeyValuePairs<String, String> = [:]) { log(.error, message, facts) }

    private func log(_ level: Level, _ message: StaticString, _ facts: KeyValuePairs<String, String>) {
        guard level >= threshold.level else { return }
        var line = "\(now().rfc3339) \(level.word) \(message)"
        for (key, value) in facts { line += " \(key)=\(Logger.quoted(value))" }
        write(line)
    }

    /// A value that holds a space, a quote or nothing is put in quotes; control characters are escaped.
    private static func quoted(_ value: String) -> String {
        let escaped = value.escapedForTerminal
        guard escaped.isEmpty || escaped.contains(where: { $0 == " " || $0 == "\"" || $0 == "=" }) else { return escaped }
        return "\"" + escaped.map { $0 == "\"" ? "\\\"" : String($0) }.joined() + "\""
    }
}

/// The least that is logged, which a running daemon may be told to change.
final class LogThreshold: Sendable {
    private let stored: Mutex<Logger.Level>

    init(_ level: Logger.Level) { stored = Mutex(level) }

    var level: Logger.Level {
        get { stored.withLock { $0 } }
        set { stored.withLock { $0 = newValue } }
    }
}
