/// How long to wait after a failure: twice as long as before, up to a longest wait, a little less at random.
///
/// The first wait is twice the interval, as Noema's (section 3.1): 60, 120, 240 and 300 seconds for an interval of 30.
package struct Backoff: Hashable, Sendable {
    /// The wait before jitter, so that jitter does not add up.
    package private(set) var previous: Duration?

    package init() {}

    package mutating func reset() { previous = nil }

    /// The wait before the next attempt.
    package mutating func next(
        interval: Duration, longest: Duration, using random: inout some RandomNumberGenerator
    ) -> Duration {
        let longest = max(longest, interval)
        // Compared before it is doubled, so that no interval can overflow.
        let before = previous ?? interval
        let wait = before >= longest / 2 ? longest : before * 2
        previous = wait
        return wait.shortened(by: Backoff.jitter, using: &random)
    }

    /// The longest wait at once: for what only a person can mend.
    package mutating func longest(
        interval: Duration, longest: Duration, using random: inout some RandomNumberGenerator
    ) -> Duration {
        previous = max(longest, interval)
        return max(longest, interval).shortened(by: Backoff.jitter, using: &random)
    }

    /// The most that jitter takes off a wait.
    static let jitter = 0.2
}

extension Duration {
    /// This duration less a random part of it, at most `share` of the whole.
    func shortened(by share: Double, using random: inout some RandomNumberGenerator) -> Duration {
        self * (1 - Double.random(in: 0...share, using: &random))
    }
}

/// Lets a sign of life from a peer end its back-off, at most once an interval: nobody can make us poll at his pace.
struct WakeOnContact: Hashable, Sendable {
    private var last: Instant?

    /// Whether a contact at `now` may end a back-off; one that may is remembered.
    mutating func allows(at now: Instant, interval: Duration) -> Bool {
        if let last, now.since(last) < interval { return false }
        last = now
        return true
    }
}
