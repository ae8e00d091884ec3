internal import FederationConfig
internal import FederationCore
internal import FederationCrypto
internal import FederationStore
internal import Glibc
#if FAIL_POINTS
    internal import FailPoints
#endif

/// `federation recover`: a new database in place of one that is damaged, from what can still be read of it and from peers.
///
/// Everything is made beside it, in a draft. The damaged files are then moved into a directory of their own and kept; the
/// last step gives the draft its name. What was interrupted before has changed nothing, and what was interrupted between
/// the two is gone on with by the same command: without a database no node runs.
package struct Recovery: Sendable {
    package var configPath: String
    /// Goes on writing although some peers cannot be reached, and own events may be missing that only they have.
    package var isPartial = false
    /// Makes the database anew also where nothing is found wrong with it.
    package var isForced = false
    package var isDryRun = false

    package init(configPath: String) { self.configPath = configPath }

    static let draftPrefix = "recover-"

    /// - Parameter progress: told how much of the work on the old database is done; from another thread.
    /// - Returns: the facts as JSON.
    /// - Throws: `notInitialised` where there is no database, nor one that a recovery has moved aside.
    package func run(
        progress: @escaping @Sendable (_ done: Int64, _ total: Int64) -> Void
    ) async throws(CommandFailure) -> [UInt8] {
        let directory = NodeDirectory(try loadConfig(configPath).dataDirectory)
        let lock: DataDirectoryLock
        do throws(DataDirectoryLockFailure) { lock = try DataDirectoryLock(directory: directory.path) } catch {
            throw CommandFailure(error, directory: directory.path)
        }
        defer { lock.release() }
        var aside = DamagedFiles(directory)
        guard directory.hasDatabase || aside.isInterrupted else {
            throw CommandFailure(.notInitialised, ["directory": directory.path])
        }
        if directory.hasDatabase, !isForced, try await isSound(directory) {
            return jsonObject {
                $0.member("damaged", false)
                $0.member("dry_run", isDryRun)
            }
        }
        removeLeftovers(in: directory)
        let source = directory.hasDatabase ? directory.database : try aside.resume()
        let draft = "\(directory.path)/\(Recovery.draftPrefix)\(getpid()).db"
        defer { ImportRehearsal.remove(draft) }
        try checkRoom(for: source, in: directory)
        let salvage: Salvage
        do throws(StoreFailure) { salvage = try Salvage(path: source, progress: progress) } catch { throw CommandFailure(error) }
        var rebuilding = try await RebuiltDatabase(salvage, of: source, at: draft, in: directory, configPath)
        do throws(CommandFailure) {
            try await rebuilding.takeIn(salvage, progress)
            try await rebuilding.askPeers(isPartial: isPartial)
            try await rebuilding.settle()
        } catch {
            await rebuilding.node.close()
            throw error
        }
        await rebuilding.node.close()
        if !isDryRun {
            guard access(draft + "-wal", F_OK) != 0 else { throw CommandFailure(StoreFailure.busy) }
            #if FAIL_POINTS
                FailPoint.recoverRebuilt.pass()
            #endif
            if directory.hasDatabase { try aside.moveThere() }
            do throws(FileFailure) { try AtomicFile.put(draft, in: directory.database) } catch {
                throw CommandFailure(.fileWrite, ["file": directory.database, "why": SystemText.of(error.code)])
            }
        }
        return jsonObject {
            $0.member("damaged", true)
            $0.member("dry_run", isDryRun)
            rebuilding.write(to: &$0)
            if !isDryRun, let kept = aside.kept { $0.member("kept_in", kept) }
        }
    }

    /// Whether neither SQLite nor a computation anew of all that follows from something else finds anything wrong.
    private func isSound(_ directory: NodeDirectory) async throws(CommandFailure) -> Bool {
        guard SQLiteStore.isSound(directory.database) else { return false }
        do throws(StoreFailure) {
            let store = try SQLiteStore(path: directory.database, access: .readOnly)
            let id = try await store.read { (log) throws(StoreFailure) in try log.meta(.identity).flatMap { ULID($0) } }
            let audit = try await SelfVerification.run(on: store, in: directory).audit
            await store.close()
            return id != nil && audit.isComplete && !audit.findings.contains { $0.kind.isDamage }
        } catch {
            // Another application's database, or one of another version, is no damaged one.
            guard error == .corrupt else { throw CommandFailure(error) }
            return false
        }
    }

    private func checkRoom(for source: String, in directory: NodeDirectory) throws(CommandFailure) {
        var facts = stat()
        guard stat(source, &facts) == 0 else { throw CommandFailure(StoreFailure.cannotOpen) }
        guard let free = SQLiteStore.free(at: directory.path) else { return }
        guard free - Int64(facts.st_size) >= Limits.diskReserve else { throw CommandFailure(StoreFailure.full) }
    }

    private func removeLeftovers(in directory: NodeDirectory) {
        // Under the lock nobody else is at it.
        for name in DirectoryListing.names(in: directory.path) where name.hasPrefix(Recovery.draftPrefix) {
            unlink("\(directory.path)/\(name)")
        }
    }
}

/// Where the damaged files of a node go: nothing of them is deleted.
struct DamagedFiles {
    private let directory: NodeDirectory
    /// The directory that they are in.
    private(set) var kept: String?

    private static let prefix = "damaged-"
    private static let name = "federation.db"
    /// The write-ahead log without its database is of no use, and would be applied to the next one of that name.
    private static let companions = ["-wal", "-shm", "-journal"]

    init(_ directory: NodeDirectory) { self.directory = directory }

    /// There is no database, and one that was moved aside: the step behind was not done.
    var isInterrupted: Bool { !directory.hasDatabase && newest != nil }

    private var newest: String? {
        DirectoryListing.names(in: directory.path).filter { $0.hasPrefix(DamagedFiles.prefix) }.sorted()
            .map { "\(directory.path)/\($0)" }.last { access("\($0)/\(DamagedFiles.name)", F_OK) == 0 }
    }

    /// Moves what was left behind to the others, and gives the path of the database.
    mutating func resume() throws(CommandFailure) -> String {
        guard let place = newest else { throw CommandFailure(.notInitialised, ["directory": directory.path]) }
        try moveCompanions(to: place)
        kept = place
        return "\(place)/\(DamagedFiles.name)"
    }

    mutating func moveThere() throws(CommandFailure) {
        let place = try makePlace()
        // The database first: what is left is no node that anybody could start.
        try move(directory.database, to: "\(place)/\(DamagedFiles.name)")
        #if FAIL_POINTS
            FailPoint.recoverDatabaseAside.pass()
        #endif
        try moveCompanions(to: place)
        #if FAIL_POINTS
            FailPoint.recoverAllAside.pass()
        #endif
        kept = place
    }

    private func moveCompanions(to place: String) throws(CommandFailure) {
        for end in DamagedFiles.companions where access(directory.database + end, F_OK) == 0 {
            try move(directory.database + end, to: "\(place)/\(DamagedFiles.name)\(end)")
        }
        AtomicFile.flushDirectory(of: "\(place)/\(DamagedFiles.name)")
        AtomicFile.flushDirectory(of: directory.database)
    }

    private func makePlace() throws(CommandFailure) -> String {
        let time = SystemClock.now().rfc3339.filter { $0 != ":" && $0 != "-" }
        for number in 1...100 {
            let path = "\(directory.path)/\(DamagedFiles.prefix)\(time)\(number == 1 ? "" : "-\(number)")"
            if mkdir(path, 0o700) == 0 { return path }
            guard errno == EEXIST else { break }
        }
        throw CommandFailure(.dataDirectory, ["directory": directory.path, "why": SystemText.of(errno)])
    }

    private func move(_ path: String, to target: String) throws(CommandFailure) {
        guard rename(path, target) == 0 else {
            throw CommandFailure(.fileWrite, ["file": target, "why": SystemText.of(errno)])
        }
    }
}

extension LogFinding.Kind {
    /// It is not what an older or newer program leaves behind, or another program that deleted something.
    fileprivate var isDamage: Bool {
        switch self {
        case .recordsOutdated, .eventRemoved: false
        default: true
        }
    }
}
