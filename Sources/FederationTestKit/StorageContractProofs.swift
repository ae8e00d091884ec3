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
        try log.seal(Sample.id(0), signature: "ed25519:s", publicKey: nil, verification: .hardPinned, proofTime: nil)
        try expectEqual(log.unprovedCounts()[.none], nil)
        try expectEqual(log.event(Sample.id(0))?.verification, .hardPinned)
    }

    func proofTimes(_ log: inout some LogWriting) throws {
        let event = Sample.event(Sample.id(1), "create", "s")
        var entry = try Sample.entry(event, verification: .unknownKey)
        _ = try log.append(entry)
        try expectEqual(log.event(event.id)?.proofTime, nil)
        for occasion in ProofTime.Occasion.allCases {
            // A time that is not known is another one than the first of 1970.
            for time in [Sample.time(7), WallTime(milliseconds: 0), nil] {
                let kept = ProofTime(occasion, at: time)
                try log.seal(event.id, signature: "s", publicKey: nil, verification: .pinned, proofTime: kept)
                try expectEqual(log.event(event.id)?.proofTime, kept)
            }
        }
        try log.strip(
            event.id, to: Event.Stub(dataHash: entry.fingerprint.dataHash, normalHash: entry.fingerprint.normalHash))
        try log.setHold(event.id, .signature)
        try expectEqual(log.events(of: "s").map(\.proofTime), [ProofTime(.own, at: nil)])
        // Another copy has what it is given, whatever the one before had.
        _ = try log.replace(with: entry, counted: false)
        try expectEqual(log.event(event.id)?.proofTime, nil)
        entry.proofTime = ProofTime(.review, at: Sample.time(9))
        _ = try log.replace(with: entry, counted: false)
        try expectEqual(log.event(event.id)?.proofTime, entry.proofTime)
        try log.seal(event.id, signature: "s", publicKey: nil, verification: .invalid, proofTime: nil)
        try expectEqual(log.event(event.id)?.proofTime, nil)
        var second = try Sample.entry(Sample.event(Sample.id(2), "create", "t"))
        second.proofTime = ProofTime(.arrival, at: Sample.time(3))
        _ = try log.append(second)
        try expectEqual(log.events(after: 0, limit: 9, bytes: .max).last?.proofTime, second.proofTime)
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
        try expectEqual(log.quarantineDue(at: Sample.time(49), limit: 9, bytes: .max).map(\.eventID), [])
        try expectEqual(log.quarantineDue(at: Sample.time(50), limit: 9, bytes: .max).map(\.eventID), ["e-1", "e-4", "e-6"])
    }

    private func attestation(_ number: UInt64, of origin: UInt64 = 1, to next: UInt8? = nil) throws -> Attestation {
        func key(_ byte: UInt8) throws -> PublicKey {
            let bytes = String(decoding: Base64.encode([UInt8](repeating: byte, count: 32)), as: UTF8.self)
            return try required(PublicKey("ed25519:" + bytes))
        }
        let signature = "ed25519:" + String(decoding: Base64.encode([UInt8](repeating: 7, count: 64)), as: UTF8.self)
        let kind = try next.map { Attestation.Kind.succession(next: try key($0), acceptance: signature) }
        return Attestation(
            kind: kind ?? .checkpoint, origin: Sample.node(origin), number: number, head: sha256([UInt8(number)]),
            key: try key(1), signature: signature)
    }

    func attestations(_ log: inout some LogWriting) throws {
        let one = Sample.node(1)
        try expectEqual(log.lastAttestationRow(), 0)
        let kept = [
            try attestation(64), try attestation(9, of: 2), try attestation(70, to: 2), try attestation(128),
            try attestation(32),
        ]
        for each in kept + [kept[0]] { try log.keep(each, fits: true, at: Sample.time(1)) }
        let wrong = try attestation(100)
        try log.keep(wrong, fits: false, at: Sample.time(2))
        let rows = try log.attestations(afterRow: 0, limit: 99)
        try expectEqual(rows.map(\.attestation), kept + [wrong])
        try expectEqual(rows.map(\.fits), [true, true, true, true, true, false])
        try expectEqual(log.lastAttestationRow(), rows.last?.row ?? 0)
        try expectEqual(log.attestations(afterRow: rows[3].row, limit: 1).map(\.attestation), [kept[4]])
        try expectEqual(log.lastCheckpoint(of: one, through: 127)?.number, 64)
        try expectEqual(log.lastCheckpoint(of: one, through: 31)?.number, nil)
        try expectEqual(log.firstCheckpoint(of: one, from: 65)?.number, 128)
        try expectEqual(log.firstCheckpoint(of: one, from: 129)?.number, nil)
        try expectEqual(log.attestedOrigins(), [one: 128, Sample.node(2): 9])
        try expectEqual(log.successions(of: one).map(\.attestation), [kept[2]])
        try expectEqual(log.contradictions(), [wrong])
        for number in UInt64(0)..<UInt64(2 * Limits.conflictingAttestations) {
            try log.keep(attestation(200 + number % 50), fits: false, at: Sample.time(3))
        }
        try expectEqual(log.contradictions().count, Limits.conflictingAttestations)
        // A second successor is never left out for them, nor they for it.
        let second = try attestation(70, to: 3)
        try log.keep(second, fits: false, at: Sample.time(4))
        try expectEqual(log.successions(of: one).map(\.attestation), [kept[2], second])
        try log.keep(attestation(250, of: 3, to: 3), fits: false, at: Sample.time(4))
        try log.keep(attestation(251, of: 3), fits: false, at: Sample.time(4))
        try expectEqual(log.contradictions().count, Limits.conflictingAttestations + 3)
        try log.setAttestation(row: rows[5].row, fits: true)
        try expectEqual(log.lastCheckpoint(of: one, through: 127)?.number, 100)
        try log.setAttestation(row: rows[0].row, fits: nil)
        try expectEqual(log.attestations(afterRow: 0, limit: 1).map(\.attestation), [kept[1]])
    }

    func chains(_ log: inout some LogWriting) throws {
        let origin = Sample.node(1)
        for (id, number) in [(5, 2), (1, 3), (9, 1), (7, 3), (8, 7)] as [(Int64, UInt64)] {
            let event = Sample.event(Sample.id(id), "create", "s-\(id)", clock: [1: number], signature: "sig-\(id)")
            let before = try log.events(of: origin, number: number)
            _ = try log.append(Sample.entry(event))
            try expectEqual(log.events(of: origin, number: number), (before + [Sample.id(id)]).sorted())
        }
        try expectEqual(log.events(of: origin, number: 8), [])
        _ = try log.append(Sample.entry(Sample.event(Sample.id(20), "create", "t", origin: 2, clock: [2: 1])))
        let links = try log.chainLinks(of: origin, after: 0, through: .max >> 1, limit: 99)
        try expectEqual(links.map(\.number), [1, 2, 3, 3, 7])
        try expectEqual(links.map(\.id), [9, 5, 1, 7, 8].map { Sample.id($0) })
        try expectEqual(links.map(\.signature), ["sig-9", "sig-5", "sig-1", "sig-7", "sig-8"])
        try expectEqual(links.first?.digest, log.event(Sample.id(9))?.digest)
        try expectEqual(log.chainLinks(of: origin, after: 1, through: 3, limit: 2), Array(links[1...2]))
        try expectEqual(log.events(of: origin, number: 3), [Sample.id(1), Sample.id(7)])
        try expectEqual(log.events(of: origin, number: 4), [])
        for (id, proof) in [(1, .invalid), (5, .unsigned), (8, .unknownKey)] as [(Int64, Verification)] {
            try log.seal(Sample.id(id), signature: "s", publicKey: nil, verification: proof, proofTime: nil)
        }
        try expectEqual(
            log.chainLinks(of: origin, after: 0, through: .max >> 1, limit: 99).map(\.id), [9, 7, 8].map { Sample.id($0) })
        try expectEqual(log.chainLinks(of: Sample.node(3), after: 0, through: 9, limit: 9), [])
    }
}
