package import FederationCore
internal import Synchronization

/// Writes one line a fact to standard error: time, level, a constant message, then `key=value` facts; or the same in a form
/// for programs.
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

        /// As `syslog(3)` numbers it.
        fileprivate var priority: Int {
            switch self {
            case .debug: 7
            case .info: 6
            case .warning: 4
            case .error: 3
            }
        }
    }

    /// How a line is written.
    package enum Format: Hashable, Sendable {
        case text
        /// For systemd's journal: the level as `<6>` and the like, and no time, which it notes itself.
        case journal
        /// One JSON object: `time`, `level`, `message` and `facts`.
        case json
    }

    private let threshold: LogThreshold
    private let format: Format
    /// Where lines are remembered for a while, if anywhere.
    let tail: LogTail?
    private let now: @Sendable () -> WallTime
    private let write: @Sendable (String) -> Void

    /// `write` takes whole lines without their newline; called from any thread.
    package init(
        level: Level, format: Format = .text, now: @escaping @Sendable () -> WallTime,
        write: @escaping @Sendable (String) -> Void
    ) {
        self.init(threshold: LogThreshold(level), format: format, now: now, write: write)
    }

    /// Logs from whatever level `threshold` says at the time.
    init(
        threshold: LogThreshold, format: Format = .text, tail: LogTail? = nil,
        now: @escaping @Sendable () -> WallTime, write: @escaping @Sendable (String) -> Void
    ) {
        self.tail = tail
        self.threshold = threshold
        self.format = format
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
        tail?.add("\(now().rfc3339) \(level.word) " + Logger.words(message, facts))
        switch format {
        case .text: write("\(now().rfc3339) \(level.word) " + Logger.words(message, facts))
        case .journal: write("<\(level.priority)>" + Logger.words(message, facts))
        case .json: write(Logger.object(now(), level, message, facts))
        }
    }

    private static func words(_ message: StaticString, _ facts: KeyValuePairs<String, String>) -> String {
        facts.reduce(into: "\(message)") { $0 += " \($1.key)=\(quoted($1.value))" }
    }

    private static func object(
        _ time: WallTime, _ level: Level, _ message: StaticString, _ facts: KeyValuePairs<String, String>
    ) -> String {
        var writer = JSONWriter()
        writer.object { line in
            line.member("time", time.rfc3339)
            line.member("level", level.word)
            line.member("message", "\(message)")
            guard !facts.isEmpty else { return }
            // Apart, so that no fact stands in the place of another word.
            line.key("facts")
            line.object { for (key, value) in facts { $0.member(key, value) } }
        }
        return String(decoding: writer.bytes, as: UTF8.self)
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
