import FederationCore

/// A place in the order of arrival of one log, as the native wire names it: `epoch.seq.id`.
///
/// The epoch tells this log from another that stands in its place, the id tells this log from an older copy of itself.
/// The beginning is `epoch.0.` and the least ULID. To a puller the whole is one opaque text.
struct NativePosition: Hashable {
    var epoch: String
    var seq: Int64
    var id: ULID

    static func beginning(of epoch: String) -> NativePosition { NativePosition(epoch: epoch, seq: 0, id: .min) }

    /// The last place of a log.
    static func head(of view: any LogReading, epoch: String) throws(StoreFailure) -> NativePosition {
        guard let head = try view.head() else { return .beginning(of: epoch) }
        return NativePosition(epoch: epoch, seq: head.seq, id: head.id)
    }

    init(epoch: String, seq: Int64, id: ULID) {
        self.epoch = epoch
        self.seq = seq
        self.id = id
    }

    /// Reads what `text` writes; `nil` for anything else.
    init?(_ text: String) {
        guard text.utf8.count <= Limits.positionLength else { return nil }
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false).map(Substring.init)
        guard parts.count == 3, let seq = Int64(parts[1]), seq >= 0, String(seq) == parts[1], let id = ULID(parts[2])
        else { return nil }
        self.init(epoch: String(parts[0]), seq: seq, id: id)
    }

    var text: String { "\(epoch).\(seq).\(id)" }

    /// Whether the log is at or past this place, and it is the same log: an event that another variant has replaced
    /// still answers for its place.
    func fits(_ view: any LogReading, epochs: LogEpochs, head: NativePosition) throws(StoreFailure) -> Bool {
        guard let last = epochs.last(of: epoch, head: head.seq), seq <= min(last, head.seq) else { return false }
        guard seq > 0 else { return id == .min }
        return try view.id(at: seq) == id
    }
}
