internal import Dispatch
internal import FederationCore
internal import Glibc
internal import Synchronization

/// Notices that another process has written to the database: inotify on its directory says that the write-ahead log
/// has changed, and a look at the head says whether there is an event more.
///
/// The file changes before the commit is there to be read: it is written, synced, and then made known in memory that
/// processes share, which nothing reports. So a change is followed by several looks, each after twice the rest of the
/// one before.
///
/// One thread and one read connection, from the first `start` to `stop`. Our own commits wake it too; it finds what is
/// known already, and its rests grow while that goes on, so that a catch-up is not slowed.
final class CommitWatch: Sendable {
    private struct State {
        var hasStarted = false
        var isStopped = false
        /// Closing it ends the thread's wait.
        var stopDescriptor: Int32 = -1
    }

    private let path: String
    private let state = Mutex(State())

    /// Milliseconds. A commit that takes longer than all rests together is found at the next change.
    private static let longestRest: Int32 = 1024
    /// What another process's commit waits at most while ours follow one another.
    private static let longestRestAmidChanges: Int32 = 16

    init(path: String) { self.path = path }

    /// Begins to watch and tells `reached` where the log ends, then and after each change; it answers whether that was
    /// news. Later calls do nothing.
    func start(reached: @escaping @Sendable (Int64) -> Bool) {
        let stop = state.withLock { state -> Int32? in
            guard !state.hasStarted, !state.isStopped else { return nil }
            state.hasStarted = true
            var ends: [Int32] = [-1, -1]
            let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
            guard unsafe socketpair(AF_UNIX, kind, 0, &ends) == 0 else { return nil }
            state.stopDescriptor = ends[1]
            return ends[0]
        }
        guard let stop else { return }
        DispatchQueue(label: "federation.store.watch").async { self.run(until: stop, reached) }
    }

    /// Ends the thread soon. It is not started again.
    func stop() {
        state.withLock { state in
            state.isStopped = true
            if state.stopDescriptor >= 0 { close(state.stopDescriptor) }
            state.stopDescriptor = -1
        }
    }

    private func run(until stop: Int32, _ reached: @Sendable (Int64) -> Bool) {
        let changes = inotify_init1(Int32(IN_CLOEXEC) | Int32(IN_NONBLOCK))
        defer {
            close(stop)
            if changes >= 0 { close(changes) }
        }
        let slash = path.lastIndex(of: "/")
        let directory = slash.map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        let name = String(path[(slash.map { path.index(after: $0) } ?? path.startIndex)...]) + "-wal"
        let kinds = UInt32(IN_MODIFY | IN_CREATE | IN_MOVED_TO)
        guard changes >= 0, unsafe inotify_add_watch(changes, directory, kinds) >= 0 else { return }
        let head = LogHead(path: path)
        // Whatever was committed before the watch began.
        var rest: Int32 = 1
        while true {
            if rest == 0 {
                guard wait(for: [changes, stop], milliseconds: -1) else { continue }
            }
            if wait(for: [stop], milliseconds: rest) { return }
            let hasChanged = InotifyEvents.drain(changes, named: name)
            guard rest > 0 || hasChanged else { continue }
            if let seq = head.read(), reached(seq) {
                rest = 1
            } else {
                rest = max(1, rest * 2)
                if hasChanged { rest = min(rest, CommitWatch.longestRestAmidChanges) }
                if rest > CommitWatch.longestRest { rest = 0 }
            }
        }
    }

    /// Whether one of them can be read, waiting as long as said (-1: for ever).
    private func wait(for descriptors: [Int32], milliseconds: Int32) -> Bool {
        var polled = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        while true {
            let count = unsafe poll(&polled, nfds_t(polled.count), milliseconds)
            if count >= 0 { return count > 0 }
            guard errno == EINTR else { return true }
        }
    }
}

/// A connection that is asked for nothing but where the log ends. Lives on one thread.
private final class LogHead {
    private let path: String
    private var database: SQLiteDatabase?

    init(path: String) { self.path = path }

    /// `nil` where it cannot be read now.
    func read() -> Int64? {
        if database == nil { database = try? SQLiteDatabase.reader(path: path) }
        guard let database else { return nil }
        return try? database.connection.first("SELECT max(seq) FROM events") { $0.integer(0) }
    }
}

private enum InotifyEvents {
    /// Reads all that has happened; `true` if the file of this name is among it, or something may have been left out.
    static func drain(_ descriptor: Int32, named name: String) -> Bool {
        var found = false
        let header = MemoryLayout<inotify_event>.size
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = unsafe Glibc.read(descriptor, &buffer, buffer.count)
            guard count > 0 else { return found }
            var place = 0
            while place + header <= count {
                let event = unsafe buffer.withUnsafeBytes {
                    unsafe $0.loadUnaligned(fromByteOffset: place, as: inotify_event.self)
                }
                let start = place + header
                let end = min(start + Int(event.len), count)
                if event.mask & UInt32(IN_Q_OVERFLOW) != 0 || buffer[start..<end].prefix(while: { $0 != 0 }).elementsEqual(name.utf8) {
                    found = true
                }
                place = end
            }
        }
    }
}
