import Dispatch
import Foundation

/// SIGTERM and SIGINT, from its making on, as something to wait for.
final class StopSignals: Sendable {
    private let arrivals: AsyncStream<Void>

    init() {
        let (arrivals, arrived) = AsyncStream.makeStream(of: Void.self)
        self.arrivals = arrivals
        for number in [SIGTERM, SIGINT] {
            // Until libdispatch listens, a moment later, a signal does what it does by itself: it ends the program.
            // Ignored meanwhile, it would be lost.
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            // The handler keeps its source: it lives as long as the program.
            source.setEventHandler { withExtendedLifetime(source) { _ = arrived.yield() } }
            source.resume()
        }
    }

    /// Returns at the first of them, or when the task is cancelled.
    func first() async { for await _ in arrivals { return } }
}
