import Dispatch
import HostileKit
import Synchronization

/// A server that does with each connection what the test says.
final class ScriptedServer: Sendable {
    private final class Held: Sendable { let sockets = Mutex<[RawSocket]>([]) }

    private let listener: LoopbackListener
    private let held: Held

    var port: UInt16 { listener.port }
    var endpoint: String { "http://127.0.0.1:\(port)" }

    /// The script runs on a thread of its own for each connection, which stays open until the server goes.
    init(port: UInt16 = 0, _ script: @Sendable @escaping (RawSocket) -> Void) {
        let held = Held()
        self.held = held
        let listener = try? LoopbackListener(port: port) { connection in
            let socket = RawSocket(descriptor: connection)
            held.sockets.withLock { $0.append(socket) }
            DispatchQueue(label: "script").async { script(socket) }
        }
        guard let listener else { preconditionFailure("port \(port) is somebody else's") }
        self.listener = listener
    }

    /// Listens no more.
    func stop() { listener.stop() }

    /// Accepts, and says nothing.
    static func stalling() -> ScriptedServer { ScriptedServer { _ = $0.receive() } }

    /// Breaks each connection off with a reset.
    static func resetting() -> ScriptedServer {
        ScriptedServer {
            _ = $0.receiveHead()
            $0.reset()
        }
    }

    /// Ends each connection in the middle of its answer.
    static func cuttingOff() -> ScriptedServer {
        ScriptedServer {
            _ = $0.receiveHead()
            $0.send("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"id\":")
            $0.close()
        }
    }
}
