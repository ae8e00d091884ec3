import FederationCore
import FederationCrypto

/// The rules of the log as a set of items.
extension StorageContract {
    func items(_ log: inout some LogWriting) throws {
        try expectEqual(log.items(from: .first, below: nil, limit: 10), [])
        try expectEqual(log.itemTotal(), ItemTotal())
        try expectEqual(log.itemBlocks().map(\.first), [.first])
        var expected: [LogItem] = []
        // Two of one moment, a stub, and one that comes late.
        for (time, salt) in [(5, 1), (5, 2), (9, 1), (3, 1), (7, 1), (1, 1), (12, 1)] as [(Int64, UInt64)] {
            var event = Sample.event(Sample.id(time, salt: salt), origin: salt)
            if time == 9 { event = try event.stubbed() }
            let entry = try Sample.entry(event)
            _ = try log.append(entry)
            expected.append(LogItem(event.id, entry.fingerprint.digest))
        }
        try agrees(log, expected)
        let other = try Sample.entry(Sample.event(Sample.id(5, salt: 1), body: "another"))
        _ = try log.replace(with: other, counted: true)
        expected[0] = LogItem(other.event.id, other.fingerprint.digest)
        try agrees(log, expected)
        try log.strip(Sample.id(7, salt: 1), to: Event.Stub(dataHash: sha256([]), normalHash: sha256([])))
        try log.setHold(Sample.id(3, salt: 1), .unknownType)
        try agrees(log, expected)
    }

    private func agrees(_ log: some LogReading, _ expected: [LogItem], line: UInt = #line) throws {
        let sorted = expected.sorted()
        try expectEqual(log.items(from: .first, below: nil, limit: .max), sorted, line: line)
        try expectEqual(log.items(from: .first, below: nil, limit: 0), [], line: line)
        for (index, item) in sorted.enumerated() {
            try expectEqual(log.items(from: item, below: nil, limit: 2), Array(sorted[index...].prefix(2)), line: line)
            try expectEqual(log.items(from: .first, below: item, limit: .max), Array(sorted[..<index]), line: line)
            try expectEqual(log.itemTotal(below: item), ItemTotal(of: sorted[..<index]), line: line)
            let stored = try required(log.event(of: item))
            try expectEqual(LogItem(stored.event.id, stored.digest), item, line: line)
            try expectEqual(log.event(of: LogItem(time: item.time + 1, digest: item.digest)), nil, line: line)
        }
        try expectEqual(log.itemTotal(), ItemTotal(of: sorted), line: line)
        var sum = ItemTotal()
        for origin in try log.origins() { sum += ItemTotal(count: origin.events, sum: origin.sum) }
        try expectEqual(sum, ItemTotal(of: sorted), line: line)
        let blocks = try log.itemBlocks()
        try expectEqual(blocks.first?.first, .first, line: line)
        for (index, block) in blocks.enumerated() {
            let next = index + 1 < blocks.count ? blocks[index + 1].first : nil
            try expect(next.map { block.first < $0 } ?? true, "blocks out of order", line: line)
            let inside = sorted.filter { item in item >= block.first && next.map { item < $0 } ?? true }
            try expectEqual(block.total, ItemTotal(of: inside), line: line)
        }
    }

    func quarantineByDigest(_ log: inout some LogWriting) throws {
        func entry(_ text: String, _ digest: Digest?) -> QuarantineEntry {
            QuarantineEntry(
                kind: .refused, peer: "a", reason: .other, code: "code", eventID: "id of \(text)", subject: "", bytes: Array(text.utf8),
                hash: sha256(Array(text.utf8)), digest: digest, firstSeen: Sample.epoch, lastSeen: Sample.epoch)
        }
        let digest = sha256(Array("item".utf8))
        try log.quarantine(entry("nothing", nil))
        try expectEqual(log.quarantineEntry(digest: digest), nil)
        try log.quarantine(entry("one", digest))
        try log.quarantine(entry("the same in other bytes", digest))
        let found = try required(log.quarantineEntry(digest: digest))
        try expectEqual(found.bytes, Array("one".utf8))
        try expectEqual(found.digest, digest)
        try expectEqual(log.quarantine(eventID: "id of one", limit: 9), [found])
        try expectEqual(log.quarantine(eventID: "id of one", limit: 0), [])
        try expectEqual(log.quarantine(eventID: "id of two", limit: 9), [])
        try log.removeQuarantine(found.row)
        try expectEqual(log.quarantineEntry(digest: digest)?.bytes, Array("the same in other bytes".utf8))
        try expectEqual(log.quarantineEntry(digest: sha256([])), nil)
    }
}
