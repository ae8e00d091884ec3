import FederationCore
import Testing

@Suite struct ReasonTests {
    @Test func theReasonsKeepTheirStrings() {
        #expect(
            Reason.allCases.map(\.rawValue) == [
                "invalid_trace_id", "unknown_action", "unknown_type", "invalid_frontmatter", "network_refused",
                "network_timeout", "network_dns", "network_tls", "network_reset", "network_eof", "auth",
                "identity_mismatch", "identity_missing", "store_full", "signature", "other",
            ])
    }

    /// Fact 10.
    @Test func theFamiliesOfReasonsAreNoemas() {
        #expect(Reason.allCases.filter(\.isSchemaWidening) == [.invalidTraceID, .unknownAction, .unknownType])
        #expect(Reason.allCases.filter(\.isNetwork).allSatisfy { $0.rawValue.hasPrefix("network_") })
        #expect(Reason.allCases.filter { !$0.isNetwork }.allSatisfy { !$0.rawValue.hasPrefix("network_") })
    }

    @Test func aReasonOfANewerVersionReadsAsOther() {
        #expect(Reason(stored: "network_quantum") == .other)
        #expect(Reason(stored: "") == .other)
        for reason in Reason.allCases { #expect(Reason(stored: reason.rawValue) == reason) }
    }

    @Test func everyReasonHasWordsAndAHintOfItsOwn() {
        #expect(Set(Reason.allCases.map(\.words)).count == Reason.allCases.count)
        for reason in Reason.allCases { #expect(!reason.hint.isEmpty) }
    }

    @Test func everyHoldIsReadAsItWasStored() {
        let holds: [HoldReason] =
            [.unknownAction, .unknownType, .unknownTier, .invalidTraceID, .waits, .signature]
            + Reason.allCases.map { .replayer($0) }
        for hold in holds { #expect(HoldReason(code: hold.code) == hold) }
        #expect(HoldReason(code: "later") == .replayer(.other))
    }
}

@Suite struct PeerHealthTests {
    /// The example of Noema section 4 (fact 5).
    @Test func healthIsReadAndWrittenAsNoemaDoes() {
        let text = """
            {"version":"v0.9.1","version_observed_at":"2026-04-20T12:00:00Z","last_success":"2026-04-20T11:59:00Z",\
            "consecutive_failures":3,"last_error":{"reason":"invalid_trace_id","event_id":"01KPGER",\
            "trace_id":"20260418-abc","observed_at":"2026-04-20T12:00:30Z"}}
            """
        let health = PeerHealth(json: Array(text.utf8))
        #expect(health.consecutiveFailures == 3)
        #expect(health.lastError?.reason == .invalidTraceID)
        #expect(String(decoding: health.json, as: UTF8.self) == text)
        #expect(PeerHealth(json: health.json) == health)
    }

    @Test func whatIsMissingOrMalformedIsZero() {
        for text in ["", "null", "[]", "{", "{}", #"{"version":7,"consecutive_failures":"x","last_error":[]}"#] {
            #expect(PeerHealth(json: Array(text.utf8)) == PeerHealth())
        }
        #expect(PeerHealth().json == Array("{}".utf8))
        #expect(PeerHealth(json: Array(#"{"consecutive_failures":-5}"#.utf8)).consecutiveFailures == 0)
        #expect(PeerHealth(json: Array(#"{"held":99999999999999999999}"#.utf8)).held == 0)
        #expect(PeerHealth(json: Array(#"{"last_error":{"reason":"x"}}"#.utf8)).lastError?.reason == .other)
    }

    @Test func ourOwnCountsAreKeptBesideNoemasMembers() {
        var health = PeerHealth()
        health.held = 1
        health.refused = 2
        health.deferred = 3
        health.lastError = PeerHealth.LastError(reason: .auth, observedAt: WallTime(milliseconds: 0))
        #expect(PeerHealth(json: health.json) == health)
    }

    @Test func aVersionIsPrintableASCIIOrAQuestionMark() {
        #expect(PeerHealth.safeVersion("v0.9.1-dirty") == "v0.9.1-dirty")
        #expect(PeerHealth.safeVersion("v1\u{1B}[31m") == "?")
        #expect(PeerHealth.safeVersion("vé") == "?")
        #expect(PeerHealth.safeVersion(String(repeating: "1", count: 65)) == "?")
    }
}

@Suite struct VersionSkewTests {
    /// Fact 40: the table of Noema section 6, and which side is behind.
    @Test(
        arguments: [
            ("v0.9.2", "v0.9.2", nil), ("v0.9.2", "v0.9.2-10-gabc", nil), ("0.9.2", "v0.9.2", nil),
            ("v0.9.1", "v0.9.2", .older), ("v0.9.2", "v0.9.1", .newer), ("v0.10.0", "v0.9.9", .newer),
            ("v1.0", "v1.0.0", nil), ("v1.0", "v1.0.1", .older), ("v01.2", "v1.02", nil),
            ("dev", "v0.9.2", nil), ("1cc3be6-dirty", "v0.9.2", nil), ("", "v0.9.2", nil), ("v0.9.2", "dev", nil),
            ("v1", "v2", nil), ("v1..2", "v1.2", nil), ("v1.x", "v1.2", nil),
            ("v1.99999999999999999999999999", "v1.2", .newer),
        ] as [(String, String, VersionSkew?)])
    func onlyDifferentReleasesAreRemarkedOn(peer: String, local: String, skew: VersionSkew?) {
        #expect(VersionSkew(of: peer, from: local) == skew)
    }
}
