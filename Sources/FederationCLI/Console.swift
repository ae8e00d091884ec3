import Glibc
import Synchronization

/// Where the program speaks: facts to standard output, everything else to standard error.
///
/// Errors read `federation: error: …` and then `federation: hint: …`, without capitals or a full stop.
struct Console: Sendable {
    private static let lostOutput = Atomic<Int32>(0)

    /// Why something did not get to standard output, as `errno` had it; `nil` where all did, or nobody reads it any more.
    static var outputFailure: Int32? {
        let code = lostOutput.load(ordering: .relaxed)
        return code == 0 ? nil : code
    }

    /// Whether a person may be asked at all.
    var asks = true

    func print(_ text: String) { write(text + "\n", to: STDOUT_FILENO) }
    func note(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

    func error(_ what: String, hint: String? = nil) {
        note("federation: error: \(what)")
        if let hint { note("federation: hint: \(hint)") }
    }

    func warning(_ what: String) { note("federation: warning: \(what)") }

    /// Bytes to standard output as they are.
    func write(_ bytes: [UInt8]) { write(bytes[...], to: STDOUT_FILENO) }

    /// Whether a person watches standard output.
    var isTerminal: Bool { isatty(STDOUT_FILENO) == 1 }

    /// Whether a person watches standard error.
    var errorIsTerminal: Bool { isatty(STDERR_FILENO) == 1 }

    /// How wide the terminal of standard error is.
    var errorColumns: Int {
        var size = winsize()
        guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// Draws a line of standard error over, and leaves the place at its beginning for the next one.
    func redraw(_ line: String) { write("\r\(line)\r", to: STDERR_FILENO) }

    /// Whether standard output is a terminal on which a screen can be drawn over.
    var canRedraw: Bool { isTerminal && environment("TERM").map { $0 != "dumb" } ?? false }

    /// Whether what is drawn may be coloured: on a terminal, unless `NO_COLOR` asks for none (no-color.org).
    var hasColours: Bool { canRedraw && environment("NO_COLOR")?.isEmpty ?? true }

    private func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

    /// Leaves what is on the terminal as it is, and draws on a screen of its own until `endScreen`.
    func beginScreen() { write("\u{1B}[?1049h\u{1B}[H\u{1B}[2J", to: STDOUT_FILENO) }
    func endScreen() { write("\u{1B}[?1049l", to: STDOUT_FILENO) }

    /// Draws a screen over the one before: as much of `text` as it has room for.
    func drawScreen(_ text: String) {
        let (rows, columns) = screen
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { String($0.prefix(columns)) }
        if lines.count >= rows {
            let hidden = lines.count - rows + 2
            lines = lines.prefix(max(1, rows - 2)) + ["… \(hidden) more lines: the terminal is too low"]
        }
        // Each line clears what stood behind it, and what is below is cleared at the end: nothing flickers.
        let drawn = lines.map { line in
            let isWarning = hasColours && line.contains("⚠")
            return (isWarning ? "\u{1B}[33m\(line)\u{1B}[0m" : line) + "\u{1B}[K\n"
        }
        write("\u{1B}[H" + drawn.joined() + "\u{1B}[J", to: STDOUT_FILENO)
    }

    /// Rows and columns of standard output.
    private var screen: (rows: Int, columns: Int) {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return (24, 80) }
        return (Int(size.ws_row), Int(size.ws_col))
    }

    /// Whether nobody reads standard output any more: the other end of the pipe or the terminal is gone.
    var isAbandoned: Bool {
        var waited = pollfd(fd: STDOUT_FILENO, events: 0, revents: 0)
        return poll(&waited, 1, 0) > 0 && waited.revents & Int16(POLLERR | POLLHUP | POLLNVAL) != 0
    }

    /// Whether there is a person to ask.
    var canAsk: Bool { asks && isatty(STDIN_FILENO) == 1 }

    /// Asks on the terminal; anything but `y` or `yes` is no, and so is no terminal.
    func confirm(_ question: String) -> Bool {
        guard canAsk else { return false }
        write("\(question) [y/N] ", to: STDERR_FILENO)
        let answer = readLine(strippingNewline: true) ?? ""
        return ["y", "Y", "yes"].contains(answer)
    }

    private func write(_ text: String, to descriptor: Int32) { write(Array(text.utf8)[...], to: descriptor) }

    private func write(_ bytes: ArraySlice<UInt8>, to descriptor: Int32) {
        var bytes = bytes
        while !bytes.isEmpty {
            let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written < 0 {
                if errno == EINTR { continue }
                // Nobody reads any more, and there is no one to tell; anything else is a failure of what was asked for.
                if descriptor == STDOUT_FILENO, errno != EPIPE { Console.lostOutput.store(errno, ordering: .relaxed) }
                return
            }
            bytes = bytes.dropFirst(written)
        }
    }
}
