internal import FederationCore
internal import FederationCrypto
internal import Negentropy

/// One answer with documents, read so that one bad line spoils no other.
struct MeshPage {
    /// The documents that were asked for, and lines that cannot be read.
    private(set) var items: [PulledItem] = []
    /// The versions among them.
    private(set) var ids: Set<ItemID> = []
    /// There are others of those asked for.
    let more: Bool

    init(_ response: HTTPResponse, asked: Set<ItemID>) throws(ExchangeFailure) {
        guard let more = response.fields[NativeField.more], let count = response.fields[NativeField.count] else {
            throw .malformed(.headerMissing)
        }
        guard ["true", "false"].contains(more), let count = Int(count), count >= 0 else { throw .malformed(.headerInvalid) }
        let limit = min(asked.count, Limits.pageEvents)
        guard count <= limit else { throw .malformed(.moreEventsThanAsked(asked: limit)) }
        let lines = try ReadLines.cut(response.body, limit: limit)
        guard lines.count == count else { throw .malformed(.truncated) }
        self.more = more == "true"
        for line in lines {
            let item = MeshDocument.item(of: Array(line))
            if case .event(let event, _) = item {
                // What nobody asked for is not taken, however good it is.
                guard let id = MeshPage.id(of: event), asked.contains(id), ids.insert(id).inserted else { continue }
            }
            items.append(item)
        }
        if self.more, ids.isEmpty { throw .malformed(.noProgress) }
    }

    private static func id(of event: Event) -> ItemID? {
        guard let fingerprint = try? event.fingerprint(sha256) else { return nil }
        return SyncItem(of: event, digest: fingerprint.digest)?.id
    }
}

/// Versions that a peer gave and that are not in our log: refused, or waiting for their time. They are not asked for
/// again at every poll; whatever becomes of them is the quarantine's business.
struct DeclinedIDs: Sendable {
    static let valueName = "declined"

    private var inOrder: [ItemID] = []
    private(set) var ids: Set<ItemID> = []

    init() {}

    init(stored bytes: [UInt8]) {
        for start in stride(from: 0, to: bytes.count - ItemID.length + 1, by: ItemID.length) {
            if let id = ItemID(bytes[start..<start + ItemID.length]) { add([id]) }
        }
    }

    var stored: [UInt8]? { inOrder.isEmpty ? nil : inOrder.flatMap(\.bytes) }

    /// The oldest go where there are too many.
    mutating func add(_ more: some Sequence<ItemID>) {
        for id in more where ids.insert(id).inserted { inOrder.append(id) }
        while inOrder.count > Limits.meshDeclined { ids.remove(inOrder.removeFirst()) }
    }
}
