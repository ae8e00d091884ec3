/// The key that is known of an origin, and how it became known.
struct OriginKey: Hashable {
    enum Source: Hashable {
        /// From a relayed event: whoever relayed first had the say.
        case relayed
        /// Its origin showed it to us itself (`cortexkey:<ulid>`).
        case pinned
        /// The configuration names it.
        case configured
    }

    var text: String
    var source: Source

    var proof: Verification {
        switch source {
        case .relayed: .provisional
        case .pinned: .pinned
        case .configured: .hardPinned
        }
    }
}

/// The keys and the policy by which a transaction judges events: what was looked up once is not looked up again.
struct OriginKeys {
    /// What the signature of an event shows.
    enum Finding: Hashable {
        /// Nothing is asked of this origin.
        case unchecked
        case proved(Verification)
        /// It proves nothing, and nothing is expected of it: an object of another system, which every importer writes
        /// alike and nobody signs.
        case unsigned
        case problem(EventRefusal)

        /// What the log keeps of it, if the event is taken in.
        var verification: Verification {
            switch self {
            case .unchecked: .none
            case .proved(let proof): proof
            case .unsigned, .problem(.unsigned): .unsigned
            case .problem(.unknownKey): .unknownKey
            case .problem: .invalid
            }
        }
    }

    let policy: SignaturePolicy
    private let sha256: SHA256
    private var configured: [ULID: String] = [:]
    private var relaxed: [ULID: SignatureMode] = [:]
    private var known: [ULID: OriginKey?] = [:]
    private var rings: [ULID: OriginRing] = [:]
    var intervals = ChainIntervals()

    init(_ policy: SignaturePolicy, _ sha256: @escaping SHA256, in log: some LogReading) throws(StoreFailure) {
        self.policy = policy
        self.sha256 = sha256
        for peer in policy.peers {
            guard let id = try peer.identity(in: log) else { continue }
            if let key = peer.key { configured[id] = key.text }
            // Of two entries with one identity the stricter counts.
            if let mode = peer.mode { relaxed[id] = max(relaxed[id] ?? .off, mode) }
        }
    }

    /// What is asked of events of this origin: what the node's policy says, or less where the origin is a peer whose
    /// own entry says so.
    func mode(for origin: ULID?) -> SignatureMode {
        guard let origin, let own = relaxed[origin] else { return policy.mode }
        return min(own, policy.mode)
    }

    mutating func key(of origin: ULID, in log: some LogReading) throws(StoreFailure) -> OriginKey? {
        if let key = configured[origin] { return OriginKey(text: key, source: .configured) }
        if let known = known[origin] { return known }
        var found: OriginKey?
        if let text = try log.state(StateKey.publicKey(of: origin)), !text.isEmpty {
            found = OriginKey(text: text, source: .pinned)
        } else if let text = try log.state(StateKey.relayedKey(of: origin)), !text.isEmpty {
            found = OriginKey(text: text, source: .relayed)
        }
        known[origin] = .some(found)
        return found
    }

    /// The keys of an origin, one after another; `nil` where none is known.
    mutating func ring(of origin: ULID, in log: some LogReading) throws(StoreFailure) -> OriginRing? {
        if let ring = rings[origin] { return ring }
        guard let root = try key(of: origin, in: log) else { return nil }
        let ring = OriginRing(root, try Successions(of: origin, in: log))
        rings[origin] = ring
        return ring
    }

    /// Looks at the signature of an event of another origin than our own.
    ///
    /// - Parameters:
    ///   - findings: what was found out of it already.
    ///   - isNew: it is not in the log.
    mutating func finding(
        _ event: Event, _ fingerprint: EventFingerprint, _ findings: EventFindings? = nil, isNew: Bool,
        in log: some LogReading
    ) throws(StoreFailure) -> Finding {
        let origin = event.originID
        guard mode(for: origin) != .off else { return .unchecked }
        let ring: OriginRing? = if let origin { try ring(of: origin, in: log) } else { nil }
        guard let signature = event.signature else {
            return event.family != .noema && ring == nil ? .unsigned : .problem(.unsigned)
        }
        if isNew, ring?.isFrozen == true { return .problem(.frozenOrigin) }
        let stretch = ring?.stretch(of: event.number)
        if let stretch, let shown = event.publicKey, !PublicKey.isSame(stretch.key, shown) { return .problem(.swappedKey) }
        // What is no identity has no key of its own that could be told from another's.
        guard origin != nil, let text = stretch?.key ?? event.publicKey else { return .problem(.unknownKey) }
        let isSigned = event.isSigned(fingerprint, sha256, knowing: findings.holds(by: text)) {
            policy.check($0, signature, text)
        }
        guard isSigned else {
            return .problem(.badSignature)
        }
        guard let ring else { return .proved(.provisional) }
        return try confirmed(.proved(ring.root.proof), event, stretch, in: log)
    }

    /// Whoever has a key that was given up could go on signing with it: what it did sign is in the chain, and until that
    /// is known here, as far as the key reached, its signature is no more than a relay's word.
    private mutating func confirmed(
        _ finding: Finding, _ event: Event, _ stretch: OriginRing.Stretch?, in log: some LogReading
    ) throws(StoreFailure) -> Finding {
        guard let end = stretch?.end, let origin = event.originID, let number = event.number else { return finding }
        if try intervals.exclude(event.id, number: number, of: origin, sha256, in: log) { return .problem(.pastKey) }
        return try OriginRing.isConfirmed(end, of: origin, in: log) ? finding : .proved(.provisional)
    }

    /// What the policy makes of that: how the event is proved, or why it is refused.
    mutating func judge(
        _ event: Event, _ fingerprint: EventFingerprint, _ findings: EventFindings? = nil, isNew: Bool,
        in log: some LogReading
    ) throws(StoreFailure) -> Result<Verification, EventRefusal> {
        let finding = try finding(event, fingerprint, findings, isNew: isNew, in: log)
        if case .problem(let refusal) = finding, mode(for: event.originID) == .enforce { return .failure(refusal) }
        return .success(finding.verification)
    }

    /// Remembers the key of an event that is taken in, if none is known of its origin.
    mutating func learn(from event: Event, in log: inout some LogWriting) throws(StoreFailure) {
        guard let origin = event.originID, let shown = event.publicKey else { return }
        try learn(shown, of: origin, in: &log)
    }

    mutating func learn(_ key: String, of origin: ULID, in log: inout some LogWriting) throws(StoreFailure) {
        guard try self.key(of: origin, in: log) == nil else { return }
        try log.setState(StateKey.relayedKey(of: origin), key)
        known[origin] = .some(OriginKey(text: key, source: .relayed))
    }

    /// Takes up changes of one origin's key, as far as they are signed as they must be and lead to a key that is known.
    ///
    /// One from the same key to another one is kept as well, and freezes the origin.
    mutating func take(
        _ successions: [Attestation], of origin: ULID, now: WallTime, in log: inout some LogWriting
    ) throws(StoreFailure) {
        var kept = try log.successions(of: origin).map(\.attestation)
        var left = successions.filter { $0.origin == origin && $0.next != nil && !kept.contains($0) }
        // Each is looked at once, however often it is tried below.
        left = left.filter { $0.isSigned(policy.check) }
        var isChanged = false
        var goesOn = !left.isEmpty
        while goesOn, let ring = try ring(of: origin, in: log) {
            let joined = left.filter { ring.contains($0.key.text) || ring.contains($0.next?.text ?? "") }
            left.removeAll { joined.contains($0) }
            for each in joined where kept.count < Limits.successions {
                // Two freeze; more of them would only take others' places.
                let others = Successions.distinct(kept.filter { $0.key == each.key })
                guard others.count < 2 || others.contains(where: { $0 == each.next }) else { continue }
                try log.keep(each, fits: !kept.contains { $0.key == each.key && $0.next != each.next }, at: now)
                kept.append(each)
                isChanged = true
            }
            rings[origin] = nil
            goesOn = !joined.isEmpty && !left.isEmpty
        }
        guard isChanged else { return }
        try ring(of: origin, in: log)?.forgetOthers(of: origin, in: &log)
        // What was refused may be a successor's, and what is here may be by a key that was given up.
        try SignatureReview.begin(of: origin, in: &log)
        try SignatureReview.retryRefused(now: now, in: &log)
    }

    /// Pins the key that a peer has shown of itself, in place of whatever was known.
    ///
    /// What was taken in under another key is looked at again, and so is what was refused.
    static func pin(_ publicKey: String, of owner: ULID, now: WallTime, in log: inout some LogWriting) throws(StoreFailure) {
        let before = try log.state(StateKey.publicKey(of: owner)).flatMap { $0.isEmpty ? nil : $0 }
        try log.setState(StateKey.publicKey(of: owner), publicKey)
        try log.setState(StateKey.relayedKey(of: owner), nil)
        if let before, PublicKey.isSame(before, publicKey) { return }
        // A successor vouches for what came before it; what anything else had proved is in doubt.
        let ring = OriginRing(OriginKey(text: publicKey, source: .pinned), try Successions(of: owner, in: log))
        if let before, !ring.contains(before) { try SignatureReview.begin(of: owner, in: &log) }
        // Also those of a pin that a person has taken away.
        try ring.forgetOthers(of: owner, in: &log)
        try SignatureReview.begin(now: now, in: &log)
    }
}

extension SignaturePolicy.Peer {
    /// Whose entry it is, as far as is known.
    func identity(in log: some LogReading) throws(StoreFailure) -> ULID? {
        if let id { return id }
        return try log.state(StateKey.peer(name, .identity)).flatMap { ULID($0) }
    }
}
