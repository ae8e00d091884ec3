import FederationCore

/// Shows how far long work has come, on standard error: facts on standard output stay what they are.
actor ProgressDisplay {
    private let console: Console
    private let text: ProgressText
    private let isTerminal: Bool
    private let clock = ContinuousClock()
    private let start: ContinuousClock.Instant
    private var progress: Progress
    private var pace: ProgressPace
    private var drawn = 0

    init(_ label: String, unit: String, on console: Console) {
        self.console = console
        text = ProgressText(label: label, unit: unit)
        isTerminal = console.errorIsTerminal
        start = clock.now
        progress = Progress(at: .start)
        pace = ProgressPace(isTerminal: isTerminal, at: .start)
    }

    /// A display for a command, unless it prints JSON and was not asked to show progress as well.
    static func forCommand(_ label: String, unit: String, _ session: Session) -> ProgressDisplay? {
        guard !session.arguments.json || session.arguments.has("--progress") else { return nil }
        return ProgressDisplay(label, unit: unit, on: session.console)
    }

    func reached(_ done: Int64, of total: Int64?) {
        let now = Instant(start.duration(to: clock.now))
        progress.reached(done, of: total, at: now)
        guard pace.isDue(at: now) else { return }
        if isTerminal {
            draw(text.bar(progress, width: console.errorColumns))
        } else {
            console.note(text.line(progress))
        }
    }

    /// Takes the line away, so that what follows stands by itself.
    func end() {
        guard drawn > 0 else { return }
        draw("")
        console.redraw("")
    }

    /// Spaces cover what a longer line has left: that works on every terminal.
    private func draw(_ line: String) {
        console.redraw(line + String(repeating: " ", count: max(0, drawn - line.count)))
        drawn = line.count
    }
}

extension CommandDefinition {
    static let progress = Option("--progress", "show progress also with --json")
}
