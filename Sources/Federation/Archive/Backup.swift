internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationStore
internal import Glibc
#if FAIL_POINTS
    internal import FailPoints
#endif

/// `federation backup`: the state of one commit in one file, whoever writes to the database meanwhile.
///
/// It is a database of its own: the log, records, state and the node's identity, with the configuration beside them in a
/// table. The signing key is left out unless it is asked for: whoever has that writes in this node's name.
package struct Backup: Sendable {
    package var configPath: String
    package var target: String
    /// Replaces a backup that is there.
    package var replaces = false
    package var includesKey = false
    package var isDryRun = false

    package init(configPath: String, target: String) {
        self.configPath = configPath
        self.target = target
    }

    /// - Parameter progress: told how many bytes are written, and of how many; from another thread.
    /// - Returns: the facts as JSON.
    package func run(
        progress: @escaping @Sendable (_ done: Int64, _ total: Int64) -> Void
    ) async throws(CommandFailure) -> [UInt8] {
        let file = try loadConfig(configPath)
        let directory = NodeDirectory(file.dataDirectory)
        guard directory.hasDatabase else { throw CommandFailure(missingDatabase: directory) }
        try refuseTarget(directory)
        let node: (id: ULID, current: PublicKey?, size: Int64)
        var facts: (events: Int64, digest: String)
        do throws(StoreFailure) {
            let store = try await OpenedNode.open(directory, for: .read)
            let disk = try await store.disk()
            let found = try await store.read { (log) throws(StoreFailure) in
                guard let id = try log.meta(.identity).flatMap({ ULID($0) }) else { throw StoreFailure.corrupt }
                return (id, try log.successions(of: id).last?.attestation.next, try log.setFacts(sha256))
            }
            await store.close()
            (node, facts) = ((found.0, found.1, disk.database - disk.reusable), found.2)
        } catch {
            throw CommandFailure(error)
        }
        let key = try readKey(directory, node.id, node.current)
        guard !isDryRun else {
            let manifest = manifest(file, node.id, key, facts)
            return json(manifest, bytes: node.size, hash: nil)
        }
        let draft = "\(target).\(getpid()).new"
        defer { ImportRehearsal.remove(draft) }
        DraftFiles.removeLeftovers(of: target)
        try probe(draft)
        let watching = Task.detached { await Backup.watch(draft, of: node.size, progress) }
        do throws(StoreFailure) {
            try SQLiteStore.copy(of: directory.database, to: draft)
            watching.cancel()
            let copy = try SQLiteStore(path: draft, access: .readOnly)
            facts = try await copy.read { (log) throws(StoreFailure) in try log.setFacts(sha256) }
            await copy.close()
            let manifest = manifest(file, node.id, key, facts)
            try SQLiteStore.furnish(
                draft, meta: [.backup: String(decoding: manifest.json, as: UTF8.self)], files: files(file, key))
        } catch {
            watching.cancel()
            throw CommandFailure(error)
        }
        let (bytes, hash) = try put(draft)
        return json(manifest(file, node.id, key, facts), bytes: bytes, hash: hash)
    }

    // MARK: What goes in

    private func manifest(
        _ file: ConfigFile, _ id: ULID, _ key: SigningKey?, _ facts: (events: Int64, digest: String)
    ) -> BackupManifest {
        BackupManifest(
            madeAt: SystemClock.now().rfc3339, id: id, name: file.config.name,
            publicKey: key?.publicKey.description, events: facts.events, digest: facts.digest)
    }

    private func files(_ file: ConfigFile, _ key: SigningKey?) -> [KeptFile] {
        var files = [KeptFile(name: BackupManifest.configFile, bytes: file.bytes)]
        if includesKey, let key { files.append(KeptFile(name: BackupManifest.keyFile, bytes: SigningKeyFile.text(of: key))) }
        return files
    }

    /// The key is worth a failure only where it is to be kept: what else there is may be all the more worth saving.
    private func readKey(
        _ directory: NodeDirectory, _ id: ULID, _ current: PublicKey?
    ) throws(CommandFailure) -> SigningKey? {
        guard includesKey else { return try? directory.signingKey(of: id, current: current, settles: false) }
        return try directory.signingKey(of: id, current: current, settles: false)
    }

    // MARK: Where it goes

    private func refuseTarget(_ directory: NodeDirectory) throws(CommandFailure) {
        var (there, own) = (stat(), stat())
        guard stat(target, &there) == 0 else { return }
        guard there.st_mode & S_IFMT == S_IFREG else { throw cannotWrite(there.st_mode & S_IFMT == S_IFDIR ? EISDIR : EEXIST) }
        for name in [directory.database, directory.database + "-wal", directory.database + "-shm"]
        where stat(name, &own) == 0 && own.st_ino == there.st_ino && own.st_dev == there.st_dev {
            throw cannotWrite(ETXTBSY)
        }
        guard replaces else { throw CommandFailure(.fileExists, ["file": target]) }
        guard (try? BackupCheck(target)) != nil else {
            throw CommandFailure(.fileWrite, ["file": target, "why": "what is there is no backup, and is not replaced"])
        }
    }

    /// Learns before the work whether a file can be made there, and why not.
    private func probe(_ draft: String) throws(CommandFailure) {
        let file = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard file >= 0 else { throw cannotWrite(errno) }
        close(file)
        unlink(draft)
    }

    private func cannotWrite(_ code: Int32) -> CommandFailure {
        CommandFailure(.fileWrite, ["file": target, "why": SystemText.of(code)])
    }

    /// Gives the finished file its name, and writes its hash beside it, in the form of `sha256sum`.
    ///
    /// A kill between two of these leaves a file without a hash, or the old one without.
    private func put(_ draft: String) throws(CommandFailure) -> (bytes: Int64, hash: Digest) {
        let hash: Digest
        do throws(FileDigestFailure) { hash = try FileDigest.sha256(of: draft) } catch { throw cannotWrite(error.code) }
        let beside = target + Backup.hashSuffix
        let name = target.split(separator: "/").last.map { String($0) } ?? target
        unlink(beside)
        #if FAIL_POINTS
            FailPoint.backupHashGone.pass()
        #endif
        do throws(FileFailure) {
            try AtomicFile.put(draft, in: target)
            #if FAIL_POINTS
                FailPoint.backupNamed.pass()
            #endif
            try AtomicFile.write(Array("\(hash.hex)  \(name)\n".utf8), to: beside, mode: 0o600)
        } catch {
            throw cannotWrite(error.code)
        }
        var facts = stat()
        return (stat(target, &facts) == 0 ? Int64(facts.st_size) : 0, hash)
    }

    static let hashSuffix = ".sha256"

    private static func watch(
        _ draft: String, of total: Int64, _ progress: @Sendable (Int64, Int64) -> Void
    ) async {
        while (try? await Task.sleep(for: .milliseconds(100))) != nil {
            var facts = stat()
            if stat(draft, &facts) == 0 { progress(min(Int64(facts.st_size), total), total) }
        }
    }

    private func json(_ manifest: BackupManifest, bytes: Int64, hash: Digest?) -> [UInt8] {
        jsonObject {
            $0.member("dry_run", isDryRun)
            $0.member("file", target)
            $0.member("bytes", bytes)
            if let hash { $0.member("sha256", hash.hex) }
            $0.member("made_at", manifest.madeAt)
            manifest.write(to: &$0)
            $0.member("with_key", includesKey)
        }
    }
}
