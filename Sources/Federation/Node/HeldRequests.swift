internal import FederationCore
internal import Synchronization

/// Counts the requests whose answer waits for news, so that no address and no crowd takes all connections.
final class HeldRequests: Sendable {
    private struct State {
        var total = 0
        var byAddress: [String: Int] = [:]
    }

    private let state = Mutex(State())
    private let most: Int
    private let mostOfAddress: Int

    init(atMost most: Int = Limits.heldRequests, fromOneAddress mostOfAddress: Int = Limits.heldRequestsPerAddress) {
        self.most = most
        self.mostOfAddress = mostOfAddress
    }

    var count: Int { state.withLock { $0.total } }

    /// Runs `wait` if there is room for one more, and gives what it gave.
    ///
    /// - Returns: `nil` where there is no room.
    func hold<Value>(from address: String, _ wait: () async throws(StoreFailure) -> Value) async throws(StoreFailure) -> Value? {
        guard enter(address) else { return nil }
        defer { leave(address) }
        return try await wait()
    }

    private func enter(_ address: String) -> Bool {
        state.withLock { state in
            let here = state.byAddress[address, default: 0]
            guard state.total < most, here < mostOfAddress else { return false }
            state.total += 1
            state.byAddress[address] = here + 1
            return true
        }
    }

    private func leave(_ address: String) {
        state.withLock { state in
            state.total -= 1
            let here = state.byAddress[address, default: 1] - 1
            state.byAddress[address] = here == 0 ? nil : here
        }
    }
}
