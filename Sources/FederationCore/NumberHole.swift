/// Numbers of one origin, one after another, that are not in the log though a higher one is, or was.
///
/// A hole is a hint and no proof: honest Noema nodes skip numbers, and what was refused here leaves one too.
package struct NumberHole: Hashable, Sendable {
    package var origin: String
    package var first: UInt64
    package var last: UInt64
    /// When it was noticed.
    package var since: WallTime

    package init(origin: String, _ numbers: ClosedRange<UInt64>, since: WallTime) {
        self.origin = origin
        first = numbers.lowerBound
        last = numbers.upperBound
        self.since = since
    }

    /// At least one.
    package var count: UInt64 { last - first + 1 }

    /// What is left of it once a number of it is there.
    package func filled(by number: UInt64) -> [NumberHole] {
        guard number >= first, number <= last else { return [self] }
        var left: [NumberHole] = []
        if number > first { left.append(NumberHole(origin: origin, first...number - 1, since: since)) }
        if number < last { left.append(NumberHole(origin: origin, number + 1...last, since: since)) }
        return left
    }
}
