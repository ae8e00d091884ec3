/// What nodes and peers may be called.
package enum PeerName {
    /// Whether `text` is `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`: names are parts of state keys, and stand on terminals.
    package static func isValid(_ text: String) -> Bool {
        func isPlain(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) || (0x30...0x39).contains(byte) }
        guard text.utf8.count <= Limits.peerNameLength, let first = text.utf8.first, isPlain(first) else { return false }
        return text.utf8.allSatisfy { isPlain($0) || $0 == 0x2E || $0 == 0x5F || $0 == 0x2D }
    }
}
