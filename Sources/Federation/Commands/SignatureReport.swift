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

    init(of config: Config, events: Int64, in log: any LogReading) throws(StoreFailure) {
        verify = config.verify
        unproved = try log.unprovedCounts()
        self.events = events
        isReviewing = try SignatureReview.isDue(in: log)
    }

    /// Events that their origin did not sign as they are.
    var invalid: Int64 { unproved[.invalid] ?? 0 }

    func write(to writer: inout JSONWriter) {
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
        (publicKey, pin) = (text, .firstContact)
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
