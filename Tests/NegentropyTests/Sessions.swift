import Negentropy
@testable import NegentropyHarness
import NegentropyTestKit

/// Runs a session to its end.
func reconcile<A: ItemStore, B: ItemStore>(
    _ a: A, _ b: B, settings: ReconcileSettings, responderSettings: ReconcileSettings? = nil,
    hash: @escaping HashFunction = quickHash
) throws -> Transcript {
    try Transcript(a, b, settings: settings, responderSettings: responderSettings, hash: hash)
}

func item(_ timestamp: UInt64, _ text: String) -> Item {
    Item(timestamp: timestamp, id: ItemID(SHA256.hash(Array(text.utf8))) ?? .zero)
}
