/// One event as an element of the set that a log is: when its id was minted, and its digest.
///
/// The same on every node, whoever relayed the event; a stub is the same item as the event it was made of.
package struct LogItem: Hashable, Sendable {
    /// The milliseconds of the event's id.
    package var time: UInt64
    package var digest: Digest

    /// At or below every item.
    package static let first = LogItem(time: 0, digest: .lowest)

    package init(time: UInt64, digest: Digest) {
        self.time = time
        self.digest = digest
    }

    package init(_ id: ULID, _ digest: Digest) { self.init(time: UInt64(id.milliseconds), digest: digest) }
}

extension LogItem: Comparable {
    package static func < (a: LogItem, b: LogItem) -> Bool { a.time == b.time ? a.digest < b.digest : a.time < b.time }
}

/// The sum of digests modulo 2^256, each read as a little-endian number: it follows a set item by item, in any order.
package struct DigestSum: Hashable, Sendable {
    /// Least significant first.
    private var limbs: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    package init() {}

    package init(_ digest: Digest) {
        limbs = (digest.a.byteSwapped, digest.b.byteSwapped, digest.c.byteSwapped, digest.d.byteSwapped)
    }

    /// Reads what `bytes` wrote; `nil` unless there are exactly 32.
    package init?(bytes: some Collection<UInt8>) {
        guard let digest = Digest(bytes) else { return nil }
        self.init(digest)
    }

    /// 32 bytes, the least significant first.
    package var bytes: [UInt8] { digest.bytes }

    private var digest: Digest {
        Digest(limbs.0.byteSwapped, limbs.1.byteSwapped, limbs.2.byteSwapped, limbs.3.byteSwapped)
    }

    package static func += (sum: inout DigestSum, other: DigestSum) {
        var carry = false
        func add(_ a: UInt64, _ b: UInt64) -> UInt64 {
            let (partial, first) = a.addingReportingOverflow(b)
            let (whole, second) = partial.addingReportingOverflow(carry ? 1 : 0)
            carry = first || second
            return whole
        }
        sum.limbs.0 = add(sum.limbs.0, other.limbs.0)
        sum.limbs.1 = add(sum.limbs.1, other.limbs.1)
        sum.limbs.2 = add(sum.limbs.2, other.limbs.2)
        sum.limbs.3 = add(sum.limbs.3, other.limbs.3)
    }

    package static func -= (sum: inout DigestSum, other: DigestSum) {
        var borrow = false
        func take(_ a: UInt64, _ b: UInt64) -> UInt64 {
            let (partial, first) = a.subtractingReportingOverflow(b)
            let (whole, second) = partial.subtractingReportingOverflow(borrow ? 1 : 0)
            borrow = first || second
            return whole
        }
        sum.limbs.0 = take(sum.limbs.0, other.limbs.0)
        sum.limbs.1 = take(sum.limbs.1, other.limbs.1)
        sum.limbs.2 = take(sum.limbs.2, other.limbs.2)
        sum.limbs.3 = take(sum.limbs.3, other.limbs.3)
    }

    package static func == (a: DigestSum, b: DigestSum) -> Bool { a.digest == b.digest }
    package func hash(into hasher: inout Hasher) { hasher.combine(digest) }
}

/// How many items a set has, and the sum of their digests.
package struct ItemTotal: Hashable, Sendable {
    package var count: Int64
    package var sum: DigestSum

    package init(count: Int64 = 0, sum: DigestSum = DigestSum()) {
        self.count = count
        self.sum = sum
    }

    package init(of items: some Sequence<LogItem>) {
        self.init()
        for item in items { add(item.digest) }
    }

    package mutating func add(_ digest: Digest) {
        count += 1
        sum += DigestSum(digest)
    }

    package mutating func remove(_ digest: Digest) {
        count -= 1
        sum -= DigestSum(digest)
    }

    package static func += (total: inout ItemTotal, other: ItemTotal) {
        total.count += other.count
        total.sum += other.sum
    }

    package static func -= (total: inout ItemTotal, other: ItemTotal) {
        total.count -= other.count
        total.sum -= other.sum
    }

    /// The digest of the whole set: equal sets have the same, and no two sets that come about by accident do.
    package func digest(_ sha256: SHA256) -> Digest {
        var bytes = Array("federation-set-v1\n".utf8) + sum.bytes
        for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: count >> shift)) }
        return sha256(bytes)
    }
}

/// Items that follow one another, and what they add up to.
package struct ItemBlock: Hashable, Sendable {
    /// At or below every item of the block, and above every item of the block before.
    package var first: LogItem
    package var total: ItemTotal

    package init(first: LogItem, total: ItemTotal) {
        self.first = first
        self.total = total
    }
}

extension LogReading {
    /// What the items below `bound` add up to, or all of them.
    package func itemTotal(below bound: LogItem? = nil) throws(StoreFailure) -> ItemTotal {
        var total = ItemTotal()
        var blocks = try itemBlocks()[...]
        while let block = blocks.popFirst() {
            guard let bound else {
                total += block.total
                continue
            }
            guard block.first < bound else { break }
            if let next = blocks.first, next.first <= bound {
                total += block.total
            } else {
                total += ItemTotal(of: try items(from: block.first, below: bound, limit: .max))
            }
        }
        return total
    }
}
