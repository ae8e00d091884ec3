public import Negentropy

/// The same numbers for the same seed, on every machine (SplitMix64).
public struct SeededNumbers: RandomNumberGenerator {
    private var state: UInt64

    public init(_ seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }

    public mutating func id() -> ItemID {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(ItemID.length)
        for _ in 0..<4 {
            let word = next()
            for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(8 * shift))) }
        }
        return ItemID(bytes) ?? .zero
    }
}

/// A hash of no strength, for tests that make many fingerprints and compare none with anybody else's.
@Sendable public func quickHash(_ bytes: [UInt8]) -> [UInt8] {
    var a: UInt64 = 0xCBF2_9CE4_8422_2325
    var b: UInt64 = 0x9E37_79B9_7F4A_7C15
    for byte in bytes {
        a = (a ^ UInt64(byte)) &* 0x100_0000_01B3
        b = (b &+ a) ^ b >> 29
    }
    return (0..<8).map { UInt8(truncatingIfNeeded: a >> UInt64(8 * $0)) }
        + (0..<8).map { UInt8(truncatingIfNeeded: b >> UInt64(8 * $0)) }
}
