import FederationCore
import FederationCrypto
import Testing

@Suite struct AccessPolicyTests {
    private func field(_ key: String) -> Digest { sha256(Array("Bearer \(key)".utf8)) }

    private func caller(
        _ policy: AccessPolicy, _ authorization: String..., channel: RequestChannel = .plain
    ) throws(AccessPolicy.Refusal) -> AccessPolicy.Caller {
        var fields: HTTPFields = ["Host": "localhost"]
        for value in authorization { fields.append("authorization", value) }
        return try policy.caller(fields, over: channel, sha256: sha256)
    }

    private var keyed: AccessPolicy {
        var policy = AccessPolicy()
        policy.keys = [.init(field: field("ring")), .init(field: field("b1"), peer: "beta"), .init(field: field("b2"), peer: "beta")]
        return policy
    }

    @Test func withNothingToAskForAnybodyIsAnswered() throws {
        #expect(try caller(AccessPolicy()) == .anybody)
        #expect(try caller(AccessPolicy(), "Bearer whatever") == .anybody)
        #expect(AccessPolicy().isOpen)
        #expect(!keyed.isOpen)
    }

    @Test func aKeySaysWhoAsks() throws {
        #expect(try caller(keyed, "Bearer ring") == .ring)
        #expect(try caller(keyed, "Bearer b1") == .peer("beta"))
        #expect(try caller(keyed, "Bearer b2") == .peer("beta"))
    }

    @Test(arguments: [
        [], [""], ["ring"], ["bearer ring"], ["Bearer  ring"], ["Bearer ring "], ["Bearer RING"], ["Basic ring"],
        ["Bearer b3"], ["Bearer ring", "Bearer ring"], ["Bearer ring,Bearer b1"],
    ])
    func everythingElseIsRefused(_ values: [String]) {
        var fields: HTTPFields = [:]
        for value in values { fields.append("Authorization", value) }
        #expect(throws: AccessPolicy.Refusal.key) { try keyed.caller(fields, over: .plain, sha256: sha256) }
    }

    @Test func aCertificateIsAskedForOverTLSAlone() throws {
        var policy = AccessPolicy()
        policy.asksForCertificate = true
        policy.pins = [field("beta's"): "beta"]
        let known = RequestChannel.tls(client: ClientCertificate(key: field("other"), isVouchedFor: true))
        let unknown = RequestChannel.tls(client: ClientCertificate(key: field("other"), isVouchedFor: false))
        let pinned = RequestChannel.tls(client: ClientCertificate(key: field("beta's"), isVouchedFor: false))
        #expect(try caller(policy, channel: known) == .ring)
        #expect(try caller(policy, channel: pinned) == .peer("beta"))
        #expect(try caller(policy) == .anybody)
        #expect(throws: AccessPolicy.Refusal.certificate) { try caller(policy, channel: unknown) }
        #expect(throws: AccessPolicy.Refusal.certificate) { try caller(policy, channel: .tls(client: nil)) }
    }

    @Test func aKeyAndACertificateMustNotContradictEachOther() throws {
        var policy = keyed
        policy.pins = [field("beta's"): "beta", field("gamma's"): "gamma"]
        let beta = RequestChannel.tls(client: ClientCertificate(key: field("beta's"), isVouchedFor: false))
        let gamma = RequestChannel.tls(client: ClientCertificate(key: field("gamma's"), isVouchedFor: false))
        #expect(try caller(policy, "Bearer b1", channel: beta) == .peer("beta"))
        // The ring's key does not say which of the ring; the certificate does.
        #expect(try caller(policy, "Bearer ring", channel: gamma) == .peer("gamma"))
        #expect(throws: AccessPolicy.Refusal.contradiction) { try caller(policy, "Bearer b1", channel: gamma) }
        // A certificate is no key.
        #expect(throws: AccessPolicy.Refusal.key) { try caller(policy, channel: beta) }
    }

    @Test(arguments: [
        ("10.0.0.9", ["1.2.3.4"], "10.0.0.9"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", ["1.2.3.4"], "1.2.3.4"),
        ("10.0.0.1", ["6.6.6.6, 1.2.3.4"], "1.2.3.4"),
        ("10.0.0.1", ["6.6.6.6, 1.2.3.4 ,\t10.0.0.2"], "1.2.3.4"),
        ("10.0.0.1", ["10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["fd00::1"], "fd00::1"),
        ("10.0.0.1", ["unknown, 10.0.0.2"], "10.0.0.2"),
        ("10.0.0.1", ["1.2.3.4, evil\u{1b}[2J"], "10.0.0.1"),
        ("10.0.0.1", [""], "10.0.0.1"),
        ("10.0.0.1", ["1.2.3.4", "5.6.7.8"], "10.0.0.1"),
    ])
    func onlyListedProxiesAreBelieved(_ remote: String, _ forwarded: [String], _ origin: String) {
        var fields: HTTPFields = [:]
        for value in forwarded { fields.append("X-Forwarded-For", value) }
        #expect(ProxyPolicy(["10.0.0.1", "10.0.0.2"]).origin(of: remote, fields) == origin)
    }
}

@Suite struct RateLimiterTests {
    /// How many of `count` requests of one sender at one moment are granted.
    private func granted(_ count: Int, _ sender: String, at milliseconds: Int, _ limiter: inout RateLimiter) -> Int {
        var granted = 0
        for _ in 0..<count where limiter.allows(sender, at: Instant(.milliseconds(milliseconds))) { granted += 1 }
        return granted
    }

    @Test func aBurstIsGrantedAndThenTheRate() {
        var limiter = RateLimiter(rate: 10, burst: 5, senders: 8)
        let found = [
            granted(9, "a", at: 0, &limiter), granted(9, "b", at: 0, &limiter), granted(9, "a", at: 99, &limiter),
            granted(9, "a", at: 100, &limiter),
            // However long the pause, no more than the burst; and a moment that lies back gives nothing.
            granted(9, "a", at: 100_000, &limiter), granted(9, "a", at: 99_000, &limiter),
        ]
        #expect(found == [5, 5, 0, 1, 5, 0])
    }

    @Test func theEmptiestBucketsAreRememberedAmongManySenders() {
        var limiter = RateLimiter(rate: 1, burst: 3, senders: 100)
        #expect(granted(9, "attacker", at: 0, &limiter) == 3)
        var most = 0
        for index in 0..<10_000 {
            _ = granted(1, "sender \(index)", at: 0, &limiter)
            most = max(most, limiter.count)
        }
        #expect(most <= 100)
        #expect(granted(9, "attacker", at: 0, &limiter) == 0)
    }
}

@Suite struct CertificateStandingTests {
    @Test(arguments: [
        (-1, CertificateStanding.notYet), (0, .good(daysLeft: 100)), (10, .good(daysLeft: 90)),
        (11, .ending(daysLeft: 89, within: 90)), (71, .ending(daysLeft: 29, within: 30)),
        (93, .ending(daysLeft: 7, within: 30)), (94, .ending(daysLeft: 6, within: 7)),
        (100, .ending(daysLeft: 0, within: 7)), (101, .expired),
    ] as [(Int64, CertificateStanding)])
    func peopleAreToldInTime(_ day: Int64, _ standing: CertificateStanding) {
        let start: Int64 = 1_700_000_000
        let now = WallTime(milliseconds: (start + day * 86_400) * 1000)
        #expect(CertificateStanding(of: start...(start + 100 * 86_400), at: now) == standing)
    }
}
