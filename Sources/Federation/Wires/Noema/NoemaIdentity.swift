import FederationCore

/// What `cortex_identity` says (Noema sections 2.2 and 3.3).
enum NoemaIdentity {
    /// The manifest version that a node of ours answers with, and the least that one must have to federate.
    static let manifestVersion: Int64 = 2

    /// Reads a peer's answer by the rules of section 3.3, in their order: an old manifest is told from a missing id.
    ///
    /// - Parameter version: the program's version, from `initialize`.
    static func peer(_ text: String, version: String) throws(ExchangeFailure) -> PeerIdentity {
        guard !text.isEmpty else { throw .identityMissing }
        let json: JSON
        do { json = try JSON(Array(text.utf8)) } catch { throw .malformed(.notJSON(error)) }
        guard json.isObject else { throw .identityMissing }
        let manifest = (json["version"] ?? json["manifest_version"])?.integer ?? 0
        guard manifest >= manifestVersion else { throw .manifestVersion(Int(clamping: manifest)) }
        guard let id = ULID(json["id"]?.string ?? "") else { throw .identityMissing }
        let key = (json["pubkey"] ?? json["public_key"])?.string ?? ""
        return PeerIdentity(
            id: id, name: short(json["name"]?.string ?? ""), version: PeerHealth.safeVersion(version), wire: .noema,
            mode: json["mode"]?.string.flatMap { NodeMode(rawValue: $0) },
            publicKey: key.isEmpty || key.utf8.count > Limits.eventTextBytes ? nil : key)
    }

    /// What we answer, with the members in the order of their names, as the Go line writes them.
    static func text(of node: NodeIdentity) -> String {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("id", node.id.description)
            writer.member("mode", node.mode.rawValue)
            writer.member("name", node.name)
            if let key = node.publicKey { writer.member("pubkey", key) }
            writer.member("version", manifestVersion)
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// A display name, never trusted: a longer one loses its end.
    static func short(_ name: String) -> String {
        guard name.utf8.count > Limits.eventTextBytes else { return name }
        return String(String.UnicodeScalarView(name.unicodeScalars.prefix(Limits.peerNameLength)))
    }
}
