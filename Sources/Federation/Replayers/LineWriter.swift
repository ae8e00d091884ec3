internal import Dispatch
internal import Glibc
internal import Synchronization

/// Writes lines to a descriptor, on a thread of its own, at the pace of whoever reads them.
final class LineWriter: Sendable {
    enum Told: Sendable {
        /// So many lines in all have been written.
        case wrote(Int)
        /// Nobody reads any more.
        case broken
    }

    private struct State {
        var isClosing = false
        var isClosed = false
        var lines = 0
    }

    private let descriptor: Int32
    private let queue: DispatchQueue
    private let told: @Sendable (Told) -> Void
    private let state = Mutex(State())

    /// How long a line that is begun may take once nothing more is to be written, in waits of a tenth of a second.
    private static let lastWaits = 10

    /// - Parameter descriptor: does not block, and is closed by this.
    init(_ descriptor: Int32, label: String, told: @escaping @Sendable (Told) -> Void) {
        self.descriptor = descriptor
        self.told = told
        queue = DispatchQueue(label: label)
    }

    func write(_ line: [UInt8]) { queue.async { [self] in put(line) } }

    /// Lines that are not begun are left out.
    func close() {
        state.withLock { $0.isClosing = true }
        queue.async { [self] in
            guard state.withLock({ state in
                defer { state.isClosed = true }
                return !state.isClosed
            }) else { return }
            Glibc.close(descriptor)
        }
    }

    private func put(_ line: [UInt8]) {
        guard state.withLock({ !$0.isClosing }) else { return }
        var rest = line[...]
        var waits = 0
        while !rest.isEmpty {
            switch writeWithoutSignal(rest) {
            case let count where count > 0: rest = rest.dropFirst(count)
            case let code where code == -EAGAIN || code == -EINTR:
                if state.withLock({ $0.isClosing }) {
                    waits += 1
                    guard waits < LineWriter.lastWaits else { return }
                }
                var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                poll(&wanted, 1, 100)
            default: return told(.broken)
            }
        }
        told(.wrote(state.withLock { state in
            state.lines += 1
            return state.lines
        }))
    }

    /// Writes as much as there is room for; no signal comes of a reader that is gone, whatever the process does with
    /// them.
    ///
    /// - Returns: the count, or the error's number below zero.
    private func writeWithoutSignal(_ bytes: ArraySlice<UInt8>) -> Int {
        var pipeSignal = sigset_t()
        var before = sigset_t()
        sigemptyset(&pipeSignal)
        sigaddset(&pipeSignal, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &pipeSignal, &before)
        let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        let code = Int(errno)
        if count < 0, code == EPIPE {
            var none = timespec()
            sigtimedwait(&pipeSignal, nil, &none)
        }
        pthread_sigmask(SIG_SETMASK, &before, nil)
        return count < 0 ? -code : count
    }
}
