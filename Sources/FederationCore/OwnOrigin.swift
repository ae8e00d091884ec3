/// Why a node has stopped writing (`MetaKey.stopped`): its database may be older than what it has published, or a
/// copy of one in use. Going on would number new events like old ones, and its edits would be judged old and dropped.
public enum StopReason: Hashable, Sendable {
    /// The database file is not where this node left it.
    case moved
    /// A peer gave an event of ours, signed by us, that we lack.
    case ownEvent(ULID)

    /// The form that is stored.
    package var stored: String {
        switch self {
        case .moved: "moved"
        case .ownEvent(let id): "own_event:\(id)"
        }
    }

    /// Reads a stored form; one that a newer version wrote stops as well, and reads as `moved`.
    package init(stored text: String) {
        if text.hasPrefix("own_event:"), let id = ULID(text.dropFirst("own_event:".count)) {
            self = .ownEvent(id)
        } else {
            self = .moved
        }
    }
}

/// The events that name this node as their origin.
package enum OwnOrigin {
    /// Whether one of our own keys signed the event. Anyone can name us as an origin; only this makes it ours.
    ///
    /// A relay of the Go line escapes `<`, `>` and `&` anew; what we sign is in normal form, so its hash fits too.
    package static func isOurs(
        _ event: Event, _ fingerprint: EventFingerprint, _ isOwnSignature: OwnSignatureCheck
    ) -> Bool {
        guard let signature = event.signature else { return false }
        return isOwnSignature(event.signingPreimage(dataHash: fingerprint.dataHash), signature)
            || fingerprint.normalHash != fingerprint.dataHash
                && isOwnSignature(event.signingPreimage(dataHash: fingerprint.normalHash), signature)
    }

    /// Whether a peer claims to hold a number of ours that we never gave. It is a claim: what proves it is the event.
    package static func isBehind(ownNumber: UInt64, heldOfOurs: UInt64?) -> Bool {
        heldOfOurs.map { $0 > ownNumber && $0 < Limits.counter } ?? false
    }
}

/// The node-wide clock and our own count, as a transaction carries them on.
struct NodeClock {
    private let node: ULID
    private(set) var clock: VectorClock
    /// The highest number we have given, or met of our own.
    private(set) var ownNumber: UInt64
    private var isChanged = false
    private var refusedMerge: ULID?
    private var farOwnNumber: ULID?
    private var forgotten: ForgottenOrigins

    init(of node: ULID, in log: some LogReading) throws(StoreFailure) {
        self.node = node
        clock = VectorClock(stored: try log.state(StateKey.clock) ?? "")
        forgotten = try ForgottenOrigins(in: log)
        ownNumber = max(try log.meta(.ownNumber).flatMap { UInt64($0) } ?? 0, clock[node])
    }

    /// The number of our next event; `nil` where there is none left.
    var nextNumber: UInt64? { ownNumber < Limits.counter - 1 ? ownNumber + 1 : nil }

    /// Takes in the clock of an event of the log.
    mutating func meet(_ event: Event) {
        var others = event.clock.vector
        let own = others[node]
        others[node] = 0
        if own > ownNumber {
            if own - ownNumber <= Limits.ownNumberLead {
                ownNumber = own
                isChanged = true
            } else {
                farOwnNumber = event.id
            }
        }
        guard !others.isCovered(by: clock) else { return }
        others = forgotten.filtered(others)
        guard !others.isCovered(by: clock) else { return }
        if clock.mergeCapped(others) {
            isChanged = true
            forgotten.remove(others.entries.lazy.map(\.origin))
        } else {
            refusedMerge = event.id
        }
    }

    /// Takes an origin out of the clock, until it writes again.
    mutating func forget(_ origin: ULID, now: WallTime) {
        forgotten.add(origin, counter: clock[origin], now: now)
        clock[origin] = 0
        isChanged = true
    }

    /// The last event met for whose clock there was no room.
    var hasRefused: ULID? { refusedMerge }

    /// Gives the next number to an event of ours.
    mutating func give(_ number: UInt64) {
        ownNumber = number
        clock[node] = number
        isChanged = true
    }

    func write(to log: inout some LogWriting) throws(StoreFailure) {
        if isChanged {
            try log.setState(StateKey.clock, clock.stored)
            try log.setMeta(.ownNumber, String(ownNumber))
            try forgotten.write(to: &log)
        }
        if let refusedMerge { try log.setMeta(.refusedMerge, refusedMerge.description) }
        if let farOwnNumber { try log.setMeta(.farOwnNumber, farOwnNumber.description) }
    }
}
