internal import Dispatch
internal import FederationCore
internal import Glibc

/// inotify over one directory: which names something has happened to.
final class NoteWatch: Sendable {
    enum News: Sendable {
        case names([(name: String, change: NoteSettling.Change)])
        /// Something was missed: everything is to be looked at.
        case missed
        /// The directory is another one now: it is to be watched anew.
        case over
    }

    // SAFETY: made once and never touched again but to be cancelled; sources may be cancelled from any thread.
    private nonisolated(unsafe) let source: any DispatchSourceRead

    /// `nil` where the system has no more of them to give; then looking now and then has to do.
    init?(_ directory: String, _ found: @escaping @Sendable (News) -> Void) {
        let descriptor = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        guard descriptor >= 0 else { return nil }
        let mask = UInt32(
            IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF
                | IN_MOVE_SELF)
        guard inotify_add_watch(descriptor, directory, mask) >= 0 else {
            close(descriptor)
            return nil
        }
        source = DispatchSource.makeReadSource(
            fileDescriptor: descriptor, queue: DispatchQueue(label: "federation.notes.watch"))
        source.setEventHandler { if let news = NoteWatch.drain(descriptor) { found(news) } }
        source.setCancelHandler { close(descriptor) }
        source.resume()
    }

    func stop() { source.cancel() }

    deinit { source.cancel() }

    private static func drain(_ descriptor: Int32) -> News? {
        let head = MemoryLayout<inotify_event>.size
        var names: [(name: String, change: NoteSettling.Change)] = []
        var (isMissed, isOver) = (false, false)
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        // Not for ever, where somebody writes all the time.
        for _ in 0..<16 {
            let count = buffer.withUnsafeMutableBytes { read(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            buffer.withUnsafeBytes { bytes in
                var offset = 0
                while offset + head <= count {
                    let event = bytes.loadUnaligned(fromByteOffset: offset, as: inotify_event.self)
                    let end = min(offset + head + Int(event.len), count)
                    let name = String(decoding: bytes[offset + head..<end].prefix { $0 != 0 }, as: UTF8.self)
                    if event.mask & UInt32(IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT) != 0 {
                        isOver = true
                    } else if event.mask & UInt32(IN_Q_OVERFLOW) != 0 {
                        isMissed = true
                    } else if !name.isEmpty {
                        // What was only made may be a link, which nobody closes.
                        names.append((name, event.mask & UInt32(IN_MODIFY) != 0 ? .begun : .done))
                    }
                    offset = end
                }
            }
        }
        if isOver { return .over }
        if isMissed { return .missed }
        return names.isEmpty ? nil : .names(names)
    }
}
