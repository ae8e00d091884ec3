import Negentropy
import Testing

/// The loss that two limited sides of the reference can suffer (wire section 2), looked for in both rules.
struct TruncationTests {
    // The full search is for optimized builds; a debug build looks at as many pairs as a few seconds allow.
    #if DEBUG
        static let directedPairs = 60
        static let randomPairs = 300
    #else
        static let directedPairs = 2_000
        static let randomPairs = 20_000
    #endif

    /// One side has much; the other only parts of it, then nothing: the shape that makes "nothing" meet "nothing".
    struct Directed {
        let a = VectorSets.truncation.a
        private let blockLength = 470

        func b(_ numbers: inout SeededNumbers) -> [Item] {
            var b: [Item] = []
            for block in 0..<4 {
                let count = Int.random(in: 23...30, using: &numbers)
                b += a[block * blockLength + 5..<block * blockLength + 5 + count]
            }
            let missing = Set((0..<4).map { _ in Int.random(in: 0..<blockLength, using: &numbers) })
            b += (0..<blockLength).filter { !missing.contains($0) }.map { a[4 * blockLength + $0] }
            return b
        }
    }

    @Test func theReferenceRuleLosesDifferencesAndOursDoesNot() throws {
        let shape = Directed()
        let a = try SealedStore(shape.a)
        let ids = Set(shape.a.map(\.id))
        let known = VectorSets.truncation.b
        var numbers = SeededNumbers(23)
        var losses = 0
        for pair in 0..<Self.directedPairs {
            let items = pair == 0 ? known : shape.b(&numbers)
            let b = try SealedStore(items)
            let missing = ids.subtracting(items.map(\.id))
            let theirs = try reconcile(a, b, settings: .limited(4096, .reference))
            if theirs.have != missing { losses += 1 }
            let ours = try reconcile(a, b, settings: .limited(4096))
            #expect(ours.have == missing && ours.need.isEmpty, "pair \(pair)")
        }
        #expect(losses > 0, "the shape no longer finds what it is for")
    }

    @Test func noRandomPairIsLostBetweenTwoLimitedSides() throws {
        var numbers = SeededNumbers(29)
        for pair in 0..<Self.randomPairs {
            let all = (0..<Int.random(in: 0...250, using: &numbers)).map {
                Item(timestamp: UInt64($0), id: numbers.id())
            }
            // Runs of items that only one side has, as outages leave them.
            var sides: (a: [Item], b: [Item]) = ([], [])
            var owner = 2
            for item in all {
                if Int.random(in: 0..<12, using: &numbers) == 0 { owner = Int.random(in: 0...2, using: &numbers) }
                if owner != 0 { sides.a.append(item) }
                if owner != 1 { sides.b.append(item) }
            }
            let result = try reconcile(SealedStore(sides.a), SealedStore(sides.b), settings: .limited(4096))
            #expect(result.have == Set(sides.a.map(\.id)).subtracting(sides.b.map(\.id)), "pair \(pair)")
            #expect(result.need == Set(sides.b.map(\.id)).subtracting(sides.a.map(\.id)), "pair \(pair)")
        }
    }
}
