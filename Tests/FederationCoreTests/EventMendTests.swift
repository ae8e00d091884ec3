import FederationCore
import FederationTestKit
import Testing

/// What releases an event that is not applied.
@Suite struct EventMendTests {
    @Test func whatASignatureNeedsDependsOnWhoseItIs() {
        let expected: [(String, EventWriterStanding, [TrialMend])] = [
            ("unsigned", .peer("beta"), [.peerSetting("verify", "warn")]), ("unsigned", .stranger, [.setting("verify", "warn")]),
            ("unknown_key", .peer("beta"), [.peerSetting("pubkey", "KEY-OF-ITS-ORIGIN")]),
            ("swapped_key", .peer("beta"), [.peerSetting("pubkey", "KEY-OF-ITS-ORIGIN")]),
            ("signature", .peer("beta"), [.command(["pair", "beta"]), .ifConfirmed(.command(["reset-peer", "beta", "--key-rotated"]))]),
            ("unknown_key", .stranger, [.command(["add-peer", "NAME", "ENDPOINT-OF-ITS-ORIGIN"])]),
            ("signature", .stranger, [.command(["add-peer", "NAME", "ENDPOINT-OF-ITS-ORIGIN"])]),
            ("unsigned", .unknown, []), ("signature", .unknown, []), ("bad_signature", .peer("beta"), []),
            ("past_key", .peer("beta"), []), ("frozen_origin", .unknown, [.command(["trust-key", "ORIGIN", "KEY"])]),
        ]
        for (code, writer, mends) in expected { #expect(TrialMend.ofEvent(code: code, by: writer) == mends, "\(code) \(writer)") }
    }

    @Test func theRestDependsOnWhatHoldsIt() {
        for code in ["unknown_action", "unknown_type", "unknown_tier", "invalid_trace_id", "waits"] {
            #expect(TrialMend.ofEvent(code: code, by: .unknown) == [.upgrade])
        }
        let origin = Sample.node(3)
        #expect(
            TrialMend.ofEvent(code: "frozen_origin", by: .stranger, origin: origin)
                == [.command(["trust-key", origin.description, "KEY"])])
        let held = HoldReason.replayer(.other).code
        #expect(TrialMend.ofEvent(code: held, by: .stranger, row: "7") == [.command(["quarantine", "retry", "7"])])
        #expect(TrialMend.ofEvent(code: "losing_variant", by: .stranger, row: "7").isEmpty)
    }

    @Test func sinceWhenItIsHeldIsSaidWhereThatIsKnown() {
        var stored = Sample.event(Sample.id(1), "create", "20260101-one", clock: [1: 1]).stored(receivedAt: Sample.epoch)
        #expect(stored.heldSince == nil && stored.holdCode == nil)
        stored.hold = .unknownAction
        #expect(stored.heldSince == stored.receivedAt && stored.holdCode == "unknown_action")
        stored.hold = .signature
        for (verification, code) in [(Verification.unsigned, "unsigned"), (.unknownKey, "unknown_key"), (.invalid, "signature")] {
            stored.verification = verification
            #expect(stored.heldSince == nil && stored.holdCode == code)
        }
    }
}
