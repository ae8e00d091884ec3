/// Requests that were turned away since the start, and connections that were, by why: what tells an attack from silence.
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
        /// It could be read in two ways, or in none: two lengths, a length beside a transfer coding, another coding.
        case malformed
        /// Its body was longer than a request may be.
        case tooLarge = "too_large"
        /// There was no room for its body, or too many pages waited to be looked at.
        case busy
        /// It, or the reading of its answer, took longer than it may.
        case slow
        /// Its connection ended, or could not be understood, before it was whole.
        case unfinished
        /// Its answer was not read to its end.
        case unread
        /// A wish to wait for news, for which there was no room: it was answered at once.
        case holds
        /// A connection from an address that has as many as it may.
        case connections
        /// From a position that is of another log, or of none.
        case position
        /// Of a path that is none, and by a method that its path does not know.
        case path
        case method
        /// Its fields, parameters or body are none that its path knows.
        case request
        /// A page that was brought by whoever may not bring it, or is not who it says.
        case push
        /// A call of a method or tool that is none, or with arguments that are none.
        case call
    }

    private var counts: [Cause: Int] = [:]

    package init() {}

    package var total: Int { counts.values.reduce(0, +) }

    package subscript(cause: Cause) -> Int { counts[cause] ?? 0 }

    package mutating func count(_ cause: Cause) { counts[cause, default: 0] += 1 }
}
