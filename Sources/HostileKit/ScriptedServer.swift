internal import Synchronization

/// A server that does with each connection what its script says.
package final class ScriptedServer: Sendable {
    private final class Held: Sendable { let sockets = Mutex<[RawSocket]>([]) }

    private let listener: LoopbackListener
    private let held: Held

    package var port: UInt16 { listener.port }
    package var endpoint: String { "http://127.0.0.1:\(port)" }
    /// How many came so far.
    package var connections: Int { held.sockets.withLock { $0.count } }

    /// Listens until it goes; a port that is somebody else's is the end of the program, for a test without it shows nothing.
    ///
    /// - Parameter script: runs on a thread of its own for each connection, which stays open until the server goes.
    package init(port: UInt16 = 0, _ script: @escaping @Sendable (RawSocket) -> Void) {
        let held = Held()
        self.held = held
        listener = LoopbackListener.required(port: port) { connection in
            let socket = RawSocket(descriptor: connection)
            held.sockets.withLock { $0.append(socket) }
            detach { script(socket) }
        }
    }

    /// Listens no more.
    package func stop() { listener.stop() }
}
