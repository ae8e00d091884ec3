internal import FederationConfig
internal import FederationCore
internal import Glibc

/// What a directory that is to be imported turns out to be.
enum ImportSource {
    case markdown(root: String)
    case noema(NoemaDirectory)

    /// - Parameter asMarkdown: look for nothing but a tree of files.
    init(_ path: String, asMarkdown: Bool) throws(CommandFailure) {
        let resolved = realpath(path, nil)
        guard let resolved else { throw CommandFailure(.file, ["file": path, "why": SystemText.of(errno)]) }
        defer { free(resolved) }
        let root = String(cString: resolved)
        var facts = stat()
        guard stat(root, &facts) == 0, facts.st_mode & S_IFMT == S_IFDIR else {
            throw CommandFailure(.file, ["file": path, "why": SystemText.of(ENOTDIR)])
        }
        if !asMarkdown, let directory = NoemaDirectory(root: root) {
            self = .noema(directory)
        } else {
            self = .markdown(root: root)
        }
    }
}

/// A Noema cortex on disk: `cortex.md`, traces in three directories, and `db/noema.db`.
struct NoemaDirectory {
    let root: String
    let manifest: NoemaManifest

    /// `nil` where the directory is no cortex: without a manifest, or with nothing beside it.
    init?(root: String) {
        guard case .success(let text) = TextFile.read(root + "/cortex.md"), let manifest = NoemaManifest(text) else {
            return nil
        }
        self.root = root
        self.manifest = manifest
        guard hasDatabase || NoemaDirectory.folders.contains(where: { has($0.path) }) else { return nil }
    }

    var database: String { root + "/db/noema.db" }
    var hasDatabase: Bool { has("db/noema.db") }

    static let folders: [(place: TraceFile.Place, path: String)] = [
        (.active, "traces"), (.archived, "archive/traces"), (.trashed, "trash/traces"),
    ]

    func has(_ path: String) -> Bool { access("\(root)/\(path)", F_OK) == 0 }
}
