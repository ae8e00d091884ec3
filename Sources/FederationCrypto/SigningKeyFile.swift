internal import FederationCore

/// The file a signing key lives in: the base64 of its seed and a newline, mode 0600 (Noema section 8.1).
package enum SigningKeyFile {
    /// A longer file is not a key.
    package static let maxBytes = 4096

    /// Writes `key` to a new file; returns once the file and its name are on disk.
    ///
    /// A crash leaves either the whole file or none under `path`. An existing file, or a link of that name, is left as
    /// it is and reported as `.exists`.
    package static func write(_ key: SigningKey, to path: String) throws(KeyFileFailure) {
        var text = text(of: key)
        defer { wipe(&text) }
        try PrivateFile.write(text, toNew: path)
    }

    /// Whether `name` is what a crash in the middle of `write` leaves beside the file.
    package static func isDraft(_ name: String) -> Bool {
        guard let mark = name.firstRange(of: ".key" + PrivateFile.draftMark) else { return false }
        return mark.upperBound < name.endIndex && name[mark.upperBound...].utf8.allSatisfy { $0 != UInt8(ascii: ".") }
    }

    /// What such a file holds: a secret.
    package static func text(of key: SigningKey) -> [UInt8] {
        key.withSeed { seed in Base64.encode(seed) } + [UInt8(ascii: "\n")]
    }

    /// Reads the key back, unless the file is one that others could have read.
    package static func read(_ path: String) throws(KeyFileFailure) -> SigningKey {
        var text = try PrivateFile.read(path, atMost: maxBytes)
        defer { wipe(&text) }
        return try key(in: text)
    }

    /// Reads what `text` wrote.
    package static func key(in text: [UInt8]) throws(KeyFileFailure) -> SigningKey {
        guard var seed = Base64.decode(text.trimmingWhitespace(), count: SigningKey.seedLength) else {
            throw .malformed
        }
        defer { wipe(&seed) }
        do throws(CryptoFailure) { return try SigningKey(seed: seed) } catch { throw .crypto(error) }
    }
}
