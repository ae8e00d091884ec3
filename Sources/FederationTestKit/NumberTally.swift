import FederationCore

/// The numbers of one origin in a store in memory: what a database keeps in its tables.
struct NumberTally: Sendable {
    private(set) var highest: UInt64 = 0
    private(set) var holes: [NumberHole] = []

    /// A number comes to be present.
    mutating func add(_ number: UInt64, of origin: String, at time: WallTime) {
        if number > highest {
            if number > highest + 1 { holes.append(NumberHole(origin: origin, highest + 1...number - 1, since: time)) }
            highest = number
        } else {
            holes = holes.flatMap { $0.filled(by: number) }
        }
    }

    /// The last event with a number is replaced by one of another number.
    mutating func replace(_ number: UInt64, of origin: String, at time: WallTime, highestLeft: UInt64) {
        if number < highest { return insert(NumberHole(origin: origin, number...number, since: time)) }
        highest = highestLeft
        holes.removeAll { $0.first > highestLeft }
    }

    /// The last event with a number is lost.
    mutating func lose(_ number: UInt64, of origin: String, at time: WallTime) {
        guard !holes.contains(where: { $0.first <= number && number <= $0.last }) else { return }
        var hole = NumberHole(origin: origin, number...number, since: time)
        if let before = holes.firstIndex(where: { $0.last + 1 == number && $0.since == time }) {
            hole.first = holes.remove(at: before).first
        }
        if let after = holes.firstIndex(where: { $0.first == number + 1 && $0.since == time }) {
            hole.last = holes.remove(at: after).last
        }
        insert(hole)
    }

    private mutating func insert(_ hole: NumberHole) {
        holes.insert(hole, at: holes.firstIndex { $0.first > hole.first } ?? holes.count)
    }
}
