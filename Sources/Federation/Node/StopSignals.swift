internal import Dispatch
internal import Glibc

/// SIGTERM and SIGINT, as something to wait for. A second one while the first is being heeded ends the process.
package final class StopSignals: Sendable {
    private let stream: AsyncStream<Int32>
    // SAFETY: the sources are made once, never touched again, and only keep themselves alive.
    private nonisolated(unsafe) let sources: [any DispatchSourceSignal]

    package init() {
        let (stream, continuation) = AsyncStream.makeStream(of: Int32.self)
        self.stream = stream
        sources = [SIGTERM, SIGINT].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                continuation.yield(number)
                signal(number, SIG_DFL)
            }
            source.resume()
            return source
        }
    }

    /// Returns at the first signal, or when the task is cancelled.
    package func first() async {
        for await _ in stream { return }
    }
}

/// SIGHUP, each time it comes: the sign to read the configuration again.
final class HangupSignals: Sendable {
    let stream: AsyncStream<Void>
    // SAFETY: made once, never touched again, and only keeps itself alive.
    private nonisolated(unsafe) let source: any DispatchSourceSignal

    init() {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        self.stream = stream
        signal(SIGHUP, SIG_IGN)
        source = DispatchSource.makeSignalSource(signal: SIGHUP, queue: .global())
        source.setEventHandler { continuation.yield() }
        source.resume()
    }
}
