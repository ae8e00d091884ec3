internal import FederationCore
internal import Synchronization

/// Wakes whoever waits for news when the log has grown: by the commit itself where this process wrote, and by a watch
/// on the file (`CommitWatch`) where another one did.
///
/// The order is: look at the log, and if there is nothing to do, wait past the last `seq` that was seen. What is
/// committed between the two ends the wait at once, so nothing is missed:
///
/// ```swift
/// var seen: Int64 = 0
/// while !Task.isCancelled {
///     let from = seen
///     let news = try await store.read { (log) throws(StoreFailure) in
///         try log.events(after: from, limit: 100, bytes: Limits.pageBytes)
///     }
///     seen = news.last?.seq ?? seen
///     // … use them …
///     _ = await store.commits.wait(past: seen, atMost: .seconds(30))
/// }
/// ```
///
/// Where the file cannot be watched, a wait for another process's commit lasts its whole time; so every wait has one,
/// and whoever waits looks again when it is over.
package final class CommitSignal: Sendable {
    private enum Waiter {
        /// Not suspended yet.
        case arriving
        case waiting(CheckedContinuation<Bool, Never>)
        /// Ended before it was suspended.
        case over(Bool)
    }

    private struct State {
        /// The log is known to reach at least this far.
        var head: Int64 = 0
        var waiters: [UInt64: (past: Int64, until: ContinuousClock.Instant, waiter: Waiter)] = [:]
        var lastID: UInt64 = 0
        var isClosed = false
        /// When the waits whose time is over are looked for next. It may be earlier than needed, never later.
        var looksAt: ContinuousClock.Instant?
    }

    private let state = Mutex(State())
    private let watch: CommitWatch

    init(path: String) { watch = CommitWatch(path: path) }

    deinit { watch.stop() }

    /// Waits until the log has an event after `seq`, at most for `patience`.
    ///
    /// Any number may wait; all of them share one watch, which begins with the first.
    ///
    /// - Returns: `true` if there is one; `false` when the time is over, the task is cancelled, or `close()` was called.
    package func wait(past seq: Int64, atMost patience: Duration) async -> Bool {
        watch.start { [weak self] in self?.reached($0) ?? false }
        let until = ContinuousClock.now.advanced(by: patience)
        let id = state.withLock { state in
            state.lastID += 1
            state.waiters[state.lastID] = (seq, until, state.isClosed ? .over(false) : .arriving)
            if state.head > seq { state.waiters[state.lastID]?.waiter = .over(true) }
            if state.looksAt.map({ until < $0 }) ?? true { look(at: until, &state) }
            return state.lastID
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let result: Bool? = state.withLock { state in
                    if case .over(let result) = state.waiters[id]?.waiter {
                        state.waiters[id] = nil
                        return result
                    }
                    state.waiters[id]?.waiter = .waiting(continuation)
                    return nil
                }
                if let result { continuation.resume(returning: result) }
            }
        } onCancel: {
            end(id)
        }
    }

    /// Ends every wait, and each later one at once: the store or the node stops.
    package func close() {
        for id in state.withLock({ state in
            state.isClosed = true
            return Array(state.waiters.keys)
        }) { end(id) }
        watch.stop()
    }

    /// The last place that the log is known to reach.
    package var head: Int64 { state.withLock { $0.head } }
    /// Ends the waits of this moment, as if their time were over: something else than the log has changed.
    package func wakeAll() {
        for id in state.withLock({ Array($0.waiters.keys) }) { end(id) }
    }

    /// `close()` was called: no wait lasts any more.
    package var isClosed: Bool { state.withLock { $0.isClosed } }

    /// How many wait.
    package var waiterCount: Int { state.withLock { $0.waiters.count } }

    /// The log reaches `seq`. An older word than what is known is nothing: `false`.
    @discardableResult
    func reached(_ seq: Int64) -> Bool {
        let woken = state.withLock { state -> [CheckedContinuation<Bool, Never>]? in
            guard seq > state.head else { return nil }
            state.head = seq
            var woken: [CheckedContinuation<Bool, Never>] = []
            for (id, entry) in state.waiters where entry.past < seq {
                switch entry.waiter {
                case .arriving: state.waiters[id]?.waiter = .over(true)
                case .waiting(let continuation):
                    woken.append(continuation)
                    state.waiters[id] = nil
                case .over: break
                }
            }
            return woken
        }
        for continuation in woken ?? [] { continuation.resume(returning: true) }
        return woken != nil
    }

    /// One look serves all waits: most are over long before their time, and a timer for each would be set for nothing.
    private func look(at time: ContinuousClock.Instant, _ state: inout State) {
        state.looksAt = time
        Task { [weak self] in
            try? await Task.sleep(until: time, clock: .continuous)
            self?.look()
        }
    }

    private func look() {
        let now = ContinuousClock.now
        let late = state.withLock { state in
            let late = state.waiters.filter { $0.value.until <= now }
            // An earlier look that was overtaken must not plan a second chain of looks.
            if let time = state.looksAt, time <= now {
                state.looksAt = nil
                let next = state.waiters.values.map(\.until).filter { $0 > now }.min()
                if let next { look(at: next, &state) }
            }
            return late.keys
        }
        for id in late { end(id) }
    }

    private func end(_ id: UInt64) {
        let continuation: CheckedContinuation<Bool, Never>? = state.withLock { state in
            switch state.waiters[id]?.waiter {
            case .arriving: state.waiters[id]?.waiter = .over(false)
            case .waiting(let continuation):
                state.waiters[id] = nil
                return continuation
            case .over, nil: break
            }
            return nil
        }
        continuation?.resume(returning: false)
    }
}
