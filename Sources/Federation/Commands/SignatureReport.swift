internal import FederationConfig
internal import FederationCore
internal import FederationCrypto

/// How the events of the log are proved, as `status` says it.
struct SignatureReport: Sendable {
    var verify: Config.Verify
    /// What is not proved, by kind.
    var unproved: [Verification: Int64]
    var events: Int64
    /// Signatures are being looked at again: the counts are not final.
    var isReviewing: Bool
    /// How far the signed chain of each origin reaches that has one.
    var chains: [ULID: UInt64]
    var equivocations: [Equivocation]
    /// What origins have signed against themselves.
    var contradictions: [Attestation]
    /// Origins that have named two successors of one key, of which nobody has chosen one.
    var frozen: [FrozenOrigin]

    init(of config: Config, events: Int64, in log: any LogReading) throws(StoreFailure) {
        verify = config.verify
        unproved = try log.unprovedCounts()
        self.events = events
        isReviewing = try SignatureReview.isDue(in: log)
        chains = try log.attestedOrigins()
        equivocations = try Equivocation.all(in: log)
        contradictions = try log.contradictions()
        frozen = try FrozenOrigin.all(in: log)
    }

    /// Events that their origin did not sign as they are.
    var invalid: Int64 { unproved[.invalid] ?? 0 }

    /// Origins with a chain that have said two things. Without a chain a number may be used twice in all honesty.
    var equivocating: [ULID] {
        let noted = equivocations.map(\.origin).filter { chains[$0] != nil }
        return Array(Set(noted + contradictions.filter { $0.next == nil }.map(\.origin))).sorted()
    }

    private func writeChains(_ writer: inout JSONWriter) {
        writer.key("chains")
        writer.array { writer in
            for (origin, number) in chains.sorted(by: { $0.key < $1.key }) {
                writer.object {
                    $0.member("origin", origin.description)
                    $0.member("through", number)
                }
            }
        }
        writer.key("equivocations")
        writer.array { writer in
            for each in equivocations {
                writer.object {
                    $0.member("origin", each.origin.description)
                    $0.member("number", each.number)
                    $0.member("events", each.events.map(\.description))
                    $0.member("first_seen", each.firstSeen.rfc3339)
                    $0.member("count", each.count)
                    $0.member("chained", chains[each.origin] != nil)
                }
            }
            for each in contradictions where each.next == nil {
                writer.object {
                    $0.member("origin", each.origin.description)
                    $0.member("number", each.number)
                    $0.member("head", each.head.hex)
                    $0.member("chained", true)
                }
            }
        }
    }

    func write(to writer: inout JSONWriter) {
        writeChains(&writer)
        writer.key("frozen_origins")
        writer.array { writer in
            for each in frozen {
                writer.object {
                    $0.member("origin", each.origin.description)
                    $0.member("keys", each.candidates.map(\.text))
                }
            }
        }
        writer.key("signatures")
        writer.object { writer in
            writer.member("verify", verify.rawValue)
            writer.member("proved", events - unproved.values.reduce(0, +))
            for kind in Verification.allCases where !kind.isProved { writer.member(kind.code, unproved[kind] ?? 0) }
            writer.member("reviewing", isReviewing)
        }
    }
}

/// The key that is pinned of a peer.
struct PeerKeyReport: Sendable {
    enum Pin: String, Sendable {
        /// It showed it to us first.
        case firstContact = "first_contact"
        /// A person has confirmed it (`pair`).
        case paired
        /// The configuration names it.
        case hard
    }

    var publicKey: String
    var pin: Pin

    /// `nil` where none is known.
    init?(of entry: Config.Peer, identity: String?, in log: any LogReading) throws(StoreFailure) {
        if let key = entry.publicKey {
            (publicKey, pin) = (key.text, .hard)
            return
        }
        let id = entry.id ?? identity.flatMap { ULID($0) }
        guard let id, let text = try log.state(StateKey.publicKey(of: id)), !text.isEmpty else { return nil }
        let pairing = try log.state(StateKey.peer(entry.name, .pairing)).flatMap { PeerPairing(json: $0) }
        (publicKey, pin) = (text, pairing?.isPaired == true && pairing?.id == id ? .paired : .firstContact)
    }

    func write(to writer: inout JSONWriter) {
        writer.key("key")
        writer.object { writer in
            writer.member("public_key", publicKey)
            if let key = VerifyingKey(publicKey) { writer.member("fingerprint", key.fingerprint) }
            writer.member("pin", pin.rawValue)
        }
    }
}
