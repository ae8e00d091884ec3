package import FederationCore

/// What origins say of their histories, as a store in memory keeps it.
struct MemoryAttestations: Sendable {
    var rows: [StoredAttestation] = []
    var lastRow: Int64 = 0
}

extension MemoryStorage {
    package func chainLinks(of origin: ULID, after number: UInt64, through last: UInt64, limit: Int) -> [ChainLink] {
        let numbers = (numbered[origin] ?? [:]).keys.filter { $0 > number && $0 <= last }.sorted()
        let links = numbers.lazy.flatMap { own in
            self.events(of: origin, number: own).compactMap { id in
                self.event(id).flatMap {
                    $0.verification.isLinked
                        ? ChainLink(
                            number: own, id: id, digest: $0.digest, signature: $0.event.signature, seq: $0.seq,
                            isChained: $0.verification == .chained) : nil
                }
            }
        }
        return Array(links.prefix(Swift.max(0, limit)))
    }

    mutating func unnumber(_ event: Event) {
        guard let origin = event.originID, let number = event.number else { return }
        numbered[origin]?[number]?.remove(event.id)
        if numbered[origin]?[number]?.isEmpty == true { numbered[origin]?[number] = nil }
    }

    private func checkpoints(of origin: ULID) -> [Attestation] {
        attestations.rows.filter { $0.fits && $0.attestation.origin == origin && $0.attestation.next == nil }
            .map(\.attestation).sorted { $0.number < $1.number }
    }

    package func lastCheckpoint(of origin: ULID, through last: UInt64) -> Attestation? {
        checkpoints(of: origin).last { $0.number <= last }
    }

    package func firstCheckpoint(of origin: ULID, from first: UInt64) -> Attestation? {
        checkpoints(of: origin).first { $0.number >= first }
    }

    package func attestations(afterRow row: Int64, limit: Int) -> [StoredAttestation] {
        Array(attestations.rows.filter { $0.row > row }.prefix(Swift.max(0, limit)))
    }

    package func lastAttestationRow() -> Int64 { attestations.rows.last?.row ?? 0 }

    package func successions(of origin: ULID) -> [StoredAttestation] {
        attestations.rows.filter { $0.attestation.origin == origin && $0.attestation.next != nil }
    }

    package func contradictions() -> [Attestation] { attestations.rows.filter { !$0.fits }.map(\.attestation) }

    package func attestedOrigins() -> [ULID: UInt64] {
        let fitting = attestations.rows.filter { $0.fits && $0.attestation.next == nil }.map(\.attestation)
        return Dictionary(fitting.map { ($0.origin, $0.number) }, uniquingKeysWith: Swift.max)
    }

    package func events(of origin: ULID, number: UInt64) -> [ULID] {
        (numbered[origin]?[number] ?? []).sorted()
    }

    package mutating func keep(_ attestation: Attestation, fits: Bool, at time: WallTime) throws(StoreFailure) {
        try spendWrite()
        guard !attestations.rows.contains(where: { $0.attestation == attestation }) else { return }
        let others = attestations.rows.count {
            !$0.fits && $0.attestation.origin == attestation.origin && $0.attestation.next == nil
        }
        guard fits || attestation.next != nil || others < Limits.conflictingAttestations else { return }
        attestations.lastRow += 1
        attestations.rows.append(StoredAttestation(row: attestations.lastRow, attestation: attestation, fits: fits))
    }

    package mutating func setAttestation(row: Int64, fits: Bool?) throws(StoreFailure) {
        try spendWrite()
        guard let index = attestations.rows.firstIndex(where: { $0.row == row }) else { return }
        if let fits { attestations.rows[index].fits = fits } else { attestations.rows.remove(at: index) }
    }
}
