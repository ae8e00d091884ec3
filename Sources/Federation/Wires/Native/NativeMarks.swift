import FederationCore

/// Places ahead in the log, so that a puller can ask for several pages at one time.
extension NativeRoutes {
    /// The place that a position names: the beginning without one, `nil` if it is none of this log.
    func place(
        _ text: String?, _ epochs: LogEpochs, _ head: NativePosition
    ) throws(StoreFailure) -> NativePosition? {
        guard let text else { return .beginning(of: epochs.current) }
        guard let position = NativePosition(text), try position.fits(view, epochs: epochs, head: head) else {
            return nil
        }
        return NativePosition(epoch: epochs.current, seq: position.seq, id: position.id)
    }

    /// Whether no event stands after `last` up to `end`: the places between are those of events that moved on.
    func isNothing(between last: NativePosition, and end: NativePosition) throws(StoreFailure) -> Bool {
        guard last.seq < end.seq else { return false }
        let next = try view.events(after: last.seq, limit: 1, bytes: 0).first
        return next.map { $0.seq > end.seq } ?? true
    }

    /// Names places that follow the answer's position: each whole multiple of `step` in the order of arrival, so that
    /// every page names the same ones and no two of them have more than `step` events between them.
    func nameMarks(
        _ count: Int, step: Int, in fields: inout HTTPFields, _ head: NativePosition
    ) throws(StoreFailure) {
        guard count > 0, let last = fields[NativeField.position].flatMap({ NativePosition($0) }) else { return }
        var marks: [String] = []
        let first = last.seq / Int64(step)
        for multiple in 1...Int64(count) {
            let seq = (first + multiple) * Int64(step)
            guard seq <= head.seq else { break }
            guard let id = try view.id(at: seq) else { continue }
            marks.append(NativePosition(epoch: last.epoch, seq: seq, id: id).text)
        }
        fields[NativeField.marks] = marks.isEmpty ? nil : marks.joined(separator: " ")
    }
}
