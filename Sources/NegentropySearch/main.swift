import NegentropyTestKit

// The full search for lost differences: what the tests do in little, at the size that an optimized build allows.
//
//     swift run -c release NegentropySearch [SEED]

do {
    let seed = CommandLine.arguments.dropFirst().first.flatMap { UInt64($0) } ?? 23
    var console = SearchConsole(seed: seed)
    let search = LossSearch(seed: seed)
    let directed = try search.directed(2_000)
    console.show("directed", directed)
    console.show("random", try search.random(20_000))
    for shape in SetPair.Shape.allCases { console.show(shape.rawValue, try search.anything(2_000, shape, most: 600)) }
    console.show("altered messages", try search.adversary(5_000))
    console.end(referenceLosses: directed.referenceLosses)
}
