internal import Synchronization

/// A clock that stands still until a test moves it.
///
/// A test waits with `nextSleep` until the code under test has really gone to sleep before it moves time; otherwise
/// the sleeper that comes a moment later would wait for ever.
package final class VirtualClock: Clock, Sendable {
    package struct Instant: InstantProtocol {
        package var sinceStart: Duration

        package func advanced(by duration: Duration) -> Instant { Instant(sinceStart: sinceStart + duration) }
        package func duration(to other: Instant) -> Duration { other.sinceStart - sinceStart }
        package static func < (a: Instant, b: Instant) -> Bool { a.sinceStart < b.sinceStart }
    }

    private struct State {
        var now = Instant(sinceStart: .zero)
        var lastID = 0
        var sleepers: [Int: (deadline: Instant, continuation: CheckedContinuation<Void, any Error>)] = [:]
        /// Sleeps that were cancelled before they began.
        var cancelled: Set<Int> = []
        /// Deadlines of sleeps that nobody has asked for yet, and whoever asks for one.
        var begun: [Instant] = []
        var watchers: [CheckedContinuation<Instant, Never>] = []
    }

    private let state = Mutex(State())

    package init() {}

    package var now: Instant { state.withLock(\.now) }
    package var minimumResolution: Duration { .nanoseconds(1) }

    package func sleep(until deadline: Instant, tolerance: Duration?) async throws {
        let id = state.withLock {
            $0.lastID += 1
            return $0.lastID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
                let (result, watcher) = state.withLock {
                    state -> (Result<Void, any Error>?, CheckedContinuation<Instant, Never>?) in
                    if state.cancelled.remove(id) != nil { return (.failure(CancellationError()), nil) }
                    if deadline <= state.now { return (.success(()), nil) }
                    state.sleepers[id] = (deadline, continuation)
                    guard !state.watchers.isEmpty else {
                        state.begun.append(deadline)
                        return (nil, nil)
                    }
                    return (nil, state.watchers.removeFirst())
                }
                if let result { continuation.resume(with: result) }
                watcher?.resume(returning: deadline)
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                let sleeper = state.sleepers.removeValue(forKey: id)
                if sleeper == nil { state.cancelled.insert(id) }
                return sleeper
            }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }

    /// Waits until somebody sleeps, and says until when. Each sleep is told once, in the order in which they began.
    package func nextSleep() async -> Instant {
        await withCheckedContinuation { continuation in
            let begun = state.withLock { state -> Instant? in
                guard state.begun.isEmpty else { return state.begun.removeFirst() }
                state.watchers.append(continuation)
                return nil
            }
            if let begun { continuation.resume(returning: begun) }
        }
    }

    /// Moves time on and wakes whoever slept until then, the earliest first.
    package func advance(to instant: Instant) {
        let due = state.withLock { state in
            state.now = max(state.now, instant)
            let now = state.now
            let due = state.sleepers.filter { $0.value.deadline <= now }
            for id in due.keys { state.sleepers[id] = nil }
            return due.sorted { ($0.value.deadline, $0.key) < ($1.value.deadline, $1.key) }.map(\.value.continuation)
        }
        for continuation in due { continuation.resume() }
    }

    package func advance(by duration: Duration) { advance(to: now.advanced(by: duration)) }
}
