internal import Dispatch
internal import Glibc
internal import Synchronization

/// The absolute deadline of every open connection. libmicrohttpd knows only inactivity, which one byte every few
/// seconds defeats.
///
/// A connection has exactly one deadline at any time: for its next request, for the rest of this one, for the
/// handler, or for the answer. One past it is shut down, and libmicrohttpd meets the end of it as if the client had
/// gone; a handler past it is told instead, because libmicrohttpd does not look at a suspended connection.
///
/// Connections are known by a number that libmicrohttpd carries in place of a pointer: a late one finds nothing.
final class ConnectionDeadlines: Sendable {
    private struct Entry {
        var descriptor: Int32
        var due: ContinuousClock.Instant?
        var handling: ServedExchange?
        /// It waits for another request, and owes nothing.
        var isIdle = false
        var isCut = false
    }

    private struct State {
        var entries: [UInt: Entry] = [:]
        var lastID: UInt = 0
        /// When the queue will look next. It may be earlier than needed, never later.
        var wake: ContinuousClock.Instant?
        var onCut: (@Sendable () -> Void)?
    }

    private let state = Mutex(State())
    private let queue = DispatchQueue(label: "federation.http.deadlines")

    /// What is told of each connection that is cut off while it owes something.
    func onCut(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.onCut = body } }

    func isCut(_ id: UInt) -> Bool { state.withLock { $0.entries[id]?.isCut ?? false } }

    var count: Int { state.withLock { $0.entries.count } }

    func opened(_ descriptor: Int32, within duration: Duration) -> UInt {
        state.withLock { state in
            state.lastID += 1
            state.entries[state.lastID] = Entry(descriptor: descriptor)
            set(state.lastID, duration, nil, &state)
            return state.lastID
        }
    }

    /// To be called before the descriptor is closed: after that its number may be another connection's.
    ///
    /// - Returns: whether it was cut off.
    func closed(_ id: UInt) -> Bool { state.withLock { $0.entries.removeValue(forKey: id)?.isCut ?? false } }

    /// The connection's next step must be done within `duration`. Past it, `handling` is answered for, or else the
    /// connection is shut down.
    func set(_ id: UInt, _ duration: Duration, handling: ServedExchange? = nil, isIdle: Bool = false) {
        state.withLock {
            $0.entries[id]?.isIdle = isIdle
            set(id, duration, handling, &$0)
        }
    }

    private func set(_ id: UInt, _ duration: Duration, _ handling: ServedExchange?, _ state: inout State) {
        guard state.entries[id] != nil else { return }
        let due = ContinuousClock.now + duration.bounded
        state.entries[id]?.due = due
        state.entries[id]?.handling = handling
        if state.wake.map({ due < $0 }) ?? true { lookAgain(at: due, &state) }
    }

    private func lookAgain(at wake: ContinuousClock.Instant, _ state: inout State) {
        state.wake = wake
        let delay = ContinuousClock.now.duration(to: wake).boundedMilliseconds
        queue.asyncAfter(deadline: .now() + .milliseconds(delay)) { [weak self] in self?.look() }
    }

    private func look() {
        let now = ContinuousClock.now
        let (late, cut, onCut) = state.withLock { state in
            var late: [ServedExchange] = []
            var cut = 0
            for (id, entry) in state.entries {
                guard let due = entry.due, due <= now else { continue }
                state.entries[id]?.due = nil
                state.entries[id]?.handling = nil
                if let exchange = entry.handling {
                    late.append(exchange)
                } else {
                    state.entries[id]?.isCut = true
                    if !entry.isIdle { cut += 1 }
                    // Under the lock: `closed` comes before the descriptor is closed.
                    shutdown(entry.descriptor, Int32(SHUT_RDWR))
                }
            }
            // An earlier look that was overtaken must not plan a second chain of looks.
            if let wake = state.wake, wake <= now {
                state.wake = nil
                if let next = state.entries.values.compactMap(\.due).min() { lookAgain(at: next, &state) }
            }
            return (late, cut, state.onCut)
        }
        for _ in 0..<cut { onCut?() }
        for exchange in late { exchange.giveUp() }
    }
}
