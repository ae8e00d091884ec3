import FederationCore
import FederationTestKit
import Testing

@Suite struct ULIDTests {
    /// The vectors of Noema section 1.3.
    @Test(arguments: [
        (Int64(1_469_918_176_385), UInt64(0), UInt64(0), "01ARYZ6S410000000000000000"),
        (1_469_918_176_385, 0xFFFF, .max, "01ARYZ6S41ZZZZZZZZZZZZZZZZ"),
        ((1 << 48) - 1, 0xFFFF, .max, "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"),
        (1_775_000_000_000, 0x0001, 0x0203_0405_0607_0809, "01KN33X5G0000G40R40M30E209"),
    ])
    func noemasVectorsAreWrittenAndRead(milliseconds: Int64, high: UInt64, low: UInt64, text: String) throws {
        let ulid = ULID(milliseconds: milliseconds, random: (high, low))
        #expect(ulid.description == text)
        #expect(ULID(text) == ulid)
        #expect(ulid.milliseconds == milliseconds)
    }

    @Test(arguments: [
        "", "01ARYZ6S41000000000000000", "01ARYZ6S4100000000000000000", "01aryz6s410000000000000000",
        "01ARYZ6S41000000000000000I", "01ARYZ6S41000000000000000L", "01ARYZ6S41000000000000000O",
        "01ARYZ6S41000000000000000U", "8ZZZZZZZZZZZZZZZZZZZZZZZZZ", "01ARYZ6S4100000000000000 0",
        "01ARYZ6S41000000000000000é", "01ARYZ6S4100000000000000\u{212A}", "-1ARYZ6S410000000000000000",
    ])
    func otherTextsAreNoULIDs(text: String) {
        #expect(ULID(text) == nil)
    }

    @Test func orderOfValueOrderOfTextAndOrderOfTimeAreOne() {
        var random = SeededRandom(seed: 1)
        for _ in 0..<2000 {
            let a = ULID(high: random.next() >> UInt64(random.below(64)), low: random.next())
            let b = ULID(high: random.chance(0.5) ? a.high : random.next(), low: random.next())
            #expect((a < b) == a.description.utf8.lexicographicallyPrecedes(b.description.utf8))
            #expect(ULID(a.description) == a)
            if a.milliseconds < b.milliseconds { #expect(a < b) }
        }
    }

    @Test func theSuccessorIsTheNextAndTheLastHasNone() {
        #expect(ULID(high: 1, low: 2).successor == ULID(high: 1, low: 3))
        #expect(ULID(high: 1, low: .max).successor == ULID(high: 2, low: 0))
        #expect(ULID.max.successor == nil)
    }

    @Test func timesOutsideTheRangeAreClamped() {
        #expect(ULID(milliseconds: -1, random: (0, 0)) == .min)
        #expect(ULID(milliseconds: .max, random: (.max, .max)) == .max)
        #expect(ULID(floorOf: WallTime(milliseconds: .min)) == .min)
    }
}

@Suite struct WallTimeTests {
    @Test(arguments: [
        (Int64(0), "1970-01-01T00:00:00Z"), (1_775_000_000_000, "2026-03-31T23:33:20Z"),
        (951_782_400_000, "2000-02-29T00:00:00Z"), (-1, "1969-12-31T23:59:59Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59Z"), (.max, "9999-12-31T23:59:59Z"),
        (.min, "0000-01-01T00:00:00Z"),
    ])
    func timesAreWrittenAsNoemaWritesThem(milliseconds: Int64, text: String) {
        #expect(WallTime(milliseconds: milliseconds).rfc3339 == text)
    }

    @Test(arguments: [
        ("2026-04-05T12:00:00Z", Int64(1_775_390_400_000)), ("2026-04-05T14:00:00+02:00", 1_775_390_400_000),
        ("2026-04-05T12:00:00.123456789Z", 1_775_390_400_123), ("2026-04-05T12:00:00.5-00:00", 1_775_390_400_500),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000),
    ])
    func timesOfAnyOffsetAreRead(text: String, milliseconds: Int64) {
        #expect(WallTime(rfc3339: text)?.milliseconds == milliseconds)
    }

    @Test(arguments: [
        "", "2026-04-05", "2026-04-05T12:00:00", "2026-02-29T12:00:00Z", "2026-13-05T12:00:00Z",
        "2026-04-05T24:00:00Z", "2026-04-05T12:00:00.Z", "2026-04-05T12:00:00+2:00", "2026-04-05T12:00:00Zx",
        "２026-04-05T12:00:00Z", "2026-04-05T12:00:00.\(String(repeating: "1", count: 99))Z",
    ])
    func otherTextsAreNoTimes(text: String) {
        #expect(WallTime(rfc3339: text) == nil)
    }

    @Test func theFirstTenCharactersAreTheTime() {
        for id in [ULID.min, .max, ULID(milliseconds: 1_775_000_000_000, random: (7, 9))] {
            let text = id.description
            #expect(ULID.milliseconds(characters: String(text.prefix(ULID.timeLength)).utf8.span) == UInt64(id.milliseconds))
            #expect(ULID.milliseconds(characters: text.utf8.span) == nil)
        }
        for text in ["", "01KNJX499", "81KNJX4992", "01KNJX499U", "01KNJX499x"] {
            #expect(ULID.milliseconds(characters: text.utf8.span) == nil)
        }
    }

    @Test func readingUndoesWriting() {
        var random = SeededRandom(seed: 2)
        for _ in 0..<2000 {
            let time = WallTime(milliseconds: Int64(random.below(253_402_300_800)) * 1000)
            #expect(WallTime(rfc3339: time.rfc3339) == time)
            let fraction = WallTime(milliseconds: time.milliseconds + 7)
            #expect(fraction.rfc3339Milliseconds == "\(time.rfc3339.dropLast()).007Z")
            #expect(WallTime(rfc3339: fraction.rfc3339Milliseconds) == fraction)
        }
    }
}
