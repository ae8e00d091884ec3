/// What mends a fault: the command, or the line of a configuration.
package indirect enum TrialMend: Hashable, Sendable {
    /// A command of this node: what stands after `federation`.
    case command([String])
    /// The same, to be given where the peer runs.
    case commandThere([String])
    /// A key of the peer's entry and its value.
    case peerSetting(String, String)
    /// A key of the configuration, with dots between its parts, and its value.
    case setting(String, String)
    /// The same, in the configuration of the peer.
    case settingThere(String, String)
    /// A newer program: of this node, or of the peer.
    case upgrade, upgradeThere
    /// Nobody has to do anything.
    case wait
    /// Only where the peer's owner has said, by another way than this one, that who answers is right: it trusts it.
    case ifConfirmed(TrialMend)
}

/// What is known of a peer beside the fault, for saying what mends it.
package struct TrialPlace: Hashable, Sendable {
    package var peer: String
    package var endpoint: String
    /// What an endpoint like it looks like, for whoever is to write another one.
    package var otherEndpoint: String { endpoint.hasPrefix("https://") ? "https://HOST:PORT" : "http://HOST:PORT" }
    package var timeout: Duration
    /// The peer's own identity, where it was shown.
    package var identity: ULID?
    /// Whose event it is that is not taken, where that is known.
    package var origin: String?
    /// Its entry names a key of its own, which is what it is shown.
    package var hasOwnKey = false
    /// Keys and certificates of this node's that a configured peer would be shown were not.
    package var isWithheld = false

    package init(peer: String, endpoint: String, timeout: Duration) {
        self.peer = peer
        self.endpoint = endpoint
        self.timeout = timeout
    }
}

extension TrialFault {
    /// What mends it, the likeliest first.
    package func mends(_ place: TrialPlace) -> [TrialMend] {
        // What names the peer is of no use for one that has no name.
        likely(place).filter { $0.isOfUse }
    }

    private func likely(_ place: TrialPlace) -> [TrialMend] {
        switch step {
        case .config: configMends(place)
        case .dns, .tcp: wayMends(place)
        case .tls: tlsMends(place)
        case .identity: identityMends(place)
        case .auth: authMends(place)
        case .page: pageMends(place)
        case .verify, .replay: eventMends(place)
        case .commit: storeMends
        }
    }

    private func configMends(_ place: TrialPlace) -> [TrialMend] {
        switch self {
        case .paused: [.command(["resume-peer", place.peer])]
        case .nothingFlows: [.command(["set-mode", "sync", "--peer", place.peer])]
        case .stopped(isCopy: true): [.command(["identity", "new"])]
        case .stopped(isCopy: false): [.command(["identity", "recover"])]
        case .keyFile: [.command(["check"])]
        default: [.commandThere(["why", "NAME-OF-THIS-NODE"])]
        }
    }

    private func wayMends(_ place: TrialPlace) -> [TrialMend] {
        switch self {
        case .refused: [.commandThere(["run"]), .peerSetting("endpoint", place.otherEndpoint)]
        case .forbiddenAddress: [.setting("access.announced_allow", "[ADDRESS]")]
        case .connectTimeout: [.peerSetting("endpoint", place.otherEndpoint), .commandThere(["status"])]
        default: [.peerSetting("endpoint", place.otherEndpoint)]
        }
    }

    private func tlsMends(_ place: TrialPlace) -> [TrialMend] {
        guard case .tls(let fault) = self else { return [] }
        return switch fault {
        case .expired, .notYetValid: [.settingThere("tls.certificate", "FILE"), .commandThere(["reload"])]
        case .unknownAuthority: [.peerSetting("ca", "FILE")]
        case .otherName: [.peerSetting("endpoint", "https://NAME-IN-THE-CERTIFICATE:PORT"), .settingThere("tls.certificate", "FILE")]
        case .otherPin: [.commandThere(["status"]), .peerSetting("tls_pin", "sha256:DIGEST")]
        case .ownFile: [.command(["check"])]
        case .handshake: [.settingThere("tls.listen", "ADDRESS:PORT"), .peerSetting("endpoint", place.otherEndpoint)]
        }
    }

    private func identityMends(_ place: TrialPlace) -> [TrialMend] {
        switch self {
        case .ourselves: [.command(["remove-peer", place.peer])]
        // Who answers may be somebody else: first somebody has to look what the peer itself shows.
        case .otherNode(_, let shown, .config): [TrialFault.look, .ifConfirmed(.peerSetting("id", shown.description))]
        case .otherNode: [TrialFault.look, .ifConfirmed(.command(["reset-peer", place.peer]))]
        case .otherKey(_, let shown?, .config): [TrialFault.look, .ifConfirmed(.peerSetting("pubkey", shown))]
        // A key that has signed for another is never right again: an old copy runs there, or a thief.
        case .otherKey(_, _, .succession), .otherKey(_, _, .config): [TrialFault.look]
        case .otherKey(_, _, .paired): [TrialFault.look, .ifConfirmed(.command(["reset-peer", place.peer]))]
        case .otherKey(_, _, .pinned): [TrialFault.look, .ifConfirmed(.command(["reset-peer", place.peer, "--key-rotated"]))]
        case .waits: [.command(["pair", place.peer])]
        case .otherWire: [.command(["reset-peer", place.peer])]
        case .silent(.timeout): [.peerSetting("timeout", place.longer), .commandThere(["status"])]
        case .oldManifest: [.upgradeThere]
        default: [.peerSetting("endpoint", place.otherEndpoint), .commandThere(["status"])]
        }
    }

    /// Says there which identity and key are the peer's: to be compared by another way than this one.
    private static let look = TrialMend.commandThere(["identity", "show"])

    private func authMends(_ place: TrialPlace) -> [TrialMend] {
        switch self {
        case .keyRefused where place.isWithheld, .forbidden where place.isWithheld:
            [.ifConfirmed(.command(["test-peer", place.endpoint, "--with-key"]))]
        case .secretMissing where place.hasOwnKey: [.peerSetting("key_file", "FILE")]
        case .secretMissing: [.setting("access.shared_key_file", "FILE")]
        case .forbidden: [.setting("tls.client_certificate", "FILE"), .settingThere("tls.client_ca", "FILE")]
        default:
            [
                place.hasOwnKey ? .peerSetting("key_file", "FILE") : .setting("access.shared_key_file", "FILE"),
                .command(["key", "fingerprint"]),
            ]
        }
    }

    private func pageMends(_ place: TrialPlace) -> [TrialMend] {
        switch self {
        case .busy: [.wait]
        case .fetchesNothing: [.commandThere(["set-mode", "sync"])]
        case .servesNothing: [.commandThere(["set-mode", "sync"]), .command(["set-mode", "publish", "--peer", place.peer])]
        case .broken(.timeout): [.peerSetting("timeout", place.longer), .commandThere(["status"])]
        case .malformed, .remoteError, .endless: [.upgradeThere, .command(["test-peer", place.endpoint])]
        default: [.commandThere(["status"]), .command(["test-peer", place.endpoint])]
        }
    }

    private func eventMends(_ place: TrialPlace) -> [TrialMend] {
        // Of whoever else wrote it nothing is known here: the peer's own entry speaks of its own events alone.
        let isItsOwn = place.origin != nil && place.origin == place.identity?.description
        let mends = TrialMend.ofEvent(
            code: code, by: isItsOwn ? .peer(place.peer) : .unknown, origin: place.origin.flatMap { ULID($0) })
        return mends + [.command(["quarantine", "list"])]
    }

    private var storeMends: [TrialMend] {
        guard case .store(let failure) = self else { return [] }
        return switch failure {
        case .quota(let limit): [.setting("store.max_size", "\(max(1, limit / 500_000 + (limit % 500_000 == 0 ? 0 : 1)))MB")]
        case .corrupt: [.command(["recover"])]
        case .newerSchema: [.upgrade]
        case .busy, .interrupted: [.wait]
        case .full, .readOnly, .cannotOpen, .olderSchema, .notOurs, .io, .other: [.command(["check", "--deep"])]
        }
    }
}

extension TrialMend {
    fileprivate var isOfUse: Bool {
        switch self {
        case .command(let words): !words.contains("")
        case .ifConfirmed(let mend): mend.isOfUse
        default: true
        }
    }
}

extension TrialPlace {
    /// Twice the time that a request may take, within what may be said.
    fileprivate var longer: String { "\(min(600, max(2, timeout.components.seconds * 2)))s" }
}
