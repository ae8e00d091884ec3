/// Reads a whole log and checks everything that follows from something else: hashes, signatures, sums, records.
///
/// Everything is computed anew from the events as they are stored, and compared with what is kept beside them. A log is
/// read twice: event by event, and subject by subject; what is kept meanwhile grows with the number of origins alone.
package struct LogAudit: Sendable {
    /// Findings that are listed; the rest are counted.
    package static let listed = 1000

    package typealias Verifier = @Sendable (_ preimage: [UInt8], _ signature: String, _ publicKey: String) -> Bool

    /// What the signatures of the events came to.
    package struct Signatures: Hashable, Sendable {
        /// They fit a known key of their origin.
        package var verified: Int64 = 0
        package var unsigned: Int64 = 0
        /// No key of the origin is known that they fit; they fit the one that they came with, if they came with any.
        package var keyUnknown: Int64 = 0
        package var bad: Int64 = 0
    }

    private let node: ULID?
    private let ownKeys: [String]
    private let sha256: SHA256
    private let verifies: Verifier
    package private(set) var findings: [LogFinding] = []
    package private(set) var findingCount = 0
    package private(set) var events: Int64 = 0
    package private(set) var records: Int64 = 0
    package private(set) var signatures = Signatures()
    /// Everything was read; a damaged file may end it before.
    package private(set) var isComplete = false

    private var origins: [ExactText: OriginCount] = [:]
    private var total: Int64 = 0
    private var done: Int64 = 0

    /// - Parameters:
    ///   - node: the identity whose log it is.
    ///   - ownKeys: its public keys.
    ///   - verifies: whether a signature by a key fits some bytes.
    package init(node: ULID?, ownKeys: [String], sha256: @escaping SHA256, verifies: @escaping Verifier) {
        self.node = node
        self.ownKeys = ownKeys
        self.sha256 = sha256
        self.verifies = verifies
    }

    package var isGood: Bool { isComplete && findingCount == 0 }

    /// Checks one consistent view of a log.
    ///
    /// - Parameter progress: told how much of how much is done; each event counts twice.
    package mutating func run(
        _ log: some AuditedLog, progress: (_ done: Int64, _ total: Int64) -> Void = { _, _ in }
    ) throws(StoreFailure) {
        do throws(StoreFailure) {
            total = try log.eventCount() * 2
            progress(0, total)
            for words in try log.damage(limit: 100) { report(.fileDamaged, words) }
            try checkEvents(log, progress)
            try checkItems(log)
            try checkOrigins(log)
            try checkChains(log)
            try checkState(log)
            try checkRecords(log, progress)
            isComplete = true
        } catch {
            guard error == .corrupt else { throw error }
            report(.fileDamaged)
        }
    }

    private struct OriginCount {
        var total = ItemTotal()
        /// Public keys that are known to be the origin's.
        var keys: [String]
    }

    private mutating func report(_ kind: LogFinding.Kind, _ about: String = "") {
        findingCount += 1
        if findings.count < LogAudit.listed { findings.append(LogFinding(kind, about)) }
    }
}

// MARK: Event by event

extension LogAudit {
    private mutating func checkEvents(
        _ log: some AuditedLog, _ progress: (Int64, Int64) -> Void
    ) throws(StoreFailure) {
        let clocks = try ClockAudit(node: node, log)
        var after: Int64 = 0
        while true {
            let page = try log.rows(after: after, limit: Limits.pageEvents, bytes: Limits.pageBytes)
            guard let last = page.last else { break }
            after = last.seq
            for row in page {
                guard let stored = row.stored else {
                    report(.eventUnreadable, row.id)
                    continue
                }
                try check(stored, row, log)
                if let kind = clocks.meet(stored.event) { report(kind, row.id) }
            }
            events += Int64(page.count)
            done += Int64(page.count)
            progress(done, total)
        }
    }

    private mutating func check(
        _ stored: StoredEvent, _ row: LogRow, _ log: some AuditedLog
    ) throws(StoreFailure) {
        let event = stored.event
        let key = ExactText(event.origin)
        if origins[key] == nil { origins[key] = OriginCount(keys: try knownKeys(of: event.origin, in: log)) }
        origins[key]?.total.add(stored.digest)
        if row.number != event.number || row.family != event.family.rawValue { report(.columnMismatch, row.id) }
        guard let found = try? event.fingerprint(sha256), stored.hasHashes(found, sha256)
        else { return report(.digestMismatch, row.id) }
        checkSignature(of: stored, found, known: origins[key]?.keys ?? [])
    }

    private func knownKeys(of origin: String, in log: some AuditedLog) throws(StoreFailure) -> [String] {
        guard let id = ULID(origin) else { return [] }
        var roots = id == node ? ownKeys : []
        for name in [StateKey.publicKey(of: id), StateKey.relayedKey(of: id)] where roots.isEmpty {
            if let key = try log.state(name), !key.isEmpty { roots = [key] }
        }
        guard let root = roots.first else { return [] }
        // What an earlier key has signed is the origin's as well.
        let ring = OriginRing(OriginKey(text: root, source: .pinned), try Successions(of: id, in: log))
        return ring.stretches.map(\.key) + roots.dropFirst()
    }

    private mutating func checkSignature(of stored: StoredEvent, _ found: EventFingerprint, known keys: [String]) {
        let event = stored.event
        guard let signature = event.signature else {
            signatures.unsigned += 1
            return
        }
        func fits(_ key: String) -> Bool {
            event.isSigned(found, sha256) { verifies($0, signature, key) }
        }
        if keys.contains(where: fits) {
            signatures.verified += 1
        } else if event.publicKey.map({ !keys.contains($0) && fits($0) }) ?? keys.isEmpty {
            signatures.keyUnknown += 1
        } else {
            signatures.bad += 1
            // One that was taken in as such is no news.
            if stored.verification != .invalid { report(.signatureBad, event.id.description) }
        }
    }
}

// MARK: Sums and counts

extension LogAudit {
    private mutating func checkItems(_ log: some AuditedLog) throws(StoreFailure) {
        let removed = try log.removed(limit: LogAudit.listed)
        for item in removed { report(.eventRemoved, ULID(milliseconds: Int64(clamping: item.time), random: (0, 0)).time.rfc3339) }
        // Beyond what was listed nothing adds up, and that has been said.
        guard removed.count < LogAudit.listed else { return }
        let blocks = try log.itemBlocks()
        if blocks.first?.first != .first { report(.itemIndexMismatch) }
        for (index, block) in blocks.enumerated() {
            let next = index + 1 < blocks.count ? blocks[index + 1].first : nil
            var inside = try total(of: log, from: block.first, below: next)
            for item in removed where item >= block.first && next.map({ item < $0 }) ?? true { inside.add(item.digest) }
            let time = WallTime(milliseconds: Int64(clamping: block.first.time)).rfc3339
            if inside != block.total { report(.itemIndexMismatch, time) }
        }
    }

    private func total(
        of log: some AuditedLog, from start: LogItem, below end: LogItem?
    ) throws(StoreFailure) -> ItemTotal {
        var total = ItemTotal()
        var last: LogItem?
        while true {
            let items = try log.items(from: last ?? start, below: end, limit: Limits.pageEvents)
            for item in items where item != last { total.add(item.digest) }
            guard items.count == Limits.pageEvents, items.last != last else { return total }
            last = items.last
        }
    }

    private mutating func checkOrigins(_ log: some AuditedLog) throws(StoreFailure) {
        // What was removed is counted there still.
        guard try log.removed(limit: 1).isEmpty else { return }
        var left = origins
        for summary in try log.origins() {
            let count = left.removeValue(forKey: ExactText(summary.origin))?.total ?? ItemTotal()
            let isCounted = count == ItemTotal(count: summary.events, sum: summary.sum)
            let isNumbered = try numbersAreRight(summary, log)
            if !isCounted || !isNumbered { report(.originMismatch, summary.origin) }
        }
        for origin in left.keys.sorted() { report(.originMismatch, origin.text) }
    }
}

extension LogAudit {
    /// The numbers that are there and the holes between them are all up to the highest, each once.
    private func numbersAreRight(_ summary: OriginSummary, _ log: some AuditedLog) throws(StoreFailure) -> Bool {
        var present: Int64 = 0
        var next: UInt64 = 1
        var hole = try log.hole(of: summary.origin, from: 1)
        /// Passes holes that lie one after another up to `number`; `false` if they leave something out.
        func passHoles(to number: UInt64) throws(StoreFailure) -> Bool {
            while next < number {
                guard let found = hole, found.first == next, found.last < number else { return false }
                next = found.last + 1
                hole = try log.hole(of: summary.origin, from: next)
            }
            return true
        }
        while true {
            let page = try log.numbers(of: summary.origin, from: next, limit: Limits.pageEvents)
            let before = next
            for number in page where number >= next {
                guard try passHoles(to: number) else { return false }
                present += 1
                next = number + 1
            }
            // Past the greatest counter the store has no number to begin at, and gives the last one again.
            guard next > before else { break }
        }
        guard try passHoles(to: summary.highestNumber + 1) else { return false }
        return hole == nil && next == summary.highestNumber + 1 && present == summary.distinctNumbers
    }
}

extension LogAudit {
    /// Follows the chain of each origin that has one, from its beginning to each checkpoint that was found to fit.
    private mutating func checkChains(_ log: some AuditedLog) throws(StoreFailure) {
        for origin in try log.attestedOrigins().keys.sorted() {
            var tip = Chain.start(of: origin, sha256)
            while let checkpoint = try log.firstCheckpoint(of: origin, from: tip.number + 1) {
                let reached = try follow(tip, to: checkpoint.number, of: origin, in: log)
                let isSigned = checkpoint.isSigned(verifies)
                if reached.map({ $0 != checkpoint.tip }) ?? false || !isSigned {
                    report(.chainMismatch, "\(origin) \(checkpoint.number)")
                }
                tip = checkpoint.tip
            }
        }
    }

    /// The chain from `tip` over what is here up to `number`; `nil` where two events have one number, which a chain that
    /// fitted before one of them came cannot tell: `status` names them.
    private func follow(
        _ tip: ChainTip, to number: UInt64, of origin: ULID, in log: some AuditedLog
    ) throws(StoreFailure) -> ChainTip? {
        var reached = tip
        var place = tip.number
        while place < number {
            let links = try log.chainLinks(of: origin, after: place, through: number, limit: Limits.pageEvents)
            guard let last = links.last else { break }
            for link in links {
                guard link.number > place else { return nil }
                place = link.number
                // An unsigned event is in no chain.
                guard let next = Chain.extended(reached, by: link, sha256) else { return tip }
                reached = next
            }
            let twice = try log.events(of: origin, number: last.number)
            if twice.count > 1 { return nil }
        }
        return reached
    }
}

// MARK: Subject by subject

extension LogAudit {
    private mutating func checkRecords(
        _ log: some AuditedLog, _ progress: (Int64, Int64) -> Void
    ) throws(StoreFailure) {
        guard try log.meta(.recordVersion) == String(RecordFunction.version) else { return report(.recordsOutdated) }
        var last: String?
        while true {
            let subjects = try log.subjects(after: last, limit: 500)
            guard let end = subjects.last else { break }
            last = end
            for subject in subjects { try check(subject, in: log) }
            progress(min(done, total), total)
        }
        last = nil
        while true {
            let subjects = try log.recordSubjects(after: last, limit: Limits.pageEvents)
            guard let end = subjects.last else { break }
            last = end
            records += Int64(subjects.count)
            for subject in subjects where try log.greatestID(of: subject) == nil { report(.recordWithoutEvents, subject) }
        }
    }

    private mutating func check(_ subject: String, in log: some AuditedLog) throws(StoreFailure) {
        guard let stored = try readable({ () throws(StoreFailure) in try log.events(of: subject) }) else { return }
        done += Int64(stored.count)
        // What a host's replayer holds, only that can release; and what its origin has not signed counts for nothing.
        let offered = stored.filter { !$0.isHeldApart }
        var outcome = RecordFunction.record(of: subject, from: offered.map(\.event))
        outcome.record?.heldCount += stored.count - offered.count
        let kept = try readable { () throws(StoreFailure) in try log.record(subject) }
        if kept != .some(outcome.record) { report(.recordMismatch, subject) }
        var holds: [ULID: HoldReason] = [:]
        for standing in outcome.standings { holds[standing.id] = standing.hold }
        for event in offered where event.hold != holds[event.event.id] {
            report(.holdMismatch, event.event.id.description)
        }
    }

    /// `nil` for what cannot be read: an event that cannot has been named before.
    private func readable<Value>(_ body: () throws(StoreFailure) -> Value) throws(StoreFailure) -> Value? {
        do throws(StoreFailure) { return try body() } catch {
            guard error == .corrupt else { throw error }
            return nil
        }
    }
}

// MARK: Clock, marks and cursors

extension LogAudit {
    private mutating func checkState(_ log: some AuditedLog) throws(StoreFailure) {
        if let epoch = try log.meta(.epoch), LogEpochs(stored: epoch) == nil { report(.markMismatch, "epoch") }
        var after: Int64 = 0
        while true {
            let marks = try log.marks(after: after, limit: Limits.pageEvents)
            guard let last = marks.last else { break }
            after = last.seq
            for mark in marks where mark.now.map({ $0 <= mark.seq }) ?? true { report(.markMismatch, mark.id) }
        }
        for (key, value) in try log.states(prefix: "peer:") where !value.isEmpty {
            let isCursor = key.hasSuffix(":\(StateKey.OfPeer.lastEvent.rawValue)")
            let isPosition = key.hasSuffix(":\(StateKey.OfPeer.position.rawValue)")
            if isCursor && ULID(value) == nil || isPosition && value.utf8.count > Limits.positionLength {
                report(.cursorUnreadable, key)
            }
        }
    }
}

/// The node-wide clock against the clocks of the events, which it has met one by one.
private struct ClockAudit {
    private let node: ULID?
    private let clock: VectorClock
    private let ownNumber: UInt64
    private let forgotten: ForgottenOrigins
    private let hasFarNumber: Bool

    init(node: ULID?, _ log: some LogReading) throws(StoreFailure) {
        self.node = node
        clock = VectorClock(stored: try log.state(StateKey.clock) ?? "")
        forgotten = try ForgottenOrigins(in: log)
        let written = if let node { clock[node] } else { UInt64(0) }
        ownNumber = max(try log.meta(.ownNumber).flatMap { UInt64($0) } ?? 0, written)
        hasFarNumber = try log.meta(.farOwnNumber) != nil
    }

    func meet(_ event: Event) -> LogFinding.Kind? {
        var others = event.clock.vector
        if let node {
            if others[node] > ownNumber, !hasFarNumber, others[node] - ownNumber <= Limits.ownNumberLead {
                return .ownNumberBehind
            }
            others[node] = 0
        }
        others = forgotten.filtered(others)
        guard !others.isCovered(by: clock) else { return nil }
        // A clock that had no room for one of the entries took none of them; and a reset takes an entry out.
        return others.entries.contains { clock[$0.origin] == 0 } ? nil : .clockBehind
    }
}
