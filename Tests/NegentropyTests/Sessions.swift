import Negentropy
@testable import NegentropyHarness

/// The same numbers for the same seed, on every machine (SplitMix64).
struct SeededNumbers: RandomNumberGenerator {
    var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }

    mutating func id() -> ItemID {
        var bytes: [UInt8] = []
        for _ in 0..<4 {
            let word = next()
            for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: word >> UInt64(8 * shift))) }
        }
        return ItemID(bytes) ?? .zero
    }
}

/// A hash of no strength, for tests that make many fingerprints and compare none with anybody else's.
@Sendable func quickHash(_ bytes: [UInt8]) -> [UInt8] {
    var a: UInt64 = 0xCBF2_9CE4_8422_2325
    var b: UInt64 = 0x9E37_79B9_7F4A_7C15
    for byte in bytes {
        a = (a ^ UInt64(byte)) &* 0x100_0000_01B3
        b = (b &+ a) ^ b >> 29
    }
    return (0..<8).map { UInt8(truncatingIfNeeded: a >> UInt64(8 * $0)) }
        + (0..<8).map { UInt8(truncatingIfNeeded: b >> UInt64(8 * $0)) }
}

/// All that two sides said, and what the initiator learnt.
struct Transcript {
    var messages: [[UInt8]] = []
    var have: Set<ItemID> = []
    var need: Set<ItemID> = []
    var rounds = 0
}

/// Runs a session to its end.
func reconcile<A: ItemStore, B: ItemStore>(
    _ a: A, _ b: B, settings: ReconcileSettings, responderSettings: ReconcileSettings? = nil,
    hash: @escaping HashFunction = quickHash
) throws -> Transcript {
    var initiator = Initiator(store: a, settings: settings, hash: hash)
    var responder = Responder(store: b, settings: responderSettings ?? settings, hash: hash)
    var transcript = Transcript()
    var step = Initiator<A>.Step.send(try initiator.open())
    while case .send(let message) = step {
        transcript.messages.append(message)
        let answer = try responder.answer(message)
        transcript.messages.append(answer)
        step = try initiator.receive(answer)
    }
    transcript.have = initiator.have
    transcript.need = initiator.need
    transcript.rounds = initiator.rounds
    return transcript
}

extension ReconcileSettings {
    static func limited(_ bytes: Int?, _ truncation: Truncation = .safe) throws -> ReconcileSettings {
        try ReconcileSettings(frameLimit: bytes, truncation: truncation)
    }
}

func item(_ timestamp: UInt64, _ text: String) -> Item {
    Item(timestamp: timestamp, id: ItemID(SHA256.hash(Array(text.utf8))) ?? .zero)
}
