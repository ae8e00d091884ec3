import Federation
import FederationCore
import Testing

/// What `export --since` takes, and what it does not.
@Suite struct BundleSinceTests {
    private let now = WallTime(milliseconds: 1_775_000_000_000)

    @Test func aPlaceIsWhatCommandsShow() throws {
        let places: [(String, Int64)] = [("0", 0), ("6", 6), ("6056", 6056), ("6,056", 6056), ("1,234,567", 1_234_567), ("2,026", 2026), ("19700", 19_700)]
        for (text, place) in places { #expect(try BundleExport.Since(text, now: now) == .place(place), "\(text)") }
        for text in ["+5", "-5", "1,2,3", "12,34", "1234,567", ",5", "5,", "5 ", "٥", "9223372036854775808", ""] {
            #expect(throws: BundleExport.Unread.nothing, "\(text)") { try BundleExport.Since(text, now: now) }
        }
    }

    @Test func whatMayBeAYearIsAskedBack() throws {
        for text in ["1970", "2026", "2100"] {
            #expect(throws: BundleExport.Unread.year(text)) { try BundleExport.Since(text, now: now) }
        }
        for text in ["1969", "2101"] { #expect(try BundleExport.Since(text, now: now) == .place(Int64(text) ?? 0)) }
        let day = try #require(WallTime(rfc3339: "2026-01-01T00:00:00Z"))
        #expect(try BundleExport.Since("2026-01-01", now: now) == .time(day))
        #expect(try BundleExport.Since("36h", now: now) == .time(now.advanced(by: .seconds(-36 * 3600))))
    }
}
