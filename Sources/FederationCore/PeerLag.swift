/// What follows a place of a log in its order of arrival: how many events, what they take, and the oldest of them.
package struct LogRest: Hashable, Sendable {
    package var events: Int64
    /// Bytes of their fields and of their `data`, as they are stored; `nil` where whoever says so does not know.
    package var bytes: Int64?
    /// The one that was written first, as its id says; `nil` where there is none, or nobody knows.
    package var oldest: ULID?

    package init(events: Int64, bytes: Int64? = nil, oldest: ULID? = nil) {
        self.events = events
        self.bytes = bytes
        self.oldest = oldest
    }

    package static let nothing = LogRest(events: 0, bytes: 0)

    /// Whether a number of events, or of bytes, is one that a log can have.
    package static func isBelieved(_ said: Int64) -> Bool { (0...Limits.restSaid).contains(said) }

    /// The events of a log of which `read` have come and `rest` are still to come; `nil` for more than can be counted.
    package static func total(read: Int64, rest: Int64) -> Int64? {
        let (sum, isTooMuch) = read.addingReportingOverflow(rest)
        return isTooMuch ? nil : sum
    }

    /// `events bytes [oldest]`, as a field of an answer says it.
    package init?(text: String) {
        let parts = text.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 2 || parts.count == 3, let events = Int64(parts[0]), let bytes = Int64(parts[1]),
            LogRest.isBelieved(events), LogRest.isBelieved(bytes), (events > 0) == (parts.count == 3)
        else { return nil }
        self.init(events: events, bytes: bytes)
        guard parts.count == 3 else { return }
        guard let oldest = ULID(parts[2]) else { return nil }
        self.oldest = oldest
    }

    /// `nil` where not all of it is known.
    package var text: String? {
        guard let bytes, (events > 0) == (oldest != nil) else { return nil }
        return (["\(events)", "\(bytes)"] + (oldest.map { ["\($0)"] } ?? [])).joined(separator: " ")
    }
}

/// How far we are behind a peer: what its log holds past the place up to which we have read it, by its own word, and
/// when that was. It may be here already, by way of another peer.
package struct PeerLag: Hashable, Sendable {
    package var rest: LogRest
    package var observedAt: WallTime

    package init(_ rest: LogRest, at time: WallTime) {
        self.rest = rest
        observedAt = time
    }

    /// The age of the oldest event that is still to come; zero where none is, `nil` where nobody knows.
    package func age(at now: WallTime) -> Duration? {
        if rest.events == 0 { return .zero }
        return rest.oldest.map { max(.zero, now.since($0.time)) }
    }

    package init?(json: JSON?) {
        guard let json, let events = json["events"]?.integer, LogRest.isBelieved(events),
            let at = json["observed_at"]?.string.flatMap({ WallTime(rfc3339: $0) })
        else { return nil }
        self.init(LogRest(events: events, oldest: json["oldest"]?.string.flatMap { ULID($0) }), at: at)
        rest.bytes = json["bytes"]?.integer.flatMap { LogRest.isBelieved($0) ? $0 : nil }
    }

    func write(to writer: inout JSONWriter) {
        writer.object {
            $0.member("events", rest.events)
            if let bytes = rest.bytes { $0.member("bytes", bytes) }
            if let oldest = rest.oldest { $0.member("oldest", oldest.description) }
            $0.member("observed_at", observedAt.rfc3339)
        }
    }
}

extension Event {
    /// What the event takes in a store: its texts, its clock, and its `data` or what a stub has of it.
    package var storedBytes: Int64 { storedBytes(clock: clock.json.count) }

    package func storedBytes(clock: Int) -> Int64 {
        let texts = origin.utf8.count + originName.utf8.count + subject.utf8.count + action.utf8.count + timestamp.utf8.count
        let proof = (signature?.utf8.count ?? 0) + (publicKey?.utf8.count ?? 0)
        return Int64(ULID.length + texts + clock + proof + (data?.count ?? 2 * Digest.length))
    }
}

extension PollMachine {
    /// A page is on disk: what follows it is what we are behind by. A wire that does not say leaves it unknown; pages
    /// beside the order of arrival, such as those that fill a hole, change nothing.
    mutating func noteProgress(_ poll: inout Poll, _ outcome: PageOutcome, _ now: Moment) {
        let done = Int64(poll.outcome.events)
        if outcome.stoppedBy == nil, let page = poll.taken {
            if let rest = page.rest {
                lag = PeerLag(rest, at: now.wall)
                poll.remaining = rest.events
            } else if page.movesCursor {
                lag = nil
                poll.remaining = nil
            }
        }
        poll.progress.reached(done, of: poll.remaining.flatMap { LogRest.total(read: done, rest: $0) }, at: now.instant)
    }

    /// A poll went well: everything that the peer would give was read, unless it was cut short.
    mutating func noteCaughtUp(_ result: PollReport.Result, _ now: Moment) {
        guard result == .complete, fetches else { return }
        lag = PeerLag(.nothing, at: now.wall)
    }
}

extension PollStatus {
    /// Whether the last word about the peer's log still stands: since then the peer was asked, or asks are answered.
    package var knowsLag: Bool {
        guard failure == nil else { return false }
        switch state {
        case .idle, .following, .greeting, .pulling, .replaying: return true
        case .waiting, .paused, .stopped, .pending, .busy: return false
        }
    }
}
