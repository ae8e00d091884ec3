import FederationCore

/// Progress as people read it: a bar where there is room for one, a plain line elsewhere.
struct ProgressText {
    var label: String
    /// What is counted, in the plural.
    var unit: String

    /// One line that is drawn over again and again: it fits `width` columns.
    func bar(_ progress: Progress, width: Int) -> String {
        let facts = facts(progress)
        guard let fraction = progress.fraction else { return fitted("\(label)  \(facts)", width) }
        let percent = "\(Int(fraction * 100))%"
        let rest = "  \(padded(percent, 4))  \(facts)"
        let room = min(40, width - label.count - rest.count - 5)
        guard room >= 10 else { return fitted("\(label)\(rest)", width) }
        let full = Int(fraction * Double(room))
        let bar = String(repeating: "#", count: full) + String(repeating: ".", count: room - full)
        return "\(label)  [\(bar)]\(rest)"
    }

    /// A line of a log.
    func line(_ progress: Progress) -> String { "\(label): \(facts(progress))" }

    private func facts(_ progress: Progress) -> String {
        var text = grouped(progress.done)
        if let total = progress.total { text += " of \(grouped(total))" }
        text += " \(unit)"
        if let rate = progress.rate { text += ", \(ProgressText.rate(rate))" }
        if let remaining = progress.remaining, remaining > .zero { text += ", about \(ProgressText.time(remaining)) to go" }
        return text
    }

    /// `1,234/s`, and `0.4/s` where whole numbers say nothing.
    static func rate(_ perSecond: Double) -> String {
        if perSecond >= 10 { return "\(grouped(Int64(perSecond.rounded())))/s" }
        let tenths = Int((perSecond * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)/s"
    }

    /// `42 s`, `3 min 05 s`, `2 h 10 min`.
    static func time(_ duration: Duration) -> String {
        let seconds = max(1, duration.components.seconds)
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        if seconds < 60 { return "\(seconds) s" }
        if seconds < 3600 { return "\(seconds / 60) min \(two(seconds % 60)) s" }
        return "\(seconds / 3600) h \(two(seconds / 60 % 60)) min"
    }

    private func padded(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }

    private func fitted(_ text: String, _ width: Int) -> String { String(text.prefix(max(1, width - 1))) }
}
