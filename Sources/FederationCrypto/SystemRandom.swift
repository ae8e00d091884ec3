/// Randomness that nobody can predict, from the kernel.
///
/// Everything else in this package takes a `RandomNumberGenerator` as an argument; this is the one to give it
/// outside of tests.
package struct SystemRandom: RandomNumberGenerator, Sendable {
    private var kernel = SystemRandomNumberGenerator()
    // Without a byte of its own, those of two tasks can have one address, which the thread sanitizer takes for a race.
    private var place: UInt8 = 0

    package init() {}

    package mutating func next() -> UInt64 { kernel.next() }

    /// `count` bytes, for tokens and nonces.
    package mutating func bytes(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count {
            let word = next()
            for shift in stride(from: UInt64(0), to: 64, by: 8).prefix(count - bytes.count) {
                bytes.append(UInt8(truncatingIfNeeded: word >> shift))
            }
        }
        return bytes
    }
}
