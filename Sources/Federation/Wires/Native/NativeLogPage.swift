package import FederationCore

/// A page of the log as it travels, whichever side asks for it: what a pull is answered with and what a push brings.
struct NativeLogPage {
    let lines: LogLines
    /// The place after the last line; where there is none, the one asked from.
    let last: NativePosition
    private(set) var spans = NativeAttestations.Spans()

    /// Events in order of arrival after `start`, up to `end` where there is one.
    init(
        of view: any LogReading, after start: NativePosition, until end: NativePosition? = nil, limit: Int, bytes: Int
    ) throws(StoreFailure) {
        lines = try view.lines(after: start.seq, through: end?.seq ?? .max, limit: limit, room: bytes)
        last = lines.places.last.map { NativePosition(epoch: start.epoch, seq: $0.seq, id: $0.id) } ?? start
        for place in lines.places { if let dot = place.dot { spans.note(dot) } }
    }
}

extension PushPage {
    /// The next page of our log for a peer that holds `position`; `nil` if it has everything.
    ///
    /// A position that is not of this log any more is answered from the beginning, as a pull is after a 409: the peer
    /// recognises what it has.
    ///
    /// - Parameter last: no event after this place.
    package static func next(
        after position: String?, bytes: Int, limit: Int = Limits.pageEvents, upTo last: Int64 = .max,
        in view: any LogReading
    ) throws(StoreFailure) -> PushPage? {
        guard let epochs = LogEpochs(stored: try view.meta(.epoch) ?? "") else { throw .corrupt }
        let head = try NativePosition.head(of: view, epoch: epochs.current)
        var start = NativePosition.beginning(of: epochs.current)
        if let known = position.flatMap({ NativePosition($0) }), try known.fits(view, epochs: epochs, head: head) {
            start = NativePosition(epoch: epochs.current, seq: known.seq, id: known.id)
        }
        let end = last < head.seq ? NativePosition(epoch: epochs.current, seq: last, id: .min) : nil
        let page = try NativeLogPage(of: view, after: start, until: end, limit: limit, bytes: bytes)
        guard !page.lines.places.isEmpty else { return nil }
        // What belongs to the page; the peer keeps no place among our attestations.
        let own = try view.meta(.identity).flatMap { ULID($0) } ?? .min
        let attested = try NativeAttestations(
            asked: 0, page.spans, isFirst: true, endsLog: false, of: own, in: view
        ).lines
        return PushPage(
            from: position, to: page.last.text, head: head.text,
            body: attested.reduce(page.lines.bytes) { $0 + $1 + [0x0A] }, attestations: attested.count,
            successions: try successions(of: own, in: view))
    }

    /// Single events for a peer that lacks them although it holds a position past them.
    ///
    /// - Parameters:
    ///   - position: what the peer holds, and goes on holding.
    ///   - last: events after this position are not worth it: they are pushed in their turn.
    /// - Returns: the page, `nil` where none of them is; and how many were looked through for it.
    package static func mending(
        _ items: [LogItem], holding position: String, upTo last: String, bytes: Int, in view: any LogReading
    ) throws(StoreFailure) -> (page: PushPage?, through: Int) {
        let end = NativePosition(last)?.seq ?? 0
        var lines = LogLines(room: bytes)
        var count = 0
        for item in items {
            if let stored = try view.event(of: item), stored.seq <= end, !lines.append(stored) { break }
            count += 1
        }
        guard !lines.places.isEmpty else { return (nil, count) }
        let own = try view.meta(.identity).flatMap { ULID($0) } ?? .min
        let page = PushPage(
            from: position, to: position, head: position, body: lines.bytes,
            successions: try successions(of: own, in: view))
        return (page, count)
    }

    private static func successions(of own: ULID, in view: any LogReading) throws(StoreFailure) -> [Attestation] {
        try view.successions(of: own).suffix(Limits.successionsPushed).map(\.attestation)
    }
}
