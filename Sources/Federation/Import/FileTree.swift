internal import FederationCore
internal import Glibc

/// The Markdown files below one directory, found and read without following a link.
///
/// What begins with a dot is passed over, directories and files alike: it belongs to programs.
struct FileTree: Sendable {
    /// Why a file that should be read is not.
    enum Problem: String, Sendable {
        case tooLarge = "too_large"
        case binary
        case notUTF8 = "not_utf8"
        case nameNotUTF8 = "name_not_utf8"
        case notAFile = "not_a_file"
        case notReadable = "not_readable"
        case tooDeep = "too_deep"
        case tooMany = "too_many"
    }

    /// The absolute path of the directory, without links.
    let root: String
    /// Paths from the root, in order of their bytes.
    private(set) var files: [String] = []
    private(set) var problems: [(path: String, problem: Problem)] = []
    /// Links that may have led to files: none is followed.
    private(set) var links = 0

    /// Walks through the whole tree.
    ///
    /// - Parameter folder: only this part of it; paths are still from the root.
    init(root: String, folder: String = "") throws(FileFailure) {
        self.root = root
        let top = open(folder.isEmpty ? root : "\(root)/\(folder)", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard top >= 0 else { throw FileFailure(code: errno) }
        walk(top, folder, depth: 1)
        files.sort { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Reads one directory, whose descriptor it closes.
    private mutating func walk(_ descriptor: Int32, _ path: String, depth: Int) {
        guard let directory = fdopendir(descriptor) else {
            close(descriptor)
            return problems.append((path, .notReadable))
        }
        defer { closedir(directory) }
        var folders: [String] = []
        while let entry = readdir(directory) {
            // In place: the system's record ends with the name, and a copy of the field would read past it.
            let bytes = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if bytes.first == UInt8(ascii: ".") { continue }
            guard let name = String(validating: bytes, as: UTF8.self) else {
                problems.append((joined(path, String(decoding: bytes, as: UTF8.self)), .nameNotUTF8))
                continue
            }
            switch kind(of: name, in: descriptor, entry.pointee.d_type) {
            case S_IFDIR: folders.append(name)
            case S_IFLNK: links += 1
            case S_IFREG where isMarkdown(name): keep(joined(path, name))
            default: break
            }
        }
        for name in folders {
            let inner = joined(path, name)
            guard depth < Limits.importDepth else {
                problems.append((inner, .tooDeep))
                continue
            }
            let folder = openat(descriptor, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
            if folder < 0 { problems.append((inner, .notReadable)) } else { walk(folder, inner, depth: depth + 1) }
        }
    }

    private mutating func keep(_ path: String) {
        if files.count < Limits.importFiles {
            files.append(path)
        } else if problems.last?.problem != .tooMany {
            problems.append((path, .tooMany))
        }
    }

    /// Some file systems do not say it in the directory.
    private func kind(of name: String, in directory: Int32, _ type: UInt8) -> mode_t {
        switch Int(type) {
        case DT_DIR: return S_IFDIR
        case DT_LNK: return S_IFLNK
        case DT_REG: return S_IFREG
        case DT_UNKNOWN:
            var facts = stat()
            return fstatat(directory, name, &facts, AT_SYMLINK_NOFOLLOW) == 0 ? facts.st_mode & S_IFMT : 0
        default: return 0
        }
    }

    private func isMarkdown(_ name: String) -> Bool {
        let name = name.lowercased()
        return name.hasSuffix(".md") || name.hasSuffix(".markdown")
    }

    private func joined(_ path: String, _ name: String) -> String { path.isEmpty ? name : "\(path)/\(name)" }

    /// Reads a file found in the tree, whole.
    func text(of path: String) -> Result<String, ReadProblem> { TextFile.read("\(root)/\(path)") }
}

/// Why a file is not read.
struct ReadProblem: Error {
    var problem: FileTree.Problem
}

/// A text file of somebody else, read within bounds.
enum TextFile {
    static func read(_ path: String) -> Result<String, ReadProblem> {
        // Without O_NONBLOCK the opening of a named pipe would wait for a writer.
        let file = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else { return .failure(ReadProblem(problem: errno == ELOOP ? .notAFile : .notReadable)) }
        defer { close(file) }
        var facts = stat()
        guard fstat(file, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
            return .failure(ReadProblem(problem: .notAFile))
        }
        guard facts.st_size <= off_t(Limits.importFileBytes) else { return .failure(ReadProblem(problem: .tooLarge)) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = buffer.withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return .failure(ReadProblem(problem: .notReadable)) }
            if count == 0 { break }
            bytes += buffer[..<count]
            guard bytes.count <= Limits.importFileBytes else { return .failure(ReadProblem(problem: .tooLarge)) }
        }
        if bytes.contains(0) { return .failure(ReadProblem(problem: .binary)) }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return .failure(ReadProblem(problem: .notUTF8))
        }
        return .success(text)
    }
}
