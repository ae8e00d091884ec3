/// What an origin says of its own history, signed by its key: beside the log, on the native wire only.
///
/// It speaks of the origin's **chain**: a hash over all its numbered events in order of number (`Chain`).
package struct Attestation: Hashable, Sendable {
    package enum Kind: Hashable, Sendable {
        /// The chain up to a number is this one.
        case checkpoint
        /// From that number on another key signs. `acceptance` is the other key's signature over the same: the old key
        /// vouches for the new one, and the new one for what the old one signed so far.
        case succession(next: PublicKey, acceptance: String)
    }

    package var kind: Kind
    package var origin: ULID
    /// The number of the last event that the chain holds.
    package var number: UInt64
    package var head: Digest
    /// The key that signed it.
    package var key: PublicKey
    package var signature: String

    package init(kind: Kind, origin: ULID, number: UInt64, head: Digest, key: PublicKey, signature: String) {
        self.kind = kind
        self.origin = origin
        self.number = number
        self.head = head
        self.key = key
        self.signature = signature
    }

    package var next: PublicKey? { if case .succession(let next, _) = kind { next } else { nil } }

    /// What is signed. Every field has a fixed length, so that no two statements have the same bytes.
    package static func checkpointPreimage(of origin: ULID, at tip: ChainTip) -> [UInt8] {
        Array("federation-checkpoint-v1\n".utf8) + Array(origin.description.utf8) + bigEndian(tip.number) + tip.head.bytes
    }

    package static func successionPreimage(
        of origin: ULID, at tip: ChainTip, from old: PublicKey, to new: PublicKey
    ) -> [UInt8] {
        Array("federation-succession-v1\n".utf8) + Array(origin.description.utf8) + bigEndian(tip.number) + tip.head.bytes
            + old.bytes + new.bytes
    }

    package var tip: ChainTip { ChainTip(number: number, head: head) }

    /// Whether those who are named signed it.
    package func isSigned(_ check: SignatureCheck) -> Bool {
        switch kind {
        case .checkpoint:
            return check(Attestation.checkpointPreimage(of: origin, at: tip), signature, key.text)
        case .succession(let next, let acceptance):
            let preimage = Attestation.successionPreimage(of: origin, at: tip, from: key, to: next)
            return next != key && check(preimage, signature, key.text) && check(preimage, acceptance, next.text)
        }
    }

    /// One compact JSON object.
    package var json: [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("attestation", next == nil ? "checkpoint" : "succession")
            writer.member("cortex_id", origin.description)
            writer.member("number", number)
            writer.member("head", head.hex)
            writer.member("pubkey", key.text)
            writer.member("signature", signature)
            if case .succession(let next, let acceptance) = kind {
                writer.member("next", next.text)
                writer.member("acceptance", acceptance)
            }
        }
        return writer.bytes
    }

    /// Reads one; `nil` for what is none, and for one of a kind that this program does not know.
    package init?(_ json: JSON) {
        guard let origin = ULID(json["cortex_id"]?.string ?? ""), let number = json["number"]?.unsigned,
            number < Limits.counter, let head = Digest(hex: json["head"]?.string ?? ""),
            let key = PublicKey(json["pubkey"]?.string ?? ""), let signature = Attestation.signature(json["signature"])
        else { return nil }
        switch json["attestation"]?.string {
        case "checkpoint": kind = .checkpoint
        case "succession":
            guard let next = PublicKey(json["next"]?.string ?? ""),
                let acceptance = Attestation.signature(json["acceptance"])
            else { return nil }
            kind = .succession(next: next, acceptance: acceptance)
        default: return nil
        }
        (self.origin, self.number, self.head, self.key, self.signature) = (origin, number, head, key, signature)
    }

    /// A signature in its one spelling: a relay that adds white space must not make another statement of it.
    private static func signature(_ json: JSON?) -> String? {
        guard let text = json?.string, text.utf8.count <= 128, let bytes = Chain.signatureBytes(text) else { return nil }
        return "ed25519:" + String(decoding: Base64.encode(bytes), as: UTF8.self)
    }
}

/// An attestation as the store keeps it.
package struct StoredAttestation: Hashable, Sendable {
    /// Its place in the order in which they came here.
    package var row: Int64
    package var attestation: Attestation
    /// It agrees with what is here; else it is kept as evidence against its origin.
    package var fits: Bool

    package init(row: Int64, attestation: Attestation, fits: Bool) {
        self.row = row
        self.attestation = attestation
        self.fits = fits
    }
}

/// How far a chain reaches, and its hash there.
package struct ChainTip: Hashable, Sendable {
    package var number: UInt64
    package var head: Digest

    package init(number: UInt64, head: Digest) {
        self.number = number
        self.head = head
    }
}

/// One event as a chain holds it.
package struct ChainLink: Hashable, Sendable {
    package var number: UInt64
    package var id: ULID
    package var digest: Digest
    /// As the event carries it.
    package var signature: String?
    /// Where it stands in the log; `nil` for one that only arrives.
    package var seq: Int64?
    /// The log has it as proved by its chain.
    package var isChained: Bool

    package init(
        number: UInt64, id: ULID, digest: Digest, signature: String?, seq: Int64? = nil, isChained: Bool = false
    ) {
        self.number = number
        self.id = id
        self.digest = digest
        self.signature = signature
        self.seq = seq
        self.isChained = isChained
    }

    /// Whether the chain goes on alike with either.
    func isSame(as other: ChainLink) -> Bool {
        id == other.id && number == other.number && digest == other.digest && signature == other.signature
    }
}

/// The hash over an origin's numbered events. It covers digest and signature of each, so that whoever knows the hash
/// need not check the signatures one by one, and no relay can have touched them.
package enum Chain {
    /// The hash of no events.
    package static func start(of origin: ULID, _ sha256: SHA256) -> ChainTip {
        ChainTip(number: 0, head: sha256(Array("federation-chain-v1\n".utf8) + Array(origin.description.utf8)))
    }

    /// How far the chain of an origin is attested here.
    package static func tip(
        of origin: ULID, _ sha256: SHA256, in log: some LogReading
    ) throws(StoreFailure) -> ChainTip {
        try log.lastCheckpoint(of: origin, through: Limits.counter - 1)?.tip ?? start(of: origin, sha256)
    }

    /// Whether an origin's chain says that there is no other event of this number than what is here of it.
    package static func excludes(
        _ number: UInt64, of origin: ULID, _ sha256: SHA256, in log: some LogReading
    ) throws(StoreFailure) -> Bool {
        var budget = Limits.chainLinks
        return try ChainInterval(around: number, of: origin, budget: &budget, sha256, in: log)?.members != nil
    }

    /// Whether these events, in order of number, lead from one place of a chain to another.
    ///
    /// - Parameter over: places that the chain has to pass, in order of number.
    static func walk(
        _ links: ArraySlice<ChainLink>, from start: ChainTip, to end: ChainTip, over places: [ChainTip] = [],
        _ sha256: SHA256
    ) -> Bool {
        var reached = start
        var places = places.filter { $0.number > start.number && $0.number <= end.number }[...]
        for link in links {
            while let place = places.first, link.number > place.number {
                guard reached == place else { return false }
                places.removeFirst()
            }
            guard let next = extended(reached, by: link, sha256) else { return false }
            reached = next
        }
        return reached == end && places.allSatisfy { $0 == end }
    }

    /// The hash with one more event; `nil` for one that is not signed.
    package static func extended(_ tip: ChainTip, by link: ChainLink, _ sha256: SHA256) -> ChainTip? {
        guard link.number > tip.number, let signature = link.signature.flatMap(signatureBytes) else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(192)
        bytes += "federation-chain-link-v1\n".utf8
        bytes += tip.head.bytes
        bytes += bigEndian(link.number)
        bytes += link.digest.bytes
        bytes += signature
        return ChainTip(number: link.number, head: sha256(bytes))
    }

    /// The 64 bytes of an Ed25519 signature's text.
    fileprivate static func signatureBytes(_ text: String) -> [UInt8]? {
        let bytes = Array(text.utf8).trimmingWhitespace()
        guard bytes.starts(with: "ed25519:".utf8) else { return nil }
        return Base64.decode(bytes.dropFirst(8), count: 64)
    }
}

private func bigEndian(_ value: UInt64) -> [UInt8] {
    stride(from: UInt64(56), through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> $0) }
}
