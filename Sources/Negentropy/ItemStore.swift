/// A set of items in order, as a session reads it.
///
/// A session keeps the store it was given for its whole life: a value type gives it a snapshot that later writes do not
/// disturb. Everything a session does is made of these five calls; each should take O(log n) or less, and none may trap
/// for arguments within the stated bounds.
public protocol ItemStore: Sendable {
    /// The number of items.
    var count: Int { get }

    /// The item at a position, `0..<count`.
    func item(at index: Int) -> Item

    /// The first position, from `start` (`0...count`) on, whose item is not below `floor`; `count` if there is none.
    ///
    /// `floor` need not be in the store, and may have the reserved timestamp.
    func firstIndex(notBelow floor: Item, from start: Int) -> Int

    /// The sum of the ids at positions `0..<index`, for an index of `0...count`.
    func sum(before index: Int) -> IDSum

    /// The ids at the positions of a range within `0..<count`, in order.
    func ids(in range: Range<Int>) -> [ItemID]
}
