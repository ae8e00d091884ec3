internal import CProcess
internal import FederationCore
internal import FederationCrypto
internal import Glibc

/// Why a directory of notes cannot be used as a whole.
enum NoteFolderProblem: Error, Hashable, Sendable {
    /// It is not there, or its mark is not: a disk that is not mounted looks like one whose notes were all deleted.
    case missing
    /// Its mark is another replayer's.
    case notOurs
    /// There is no room.
    case full
    case io(code: Int32)
    /// It has more files than are looked at, or the node more records than it may have notes.
    case tooMany
    /// So many of its notes are missing that it may not be whole.
    case manyMissing

    init(errno code: Int32) {
        self = code == ENOSPC || code == EDQUOT ? .full : .io(code: code)
    }

    var code: String {
        switch self {
        case .missing: "directory_missing"
        case .notOurs: "directory_not_ours"
        case .full: "disk_full"
        case .io: "directory_io"
        case .tooMany: "too_many_notes"
        case .manyMissing: "many_missing"
        }
    }

    /// The system's number.
    var number: Int32? { if case .io(let code) = self { code } else { nil } }
}

/// The directory of a `files` replayer: files by name, and never by way of a link.
///
/// A file is put in another's place by exchanging the two, and what came out is looked at: where it is not what was to go,
/// somebody has saved meanwhile, and the two are changed back.
struct NoteDirectory: Sendable {
    enum Content: Hashable, Sendable {
        case missing
        case bytes([UInt8])
        /// Somebody has it open for writing, or has written to it just now.
        case busy
        case problem(NoteProblem)
    }

    enum Outcome: Hashable, Sendable {
        case done
        /// It was not as expected, and is as it was.
        case changed
        case failed(code: Int32)
    }

    let path: String
    /// What the mark says: whose directory this is …
    let owner: String
    /// … and which of those that were ever made for the same replayer.
    var word = ""

    static let mark = ".federation-notes"
    /// What is being written: half of a text, perhaps.
    private static let half = ".federation-note.part"
    /// What is to go in, and then what came out: always whole, and after a crash perhaps somebody's.
    static let exchanged = ".federation-note.tmp"
    static let linked = ".federation-note.old"

    // MARK: The directory

    /// Makes the directory and its mark, where they are not there yet, or are of an earlier beginning.
    func make() throws(NoteFolderProblem) {
        if mkdir(path, 0o700) != 0, errno != EEXIST { throw NoteFolderProblem(errno: errno) }
        let mark = read(NoteDirectory.mark, limit: 4096)
        var isEarlier = false
        if case .bytes(let bytes) = mark, bytes != marked { isEarlier = isOfOwner(bytes) }
        guard isEarlier || mark == .missing else { return try check() }
        unlink(full(NoteDirectory.half))
        try write(marked, mode: 0o600)
        let code = move(NoteDirectory.half, NoteDirectory.mark, replaces: isEarlier)
        if code == EEXIST {
            unlink(full(NoteDirectory.half))
            return try check()
        }
        if code != 0 { throw NoteFolderProblem(errno: code) }
        flush()
    }

    private var marked: [UInt8] { Array((word.isEmpty ? "\(owner)\n" : "\(owner) \(word)\n").utf8) }

    private func isOfOwner(_ mark: [UInt8]) -> Bool {
        mark.starts(with: Array("\(owner) ".utf8)) || mark == Array("\(owner)\n".utf8)
    }

    func check() throws(NoteFolderProblem) {
        switch read(NoteDirectory.mark, limit: 4096) {
        // One of an earlier beginning may lie under the disk that is not mounted.
        case .bytes(let bytes): if bytes != marked { throw isOfOwner(bytes) ? .missing : .notOurs }
        case .missing, .busy: throw .missing
        case .problem(.unreadable(let code)): throw .io(code: code)
        case .problem: throw .notOurs
        }
    }

    /// The names of what lies there, in order, and those that are not UTF-8, escaped.
    func names() throws(NoteFolderProblem) -> (names: [String], unnamed: [String]) {
        guard let stream = opendir(path) else { throw errno == ENOENT ? .missing : NoteFolderProblem(errno: errno) }
        defer { closedir(stream) }
        var (names, unnamed): ([String], [String]) = ([], [])
        while let entry = readdir(stream) {
            let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if let name = String(validating: bytes, as: UTF8.self) {
                names.append(name)
            } else if unnamed.count < Limits.noteProblems {
                unnamed.append(String(decoding: bytes, as: UTF8.self))
            }
            if names.count > Limits.noteEntries { throw .tooMany }
        }
        return (names.sorted { ExactText($0) < ExactText($1) }, unnamed)
    }

    // MARK: Files

    func exists(_ name: String) -> Bool {
        var status = stat()
        return lstat(full(name), &status) == 0
    }

    /// - Parameter evenIfOpen: also where somebody holds it open for writing.
    func read(_ name: String, limit: Int = Limits.noteBytes, evenIfOpen: Bool = true) -> Content {
        let file = open(name, O_RDONLY | O_NONBLOCK, 0)
        guard file >= 0 else {
            switch errno {
            case ENOENT: return .missing
            case ELOOP, ENXIO: return .problem(.notAFile)
            default: return .problem(.unreadable(code: errno))
            }
        }
        defer { close(file) }
        var before = stat()
        guard fstat(file, &before) == 0, before.st_mode & S_IFMT == S_IFREG else { return .problem(.notAFile) }
        if before.st_size > limit { return .problem(.tooLarge) }
        if !evenIfOpen, NoteDirectory.isOpenForWriting(file) { return .busy }
        var bytes: [UInt8] = []
        var room = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(file, &room, room.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return .problem(.unreadable(code: errno)) }
            if count == 0 { break }
            bytes += room[..<count]
            if bytes.count > limit { return .problem(.tooLarge) }
        }
        var after = stat()
        guard fstat(file, &after) == 0 else { return .problem(.unreadable(code: errno)) }
        let isSame = after.st_size == before.st_size && after.st_mtim.tv_sec == before.st_mtim.tv_sec
            && after.st_mtim.tv_nsec == before.st_mtim.tv_nsec
        return isSame || evenIfOpen ? .bytes(bytes) : .busy
    }

    /// The system grants a lease for reading only where nobody has the file open for writing. Where it grants none at all
    /// (another's file, another kind of file system), nothing is known.
    private static func isOpenForWriting(_ file: Int32) -> Bool {
        let (setLease, setSignal): (Int32, Int32) = (1024, 10)
        // Whoever opens it in this moment breaks the lease: by a signal that nobody minds.
        _ = fcntl(file, setSignal, SIGURG)
        if fcntl(file, setLease, Int32(F_RDLCK)) == 0 {
            _ = fcntl(file, setLease, Int32(F_UNLCK))
            return false
        }
        return errno == EAGAIN
    }

    /// Puts a text in the place of another, or where nothing is. It is on the disk once `flush` was called.
    ///
    /// - Parameter expected: what is there now; `nil` for nothing.
    func replace(_ name: String, _ expected: [UInt8]?, with bytes: [UInt8]) throws(NoteFolderProblem) -> Outcome {
        try prepare(bytes, for: expected == nil ? nil : name)
        guard let expected else {
            let code = move(NoteDirectory.exchanged, name, replaces: false)
            if code == 0 { return .done }
            delete(NoteDirectory.exchanged)
            return code == EEXIST ? .changed : .failed(code: code)
        }
        let code = exchange(NoteDirectory.exchanged, name)
        guard code == 0 else {
            delete(NoteDirectory.exchanged)
            return code == ENOENT ? .changed : .failed(code: code)
        }
        guard read(NoteDirectory.exchanged) != .bytes(expected) else {
            delete(NoteDirectory.exchanged)
            return .done
        }
        // Back; where it is gone meanwhile, alone.
        if exchange(NoteDirectory.exchanged, name) != 0, move(NoteDirectory.exchanged, name, replaces: false) == 0 {
            return .changed
        }
        // Somebody may have saved between the two as well.
        if read(NoteDirectory.exchanged) == .bytes(bytes) {
            delete(NoteDirectory.exchanged)
        } else {
            _ = try keepAside(NoteDirectory.exchanged, of: name)
        }
        return .changed
    }

    /// Takes a file away, if it is what is expected.
    func remove(_ name: String, _ expected: [UInt8]) throws(NoteFolderProblem) -> Outcome {
        let code = move(name, NoteDirectory.exchanged, replaces: true)
        guard code == 0 else { return code == ENOENT ? .changed : .failed(code: code) }
        if read(NoteDirectory.exchanged) == .bytes(expected) {
            delete(NoteDirectory.exchanged)
            return .done
        }
        if move(NoteDirectory.exchanged, name, replaces: false) != 0 {
            _ = try keepAside(NoteDirectory.exchanged, of: name)
        }
        return .changed
    }

    /// Gives a file another name, where nothing has it.
    func rename(_ name: String, to other: String) -> Bool { move(name, other, replaces: false) == 0 }

    /// Gives a text a name of its own beside a note's.
    ///
    /// - Returns: that name.
    func keepAside(_ name: String, of note: String) throws(NoteFolderProblem) -> String {
        // What cannot be read is kept as well.
        let content = read(name)
        let hash = if case .bytes(let bytes) = content { sha256(bytes) } else { Digest.lowest }
        for number in 1...100 {
            let kept = NoteName.conflictFile(of: note, hash, number)
            let code = move(name, kept, replaces: false)
            if code == 0 { return kept }
            guard code == EEXIST else { throw .io(code: code) }
            if case .bytes = content, read(kept) == content {
                delete(name)
                return kept
            }
        }
        throw .io(code: EEXIST)
    }

    /// What was renamed and removed is so on the disk.
    func flush() {
        let directory = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { return }
        fsync(directory)
        close(directory)
    }

    func delete(_ name: String) { unlink(full(name)) }

    // MARK: Steps

    private func full(_ name: String) -> String { path + "/" + name }

    /// A whole text under a name of ours, on the disk. Whoever may read or write the directory, or the file whose place it
    /// takes, may read or write it.
    private func prepare(_ bytes: [UInt8], for name: String?) throws(NoteFolderProblem) {
        unlink(full(NoteDirectory.half))
        var status = stat()
        var mode: mode_t = 0o600
        if let name, lstat(full(name), &status) == 0 {
            mode = status.st_mode & 0o777
        } else if stat(path, &status) == 0 {
            // Nobody is to write there for whom it is a directory of everybody's.
            mode = status.st_mode & 0o664
        }
        try write(bytes, mode: mode | 0o600)
        let code = move(NoteDirectory.half, NoteDirectory.exchanged, replaces: true)
        if code != 0 { throw NoteFolderProblem(errno: code) }
    }

    /// Writes what is to be moved to its place.
    private func write(_ bytes: [UInt8], mode: mode_t) throws(NoteFolderProblem) {
        let file = open(NoteDirectory.half, O_WRONLY | O_CREAT | O_EXCL, 0o600)
        guard file >= 0 else { throw NoteFolderProblem(errno: errno) }
        fchmod(file, mode)
        guard write(bytes, to: file) else {
            let code = errno
            unlink(full(NoteDirectory.half))
            throw NoteFolderProblem(errno: code)
        }
    }

    private func move(_ name: String, _ other: String, replaces: Bool) -> Int32 {
        let (from, to) = (full(name), full(other))
        if replaces { return Glibc.rename(from, to) == 0 ? 0 : errno }
        if renameat2(AT_FDCWD, from, AT_FDCWD, to, 1 /* RENAME_NOREPLACE */) == 0 { return 0 }
        guard errno == EINVAL || errno == ENOSYS else { return errno }
        // A file system that cannot: a second name for it fails as well where there is one.
        if link(from, to) == 0 { return unlink(from) == 0 ? 0 : errno }
        guard errno == EPERM || errno == EOPNOTSUPP else { return errno }
        return exists(other) ? EEXIST : Glibc.rename(from, to) == 0 ? 0 : errno
    }

    private func exchange(_ name: String, _ other: String) -> Int32 {
        let (from, to) = (full(name), full(other))
        if renameat2(AT_FDCWD, from, AT_FDCWD, to, 2 /* RENAME_EXCHANGE */) == 0 { return 0 }
        guard errno == EINVAL || errno == ENOSYS else { return errno }
        // The same by a second name for what goes; without those, as well as it can be done.
        let old = full(NoteDirectory.linked)
        unlink(old)
        guard link(to, old) == 0 else {
            guard errno == EPERM || errno == EOPNOTSUPP else { return errno }
            guard Glibc.rename(to, old) == 0, Glibc.rename(from, to) == 0 else { return errno }
            return Glibc.rename(old, from) == 0 ? 0 : errno
        }
        guard Glibc.rename(from, to) == 0 else { return errno }
        return Glibc.rename(old, from) == 0 ? 0 : errno
    }

    private func open(_ name: String, _ flags: Int32, _ mode: mode_t) -> Int32 {
        Glibc.open(full(name), flags | O_NOFOLLOW | O_CLOEXEC, mode)
    }

    /// Writes it to the disk, and closes it.
    private func write(_ bytes: [UInt8], to file: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return closed(file, false) }
            rest = rest.dropFirst(count)
        }
        return closed(file, fsync(file) == 0)
    }

    /// Closes a file, and leaves the error of what was before.
    private func closed(_ file: Int32, _ isWritten: Bool) -> Bool {
        let code = errno
        close(file)
        errno = code
        return isWritten
    }
}
