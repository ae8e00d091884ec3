internal import Glibc

/// Files on their way to a name, `NAME.PID.new`, that a killed process has left behind, and what SQLite put beside them.
enum DraftFiles {
    private static let ends = [".new", ".new-journal", ".new-wal", ".new-shm"]

    static func removeLeftovers(of target: String) {
        let slash = target.lastIndex(of: "/")
        let directory = slash.map { $0 == target.startIndex ? "/" : String(target[..<$0]) } ?? "."
        let name = slash.map { String(target[target.index(after: $0)...]) } ?? target
        for other in DirectoryListing.names(in: directory) where other.hasPrefix(name + ".") {
            guard let end = ends.first(where: { other.hasSuffix($0) }),
                let pid = Int32(other.dropFirst(name.count + 1).dropLast(end.count))
            else { continue }
            if isLeftover(by: pid) { unlink("\(directory)/\(other)") }
        }
    }

    /// Whether nobody is at work any more on a file that bears the number of a process, where this one has none yet.
    ///
    /// In a container each run has the same number: what bears our own is of one before.
    static func isLeftover(by pid: Int32) -> Bool { pid == getpid() || kill(pid, 0) != 0 && errno == ESRCH }
}
