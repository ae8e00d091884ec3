internal import COpenSSL
internal import Glibc
#if FAIL_POINTS
    internal import FailPoints
#endif

/// Why a key file was not read or written. What it holds is never part of the reason.
package enum KeyFileFailure: Error, Hashable, Sendable {
    case missing
    /// Writing never replaces a key: the old one is the node's identity.
    case exists
    /// A directory, a socket, a device.
    case notAFile
    /// Somebody else than its owner may use it: `chmod 600` is the remedy.
    case tooWide(mode: UInt32)
    case tooLarge(limit: Int)
    /// Not the base64 of 32 bytes.
    case malformed
    case noPermission
    case io(errno: Int32)
    case crypto(CryptoFailure)

    init(errno code: Int32) {
        self =
            switch code {
            case ENOENT, ENOTDIR: .missing
            case EEXIST: .exists
            case EISDIR, ENXIO, ENODEV: .notAFile
            case EACCES, EPERM, EROFS: .noPermission
            default: .io(errno: code)
            }
    }
}

/// The directory in which a service manager lays out what a service is given: keys and certificates
/// (`LoadCredential=`, systemd.exec(5)).
package enum Credentials {
    /// `CREDENTIALS_DIRECTORY`; `nil` where none was given.
    package static var directory: String? {
        guard let value = unsafe getenv("CREDENTIALS_DIRECTORY"), unsafe value.pointee == 0x2F else { return nil }
        return unsafe String(cString: value)
    }

    /// Whether a file is one of them. A list of access rights gives it to the service's user, and the mode then shows as
    /// the group's what is that list's.
    static func holds(_ path: String) -> Bool {
        guard let directory else { return false }
        return path.hasPrefix(directory + "/") && !path.dropFirst(directory.count + 1).contains("/")
    }
}

/// Files that hold secrets: made with mode 0600, and read only where nobody else could have.
enum PrivateFile {
    static let draftMark = ".new-"

    /// Writes a new file; returns once the file and its name are on disk.
    ///
    /// A crash leaves either the whole file or none under `path`. An existing file, or a link of that name, is left as
    /// it is and reported as `.exists`.
    static func write(_ bytes: [UInt8], toNew path: String) throws(KeyFileFailure) {
        var bytes = bytes
        defer { wipe(&bytes) }
        var random = SystemRandom()
        let draft = path + draftMark + String(random.next(), radix: 36)
        let file = try Descriptor(opening: draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
        defer { unsafe unlink(draft) }
        try file.writeAll(bytes)
        #if FAIL_POINTS
            FailPoint.secretWritten.pass()
        #endif
        try file.sync()
        #if FAIL_POINTS
            FailPoint.secretFlushed.pass()
        #endif
        // Unlike rename, link fails where the name is taken, whoever was quicker.
        guard unsafe link(draft, path) == 0 else { throw KeyFileFailure(errno: errno) }
        #if FAIL_POINTS
            FailPoint.secretLinked.pass()
        #endif
        unsafe unlink(draft)
        try Descriptor(opening: directory(of: path), O_RDONLY | O_DIRECTORY).sync()
    }

    /// The bytes of a file that only its owner may use. Wiping them is the caller's.
    static func read(_ path: String, atMost limit: Int) throws(KeyFileFailure) -> [UInt8] {
        // Without O_NONBLOCK, opening a pipe would wait for a writer.
        let file = try Descriptor(opening: path, O_RDONLY | O_NONBLOCK | O_NOCTTY)
        let (kind, mode) = try file.kindAndMode()
        guard kind == S_IFREG else { throw .notAFile }
        guard mode & (Credentials.holds(path) ? 0o037 : 0o077) == 0 else { throw .tooWide(mode: mode) }
        return try file.read(atMost: limit)
    }

    private static func directory(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}

/// One open file, closed once.
private struct Descriptor: ~Copyable {
    private let number: Int32

    init(opening path: String, _ flags: Int32, mode: mode_t = 0) throws(KeyFileFailure) {
        // A NUL would cut the path short, and another file than the one named would be meant.
        guard !path.utf8.contains(0) else { throw .missing }
        var opened: Int32
        repeat { opened = unsafe open(path, flags | O_CLOEXEC, mode) } while opened < 0 && errno == EINTR
        guard opened >= 0 else { throw KeyFileFailure(errno: errno) }
        number = opened
    }

    deinit { close(number) }

    borrowing func kindAndMode() throws(KeyFileFailure) -> (kind: mode_t, mode: UInt32) {
        var status = stat()
        guard unsafe fstat(number, &status) == 0 else { throw KeyFileFailure(errno: errno) }
        return (status.st_mode & S_IFMT, UInt32(status.st_mode & 0o7777))
    }

    borrowing func writeAll(_ bytes: [UInt8]) throws(KeyFileFailure) {
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes[written...].withUnsafeBytes { rest in
                unsafe Glibc.write(number, rest.baseAddress, rest.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw KeyFileFailure(errno: errno) }
            written += count
        }
    }

    borrowing func sync() throws(KeyFileFailure) {
        guard fsync(number) == 0 else { throw KeyFileFailure(errno: errno) }
    }

    /// The whole file. The buffer is made in one piece, so that no copy of a secret is left behind by growing it.
    borrowing func read(atMost limit: Int) throws(KeyFileFailure) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: limit + 1)
        var filled = 0
        while filled < bytes.count {
            let count = unsafe bytes.withUnsafeMutableBytes { room in
                unsafe Glibc.read(number, room.baseAddress?.advanced(by: filled), room.count - filled)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                let failure = KeyFileFailure(errno: errno)
                wipe(&bytes)
                throw failure
            }
            if count == 0 { break }
            filled += count
        }
        guard filled <= limit else {
            wipe(&bytes)
            throw .tooLarge(limit: limit)
        }
        bytes.removeLast(bytes.count - filled)
        return bytes
    }
}
