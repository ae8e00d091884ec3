internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationStore
internal import Glibc
#if FAIL_POINTS
    internal import FailPoints
#endif

/// `federation restore`: makes a node of a backup, in a data directory that has none.
///
/// Everything is done to a copy in that directory, which the last step gives the name of the database: what was
/// interrupted before has changed nothing but files that the next try removes.
package struct Restore: Sendable {
    package var file: String
    package var configPath: String
    /// Goes on as the node that was backed up. It then writes nothing until it has its own events back from its peers.
    package var keepsIdentity = false
    /// Restores also what the check finds fault with.
    package var isForced = false
    package var isDryRun = false

    package init(file: String, configPath: String) {
        self.file = file
        self.configPath = configPath
    }

    static let prefix = "restore-"

    /// - Parameter progress: told how much of the check is done; from another thread.
    /// - Returns: the facts as JSON.
    package func run(
        progress: @escaping @Sendable (_ done: Int64, _ total: Int64) -> Void
    ) async throws(CommandFailure) -> [UInt8] {
        let backup = try BackupCheck(file)
        let writesConfig = access(configPath, F_OK) != 0
        if isDryRun {
            let directory = try place(for: backup, writesConfig)
            try refuse(directory, backup)
            let (check, _) = try await BackupCheck.run(file, progress: progress)
            try refuse(check)
            return json(check, id: keepsIdentity ? check.manifest.id : nil, key: nil, writesConfig, data: directory.path)
        }
        guard writesConfig else { return try await put(backup, writesConfig, progress) }
        try writeConfig(of: backup)
        do throws(CommandFailure) { return try await put(backup, writesConfig, progress) } catch {
            // It would name a place that is another node's, or nobody's.
            unlink(configPath)
            throw error
        }
    }

    /// Puts the database where the configuration says.
    private func put(
        _ backup: BackupCheck, _ writesConfig: Bool,
        _ progress: @escaping @Sendable (_ done: Int64, _ total: Int64) -> Void
    ) async throws(CommandFailure) -> [UInt8] {
        let directory = NodeDirectory(try loadConfig(configPath).dataDirectory)
        try makeDirectories(directory)
        let lock: DataDirectoryLock
        do throws(DataDirectoryLockFailure) { lock = try DataDirectoryLock(directory: directory.path) } catch {
            throw CommandFailure(error, directory: directory.path)
        }
        defer { lock.release() }
        try refuse(directory, backup)
        removeLeftovers(in: directory)
        let draft = "\(directory.path)/\(Restore.prefix)\(getpid()).db"
        defer { ImportRehearsal.remove(draft) }
        try FileCopy.make(of: file, at: draft)
        #if FAIL_POINTS
            FailPoint.restoreCopied.pass()
        #endif
        var check = backup
        try check.compareHash(of: draft)
        let identity = try await settle(draft, in: directory, &check, progress)
        #if FAIL_POINTS
            FailPoint.restoreSettled.pass()
        #endif
        do throws(FileFailure) { try AtomicFile.put(draft, in: directory.database) } catch {
            throw CommandFailure(.fileWrite, ["file": directory.database, "why": SystemText.of(error.code)])
        }
        return json(check, id: identity.id, key: identity.key.publicKey, writesConfig, data: directory.path)
    }

    // MARK: What is refused

    /// A data directory that has anything in it but keys, or no key where one is needed.
    private func refuse(_ directory: NodeDirectory, _ backup: BackupCheck) throws(CommandFailure) {
        let others = DirectoryListing.names(in: directory.path).filter { name in
            name != "lock" && !name.hasSuffix(".key") && !Restore.isLeftover(name)
        }
        guard others.isEmpty else { throw CommandFailure(.notEmpty, ["directory": directory.path], list: others.sorted()) }
        guard keepsIdentity, !backup.hasKey else { return }
        _ = try key(in: directory, of: backup.manifest)
    }

    private func refuse(_ check: BackupCheck) throws(CommandFailure) {
        guard check.isGood || isForced else { throw CommandFailure(.backupDamaged, ["file": file], list: check.problems) }
    }

    /// The key of the node that was backed up, which its owner has put into the data directory.
    private func key(in directory: NodeDirectory, of manifest: BackupManifest) throws(CommandFailure) -> SigningKey {
        let path = directory.currentSigningKey(of: manifest.id)
        let key: SigningKey
        do throws(KeyFileFailure) { key = try SigningKeyFile.read(path) } catch { throw CommandFailure(error, path: path) }
        guard manifest.publicKey.map({ PublicKey.isSame($0, key.publicKey.description) }) ?? true else {
            throw CommandFailure(.keyFile, ["file": path, "case": "other", "why": "it is not the key of the node in the backup"])
        }
        return key
    }

    // MARK: Where it goes

    /// The data directory of the configuration, which may only be in the backup yet.
    private func place(for backup: BackupCheck, _ writesConfig: Bool) throws(CommandFailure) -> NodeDirectory {
        guard writesConfig, let config = backup.files.first(where: { $0.name == BackupManifest.configFile }) else {
            return NodeDirectory(try loadConfig(configPath).dataDirectory)
        }
        switch Config.decode(config.bytes) {
        case .success(let decoded):
            return NodeDirectory(ConfigFile(path: configPath, bytes: config.bytes, decoded: decoded).dataDirectory)
        case .failure(let problems): throw CommandFailure(.problems(problems), file: configPath)
        }
    }

    private func writeConfig(of backup: BackupCheck) throws(CommandFailure) {
        guard let config = backup.files.first(where: { $0.name == BackupManifest.configFile }) else { return }
        if let slash = configPath.lastIndex(of: "/") { try makeDirectory(String(configPath[..<slash]), mode: 0o755) }
        do throws(FileFailure) { try AtomicFile.write(config.bytes, to: configPath, mode: 0o644) } catch {
            throw CommandFailure(.fileWrite, ["file": configPath, "why": SystemText.of(error.code)])
        }
    }

    private func makeDirectories(_ directory: NodeDirectory) throws(CommandFailure) {
        // Owner only: what people write is stored in clear.
        try makeDirectory(directory.path, mode: 0o700)
    }

    private func makeDirectory(_ path: String, mode: mode_t) throws(CommandFailure) {
        guard !path.isEmpty, mkdir(path, mode) != 0, errno != EEXIST else { return }
        throw CommandFailure(.dataDirectory, ["directory": path, "why": SystemText.of(errno)])
    }

    private static func isLeftover(_ name: String) -> Bool { name.hasPrefix(prefix) || SigningKeyFile.isDraft(name) }

    private func removeLeftovers(in directory: NodeDirectory) {
        // Under the lock nobody else is at it.
        for name in DirectoryListing.names(in: directory.path) where Restore.isLeftover(name) {
            unlink("\(directory.path)/\(name)")
        }
    }

    // MARK: What it becomes

    /// Brings the copy up to date, checks it, and makes it this node's.
    private func settle(
        _ draft: String, in directory: NodeDirectory, _ check: inout BackupCheck,
        _ progress: @escaping @Sendable (Int64, Int64) -> Void
    ) async throws(CommandFailure) -> (id: ULID, key: SigningKey) {
        let store: SQLiteStore
        do throws(StoreFailure) {
            store = try SQLiteStore(path: draft)
            try await check.look(at: store, progress)
        } catch {
            throw CommandFailure(error)
        }
        do throws(CommandFailure) {
            try refuse(check)
            let identity = try takeIdentity(in: directory, check)
            let manifest = check.manifest
            let keeps = keepsIdentity
            do throws(StoreFailure) {
                // The file keeps what tells it from others when it gets its name.
                let place = try DatabaseFileIdentity(of: draft)
                try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in
                    if keeps {
                        try log.setMeta(.stopped, StopReason.moved.stored)
                    } else {
                        try log.become(identity.id, after: manifest.id, key: manifest.publicKey, now: SystemClock.now())
                    }
                    try log.setMeta(.databaseFile, place.description)
                    try log.setMeta(.machine, machineIdentity(sha256)?.hex)
                }
                await store.close()
                try SQLiteStore.unfurnish(draft)
                // What stands only in a write-ahead log would stay behind.
                guard access(draft + "-wal", F_OK) != 0 else { throw StoreFailure.busy }
            } catch {
                throw CommandFailure(error)
            }
            return identity
        } catch {
            await store.close()
            throw error
        }
    }

    /// The identity that the node goes on with; its key is on disk when this returns.
    private func takeIdentity(
        in directory: NodeDirectory, _ backup: BackupCheck
    ) throws(CommandFailure) -> (id: ULID, key: SigningKey) {
        let kept = backup.files.first { $0.name == BackupManifest.keyFile }
        let identity: ULID
        let key: SigningKey
        if keepsIdentity {
            identity = backup.manifest.id
            guard let kept else { return (identity, try self.key(in: directory, of: backup.manifest)) }
            do throws(KeyFileFailure) { key = try SigningKeyFile.key(in: kept.bytes) } catch {
                throw CommandFailure(error, path: file)
            }
        } else {
            var random = SystemRandom()
            identity = ULID(at: SystemClock.now(), using: &random)
            do throws(CryptoFailure) { key = try SigningKey.generate() } catch {
                throw CommandFailure(.keyFile, ["file": directory.path, "case": "crypto", "why": "no key could be made"])
            }
        }
        let path = directory.signingKey(of: identity)
        do throws(KeyFileFailure) { try SigningKeyFile.write(key, to: path) } catch {
            // What an interrupted try has written is the same key.
            guard error == .exists, let found = try? SigningKeyFile.read(path),
                found.publicKey.description == key.publicKey.description
            else { throw CommandFailure(error, path: path) }
        }
        return (identity, key)
    }

    private func json(
        _ check: BackupCheck, id: ULID?, key: VerifyingKey?, _ writesConfig: Bool, data: String
    ) -> [UInt8] {
        jsonObject {
            $0.member("dry_run", isDryRun)
            $0.member("file", file)
            $0.member("data", data)
            $0.member("config_written", writesConfig)
            if let id { $0.member("id", id.description) }
            if !keepsIdentity { $0.member("was", check.manifest.id.description) }
            if let key { $0.member("public_key", key.description) }
            $0.member("kept_identity", keepsIdentity)
            $0.member("made_at", check.manifest.madeAt)
            $0.member("log_events", check.manifest.events)
            $0.member("digest", check.manifest.digest)
            $0.member("problems", check.problems)
        }
    }
}

/// The names in a directory.
enum DirectoryListing {
    static func names(in path: String) -> [String] {
        guard let listing = opendir(path) else { return [] }
        defer { closedir(listing) }
        var names: [String] = []
        while let entry = readdir(listing) {
            // In place: see `FileTree`.
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
