/// How many events a peer is asked for at one time: fewer after pages that did not come through, more again after those
/// that did. On a line that is too slow for a page within its deadline, or that breaks before the end of one, the same
/// page would else be asked for without end.
package struct PageSize: Hashable, Sendable {
    package private(set) var events = Limits.pageEvents
    /// Up to here pages grow with each that came; beyond it they have failed before, and grow seldom.
    private var proven = Limits.pageEvents
    /// Pages that came since the last one that did not, or since the last step beyond `proven`.
    private var came = 0
    private var hasCome = true

    /// So many pages come, and the next may be as large as one that failed.
    private static let patience = 8

    /// The answer to a request for a page broke off, or was not there in time.
    mutating func failed() {
        // While nothing comes at all, a peer that is away teaches nothing about how much the line bears.
        if hasCome { proven = max(1, events / 2) }
        events = max(1, events / 4)
        came = 0
        hasCome = false
    }

    /// A page came with so many events. One that is much smaller than what was asked for shows nothing.
    mutating func came(with count: Int) {
        guard events < Limits.pageEvents, count >= max(1, events / 2) else { return }
        hasCome = true
        came += 1
        if events < proven {
            events = min(events * 2, proven)
            came = 0
        } else if came == PageSize.patience {
            proven = min(proven * 2, Limits.pageEvents)
            events = proven
            came = 0
        }
    }
}

extension TransportFailure {
    /// It may have to do with how long the answer was.
    var brokeOff: Bool {
        switch self {
        case .timeout, .reset, .endOfFile: true
        case .refused, .nameResolution, .tls, .answerTooLarge, .forbiddenAddress, .malformedAnswer, .cancelled, .other: false
        }
    }
}
