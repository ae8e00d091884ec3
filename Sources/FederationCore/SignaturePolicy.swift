/// What is done about an event whose signature is missing or wrong (Noema section 8.5).
package enum SignatureMode: String, Hashable, Comparable, Sendable, CaseIterable {
    /// Nothing is looked at.
    case off
    /// It is taken in, and counted.
    case warn
    /// It is refused.
    case enforce

    package static func < (a: SignatureMode, b: SignatureMode) -> Bool {
        let order: [SignatureMode] = [.off, .warn, .enforce]
        return order.firstIndex(of: a) ?? 0 < order.firstIndex(of: b) ?? 0
    }
}

/// Whether `signature` is by `key` over `preimage`; both texts as events carry them.
package typealias SignatureCheck = @Sendable (_ preimage: [UInt8], _ signature: String, _ key: String) -> Bool

/// What the configuration says of signatures, and how one is checked.
package struct SignaturePolicy: Sendable {
    /// What one entry of the configuration says.
    package struct Peer: Hashable, Sendable {
        package var name: String
        /// The identity that the entry names; without one, the pinned identity is meant.
        package var id: ULID?
        /// Relaxes the node's mode for events whose origin is this peer.
        package var mode: SignatureMode?
        /// The key that the entry names.
        package var key: PublicKey?

        package init(name: String, id: ULID? = nil, mode: SignatureMode? = nil, key: PublicKey? = nil) {
            self.name = name
            self.id = id
            self.mode = mode
            self.key = key
        }
    }

    package var mode: SignatureMode
    package var peers: [Peer]
    package var check: SignatureCheck

    package init(_ mode: SignatureMode, peers: [Peer] = [], check: @escaping SignatureCheck) {
        self.mode = mode
        self.peers = peers
        self.check = check
    }

    /// Looks at nothing.
    package static let off = SignaturePolicy(.off) { _, _, _ in false }

    /// The same policy has the same text: what the log remembers of the policy it was made under.
    var text: String {
        let entries = peers.map { "\($0.name) \($0.id?.description ?? "-") \($0.mode?.rawValue ?? "-") \($0.key?.text ?? "-")" }
        return ([mode.rawValue] + entries.sorted()).joined(separator: "\n")
    }
}

extension Event {
    /// Whether `check` holds for one of the forms of `data` that the origin may have signed (Noema section 8.3): as it
    /// came; in normal form, which the Rust line signs and a relay of the Go line escapes; with Go's escapes, which a
    /// relay of the Rust line takes away.
    ///
    /// - Parameter known: whether it holds for the first of them, where that was looked at.
    func isSigned(
        _ fingerprint: EventFingerprint, _ sha256: SHA256, knowing known: Bool? = nil, _ check: ([UInt8]) -> Bool
    ) -> Bool {
        var tried = [fingerprint.dataHash]
        if known ?? check(signingPreimage(dataHash: fingerprint.dataHash)) { return true }
        if !tried.contains(fingerprint.normalHash) {
            tried.append(fingerprint.normalHash)
            if check(signingPreimage(dataHash: fingerprint.normalHash)) { return true }
        }
        guard let escaped = escapedData.map(sha256), !tried.contains(escaped) else { return false }
        return check(signingPreimage(dataHash: escaped))
    }

    /// `data` in normal form with what Go's `encoding/json` escapes for the sake of HTML; `nil` where that is nothing.
    private var escapedData: [UInt8]? {
        guard let data, let json = try? JSON(data), !json.isNull else { return nil }
        let normal = json.normalForm
        var bytes: [UInt8] = []
        bytes.reserveCapacity(normal.count + 64)
        var index = 0
        while index < normal.count {
            let byte = normal[index]
            // Outside of strings a compact JSON text has none of these.
            switch byte {
            case 0x3C, 0x3E, 0x26: bytes.append(contentsOf: Array("\\u00\(hexadecimal([byte]))".utf8))
            case 0xE2 where index + 2 < normal.count && normal[index + 1] == 0x80 && normal[index + 2] & 0xFE == 0xA8:
                bytes.append(contentsOf: Array((normal[index + 2] == 0xA8 ? "\\u2028" : "\\u2029").utf8))
                index += 2
            default: bytes.append(byte)
            }
            index += 1
        }
        return bytes.count == normal.count ? nil : bytes
    }
}
