import FederationCore
import FederationCrypto

/// The rules of the numbers of origins.
extension StorageContract {
    func holesFollow(_ log: inout some LogWriting) throws {
        let (one, two) = (Sample.node(1).description, Sample.node(2).description)
        func add(_ number: UInt64, at milliseconds: Int64, origin: UInt64 = 1) throws {
            let event = Sample.event(Sample.id(milliseconds), origin: origin, clock: [origin: number])
            _ = try log.append(Sample.entry(event, at: Sample.time(milliseconds)))
        }
        func hole(_ numbers: ClosedRange<UInt64>, _ milliseconds: Int64, of origin: String) -> NumberHole {
            NumberHole(origin: origin, numbers, since: Sample.time(milliseconds))
        }
        for (number, time) in [(1, 1), (2, 2), (9, 3), (12, 4)] as [(UInt64, Int64)] { try add(number, at: time) }
        try expectEqual(log.holes(of: one, limit: 10), [hole(3...8, 3, of: one), hole(10...11, 4, of: one)])
        try expectEqual(log.holes(of: one, limit: 1), [hole(3...8, 3, of: one)])
        // What comes late splits a hole, narrows it at either end, or closes it; since when stays.
        try add(5, at: 5)
        try expectEqual(
            log.holes(of: one, limit: 10), [hole(3...4, 3, of: one), hole(6...8, 3, of: one), hole(10...11, 4, of: one)])
        for (number, time) in [(3, 6), (8, 7), (11, 8), (10, 9), (4, 10)] as [(UInt64, Int64)] {
            try add(number, at: time)
        }
        try expectEqual(log.holes(of: one, limit: 10), [hole(6...7, 3, of: one)])
        // A number twice changes nothing; one origin's holes are not another's; no number is no hole.
        try add(12, at: 11)
        try add(4, at: 12, origin: 2)
        _ = try log.append(Sample.entry(Sample.event(Sample.id(13), origin: 3)))
        try expectEqual(log.holes(of: Sample.node(3).description, limit: 10), [])
        try expectEqual(log.newestHoles(limit: 10), [hole(1...3, 12, of: two), hole(6...7, 3, of: one)])
        try expectEqual(log.newestHoles(limit: 1), [hole(1...3, 12, of: two)])
        try expectEqual(log.newestHoles(limit: 0), [])
        try replacedNumbers(&log, hole)
        for summary in try log.origins() {
            let missing = try log.holes(of: summary.origin, limit: .max).reduce(0) { $0 + $1.count }
            try expectEqual(summary.highestNumber, UInt64(summary.distinctNumbers) + missing)
        }
    }

    private func replacedNumbers(
        _ log: inout some LogWriting, _ hole: (ClosedRange<UInt64>, Int64, String) -> NumberHole
    ) throws {
        let one = Sample.node(1).description
        func replace(_ milliseconds: Int64, _ number: UInt64) throws {
            let event = Sample.event(Sample.id(milliseconds), origin: 1, clock: [1: number], body: "another")
            _ = try log.replace(with: Sample.entry(event, at: Sample.time(50)), counted: true)
        }
        // Another variant of the same number; of a number that leaves a hole; of the highest.
        try replace(2, 2)
        try expectEqual(log.holes(of: one, limit: 10), [hole(6...7, 3, one)])
        try replace(2, 6)
        try expectEqual(log.holes(of: one, limit: 10), [hole(2...2, 50, one), hole(7...7, 3, one)].sorted { $0.since < $1.since })
        try replace(3, 20)
        try expectEqual(log.highestNumber(of: one), 20)
        try replace(3, 2)
        try expectEqual(log.highestNumber(of: one), 12)
        try expectEqual(log.holes(of: one, limit: 10).map { $0.first...$0.last }, [7...7, 9...9])
    }

    func byNumber(_ log: inout some LogWriting) throws {
        let one = Sample.node(1).description
        for (time, number) in [(1, 3), (2, 1), (3, 2), (4, 2), (5, 7)] as [(Int64, UInt64)] {
            _ = try log.append(Sample.entry(Sample.event(Sample.id(time), origin: 1, clock: [1: number])))
        }
        _ = try log.append(Sample.entry(Sample.event(Sample.id(6), origin: 2, clock: [2: 2])))
        _ = try log.append(Sample.entry(Sample.event(Sample.id(7), origin: 1)))
        func found(_ numbers: ClosedRange<UInt64>, limit: Int = 10, bytes: Int = .max) throws -> [ULID] {
            try log.events(by: one, numbers: numbers, limit: limit, bytes: bytes).map(\.event.id)
        }
        try expectEqual(found(1...9), [2, 3, 4, 1, 5].map { Sample.id($0) })
        try expectEqual(found(2...2), [Sample.id(3), Sample.id(4)])
        try expectEqual(found(2...3, limit: 2), [Sample.id(3), Sample.id(4)])
        try expectEqual(found(4...6), [])
        try expectEqual(found(1...Limits.counter - 1, bytes: 1), [Sample.id(2)])
        try expectEqual(found(1...9, limit: 0), [])
        try expectEqual(log.events(by: "nobody", numbers: 1...9, limit: 10, bytes: .max), [])
    }
}
