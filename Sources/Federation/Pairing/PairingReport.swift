internal import FederationCore
internal import FederationCrypto

/// How well it is known who a peer is, as `status` and `peers` say it.
struct PairingReport: Sendable {
    var standing: PairingStanding
    var pairing: PeerPairing?

    func write(to writer: inout JSONWriter) {
        writer.key("pairing")
        writer.object { writer in
            writer.member("standing", standing.rawValue)
            guard let pairing, standing == .paired || standing == .pending else { return }
            writer.member(standing == .paired ? "paired_at" : "since", pairing.at.rfc3339)
            guard standing == .pending else { return }
            // It is not pinned, so it stands nowhere else.
            writer.member("id", pairing.id.description)
            if let key = pairing.key {
                writer.member("public_key", key)
                if let key = VerifyingKey(key) { writer.member("fingerprint", key.fingerprint) }
            }
            if pairing.hasChanged { writer.member("changed", true) }
        }
    }
}
