/// Items in a tree that stays in order under inserts and removals, each in O(log n), and so do all sums.
///
/// The store for data that lives on: a session starts at once, whatever the number of items. It is a value: a copy
/// costs nothing, and keeps what it holds while the other goes on; a write after a copy duplicates one path of the
/// tree. Takes 41 to 50 bytes for an item.
public struct OrderedStore: ItemStore {
    private var root = TreeNode.empty

    /// A store without items.
    public init() {}

    /// The store of some items, in whatever order they come; an item that is there twice is kept once.
    ///
    /// - Throws: `reservedTimestamp`.
    public init(_ items: some Sequence<Item>) throws(ItemFailure) {
        var sorted = Array(items)
        sorted.sort()
        for item in sorted { try insert(item) }
    }

    public var count: Int { root.count }

    /// Puts an item in; `false` if it was there.
    ///
    /// - Throws: `reservedTimestamp`.
    @discardableResult
    public mutating func insert(_ item: Item) throws(ItemFailure) -> Bool {
        guard item.timestamp != Item.reservedTimestamp else { throw .reservedTimestamp(item.id) }
        var split: TreeNode?
        guard root.insert(item, isLast: true, split: &split) else { return false }
        if let split { root = TreeNode(over: [root, split]) }
        return true
    }

    /// Takes an item out; `false` if it was not there.
    @discardableResult
    public mutating func remove(_ item: Item) -> Bool {
        guard root.remove(item) else { return false }
        while root.children.count == 1 { root = root.children[0] }
        return true
    }

    /// Whether an item is there, with this timestamp.
    public func contains(_ item: Item) -> Bool {
        let index = firstIndex(notBelow: item, from: 0)
        return index < count && self.item(at: index) == item
    }

    public func item(at index: Int) -> Item { root.item(at: index) }

    public func firstIndex(notBelow floor: Item, from start: Int) -> Int { max(root.index(notBelow: floor), start) }

    public func sum(before index: Int) -> IDSum { index == root.count ? root.sum : root.sum(before: index) }

    public func ids(in range: Range<Int>) -> [ItemID] {
        var ids: [ItemID] = []
        ids.reserveCapacity(range.count)
        root.appendIDs(at: range, to: &ids)
        return ids
    }

    /// The number of levels; for tests of the tree's shape.
    var height: Int {
        var height = 1
        var node = root
        while let child = node.children.first {
            height += 1
            node = child
        }
        return height
    }

    /// Whether every count, sum and order in the tree is what it must be; for tests.
    var isSound: Bool { root.isSound }
}
