package import FederationCore

/// A page of the log as it travels, whichever side asks for it: what a pull is answered with and what a push brings.
struct NativeLogPage {
    private(set) var lines: EventLines
    /// The place after the last line; where there is none, the one asked from.
    private(set) var last: NativePosition
    private(set) var spans = NativeAttestations.Spans()

    /// Events in order of arrival after `start`, up to `end` where there is one.
    init(
        of view: any LogReading, after start: NativePosition, until end: NativePosition? = nil, limit: Int, bytes: Int
    ) throws(StoreFailure) {
        lines = EventLines(room: bytes)
        last = start
        for stored in try view.events(after: start.seq, limit: limit, bytes: bytes) {
            if let end, stored.seq > end.seq { break }
            guard lines.append(stored.event) else { break }
            last = NativePosition(epoch: start.epoch, seq: stored.seq, id: stored.event.id)
            spans.note(stored.event)
        }
    }

}

extension PushPage {
    /// The next page of our log for a peer that holds `position`; `nil` if it has everything.
    ///
    /// A position that is not of this log any more is answered from the beginning, as a pull is after a 409: the peer
    /// recognises what it has.
    package static func next(
        after position: String?, bytes: Int, limit: Int = Limits.pageEvents, in view: any LogReading
    ) throws(StoreFailure) -> PushPage? {
        guard let epochs = LogEpochs(stored: try view.meta(.epoch) ?? "") else { throw .corrupt }
        let head = try NativePosition.head(of: view, epoch: epochs.current)
        var start = NativePosition.beginning(of: epochs.current)
        if let known = position.flatMap({ NativePosition($0) }), try known.fits(view, epochs: epochs, head: head) {
            start = NativePosition(epoch: epochs.current, seq: known.seq, id: known.id)
        }
        let page = try NativeLogPage(of: view, after: start, limit: limit, bytes: bytes)
        guard page.lines.count > 0 else { return nil }
        return PushPage(from: position, to: page.last.text, head: head.text, body: page.lines.bytes)
    }
}
