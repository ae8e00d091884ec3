/// What becomes of a peer at first contact, where the configuration does not name its identity and its key.
public enum FirstContact: String, Hashable, Sendable, CaseIterable {
    /// The first identity and the first key that are shown are pinned.
    case pin
    /// They are remembered, and nothing is exchanged until a person says that they are right.
    case ask
}

/// Who a peer is by a person's word, or who waits for it (`peer:<name>:pairing`).
package struct PeerPairing: Hashable, Sendable {
    package enum State: String, Hashable, Sendable, CaseIterable {
        /// It was met, and a person has to say whether that is right.
        case pending
        /// A person has seen the same words on both nodes.
        case paired
    }

    package var state: State
    package var id: ULID
    /// `ed25519:` and base64; `nil` for a node that shows none, which nobody can confirm.
    package var key: String?
    /// Since when.
    package var at: WallTime
    /// While it waited, the peer has shown another identity or key than at first.
    package var hasChanged = false

    package init(_ state: State, id: ULID, key: String?, at: WallTime, hasChanged: Bool = false) {
        self.state = state
        self.id = id
        self.key = key
        self.at = at
        self.hasChanged = hasChanged
    }

    /// Reads what `json` wrote; `nil` for anything else.
    package init?(json text: String) {
        guard let json = try? JSON(Array(text.utf8)), let state = json["state"]?.string.flatMap(State.init),
            let id = json["id"]?.string.flatMap({ ULID($0) }),
            let at = json["at"]?.string.flatMap({ WallTime(rfc3339: $0) })
        else { return nil }
        let key = json["key"]?.string.flatMap { PublicKey($0)?.text }
        guard key != nil || state == .pending else { return nil }
        self.init(state, id: id, key: key, at: at, hasChanged: json["changed"]?.bool ?? false)
    }

    package var json: String {
        var writer = JSONWriter()
        writer.object {
            $0.member("state", state.rawValue)
            $0.member("id", id.description)
            if let key { $0.member("key", key) }
            $0.member("at", at.rfc3339)
            if hasChanged { $0.member("changed", true) }
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    package var isPaired: Bool { state == .paired }

    /// This peer waits: since when, and whether it has changed meanwhile.
    package func waiting(id: ULID, key: String?, at now: WallTime) -> PeerPairing {
        let isSame = self.id == id && self.key == key
        return PeerPairing(.pending, id: id, key: key, at: isSame ? at : now, hasChanged: hasChanged || !isSame)
    }
}

/// How well it is known who a peer is.
package enum PairingStanding: String, Hashable, Sendable, CaseIterable {
    /// The configuration names its identity and its key.
    case configured
    /// A person has confirmed both.
    case paired
    /// A person is asked to, and nothing is exchanged before.
    case pending
    /// The first answer was believed.
    case pinned
    /// It was never met.
    case unmet

    /// - Parameter pin: the identity that is pinned.
    package init(of rule: PeerRule, pin: ULID?, pairing: PeerPairing?) {
        if rule.isConfigured {
            self = .configured
        } else if pairing?.isPaired == true {
            self = .paired
        } else if rule.firstContact == .ask {
            self = pin == nil && pairing == nil ? .unmet : .pending
        } else {
            self = pin == nil ? .unmet : .pinned
        }
    }
}

/// What the configuration says of who a peer is.
package struct PeerRule: Hashable, Sendable {
    /// This node, which is nobody's peer.
    package var own: ULID
    package var id: ULID?
    /// `ed25519:` and base64.
    package var key: String?
    package var firstContact: FirstContact

    package init(own: ULID, id: ULID?, key: String?, firstContact: FirstContact) {
        self.own = own
        self.id = id
        self.key = key
        self.firstContact = firstContact
    }

    var isConfigured: Bool { id != nil && key != nil }

    /// Whether nothing may be exchanged yet with the peer that is known so.
    package func asks(_ pairing: PeerPairing?) -> Bool {
        firstContact == .ask && !isConfigured && pairing?.isPaired != true
    }

    /// What follows from who answers.
    package enum Verdict: Hashable, Sendable {
        /// It is who it should be; a key is to be pinned, where one is given.
        case accepted(newKey: String?)
        /// A person has to say whether it is.
        case waits(PeerPairing)
        /// It is not, or shows another key, or is this node itself.
        case refused(Refusal)
    }

    /// Why who answers is not who it should be.
    package enum Refusal: Hashable, Sendable {
        case ourselves
        case otherNode(expected: ULID, by: IdentitySource)
        case otherKey(expected: String, by: IdentitySource)
    }

    /// Compares who answers with who should (Noema sections 3.3 and 8.6).
    package func verdict(on identity: PeerIdentity, _ memory: PeerMemory, at now: WallTime) -> Verdict {
        if identity.id == own { return .refused(.ourselves) }
        let paired = memory.pairing.flatMap { $0.isPaired ? $0 : nil }
        let expected: [(ULID?, IdentitySource)] = [(id, .config), (paired?.id, .paired), (memory.pin, .pinned)]
        for case (let id?, let source) in expected where id != identity.id {
            return .refused(.otherNode(expected: id, by: source))
        }
        // What is no key is as good as none: it must neither be pinned nor take a pin away.
        let shown = identity.publicKey.flatMap { PublicKey($0)?.text }
        let insisted: [(String?, IdentitySource)] = [(key, .config), (paired?.key, .paired)]
        let first = insisted.lazy.compactMap { key, source in key.map { Insisted(key: $0, by: source) } }.first
        if let other = otherKey(shown, first, memory) { return .refused(other) }
        guard asks(memory.pairing) else { return .accepted(newKey: newKey(shown, memory)) }
        let pending = PeerPairing(.pending, id: identity.id, key: shown, at: now)
        return .waits(memory.pairing?.waiting(id: identity.id, key: shown, at: now) ?? pending)
    }

    /// A key without which nobody is the peer, whatever is pinned.
    private struct Insisted {
        var key: String
        var by: IdentitySource
    }

    /// The key that is expected, where another is shown.
    private func otherKey(_ shown: String?, _ insisted: Insisted?, _ memory: PeerMemory) -> Refusal? {
        if let insisted {
            // Once it has a successor, whoever shows the old one has stolen it, or is an old copy.
            if let successor = memory.successor {
                return shown == successor ? nil : .otherKey(expected: successor, by: .succession)
            }
            return shown == insisted.key ? nil : .otherKey(expected: insisted.key, by: insisted.by)
        }
        // A peer that shows no key keeps the pin it has: nothing is downgraded.
        guard let shown, let known = memory.key, !PublicKey.isSame(known, shown), shown != memory.successor else { return nil }
        return .otherKey(expected: known, by: .pinned)
    }

    /// The key to pin, of one that may be shown; `nil` where it is pinned already, or none is shown.
    private func newKey(_ shown: String?, _ memory: PeerMemory) -> String? {
        shown.flatMap { shown in memory.key.map { PublicKey.isSame($0, shown) } ?? false ? nil : shown }
    }
}

/// A person's word that a peer is the node of this identity and this key: both are pinned, in one transaction.
package struct PairingConfirmation: Hashable, Sendable {
    package var peer: String
    package var wireNamespace: String
    package var id: ULID
    package var key: PublicKey
    package var rule: PeerRule

    package init(peer: String, wireNamespace: String, id: ULID, key: PublicKey, rule: PeerRule) {
        self.peer = peer
        self.wireNamespace = wireNamespace
        self.id = id
        self.key = key
        self.rule = rule
    }

    /// - Returns: what stands now; `nil` where the peer is known as another node or by another key, and nothing was
    ///   written.
    package func write(
        to log: inout some LogWriting, intake: Intake, now: WallTime
    ) throws(StoreFailure) -> PeerPairing? {
        var question = PeerQuestion(peer: peer, wireNamespace: wireNamespace, keyOwner: id)
        question.expectedKey = rule.key
        let memory = try PeerMemory(question, from: log)
        let shown = PeerIdentity(id: id, name: "", version: "", wire: memory.wire ?? .native, publicKey: key.text)
        if case .refused = rule.verdict(on: shown, memory, at: now) { return nil }
        if let paired = memory.pairing, paired.isPaired { return paired }
        var commit = PeerCommit(peer: peer, wireNamespace: wireNamespace)
        commit.pin = id
        commit.key = PeerCommit.KeyPin(owner: id, publicKey: key.text)
        commit.pairing = PeerPairing(.paired, id: id, key: key.text, at: now)
        _ = try commit.write(to: &log, intake: intake, now: now)
        return commit.pairing
    }
}
