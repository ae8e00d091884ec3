/// Requests that were turned away at the door since the start, by why: what tells an attack from silence.
package struct RefusedRequests: Hashable, Sendable {
    package enum Cause: String, Hashable, Sendable, CaseIterable {
        case badHost = "bad_host"
        case foreignHost = "foreign_host"
        case foreignOrigin = "foreign_origin"
        case key
        case certificate
        case contradiction
        case rate
        case proof
    }

    private var counts: [Cause: Int] = [:]

    package init() {}

    package var total: Int { counts.values.reduce(0, +) }

    package subscript(cause: Cause) -> Int { counts[cause] ?? 0 }

    package mutating func count(_ cause: Cause) { counts[cause, default: 0] += 1 }
}
