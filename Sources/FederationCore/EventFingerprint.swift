/// The hashes by which an event is known.
package struct EventFingerprint: Hashable, Sendable {
    /// What the event is, whoever relayed it: SHA-256 over `federation-item-v1`, a newline, and the signing preimage
    /// with `data` in normal form. Signature and key are outside it.
    package let digest: Digest
    /// SHA-256 of the signing preimage with `data` as it came: the same for two copies only if one signature fits both.
    /// `nil` where `data` came in normal form, as nearly all does: the digest says as much (`StoredEvent.fitsSignature`).
    package let signedHash: Digest?
    /// SHA-256 of `data` as it came.
    package let dataHash: Digest
    /// SHA-256 of `data` in normal form.
    package let normalHash: Digest
}

extension Event {
    /// Computes the hashes; for a stub from the two it carries.
    ///
    /// - Throws: `JSONProblem` where `data` is not JSON, which `EventDecoding` has ruled out for what came over a wire.
    package func fingerprint(_ sha256: SHA256) throws(JSONProblem) -> EventFingerprint {
        try fingerprint(sha256, data: nil)
    }

    /// - Parameter read: `data`, where it was read already.
    func fingerprint(_ sha256: SHA256, data read: JSON?) throws(JSONProblem) -> EventFingerprint {
        let dataHash: Digest
        let normalHash: Digest
        switch payload {
        case .stub(let stub): (dataHash, normalHash) = (stub.dataHash, stub.normalHash)
        case .full(let data):
            let json = if let read { read } else { try JSON(data) }
            dataHash = sha256(data)
            if json.isNormal, !json.isNull {
                normalHash = dataHash
            } else {
                let normal = json.isNull ? Array("{}".utf8) : json.normalForm
                normalHash = normal == data ? dataHash : sha256(normal)
            }
        }
        let signed = signingPreimage(dataHash: dataHash)
        var item: [UInt8] = []
        item.reserveCapacity(signed.count + 19)
        item += "federation-item-v1\n".utf8
        item += signed[..<(signed.count - Digest.length)]
        normalHash.append(to: &item)
        return EventFingerprint(
            digest: sha256(item), signedHash: normalHash == dataHash ? nil : sha256(signed), dataHash: dataHash,
            normalHash: normalHash)
    }

    /// See `EventFingerprint.signedHash`, which this is also where that is `nil`.
    package func signedHash(_ sha256: SHA256) -> Digest {
        let dataHash =
            switch payload {
            case .stub(let stub): stub.dataHash
            case .full(let data): sha256(data)
            }
        return sha256(signingPreimage(dataHash: dataHash))
    }

    /// The bytes that the origin signs (Noema section 8.2), for a given hash of `data`.
    ///
    /// `noema-event-sig-v1` and a newline, then each field as a 4-byte big-endian length and its bytes: six texts, the
    /// clock (for each key in byte order its length, the key and the 8-byte counter), the 32 bytes of the hash.
    package func signingPreimage(dataHash: Digest) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(320 + 40 * clock.count)
        bytes += "noema-event-sig-v1\n".utf8
        append(length: ULID.length, to: &bytes)
        id.append(to: &bytes)
        for text in [action, subject, origin, originName, timestamp] { append(text, to: &bytes) }
        append(clock, to: &bytes)
        append(length: Digest.length, to: &bytes)
        dataHash.append(to: &bytes)
        return bytes
    }

    private func append(_ clock: ReceivedClock, to bytes: inout [UInt8]) {
        if let written = clock.written {
            append(length: written.reduce(0) { $0 + 4 + $1.key.utf8.count + 8 }, to: &bytes)
            for entry in clock.sorted {
                append(entry.key, to: &bytes)
                append(counter: entry.counter, to: &bytes)
            }
        } else {
            // The order of ULIDs is that of their texts.
            append(length: clock.count * (4 + ULID.length + 8), to: &bytes)
            for entry in clock.vector.entries {
                append(length: ULID.length, to: &bytes)
                entry.origin.append(to: &bytes)
                append(counter: entry.counter, to: &bytes)
            }
        }
    }

    private func append(_ field: String, to bytes: inout [UInt8]) {
        append(length: field.utf8.count, to: &bytes)
        unsafe field.utf8.span.bytes.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    }

    private func append(counter: UInt64, to bytes: inout [UInt8]) {
        unsafe withUnsafeBytes(of: counter.bigEndian) { unsafe bytes.append(contentsOf: $0) }
    }

    private func append(length: Int, to bytes: inout [UInt8]) {
        for shift in [24, 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: length >> shift)) }
    }
}

extension StoredEvent {
    /// Whether one signature fits this event and a copy of it, whatever digest either claims.
    ///
    /// A row of an earlier version has the signed hash of all `data`, and a stub may lie about its normal form: what one of
    /// both has is then found out of the other.
    package func fitsSignature(of event: Event, _ fingerprint: EventFingerprint, _ sha256: SHA256) -> Bool {
        if fingerprint.signedHash == nil, signedHash == nil { return fingerprint.digest == digest }
        return (fingerprint.signedHash ?? event.signedHash(sha256)) == (signedHash ?? self.event.signedHash(sha256))
    }

    /// Whether a row has the hashes that its own event has.
    ///
    /// - Parameter found: computed anew from the event.
    package func hasHashes(_ found: EventFingerprint, _ sha256: SHA256) -> Bool {
        guard found.digest == digest else { return false }
        // An earlier version wrote the signed hash of all `data`.
        return found.signedHash == signedHash || found.signedHash == nil && signedHash == event.signedHash(sha256)
    }
}
