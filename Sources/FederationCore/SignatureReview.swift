/// Looking again at signatures of events that are in the log, once a key or the policy is another: some hundred events a
/// transaction, from a place that is kept, so that a stop in between loses nothing.
package enum SignatureReview {
    static let namespace = "signatures"
    private static let unproved = "review"
    private static let ofOrigin = "review:"
    private static let policy = "policy"
    private static let configured = "key:"
    /// The scan that came to an end last: the one behind it is next, so that none waits for ever.
    static let turn = "turn"

    /// Looks again at every event of the log that is not proved, and lets what was refused for its signature be tried again.
    ///
    /// - Parameter isOpen: the scan ends where the log does: what was judged by other rules may be about to be written.
    static func begin(now: WallTime, isOpen: Bool = false, in log: inout some LogWriting) throws(StoreFailure) {
        let known = try known(unproved, in: log)
        if let scan = try Scan(key: unproved, isOpen: isOpen || known?.isOpen == true, in: log) {
            try log.setWireValue(namespace, peer: "", key: unproved, scan.value)
        }
        try retryRefused(now: now, in: &log)
    }

    private static func known(_ key: String, in log: some LogReading) throws(StoreFailure) -> Scan? {
        try log.wireValue(namespace, peer: "", key: key).flatMap { Scan((key, $0)) }
    }

    static func retryRefused(now: WallTime, in log: inout some LogWriting) throws(StoreFailure) {
        let codes = EventRefusal.signatureCodes + [EventRefusal.losingVariant.code]
        try log.setQuarantineRetries(codes: codes, at: now)
    }

    /// Looks again at every event of one origin. A scan of it that is under way comes to its end first: an origin that
    /// changes its key again and again must not keep it from that.
    static func begin(of origin: ULID, isOpen: Bool = false, in log: inout some LogWriting) throws(StoreFailure) {
        let key = ofOrigin + origin.description
        let known = try known(key, in: log)
        let isOpen = isOpen || known?.isOpen == true
        guard var scan = try Scan(key: key, isOpen: isOpen, in: log) else { return }
        if let known, known.after > 0 {
            scan = known
            scan.isWantedAgain = true
            if isOpen { scan.through = nil }
        }
        try log.setWireValue(namespace, peer: "", key: key, scan.value)
    }

    /// An event stands at another place now, by what was found of it before: a scan that was to come to it finds it there.
    static func follow(from old: Int64, to new: Int64, in log: inout some LogWriting) throws(StoreFailure) {
        for var scan in try log.wireValues(namespace, peer: "").compactMap(Scan.init) {
            guard let through = scan.through, scan.after < old, old <= through else { continue }
            scan.through = max(through, new)
            try log.setWireValue(namespace, peer: "", key: scan.key, scan.value)
        }
    }

    /// One scan that is under way.
    struct Scan {
        var key: String
        var after: Int64
        /// The head of the log when it began, as what comes later is judged as it comes; `nil` for the end of the log.
        var through: Int64?
        /// Something has changed since it began.
        var isWantedAgain = false
        /// `nil` for what is not proved, whosever it is.
        var origin: ULID?

        init?(_ value: (key: String, value: [UInt8])) {
            let words = String(decoding: value.value, as: UTF8.self).split(separator: " ")
            guard let first = words.first, let after = Int64(first) else { return nil }
            key = value.key
            self.after = after
            through = words.dropFirst().first.flatMap { Int64($0) }
            isWantedAgain = words.dropFirst().last == Scan.again
            if key == SignatureReview.unproved { return }
            guard key.hasPrefix(ofOrigin), let origin = ULID(key.dropFirst(ofOrigin.count)) else { return nil }
            self.origin = origin
        }

        /// One of all that is in the log now; `nil` if that is nothing, unless it has no end.
        init?(key: String, isOpen: Bool = false, in log: some LogReading) throws(StoreFailure) {
            (self.key, after) = (key, 0)
            guard !isOpen else { return }
            guard let head = try log.head() else { return nil }
            through = head.seq
        }

        var isOpen: Bool { through == nil }

        private static let again: Substring = "again"

        var value: [UInt8] {
            var words = ["\(after)"]
            if let through { words.append("\(through)") }
            if isWantedAgain { words.append(String(Scan.again)) }
            return Array(words.joined(separator: " ").utf8)
        }

        /// The next ones to look at.
        func events(limit: Int, of log: some LogReading) throws(StoreFailure) -> [StoredEvent] {
            if let through, after >= through { return [] }
            let events =
                origin == nil
                ? try log.unproved(after: after, limit: limit, bytes: Limits.pageBytes)
                : try log.events(after: after, limit: limit, bytes: Limits.pageBytes)
            return events.filter { $0.seq <= through ?? .max }
        }

        func isAbout(_ event: Event) -> Bool { origin.map { event.originID == $0 } ?? true }
    }

    static func scan(in log: some LogReading) throws(StoreFailure) -> Scan? {
        let last = try log.wireValue(namespace, peer: "", key: turn).map { String(decoding: $0, as: UTF8.self) } ?? ""
        let scans = try log.wireValues(namespace, peer: "").compactMap(Scan.init)
        return scans.first { $0.key > last } ?? scans.first
    }

    /// Notes the policy that this program works under from now on. Where it is another than before, everything that it
    /// could judge otherwise is looked at again.
    ///
    /// - Returns: whether it is another.
    @discardableResult
    package static func note(
        _ signatures: SignaturePolicy, now: WallTime, in log: inout some LogWriting
    ) throws(StoreFailure) -> Bool {
        let text = Array(signatures.text.utf8)
        guard try log.wireValue(namespace, peer: "", key: policy) != text else { return false }
        let isFirst = try log.wireValue(namespace, peer: "", key: policy) == nil
        try log.setWireValue(namespace, peer: "", key: policy, text)
        for peer in signatures.peers {
            guard let key = peer.key, let id = try peer.identity(in: log) else { continue }
            let kept = configured + id.description
            var before = try log.state(StateKey.publicKey(of: id))
            if let value = try log.wireValue(namespace, peer: "", key: kept) {
                before = String(decoding: value, as: UTF8.self)
            }
            try log.setWireValue(namespace, peer: "", key: kept, Array(key.text.utf8))
            let root = OriginKey(text: key.text, source: .configured)
            try OriginRing(root, try Successions(of: id, in: log)).forgetOthers(of: id, in: &log)
            if let before, !PublicKey.isSame(before, key.text) { try begin(of: id, isOpen: !isFirst, in: &log) }
        }
        try begin(now: now, isOpen: !isFirst, in: &log)
        return true
    }

    /// Whether something waits to be looked at.
    package static func isDue(in log: some LogReading) throws(StoreFailure) -> Bool { try scan(in: log) != nil }
}

extension SignatureReview {
    /// Looks at events of the log that are about to count, each once. What became known of an origin while its event was held for
    /// another reason was not worth a hold of its own until then.
    struct ReleaseCheck {
        private let policy: IntakePolicy
        private var looked: Set<ULID>
        private var keys: OriginKeys?

        init(_ policy: IntakePolicy, believing believed: Set<ULID>) {
            self.policy = policy
            looked = believed
        }

        /// Those that are to be held for their signature.
        mutating func forged(
            among events: [StoredEvent], in log: some LogReading
        ) throws(StoreFailure) -> [ULID] {
            guard policy.originCheck == nil else { return [] }
            let own = policy.node.description
            var found: [ULID] = []
            for stored in events where looked.insert(stored.event.id).inserted {
                let event = stored.event
                // What a chain has proved is no worse for its own signature.
                guard stored.verification != .chained, !event.origin.isExactly(own),
                    let fingerprint = try? event.fingerprint(policy.sha256)
                else { continue }
                var keys: OriginKeys
                if let known = self.keys { keys = known } else { keys = try OriginKeys(policy.signatures, policy.sha256, in: log) }
                if keys.holds(try keys.finding(event, fingerprint, isNew: false, in: log), of: event) { found.append(event.id) }
                // What it can say no more, another one can.
                self.keys = keys.intervals.isExhausted ? nil : keys
            }
            return found
        }
    }
}

extension OriginKeys {
    /// Whether an event of which this was found counts for nothing.
    fileprivate func holds(_ finding: Finding, of event: Event) -> Bool {
        guard case .problem = finding else { return false }
        return mode(for: event.originID) == .enforce
    }
}

extension Intake {
    /// Looks at signatures again, at most `limit` events of the log.
    ///
    /// Under `enforce` an event whose origin turns out not to have signed it is held: it stays in the log, as others may
    /// build on its place, and counts for nothing. `verify: warn` brings it back.
    ///
    /// - Returns: whether there is more to look at.
    package func review(now: WallTime, limit: Int, into log: inout some LogWriting) throws(StoreFailure) -> Bool {
        guard var scan = try SignatureReview.scan(in: log) else { return false }
        let events = try scan.events(limit: limit, of: log)
        guard let last = events.last else {
            let next = scan.isWantedAgain ? try SignatureReview.Scan(key: scan.key, in: log) : nil
            try log.setWireValue(SignatureReview.namespace, peer: "", key: scan.key, next?.value)
            try log.setWireValue(SignatureReview.namespace, peer: "", key: SignatureReview.turn, Array(scan.key.utf8))
            return try SignatureReview.isDue(in: log)
        }
        var keys = try OriginKeys(policy.signatures, policy.sha256, in: log)
        var changed: [ExactText: Set<ULID>] = [:]
        var reached = last
        for (index, stored) in events.enumerated() {
            guard scan.isAbout(stored.event), !stored.event.origin.isExactly(policy.node.description) else { continue }
            let subject = ExactText(stored.event.subject)
            switch try review(stored, &keys, now: now, in: &log) {
            case .asBefore: break
            case .held: changed[subject, default: []].remove(stored.event.id)
            case .believed: changed[subject, default: []].insert(stored.event.id)
            }
            guard keys.intervals.isExhausted, index + 1 < events.count else { continue }
            // The next transaction can say more of what follows.
            reached = stored
            break
        }
        let upkeep = RecordUpkeep(policy, now: now)
        for (subject, believed) in changed.sorted(by: { $0.key < $1.key }) {
            _ = try upkeep.update(subject.text, believing: believed, in: &log)
        }
        scan.after = reached.seq
        try log.setWireValue(SignatureReview.namespace, peer: "", key: scan.key, scan.value)
        return true
    }

    /// What a look at an event's signature came to.
    private enum Review { case asBefore, held, believed }

    private func review(
        _ stored: StoredEvent, _ keys: inout OriginKeys, now: WallTime, in log: inout some LogWriting
    ) throws(StoreFailure) -> Review {
        let event = stored.event
        guard let fingerprint = try? event.fingerprint(policy.sha256) else { return .asBefore }
        let finding = try keys.finding(event, fingerprint, isNew: false, in: log)
        // What a chain has proved is no worse for its own signature. What a key had attested that was given up since is
        // to be confirmed by the next one.
        let isChained = stored.verification == .chained && finding.verification.isProved
        if finding != .unchecked, !isChained, finding.verification != stored.verification {
            try log.seal(
                event.id, signature: event.signature, publicKey: event.publicKey, verification: finding.verification,
                proofTime: stored.proofTime(becoming: finding.verification, by: .review, at: now))
        }
        if case .proved = finding {
            try keys.learn(from: event, in: &log)
            if stored.verification.rank == 0 { try Equivocation.note(sealed: event, now: now, in: &log) }
        }
        let isHeld = keys.holds(finding, of: event)
        switch stored.hold {
        case nil where isHeld:
            try log.setHold(event.id, .signature)
            return .held
        case .signature where !isHeld: return .believed
        // What is held for another reason counts for nothing already, and is looked at again before it counts.
        default: return .asBefore
        }
    }
}
