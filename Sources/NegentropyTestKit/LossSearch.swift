internal import Negentropy

/// Looks for sessions that end with differences missing, as two limited sides of the reference can have them.
public struct LossSearch {
    /// What a search saw.
    public struct Finding: Equatable, Sendable {
        public var sessions = 0
        /// Sessions between two sides that follow the reference's rule, and those of them that lost differences.
        public var reference = 0
        public var referenceLosses = 0
        /// Sessions of our rule, and of ours with the reference's on the other side, that found anything but the
        /// difference, or made a message beyond its limit: the first few, in words.
        public var failures: [String] = []

        public init() {}
    }

    let seed: UInt64

    public init(seed: UInt64) { self.seed = seed }

    /// Directed pairs, both sides limited to 4,096: the reference against itself, ours against ours, and both mixtures.
    public func directed(_ pairs: Int, over shape: DirectedPairs? = nil) throws -> Finding {
        var numbers = SeededNumbers(seed)
        let shape = shape ?? DirectedPairs(using: &numbers)
        let a = try SealedStore(shape.a)
        let safe = try ReconcileSettings.limited(4096)
        let reference = try ReconcileSettings.limited(4096, .reference)
        var finding = Finding()
        for number in 0..<pairs {
            let pair = shape.next(using: &numbers)
            let b = try SealedStore(pair.b)
            let theirs = try Transcript(a, b, settings: reference)
            finding.reference += 1
            if !theirs.isExact(pair) { finding.referenceLosses += 1 }
            for (name, ours, other) in [("both", safe, safe), ("initiator", safe, reference), ("responder", reference, safe)] {
                let result = try Transcript(a, b, settings: ours, responderSettings: other)
                finding.note(result, pair, (4096, 4096), "directed pair \(number), safe: \(name)")
            }
        }
        return finding
    }

    /// Runs that only one side has, both sides limited to 4,096.
    public func random(_ pairs: Int) throws -> Finding {
        var numbers = SeededNumbers(seed)
        let settings = try ReconcileSettings.limited(4096)
        var finding = Finding()
        for number in 0..<pairs {
            let pair = SetPair(runsUpTo: 250, using: &numbers)
            let result = try Transcript(SealedStore(pair.a), SealedStore(pair.b), settings: settings)
            finding.note(result, pair, (4096, 4096), "random pair \(number)")
        }
        return finding
    }

    /// Any two sets of one shape under any two limits, one side in each kind of store.
    public func anything(_ pairs: Int, _ shape: SetPair.Shape, most: Int) throws -> Finding {
        var numbers = SeededNumbers(seed)
        var finding = Finding()
        for number in 0..<pairs {
            let pair = SetPair(shape, most: most, using: &numbers)
            let limits = (anyFrameLimit(using: &numbers), anyFrameLimit(using: &numbers))
            let result = try Transcript(
                OrderedStore(pair.a), SealedStore(pair.b), settings: .limited(limits.0),
                responderSettings: .limited(limits.1))
            finding.note(result, pair, limits, "\(shape.rawValue) pair \(number)")
        }
        return finding
    }
}

extension LossSearch.Finding {
    /// Counts a session, and keeps in words what was wrong with it.
    public mutating func note(_ result: Transcript, _ pair: SetPair, _ limits: (Int?, Int?), _ name: String) {
        sessions += 1
        guard failures.count < 10 else { return }
        if !result.isExact(pair) { failures.append("\(name): found \(result.have.count) + \(result.need.count)") }
        if !result.keeps(limits.0, limits.1) { failures.append("\(name): a message is too long") }
    }
}
