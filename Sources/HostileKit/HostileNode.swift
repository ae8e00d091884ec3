package import FederationCore
internal import FederationCrypto

/// A member of a ring with an identity and a key of its own, which signs whatever it likes.
package struct HostileNode: Sendable {
    package let id: ULID
    package let name: String
    private let key: SigningKey

    /// The same name is the same node, each time.
    package init(_ name: String, key word: String = "first") {
        let bits = sha256(Array("hostile node \(name)".utf8)).bytes
        id = ULID(milliseconds: 1_700_000_000_000, random: (1, bits.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }))
        self.name = name
        guard let key = try? SigningKey(seed: sha256(Array("\(word) key of \(name)".utf8)).bytes) else {
            preconditionFailure("a hash is as long as a seed")
        }
        self.key = key
    }

    package var publicKey: String { key.publicKey.description }

    package func sign(_ bytes: [UInt8]) -> String { key.sign(bytes).description }

    /// An event as an honest node of 2026 writes it, but for what the arguments say, signed by this node.
    ///
    /// - Parameters:
    ///   - number: its number, and its place in the order of ids.
    ///   - clock: entries beside its own.
    ///   - origin: whose event it says it is.
    package func event(
        _ number: UInt64, id: ULID? = nil, action: String = "create", subject: String? = nil, body: String = "hello",
        data: [UInt8]? = nil, clock: [ULID: UInt64] = [:], origin: ULID? = nil
    ) -> Event {
        let origin = origin ?? self.id
        var snapshot = Snapshot()
        snapshot.title = "Of \(name)"
        snapshot.type = "note"
        snapshot.body = body
        let milliseconds = 1_775_000_000_000 + Int64(number % 1_000_000_000)
        var event = Event(
            id: id ?? ULID(milliseconds: milliseconds, random: (0, origin.low)), action: action,
            subject: subject ?? "20260406-\(name)-\(number)", origin: origin.description, originName: name,
            timestamp: "2026-04-06T12:00:00Z", payload: .full(data ?? snapshot.data),
            clock: ReceivedClock(VectorClock(clock.merging([origin: number]) { $1 })))
        seal(&event)
        return event
    }

    /// Signs an event, whosever it is.
    package func seal(_ event: inout Event) {
        guard let fingerprint = try? event.fingerprint(sha256) else { return }
        event.signature = sign(event.signingPreimage(dataHash: fingerprint.dataHash))
        event.publicKey = publicKey
    }

    /// The JSON of `event`.
    package func line(_ number: UInt64, action: String = "create", body: String = "hello") -> String {
        event(number, action: action, body: body).text
    }

    /// How far its chain reaches with these events, each of which it has signed.
    package func chain(_ events: [Event]) -> ChainTip {
        events.reduce(Chain.start(of: id, sha256)) { tip, event in
            guard let number = event.number, let digest = (try? event.fingerprint(sha256))?.digest else { return tip }
            let link = ChainLink(number: number, id: event.id, digest: digest, signature: event.signature)
            return Chain.extended(tip, by: link, sha256) ?? tip
        }
    }

    /// What this node says of the history of `origin`.
    package func checkpoint(_ tip: ChainTip, of origin: ULID? = nil) -> Attestation? {
        guard let key = PublicKey(publicKey) else { return nil }
        let origin = origin ?? id
        return Attestation(
            kind: .checkpoint, origin: origin, number: tip.number, head: tip.head, key: key,
            signature: sign(Attestation.checkpointPreimage(of: origin, at: tip)))
    }

    /// Its key gives way to another one, which `successor` holds.
    package func succession(to successor: HostileNode, at tip: ChainTip, signer: HostileNode? = nil) -> Attestation? {
        guard let old = PublicKey(publicKey), let new = PublicKey(successor.publicKey) else { return nil }
        let preimage = Attestation.successionPreimage(of: id, at: tip, from: old, to: new)
        return Attestation(
            kind: .succession(next: new, acceptance: successor.sign(preimage)), origin: id, number: tip.number,
            head: tip.head, key: old, signature: (signer ?? self).sign(preimage))
    }
}

extension Event {
    package var text: String { String(decoding: json, as: UTF8.self) }
}
