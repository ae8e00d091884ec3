package import FederationCore

extension MemoryStorage: LogWriting {
    package mutating func append(_ entry: LogEntry) throws(StoreFailure) -> Int64 {
        precondition(stored[entry.event.id] == nil, "an event of this id is in the log")
        try spendWrite()
        MemoryStorage.insert(entry.event.id, into: &ids)
        return place(entry, replacements: 0, replacedAt: nil)
    }

    package mutating func replace(with entry: LogEntry, counted: Bool) throws(StoreFailure) -> Int64 {
        guard let old = stored[entry.event.id] else { preconditionFailure("no event of this id is in the log") }
        try spendWrite()
        idsOfSubject[ExactText(old.event.subject)]?.removeAll { $0 == entry.event.id }
        if idsOfSubject[ExactText(old.event.subject)]?.isEmpty == true {
            idsOfSubject[ExactText(old.event.subject)] = nil
        }
        forget(LogItem(old.event.id, old.digest))
        stored[old.event.id] = nil
        if let number = old.event.number, !isPresent(number, of: old.event.origin) {
            let isItsNumberToo = entry.event.origin.isExactly(old.event.origin) && entry.event.number == number
            let origin = old.event.origin
            let highestLeft = highestNumber(of: origin) ?? 0
            if !isItsNumberToo {
                numbers[ExactText(origin)]?.replace(number, of: origin, at: old.receivedAt, highestLeft: highestLeft)
            }
        }
        unnumber(old.event)
        return place(
            entry, replacements: old.replacements + (counted ? 1 : 0),
            replacedAt: counted ? entry.receivedAt : old.replacedAt)
    }

    private mutating func place(_ entry: LogEntry, replacements: Int, replacedAt: WallTime?) -> Int64 {
        places.append(entry.event.id)
        MemoryStorage.insert(entry.event.id, into: &idsOfSubject[ExactText(entry.event.subject), default: []])
        MemoryStorage.insert(LogItem(entry.event.id, entry.fingerprint.digest), into: &items)
        if let origin = entry.event.originID, let number = entry.event.number {
            numbered[origin, default: [:]][number, default: []].insert(entry.event.id)
        }
        let seq = Int64(places.count)
        if let number = entry.event.number {
            let origin = entry.event.origin
            numbers[ExactText(origin), default: NumberTally()].add(number, of: origin, at: entry.receivedAt)
        }
        stored[entry.event.id] = StoredEvent(
            seq: seq, event: entry.event, digest: entry.fingerprint.digest, signedHash: entry.fingerprint.signedHash,
            verification: entry.verification, peer: entry.peer, receivedAt: entry.receivedAt, dataSeen: entry.dataSeen,
            replacements: replacements, replacedAt: replacedAt, proofTime: entry.proofTime)
        return seq
    }

    package mutating func seal(
        _ id: ULID, signature: String?, publicKey: String?, verification: Verification, proofTime: ProofTime?
    ) throws(StoreFailure) {
        try spendWrite()
        stored[id]?.event.signature = signature
        stored[id]?.event.publicKey = publicKey
        stored[id]?.verification = verification
        stored[id]?.proofTime = proofTime
    }

    package mutating func strip(_ id: ULID, to stub: Event.Stub) throws(StoreFailure) {
        try spendWrite()
        stored[id]?.event.payload = .stub(stub)
    }

    package mutating func setHold(_ id: ULID, _ hold: HoldReason?) throws(StoreFailure) {
        try spendWrite()
        stored[id]?.hold = hold
    }

    package mutating func setRecord(_ subject: String, _ record: Record?) throws(StoreFailure) {
        try spendWrite()
        recordOfSubject[ExactText(subject)] = record
    }

    package mutating func setState(_ key: String, _ value: String?) throws(StoreFailure) {
        try spendWrite()
        stateOfKey[ExactText(key)] = value
    }

    package mutating func setMeta(_ key: MetaKey, _ value: String?) throws(StoreFailure) {
        try spendWrite()
        metaOfKey[key] = value
    }

    package mutating func setWireValue(
        _ wire: String, peer: String, key: String, _ value: [UInt8]?
    ) throws(StoreFailure) {
        try spendWrite()
        values[WireKey(wire: ExactText(wire), peer: ExactText(peer), key: ExactText(key))] = value
    }

    package mutating func quarantine(_ entry: QuarantineEntry) throws(StoreFailure) {
        try spendWrite()
        if let row = rowOfHash[entry.hash], let known = rows[row] {
            var entry = entry
            entry.row = row
            entry.peer = known.peer
            entry.firstSeen = known.firstSeen
            entry.count = known.count + 1
            rows[row] = entry
        } else {
            lastRow += 1
            var entry = entry
            entry.row = lastRow
            rows[lastRow] = entry
            rowOfHash[entry.hash] = lastRow
        }
        evict(entry.peer)
    }

    private mutating func evict(_ peer: String) {
        let refused = quarantined(.refused, peer)
        if refused.count > Limits.evidenceRowsPerPeer {
            let oldest = refused.sorted(by: MemoryStorage.wasSeenBefore)
            for row in oldest.prefix(refused.count - Limits.evidenceRowsPerPeer) { forget(row.row) }
        }
        let deferred = quarantined(.deferred, peer)
        if deferred.count > Limits.deferredRowsPerPeer {
            func order(_ row: QuarantineEntry) -> (Int64, Int64) { (row.retryAt?.milliseconds ?? .max, row.row) }
            let furthest = deferred.sorted { order($0) > order($1) }
            for row in furthest.prefix(deferred.count - Limits.deferredRowsPerPeer) { forget(row.row) }
        }
    }

    private mutating func forget(_ row: Int64) {
        if let hash = rows[row]?.hash { rowOfHash[hash] = nil }
        rows[row] = nil
    }

    package mutating func removeQuarantine(_ row: Int64) throws(StoreFailure) {
        try spendWrite()
        forget(row)
    }

    package mutating func setQuarantineRetry(_ row: Int64, at time: WallTime?) throws(StoreFailure) {
        try spendWrite()
        rows[row]?.retryAt = time
    }

    package mutating func setQuarantineRetries(codes: [String], at time: WallTime) throws(StoreFailure) {
        try spendWrite()
        for (number, row) in rows where row.kind == .refused && codes.contains(row.code) {
            let isWhole = row.bytes.count < Limits.evidenceBytes || row.code == EventRefusal.losingVariant.code
            if isWhole { rows[number]?.retryAt = time }
        }
    }
}
