internal import CSQLite
package import FederationCore
internal import Glibc

/// Which file a database is: a copy of it, or a backup put back, is another one.
///
/// The device number is left out, because it changes between boots for the same disk.
package struct DatabaseFileIdentity: Hashable, Sendable {
    package let inode: UInt64
    /// When the file was made, in nanoseconds since 1970; 0 where the file system does not say.
    package let born: Int64

    package init(inode: UInt64, born: Int64) {
        self.inode = inode
        self.born = born
    }

    /// Asks the file system about the file at `path`.
    ///
    /// It is asked by name: opening and closing a database's file would drop the locks that SQLite holds on it in
    /// this process (SQLite, "How To Corrupt", 2.2).
    package init(of path: String) throws(StoreFailure) {
        guard !path.utf8.contains(0) else { throw .cannotOpen }
        var inode: UInt64 = 0
        var seconds: Int64 = 0
        var nanoseconds: UInt32 = 0
        guard unsafe csqlite_birth_of_file(path, &inode, &seconds, &nanoseconds) == 0 else {
            throw errno == ENOENT || errno == ENOTDIR || errno == EACCES ? .cannotOpen : .io
        }
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        self.init(inode: inode, born: overflow ? 0 : scaled &+ Int64(nanoseconds))
    }

    /// Reads what `description` wrote; `nil` for anything else.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let inode = UInt64(parts[0]), let born = Int64(parts[1]) else { return nil }
        self.init(inode: inode, born: born)
    }
}

extension DatabaseFileIdentity: CustomStringConvertible {
    package var description: String { "\(inode)@\(born)" }
}

/// Which machine this is: a hash of systemd's machine id, which is itself not to be passed on (machine-id(5)).
///
/// - Returns: `nil` where the machine has no such id.
package func machineIdentity(_ sha256: SHA256, file path: String = "/etc/machine-id") -> Digest? {
    start(of: path, count: 32).map { sha256(Array("federation-machine-v1\n".utf8) + $0) }
}

/// What the kernel calls the time since it was started (random(4)): its containers have it too, and no other machine has.
///
/// - Returns: `nil` where it does not say.
package func bootIdentity(file path: String = "/proc/sys/kernel/random/boot_id") -> [UInt8]? {
    start(of: path, count: 36)
}

/// The first bytes of a file; `nil` where there are not so many.
private func start(of path: String, count: Int) -> [UInt8]? {
    let file = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: count)
    guard unsafe read(file, &bytes, count) == count else { return nil }
    return bytes
}
