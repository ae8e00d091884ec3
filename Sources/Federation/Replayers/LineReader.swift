internal import Dispatch
internal import Glibc
internal import Synchronization

/// Reads lines from a descriptor, as fast as they are taken and no faster.
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
        var isSuspended = false
        var isOver = false
    }

    private let descriptor: Int32
    private let lineBytes: Int
    /// `nil` where lines need not be taken.
    private let mostWaiting: Int?
    private let givesRest: Bool
    private let found: @Sendable (Found) -> Void
    private let state = Mutex(State())
    // SAFETY: made once, and a source may be suspended, resumed and cancelled from any thread.
    private nonisolated(unsafe) let source: any DispatchSourceRead

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
        source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: DispatchQueue(label: label))
        source.setEventHandler { [self] in readSome() }
        source.setCancelHandler { [descriptor] in close(descriptor) }
        source.resume()
    }

    /// A line that was handed out has been looked at.
    func took() {
        state.withLock { state in
            state.waiting -= 1
            guard state.isSuspended, state.waiting <= (mostWaiting ?? 0) / 2, !state.isOver else { return }
            state.isSuspended = false
            source.resume()
        }
    }

    /// Reads nothing more. What ends here has said all that it will.
    func stop() {
        let isLast = state.withLock { state in
            guard !state.isOver else { return false }
            state.isOver = true
            if state.isSuspended { source.resume() }
            source.cancel()
            return true
        }
        if isLast { found(.end) }
    }

    private func readSome() {
        var room = [UInt8](repeating: 0, count: 16 << 10)
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
            if let mostWaiting, state.waiting >= mostWaiting, !state.isSuspended {
                state.isSuspended = true
                source.suspend()
            }
        }
        for line in lines { found(line) }
    }
}

extension LineReader.State {
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
