internal import Glibc
internal import Synchronization

/// Why a data directory was not locked.
package enum DataDirectoryLockFailure: Error, Hashable, Sendable {
    /// Another process has it: its id as it wrote it down, if that could be read.
    case held(by: Int32?)
    /// There is no such directory.
    case missing
    case noPermission
    case io(errno: Int32)

    init(errno code: Int32) {
        self =
            switch code {
            case ENOENT, ENOTDIR: .missing
            case EACCES, EPERM, EROFS: .noPermission
            default: .io(errno: code)
            }
    }
}

/// The right to write in a data directory, held by one process at a time: by a daemon while it runs, or by a command
/// while it writes. It ends with `release` or the value, and with the process however that ends.
package final class DataDirectoryLock: Sendable {
    private let file: Mutex<Int32?>

    /// Takes the lock on the file `lock` in `directory` without waiting for it.
    package init(directory: String) throws(DataDirectoryLockFailure) {
        let path = directory + "/lock"
        guard !path.utf8.contains(0) else { throw .missing }
        let file = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw DataDirectoryLockFailure(errno: errno) }
        guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
            let reason = errno
            let holder = DataDirectoryLock.holder(in: file)
            close(file)
            throw reason == EWOULDBLOCK ? .held(by: holder) : DataDirectoryLockFailure(errno: reason)
        }
        // The file is never removed: whoever opened it just before would lock a name that is gone, and so would we.
        self.file = Mutex(file)
        // For people and for `held`; the lock itself does not depend on it.
        let note = Array("\(getpid())\n".utf8)
        if ftruncate(file, 0) == 0 { _ = unsafe pwrite(file, note, note.count, 0) }
    }

    deinit { release() }

    /// Lets go of the directory, at the first call.
    package func release() {
        if let file = file.withLock({ $0.take() }) { close(file) }
    }

    private static func holder(in file: Int32) -> Int32? {
        var note = [UInt8](repeating: 0, count: 16)
        let count = unsafe pread(file, &note, note.count, 0)
        guard count > 0 else { return nil }
        return Int32(String(decoding: note[..<count].prefix { $0 != 0x0A }, as: UTF8.self))
    }
}
