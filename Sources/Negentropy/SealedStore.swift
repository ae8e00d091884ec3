/// Items in one sorted array that never changes: the store for a single session over data that lies elsewhere.
///
/// Takes O(n log n) to make and 44 bytes for an item. The sum of every eighth prefix is kept, so a range's sum costs at
/// most 16 additions, whatever its length. There is no unsealed state: what other implementations report as use before
/// sealing, or an insert after it, cannot be written here.
public struct SealedStore: ItemStore {
    private let items: [Item]
    /// `sums[k]` is the sum of the first 8k ids.
    private let sums: [IDSum]

    private static let blockLength = 8

    /// Sorts the items, in whatever order they come.
    ///
    /// - Throws: `reservedTimestamp`, or `duplicate` when the same timestamp and id are there twice.
    public init(_ items: some Sequence<Item>) throws(ItemFailure) {
        // An array first: the generic sort of a sequence from another module is many times slower.
        var sorted = Array(items)
        sorted.sort()
        var sums: [IDSum] = []
        sums.reserveCapacity(sorted.count / SealedStore.blockLength + 1)
        var sum = IDSum()
        var previous: Item?
        for (index, item) in sorted.enumerated() {
            if item == previous { throw .duplicate(item) }
            if item.timestamp == Item.reservedTimestamp { throw .reservedTimestamp(item.id) }
            if index % SealedStore.blockLength == 0 { sums.append(sum) }
            sum += item.id
            previous = item
        }
        sums.append(sum)
        self.items = sorted
        self.sums = sums
    }

    public var count: Int { items.count }

    public func item(at index: Int) -> Item { items[index] }

    public func firstIndex(notBelow floor: Item, from start: Int) -> Int {
        // Ranges come in order and are mostly short: widening steps from the start, then halving the last one.
        var low = start
        var step = 1
        var high = start
        while high < items.count, items[high] < floor {
            low = high + 1
            high = step < items.count - high ? high + step : items.count
            step *= 2
        }
        while low < high {
            let middle = low + (high - low) / 2
            if items[middle] < floor { low = middle + 1 } else { high = middle }
        }
        return low
    }

    public func sum(before index: Int) -> IDSum {
        // The last prefix kept is that of all items, which need not be a whole number of blocks.
        if index == items.count { return sums[sums.count - 1] }
        let block = index / SealedStore.blockLength
        var sum = sums[block]
        for position in block * SealedStore.blockLength..<index { sum += items[position].id }
        return sum
    }

    public func ids(in range: Range<Int>) -> [ItemID] { items[range].map(\.id) }
}
