internal import FederationCore
internal import FederationCrypto
internal import FederationStore
internal import Glibc

/// Whether a backup is what was written: its hash, every page, hash, signature and record in it, and the digest of its log.
package struct BackupCheck: Sendable {
    let file: String
    let manifest: BackupManifest
    let files: [KeptFile]
    private(set) var bytes: Int64 = 0
    private(set) var hash: Digest?
    /// A hash stands beside it, and the file was compared with that.
    private(set) var isHashCompared = false
    /// What is wrong with it, as words of `docs/cli.md` and of findings.
    private(set) var problems: [String] = []

    /// Nothing is wrong with it.
    package var isGood: Bool { problems.isEmpty }

    /// Reads what a backup says of itself.
    ///
    /// - Throws: `notABackup` for any other file.
    init(_ file: String) throws(CommandFailure) {
        var facts = stat()
        guard stat(file, &facts) == 0 else { throw CommandFailure(.file, ["file": file, "why": SystemText.of(errno)]) }
        self.file = file
        bytes = Int64(facts.st_size)
        do throws(StoreFailure) {
            guard let (made, files) = try SQLiteStore.kept(in: file), let manifest = BackupManifest(made) else {
                throw StoreFailure.notOurs
            }
            self.manifest = manifest
            self.files = files
        } catch {
            guard error == .notOurs || error == .corrupt else { throw CommandFailure(error) }
            throw CommandFailure(.notABackup, ["file": file])
        }
    }

    /// Checks a backup where it lies, and gives the facts as JSON; one of an older program is checked on a copy.
    package static func run(
        _ file: String, progress: @escaping @Sendable (_ done: Int64, _ total: Int64) -> Void
    ) async throws(CommandFailure) -> (check: BackupCheck, json: [UInt8]) {
        var check = try BackupCheck(file)
        try check.compareHash(of: file)
        var isOld = false
        do throws(StoreFailure) {
            let store = try SQLiteStore(path: file, access: .readOnly)
            try await check.look(at: store, progress)
            await store.close()
        } catch {
            guard case .olderSchema = error else { throw CommandFailure(error) }
            isOld = true
        }
        if isOld {
            // Nobody else can put a journal beside the copy.
            guard let directory = PrivateDirectory.make("federation-check") else {
                throw CommandFailure(.fileWrite, ["file": PrivateDirectory.parent, "why": SystemText.of(errno)])
            }
            let copy = directory + "/check.db"
            defer {
                ImportRehearsal.remove(copy)
                rmdir(directory)
            }
            try FileCopy.make(of: file, at: copy)
            do throws(StoreFailure) {
                let store = try SQLiteStore(path: copy, access: .scratch)
                try await check.look(at: store, progress)
                await store.close()
            } catch {
                throw CommandFailure(error)
            }
        }
        return (check, jsonObject { check.write(to: &$0) })
    }

    /// Compares a file with the hash that was written beside the backup, if one is there.
    mutating func compareHash(of path: String) throws(CommandFailure) {
        do throws(FileDigestFailure) {
            hash = try FileDigest.sha256(of: path)
        } catch {
            throw CommandFailure(.file, ["file": path, "why": SystemText.of(error.code)])
        }
        let beside = file + Backup.hashSuffix
        var facts = stat()
        if lstat(beside, &facts) != 0, errno == ENOENT { return }
        guard case .success(let text) = TextFile.read(beside) else {
            problems.append("hash_unreadable")
            return
        }
        isHashCompared = true
        if text.prefix(2 * Digest.length) != hash?.hex ?? "" { problems.append("hash_differs") }
    }

    /// Computes anew whatever follows from something else.
    mutating func look(
        at store: SQLiteStore, _ progress: @escaping @Sendable (Int64, Int64) -> Void
    ) async throws(StoreFailure) {
        if try await !store.isSound() { problems.append("damaged") }
        let facts = try await store.read { (log) throws(StoreFailure) in try log.setFacts(sha256) }
        if facts.events != manifest.events || facts.digest != manifest.digest { problems.append("digest_differs") }
        let audit = try await SelfVerification.run(
            on: store, node: manifest.id, ownKeys: manifest.publicKey.map { [$0] } ?? [], progress: progress
        ).audit
        for finding in audit.findings where finding.kind != .recordsOutdated && !problems.contains(finding.kind.rawValue) {
            problems.append(finding.kind.rawValue)
        }
        if !audit.isComplete { problems.append("damaged") }
    }

    var hasKey: Bool { files.contains { $0.name == BackupManifest.keyFile } }

    func write(to writer: inout JSONWriter) {
        writer.member("file", file)
        writer.member("bytes", bytes)
        if let hash { writer.member("sha256", hash.hex) }
        writer.member("made_at", manifest.madeAt)
        manifest.write(to: &writer)
        writer.member("with_key", hasKey)
        writer.member("hash_compared", isHashCompared)
        writer.member("ok", isGood)
        writer.member("problems", problems)
    }
}

/// Copying a file byte for byte into a new one of mode 0600.
enum FileCopy {
    static func make(
        of source: String, at target: String, progress: (Int64) -> Void = { _ in }
    ) throws(CommandFailure) {
        func failure(_ path: String, _ code: Int32, _ what: CommandFailure.Code) -> CommandFailure {
            CommandFailure(what, ["file": path, "why": SystemText.of(code)])
        }
        let from = open(source, O_RDONLY | O_CLOEXEC)
        guard from >= 0 else { throw failure(source, errno, .file) }
        defer { close(from) }
        let to = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard to >= 0 else { throw failure(target, errno, .fileWrite) }
        defer { close(to) }
        var piece = [UInt8](repeating: 0, count: 1 << 20)
        var total: Int64 = 0
        while true {
            let count = piece.withUnsafeMutableBytes { read(from, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure(source, errno, .file) }
            guard count > 0 else { break }
            var rest = piece[..<count]
            while !rest.isEmpty {
                let written = rest.withUnsafeBytes { write(to, $0.baseAddress, $0.count) }
                if written < 0, errno == EINTR { continue }
                guard written > 0 else { throw failure(target, errno, .fileWrite) }
                rest = rest.dropFirst(written)
            }
            total += Int64(count)
            progress(total)
        }
    }
}
