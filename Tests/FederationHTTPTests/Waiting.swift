import Dispatch
import Synchronization

/// A number that many tasks raise.
final class Count: Sendable {
    private let atomic = Atomic(0)

    var value: Int { atomic.load(ordering: .relaxed) }

    func raise() { atomic.add(1, ordering: .relaxed) }
}

/// Runs blocking code off the Swift threads.
func blocking<R: Sendable>(_ body: @Sendable @escaping () -> R) async -> R {
    await withCheckedContinuation { continuation in
        DispatchQueue(label: "blocking").async { continuation.resume(returning: body()) }
    }
}

/// Waits, looking often, until `condition` holds; `false` if that took more than twenty seconds.
func eventually(_ condition: () async -> Bool) async -> Bool {
    let end = ContinuousClock.now + .seconds(20)
    while ContinuousClock.now < end {
        if await condition() { return true }
        try? await Task.sleep(for: .milliseconds(2))
    }
    return await condition()
}
