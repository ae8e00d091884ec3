internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationStore
internal import Glibc
#if FAIL_POINTS
    internal import FailPoints
#endif

/// A node's database, identity and key, opened for one of three uses.
struct OpenedNode: Sendable {
    enum Use: Hashable, Sendable {
        /// Beside whoever writes; no lock.
        case read
        /// Holds the directory's lock until it is released.
        case write
        /// The same, taking back own events that this database lacks.
        case recover
        /// The same, to become a node of another identity: its key is one that was just made and is nowhere yet, for
        /// the old one may be lost.
        case renew
        /// As `write` or `recover`, on a copy of the database and without the lock: nothing of the node is changed.
        case rehearse(copy: String, recovers: Bool)
        /// To fill the database that takes the place of a damaged one; whoever does it holds the lock.
        case rebuild(draft: String)

        /// It writes to the node's own database.
        var locks: Bool {
            switch self {
            case .write, .recover, .renew: true
            case .read, .rehearse, .rebuild: false
            }
        }

        /// It works on a file that is not the node's database.
        var draft: String? {
            switch self {
            case .rehearse(let copy, _): copy
            case .rebuild(let draft): draft
            case .read, .write, .recover, .renew: nil
            }
        }

        fileprivate var isRebuild: Bool { if case .rebuild = self { true } else { false } }

        var recovers: Bool {
            switch self {
            case .recover, .rebuild: true
            case .rehearse(_, let recovers): recovers
            case .read, .write, .renew: false
            }
        }
    }

    var file: ConfigFile
    var directory: NodeDirectory
    var store: SQLiteStore
    var identity: NodeIdentity
    var key: SigningKey
    /// Every key that this identity has had, the one in use among them.
    var ownKeys: [VerifyingKey] = []
    /// Set while this process may write.
    var lock: DataDirectoryLock?
    /// The database was made on another machine. That alone stops nothing: machines are renewed.
    var isElsewhere = false
    /// Why nothing may be written, though everything may be read.
    var stopped: NodeStop?

    /// - Parameter checksPages: the file is not written to before SQLite has found every page of it in its place, unless
    ///   that takes long (`Limits.pagesCheckedFirst`).
    init(configPath: String, use: Use, checksPages: Bool = false) async throws(CommandFailure) {
        file = try loadConfig(configPath)
        directory = NodeDirectory(file.dataDirectory)
        guard directory.hasDatabase || use.isRebuild else { throw CommandFailure(missingDatabase: directory) }
        do {
            lock = use.locks ? try DataDirectoryLock(directory: directory.path) : nil
        } catch {
            throw CommandFailure(error, directory: directory.path)
        }
        if use.locks {
            var aside = DamagedFiles(directory)
            try aside.finish()
        }
        let successions: [Attestation]
        do throws(StoreFailure) {
            store = try await OpenedNode.open(directory, for: use)
            // What a database at its quota had has room in its successor.
            if !use.isRebuild { store.room = StoreRoom(file.config) }
            if checksPages { try await store.checkPagesFirst() }
            let found = try DatabaseFileIdentity(of: use.isRebuild ? use.draft ?? "" : directory.database)
            let meta = try await store.read { (log) throws(StoreFailure) in try log.allMeta() }
            guard let id = meta[.identity].flatMap({ ULID($0) }) else { throw StoreFailure.corrupt }
            identity = NodeIdentity(
                id: id, name: file.config.name, version: programVersion, mode: file.config.mode, publicKey: nil)
            stopped = NodeStop(meta: meta, found: found)
            successions = try await store.read { (log) throws(StoreFailure) in
                try log.successions(of: id).map(\.attestation)
            }
            if use.locks { try await OpenedNode.beginEpoch(of: store, isServed: false) }
            if let machine = meta[.machine], let here = machineIdentity(sha256)?.hex { isElsewhere = machine != here }
        } catch {
            throw CommandFailure(error)
        }
        if use == .renew {
            do throws(KeyFileFailure) { key = try OpenedNode.newKey() } catch {
                throw CommandFailure(error, path: directory.currentSigningKey(of: identity.id))
            }
        } else {
            key = try directory.signingKey(of: identity.id, current: successions.last?.next, settles: use == .write)
        }
        identity.publicKey = key.publicKey.description
        ownKeys = [key.publicKey] + successions.compactMap { VerifyingKey($0.key.text) }
    }
}

extension OpenedNode {
    /// Opens the store. The first command after an upgrade brings the database up to date, also one that only reads,
    /// unless another process may write at this moment.
    static func open(_ directory: NodeDirectory, for use: Use) async throws(StoreFailure) -> SQLiteStore {
        if let draft = use.draft { return try SQLiteStore(path: draft, access: .scratch) }
        guard !use.locks else { return try SQLiteStore(path: directory.database, access: .readWrite) }
        do throws(StoreFailure) {
            return try SQLiteStore(path: directory.database, access: .readOnly)
        } catch {
            guard case .olderSchema = error, let lock = try? DataDirectoryLock(directory: directory.path) else {
                throw error
            }
            defer { lock.release() }
            await (try SQLiteStore(path: directory.database, access: .readWrite)).close()
            return try SQLiteStore(path: directory.database, access: .readOnly)
        }
    }

    private static func newKey() throws(KeyFileFailure) -> SigningKey {
        do throws(CryptoFailure) { return try SigningKey.generate() } catch { throw .crypto(error) }
    }

    /// Tells what is served of the log from now on apart from what another copy of this database has served.
    static func beginEpoch(of store: SQLiteStore, isServed: Bool) async throws(StoreFailure) {
        var random = SystemRandom()
        let word = ULID(at: SystemClock.now(), using: &random)
        try await store.write { (log: inout SQLiteLog) throws(StoreFailure) in
            try log.beginEpoch(word, isServed: isServed)
        }
        #if FAIL_POINTS
            FailPoint.epochBegun.pass()
        #endif
    }
}

/// Why a node writes nothing: two nodes that share an identity would lose each other's edits in silence.
enum NodeStop: String, Sendable {
    /// The database is not where it was made: a copy, or a restored file.
    case copied
    /// An event of its own came back that it does not know: the database is older than what it has published.
    case behind
    /// SQLite has found pages of it damaged: what is written might go over what can still be read.
    case damaged

    init?(meta: [MetaKey: String], found: DatabaseFileIdentity) {
        if let recorded = meta[.databaseFile].flatMap({ DatabaseFileIdentity($0) }), recorded != found {
            self = .copied
        } else if meta[.stopped] != nil {
            self = .behind
        } else {
            return nil
        }
    }

    var failure: CommandFailure {
        switch self {
        case .copied: CommandFailure(.copied)
        case .behind: CommandFailure(.stopped)
        case .damaged: CommandFailure(StoreFailure.corrupt)
        }
    }
}

extension SQLiteStore {
    /// - Throws: `corrupt` where a page is not in its place.
    fileprivate func checkPagesFirst() async throws(StoreFailure) {
        let disk = try await disk()
        guard disk.database <= Limits.pagesCheckedFirst else { return }
        guard try await checkPages() else { throw .corrupt }
    }
}

extension StoreRoom {
    init(_ config: Config) { self.init(maxBytes: config.store.maxSize?.bytes) }
}

extension LogReading {
    func allMeta() throws(StoreFailure) -> [MetaKey: String] {
        var all: [MetaKey: String] = [:]
        for key in MetaKey.allCases { all[key] = try meta(key) }
        return all
    }
}

func loadConfig(_ path: String) throws(CommandFailure) -> ConfigFile {
    do { return try ConfigFile.load(path) } catch { throw CommandFailure(error, file: path) }
}

extension CommandFailure {
    /// There is no database, or none that this account may see; a recovery that was interrupted has left one aside.
    init(missingDatabase directory: NodeDirectory) {
        if let code = directory.hidesDatabase {
            self.init(.dataDirectory, ["directory": directory.path, "why": SystemText.of(code)])
            return
        }
        var facts = ["directory": directory.path]
        if DamagedFiles(directory).isInterrupted { facts["case"] = "recovery" }
        self.init(.notInitialised, facts)
    }

    init(_ failure: ConfigFailure, file: String) {
        self.init(.configProblems, ["file": file], list: failure.lines(in: file))
    }

    init(_ failure: DataDirectoryLockFailure, directory: String) {
        switch failure {
        case .held(let pid): self.init(.locked, ["directory": directory, "pid": pid.map(String.init) ?? "unknown"])
        case .missing: self.init(.notInitialised, ["directory": directory])
        case .noPermission: self.init(.dataDirectory, ["directory": directory, "why": "permission denied"])
        case .io(let code): self.init(.dataDirectory, ["directory": directory, "why": SystemText.of(code)])
        }
    }

    init(_ failure: KeyFileFailure, path: String) {
        let (word, why) =
            switch failure {
            case .missing: ("missing", "there is no such file")
            case .exists: ("exists", "it exists already")
            case .notAFile: ("file", "it is not a regular file")
            case .tooWide(let mode): ("mode", "others may use it (mode \(String(mode & 0o7777, radix: 8)))")
            case .tooLarge(let limit): ("size", "it is longer than \(limit) bytes")
            case .malformed: ("malformed", "it holds no key")
            case .noPermission: ("permission", "permission denied")
            case .io(let code): ("io", SystemText.of(code))
            case .crypto: ("crypto", "the key could not be used")
            }
        self.init(.keyFile, ["file": path, "case": word, "why": why])
    }
}
