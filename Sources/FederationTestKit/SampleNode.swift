package import FederationCore
import FederationCrypto

extension PulledPage {
    /// Finds out what a node finds out beside its writer.
    package mutating func lookAhead(_ policy: SignaturePolicy) {
        findings = items.map { item in
            guard case .event(let event, _) = item, let found = EventFindings(of: item, sha256: sha256) else { return nil }
            return policy.mode == .off ? found : found.checked(event, by: policy.check)
        }
    }
}

/// A node without wires: a store in memory, what takes events in and what writes them.
package struct SampleNode: Sendable {
    package let number: UInt64
    package var log = MemoryStorage()
    package var intake: Intake
    package var writer: EventWriter
    /// The node's wall clock.
    package var now: WallTime
    package var random: SeededRandom
    /// What can be said of events whatever is in the log is found out before the transaction.
    package var looksAhead = false

    /// Seals of the nodes named in `pinned` prove their origin; those of `provisional` less well.
    package init(
        _ number: UInt64, now: WallTime = Sample.epoch, seed: UInt64 = 1, pinned: Set<UInt64> = [],
        provisional: Set<UInt64> = []
    ) {
        self.number = number
        self.now = now
        random = SeededRandom(seed: seed &* 1000 &+ number)
        intake = Intake(
            IntakePolicy(
                node: Sample.node(number), sha256: sha256,
                isOwnSignature: { Sample.isSeal($1, over: $0, by: number) },
                originCheck: { event, fingerprint in
                    guard let signature = event.signature else { return .none }
                    let preimage = event.signingPreimage(dataHash: fingerprint.dataHash)
                    if pinned.contains(where: { Sample.isSeal(signature, over: preimage, by: $0) }) { return .pinned }
                    let isKnown = provisional.contains { Sample.isSeal(signature, over: preimage, by: $0) }
                    return isKnown ? .provisional : .none
                }))
        writer = EventWriter(
            node: Sample.node(number), name: "node-\(number)", sha256: sha256,
            sign: { Sample.seal($0, by: number) })
    }

    /// Takes in events as a page of a peer, in one transaction.
    @discardableResult
    package mutating func take(
        _ events: [Event], from peer: String = "peer", cursor: PulledPage.Cursor = .none
    ) throws(StoreFailure) -> PageOutcome {
        try take(items: events.map { .event($0, bytes: $0.json) }, from: peer, cursor: cursor)
    }

    @discardableResult
    package mutating func take(
        items: [PulledItem], from peer: String = "peer", cursor: PulledPage.Cursor = .none
    ) throws(StoreFailure) -> PageOutcome {
        let (intake, now) = (intake, now)
        var page = PulledPage(items: items, cursor: cursor)
        if looksAhead { page.lookAhead(intake.policy.signatures) }
        return try log.transaction { [page] log throws(StoreFailure) in
            try intake.take(page, from: peer, now: now, into: &log)
        }
    }

    /// Writes in one transaction, which leaves nothing behind if it fails.
    @discardableResult
    package mutating func write(
        _ request: WriteRequest, requestID: String? = nil
    ) throws(WriteFailure) -> Written {
        let (writer, now) = (writer, now)
        var random = random
        defer { self.random = random }
        return try log.transaction { log throws(WriteFailure) in
            try writer.write(request, requestID: requestID, now: now, random: &random, into: &log)
        }
    }

    /// Tries what is due, in one transaction.
    @discardableResult
    package mutating func retryDue(limit: Int = 1000) throws(StoreFailure) -> PageOutcome {
        let (intake, now) = (intake, now)
        return try log.transaction { log throws(StoreFailure) in
            try intake.retryDue(now: now, limit: limit, into: &log)
        }
    }

    /// Takes in everything that another node has.
    package mutating func pull(from other: SampleNode) throws(StoreFailure) {
        try take(other.log.events(after: 0, limit: .max, bytes: .max).map(\.event), from: "node-\(other.number)")
    }

    /// Every event of the log by id: its digest, and whether it is held.
    package var inventory: [ULID: String] {
        let all = log.events(after: nil, through: .max, limit: .max, bytes: .max)
        return Dictionary(uniqueKeysWithValues: all.map { ($0.event.id, "\($0.digest) \($0.hold?.code ?? "applied")") })
    }

    package var records: [Record] {
        var filter = RecordFilter(limit: .max)
        filter.includePurged = true
        filter.includeTrashed = true
        return log.records(filter)
    }

    /// What is not in the log: kind, code and event of each row, in order.
    package var quarantined: [String] {
        log.quarantine(kind: nil, peer: nil, limit: .max).map { "\($0.kind) \($0.code) \($0.eventID)" }.sorted()
    }
}
