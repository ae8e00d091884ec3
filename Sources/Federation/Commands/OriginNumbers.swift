internal import FederationCore

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

    /// What the numbers prove. Signed chains will prove more; nobody writes them yet.
    enum Proof: String, Sendable {
        case none
        /// The origin may have skipped a number, or used one twice.
        case unconfirmed
    }

    var summary: OriginSummary
    /// As many as are listed, in order of number.
    var holes: [NumberHole]
    /// When the oldest of all of them was noticed.
    var since: WallTime?

    init(_ summary: OriginSummary, in log: any LogReading) throws(StoreFailure) {
        self.summary = summary
        holes = []
        guard missing > 0 else { return }
        let found = try log.holes(of: summary.origin, limit: Limits.holesListed)
        since = found.first?.since
        holes = found.sorted { $0.first < $1.first }
    }

    var missing: UInt64 {
        let present = UInt64(clamping: summary.distinctNumbers)
        return summary.highestNumber > present ? summary.highestNumber - present : 0
    }

    var state: State { summary.highestNumber == 0 ? .unnumbered : missing > 0 ? .missing : .complete }
    var proof: Proof { state == .unnumbered ? .none : .unconfirmed }

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("origin", summary.origin)
            writer.member("events", summary.events)
            writer.member("numbers", state.rawValue)
            writer.member("proof", proof.rawValue)
            guard state != .unnumbered else { return }
            writer.member("highest", summary.highestNumber)
            guard missing > 0 else { return }
            writer.member("missing", missing)
            if let since { writer.member("since", since.rfc3339) }
            writer.key("holes")
            writer.array { writer in
                for hole in holes {
                    writer.object {
                        $0.member("first", hole.first)
                        $0.member("last", hole.last)
                        $0.member("since", hole.since.rfc3339)
                    }
                }
            }
        }
    }
}
