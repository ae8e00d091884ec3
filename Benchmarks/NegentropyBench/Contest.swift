import Foundation
import Negentropy

/// Sessions over the same two files, by programs that take turns: A B C A B C …, each in a process of its own.
struct Contest {
    struct Side {
        var name: String
        var program: String
        var arguments: [String]
    }

    let sides: [Side]
    let turns: Int

    /// - Parameter reference: a program that takes a kind of store and two files and prints what `Measurement` reads.
    init(reference: String?, turns: Int) {
        var sides = ["sealed", "ordered"].map { Side(name: $0, program: Child.ownProgram, arguments: ["measure", $0]) }
        if let reference {
            sides += ["vector", "btree"].map { Side(name: "ref. \($0)", program: reference, arguments: [$0]) }
        }
        self.sides = sides
        self.turns = turns
    }

    func run(_ sets: BenchSets) throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("negentropy-\(getpid())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let files = try sets.write(to: directory)
        var times = sides.map { _ in [Double]() }
        var last: [Measurement] = []
        for _ in 0..<turns {
            last = []
            for (index, side) in sides.enumerated() {
                let measurement = try measure(side, files)
                guard measurement.have == sets.differences / 2, measurement.need == sets.differences / 2 else {
                    throw Measurement.Failure.unreadable("\(side.name) found \(measurement.line)")
                }
                times[index].append(Double(measurement.nanoseconds))
                last.append(measurement)
            }
        }
        show(sets, times, last)
    }

    private func measure(_ side: Side, _ files: (a: URL, b: URL)) throws -> Measurement {
        try Measurement(line: Child.output(of: side.program, side.arguments + [files.a.path, files.b.path]))
    }

    static func header(_ sides: [Side]) -> String {
        var line = "N".padded(8) + "d".padded(7) + "place".padded(10) + "rounds".padded(7) + "up".padded(9)
        line += "down".padded(9)
        for side in sides { line += side.name.padded(12) }
        return line
    }

    /// Medians in milliseconds; and of ours, the median of the ratios of each turn to the reference's vector.
    private func show(_ sets: BenchSets, _ times: [[Double]], _ last: [Measurement]) {
        var line = String(sets.count).padded(8) + String(sets.differences).padded(7) + sets.place.rawValue.padded(10)
        line += String(last[0].rounds).padded(7) + String(last[0].up).padded(9) + String(last[0].down).padded(9)
        for series in times { line += milliseconds(UInt64(median(series))).padded(12) }
        if times.count > 2 {
            let ratios = times[..<2].map { series in median(zip(series, times[2]).map { $0 / $1 }) }
            line += "   ×vector \(decimal(ratios[0], places: 3)), \(decimal(ratios[1], places: 3))"
            line += last.allSatisfy { ($0.up, $0.down) == (last[0].up, last[0].down) } ? "" : " (bytes differ)"
        }
        print(line)
    }
}
