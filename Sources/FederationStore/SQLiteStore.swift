package import FederationCore
internal import Synchronization
#if FAIL_POINTS
    internal import FailPoints
#endif

/// A node's database: one writer, a few readers, each on a thread of its own.
///
/// What a `write` did is on disk when it returns. A `read` sees the state of one commit, and neither waits for the
/// other.
package actor SQLiteStore {
    /// How many reads run at once; more wait.
    private static let readerCount = 3

    private let executor: BlockingExecutor
    package nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }
    private var writer: SQLiteDatabase?
    nonisolated let readers: ReaderPool
    /// Wakes whoever waits for the log to grow.
    package nonisolated let commits: CommitSignal
    private nonisolated let limit: Mutex<StoreRoom>
    nonisolated let damage = Damage()
    /// The thread that rewrites the file, while one does.
    private nonisolated let rewriter = Mutex<Int32?>(nil)

    package enum Access: Sendable {
        /// The database is made where there is none, and migrated where it is older.
        case readWrite
        /// Beside the process that writes, or for a look; the database must be there.
        case readOnly
        /// A copy that is thrown away: nothing waits for the disk.
        case scratch
    }

    /// Opens the database at `path`; waits for the disk, so call it where that does not matter.
    ///
    /// - Parameter room: how large it may become.
    /// - Throws: `olderSchema` for a database of an older program that is to be read only, `newerSchema` for one of a
    ///   newer program, `notOurs` for another application's file.
    package init(
        path: String, access: Access = .readWrite, room: StoreRoom = StoreRoom()
    ) throws(StoreFailure) {
        limit = Mutex(room)
        executor = BlockingExecutor(label: "federation.store.writer")
        commits = CommitSignal(path: path)
        switch access {
        case .readWrite: writer = try SQLiteDatabase.writer(path: path, reporting: damage)
        case .scratch: writer = try SQLiteDatabase.writer(path: path, isDurable: false, reporting: damage)
        // Opened once to learn now, not at the first read, whether it can be.
        case .readOnly: _ = try SQLiteDatabase.reader(path: path, reporting: damage)
        }
        readers = ReaderPool(path: path, count: SQLiteStore.readerCount, damage)
    }

    /// How large the store may become. A change holds from the next transaction on.
    package nonisolated var room: StoreRoom {
        get { limit.withLock { $0 } }
        set { limit.withLock { $0 = newValue } }
    }

    /// How much of the store's work waits for its turn.
    package struct Queues: Hashable, Sendable {
        package var writes: Int
        package var reads: Int
    }

    package nonisolated var queues: Queues { Queues(writes: executor.waiting, reads: readers.waitingJobs) }

    /// What the database is like, without a word of what stands in it; reads every page once, for as long as is said.
    package nonisolated func facts(within time: Duration) async throws(StoreFailure) -> DatabaseFacts {
        try await readers.facts(within: time)
    }

    /// How much room the database takes, and has left.
    package nonisolated func disk() async throws(StoreFailure) -> DiskFacts { try await readers.disk() }

    /// Runs `body` in one transaction, which is committed and durable when this returns, and undone if `body` throws.
    ///
    /// - Throws: `readOnly` if the store was opened so or is closed; `full` and `quota` where it would make the log
    ///   longer, or keep evidence, and there is no room.
    package func write<Value: Sendable>(
        _ body: @Sendable (inout SQLiteLog) throws(StoreFailure) -> Value
    ) throws(StoreFailure) -> Value { try attempt(body) }

    /// The same for a write that may end in a way of its own: that undoes what was done before it.
    ///
    /// - Parameter evenIfFull: for what is small, and frees more than it takes.
    package func attempt<Value: Sendable, Failure: FailureOfStore>(
        evenIfFull: Bool = false, _ body: @Sendable (inout SQLiteLog) throws(Failure) -> Value
    ) throws(Failure) -> Value { try transact(keeps: true, evenIfFull: evenIfFull, body) }

    /// What `attempt` would come to: runs `body` in the same transaction, and undoes it whatever comes of it.
    package func rehearse<Value: Sendable, Failure: FailureOfStore>(
        evenIfFull: Bool = false, _ body: @Sendable (inout SQLiteLog) throws(Failure) -> Value
    ) throws(Failure) -> Value { try transact(keeps: false, evenIfFull: evenIfFull, body) }

    private func transact<Value: Sendable, Failure: FailureOfStore>(
        keeps: Bool, evenIfFull: Bool, _ body: @Sendable (inout SQLiteLog) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        guard let writer else { throw Failure(.readOnly) }
        guard !damage.isFound else { throw Failure(.corrupt) }
        let verdict: @Sendable (DiskFacts, Int64) -> StoreRoom.Verdict = { [room] facts, grown in
            evenIfFull ? .enough : room.verdict(on: facts, pending: grown)
        }
        do throws(Undone<Value, Failure>) {
            return try once(writer, keeps: keeps, verdict, body)
        } catch {
            guard case .needsFold = error else { return try error.outcome() }
        }
        guard !damage.isFound else { throw Failure(.corrupt) }
        // Only between two transactions; what was begun is begun again.
        do throws(SQLiteError) { try writer.fold() } catch { throw Failure(StoreFailure(error)) }
        do throws(Undone<Value, Failure>) {
            return try once(writer, keeps: keeps, verdict, body)
        } catch {
            return try error.outcome()
        }
    }

    private func once<Value: Sendable, Failure: FailureOfStore>(
        _ writer: SQLiteDatabase, keeps: Bool, _ verdict: (DiskFacts, Int64) -> StoreRoom.Verdict,
        _ body: (inout SQLiteLog) throws(Failure) -> Value
    ) throws(Undone<Value, Failure>) -> Value {
        defer { writer.forgetCounts() }
        let value = try writer.connection.transaction { () throws(Undone<Value, Failure>) in
            do throws(SQLiteError) { try writer.uncountLost() } catch { throw Undone(error) }
            var log = SQLiteLog(writer)
            let value: Value
            do throws(Failure) { value = try body(&log) } catch { throw .failed(error) }
            let found: StoreRoom.Verdict
            do throws(SQLiteError) {
                try writer.settle()
                found = writer.grown > 0 ? verdict(try writer.diskFacts(), writer.grown) : .enough
            } catch {
                throw Undone(error)
            }
            switch found {
            case .enough: break
            case .foldFirst: throw .needsFold
            case .quotaReached(let limit): throw .failed(Failure(.quota(limit: limit)))
            case .diskFull: throw .failed(Failure(.full))
            }
            // A reader may have met it meanwhile.
            guard !damage.isFound else { throw .failed(Failure(.corrupt)) }
            guard keeps else { throw .rehearsed(value) }
            return value
        }
        announce(writer)
        #if FAIL_POINTS
            FailPoint.afterAnnounce.pass()
        #endif
        return value
    }

    private func announce(_ writer: SQLiteDatabase) {
        if let seq = writer.appended { commits.reached(seq) }
    }

    /// Returns once the writer's thread has done what it had in hand; a thread that hangs never does.
    package func answers() {}

    /// Runs `body` on the state of the last commit.
    package nonisolated func read<Value: Sendable>(
        _ body: @Sendable (any LogReading) throws(StoreFailure) -> Value
    ) async throws(StoreFailure) -> Value {
        try await readers.read(body)
    }

    /// Closes every connection once what runs on it is done. Later writes fail; later reads open the file again.
    package func close() async {
        commits.close()
        damage.close()
        // The writer last: only the last connection, and only one that may write, folds the write-ahead log in.
        await readers.close()
        writer = nil
    }

    /// Checks the state of the last commit, whatever is written meanwhile; while it reads, the write-ahead log grows.
    package nonisolated func audit(
        _ audit: LogAudit, progress: @Sendable (_ done: Int64, _ total: Int64) -> Void
    ) async throws(StoreFailure) -> LogAudit {
        try await readers.audit(audit, progress: progress)
    }

    /// Whether SQLite finds the file sound: every page in its place and every row in its indexes.
    package func isSound() async throws(StoreFailure) -> Bool { try await readers.isSound() }

    /// A number that grows while `rewrite` gets on; `nil` where none is under way.
    package nonisolated var rewriteWork: UInt64? { rewriter.withLock { $0 }.map { ThreadWork.count(of: $0) } }

    /// Writes the file anew without what is free in it: that room goes back to the file system. Readers go on meanwhile,
    /// and whoever writes waits.
    ///
    /// - Throws: `full` where there is no room for it to be there several times.
    package func rewrite() throws(StoreFailure) {
        guard let writer else { throw .readOnly }
        guard !damage.isFound else { throw .corrupt }
        let facts = try storing { () throws(SQLiteError) in try writer.diskFacts() }
        guard facts.canBeRewritten() else { throw .full }
        rewriter.withLock { $0 = ThreadWork.current }
        defer { rewriter.withLock { $0 = nil } }
        try storing { () throws(SQLiteError) in
            // The copy on the way is a file, or all of it would be in memory.
            try writer.connection.script("PRAGMA temp_store = FILE")
            defer { try? writer.connection.script("PRAGMA temp_store = MEMORY") }
            #if FAIL_POINTS
                FailPoint.beforeRewrite.pass()
            #endif
            try writer.connection.script("VACUUM")
            #if FAIL_POINTS
                FailPoint.afterRewrite.pass()
            #endif
        }
        if !damage.isFound { try? writer.fold() }
    }

    /// Bounds the size of the file, as a full disk would.
    func setMaxPageCount(_ pages: Int) throws(StoreFailure) {
        guard let writer else { throw .readOnly }
        try storing { () throws(SQLiteError) in try writer.connection.setMaxPageCount(pages) }
    }
}

extension WriteFailure: FailureOfSQLite {
    init(_ error: SQLiteError) { self = .store(StoreFailure(error)) }
}

/// Why a transaction is undone: it failed, or was only to show what it comes to.
private enum Undone<Value: Sendable, Failure: FailureOfStore>: FailureOfSQLite {
    case rehearsed(Value)
    case failed(Failure)
    /// There is room once the write-ahead log is folded in.
    case needsFold

    init(_ error: SQLiteError) { self = .failed(Failure(StoreFailure(error))) }

    func outcome() throws(Failure) -> Value {
        switch self {
        case .rehearsed(let value): return value
        case .failed(let failure): throw failure
        // Asked for again right after a fold: a reader holds the write-ahead log, and lets go of it soon.
        case .needsFold: throw Failure(.busy)
        }
    }
}

/// Some readers, of which the one with the least to do gets the next read.
final class ReaderPool: Sendable {
    private let readers: [Reader]
    private let waiting: Mutex<[Int]>
    private let path: String
    private let damage: Damage
    private let look = PageLook()
    private let looking: Reader

    init(path: String, count: Int, _ damage: Damage) {
        readers = (0..<count).map { _ in Reader(path: path, damage) }
        looking = Reader(path: path, damage)
        self.path = path
        self.damage = damage
        waiting = Mutex([Int](repeating: 0, count: count))
    }

    func read<Value: Sendable>(
        _ body: @Sendable (any LogReading) throws(StoreFailure) -> Value
    ) async throws(StoreFailure) -> Value {
        let chosen = waiting.withLock { counts in
            let least = counts.indices.min { counts[$0] < counts[$1] } ?? 0
            counts[least] += 1
            return least
        }
        defer { waiting.withLock { $0[chosen] -= 1 } }
        return try await readers[chosen].read(body)
    }

    /// Reads that wait for one of the readers.
    var waitingJobs: Int { readers.reduce(0) { $0 + $1.waiting } }

    func audit(
        _ audit: LogAudit, progress: @Sendable (Int64, Int64) -> Void
    ) async throws(StoreFailure) -> LogAudit {
        try await readers[0].audit(audit, progress: progress)
    }

    func isSound() async throws(StoreFailure) -> Bool { try await readers[0].isSound() }

    /// On a connection and a thread of its own: it may take long.
    func checkPages() async throws(StoreFailure) -> Bool { try await looking.checkPages(look) }

    func disk() async throws(StoreFailure) -> DiskFacts { try await readers[0].disk() }

    func facts(within time: Duration) async throws(StoreFailure) -> DatabaseFacts {
        try await readers[0].facts(within: time)
    }

    func close() async {
        look.close()
        for reader in readers + [looking] { await reader.close() }
    }
}

private actor Reader {
    private let path: String
    private let damage: Damage
    private let executor = BlockingExecutor(label: "federation.store.reader")
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe executor.asUnownedSerialExecutor() }
    private var database: SQLiteDatabase?

    nonisolated var waiting: Int { executor.waiting }

    init(path: String, _ damage: Damage) {
        self.path = path
        self.damage = damage
    }

    func read<Value: Sendable>(
        _ body: @Sendable (any LogReading) throws(StoreFailure) -> Value
    ) throws(StoreFailure) -> Value {
        let database = try opened()
        return try database.connection.snapshot { () throws(StoreFailure) in try body(SQLiteLog(database)) }
    }

    func audit(_ audit: LogAudit, progress: @Sendable (Int64, Int64) -> Void) throws(StoreFailure) -> LogAudit {
        let database = try opened()
        var audit = audit
        try database.connection.snapshot { () throws(StoreFailure) in
            try audit.run(SQLiteLog(database), progress: progress)
        }
        return audit
    }

    func isSound() throws(StoreFailure) -> Bool {
        let database = try opened()
        return try storing { () throws(SQLiteError) in
            try PageCheck.isPassed(try database.connection.first("PRAGMA integrity_check(1)") { $0.text(0) })
        }
    }

    /// - Throws: `interrupted` once `look` is closed.
    func checkPages(_ look: PageLook) throws(StoreFailure) -> Bool {
        // A connection that is opened behind the writer's would leave its files.
        guard !look.isClosed else { throw .interrupted }
        let database = try opened()
        // Nobody reads here until tomorrow.
        defer { close() }
        let alarm = database.connection.alarm()
        guard look.begin(alarm) else { throw .interrupted }
        defer {
            look.end()
            alarm.stop()
        }
        let isWhole = try storing { () throws(SQLiteError) in
            try PageCheck.isPassed(try database.connection.first("PRAGMA quick_check(1)") { $0.text(0) })
        }
        if !isWhole { damage.find() }
        return isWhole
    }

    func disk() throws(StoreFailure) -> DiskFacts {
        let database = try opened()
        return try database.connection.snapshot { () throws(StoreFailure) in
            try storing { () throws(SQLiteError) in try database.diskFacts() }
        }
    }

    func facts(within time: Duration) throws(StoreFailure) -> DatabaseFacts {
        let database = try opened()
        return try storing { () throws(SQLiteError) in try database.facts(within: time) }
    }

    func close() { database = nil }

    /// Opened at the first read: a node that serves nobody needs one reader or none.
    private func opened() throws(StoreFailure) -> SQLiteDatabase {
        if let database { return database }
        let opened = try SQLiteDatabase.reader(path: path, reporting: damage)
        database = opened
        return opened
    }
}
