internal import FederationCore

extension SeededRandom {
    /// A version 4 UUID in lower case.
    mutating func uuid() -> String {
        let (high, low) = (next() & ~0xF000 | 0x4000, next() & ~(3 << 62) | 2 << 62)
        let digits = hexadecimal([high, low].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * $0)) }
        })
        var text = ""
        for (index, digit) in digits.enumerated() {
            if [8, 12, 16, 20].contains(index) { text += "-" }
            text.append(digit)
        }
        return text
    }
}

/// Makes a process's ULIDs (Noema section 1.3).
struct NoemaMint: Sendable {
    private let rules: NoemaRules
    private var last: ULID?

    init(_ rules: NoemaRules) { self.rules = rules }

    /// In the millisecond of the last one, that one plus one. When the clock steps back, Go begins anew below what
    /// it has given out; Rust goes on from there.
    mutating func next(now: WallTime, using random: inout SeededRandom) -> ULID {
        let fresh = ULID(at: now, using: &random)
        guard let previous = last, previous.milliseconds == fresh.milliseconds || rules == .rust && fresh < previous
        else {
            last = fresh
            return fresh
        }
        // Past the last of a millisecond Go only remembers a later one; it takes 2^80 ids to see the difference.
        let next = previous.successor ?? fresh
        last = next
        return next
    }
}
