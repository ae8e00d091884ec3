/// Takes in events one after another, and makes the records anew once, at the end.
struct IntakePass {
    let policy: IntakePolicy
    let now: WallTime
    /// The peer that gave the next event.
    var peer: String
    /// An event of our own, signed by us, that we lacked.
    private(set) var foundOwnEvent: ULID?
    private var clock: NodeClock
    private let ownOrigin: String
    // Nobody but this pass puts events into the log: a replayer is lent values of its own alone.
    private var subjects = PageSubjects()
    private var unmet = UnmetIDs()
    /// Whether a row of quarantine may hold an event that is now taken in.
    private var hasQuarantine: Bool
    private var keys: OriginKeys
    private var chain = ChainProof()
    /// Events of the log that their signature holds no longer.
    private var believed: Set<ULID> = []

    init(_ policy: IntakePolicy, peer: String, now: WallTime, _ log: some LogReading) throws(StoreFailure) {
        self.policy = policy
        self.peer = peer
        self.now = now
        clock = try NodeClock(of: policy.node, in: log)
        ownOrigin = policy.node.description
        keys = try OriginKeys(policy.signatures, policy.sha256, in: log)
        var rows = try log.quarantineCount(kind: .refused, peer: nil)
        rows += try log.quarantineCount(kind: .deferred, peer: nil)
        hasQuarantine = rows > 0
    }

    /// Finds out whether the log may have any of the events that will arrive, or of their subjects.
    mutating func lookAhead(at items: [PulledItem], in log: some LogReading) throws(StoreFailure) {
        unmet = try UnmetIDs(of: items, in: log)
        try subjects.lookAhead(at: items, in: log)
    }

    /// Looks at what came with a page of the histories of its events' origins.
    mutating func prove(_ page: PulledPage, in log: inout some LogWriting) throws(StoreFailure) {
        guard !page.attestations.isEmpty else { return }
        chain = try ChainProof(page, policy, &keys, now: now, in: &log)
    }

    var unprovenAttestations: Int { chain.unproven }

    private mutating func believe(_ event: Event) {
        believed.insert(event.id)
        subjects.change(event.subject)
    }

    mutating func keepProof(in log: inout some LogWriting) throws(StoreFailure) {
        for event in try chain.write(to: &log, now: now) { believe(event) }
    }

    /// - Parameters:
    ///   - place: in the page that `prove` was given.
    ///   - findings: what was found out of the item already.
    mutating func arrive(
        _ item: PulledItem, at place: Int? = nil, _ findings: EventFindings? = nil, into log: inout some LogWriting
    ) throws(StoreFailure) -> Arrival {
        switch item {
        case .unreadable(let refusal, let bytes, let id, let subject):
            return try refuse(refusal, evidence: bytes, id: id, subject: subject, in: &log)
        case .event(let event, let bytes):
            let fingerprint = findings?.fingerprint ?? place.flatMap { chain.fingerprints[$0] }
            let arrival = try take(event, bytes, fingerprint, findings, into: &log)
            switch arrival {
            case .stored, .duplicate: try forgetEvidence(bytes, in: &log)
            case .refused, .deferred, .failed: break
            }
            return arrival
        }
    }

    /// Makes the records of all changed subjects, and writes the clock.
    ///
    /// - Returns: the holds of the events of those subjects.
    func finish(into log: inout some LogWriting) throws(StoreFailure) -> [ULID: HoldReason] {
        let upkeep = RecordUpkeep(policy, now: now)
        var holds: [ULID: HoldReason] = [:]
        for place in subjects.changed {
            let (text, known) = (subjects[place].text, subjects[place].known)
            holds.merge(try upkeep.update(text, believing: believed, knowing: known, in: &log)) { $1 }
        }
        try clock.write(to: &log)
        if let foundOwnEvent, try log.meta(.stopped) == nil {
            try log.setMeta(.stopped, StopReason.ownEvent(foundOwnEvent).stored)
        }
        return holds
    }

    // The steps, in the order of the design: digest, have it, shape and origin, time, variants, store.

    private mutating func take(
        _ event: Event, _ bytes: [UInt8], _ known: EventFingerprint?, _ findings: EventFindings?,
        into log: inout some LogWriting
    ) throws(StoreFailure) -> Arrival {
        let fingerprint: EventFingerprint
        do throws(JSONProblem) {
            if let known { fingerprint = known } else { fingerprint = try event.fingerprint(policy.sha256) }
        } catch {
            return try refuse(.notJSON(error), of: event, bytes, in: &log)
        }
        let stored = unmet.contains(event.id) ? nil : try log.event(event.id)
        if let stored { subjects.forget(stored.event.subject) }
        if let stored, let arrival = try meet(event, bytes, fingerprint, stored, in: &log) { return arrival }
        let verification: Verification
        switch try judge(event, fingerprint, findings, in: log) {
        case .success(let proof): verification = proof
        case .failure(let refusal): return try refuse(refusal, of: event, bytes, in: &log)
        }
        let isOurs = event.origin.isExactly(ownOrigin)
        if isOurs, try showsOwnFuture(event, stored, in: log) { foundOwnEvent = foundOwnEvent ?? event.id }
        let deferred = now.advanced(by: Limits.deferredAfter)
        if policy.defersFuture, !isOurs, event.id.time > deferred {
            let wait = event.id.time.since(deferred)
            try setAside(event, bytes, code: QuarantineEntry.deferredCode, until: now.advanced(by: wait), in: &log)
            return .deferred
        }
        let entry = LogEntry(
            event: event, fingerprint: fingerprint, verification: verification, peer: peer, receivedAt: now)
        if let stored { return try contest(entry, stored, bytes, in: &log) }
        return try store(entry, findings, over: nil, in: &log)
    }

    /// Shape and origin: what depends on the event, on constants, on the keys known and on the node's policy.
    private mutating func judge(
        _ event: Event, _ fingerprint: EventFingerprint, _ findings: EventFindings?, in log: some LogReading
    ) throws(StoreFailure) -> Result<Verification, EventRefusal> {
        if let findings {
            if let refusal = findings.refusal { return .failure(refusal) }
        } else {
            do throws(EventRefusal) { try event.checkContent(policy.sha256) } catch { return .failure(error) }
        }
        guard event.origin.isExactly(ownOrigin) else {
            return try judgeOther(event, fingerprint, findings, isNew: true, in: log)
        }
        guard OwnOrigin.isOurs(event, fingerprint, policy.isOwnSignature) else { return .failure(.forgedOwnOrigin) }
        return .success(.pinned)
    }

    private mutating func judgeOther(
        _ event: Event, _ fingerprint: EventFingerprint, _ findings: EventFindings?, isNew: Bool, in log: some LogReading
    ) throws(StoreFailure) -> Result<Verification, EventRefusal> {
        if let proof = chain.proof(of: event, fingerprint) { return .success(proof) }
        guard let check = policy.originCheck else {
            return try keys.judge(event, fingerprint, findings, isNew: isNew, in: log)
        }
        do throws(EventRefusal) { return .success(try check(event, fingerprint)) } catch { return .failure(error) }
    }

    /// Whether an event that we have signed, and that is not here, shows this database to be older than what it has
    /// published.
    ///
    /// It does not where it only fills a hole: its number lies at or below the highest that this database knows to have
    /// given, and no other event of ours has it. A database that was put back to a backup knows no such number, or has
    /// given it again. What others saw of our numbers counts for nothing here: it may be from after the backup.
    private func showsOwnFuture(
        _ event: Event, _ stored: StoredEvent?, in log: some LogReading
    ) throws(StoreFailure) -> Bool {
        guard !policy.recoversOwnEvents else { return false }
        // Whoever took its id while it was away shows nothing of what we have published.
        let isTwin = stored?.event.origin.isExactly(ownOrigin) ?? false
        guard !isTwin, let number = event.number else { return true }
        let given = max(clock.clock[policy.node], try log.highestNumber(of: event.origin) ?? 0)
        guard number <= given else { return true }
        return try !log.events(by: event.origin, numbers: number...number, limit: 1, bytes: 1).isEmpty
    }

    private mutating func contest(
        _ entry: LogEntry, _ stored: StoredEvent, _ bytes: [UInt8], in log: inout some LogWriting
    ) throws(StoreFailure) -> Arrival {
        let (isOurs, wasOurs) = (entry.event.origin.isExactly(ownOrigin), stored.event.origin.isExactly(ownOrigin))
        // What we have written is here to stay, however strong the claim of another origin to its id.
        if isOurs, !wasOurs { return try store(entry, over: stored, in: &log) }
        guard isOurs == wasOurs, Variants.Claim(entry) > Variants.Claim(stored) else {
            return try refuse(.losingVariant, of: entry.event, bytes, in: &log)
        }
        if let due = Variants.waits(for: stored, now: now) {
            try setAside(entry.event, bytes, code: EventRefusal.losingVariant.code, until: due, in: &log)
            return .deferred
        }
        return try store(entry, over: stored, in: &log)
    }

    private mutating func store(
        _ entry: LogEntry, _ findings: EventFindings? = nil, over loser: StoredEvent?, in log: inout some LogWriting
    ) throws(StoreFailure) -> Arrival {
        let event = entry.event
        let upkeep = RecordUpkeep(policy, now: now)
        let hold: HoldReason?
        switch try upkeep.offer(entry, in: &log) {
        case .go: hold = nil
        case .hold(let reason): hold = .replayer(reason)
        case .stop(let reason): return .failed(reason)
        }
        if entry.verification == .provisional { try keys.learn(from: event, in: &log) }
        let isProved = chain.proof(of: event, entry.fingerprint) != nil
        try Equivocation.note(
            entry, over: loser, isProved: isProved, &keys.intervals, policy.sha256, now: now, in: &log)
        let place = subjects.place(of: event.subject)
        try subjects.begin(at: place, in: log)
        let kept = try asKept(entry, subjects[place], in: log)
        if let loser {
            let evidence = loser.event.json
            try keepEvidence(.losingVariant, of: loser.event, evidence, from: loser.peer, in: &log)
            _ = try log.replace(with: kept, counted: true)
            subjects.change(loser.event.subject)
            subjects.change(at: place)
            subjects.forget(at: place)
        } else {
            unmet.remove(event.id)
            let isWhole = !kept.event.isStub
            subjects.add(kept, at: place, seq: try log.append(kept), isWhole ? findings : nil)
        }
        if let hold {
            try log.setHold(event.id, hold)
            subjects.forget(at: place)
        }
        // One that is held purges nothing yet.
        if hold == nil, event.knownAction?.isPurge == true { subjects[place].isPurged = true }
        clock.meet(event)
        return .stored(event.id)
    }

    /// What is stored of an event: all of it, but for the `data` of one that does not precede a purge of its subject.
    private func asKept(
        _ entry: LogEntry, _ subject: PageSubjects.Subject, in log: some LogReading
    ) throws(StoreFailure) -> LogEntry {
        guard !entry.event.isStub else { return entry }
        if !subject.isPurged {
            guard !subject.isKnown, try log.record(subject.text)?.purge != nil else { return entry }
        }
        let others = try log.events(of: subject.text).map(\.event)
        return Compaction.arrivesAsStub(entry.event, among: others) ? entry.stubbed : entry
    }
}

// Copies of what is in the log.
extension IntakePass {
    /// Another copy of an event of the log may bring what the log lacks: a signature, a better proof of the origin, or
    /// the `data` of a stub.
    ///
    /// - Returns: `nil` if it is another variant of the id.
    private mutating func meet(
        _ event: Event, _ bytes: [UInt8], _ fingerprint: EventFingerprint, _ stored: StoredEvent,
        in log: inout some LogWriting
    ) throws(StoreFailure) -> Arrival? {
        let fitsSignature = stored.fitsSignature(of: event, fingerprint, policy.sha256)
        let isSameItem = fingerprint.digest == stored.digest
        guard fitsSignature || isSameItem else { return nil }
        // Of two stubs of one event, one lies about its normal form, and a contest decides.
        if !isSameItem, event.isStub, stored.event.isStub, !stored.dataSeen { return nil }
        var entry = LogEntry(
            event: event, fingerprint: fingerprint,
            verification: try verification(ofCopy: event, fingerprint, stored, in: log), peer: peer, receivedAt: now)
        let isBetterProved = entry.verification.rank > stored.verification.rank
        if stored.event.isStub, !event.isStub, fitsSignature || entry.verification.rank >= stored.verification.rank {
            // The stub came without what would have refused the whole.
            do throws(EventRefusal) { try event.checkContent(policy.sha256) } catch {
                return try refuse(error, of: event, bytes, in: &log)
            }
            if fitsSignature { entry.inherit(from: stored) }
            return try restore(entry, stored, in: &log)
        }
        if fitsSignature {
            guard isBetterProved || stored.event.signature == nil && event.signature != nil else { return .duplicate }
            entry.inherit(from: stored)
            try log.seal(
                event.id, signature: entry.event.signature, publicKey: entry.event.publicKey,
                verification: entry.verification,
                proofTime: stored.proofTime(
                    becoming: entry.verification, by: entry.verification == .chained ? .chain : .copy, at: now))
            if stored.hold == .signature, entry.verification.rank > 0 { believe(stored.event) }
        } else if isBetterProved, !event.isStub || !stored.dataSeen {
            // The same item in the bytes that its origin signed: a relay had written the others.
            try put(entry, inPlaceOf: stored, in: &log)
        }
        return .duplicate
    }

    private mutating func verification(
        ofCopy event: Event, _ fingerprint: EventFingerprint, _ stored: StoredEvent, in log: some LogReading
    ) throws(StoreFailure) -> Verification {
        guard let signature = event.signature else { return .none }
        let isKnown = stored.event.signature?.isExactly(signature) == true
        if isKnown, stored.verification != .none, stored.fitsSignature(of: event, fingerprint, policy.sha256) {
            return Verification.stronger(stored.verification, chain.proof(of: event, fingerprint) ?? .none)
        }
        if event.origin.isExactly(ownOrigin) {
            return OwnOrigin.isOurs(event, fingerprint, policy.isOwnSignature) ? .pinned : .none
        }
        switch try judgeOther(event, fingerprint, nil, isNew: false, in: log) {
        case .success(let proof): return proof
        case .failure: return .none
        }
    }

    /// A full event meets the stub that was made of it.
    private mutating func restore(
        _ entry: LogEntry, _ stored: StoredEvent, in log: inout some LogWriting
    ) throws(StoreFailure) -> Arrival {
        let subject = entry.event.subject
        guard Compaction.isWanted(entry.event.id, of: subject, from: try log.events(of: subject)) else {
            // Its data is not wanted here, but it shows which digest is the true one.
            if !stored.dataSeen { try put(entry.stubbed, inPlaceOf: stored, in: &log) }
            return .duplicate
        }
        if !stored.dataSeen, stored.hold == nil {
            // The replayer has seen the stub only.
            switch try RecordUpkeep(policy, now: now).offer(entry, in: &log) {
            case .stop(let reason): return .failed(reason)
            case .go, .hold: break
            }
        }
        try put(entry, inPlaceOf: stored, in: &log)
        return .duplicate
    }

    private mutating func put(
        _ entry: LogEntry, inPlaceOf stored: StoredEvent, in log: inout some LogWriting
    ) throws(StoreFailure) {
        var entry = entry
        entry.proofTime = try stored.proofTime(handedTo: entry.verification, in: log)
        let seq = try log.replace(with: entry, counted: false)
        try SignatureReview.follow(from: stored.seq, to: seq, in: &log)
        // What lifts it is told the replayer, and looked at for its signature.
        if let hold = stored.hold { try log.setHold(entry.event.id, hold) }
        if stored.hold == .signature, entry.verification.isProved { believe(entry.event) }
        subjects.change(entry.event.subject)
    }
}

// Events that are not taken in.
extension IntakePass {
    private mutating func refuse(
        _ refusal: EventRefusal, of event: Event, _ bytes: [UInt8], in log: inout some LogWriting
    ) throws(StoreFailure) -> Arrival {
        try keepEvidence(refusal, of: event, bytes, from: peer, in: &log)
        return .refused(refusal.reason)
    }

    private mutating func refuse(
        _ refusal: EventRefusal, evidence bytes: [UInt8], id: String, subject: String, in log: inout some LogWriting
    ) throws(StoreFailure) -> Arrival {
        hasQuarantine = true
        try log.quarantine(
            QuarantineEntry(
                kind: .refused, peer: peer, reason: refusal.reason, code: refusal.code, eventID: id, subject: subject,
                bytes: Array(bytes.prefix(Limits.evidenceBytes)), hash: policy.sha256(bytes), firstSeen: now,
                lastSeen: now))
        return .refused(refusal.reason)
    }

    /// A losing variant is kept whole, because it may win yet.
    private mutating func keepEvidence(
        _ refusal: EventRefusal, of event: Event, _ bytes: [UInt8], from peer: String, in log: inout some LogWriting
    ) throws(StoreFailure) {
        hasQuarantine = true
        try log.quarantine(
            QuarantineEntry(
                kind: .refused, peer: peer, reason: refusal.reason, code: refusal.code, eventID: event.id.description,
                subject: event.subject,
                bytes: refusal == .losingVariant ? bytes : Array(bytes.prefix(Limits.evidenceBytes)),
                hash: policy.sha256(bytes), digest: digest(of: event), firstSeen: now, lastSeen: now))
    }

    private func digest(of event: Event) -> Digest? { (try? event.fingerprint(policy.sha256))?.digest }

    private mutating func setAside(
        _ event: Event, _ bytes: [UInt8], code: String, until due: WallTime, in log: inout some LogWriting
    ) throws(StoreFailure) {
        hasQuarantine = true
        try log.quarantine(
            QuarantineEntry(
                kind: .deferred, peer: peer, reason: .other, code: code, eventID: event.id.description,
                subject: event.subject, bytes: bytes, hash: policy.sha256(bytes), digest: digest(of: event),
                firstSeen: now, lastSeen: now, retryAt: due))
    }

    /// What is in the log is no longer in quarantine.
    private func forgetEvidence(_ bytes: [UInt8], in log: inout some LogWriting) throws(StoreFailure) {
        guard hasQuarantine, let known = try log.quarantineEntry(hash: policy.sha256(bytes)) else { return }
        try log.removeQuarantine(known.row)
    }
}
