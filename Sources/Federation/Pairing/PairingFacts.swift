package import FederationCore
internal import FederationCrypto

/// What `pair` shows of one peer: who it is, how that is known, and the words for it and this node.
package struct PairingFacts: Sendable {
    /// What the way to the peer is protected by.
    package enum Protection: String, Sendable, CaseIterable {
        case tls
        /// It does not leave this machine.
        case loopback
        case plain
    }

    package var peer: String
    /// `nil` for a peer that comes to us.
    package var endpoint: String?
    package var protection: Protection?
    package var standing: PairingStanding
    package var pairing: PeerPairing?
    package var id: ULID?
    /// Its name for itself.
    package var name: String?
    package var publicKey: String?
    package var words: PairingPhrase?
    /// Why nobody was met, or who was met is not who it should be.
    package var failure: Reason?

    package var fingerprint: String? { publicKey.flatMap { VerifyingKey($0)?.fingerprint } }

    func write(to writer: inout JSONWriter) {
        writer.object { writer in
            writer.member("name", peer)
            if let endpoint { writer.member("endpoint", endpoint) } else { writer.member("comes_to_us", true) }
            if let protection { writer.member("protection", protection.rawValue) }
            writer.member("ok", failure == nil)
            if let failure { writer.member("reason", failure.rawValue) }
            writer.member("standing", standing.rawValue)
            if let pairing { writer.member(pairing.isPaired ? "paired_at" : "since", pairing.at.rfc3339) }
            if pairing?.hasChanged == true { writer.member("changed", true) }
            if let id { writer.member("id", id.description) }
            if let name { writer.member("calls_itself", name) }
            if let publicKey { writer.member("public_key", publicKey) }
            if let fingerprint { writer.member("fingerprint", fingerprint) }
            if let words { writer.member("words", words.text) }
        }
    }
}

/// What `pair` shows: this node, and one peer or all.
package struct PairingOverview: Sendable {
    package var id: ULID
    package var name: String
    package var publicKey: String
    package var peers: [PairingFacts]

    package var fingerprint: String { VerifyingKey(publicKey)?.fingerprint ?? "" }

    package var json: [UInt8] {
        jsonObject { writer in
            writer.key("node")
            writer.object {
                $0.member("id", id.description)
                $0.member("name", name)
                $0.member("public_key", publicKey)
                $0.member("fingerprint", fingerprint)
            }
            writer.key("peers")
            writer.array { for peer in peers { peer.write(to: &$0) } }
        }
    }
}
