package import FederationCore

/// The file that keys for requests are kept in: mode 0600, one key on each line (Noema section 5.2).
package enum KeyFile {
    /// A longer file holds something else.
    package static let maxBytes = 4096
    /// More keys at one time than any rotation needs.
    static let mostKeys = 16

    /// The one key of a file.
    package static func readOne(_ path: String) throws(KeyFileFailure) -> Secret {
        let keys = try read(path)
        guard keys.count == 1, let key = keys.first else { throw .malformed }
        return key
    }

    /// The keys of a file, at least one and at most 16: visible ASCII characters, without the white space around.
    package static func read(_ path: String) throws(KeyFileFailure) -> [Secret] {
        var text = try PrivateFile.read(path, atMost: maxBytes)
        defer { wipe(&text) }
        var keys: [Secret] = []
        for line in text.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
            var key = Array(Array(line).trimmingWhitespace())
            defer { wipe(&key) }
            if key.isEmpty { continue }
            guard key.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), keys.count < mostKeys else { throw .malformed }
            keys.append(Secret(taking: &key))
        }
        guard !keys.isEmpty else { throw .malformed }
        return keys
    }

    /// A private key in PEM, as it is: only its owner may have read it. Wiping it is the caller's.
    package static func readPEM(_ path: String) throws(KeyFileFailure) -> [UInt8] {
        try PrivateFile.read(path, atMost: 64 << 10)
    }

    /// Makes a key of 256 random bits in a new file.
    package static func make(at path: String) throws(KeyFileFailure) -> Secret {
        var random = SystemRandom()
        var bytes = random.bytes(32)
        var text = Base64.encode(bytes)
        defer {
            wipe(&bytes)
            wipe(&text)
        }
        try PrivateFile.write(text + [UInt8(ascii: "\n")], toNew: path)
        return Secret(taking: &text)
    }
}

extension Secret {
    /// Takes the bytes over: `source` is wiped.
    package convenience init(taking source: inout [UInt8]) {
        unsafe self.init(copying: source) { unsafe wipe($0) }
        wipe(&source)
    }

    /// SHA-256 of `prefix` and the key: the key itself goes nowhere.
    package func digest(after prefix: String = "") -> Digest {
        var bytes = Array(prefix.utf8)
        bytes.reserveCapacity(bytes.count + count)
        unsafe withBytes { unsafe bytes.append(contentsOf: $0) }
        defer { wipe(&bytes) }
        return sha256(bytes)
    }

    /// `SHA256:` and the SHA-256 of the key, as pairs of hexadecimal digits with colons between (Noema section 5.2).
    package var fingerprint: String {
        "SHA256:" + digest().bytes.map { hexadecimal([$0]) }.joined(separator: ":")
    }
}
