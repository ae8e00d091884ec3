import FederationCore
import FederationCrypto
import Testing

private func signed(_ event: Event) -> Event {
    var event = event
    event.signature = "ed25519:AA=="
    return event
}

private let create = event(1, "create", by: 1, [1: 1])
private let first = event(2, "update", by: 1, [1: 2])
private let second = signed(event(3, "update", by: 1, [1: 3]))
private let now = WallTime(milliseconds: 1_775_000_000_000)

private func removable(_ stored: [StoredEvent], now: WallTime = now) -> [ULID] {
    Compaction.removable(of: subject, from: stored, now: now)
}

@Suite struct CompactionTests {
    @Test func aDominatedUpdateLosesItsDataAndACreateNever() {
        #expect(removable([create.stored(.pinned), first.stored(), second.stored(.pinned)]) == [first.id])
    }

    @Test func onlyAnUpdateUnderAPinnedKeyThatIsAppliedAndHereLetsDataGo() {
        #expect(removable([create.stored(), first.stored(), second.stored(.provisional)]).isEmpty)
        #expect(removable([create.stored(), first.stored(), second.stubbed.stored(.pinned)]).isEmpty)
        #expect(removable([create.stored(), first.stored(), second.stored(.pinned, hold: .replayer(.other))]).isEmpty)
        var unsigned = second
        unsigned.signature = nil
        #expect(removable([create.stored(), first.stored(), unsigned.stored(.pinned)]).isEmpty)
        let poem = signed(event(3, "update", by: 1, [1: 3], data: snapshot(type: "poem")))
        #expect(removable([create.stored(), first.stored(), poem.stored(.pinned)]).isEmpty)
        let waiting = [event(0, "teleport", by: 2, [2: 1]), signed(event(3, "update", by: 1, [1: 3, 2: 1]))]
        #expect(removable([create.stored(), first.stored()] + waiting.map { $0.stored(.pinned) }).isEmpty)
    }

    @Test func aHeldUpdateAndAConcurrentOneKeepTheirData() {
        let poem = event(2, "update", by: 1, [1: 2], data: snapshot(type: "poem"))
        #expect(removable([create.stored(), poem.stored(), second.stored(.pinned)]).isEmpty)
        #expect(removable([create.stored(), first.stored(hold: .replayer(.other)), second.stored(.pinned)]).isEmpty)
        let beside = event(2, "update", by: 2, [2: 2])
        #expect(removable([create.stored(), beside.stored(), second.stored(.pinned)]).isEmpty)
    }

    @Test func whatAPurgeTookGoesAtOnceUnderAPinnedKeyElseAfterAWeek() {
        let purge = event(5, "purge_hard", by: 2, [2: 1], json: #"{"reason":"r"}"#)
        let others = [create.stored(), second.stored(), event(6, "teleport").stored()]
        let all = [create.id, second.id, eventID(6)]
        #expect(removable(others + [signed(purge).stored(.pinned, receivedAt: now)]) == all)
        #expect(removable(others + [purge.stored(receivedAt: now)]).isEmpty)
        #expect(removable(others + [signed(purge).stored(.provisional, receivedAt: now)]).isEmpty)
        let week = now.advanced(by: Limits.purgeGrace)
        #expect(removable(others + [purge.stored(receivedAt: now)], now: week) == all)
        #expect(removable(others + [purge.stored(receivedAt: now)], now: week.advanced(by: .milliseconds(-1))).isEmpty)
    }

    @Test func anEventThatDoesNotPrecedeThePurgeArrivesAsAStub() {
        let purge = event(5, "purge", by: 2, [1: 2, 2: 1])
        #expect(!Compaction.arrivesAsStub(first, among: [create]))
        #expect(!Compaction.arrivesAsStub(first, among: [create, purge]))
        #expect(Compaction.arrivesAsStub(second, among: [create, purge]))
        #expect(Compaction.arrivesAsStub(event(2, "update", by: 3, [3: 1]), among: [purge]))
        #expect(!Compaction.arrivesAsStub(event(9, "purge", by: 3, [3: 1]), among: [purge]))
        #expect(!Compaction.arrivesAsStub(event(9, "purge_hard", by: 3, [3: 1]), among: []))
    }

    @Test func aStubsDigestIsBelievedOnlyWhereNothingCouldBeHidden() {
        let plain = Event.Stub(dataHash: sha256([1]), normalHash: sha256([1]))
        let escaped = Event.Stub(dataHash: sha256([1]), normalHash: sha256([2]))
        #expect(Compaction.believesDigest(of: plain, dataSeen: false))
        #expect(!Compaction.believesDigest(of: escaped, dataSeen: false))
        #expect(Compaction.believesDigest(of: escaped, dataSeen: true))
    }

    /// Also where a stub lies about its normal form, in either direction, and beside rows of an earlier version.
    @Test func aSignatureFitsACopyIfItsPreimageIsTheSameWhateverItClaims() throws {
        var (first, escaped) = (first, first)
        first.payload = .full(Array(#"{"title":"<","type":"note","body":""}"#.utf8))
        escaped.payload = .full(Array(#"{"title":"\u003c","type":"note","body":""}"#.utf8))
        var events = [first, escaped, second]
        for event in [first, escaped] {
            let truth = try event.fingerprint(sha256)
            for normalHash in [truth.normalHash, truth.dataHash, sha256([7])] {
                var stub = event
                stub.payload = .stub(Event.Stub(dataHash: truth.dataHash, normalHash: normalHash))
                events.append(stub)
            }
        }
        #expect(try first.fingerprint(sha256).signedHash == nil && escaped.fingerprint(sha256).signedHash != nil)
        var fitting = 0
        for event in events {
            let fingerprint = try event.fingerprint(sha256)
            for other in events {
                let isSame = event.signedHash(sha256) == other.signedHash(sha256)
                var stored = other.stored(hashed: true)
                #expect(stored.fitsSignature(of: event, fingerprint, sha256) == isSame)
                stored.signedHash = other.signedHash(sha256)
                #expect(stored.fitsSignature(of: event, fingerprint, sha256) == isSame)
                if isSame { fitting += 1 }
            }
        }
        #expect(fitting == 4 * 4 + 4 * 4 + 1)
    }

    @Test func dataIsWantedBackWhereTheRecordReadsIt() {
        func wanted(_ stub: Event, among others: [Event]) -> Bool {
            Compaction.isWanted(stub.id, of: subject, from: (others + [stub.stubbed]).map { $0.stored() })
        }
        #expect(wanted(first, among: [create]))
        #expect(!wanted(first, among: [create, second]))
        #expect(wanted(create, among: [first, second]))
        #expect(wanted(event(2, "promote", json: #"{"to":"mid"}"#), among: [create]))
        #expect(!wanted(first, among: [create, event(9, "purge", by: 2, [2: 1])]))
        #expect(wanted(event(9, "purge_hard", by: 2, [2: 1]), among: [create]))
        #expect(!Compaction.isWanted(first.id, of: subject, from: [first.stored()]))
        #expect(!Compaction.isWanted(first.id, of: subject, from: []))
    }
}
