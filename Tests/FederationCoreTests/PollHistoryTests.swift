import FederationCrypto
import FederationTestKit
import Testing

@testable import FederationCore

/// What is kept of a peer's polls over time.
@Suite struct PollHistoryTests {
    private static let noon = WallTime(milliseconds: 1_764_158_400_000)

    private func minutes(_ count: Int64) -> WallTime { Self.noon.advanced(by: .seconds(count * 60)) }

    @Test func aStretchAddsUp() throws {
        var bucket = PollBucket(.fine, at: minutes(7))
        #expect(bucket.time == Self.noon && bucket.end == minutes(10))
        bucket.add(NotedPoll(.page, events: 5, lag: 90))
        bucket.add(NotedPoll(.succeeded, events: 2, took: .milliseconds(30), lag: 0))
        bucket.add(NotedPoll(.succeeded, took: .milliseconds(10), lag: 0))
        bucket.add(NotedPoll(.failed(.networkDNS), took: .seconds(2)))
        bucket.add(NotedPoll(.failed(.networkDNS)))
        bucket.add(NotedPoll(.waited))
        #expect(bucket.succeeded == 2 && bucket.failed == 2 && bucket.waited == 1 && bucket.events == 7)
        #expect(bucket.failures == [.networkDNS: 2])
        #expect(bucket.timed == 3 && bucket.took == 2040 && bucket.slowest == 2000)
        #expect(bucket.lag == 0 && bucket.mostLag == 90)
        #expect(PollBucket(key: bucket.key, json: bucket.json) == bucket)
    }

    @Test func noLagIsNotTheSameAsNotToldOne() throws {
        var untold = PollBucket(.fine, at: Self.noon)
        untold.add(NotedPoll(.failed(.auth)))
        #expect(untold.lag == nil)
        var told = untold
        told.add(NotedPoll(.succeeded, lag: 0))
        #expect(told.lag == 0)
        #expect(PollBucket(key: untold.key, json: untold.json)?.lag == nil)
        #expect(PollBucket(key: told.key, json: told.json)?.lag == 0)
    }

    @Test(arguments: ["", "10m", "10m:", "1d:000000000600", "10m:x", "10m:1:2"]) func whatIsNoKeyIsNoBucket(key: String) {
        #expect(PollBucket(key: key, json: Array("{}".utf8)) == nil)
    }

    /// A database that somebody else has written in.
    @Test(arguments: ["", "[", "[]", #"{"succeeded":-1,"events":99999999999999999999,"failures":3,"lag":"x"}"#])
    func whatCannotBeReadCountsNothing(json: String) {
        let empty = PollBucket(.fine, at: Self.noon)
        #expect(PollBucket(key: empty.key, json: Array(json.utf8)) == empty)
    }

    @Test func countsStopAndDoNotOverflow() throws {
        let most = String(Int64.max)
        let json = Array(#"{"succeeded":\#(most),"events":\#(most),"took_ms":\#(most),"failures":[{"reason":"auth","polls":\#(most)},{"reason":"new_word","polls":1},{"reason":"other","polls":\#(most)}]}"#.utf8)
        var bucket = try #require(PollBucket(key: PollBucket(.fine, at: Self.noon).key, json: json))
        let before = bucket
        bucket.add(NotedPoll(.succeeded, events: .max, took: .seconds(Int64.max), lag: .max))
        bucket.add(NotedPoll(.failed(.auth), events: -5, took: .seconds(-1), lag: -1))
        #expect(bucket.succeeded == before.succeeded && bucket.events == before.events && bucket.lag == 0)
        #expect(bucket.failed == 1 << 53)
        _ = PollBucket(.coarse, at: WallTime(milliseconds: .max)).json
        #expect(PollBucket(.fine, at: WallTime(milliseconds: .min)).start == 0)
    }

    /// Polled every minute for ten days, the last of which is told in ten minutes, the week before in hours.
    @Test func aHistoryIsBoundedAndLosesNothingOfItsTime() throws {
        var log = MemoryStorage()
        let days: Int64 = 10
        for minute in 0..<(days * 1440) {
            let failed = minute % 60 == 7
            let poll = NotedPoll(failed ? .failed(.networkTimeout) : .succeeded, events: failed ? 0 : 1, lag: 0)
            try PollHistory.note(poll, of: "beta", at: minutes(minute), in: &log)
            if minute % 997 == 0 { #expect(log.wireValues(PollHistory.namespace, peer: "beta").count <= 320) }
        }
        let buckets = try PollHistory.buckets(of: "beta", in: log)
        #expect(buckets.count <= 320)
        let (fine, coarse) = (buckets.filter { $0.width == .fine }, buckets.filter { $0.width == .coarse })
        #expect(fine.count >= 144 && coarse.count >= 7 * 24)
        // Nothing is counted twice, and nothing between is missing.
        for bucket in coarse.dropFirst().dropLast() {
            #expect(bucket.succeeded == 59 && bucket.failures == [.networkTimeout: 1] && bucket.events == 59)
        }
        for (one, next) in zip(coarse, coarse.dropFirst()) { #expect(one.end == next.time) }
        for (one, next) in zip(fine, fine.dropFirst()) { #expect(one.end == next.time) }
        #expect(try PollHistory.buckets(of: "gamma", in: log).isEmpty)
    }

    /// A board without a clock boots years back or ahead, and polls before it is told the time.
    @Test(arguments: [-20_000, -1, 1, 400] as [Int64]) func aClockThatIsWrongForAWhileErasesNothing(days: Int64) throws {
        var log = MemoryStorage()
        let before = PollHistory.kept(tenDays(), at: minutes(10 * 1440 - 10))
        for bucket in before { try log.setWireValue(PollHistory.namespace, peer: "beta", key: bucket.key, bucket.json) }
        #expect(before.count == Limits.historyRows)
        for minute in [0, 10, 20] as [Int64] {
            try PollHistory.note(NotedPoll(.failed(.auth)), of: "beta", at: minutes(10 * 1440 + days * 1440 + minute), in: &log)
        }
        try PollHistory.note(NotedPoll(.succeeded), of: "beta", at: minutes(10 * 1440 + 10), in: &log)
        let after = try PollHistory.buckets(of: "beta", in: log)
        #expect(after.count <= Limits.historyRows)
        // All but what as many steps of the right time would have put out, and some more.
        let known = before.reduce(0) { $0 + $1.succeeded }
        #expect(after.reduce(0) { $0 + $1.succeeded } >= known - 6 * 6)
    }

    @Test func whatAWrongClockLeftAheadGoesFirst() {
        let far = PollBucket(.fine, at: Self.noon.advanced(by: .seconds(400 * 86400)))
        let buckets = PollHistory.kept(tenDays() + [far], at: minutes(10 * 1440 - 10))
        #expect(buckets.count == Limits.historyRows && !buckets.contains(far))
    }

    /// A poll that went well in each step.
    private func tenDays() -> [PollBucket] {
        stride(from: 0, to: Int64(10 * 1440), by: 10).map {
            var bucket = PollBucket(.fine, at: minutes($0))
            bucket.add(NotedPoll(.succeeded))
            return bucket
        }
    }

    /// The one transaction of a poll writes its health and its history, and forgetting the peer takes both.
    @Test func itIsWrittenWithTheHealthAndForgottenWithThePeer() throws {
        var log = MemoryStorage()
        var commit = PeerCommit(peer: "beta", wireNamespace: "native")
        commit.health = PeerHealthChange(at: Self.noon, result: .failed(.networkRefused, eventID: "", subject: ""))
        commit.took = .milliseconds(5)
        _ = try commit.write(to: &log, intake: Intake(IntakePolicy(node: PollBench.ourID, sha256: sha256, isOwnSignature: { _, _ in false })), now: Self.noon)
        let bucket = try #require(try PollHistory.buckets(of: "beta", in: log).first)
        #expect(bucket.failures == [.networkRefused: 1] && bucket.timed == 1 && bucket.lag == nil)
        try PeerRemains(of: "beta", in: log).forget(in: &log)
        #expect(try PollHistory.buckets(of: "beta", in: log).isEmpty)
    }
}
