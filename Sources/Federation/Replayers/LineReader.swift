internal import CProcess
internal import Dispatch
internal import Glibc
internal import Synchronization

/// Reads lines from a descriptor, as fast as they are taken and no faster.
///
/// A thread of its own reads, and no source of libdispatch: once the other end of a pipe is closed, that takes its watch
/// of it apart on one thread while another still uses it (swift-corelibs-libdispatch issue 949, open at 6.3). Either its
/// memory is used after it was freed, or the end is never told of.
final class LineReader: Sendable {
    enum Found: Sendable {
        case line([UInt8])
        /// A line of more bytes than are read of one; its beginning.
        case tooLong([UInt8])
        case end
    }

    fileprivate struct State {
        var line: [UInt8] = []
        var isSkipping = false
        /// Lines that were handed out and are not taken yet.
        var waiting = 0
        var isHeld = false
        var isOver = false
        /// An eventfd that ends a wait, while the thread has it; below zero where none was to be had.
        var wake: Int32
    }

    /// How often is looked whether a wait is over where nothing ends it.
    private static let lookMilliseconds: Int32 = 100

    private let descriptor: Int32
    private let lineBytes: Int
    /// `nil` where lines need not be taken.
    private let mostWaiting: Int?
    private let givesRest: Bool
    private let found: @Sendable (Found) -> Void
    private let state: Mutex<State>

    /// - Parameters:
    ///   - descriptor: does not block, and is closed by this.
    ///   - givesRest: a last line without its end is handed out as well.
    init(
        _ descriptor: Int32, lineBytes: Int, mostWaiting: Int?, givesRest: Bool = false, label: String,
        found: @escaping @Sendable (Found) -> Void
    ) {
        self.descriptor = descriptor
        self.lineBytes = lineBytes
        self.mostWaiting = mostWaiting
        self.givesRest = givesRest
        self.found = found
        let wake = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        state = Mutex(State(wake: wake))
        DispatchQueue(label: label).async { [self] in readToEnd(wake) }
    }

    /// A line that was handed out has been looked at.
    func took() {
        state.withLock { state in
            state.waiting -= 1
            guard state.isHeld, state.waiting <= (mostWaiting ?? 0) / 2 else { return }
            state.isHeld = false
            state.wakeUp()
        }
    }

    /// Reads nothing more. What ends here has said all that it will.
    func stop() {
        let isLast = state.withLock { state in
            guard !state.isOver else { return false }
            state.isOver = true
            state.wakeUp()
            return true
        }
        if isLast { found(.end) }
    }

    private func readToEnd(_ wake: Int32) {
        var room = [UInt8](repeating: 0, count: 16 << 10)
        while let isHeld = state.withLock({ $0.isOver ? nil : $0.isHeld }) {
            // One that is below zero is not looked at, not even for its end.
            var watched = [
                pollfd(fd: wake, events: Int16(POLLIN), revents: 0),
                pollfd(fd: isHeld ? -1 : descriptor, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&watched, 2, wake < 0 ? LineReader.lookMilliseconds : -1) > 0 else { continue }
            if watched[0].revents != 0 {
                var count: UInt64 = 0
                read(wake, &count, 8)
            }
            if watched[1].revents != 0 { readSome(&room) }
        }
        state.withLock { $0.wake = -1 }
        if wake >= 0 { close(wake) }
        close(descriptor)
    }

    private func readSome(_ room: inout [UInt8]) {
        let count = read(descriptor, &room, room.count)
        if count < 0, errno == EAGAIN || errno == EINTR { return }
        guard count > 0 else {
            let rest = state.withLock { $0.isOver ? [] : $0.line }
            if givesRest, !rest.isEmpty { found(.line(rest)) }
            return stop()
        }
        var lines: [Found] = []
        state.withLock { state in
            guard !state.isOver else { return }
            for part in room[..<count].split(separator: 0x0A, omittingEmptySubsequences: false).enumerated() {
                if part.offset > 0 { state.end(&lines) }
                state.add(part.element, limit: lineBytes, &lines)
            }
            state.waiting += lines.count
            if let mostWaiting, state.waiting >= mostWaiting { state.isHeld = true }
        }
        for line in lines { found(line) }
    }
}

extension LineReader.State {
    fileprivate func wakeUp() {
        var one: UInt64 = 1
        if wake >= 0 { write(wake, &one, 8) }
    }

    fileprivate mutating func add(_ bytes: ArraySlice<UInt8>, limit: Int, _ lines: inout [LineReader.Found]) {
        guard !isSkipping else { return }
        line += bytes
        guard line.count > limit else { return }
        lines.append(.tooLong(Array(line[..<limit])))
        line = []
        isSkipping = true
    }

    fileprivate mutating func end(_ lines: inout [LineReader.Found]) {
        if !isSkipping { lines.append(.line(line)) }
        line = []
        isSkipping = false
    }
}
