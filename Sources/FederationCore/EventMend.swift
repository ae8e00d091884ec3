/// Who has written an event that is not applied, as this node knows it.
package enum EventWriterStanding: Hashable, Sendable {
    /// The peer that has this name in the configuration.
    case peer(String)
    /// A node that is no peer here.
    case stranger
    /// Nobody has looked.
    case unknown
}

extension TrialMend {
    /// What lets an event be applied that is held or refused, the likeliest first; nothing where that is its writer's to do, or
    /// nobody's.
    ///
    /// - Parameters:
    ///   - code: what holds or refuses it.
    ///   - origin: whose it is, where that is known; one that is no ULID is what somebody wrote, and goes into no command.
    ///   - row: what `quarantine` knows it by.
    package static func ofEvent(
        code: String, by writer: EventWriterStanding, origin: ULID? = nil, row: String? = nil
    ) -> [TrialMend] {
        switch code {
        case "unknown_action", "unknown_type", "unknown_tier", "invalid_trace_id", "waits": [.upgrade]
        case "unsigned", "unknown_key", "swapped_key", HoldReason.signature.code: ofSignature(code, writer)
        case "frozen_origin": [.command(["trust-key", origin?.description ?? "ORIGIN", "KEY"])]
        // That a held one's signature does not hold may be a key that has become another since. When one is refused the key is
        // the one that it names and its origin has shown, so whoever relayed it changed it (`bad_signature`), or somebody signs
        // with a key that its origin has given up (`past_key`): no word of this node's makes either right.
        case "bad_signature", "past_key": []
        case _ where code.hasPrefix("replayer:"): row.map { [.command(["quarantine", "retry", $0])] } ?? []
        default: []
        }
    }

    private static func ofSignature(_ code: String, _ writer: EventWriterStanding) -> [TrialMend] {
        switch (writer, code) {
        case (.unknown, _): []
        // A peer's own 'verify' relaxes what is asked of its own events alone.
        case (.peer, "unsigned"): [.peerSetting("verify", "warn")]
        case (.stranger, "unsigned"): [.setting("verify", "warn")]
        case (.peer, "unknown_key"), (.peer, "swapped_key"): [.peerSetting("pubkey", "KEY-OF-ITS-ORIGIN")]
        case (.peer(let name), _):
            [.command(["pair", name]), .ifConfirmed(.command(["reset-peer", name, "--key-rotated"]))]
        case (.stranger, _): [.command(["add-peer", "NAME", "ENDPOINT-OF-ITS-ORIGIN"])]
        }
    }
}

extension StoredEvent {
    /// What holds it; where that is its signature, what is wrong with that.
    package var holdCode: String? {
        guard hold == .signature else { return hold?.code }
        return verification == .unsigned || verification == .unknownKey ? verification.code : hold?.code
    }

    /// Since when it is held; `nil` where it is not, and where that may have begun after it came: nobody keeps when.
    package var heldSince: WallTime? {
        switch hold {
        case .unknownAction, .unknownType, .unknownTier, .invalidTraceID: receivedAt
        case .waits, .replayer, .signature, nil: nil
        }
    }
}
