/// The keys of one origin, one after another: which of them signs which numbers.
///
/// It hangs on one key that is known by itself, and reaches both ways over successions, which both keys have signed: the
/// old one vouches for the new one, the new one for what the old one had signed by then.
struct OriginRing: Hashable {
    struct Stretch: Hashable {
        var key: String
        /// Where its part of the chain ends; `nil` for the key in use.
        var end: ChainTip?
    }

    let root: OriginKey
    /// In order of number; never empty.
    private(set) var stretches: [Stretch]
    /// Two successions from one key: nobody can say which one its origin meant, until a person does.
    private(set) var isFrozen: Bool

    /// - Parameter successions: each step once: where two lead from one key, the one that a person chose.
    init(_ root: OriginKey, _ successions: Successions) {
        self.root = root
        stretches = [Stretch(key: root.text, end: nil)]
        var seen: Set<String> = [root.text]
        while let last = stretches.last, let step = successions.steps.first(where: { $0.key.text == last.key }),
            let next = step.next?.text, seen.insert(next).inserted
        {
            stretches[stretches.count - 1].end = step.tip
            stretches.append(Stretch(key: next, end: nil))
        }
        while let first = stretches.first, let step = successions.steps.first(where: { $0.next?.text == first.key }),
            seen.insert(step.key.text).inserted
        {
            stretches.insert(Stretch(key: step.key.text, end: step.tip), at: 0)
        }
        // Whoever met one of the two that a key named does not know that it is the right one, unless a person said so.
        let isDisputed = root.source != .configured && successions.disputed.contains { seen.contains($0) }
        isFrozen = isDisputed || successions.open.contains { seen.contains($0) }
    }

    /// The key in use.
    var current: String { stretches[stretches.count - 1].key }

    func contains(_ key: String) -> Bool { stretches.contains { PublicKey.isSame($0.key, key) } }

    /// The key that signs the event of this number; what has none is of the key in use.
    func stretch(of number: UInt64?) -> Stretch { stretches[place(of: number)] }

    private func place(of number: UInt64?) -> Int {
        let last = stretches.count - 1
        guard let number else { return last }
        return stretches.firstIndex { $0.end.map { number <= $0.number } ?? true } ?? last
    }

    /// Where one key's part of the chain ends and the next one's begins: the chain has to pass there, as the next key has
    /// signed. Without that a stolen old key could make up a beginning.
    var joints: [ChainTip] { stretches.compactMap(\.end) }

    /// Whether a checkpoint may be by its key: the one that signs events of that number, or one that came after and has
    /// vouched for them. A key that was given up says nothing about what came later, whoever has it by now.
    func mayAttest(_ checkpoint: Attestation) -> Bool {
        guard !joints.contains(where: { $0.number == checkpoint.number && $0 != checkpoint.tip }) else { return false }
        return stretches[place(of: checkpoint.number)...].contains { PublicKey.isSame($0.key, checkpoint.key.text) }
    }

    /// Whether what an earlier key has signed up to `end` is confirmed: the chain that is here passes there.
    static func isConfirmed(_ end: ChainTip, of origin: ULID, in log: some LogReading) throws(StoreFailure) -> Bool {
        try log.firstCheckpoint(of: origin, from: end.number) != nil
    }
}

extension OriginRing {
    /// Forgets the checkpoints of an origin by keys that may not say so: what somebody's made-up key has attested must not
    /// stand in the way of the origin's own chain for ever.
    func forgetOthers(of origin: ULID, in log: inout some LogWriting) throws(StoreFailure) {
        guard !isFrozen else { return }
        var strayed: [ClosedRange<UInt64>] = []
        try log.forgetCheckpoints(of: origin) { checkpoint in
            guard !mayAttest(checkpoint) else { return false }
            // A chain that does not end where its part ends has left the right way somewhere before; before the first
            // event there is nowhere.
            if let joint = joints.first(where: { $0.number == checkpoint.number && $0.number > 0 }) {
                strayed.append((joints.last { $0.number < joint.number }?.number ?? 0) + 1...joint.number)
            }
            return true
        }
        guard !strayed.isEmpty else { return }
        try log.forgetCheckpoints(of: origin) { checkpoint in strayed.contains { $0.contains(checkpoint.number) } }
    }
}

extension LogWriting {
    /// Forgets the checkpoints of an origin that are meant.
    mutating func forgetCheckpoints(of origin: ULID, where isMeant: (Attestation) -> Bool) throws(StoreFailure) {
        var row: Int64 = 0
        while true {
            let page = try attestations(afterRow: row, limit: Limits.attestationsPerPage)
            guard let last = page.last else { return }
            row = last.row
            for stored in page where stored.attestation.origin == origin && stored.attestation.next == nil {
                if isMeant(stored.attestation) { try setAttestation(row: stored.row, fits: nil) }
            }
        }
    }
}

/// The changes of key of one origin, as far as they are settled.
struct Successions: Hashable {
    /// Each key's one successor.
    private(set) var steps: [Attestation] = []
    /// Keys that have signed two successors, of which nobody has chosen one.
    private(set) var open: Set<String> = []
    /// Their successors.
    private(set) var disputed: Set<String> = []

    /// - Parameter offered: what is not kept yet, and signed as it must be.
    init(of origin: ULID, offered: [Attestation] = [], in log: some LogReading) throws(StoreFailure) {
        let kept = try log.successions(of: origin).map(\.attestation)
        let all = kept + offered.filter { $0.origin == origin && $0.next != nil && !kept.contains($0) }
        for (key, group) in Dictionary(grouping: all, by: \.key.text).sorted(by: { $0.key < $1.key }) {
            let ordered = group.sorted { ($0.number, $0.head.hex, $0.signature) < ($1.number, $1.head.hex, $1.signature) }
            guard Set(group.map(\.next)).count > 1 else {
                // One successor, named once or more often: everybody takes the same one for the step.
                steps += ordered.prefix(1)
                continue
            }
            let chosen = try log.wireValue(SignatureReview.namespace, peer: "", key: Successions.choice(of: origin, key))
                .map { String(decoding: $0, as: UTF8.self) }
            if let step = ordered.first(where: { $0.next?.text == chosen }) {
                steps.append(step)
            } else {
                open.insert(key)
                disputed.formUnion(group.compactMap { $0.next?.text })
            }
        }
    }

    private static func choice(of origin: ULID, _ key: String) -> String { "successor:\(origin):\(key)" }

    /// Takes one of several successors of a key for the right one.
    ///
    /// - Returns: the keys among which the choice was; empty where `next` is none of several.
    static func choose(
        _ next: PublicKey, of origin: ULID, now: WallTime, in log: inout some LogWriting
    ) throws(StoreFailure) -> [PublicKey] {
        let all = try log.successions(of: origin).map(\.attestation)
        var rivals: [PublicKey] = []
        for (key, group) in Dictionary(grouping: all, by: \.key).sorted(by: { $0.key.text < $1.key.text }) {
            let named = distinct(group)
            guard named.count > 1, named.contains(next) else { continue }
            try log.setWireValue(
                SignatureReview.namespace, peer: "", key: choice(of: origin, key.text), Array(next.text.utf8))
            rivals += named
        }
        guard !rivals.isEmpty else { return [] }
        let settled = try Successions(of: origin, in: log)
        let ring = OriginRing(OriginKey(text: next.text, source: .configured), settled)
        // Whoever met the origin after it split may have met the wrong one.
        let others = rivals.filter { $0 != next }.map { OriginRing(OriginKey(text: $0.text, source: .configured), settled) }
        for name in [StateKey.publicKey(of: origin), StateKey.relayedKey(of: origin)] {
            guard let key = try log.state(name), !ring.contains(key), others.contains(where: { $0.contains(key) }) else {
                continue
            }
            try log.setState(name, ring.current)
        }
        try ring.forgetOthers(of: origin, in: &log)
        try SignatureReview.begin(of: origin, in: &log)
        try SignatureReview.begin(now: now, in: &log)
        return rivals
    }

    /// The keys that successions name, each once, in the order in which they came.
    static func distinct(_ successions: [Attestation]) -> [PublicKey] {
        var seen: Set<PublicKey> = []
        return successions.compactMap(\.next).filter { seen.insert($0).inserted }
    }
}

/// An origin of which nothing more is taken in until a person says which of its keys is the right one.
package struct FrozenOrigin: Hashable, Sendable {
    package var origin: ULID
    /// The successors that it named, in the order in which they came.
    package var candidates: [PublicKey]

    package static func all(in log: some LogReading) throws(StoreFailure) -> [FrozenOrigin] {
        var found: [FrozenOrigin] = []
        for origin in Set(try log.contradictions().filter { $0.next != nil }.map(\.origin)).sorted() {
            let open = try Successions(of: origin, in: log).open
            guard !open.isEmpty else { continue }
            let candidates = try log.successions(of: origin).map(\.attestation).filter { open.contains($0.key.text) }
            found.append(FrozenOrigin(origin: origin, candidates: Successions.distinct(candidates)))
        }
        return found
    }

    /// Takes one of its successors for the right one, and looks again at everything of this origin.
    ///
    /// - Returns: whether there was such a choice.
    package static func choose(
        _ next: PublicKey, of origin: ULID, now: WallTime, in log: inout some LogWriting
    ) throws(StoreFailure) -> Bool { try !Successions.choose(next, of: origin, now: now, in: &log).isEmpty }
}
