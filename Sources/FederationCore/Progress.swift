/// How far a long piece of work has come, how fast it goes, and how long it will still take: arithmetic alone.
///
/// The rate is that of the last `window`, so that a slow beginning does not weigh on it for ever, and a standstill shows.
package struct Progress: Hashable, Sendable {
    package static let window: Duration = .seconds(10)
    /// Readings closer together than this count as one, which bounds how many are kept.
    package static let grain: Duration = .milliseconds(100)

    private struct Reading: Hashable {
        var done: Int64
        var at: Instant
    }

    package private(set) var done: Int64 = 0
    /// How much there is in all, where that is known; never less than `done`.
    package private(set) var total: Int64?
    /// In order of time; the first one is the last from before the window, if there is one.
    private var readings: [Reading]

    package init(at start: Instant) { readings = [Reading(done: 0, at: start)] }

    /// Takes a reading. Less than before, or an earlier time, begins anew: it is other work.
    package mutating func reached(_ done: Int64, of total: Int64? = nil, at now: Instant) {
        let done = max(0, done)
        if let last = readings.last, done < last.done || now < last.at { readings = [] }
        self.done = done
        self.total = total.map { max($0, done) }
        let reading = Reading(done: done, at: now)
        if readings.count > 1, now.since(readings[readings.count - 2].at) < Progress.grain {
            readings[readings.count - 1] = reading
        } else {
            readings.append(reading)
        }
        while readings.count > 2, now.since(readings[1].at) >= Progress.window { readings.removeFirst() }
    }

    /// Units a second over the window; `nil` before two moments can be compared.
    package var rate: Double? {
        guard let first = readings.first, let last = readings.last, last.at.since(first.at) >= Progress.grain else {
            return nil
        }
        return Double(last.done - first.done) / last.at.since(first.at).inSeconds
    }

    /// 0 to 1.
    package var fraction: Double? {
        guard let total else { return nil }
        return total == 0 ? 1 : Double(done) / Double(total)
    }

    /// At this rate; `nil` where there is none, or no end is known.
    package var remaining: Duration? {
        guard let total else { return nil }
        if total == done { return .zero }
        guard let rate, rate > 0 else { return nil }
        let seconds = Double(total - done) / rate
        // A standstill that has just begun may promise ages: nobody is helped by them.
        return seconds < 1e9 ? .milliseconds(Int64(seconds * 1000)) : nil
    }
}

extension Duration {
    fileprivate var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }
}

/// When progress is shown: often on a terminal, where a line is drawn over, and seldom where each line stays.
package struct ProgressPace: Sendable {
    package static let drawn: Duration = .milliseconds(100)
    package static let printed: Duration = .seconds(3)

    private let every: Duration
    private var last: Instant

    package init(isTerminal: Bool, at start: Instant) {
        every = isTerminal ? ProgressPace.drawn : ProgressPace.printed
        last = start
    }

    /// Whether it is time; counts as shown then. Work that ends sooner shows nothing.
    package mutating func isDue(at now: Instant) -> Bool {
        guard now.since(last) >= every else { return false }
        last = now
        return true
    }
}
