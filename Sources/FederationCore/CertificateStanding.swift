/// How a certificate stands in time.
package enum CertificateStanding: Hashable, Sendable {
    case good(daysLeft: Int)
    /// It ends within 90, 30 or 7 days.
    case ending(daysLeft: Int, within: Int)
    case expired
    case notYet

    /// What is left when people are told, in days.
    static let warnings = [7, 30, 90]

    /// - Parameter validity: seconds since 1970.
    package init(of validity: ClosedRange<Int64>, at now: WallTime) {
        let seconds = now.milliseconds / 1000
        if seconds < validity.lowerBound {
            self = .notYet
        } else if seconds > validity.upperBound {
            self = .expired
        } else {
            let days = Int((validity.upperBound - seconds) / 86_400)
            if let within = CertificateStanding.warnings.first(where: { days < $0 }) {
                self = .ending(daysLeft: days, within: within)
            } else {
                self = .good(daysLeft: days)
            }
        }
    }

    /// Why it must not be shown to anybody; `nil` where it may.
    package var fault: String? {
        switch self {
        case .good, .ending: nil
        case .expired: "expired"
        case .notYet: "not_yet"
        }
    }

    package var daysLeft: Int {
        switch self {
        case .good(let days), .ending(let days, _): days
        case .expired, .notYet: 0
        }
    }
}
