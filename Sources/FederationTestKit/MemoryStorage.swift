package import FederationCore

/// The whole store as one value: a copy is a snapshot, so a transaction is a copy that is kept or thrown away.
package struct MemoryStorage: Sendable {
    /// Writes that still succeed before the disk is full; `nil` for a disk without end.
    package var writesUntilFull: Int?

    var stored: [ULID: StoredEvent] = [:]
    /// The event that stands or stood at each `seq`, from 1 on.
    var places: [ULID?] = []
    var ids: [ULID] = []
    var items: [LogItem] = []
    var idsOfSubject: [ExactText: [ULID]] = [:]
    var recordOfSubject: [ExactText: Record] = [:]
    var stateOfKey: [ExactText: String] = [:]
    var metaOfKey: [MetaKey: String] = [:]
    var values: [WireKey: [UInt8]] = [:]
    var rows: [Int64: QuarantineEntry] = [:]
    var rowOfHash: [Digest: Int64] = [:]
    var lastRow: Int64 = 0
    var numbers: [ExactText: NumberTally] = [:]
    var attestations = MemoryAttestations()
    /// The events of an origin by number.
    var numbered: [ULID: [UInt64: Set<ULID>]] = [:]

    struct WireKey: Hashable {
        var wire: ExactText
        var peer: ExactText
        var key: ExactText
    }

    package init() {}

    /// Runs `body` on a copy, which is kept if `body` returns.
    package mutating func transaction<Answer, Failure: Error>(
        _ body: (inout MemoryStorage) throws(Failure) -> Answer
    ) throws(Failure) -> Answer {
        var copy = self
        let answer = try body(&copy)
        self = copy
        return answer
    }

    mutating func spendWrite() throws(StoreFailure) {
        guard let left = writesUntilFull else { return }
        guard left > 0 else { throw .full }
        writesUntilFull = left - 1
    }

    /// The place of the first element of a sorted array that is not below `value`.
    static func place<Value: Comparable>(of value: Value, in sorted: [Value]) -> Int {
        var low = 0
        var high = sorted.count
        while low < high {
            let middle = (low + high) / 2
            if sorted[middle] < value { low = middle + 1 } else { high = middle }
        }
        return low
    }

    static func insert<Value: Comparable>(_ value: Value, into sorted: inout [Value]) {
        sorted.insert(value, at: place(of: value, in: sorted))
    }

    mutating func forget(_ item: LogItem) {
        let index = MemoryStorage.place(of: item, in: items)
        if index < items.count, items[index] == item { items.remove(at: index) }
    }

    /// Loses an event, as another program's mistake would: nothing but the counts follows.
    package mutating func lose(_ id: ULID, at time: WallTime) {
        guard let old = stored.removeValue(forKey: id) else { return }
        ids.removeAll { $0 == id }
        let subject = ExactText(old.event.subject)
        idsOfSubject[subject]?.removeAll { $0 == id }
        if idsOfSubject[subject]?.isEmpty == true { idsOfSubject[subject] = nil }
        forget(LogItem(id, old.digest))
        unnumber(old.event)
        places[Int(old.seq) - 1] = nil
        guard let number = old.event.number, !isPresent(number, of: old.event.origin) else { return }
        numbers[ExactText(old.event.origin), default: NumberTally()].lose(number, of: old.event.origin, at: time)
    }

    func isPresent(_ number: UInt64, of origin: String) -> Bool {
        stored.values.contains { $0.event.number == number && $0.event.origin.isExactly(origin) }
    }
}

extension MemoryStorage: LogReading {
    package func head() -> LogPosition? {
        guard let index = places.lastIndex(where: { $0 != nil }), let id = places[index] else { return nil }
        return LogPosition(seq: Int64(index) + 1, id: id)
    }

    package func rest(after seq: Int64) -> LogRest {
        let events = stored.values.filter { $0.seq > seq }
        return LogRest(
            events: Int64(events.count), bytes: events.reduce(0) { $0 + $1.event.storedBytes },
            oldest: events.map(\.event.id).min())
    }

    package func event(_ id: ULID) -> StoredEvent? { stored[id] }

    package func id(at seq: Int64) -> ULID? { seq > 0 && seq <= places.count ? places[Int(seq) - 1] : nil }

    package func place(receivedBefore time: WallTime) -> LogPosition? {
        let all = stored.values.sorted { $0.seq < $1.seq }
        let before = all.prefix { $0.receivedAt < time }
        return before.last.map { LogPosition(seq: $0.seq, id: $0.event.id) }
    }

    package func events(after seq: Int64, limit: Int, bytes: Int) -> [StoredEvent] {
        let first = Int(Swift.max(0, Swift.min(seq, Int64(places.count))))
        // A place whose event has moved on is a marker only.
        let standing = (first..<places.count).lazy.compactMap { index in
            places[index].flatMap { stored[$0] }.flatMap { $0.seq == Int64(index) + 1 ? $0 : nil }
        }
        return MemoryStorage.page(standing, limit: limit, bytes: bytes)
    }

    package func events(after id: ULID?, through: ULID, limit: Int, bytes: Int) -> [StoredEvent] {
        var index = id.map { MemoryStorage.place(of: $0, in: ids) } ?? 0
        if index < ids.count, ids[index] == id { index += 1 }
        let chosen = ids[index...].lazy.prefix { $0 <= through }.compactMap { stored[$0] }
        return MemoryStorage.page(chosen, limit: limit, bytes: bytes)
    }

    static func page(_ events: some Sequence<StoredEvent>, limit: Int, bytes: Int) -> [StoredEvent] {
        var found: [StoredEvent] = []
        var total = 0
        for event in events {
            guard found.count < limit else { break }
            total += event.event.json.count
            guard found.isEmpty || total <= bytes else { break }
            found.append(event)
        }
        return found
    }

    package func events(of subject: String) -> [StoredEvent] {
        (idsOfSubject[ExactText(subject)] ?? []).compactMap { stored[$0] }
    }

    package func places(of subject: String) -> [EventPlace] {
        events(of: subject).map { EventPlace(seq: $0.seq, id: $0.event.id, isHeld: $0.hold != nil) }.sorted { $0.seq < $1.seq }
    }

    package func greatestID(through bound: ULID) -> ULID? {
        let index = MemoryStorage.place(of: bound, in: ids)
        if index < ids.count, ids[index] == bound { return bound }
        return index > 0 ? ids[index - 1] : nil
    }

    package func greatestID(of subject: String) -> ULID? { idsOfSubject[ExactText(subject)]?.last }

    package func eventCount() -> Int64 { Int64(stored.count) }

    package func subjects(after subject: String?, limit: Int) -> [String] {
        let all = idsOfSubject.keys.sorted()
        let following = subject.map { bound in all.filter { $0 > ExactText(bound) } } ?? all
        return following.prefix(Swift.max(0, limit)).map(\.text)
    }

    package func subjects(from first: String, through last: String, events limit: Int) -> Set<ExactText>? {
        guard !last.precedesExactly(first) else { return [] }
        let found = idsOfSubject.filter { (ExactText(first)...ExactText(last)).contains($0.key) }
        return found.values.reduce(0) { $0 + $1.count } > Swift.max(0, limit) ? nil : Set(found.keys)
    }

    package func itemBlocks() -> [ItemBlock] {
        // Small, so that a test of few events has several.
        stride(from: 0, to: Swift.max(items.count, 1), by: 5).map { start in
            let part = items[start..<Swift.min(start + 5, items.count)]
            return ItemBlock(first: start == 0 ? .first : part[start], total: ItemTotal(of: part))
        }
    }

    package func items(from start: LogItem, below end: LogItem?, limit: Int) -> [LogItem] {
        let following = items[MemoryStorage.place(of: start, in: items)...]
        return Array(following.prefix { item in end.map { item < $0 } ?? true }.prefix(Swift.max(0, limit)))
    }

    package func event(of item: LogItem) -> StoredEvent? {
        stored.values.first { LogItem($0.event.id, $0.digest) == item }
    }

    package func origins() -> [OriginSummary] {
        var events: [ExactText: ItemTotal] = numbers.filter { $0.value.highest > 0 }.mapValues { _ in ItemTotal() }
        for event in stored.values { events[ExactText(event.event.origin), default: ItemTotal()].add(event.digest) }
        return events.sorted { $0.key < $1.key }.map { origin, total in
            let tally = numbers[origin] ?? NumberTally()
            let missing = tally.holes.reduce(0) { $0 + $1.count }
            return OriginSummary(
                origin: origin.text, events: total.count, distinctNumbers: Int64(clamping: tally.highest - missing),
                highestNumber: tally.highest, sum: total.sum)
        }
    }

    package func holes(of origin: String, limit: Int) -> [NumberHole] {
        let holes = numbers[ExactText(origin)]?.holes ?? []
        return Array(holes.sorted { ($0.since, $0.first) < ($1.since, $1.first) }.prefix(Swift.max(0, limit)))
    }

    package func newestHoles(limit: Int) -> [NumberHole] {
        let holes = numbers.values.flatMap(\.holes).sorted { a, b in
            a.since == b.since ? (ExactText(a.origin), a.first) < (ExactText(b.origin), b.first) : a.since > b.since
        }
        return Array(holes.prefix(Swift.max(0, limit)))
    }

    package func events(
        by origin: String, numbers: ClosedRange<UInt64>, limit: Int, bytes: Int
    ) -> [StoredEvent] {
        let chosen = stored.values.filter { stored in
            stored.event.origin.isExactly(origin) && (stored.event.number.map { numbers.contains($0) } ?? false)
        }
        func order(_ stored: StoredEvent) -> (UInt64, Int64) { (stored.event.number ?? 0, stored.seq) }
        return MemoryStorage.page(chosen.sorted { order($0) < order($1) }, limit: limit, bytes: bytes)
    }

    package func highestNumber(of origin: String) -> UInt64? {
        stored.values.filter { $0.event.origin.isExactly(origin) }.compactMap(\.event.number).max()
    }

    package func heldEvents(peer: String?, after id: ULID?, limit: Int) -> [StoredEvent] {
        let following = held(peer).filter { event in id.map { $0 < event.event.id } ?? true }
        return Array(following.sorted { $0.event.id < $1.event.id }.prefix(Swift.max(0, limit)))
    }

    package func heldCount(peer: String?) -> Int { held(peer).count }

    package func held(after id: ULID?, limit: Int) -> [HeldSummary] {
        heldEvents(peer: nil, after: id, limit: limit).compactMap(HeldSummary.init)
    }

    package func newestHeld(limit: Int) -> [HeldSummary] {
        held(nil).sorted { $0.event.id > $1.event.id }.prefix(Swift.max(0, limit)).compactMap(HeldSummary.init)
    }

    package func unproved(after seq: Int64, limit: Int, bytes: Int) -> [StoredEvent] {
        let chosen = stored.values.filter { !$0.verification.isProved && $0.seq > seq }.sorted { $0.seq < $1.seq }
        return MemoryStorage.page(chosen, limit: limit, bytes: bytes)
    }

    package func unprovedCounts() -> [Verification: Int64] {
        var counts: [Verification: Int64] = [:]
        for event in stored.values where !event.verification.isProved { counts[event.verification, default: 0] += 1 }
        return counts
    }

    func held(_ peer: String?) -> [StoredEvent] {
        stored.values.filter { event in event.hold != nil && peer.map { $0.isExactly(event.peer) } ?? true }
    }

    package func record(_ subject: String) -> Record? { recordOfSubject[ExactText(subject)] }

    package func records(_ filter: RecordFilter) -> [Record] {
        let chosen = recordOfSubject.sorted { $0.key < $1.key }.lazy.map(\.value).filter { matches($0, filter) }
        return Array(chosen.prefix(Swift.max(0, filter.limit)))
    }

    package func incompleteHeads(limit: Int) -> [ULID] {
        let incomplete = recordOfSubject.sorted { $0.key < $1.key }.lazy.filter(\.value.isIncomplete)
        return Array(incomplete.compactMap(\.value.shown).prefix(Swift.max(0, limit)))
    }

    package func recordCount(divergedOnly: Bool) -> Int {
        var filter = RecordFilter(limit: .max)
        filter.divergedOnly = divergedOnly
        return recordOfSubject.values.count { matches($0, filter) }
    }

    package func records(_ filter: RecordFilter, holding text: SearchText?, reading bytes: Int) -> RecordPage {
        var page = RecordPage()
        guard filter.limit > 0 else { return page }
        var read = 0
        for (subject, record) in recordOfSubject.sorted(by: { $0.key < $1.key }) {
            guard filter.after.map({ subject > ExactText($0) }) ?? true else { continue }
            if page.records.count == filter.limit || read > bytes { return page }
            page.reached = record.subject
            read += RecordPage.rowBytes
            guard filter.admits(record) else { continue }
            if let text {
                let versions = record.purge == nil ? record.heads.compactMap { stored[$0]?.event.data } : []
                read += versions.reduce(0) { $0 + $1.count }
                guard text.isIn(record, versions: versions) else { continue }
            }
            page.records.append(record)
        }
        page.reached = nil
        return page
    }

    func matches(_ record: Record, _ filter: RecordFilter) -> Bool {
        guard filter.admits(record) else { return false }
        return filter.after.map { ExactText(record.subject) > ExactText($0) } ?? true
    }

    package func state(_ key: String) -> String? { stateOfKey[ExactText(key)] }

    package func states(prefix: String) -> [(key: String, value: String)] {
        stateOfKey.filter { $0.key.text.utf8.starts(with: prefix.utf8) }.sorted { $0.key < $1.key }
            .map { ($0.key.text, $0.value) }
    }

    package func meta(_ key: MetaKey) -> String? { metaOfKey[key] }

    package func wireValue(_ wire: String, peer: String, key: String) -> [UInt8]? {
        values[WireKey(wire: ExactText(wire), peer: ExactText(peer), key: ExactText(key))]
    }

    package func wireValues(_ wire: String, peer: String) -> [(key: String, value: [UInt8])] {
        values.filter { $0.key.wire == ExactText(wire) && $0.key.peer == ExactText(peer) }
            .sorted { $0.key.key < $1.key.key }.map { ($0.key.key.text, $0.value) }
    }

    package func quarantine(kind: QuarantineEntry.Kind?, peer: String?, limit: Int) -> [QuarantineEntry] {
        Array(quarantined(kind, peer).sorted(by: MemoryStorage.wasSeenBefore).prefix(Swift.max(0, limit)))
    }

    package func newestQuarantine(limit: Int) -> [QuarantineEntry] {
        quarantined(nil, nil).sorted { MemoryStorage.wasSeenBefore($1, $0) }.prefix(Swift.max(0, limit)).map { entry in
            var entry = entry
            entry.bytes = []
            entry.digest = nil
            return entry
        }
    }

    package func quarantine(eventID: String, limit: Int) -> [QuarantineEntry] {
        Array(quarantined(nil, nil).filter { $0.eventID.isExactly(eventID) }.prefix(Swift.max(0, limit)))
    }

    package func quarantineEntry(_ row: Int64) -> QuarantineEntry? { rows[row] }

    package func quarantineEntry(hash: Digest) -> QuarantineEntry? { rowOfHash[hash].flatMap { rows[$0] } }

    package func quarantineEntry(digest: Digest) -> QuarantineEntry? {
        rows.values.filter { $0.digest == digest }.min { $0.row < $1.row }
    }

    package func quarantineCount(kind: QuarantineEntry.Kind, peer: String?) -> Int { quarantined(kind, peer).count }

    package func quarantineDue(at time: WallTime, limit: Int, bytes: Int) -> [QuarantineEntry] {
        let due = rows.values.filter { row in row.retryAt.map { $0 <= time } ?? false }
        var (total, count) = (0, 0)
        return Array(
            due.sorted(by: MemoryStorage.wasSeenBefore).prefix(Swift.max(0, limit)).prefix { row in
                (total, count) = (total + row.bytes.count, count + 1)
                return count == 1 || total <= bytes
            })
    }

    func quarantined(_ kind: QuarantineEntry.Kind?, _ peer: String?) -> [QuarantineEntry] {
        rows.values.filter { row in
            (kind.map { $0 == row.kind } ?? true) && (peer.map { $0.isExactly(row.peer) } ?? true)
        }
    }

    static func wasSeenBefore(_ a: QuarantineEntry, _ b: QuarantineEntry) -> Bool {
        (a.firstSeen, a.row) < (b.firstSeen, b.row)
    }
}

extension HeldSummary {
    fileprivate init?(_ stored: StoredEvent) {
        guard let hold = stored.hold else { return nil }
        self.init(
            id: stored.event.id, subject: stored.event.subject, peer: stored.peer, receivedAt: stored.receivedAt, hold: hold)
    }
}
