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
        if !isDryRun { try aside.finish() }
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
            try await rebuilding.review()
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
            try aside.finish()
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
        do throws(StoreFailure) {
            // What could not be read at this moment says nothing of the file: that is thrown.
            guard try SQLiteStore.isSound(directory.database) else { return false }
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
        for name in DirectoryListing.names(in: directory.path) where Recovery.isDraft(name) {
            unlink("\(directory.path)/\(name)")
        }
    }

    /// Whether a file is a draft of ours, or stands beside one: others may begin with the same word.
    static func isDraft(_ name: String) -> Bool {
        guard name.hasPrefix(draftPrefix) else { return false }
        let rest = name.utf8.dropFirst(draftPrefix.utf8.count)
        let end = rest.drop { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        let ends = [".db", ".db-wal", ".db-shm", ".db-journal"]
        return end.count < rest.count && ends.contains { end.elementsEqual($0.utf8) }
    }
}

extension LogFinding.Kind {
    /// What stands in the file is not what was written, and a new database has it right again. The others have ways of their
    /// own, or are what another program leaves behind.
    fileprivate var isDamage: Bool {
        switch self {
        case .fileDamaged, .eventUnreadable, .digestMismatch, .columnMismatch, .itemIndexMismatch, .originMismatch: true
        case .signatureBad, .chainMismatch, .eventRemoved, .recordsOutdated, .recordMismatch, .recordWithoutEvents,
            .holdMismatch, .clockBehind, .ownNumberBehind, .markMismatch, .cursorUnreadable: false
        }
    }
}
