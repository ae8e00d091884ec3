internal import Glibc

/// A directory for files that only this process is to see and to make, under a name that nobody can guess.
enum PrivateDirectory {
    /// Where such directories are made.
    static var parent: String { getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp" }

    /// Makes one, of mode 0700; `nil` with `errno` where that fails.
    static func make(_ name: String) -> String? {
        var template = Array("\(parent)/\(name)-XXXXXX\0".utf8)
        let isMade = template.withUnsafeMutableBytes { bytes in
            bytes.withMemoryRebound(to: CChar.self) { text in text.baseAddress.map { mkdtemp($0) != nil } ?? false }
        }
        return isMade ? String(decoding: template.dropLast(), as: UTF8.self) : nil
    }
}
