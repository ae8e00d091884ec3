internal import Dispatch
internal import FederationCore
internal import Glibc

/// Notices that a file was written, replaced or linked anew.
///
/// The directories of the file and of what it links to are watched, for editors put a new file in the place of the old
/// one. What the system tells nobody (network file systems, a link further up) is found by looking now and then.
struct ConfigWatch: Sendable {
    let path: String

    /// How long the writing of a file may take to settle once it was noticed.
    private static let settling = Duration.milliseconds(100)
    /// How often the file is looked at in any case.
    private static let looking = Duration.seconds(5)

    /// Calls `changed` after each change, until its task is cancelled.
    func run(_ changed: @escaping @Sendable () async -> Void) async {
        // One more notice is as good as ten: the file is read whole.
        let (notices, inbox) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let watch = DirectoryWatch(path) { inbox.yield() }
        // It may have changed since it was read and before it was watched.
        inbox.yield()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.look { inbox.yield() } }
            group.addTask {
                for await _ in notices {
                    guard (try? await Task.sleep(for: ConfigWatch.settling)) != nil else { return }
                    await changed()
                }
            }
            await group.next()
            group.cancelAll()
        }
        watch?.stop()
    }

    /// Says so when the file is another than it was, and has been for two looks: a slow writer is not finished at one.
    private func look(_ changed: @Sendable () -> Void) async {
        var known = FileSignature(path)
        var last = known
        while (try? await Task.sleep(for: ConfigWatch.looking)) != nil {
            let found = FileSignature(path)
            if found != known, found == last {
                known = found
                changed()
            }
            last = found
        }
    }
}

/// What tells one state of a file from another without reading it.
struct FileSignature: Hashable, CustomStringConvertible {
    private var numbers: [Int64] = []

    init(_ path: String) {
        var status = stat()
        guard stat(path, &status) == 0 else { return }
        numbers = [
            Int64(truncatingIfNeeded: status.st_dev), Int64(truncatingIfNeeded: status.st_ino), Int64(status.st_size),
            Int64(status.st_mtim.tv_sec), Int64(status.st_mtim.tv_nsec), Int64(status.st_ctim.tv_sec),
            Int64(status.st_ctim.tv_nsec),
        ]
    }

    var description: String { numbers.map(String.init).joined(separator: ".") }
}

/// inotify over the directories that a path's file stands in, by its own name and by that of what it links to.
private final class DirectoryWatch: Sendable {
    // SAFETY: made once and never touched again but to be cancelled; sources may be cancelled from any thread.
    private nonisolated(unsafe) let source: any DispatchSourceRead

    /// `nil` where the system has no more of them to give; then looking has to do.
    init?(_ path: String, _ changed: @escaping @Sendable () -> Void) {
        let descriptor = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        guard descriptor >= 0 else { return nil }
        var names: Set<String> = []
        for each in [path, DirectoryWatch.resolved(path)].compactMap({ $0 }) {
            let slash = each.lastIndex(of: "/")
            names.insert(slash.map { String(each[each.index(after: $0)...]) } ?? each)
            let directory = slash.map { $0 == each.startIndex ? "/" : String(each[..<$0]) } ?? "."
            // A file that is closed after writing, and one that is moved to that name: never one that is half there.
            inotify_add_watch(descriptor, directory, UInt32(IN_CLOSE_WRITE | IN_MOVED_TO))
        }
        source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: .global())
        let watched = names
        source.setEventHandler {
            if DirectoryWatch.drain(descriptor, watched) { changed() }
        }
        source.setCancelHandler { close(descriptor) }
        source.resume()
    }

    func stop() { source.cancel() }

    private static func resolved(_ path: String) -> String? {
        guard let found = realpath(path, nil) else { return nil }
        defer { free(found) }
        return String(cString: found)
    }

    /// Reads what has happened, and says whether any of it was about these names.
    private static func drain(_ descriptor: Int32, _ names: Set<String>) -> Bool {
        let head = MemoryLayout<inotify_event>.size
        var isAbout = false
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return isAbout }
            buffer.withUnsafeBytes { bytes in
                var offset = 0
                while offset + head <= count {
                    let event = bytes.loadUnaligned(fromByteOffset: offset, as: inotify_event.self)
                    let end = min(offset + head + Int(event.len), count)
                    let name = String(decoding: bytes[offset + head..<end].prefix { $0 != 0 }, as: UTF8.self)
                    // What was lost may have been about it.
                    if names.contains(name) || event.mask & UInt32(IN_Q_OVERFLOW) != 0 { isAbout = true }
                    offset = end
                }
            }
        }
    }
}
