internal import FederationCore
internal import FederationCrypto

/// What is known of one origin's numbers, as `status` says it.
struct OriginNumbers: Sendable {
    /// Whether anything is missing.
    enum State: String, Sendable {
        /// Every number up to the highest is there.
        case complete
        case missing
        /// The origin gives its events no numbers, so nothing can be said.
        case unnumbered = "none"
    }

    /// What the numbers prove.
    enum Proof: String, Sendable {
        case none
        /// The origin may have skipped a number, or used one twice.
        case unconfirmed
        /// The origin's signed chain says so.
        case proven
    }

    /// Numbers that the signed chain may speak of; others of a long list stay unconfirmed.
    private static let holesProven = 16

    var summary: OriginSummary
    /// As many as are listed, in order of number.
    var holes: [(hole: NumberHole, proof: Proof)]
    /// Numbers that are not here and that the origin's signed chain says it never gave.
    var skipped: UInt64 = 0
    /// How far the chain reaches, where there is one.
    var attested: UInt64?
    /// When the oldest of all of them was noticed.
    var since: WallTime?

    /// - Parameter attested: how far the origin's signed chain reaches.
    init(_ summary: OriginSummary, attested: UInt64?, in log: any LogReading) throws(StoreFailure) {
        self.summary = summary
        self.attested = attested
        holes = []
        guard missing > 0 else { return }
        for (place, hole) in try log.holes(of: summary.origin, limit: Limits.holesListed).enumerated() {
            var proof = Proof.unconfirmed
            if let attested, hole.last <= attested, place < OriginNumbers.holesProven, let origin = ULID(summary.origin) {
                proof = .proven
                // The checkpoints around it fit what is here: it has no such numbers.
                if try Chain.excludes(hole.first, of: origin, sha256, in: log) {
                    skipped += hole.count
                    continue
                }
            }
            since = since ?? hole.since
            holes.append((hole, proof))
        }
        holes.sort { $0.hole.first < $1.hole.first }
    }

    var missing: UInt64 {
        let known = UInt64(clamping: summary.distinctNumbers) + skipped
        return summary.highestNumber > known ? summary.highestNumber - known : 0
    }

    var state: State { summary.highestNumber == 0 ? .unnumbered : missing > 0 ? .missing : .complete }

    var proof: Proof {
        if state == .unnumbered { return .none }
        guard let attested, attested >= summary.highestNumber else { return .unconfirmed }
        return holes.allSatisfy { $0.proof == .proven } ? .proven : .unconfirmed
    }

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("origin", summary.origin)
            writer.member("events", summary.events)
            writer.member("numbers", state.rawValue)
            writer.member("proof", proof.rawValue)
            guard state != .unnumbered else { return }
            writer.member("highest", summary.highestNumber)
            if let attested { writer.member("attested", attested) }
            if skipped > 0 { writer.member("skipped", skipped) }
            guard missing > 0 else { return }
            writer.member("missing", missing)
            if let since { writer.member("since", since.rfc3339) }
            writer.key("holes")
            writer.array { writer in
                for (hole, proof) in holes {
                    writer.object {
                        $0.member("first", hole.first)
                        $0.member("last", hole.last)
                        $0.member("since", hole.since.rfc3339)
                        $0.member("proof", proof.rawValue)
                    }
                }
            }
        }
    }
}
