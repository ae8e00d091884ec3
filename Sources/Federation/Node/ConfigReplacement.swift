internal import Glibc

/// Editing a configuration file: one command at a time, with its mode, its owner and the links to it kept.
///
/// The new text takes the old one's place by a rename, so a crash leaves one or the other.
struct ConfigReplacement: ~Copyable {
    enum Failure: Error {
        case file(FileFailure)
        /// It is another than it was when the change was made.
        case changedMeanwhile
    }

    /// What is written: where a link leads to, so that the link stays.
    private let target: String
    private let directory: Int32

    /// Waits for whoever edits a file of the same directory.
    init(of path: String) throws(FileFailure) {
        (target, directory) = try ConfigReplacement.locked(path)
    }

    private static func locked(_ path: String) throws(FileFailure) -> (target: String, directory: Int32) {
        guard let found = realpath(path, nil) else { throw FileFailure(code: errno) }
        let target = String(cString: found)
        free(found)
        let slash = target.lastIndex(of: "/") ?? target.startIndex
        let directory = slash == target.startIndex ? "/" : String(target[..<slash])
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileFailure(code: errno) }
        while flock(descriptor, LOCK_EX) != 0 {
            let code = errno
            if code == EINTR { continue }
            close(descriptor)
            throw FileFailure(code: code)
        }
        return (target, descriptor)
    }

    deinit { close(directory) }

    /// Puts `new` in the place of `old`, which must still be what the file holds.
    ///
    /// - Parameter read: reads the file now.
    borrowing func replace(_ old: [UInt8], with new: [UInt8], read: () -> [UInt8]?) throws(Failure) {
        var status = stat()
        guard stat(target, &status) == 0 else { throw .file(FileFailure(code: errno)) }
        guard read() == old else { throw .changedMeanwhile }
        do throws(FileFailure) {
            try AtomicFile.write(new, to: target, mode: status.st_mode & 0o7777, owner: (status.st_uid, status.st_gid))
        } catch {
            throw .file(error)
        }
    }
}
