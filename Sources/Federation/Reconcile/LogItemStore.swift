internal import FederationCore
internal import Negentropy

/// One view of the log as the set that a session of reconciliation reads.
///
/// It reads the sums of the log's blocks once, some thousands for a million events, and of the blocks themselves only
/// those that a session looks into.
// SAFETY: made, used and thrown away inside one call that reads the store, on one thread.
final class LogItemStore: ItemStore, @unchecked Sendable {
    private let log: any LogReading
    private let blocks: [ItemBlock]
    /// What the blocks before each block come to; one more than there are blocks.
    private let countsBefore: [Int]
    private let sumsBefore: [IDSum]
    /// The blocks read last, the latest at the end: neighbours are asked for together.
    private var loaded: [(block: Int, items: [Item])] = []
    /// The positions whose ids were asked for: what the other side lacks is among them.
    private(set) var listed: [Range<Int>] = []
    /// The protocol of sessions cannot fail, so the first failure waits here for whoever ends the session.
    private(set) var failure: StoreFailure?

    init(_ log: any LogReading) throws(StoreFailure) {
        self.log = log
        blocks = try log.itemBlocks()
        var counts = [0]
        var sums = [IDSum()]
        var count = 0
        var sum = IDSum()
        for block in blocks {
            guard block.total.count >= 0, let id = ItemID(block.total.sum.bytes) else { throw .corrupt }
            count += Int(block.total.count)
            // A sum of one id is that id's number.
            sum += IDSum(id)
            counts.append(count)
            sums.append(sum)
        }
        countsBefore = counts
        sumsBefore = sums
    }

    var count: Int { countsBefore[blocks.count] }

    func item(at index: Int) -> Item {
        let block = block(of: index)
        let items = items(of: block)
        let position = index - countsBefore[block]
        return items.indices.contains(position) ? items[position] : Item(blocks[block].first)
    }

    func firstIndex(notBelow floor: Item, from start: Int) -> Int {
        var low = 0
        var high = blocks.count
        while high - low > 1 {
            let middle = low + (high - low) / 2
            if Item(blocks[middle].first) <= floor { low = middle } else { high = middle }
        }
        guard low < blocks.count else { return start }
        let items = items(of: low)
        var position = 0
        var end = items.count
        while position < end {
            let middle = position + (end - position) / 2
            if items[middle] < floor { position = middle + 1 } else { end = middle }
        }
        return max(start, countsBefore[low] + position)
    }

    func sum(before index: Int) -> IDSum {
        guard index < count else { return sumsBefore[blocks.count] }
        let block = block(of: index)
        var sum = sumsBefore[block]
        guard index > countsBefore[block] else { return sum }
        for item in items(of: block).prefix(index - countsBefore[block]) { sum += item.id }
        return sum
    }

    func ids(in range: Range<Int>) -> [ItemID] {
        listed.append(range)
        return items(in: range).map(\.id)
    }

    func items(in range: Range<Int>) -> [Item] {
        guard !range.isEmpty else { return [] }
        var found: [Item] = []
        found.reserveCapacity(range.count)
        for block in block(of: range.lowerBound)...block(of: range.upperBound - 1) {
            let start = countsBefore[block]
            let items = items(of: block)
            let wanted = range.clamped(to: start..<start + items.count)
            if !wanted.isEmpty { found += items[wanted.lowerBound - start..<wanted.upperBound - start] }
        }
        return found
    }

    /// The block with the item at a position: the last one that begins at or before it and has any.
    private func block(of index: Int) -> Int {
        var low = 0
        var high = blocks.count
        while high - low > 1 {
            let middle = low + (high - low) / 2
            if countsBefore[middle] <= index { low = middle } else { high = middle }
        }
        return low
    }

    private func items(of block: Int) -> [Item] {
        if let known = loaded.last(where: { $0.block == block }) { return known.items }
        let end = block + 1 < blocks.count ? blocks[block + 1].first : nil
        let expected = Int(blocks[block].total.count)
        var items: [Item] = []
        do throws(StoreFailure) {
            items = try log.items(from: blocks[block].first, below: end, limit: expected + 1).map(Item.init)
            // Counted wrongly, or another program has just taken events away: the next write counts them anew.
            if items.count != expected { failure = failure ?? .corrupt }
        } catch {
            failure = failure ?? error
        }
        if loaded.count == 4 { loaded.removeFirst() }
        loaded.append((block, items))
        return items
    }
}

extension Item {
    init(_ item: LogItem) { self.init(timestamp: item.time, id: ItemID(item.digest.bytes) ?? .zero) }
}
