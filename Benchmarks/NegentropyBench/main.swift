import Foundation
import Negentropy

// What reconciliation costs (docs/benchmarks/negentropy.md).
//
//     NegentropyBench [--reference PROGRAM] [--turns N] [--largest N]   the whole table, and the stores
//     NegentropyBench measure sealed|ordered A B                        one session over two files
//     NegentropyBench hold sealed|ordered|ascending N                   one store

func measure(_ kind: String, _ a: String, _ b: String) throws -> Measurement {
    let settings = try ReconcileSettings(frameLimit: nil, maxMessageBytes: 1 << 30)
    let (a, b) = (try BenchSets.read(a), try BenchSets.read(b))
    if kind == "sealed" { return try Measurement(SealedStore(a), SealedStore(b), settings: settings) }
    return try Measurement(OrderedStore(a), OrderedStore(b), settings: settings)
}

func option(_ name: String) -> String? {
    let arguments = CommandLine.arguments
    guard let index = arguments.firstIndex(of: name), index + 1 < arguments.count else { return nil }
    return arguments[index + 1]
}

let arguments = Array(CommandLine.arguments.dropFirst())
if arguments.first == "measure", arguments.count == 4 {
    print(try measure(arguments[1], arguments[2], arguments[3]).line)
} else if arguments.first == "hold", arguments.count == 3, let kind = StoreBench.Kind(rawValue: arguments[1]),
    let count = Int(arguments[2])
{
    try StoreBench(kind, count: count).run()
} else {
    let contest = Contest(reference: option("--reference"), turns: option("--turns").flatMap { Int($0) } ?? 5)
    let largest = option("--largest").flatMap { Int($0) } ?? 1_000_000
    print("Processor milliseconds of both sides together; medians of \(contest.turns) turns.")
    print(Contest.header(contest.sides))
    for count in [10_000, 100_000, 1_000_000] where count <= largest {
        for place in BenchSets.Place.allCases {
            for differences in Set([0, 10, 1_000, count / 100]).sorted() where differences > 0 || place == .scattered {
                try contest.run(BenchSets(count: count, differences: differences, place: place))
            }
        }
    }
    for count in [10_000, 100_000, 1_000_000] where count <= largest {
        for kind in StoreBench.Kind.allCases {
            print(try Child.output(of: Child.ownProgram, ["hold", kind.rawValue, String(count)]), terminator: "")
        }
    }
}
