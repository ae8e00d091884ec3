import FederationCore
import FederationCrypto

/// Rules about what is proved of events, and what becomes due again once something else is known.
extension StorageContract {
    func proofs(_ log: inout some LogWriting) throws {
        for (index, proof) in Verification.allCases.enumerated() {
            let event = Sample.event(Sample.id(Int64(index)), "create", "s-\(index)")
            _ = try log.append(Sample.entry(event, verification: proof))
        }
        let open = Verification.allCases.filter { !$0.isProved }
        try expectEqual(log.unproved(after: 0, limit: 99, bytes: .max).map(\.verification), open)
        try expectEqual(log.unproved(after: 0, limit: 2, bytes: .max).map(\.verification), Array(open.prefix(2)))
        try expectEqual(log.unproved(after: 0, limit: 9, bytes: 1).map(\.verification), Array(open.prefix(1)))
        let second = try required(log.unproved(after: 0, limit: 2, bytes: .max).last)
        try expectEqual(log.unproved(after: second.seq, limit: 99, bytes: .max).map(\.verification), Array(open.dropFirst(2)))
        try expectEqual(log.unprovedCounts(), Dictionary(uniqueKeysWithValues: open.map { ($0, 1) }))
        try log.seal(Sample.id(0), signature: "ed25519:s", publicKey: nil, verification: .hardPinned)
        try expectEqual(log.unprovedCounts()[.none], nil)
        try expectEqual(log.event(Sample.id(0))?.verification, .hardPinned)
    }

    func quarantineDueByCode(_ log: inout some LogWriting) throws {
        func keep(_ number: UInt8, _ kind: QuarantineEntry.Kind, _ code: String, bytes: Int = 10) throws {
            let bytes = [UInt8](repeating: number, count: bytes)
            try log.quarantine(
                QuarantineEntry(
                    kind: kind, peer: "p", reason: .signature, code: code, eventID: "e-\(number)", subject: "s",
                    bytes: bytes, hash: sha256(bytes), firstSeen: Sample.time(Int64(number)), lastSeen: Sample.time(9)))
        }
        try keep(1, .refused, "unsigned")
        try keep(2, .refused, "too_large")
        try keep(3, .deferred, "unsigned")
        try keep(4, .refused, "swapped_key")
        try keep(5, .refused, "unsigned", bytes: Limits.evidenceBytes)
        try keep(6, .refused, "losing_variant", bytes: Limits.evidenceBytes + 1)
        try log.setQuarantineRetries(codes: ["unsigned", "swapped_key", "losing_variant"], at: Sample.time(50))
        try expectEqual(log.quarantineDue(at: Sample.time(49), limit: 9).map(\.eventID), [])
        try expectEqual(log.quarantineDue(at: Sample.time(50), limit: 9).map(\.eventID), ["e-1", "e-4", "e-6"])
    }
}
