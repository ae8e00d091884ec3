import FederationCore
import FederationCrypto
import FederationTestKit
import Testing

/// Who may answer as a peer, and who has to wait for a person: inputs and outputs.
@Suite struct PeerPairingTests {
    private static let a = "ed25519:LB+0jMLPWjc+6yXzZFm8KOGQCwjA2YzdGgbNEfcDCJo="
    private static let b = "ed25519:A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg="
    private static let c = "ed25519:CL1bqmzrC/Jo404NOwylmpEhfHutd0CsI4sn1xa5JGI="
    private let now = PollBench.wallStart

    private func rule(_ firstContact: FirstContact, id: ULID? = nil, key: String? = nil) -> PeerRule {
        PeerRule(own: PollBench.ourID, id: id, key: key, firstContact: firstContact)
    }

    private func memory(
        pin: ULID? = nil, key: String? = nil, _ pairing: PeerPairing? = nil, successor: String? = nil
    ) -> PeerMemory {
        var memory = PeerMemory()
        memory.pin = pin
        memory.key = key
        memory.pairing = pairing
        memory.successor = successor
        return memory
    }

    private func paired(_ key: String = a, id: ULID = PollBench.peerID) -> PeerPairing {
        PeerPairing(.paired, id: id, key: key, at: now)
    }

    @Test func whoIsAskedForWaitsUntilAPersonSaysYes() {
        let waits = PeerPairing(.pending, id: PollBench.peerID, key: PeerPairingTests.a, at: now)
        let shown = PollBench.identity(key: PeerPairingTests.a)
        let verdict = { (rule: PeerRule, memory: PeerMemory) in rule.verdict(on: shown, memory, at: self.now) }
        #expect(verdict(rule(.pin), memory()) == .accepted(newKey: PeerPairingTests.a))
        #expect(verdict(rule(.ask), memory()) == .waits(waits))
        // An identity or a key alone says half of it.
        #expect(verdict(rule(.ask, id: PollBench.peerID), memory()) == .waits(waits))
        #expect(verdict(rule(.ask, key: PeerPairingTests.a), memory()) == .waits(waits))
        #expect(verdict(rule(.ask, id: PollBench.peerID, key: PeerPairingTests.a), memory()) == .accepted(newKey: PeerPairingTests.a))
        // What was believed before anybody asked waits as well, and is not taken for another.
        #expect(verdict(rule(.ask), memory(pin: PollBench.peerID, key: PeerPairingTests.a)) == .waits(waits))
        #expect(verdict(rule(.ask), memory(pin: PollBench.peerID, key: PeerPairingTests.b)) == .refused(.otherKey(expected: PeerPairingTests.b, by: .pinned)))
        #expect(verdict(rule(.ask), memory(pin: PollBench.otherID)) == .refused(.otherNode(expected: PollBench.otherID, by: .pinned)))
        #expect(verdict(rule(.ask), memory(pin: PollBench.peerID, key: PeerPairingTests.a, paired())) == .accepted(newKey: nil))
    }

    @Test func whoIsPairedIsInsistedOn() {
        func verdict(_ key: String?, id: ULID = PollBench.peerID, successor: String? = nil, _ contact: FirstContact) -> PeerRule.Verdict {
            let memory = memory(pin: PollBench.peerID, key: PeerPairingTests.a, paired(), successor: successor)
            return rule(contact).verdict(on: PollBench.identity(id, key: key), memory, at: now)
        }
        for contact in FirstContact.allCases {
            #expect(verdict(PeerPairingTests.a, contact) == .accepted(newKey: nil))
            let key = PeerRule.Verdict.refused(.otherKey(expected: PeerPairingTests.a, by: .paired))
            #expect(verdict(PeerPairingTests.b, contact) == key)
            #expect(verdict(nil, contact) == key, "no key is no proof")
            let other = PeerRule.Refusal.otherNode(expected: PollBench.peerID, by: .paired)
            #expect(verdict(PeerPairingTests.a, id: PollBench.otherID, contact) == .refused(other))
            #expect(verdict(PeerPairingTests.b, successor: PeerPairingTests.b, contact) == .accepted(newKey: PeerPairingTests.b))
            #expect(verdict(PeerPairingTests.a, successor: PeerPairingTests.b, contact)
                == .refused(.otherKey(expected: PeerPairingTests.b, by: .succession)))
        }
        // The pin may be gone; the word of a person is not.
        let other = rule(.pin).verdict(on: PollBench.identity(PollBench.otherID, key: PeerPairingTests.c), memory(nil, paired()), at: now)
        #expect(other == .refused(.otherNode(expected: PollBench.peerID, by: .paired)))
    }

    private func memory(_ pin: ULID?, _ pairing: PeerPairing) -> PeerMemory { memory(pin: pin, pairing) }

    @Test func aChangeWhileItWaitsIsRemembered() {
        let first = PeerPairing(.pending, id: PollBench.peerID, key: PeerPairingTests.a, at: now)
        let later = now.advanced(by: .seconds(60))
        func next(_ identity: PeerIdentity, after pairing: PeerPairing) -> PeerRule.Verdict {
            rule(.ask).verdict(on: identity, memory(nil, pairing), at: later)
        }
        #expect(next(PollBench.identity(key: PeerPairingTests.a), after: first) == .waits(first))
        let changed = PeerPairing(.pending, id: PollBench.peerID, key: PeerPairingTests.b, at: later, hasChanged: true)
        #expect(next(PollBench.identity(key: PeerPairingTests.b), after: first) == .waits(changed))
        let other = PeerPairing(.pending, id: PollBench.otherID, key: PeerPairingTests.a, at: later, hasChanged: true)
        #expect(next(PollBench.identity(PollBench.otherID, key: PeerPairingTests.a), after: first) == .waits(other))
        #expect(next(PollBench.identity(key: PeerPairingTests.b), after: changed) == .waits(changed), "it stays so")
        #expect(next(PollBench.identity(key: nil), after: first) == .waits(PeerPairing(.pending, id: PollBench.peerID, key: nil, at: later, hasChanged: true)))
    }

    @Test func standings() {
        let id = PollBench.peerID
        let pending = PeerPairing(.pending, id: id, key: nil, at: now)
        let table: [(PeerRule, ULID?, PeerPairing?, PairingStanding)] = [
            (rule(.pin), nil, nil, .unmet), (rule(.pin), id, nil, .pinned), (rule(.pin), nil, pending, .unmet),
            (rule(.pin), id, paired(), .paired), (rule(.ask), nil, nil, .unmet), (rule(.ask), id, nil, .pending),
            (rule(.ask), nil, pending, .pending), (rule(.ask), id, paired(), .paired),
            (rule(.ask, id: id, key: PeerPairingTests.a), nil, nil, .configured), (rule(.pin, id: id), nil, nil, .unmet),
        ]
        for (rule, pin, pairing, expected) in table {
            #expect(PairingStanding(of: rule, pin: pin, pairing: pairing) == expected)
        }
    }

    @Test func whatIsStoredIsReadAndNothingElse() {
        for pairing in [
            paired(), PeerPairing(.pending, id: PollBench.peerID, key: nil, at: now, hasChanged: true),
            PeerPairing(.pending, id: PollBench.otherID, key: PeerPairingTests.b, at: now),
        ] {
            #expect(PeerPairing(json: pairing.json) == pairing)
        }
        let json = paired().json
        for text in [
            "", "7", "{}", json.replacing("paired", with: "trusted"), json.replacing(PeerPairingTests.a, with: "ed25519:A"),
            json.replacing("\(PollBench.peerID)", with: "0"), json.replacing("2026", with: "year"),
        ] {
            #expect(PeerPairing(json: text) == nil, "\(text)")
        }
    }

    // MARK: On disk

    private func intake() -> Intake { Intake(IntakePolicy(node: PollBench.ourID, sha256: sha256, isOwnSignature: { _, _ in false })) }

    private func confirm(_ key: String = a, id: ULID = PollBench.peerID, in log: inout MemoryStorage) throws -> PeerPairing? {
        let confirmation = PairingConfirmation(
            peer: "beta", wireNamespace: "auto", id: id, key: PublicKey(key)!, rule: rule(.ask))
        return try confirmation.write(to: &log, intake: intake(), now: now)
    }

    @Test func aYesPinsIdentityAndKeyAtOnce() throws {
        var log = MemoryStorage()
        #expect(try confirm(in: &log) == paired())
        #expect(log.state(StateKey.peer("beta", .identity)) == "\(PollBench.peerID)")
        #expect(log.state(StateKey.publicKey(of: PollBench.peerID)) == PeerPairingTests.a)
        let memory = try PeerMemory(PeerQuestion(peer: "beta", wireNamespace: "auto"), from: log)
        #expect(memory.pairing == paired())
        // Another one is not overwritten by a yes, only by a reset.
        #expect(try confirm(PeerPairingTests.b, in: &log) == nil)
        #expect(try confirm(id: PollBench.otherID, in: &log) == nil)
        #expect(try confirm(in: &log) == paired())
        try PeerReset(of: "beta", in: log, wireNamespace: "auto").write(to: &log)
        #expect(log.state(StateKey.peer("beta", .pairing)) == nil)
        #expect(try confirm(PeerPairingTests.b, in: &log)?.key == PeerPairingTests.b)
    }

    /// A poll that began before the yes met somebody else, or met it as one that waits.
    @Test func aPollThatBeganBeforeTheYesChangesNothing() throws {
        var log = MemoryStorage()
        _ = try confirm(in: &log)
        var late = PeerCommit(peer: "beta", wireNamespace: "auto")
        late.pairing = PeerPairing(.pending, id: PollBench.otherID, key: nil, at: now)
        _ = try late.write(to: &log, intake: intake(), now: now)
        #expect(log.state(StateKey.peer("beta", .pairing)) == paired().json)
        late.isBeforePairing = true
        late.pin = PollBench.otherID
        #expect(throws: StoreFailure.interrupted) { try late.write(to: &log, intake: self.intake(), now: self.now) }
        #expect(log.state(StateKey.peer("beta", .identity)) == "\(PollBench.peerID)")
    }

    @Test func aRotatedKeyIsToBeConfirmedAnew() throws {
        var log = MemoryStorage()
        _ = try confirm(in: &log)
        let plan = try PeerResetPlan(["beta"], known: ["beta"], scope: .keyAlone, in: log) { _ in "auto" }
        try plan.write(to: &log)
        #expect(log.state(StateKey.peer("beta", .pairing)) == nil && log.state(StateKey.publicKey(of: PollBench.peerID)) == nil)
        #expect(log.state(StateKey.peer("beta", .identity)) == "\(PollBench.peerID)")
        #expect(try confirm(PeerPairingTests.b, in: &log)?.key == PeerPairingTests.b)
    }
}
