extension Duration {
    /// Reads `<digits>` and one of `ms`, `s`, `m`, `h`. Numbers too large to hold saturate, so that a bound refuses
    /// them; a minus sign is read for the same reason.
    ///
    /// - Throws: `.notADuration`, or `.durationWithoutUnit` for digits alone (except zero, which needs no unit).
    package init(configured text: String) throws(ConfigProblem.Reason) {
        var rest = Substring(text)
        let isNegative = rest.first == "-"
        if isNegative { rest.removeFirst() }
        let digits = rest.prefix { $0.isASCII && $0.isNumber }
        guard !digits.isEmpty else { throw .notADuration(text) }
        let number = Int64(digits) ?? .max
        let milliseconds: Int64
        switch rest.dropFirst(digits.count) {
        case "ms": milliseconds = 1
        case "s": milliseconds = 1000
        case "m": milliseconds = 60_000
        case "h": milliseconds = 3_600_000
        case "" where number == 0: milliseconds = 0
        case "": throw .durationWithoutUnit(text)
        default: throw .notADuration(text)
        }
        let (product, overflow) = number.multipliedReportingOverflow(by: milliseconds)
        // A third of the range is still a hundred million years, and leaves room to add.
        let bounded = overflow ? Int64.max / 3 : min(product, Int64.max / 3)
        self = .milliseconds(isNegative ? -bounded : bounded)
    }

    /// The shortest of `90s`, `5m`, `24h` and `10ms` that says it exactly (to the millisecond).
    package var shortText: String {
        let (seconds, attoseconds) = components
        if attoseconds != 0 || seconds == 0 {
            let (milliseconds, overflow) = seconds.multipliedReportingOverflow(by: 1000)
            guard !overflow else { return "\(seconds)s" }
            return "\(milliseconds.addingReportingOverflow(attoseconds / 1_000_000_000_000_000).partialValue)ms"
        }
        if seconds % 3600 == 0 { return "\(seconds / 3600)h" }
        return seconds % 60 == 0 ? "\(seconds / 60)m" : "\(seconds)s"
    }
}
