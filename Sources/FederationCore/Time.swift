/// A moment of the wall clock: milliseconds since 1970 in UTC. It is data; nothing here can ask what time it is.
public struct WallTime: Hashable, Comparable, Sendable {
    public var milliseconds: Int64

    package init(milliseconds: Int64) { self.milliseconds = milliseconds }

    public static func < (a: WallTime, b: WallTime) -> Bool { a.milliseconds < b.milliseconds }

    /// This moment moved by `duration`, which is cut to whole milliseconds. Saturates at the ends of `Int64`.
    package func advanced(by duration: Duration) -> WallTime {
        let (sum, overflow) = milliseconds.addingReportingOverflow(duration.wholeMilliseconds)
        return WallTime(milliseconds: overflow ? (duration < .zero ? .min : .max) : sum)
    }

    /// From `earlier` to this moment.
    package func since(_ earlier: WallTime) -> Duration {
        let (difference, overflow) = milliseconds.subtractingReportingOverflow(earlier.milliseconds)
        return .milliseconds(overflow ? (milliseconds < earlier.milliseconds ? Int64.min : .max) : difference)
    }
}

/// A moment of the monotonic clock, counted from when the process (or the simulation) began.
package struct Instant: Hashable, Comparable, Sendable {
    package var sinceStart: Duration

    package init(_ sinceStart: Duration) { self.sinceStart = sinceStart }
    package static let start = Instant(.zero)

    package static func < (a: Instant, b: Instant) -> Bool { a.sinceStart < b.sinceStart }
    package func advanced(by duration: Duration) -> Instant { Instant(sinceStart + duration) }
    package func since(_ earlier: Instant) -> Duration { sinceStart - earlier.sinceStart }
}

extension Duration {
    /// Cut towards zero, saturating.
    package var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, carry) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000_000_000)
        return carry ? (seconds < 0 ? .min : .max) : sum
    }
}

extension WallTime {
    /// RFC 3339 in UTC with whole seconds and `Z`, as Noema writes it (section 1.2): `2026-04-05T12:00:00Z`.
    ///
    /// A year outside 0 to 9999 cannot be written so and is clamped.
    public var rfc3339: String {
        let seconds = floorDivide(millisecondsInFourDigitYears, 1000)
        let days = floorDivide(seconds, 86_400)
        let ofDay = seconds - days * 86_400
        let (year, month, day) = civil(fromDays: days)
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
            + "T\(padded(ofDay / 3600, 2)):\(padded(ofDay / 60 % 60, 2)):\(padded(ofDay % 60, 2))Z"
    }

    /// RFC 3339 in UTC with three digits of a second: `2026-04-05T12:00:00.250Z`.
    package var rfc3339Milliseconds: String {
        let clamped = millisecondsInFourDigitYears
        return "\(rfc3339.dropLast()).\(padded(clamped - floorDivide(clamped, 1000) * 1000, 3))Z"
    }

    private var millisecondsInFourDigitYears: Int64 {
        Swift.min(Swift.max(milliseconds, -62_167_219_200_000), 253_402_300_799_999)
    }

    /// The UTC date as `YYYYMMDD`, the first part of a trace id (Noema section 1.6).
    public var compactDate: String {
        String(rfc3339.utf8.prefix(10).filter { $0 != 0x2D }.map { Character(UnicodeScalar($0)) })
    }

    /// Reads RFC 3339 with any offset and any fraction (kept to milliseconds); `nil` for anything else.
    package init?(rfc3339 text: some StringProtocol) {
        let bytes = Array(text.utf8)
        func number(_ range: Range<Int>) -> Int64? {
            guard range.upperBound <= bytes.count else { return nil }
            var value: Int64 = 0
            for byte in bytes[range] {
                guard byte >= 0x30, byte <= 0x39 else { return nil }
                value = value * 10 + Int64(byte - 0x30)
            }
            return value
        }
        guard bytes.count >= 20, bytes.count <= 64, bytes[4] == 0x2D, bytes[7] == 0x2D, bytes[13] == 0x3A,
            bytes[16] == 0x3A, bytes[10] == 0x54 || bytes[10] == 0x74,
            let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
            (1...12).contains(month), (1...daysIn(month: month, of: year)).contains(day),
            hour < 24, minute < 60, second < 61
        else { return nil }
        var index = 19
        var fraction: Int64 = 0
        if bytes[index] == 0x2E {
            index += 1
            var scale: Int64 = 100
            let first = index
            while index < bytes.count, bytes[index] >= 0x30, bytes[index] <= 0x39 {
                fraction += Int64(bytes[index] - 0x30) * scale
                scale /= 10
                index += 1
            }
            guard index > first else { return nil }
        }
        guard index < bytes.count else { return nil }
        var offset: Int64 = 0
        switch bytes[index] {
        case 0x5A, 0x7A: guard index + 1 == bytes.count else { return nil }
        case 0x2B, 0x2D:
            guard index + 6 == bytes.count, bytes[index + 3] == 0x3A, let hours = number(index + 1..<index + 3),
                let minutes = number(index + 4..<index + 6), hours < 24, minutes < 60
            else { return nil }
            offset = (hours * 60 + minutes) * 60 * (bytes[index] == 0x2D ? -1 : 1)
        default: return nil
        }
        let days = days(fromCivil: year, month, day)
        let seconds = days * 86_400 + hour * 3600 + minute * 60 + second - offset
        self.init(milliseconds: seconds * 1000 + fraction)
    }
}

private func padded(_ value: Int64, _ width: Int) -> String {
    let digits = String(value)
    return String(repeating: "0", count: Swift.max(0, width - digits.count)) + digits
}

private func floorDivide(_ a: Int64, _ b: Int64) -> Int64 { a >= 0 ? a / b : (a - b + 1) / b }

private func daysIn(month: Int64, of year: Int64) -> Int64 {
    switch month {
    case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
    case 4, 6, 9, 11: 30
    default: 31
    }
}

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar, counted in 400-year eras that begin in March.
private func days(fromCivil year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let shifted = month <= 2 ? year - 1 : year
    let era = floorDivide(shifted, 400)
    let yearOfEra = shifted - era * 400
    let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
}

private func civil(fromDays days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = days + 719_468
    let era = floorDivide(shifted, 146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let monthIndex = (5 * dayOfYear + 2) / 153
    let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * monthIndex + 2) / 5 + 1)
}
