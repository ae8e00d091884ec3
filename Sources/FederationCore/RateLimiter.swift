/// How many requests each sender may make: a bucket of tokens for each, which fills at a steady rate.
///
/// What it remembers is bounded: with too many senders the fullest buckets, which limit nobody, are forgotten first.
package struct RateLimiter: Hashable, Sendable {
    private struct Bucket: Hashable, Sendable {
        var tokens: Double
        var at: Instant
    }

    private let rate: Double
    private let burst: Double
    private let senders: Int
    private var buckets: [String: Bucket] = [:]

    /// - Parameters:
    ///   - rate: requests a second, in the long run.
    ///   - burst: requests at one time, after a pause.
    ///   - senders: how many are told apart.
    package init(rate: Int, burst: Int, senders: Int) {
        self.rate = Double(rate)
        self.burst = Double(burst)
        self.senders = senders
    }

    package var count: Int { buckets.count }

    /// Whether `sender` may make one more; if so, it is counted.
    package mutating func allows(_ sender: String, at now: Instant) -> Bool {
        var bucket = refilled(buckets[sender], now)
        guard bucket.tokens >= 1 else { return false }
        bucket.tokens -= 1
        if buckets[sender] == nil, buckets.count >= senders { forgetFullest(now) }
        buckets[sender] = bucket
        return true
    }

    private func refilled(_ bucket: Bucket?, _ now: Instant) -> Bucket {
        guard let bucket else { return Bucket(tokens: burst, at: now) }
        let gained = max(0, now.since(bucket.at) / .seconds(1)) * rate
        return Bucket(tokens: min(burst, bucket.tokens + gained), at: now)
    }

    /// Half of them at once, so that many new senders do not each cost a walk over all.
    private mutating func forgetFullest(_ now: Instant) {
        let kept = buckets.mapValues { refilled($0, now) }.sorted { $0.value.tokens < $1.value.tokens }
        buckets = Dictionary(uniqueKeysWithValues: kept.prefix(senders / 2).map { ($0.key, $0.value) })
    }
}
