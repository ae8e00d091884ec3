internal import CProcess
internal import Glibc
#if FAIL_POINTS
    internal import FailPoints
#endif

/// The system's error number of a failed file operation.
struct FileFailure: Error { var code: Int32 }

/// The system's words for an error number, for people.
enum SystemText {
    static func of(_ code: Int32) -> String { String(cString: strerror(code)) }
}

/// Replacing a file so that a crash leaves the old one or the new one, never half of one.
enum AtomicFile {
    /// Writes a temporary file beside `path`, flushes it, renames it over `path` and flushes the directory. Temporary files of
    /// processes that were killed go.
    ///
    /// - Parameter owner: whom the file is given to, with exactly `mode`, where it can be: of what an administrator
    ///   edits, the node's user stays the owner.
    static func write(
        _ bytes: [UInt8], to path: String, mode: mode_t, owner: (user: uid_t, group: gid_t)? = nil
    ) throws(FileFailure) {
        DraftFiles.removeLeftovers(of: path)
        let temporary = "\(path).\(getpid()).new"
        let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard file >= 0 else { throw FileFailure(code: errno) }
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { throw abandon(file, temporary) }
            rest = rest.dropFirst(written)
        }
        if let owner {
            if owner.user != geteuid() || owner.group != getegid() { _ = fchown(file, owner.user, owner.group) }
            guard fchmod(file, mode) == 0 else { throw abandon(file, temporary) }
        }
        #if FAIL_POINTS
            FailPoint.draftWritten.pass()
        #endif
        guard fsync(file) == 0 else { throw abandon(file, temporary) }
        close(file)
        #if FAIL_POINTS
            FailPoint.draftFlushed.pass()
        #endif
        guard rename(temporary, path) == 0 else {
            let code = errno
            unlink(temporary)
            throw FileFailure(code: code)
        }
        #if FAIL_POINTS
            FailPoint.draftNamed.pass()
        #endif
        try flushDirectory(of: path)
    }

    /// Gives a finished file another name in the same file system; it and its name are on disk when this returns.
    static func put(_ draft: String, in path: String) throws(FileFailure) {
        let file = open(draft, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { throw FileFailure(code: errno) }
        defer { close(file) }
        guard fsync(file) == 0, rename(draft, path) == 0 else { throw FileFailure(code: errno) }
        #if FAIL_POINTS
            FailPoint.draftNamed.pass()
        #endif
        try flushDirectory(of: path)
    }

    /// Has the name of a file, and that it is gone from another, on disk.
    ///
    /// - Throws: where that is not known: the name is there, and the next loss of power may take it.
    static func flushDirectory(of path: String) throws(FileFailure) {
        var descriptor = open(parent(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        let isDirectory = descriptor >= 0
        // Into some directories one may write without looking: then all of the file system is flushed.
        if !isDirectory, errno == EACCES { descriptor = open(path, O_RDONLY | O_CLOEXEC) }
        guard descriptor >= 0 else { throw FileFailure(code: errno) }
        defer { close(descriptor) }
        // EINVAL: a file system that has no flush of directories (fsync(2)).
        guard (isDirectory ? fsync(descriptor) : syncfs(descriptor)) == 0 || errno == EINVAL else { throw FileFailure(code: errno) }
    }

    private static func abandon(_ file: Int32, _ path: String) -> FileFailure {
        let failure = FileFailure(code: errno)
        close(file)
        unlink(path)
        return failure
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}
