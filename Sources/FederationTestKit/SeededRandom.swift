/// A random number generator that gives the same numbers for the same seed, on every machine and every run.
///
/// SplitMix64: a counter and a mixing function, so that neighbouring seeds give unrelated numbers. Not for secrets.
package struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A generator of its own for a part of a test, so that drawing more in one part does not move the others.
    package mutating func split() -> SeededRandom { SeededRandom(seed: next()) }

    /// Whether something happens that has this probability.
    package mutating func chance(_ probability: Double) -> Bool { Double(next() >> 11) * 0x1p-53 < probability }

    /// A number from 0 to `bound` − 1; 0 for a bound below 1.
    package mutating func below(_ bound: Int) -> Int { bound < 1 ? 0 : Int.random(in: 0..<bound, using: &self) }
}
