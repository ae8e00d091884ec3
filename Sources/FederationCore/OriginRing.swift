/// The keys of one origin, one after another: which of them signs which numbers.
///
/// It hangs on one key that is known by itself, and reaches both ways over successions, which both keys have signed: the
/// old one vouches for the new one, the new one for what the old one had signed by then.
struct OriginRing: Hashable {
    struct Stretch: Hashable {
        var key: String
        /// The last number that it signed; `nil` for the key in use.
        var through: UInt64?
    }

    let root: OriginKey
    /// In order of number; never empty.
    private(set) var stretches: [Stretch]
    /// Two successions from one key: nobody can say which one its origin meant, until a person does.
    private(set) var isFrozen: Bool

    init(_ root: OriginKey, _ successions: [StoredAttestation]) {
        self.root = root
        isFrozen = successions.contains { !$0.fits }
        let valid = successions.filter(\.fits).map(\.attestation)
        stretches = [Stretch(key: root.text, through: nil)]
        var seen: Set<String> = [root.text]
        while let last = stretches.last, let step = valid.first(where: { $0.key.text == last.key }),
            let next = step.next?.text, seen.insert(next).inserted
        {
            stretches[stretches.count - 1].through = step.number
            stretches.append(Stretch(key: next, through: nil))
        }
        while let first = stretches.first, let step = valid.first(where: { $0.next?.text == first.key }),
            seen.insert(step.key.text).inserted
        {
            stretches.insert(Stretch(key: step.key.text, through: step.number), at: 0)
        }
    }

    /// The key in use.
    var current: String { stretches[stretches.count - 1].key }

    func contains(_ key: String) -> Bool { stretches.contains { PublicKey.isSame($0.key, key) } }

    /// The key that signs the event of this number; what has none is of the key in use.
    func stretch(of number: UInt64?) -> Stretch {
        let last = stretches[stretches.count - 1]
        guard let number else { return last }
        return stretches.first { $0.through.map { number <= $0 } ?? true } ?? last
    }
}
