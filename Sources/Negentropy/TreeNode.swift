/// A node of the ordered store's tree: a leaf holds items, an inner node holds nodes.
///
/// A node is a value, and lies with its count and sum in its parent's array: a search reads one array for each level.
/// The arrays copy themselves when they are shared, which makes a copy of the tree a snapshot.
///
/// The children of a node are in order: all items of one are not below its `first` and below the `first` of the next.
/// Nothing else depends on the shape; that nodes are neither too full nor too empty only keeps the tree low.
struct TreeNode: Sendable {
    /// At or below every item in here.
    private(set) var first: Item
    /// The number of items in here, and the sum of their ids.
    private(set) var count: Int
    private(set) var sum: IDSum
    /// A leaf's items; empty in an inner node.
    private(set) var items: [Item]
    /// An inner node's children, at least one; empty in a leaf.
    private(set) var children: [TreeNode]

    /// The most items of a leaf, and children of an inner node.
    static let maxItems = 128
    static let maxChildren = 48
    /// Arrays grow by this many elements, not by half: less to carry unused, for a copy every 16 inserts.
    private static let growth = 16

    static let empty = TreeNode(leaf: [])

    init(leaf items: [Item]) {
        self.items = items
        children = []
        first = items.first ?? Bound.start.floor
        count = items.count
        sum = IDSum()
        for item in items { sum += item.id }
    }

    /// The inner node over nodes in order, at least one.
    init(over children: [TreeNode]) {
        items = []
        self.children = children
        first = children.first?.first ?? Bound.start.floor
        count = 0
        sum = IDSum()
        for child in children {
            count += child.count
            sum += child.sum
        }
    }

    var isLeaf: Bool { children.isEmpty }

    /// The child that an item belongs in.
    func childIndex(for item: Item) -> Int {
        var low = 0
        var high = children.count
        while high - low > 1 {
            let middle = low + (high - low) / 2
            if item < children[middle].first { high = middle } else { low = middle }
        }
        return low
    }

    /// The position of the first of a leaf's items that is not below `floor`.
    func itemIndex(notBelow floor: Item) -> Int {
        var low = 0
        var high = items.count
        while low < high {
            let middle = low + (high - low) / 2
            if items[middle] < floor { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// The item at a position, `0..<count`.
    func item(at index: Int) -> Item {
        if isLeaf { return items[index] }
        var rest = index
        var position = 0
        while position + 1 < children.count, rest >= children[position].count {
            rest -= children[position].count
            position += 1
        }
        return children[position].item(at: rest)
    }

    /// The position of the first item in here that is not below `floor`; `count` if there is none.
    func index(notBelow floor: Item) -> Int {
        if isLeaf { return itemIndex(notBelow: floor) }
        let position = childIndex(for: floor)
        var before = 0
        for left in 0..<position { before += children[left].count }
        return before + children[position].index(notBelow: floor)
    }

    /// The sum of the first `index` ids in here, from whichever end is nearer.
    func sum(before index: Int) -> IDSum {
        if isLeaf {
            let index = min(index, items.count)
            return index * 2 <= items.count ? sum(of: items[..<index]) : sum - sum(of: items[index...])
        }
        guard index * 2 > count else {
            var sum = IDSum()
            var rest = index
            for child in children {
                if rest < child.count { return rest == 0 ? sum : sum + child.sum(before: rest) }
                rest -= child.count
                sum += child.sum
            }
            return sum
        }
        var sum = sum
        var rest = count - index
        for child in children.reversed() {
            if rest < child.count {
                if rest == 0 { return sum }
                sum -= child.sum
                return sum + child.sum(before: child.count - rest)
            }
            rest -= child.count
            sum -= child.sum
        }
        return sum
    }

    private func sum(of items: ArraySlice<Item>) -> IDSum {
        var sum = IDSum()
        for item in items { sum += item.id }
        return sum
    }

    func appendIDs(at range: Range<Int>, to ids: inout [ItemID]) {
        let wanted = range.clamped(to: 0..<count)
        if wanted.isEmpty { return }
        if isLeaf {
            for position in wanted { ids.append(items[position].id) }
            return
        }
        var start = 0
        for child in children {
            if start >= wanted.upperBound { return }
            let end = start + child.count
            if end > wanted.lowerBound {
                child.appendIDs(at: max(wanted.lowerBound - start, 0)..<wanted.upperBound - start, to: &ids)
            }
            start = end
        }
    }
}

// MARK: - Writing

extension TreeNode {
    /// Puts an item in; `false` if it was there. A node that grew too full gives its upper part away as `split`.
    ///
    /// `isLast`: no node of this level lies to the right. Such a node is split at its very end when it grows there, so
    /// that items in ascending order fill their leaves.
    mutating func insert(_ item: Item, isLast: Bool, split: inout TreeNode?) -> Bool {
        let isAtEnd: Bool
        if isLeaf {
            let index = itemIndex(notBelow: item)
            if index < items.count, items[index] == item { return false }
            if items.count == items.capacity { items.reserveCapacity(items.count + TreeNode.growth) }
            isAtEnd = index == items.count
            items.insert(item, at: index)
        } else {
            let index = childIndex(for: item)
            isAtEnd = index == children.count - 1
            var grown: TreeNode?
            guard children[index].insert(item, isLast: isLast && isAtEnd, split: &grown) else { return false }
            if let grown { children.insert(grown, at: index + 1) }
        }
        if count == 0 || item < first { first = item }
        count += 1
        sum += item.id
        if isTooFull { split = takeUpper(isLast && isAtEnd ? size - 1 : size / 2) }
        return true
    }

    /// Takes an item out; `false` if it was not there.
    mutating func remove(_ item: Item) -> Bool {
        if isLeaf {
            let index = itemIndex(notBelow: item)
            guard index < items.count, items[index] == item else { return false }
            items.remove(at: index)
        } else {
            let index = childIndex(for: item)
            guard children[index].remove(item) else { return false }
            if children[index].isTooEmpty, children.count > 1 { joinChildren(at: max(index - 1, 0)) }
        }
        count -= 1
        sum -= item.id
        return true
    }

    /// The number of elements: items of a leaf, children of an inner node.
    private var size: Int { isLeaf ? items.count : children.count }
    private var maxSize: Int { isLeaf ? TreeNode.maxItems : TreeNode.maxChildren }
    private var isTooFull: Bool { size > maxSize }
    private var isTooEmpty: Bool { size < maxSize / 4 }

    /// Gives away all elements from a position on, as a node of its own.
    private mutating func takeUpper(_ position: Int) -> TreeNode {
        let upper: TreeNode
        if isLeaf {
            upper = TreeNode(leaf: Array(items[position...]))
            items = Array(items[..<position])
        } else {
            upper = TreeNode(over: Array(children[position...]))
            children = Array(children[..<position])
        }
        count -= upper.count
        sum -= upper.sum
        return upper
    }

    /// Makes one node of the child at a position and the next, or two of even size if one would be rather full.
    private mutating func joinChildren(at position: Int) {
        let right = children.remove(at: position + 1)
        children[position].absorb(right)
        if children[position].size > children[position].maxSize * 3 / 4 {
            let upper = children[position].takeUpper(children[position].size / 2)
            children.insert(upper, at: position + 1)
        }
    }

    private mutating func absorb(_ right: TreeNode) {
        items += right.items
        children += right.children
        count += right.count
        sum += right.sum
    }

    /// Whether counts, sums and the order hold, here and below; for tests.
    var isSound: Bool {
        var expected = IDSum()
        if isLeaf {
            for item in items { expected += item.id }
            let ascends = zip(items, items.dropFirst()).allSatisfy { $0 < $1 }
            return ascends && items.count == count && expected == sum && items.allSatisfy { $0 >= first }
        }
        for child in children { expected += child.sum }
        let ascends = zip(children, children.dropFirst()).allSatisfy { left, right in
            left.first < right.first && left.greatest.map { $0 < right.first } ?? true
        }
        return ascends && items.isEmpty && children.reduce(0) { $0 + $1.count } == count && expected == sum
            && children.allSatisfy { $0.isSound && (($0.least.map { $0 >= first }) ?? true) }
    }

    private var least: Item? { isLeaf ? items.first : children.lazy.compactMap(\.least).first }
    private var greatest: Item? { isLeaf ? items.last : children.reversed().lazy.compactMap(\.greatest).first }
}
