/// Decides whether whoever asks our server may, and who that is (design section 8; Noema section 5.2).
///
/// It holds no key: only what each would look like, hashed, in a request.
package struct AccessPolicy: Hashable, Sendable {
    /// A key that is accepted.
    package struct Key: Hashable, Sendable {
        let field: Digest
        /// Whose it is; `nil` for the one of the whole ring.
        package let peer: String?

        /// - Parameter field: SHA-256 of the whole field value, `Bearer ` and the key.
        package init(field: Digest, peer: String? = nil) {
            self.field = field
            self.peer = peer
        }
    }

    /// What a request has proved of its sender.
    package enum Caller: Hashable, Sendable {
        /// Nothing was asked for.
        case anybody
        /// It has the key of the ring, or a certificate that an authority vouches for.
        case ring
        /// It has this peer's key or this peer's certificate.
        case peer(String)
    }

    package enum Refusal: Error, Hashable, Sendable {
        /// No key, a wrong one, or two of them: 401.
        case key
        /// No certificate over TLS, or none that is known: 403.
        case certificate
        /// One peer's key and another's certificate: 403.
        case contradiction
    }

    /// With none of them, no key is asked for.
    package var keys: [Key] = []
    /// The TLS keys of peers.
    package var pins: [Digest: String] = [:]
    /// Whether a TLS client must have a certificate that is vouched for, or a pinned key.
    package var asksForCertificate = false

    package init() {}

    /// Whether nothing at all is asked for.
    package var isOpen: Bool { keys.isEmpty && !asksForCertificate }

    package func caller(_ fields: HTTPFields, over channel: RequestChannel, sha256: SHA256) throws(Refusal) -> Caller {
        let byCertificate = try callerByCertificate(channel)
        guard !keys.isEmpty else { return byCertificate ?? .anybody }
        let byKey = try callerByKey(fields, sha256: sha256)
        switch (byKey, byCertificate) {
        case (.peer(let one), .peer(let other)) where one != other: throw .contradiction
        case (.ring, .peer(let name)?): return .peer(name)
        default: return byKey
        }
    }

    /// Every key is looked at, whichever fits: how long it takes says nothing.
    private func callerByKey(_ fields: HTTPFields, sha256: SHA256) throws(Refusal) -> Caller {
        guard fields.count(of: "Authorization") == 1, let value = fields["Authorization"] else { throw .key }
        let shown = sha256(Array(value.utf8))
        var found: Key?
        for key in keys where key.field.isSame(as: shown) { found = found ?? key }
        guard let found else { throw .key }
        return found.peer.map(Caller.peer) ?? .ring
    }

    private func callerByCertificate(_ channel: RequestChannel) throws(Refusal) -> Caller? {
        guard case .tls(let client) = channel else { return nil }
        if let client, let peer = pins[client.key] { return .peer(peer) }
        if asksForCertificate {
            guard let client, client.isVouchedFor else { throw .certificate }
            return .ring
        }
        return nil
    }
}

extension Digest {
    /// Equality that takes the same time wherever two digests differ.
    fileprivate func isSame(as other: Digest) -> Bool {
        (a ^ other.a) | (b ^ other.b) | (c ^ other.c) | (d ^ other.d) == 0
    }
}

/// Where a request came from, when it may have come through a proxy.
package struct ProxyPolicy: Hashable, Sendable {
    /// Numeric addresses whose `X-Forwarded-For` is believed.
    private let proxies: Set<String>

    package init(_ proxies: [String]) { self.proxies = Set(proxies) }

    /// The last address on the way that is not one of our proxies: what stands before it is only somebody's word.
    package func origin(of remote: String, _ fields: HTTPFields) -> String {
        guard proxies.contains(remote), fields.count(of: "X-Forwarded-For") == 1,
            let list = fields["X-Forwarded-For"]
        else { return remote }
        var nearest = remote
        for part in list.utf8.split(separator: 0x2C, omittingEmptySubsequences: false).reversed() {
            let trimmed = part.drop { $0 == 0x20 || $0 == 0x09 }
            let text = String(decoding: trimmed.prefix { $0 != 0x20 && $0 != 0x09 }, as: UTF8.self)
            let isAddress = !text.isEmpty && text.utf8.count <= 45
                && text.utf8.allSatisfy { "0123456789abcdefABCDEF.:".utf8.contains($0) }
            guard isAddress else { return nearest }
            nearest = text
            guard proxies.contains(text) else { return text }
        }
        return nearest
    }
}
