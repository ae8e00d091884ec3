internal import FederationCore
internal import Glibc
#if FAIL_POINTS
    internal import FailPoints
#endif

/// Where the damaged files of a node go: nothing of them is deleted.
///
/// They lie in `recovering-TIME` until the new database has its name, and in `damaged-TIME` from then on: only the former are
/// what a recovery goes on with. Those of one that is done are a node of months ago.
struct DamagedFiles {
    private let directory: NodeDirectory
    /// The directory that they are in.
    private(set) var kept: String?

    private static let underWay = "recovering-"
    private static let done = "damaged-"
    private static let name = "federation.db"
    /// The write-ahead log without its database is of no use, and would be applied to the next one of that name.
    private static let companions = ["-wal", "-shm", "-journal"]

    init(_ directory: NodeDirectory) { self.directory = directory }

    /// There is no database, and one that was moved aside: the step behind was not done.
    var isInterrupted: Bool { !directory.hasDatabase && newest != nil }

    private var places: [String] {
        DirectoryListing.names(in: directory.path).filter { $0.hasPrefix(DamagedFiles.underWay) }.sorted()
            .map { "\(directory.path)/\($0)" }
    }

    private var newest: String? { places.last(where: DamagedFiles.hasDatabase) }

    private static func hasDatabase(_ place: String) -> Bool { access("\(place)/\(name)", F_OK) == 0 }

    /// Moves what was left behind to the others, and gives the path of the database.
    mutating func resume() throws(CommandFailure) -> String {
        guard let place = newest else { throw CommandFailure(.notInitialised, ["directory": directory.path]) }
        try moveCompanions(to: place)
        kept = place
        return "\(place)/\(DamagedFiles.name)"
    }

    mutating func moveThere() throws(CommandFailure) {
        let time = SystemClock.now().rfc3339.filter { $0 != ":" && $0 != "-" }
        let place = try unused("\(DamagedFiles.underWay)\(time)") { mkdir($0, 0o700) == 0 }
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

    /// Says of what was moved aside that it is not needed any more: there is a database. To be called under the lock.
    mutating func finish() throws(CommandFailure) {
        guard directory.hasDatabase else { return }
        for place in places {
            // Made, and nothing was moved there yet.
            guard DamagedFiles.hasDatabase(place) else {
                rmdir(place)
                continue
            }
            let time = place.dropFirst("\(directory.path)/\(DamagedFiles.underWay)".count)
            let name = try unused("\(DamagedFiles.done)\(time)") { rename(place, $0) == 0 }
            try flush(name)
            if kept == place { kept = name }
        }
    }

    private func moveCompanions(to place: String) throws(CommandFailure) {
        for end in DamagedFiles.companions where access(directory.database + end, F_OK) == 0 {
            try move(directory.database + end, to: "\(place)/\(DamagedFiles.name)\(end)")
        }
        try flush("\(place)/\(DamagedFiles.name)")
        try flush(directory.database)
    }

    private func flush(_ path: String) throws(CommandFailure) {
        do throws(FileFailure) { try AtomicFile.flushDirectory(of: path) } catch {
            throw CommandFailure(.fileWrite, ["file": path, "why": SystemText.of(error.code)])
        }
    }

    /// The first path of that name, or of one with a number behind it, for which `take` succeeds.
    private func unused(_ name: String, _ take: (String) -> Bool) throws(CommandFailure) -> String {
        for number in 1...100 {
            let path = "\(directory.path)/\(name)\(number == 1 ? "" : "-\(number)")"
            if take(path) { return path }
            guard errno == EEXIST || errno == ENOTEMPTY else { break }
        }
        throw CommandFailure(.dataDirectory, ["directory": directory.path, "why": SystemText.of(errno)])
    }

    private func move(_ path: String, to target: String) throws(CommandFailure) {
        guard rename(path, target) == 0 else {
            throw CommandFailure(.fileWrite, ["file": target, "why": SystemText.of(errno)])
        }
    }
}
