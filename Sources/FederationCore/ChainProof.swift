/// What the attestations of a page prove of its events, by hashing and one signature for many.
///
/// An origin's chain is followed from where it was attested before, over what is in the log and in the page, to each
/// checkpoint that came with the page. Where it does not fit (something is missing, or was touched on the way) nothing is
/// proved by it, and each event is judged by its own signature.
struct ChainProof {
    private struct Proof {
        var digest: Digest
        var signature: String?
        /// The key that signs events of its number.
        var key: String
        var verification: Verification

        func covers(_ event: Event) -> Bool {
            signature == event.signature && event.publicKey.map { PublicKey.isSame($0, key) } ?? true
        }
    }

    /// An event of the page. The chain does not hold the key that it names, and a relay may have put another one there.
    private struct Arriving {
        var link: ChainLink
        var key: String?

        func isBy(_ key: String) -> Bool { self.key.map { PublicKey.isSame($0, key) } ?? true }
    }

    private var proofs: [ULID: Proof] = [:]
    private var fitting: [Attestation] = []
    private var contradicting: [Attestation] = []
    /// Events that were in the log and are now proved better.
    private var sealed: [ChainLink] = []
    /// Of which more is shown than single signatures did: what is here is looked at again.
    private var doubted: Set<ULID> = []
    /// Where checkpoints that were kept turned out to be none of the origin's.
    private var disproved: [(ULID, ClosedRange<UInt64>)] = []
    /// How many events may still be read to be hashed.
    private var budget = Limits.chainLinks
    /// Attestations that lead nowhere.
    private(set) var unproven = 0
    /// Of the page's events, as far as they were needed: by place.
    private(set) var fingerprints: [Int: EventFingerprint] = [:]

    init() {}

    init(
        _ page: PulledPage, _ policy: IntakePolicy, _ keys: inout OriginKeys, now: WallTime, in log: inout some LogWriting
    ) throws(StoreFailure) {
        let attestations = page.attestations.prefix(Limits.attestationsPerPage)
        let byOrigin = Dictionary(grouping: attestations, by: \.origin)
        guard !byOrigin.isEmpty else { return }
        var links: [ULID: [Arriving]] = [:]
        for (index, item) in page.items.enumerated() {
            guard case .event(let event, _) = item, let origin = event.originID, byOrigin[origin] != nil,
                let number = event.number,
                let fingerprint = page.findings(at: index)?.fingerprint ?? (try? event.fingerprint(policy.sha256))
            else { continue }
            fingerprints[index] = fingerprint
            let link = ChainLink(
                number: number, id: event.id, digest: fingerprint.digest, signature: event.signature)
            links[origin, default: []].append(Arriving(link: link, key: event.publicKey))
        }
        for (origin, found) in byOrigin.sorted(by: { $0.key < $1.key }) where origin != policy.node {
            guard keys.mode(for: origin) != .off else { continue }
            let sorted = found.sorted { $0.number < $1.number }
            if let first = sorted.first { try begin(with: first, &keys, page, in: &log) }
            try keys.take(sorted, of: origin, now: now, in: &log)
            let kept = Set(try log.successions(of: origin).map(\.attestation))
            unproven += sorted.count { $0.next != nil && !kept.contains($0) }
            let checkpoints = sorted.filter { $0.next == nil }
            try follow(checkpoints, of: origin, links[origin] ?? [], policy, &keys, in: log)
            let tip = max(try Chain.tip(of: origin, policy.sha256, in: log).number, fitting.last { $0.origin == origin }?.number ?? 0)
            unproven += checkpoints.count { $0.number > tip }
        }
    }

    /// The first key that is heard of an origin nobody knew, if one of the page's events bears it.
    private func begin(
        with first: Attestation, _ keys: inout OriginKeys, _ page: PulledPage, in log: inout some LogWriting
    ) throws(StoreFailure) {
        let isBorne = page.items.contains { item in
            guard case .event(let event, _) = item, event.originID == first.origin else { return false }
            return event.publicKey.map { PublicKey.isSame($0, first.key.text) } ?? false
        }
        if isBorne { try keys.learn(first.key.text, of: first.origin, in: &log) }
    }

    private mutating func follow(
        _ checkpoints: [Attestation], of origin: ULID, _ arriving: [Arriving], _ policy: IntakePolicy,
        _ keys: inout OriginKeys, in log: some LogReading
    ) throws(StoreFailure) {
        guard let ring = try keys.ring(of: origin, in: log), !ring.isFrozen else { return }
        // Nothing is hashed for what its origin did not sign.
        let signed = checkpoints.filter { isSigned($0, by: ring, keys) }
        var tip = try Chain.tip(of: origin, policy.sha256, in: log)
        for checkpoint in signed where checkpoint.number <= tip.number {
            guard let ours = try log.lastCheckpoint(of: origin, through: checkpoint.number), ours.number == checkpoint.number,
                ours.head != checkpoint.head
            else { continue }
            contradicting.append(checkpoint)
        }
        let links = arriving.filter { $0.isBy(ring.stretch(of: $0.link.number).key) }.map(\.link)
        // One origin leaves others something.
        var share = budget / 2
        budget -= share
        defer { budget += share }
        var candidates: ChainCandidates?
        for checkpoint in signed where checkpoint.number > tip.number {
            if candidates == nil, let furthest = signed.last {
                candidates = try ChainCandidates(
                    of: origin, after: tip.number, through: furthest.number, links, budget: &share, in: log)
            }
            if let walk = candidates?.walk(from: tip, to: checkpoint.tip, over: ring.joints, policy.sha256) {
                take(walk, to: checkpoint, after: tip, ring)
            } else if let walk = try walkAnew(to: checkpoint, from: tip, ring, links, policy, budget: &share, in: log) {
                // What an earlier key had attested so far was not confirmed, and is not what its successor has signed.
                disproved.append((origin, walk.start.number + 1...max(tip.number, walk.start.number + 1)))
                take(walk, to: checkpoint, after: walk.start, ring)
                candidates = nil
            } else {
                return
            }
            tip = checkpoint.tip
        }
    }

    /// Follows the chain from the last place that is confirmed, where an earlier key's word led elsewhere than over the
    /// place that its successor has signed.
    private func walkAnew(
        to checkpoint: Attestation, from tip: ChainTip, _ ring: OriginRing, _ arriving: [ChainLink], _ policy: IntakePolicy,
        budget: inout Int, in log: some LogReading
    ) throws(StoreFailure) -> ChainWalk? {
        let start = ring.joints.last { $0.number <= tip.number } ?? Chain.start(of: checkpoint.origin, policy.sha256)
        guard let joint = ring.joints.first(where: { $0.number > tip.number }), checkpoint.number >= joint.number,
            start.number < tip.number
        else { return nil }
        var candidates = try ChainCandidates(
            of: checkpoint.origin, after: start.number, through: checkpoint.number, arriving, budget: &budget, in: log)
        return candidates.walk(from: start, to: checkpoint.tip, over: ring.joints, policy.sha256)
    }

    private mutating func take(_ walk: ChainWalk, to checkpoint: Attestation, after tip: ChainTip, _ ring: OriginRing) {
        fitting.append(checkpoint)
        let origin = checkpoint.origin
        let crossed = ring.joints.contains { $0.number > tip.number && $0.number <= checkpoint.number }
        // Of an origin that never changed its key, both of two stay.
        if crossed || walk.leavesOut && !ring.joints.isEmpty { doubted.insert(origin) }
        for link in walk.links {
            let stretch = ring.stretch(of: link.number)
            let isConfirmed = stretch.end.map { $0.number <= checkpoint.number } ?? true
            let proof: Verification = ring.root.source == .relayed || !isConfirmed ? .provisional : .chained
            proofs[link.id] = Proof(
                digest: link.digest, signature: link.signature, key: stretch.key, verification: proof)
            if proof == .chained, link.seq != nil, !link.isChained { sealed.append(link) }
        }
    }

    /// Whoever follows the chain of a key that was given up follows it under the one in use, which vouched for it.
    private func isSigned(_ checkpoint: Attestation, by ring: OriginRing, _ keys: OriginKeys) -> Bool {
        ring.mayAttest(checkpoint) && checkpoint.isSigned(keys.policy.check)
    }

    /// How a chain proves an event; `nil` where none does.
    func proof(of event: Event, _ fingerprint: EventFingerprint) -> Verification? {
        guard let proof = proofs[event.id], proof.digest == fingerprint.digest, proof.covers(event) else { return nil }
        return proof.verification
    }

    /// Keeps what fits, once the page is in the log.
    ///
    /// - Returns: events that their signature holds, and need no longer.
    func write(to log: inout some LogWriting, now: WallTime) throws(StoreFailure) -> [Event] {
        var released: [Event] = []
        for link in sealed {
            guard let stored = try log.event(link.id), stored.digest == link.digest, stored.verification != .chained,
                proofs[link.id]?.covers(stored.event) == true
            else { continue }
            try log.seal(
                link.id, signature: stored.event.signature, publicKey: stored.event.publicKey, verification: .chained,
                proofTime: stored.proofTime(becoming: .chained, by: .chain, at: now))
            if stored.hold == .signature { released.append(stored.event) }
        }
        for (origin, numbers) in disproved {
            try log.forgetCheckpoints(of: origin) { numbers.contains($0.number) }
        }
        for attestation in fitting { try log.keep(attestation, fits: true, at: now) }
        for origin in doubted.sorted() { try SignatureReview.begin(of: origin, in: &log) }
        for attestation in contradicting { try log.keep(attestation, fits: false, at: now) }
        return released
    }
}
