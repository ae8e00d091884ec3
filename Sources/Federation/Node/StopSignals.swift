internal import Dispatch
internal import Glibc

/// SIGTERM and SIGINT, as something to wait for. A second one while the first is being heeded ends the process.
package final class StopSignals: Sendable {
    private let signals: CaughtSignals

    package init() { signals = CaughtSignals([SIGTERM, SIGINT], by: .stop, once: true) }

    /// Returns at the first signal, also at one that came before this was called, or when the task is cancelled.
    package func first() async {
        for await _ in signals.stream { return }
    }
}

/// SIGHUP, each time it comes: the sign to read the configuration again.
final class HangupSignals: Sendable {
    private let signals = CaughtSignals([SIGHUP], by: .hangup, once: false)

    var stream: AsyncStream<Void> { signals.stream }
}

/// Signals that a handler of our own writes to a pair of sockets, in which none is lost.
///
/// A signal source of libdispatch begins to listen some time after it is made, and one that comes before that is gone:
/// on a busy machine a daemon that was told to stop as soon as it said that it runs went on for ever.
private final class CaughtSignals: Sendable {
    /// Which of the pairs; a handler can be told nothing else.
    enum Purpose { case stop, hangup }

    let stream: AsyncStream<Void>
    // SAFETY: made once, never touched again, and only keeps itself alive.
    private nonisolated(unsafe) let source: (any DispatchSourceRead)?

    /// - Parameter once: the second time a signal does what it does by itself.
    init(_ numbers: [Int32], by purpose: Purpose, once: Bool) {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        self.stream = stream
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
            source = nil
            return
        }
        let reading = ends[0]
        let source = DispatchSource.makeReadSource(fileDescriptor: reading, queue: .global())
        source.setEventHandler {
            var bytes = [UInt8](repeating: 0, count: 64)
            while read(reading, &bytes, bytes.count) > 0 {}
            continuation.yield()
        }
        source.resume()
        self.source = source
        // There is one of each in a process; another would take over.
        switch purpose {
        case .stop: stopSocket = ends[1]
        case .hangup: hangupSocket = ends[1]
        }
        var action = sigaction()
        switch purpose {
        case .stop: action.__sigaction_handler.sa_handler = { _ in noteSignal(in: stopSocket) }
        case .hangup: action.__sigaction_handler.sa_handler = { _ in noteSignal(in: hangupSocket) }
        }
        action.sa_flags = SA_RESTART | (once ? Int32(bitPattern: 0x8000_0000) : 0)  // SA_RESETHAND
        for number in numbers { sigaction(number, &action, nil) }
    }
}

// SAFETY: written before the handler that reads it is in place, and never after.
private nonisolated(unsafe) var stopSocket: Int32 = -1
// SAFETY: as above.
private nonisolated(unsafe) var hangupSocket: Int32 = -1

/// In a signal handler: nothing but a write, and what was running finds its `errno` as it was.
private func noteSignal(in socket: Int32) {
    let code = errno
    var byte: UInt8 = 1
    _ = write(socket, &byte, 1)
    errno = code
}
