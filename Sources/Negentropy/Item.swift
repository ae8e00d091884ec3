/// One element of the sets that are compared: a timestamp of any unit, and an id.
///
/// Items are ordered by timestamp, then by id. Every replica must compute the same timestamp for an id, from replicated
/// data and never from a local clock: an id under two timestamps is two items, and the sets then differ for ever. A
/// timestamp that follows the time of change makes a reconciliation of recent changes many times cheaper.
public struct Item: Hashable, Sendable {
    public let timestamp: UInt64
    public let id: ItemID

    /// The timestamp that no item may have: on the wire it means "after everything".
    public static let reservedTimestamp = UInt64.max

    public init(timestamp: UInt64, id: ItemID) {
        self.timestamp = timestamp
        self.id = id
    }
}

extension Item: Comparable {
    public static func < (a: Item, b: Item) -> Bool {
        a.timestamp == b.timestamp ? a.id < b.id : a.timestamp < b.timestamp
    }
}

/// Why a store refused an item.
public enum ItemFailure: Error, Equatable, Sendable {
    /// Its timestamp is `Item.reservedTimestamp`.
    case reservedTimestamp(ItemID)
    /// The same timestamp and id were given twice to a store that is made at once.
    case duplicate(Item)
}

/// A place between items: the end of one range and the start of the next (wire section 1.3).
///
/// It lies before every item that is not below `floor`. The length of the prefix matters only to the encoding: a bound
/// that is passed on keeps the one it came with.
struct Bound: Equatable, Sendable {
    /// The timestamp, and the id prefix with zeros after it.
    let floor: Item
    /// How many bytes of `floor.id` are sent: 0 to 32.
    let prefixLength: Int

    /// Before every item.
    static let start = Bound(floor: Item(timestamp: 0, id: .zero), prefixLength: 0)
    /// After every item.
    static let end = Bound(floor: Item(timestamp: Item.reservedTimestamp, id: .zero), prefixLength: 0)

    init(floor: Item, prefixLength: Int) {
        self.floor = floor
        self.prefixLength = prefixLength
    }

    /// The place directly before an item, with all of its id.
    init(before item: Item) {
        self.init(floor: item, prefixLength: ItemID.length)
    }

    /// The shortest bound that parts two neighbours.
    init(between previous: Item, and next: Item) {
        guard previous.timestamp == next.timestamp else {
            self.init(floor: Item(timestamp: next.timestamp, id: .zero), prefixLength: 0)
            return
        }
        let length = min(next.id.sharedPrefixLength(with: previous.id) + 1, ItemID.length)
        self.init(floor: Item(timestamp: next.timestamp, id: next.id.prefix(length)), prefixLength: length)
    }

    /// Whether nothing can come after it.
    var isEnd: Bool { floor.timestamp == Item.reservedTimestamp }
}
