import Dispatch
import Glibc
import HostileKit
import Synchronization

/// A server that does with each connection what the test says.
final class ScriptedServer: Sendable {
    let port: UInt16
    private let descriptor: Int32
    private let held = Mutex<[RawSocket]>([])

    var endpoint: String { "http://127.0.0.1:\(port)" }

    /// The script runs on a thread of its own for each connection, which stays open until the server goes.
    init(port: UInt16 = TestPort.free(), _ script: @Sendable @escaping (RawSocket) -> Void) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        self.port = port
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        precondition(RawSocket.withLoopback(port) { bind(descriptor, $0, $1) } == 0 && listen(descriptor, 64) == 0)
        self.descriptor = descriptor
        DispatchQueue(label: "scripted server").async { [weak self] in
            while true {
                let connection = accept(descriptor, nil, nil)
                guard connection >= 0 else { break }
                // A node that is started meanwhile must not hold it open.
                _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
                let socket = RawSocket(descriptor: connection)
                guard let self else { break }
                held.withLock { $0.append(socket) }
                DispatchQueue(label: "script").async { script(socket) }
            }
            close(descriptor)
        }
    }

    deinit { stop() }

    /// Listens no more.
    func stop() { shutdown(descriptor, Int32(SHUT_RDWR)) }

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
