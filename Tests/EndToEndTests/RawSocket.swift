import Dispatch
import Glibc
import Synchronization

/// A blocking TCP socket with the last word on every byte.
final class RawSocket: Sendable {
    private let descriptor: Int32
    private let isOpen = Atomic(true)

    init(descriptor: Int32) {
        self.descriptor = descriptor
        // A broken test ends, it does not hang.
        var patience = timeval(tv_sec: 60, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, size)
    }

    convenience init(connectingTo port: UInt16) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard RawSocket.withLoopback(port, { connect(descriptor, $0, $1) }) == 0 else {
            Glibc.close(descriptor)
            throw Unfulfilled("nobody listens on port \(port)")
        }
        self.init(descriptor: descriptor)
    }

    deinit { close() }

    func close() {
        if isOpen.exchange(false, ordering: .relaxed) { Glibc.close(descriptor) }
    }

    /// Closes with a reset instead of an end.
    func reset() {
        var now = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    /// `false` once the other side has gone.
    @discardableResult
    func send(_ text: String) -> Bool {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return false }
            bytes = bytes.dropFirst(count)
        }
        return true
    }

    /// What has come; empty at the end or on an error.
    func receive() -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return count > 0 ? Array(buffer[..<count]) : []
    }

    /// Reads to the end of the head of a message.
    func receiveHead() -> String {
        var text = ""
        while !text.contains("\r\n\r\n") {
            let more = receive()
            if more.isEmpty { break }
            text += String(decoding: more, as: UTF8.self)
        }
        return text
    }

    func receiveToEnd() -> String {
        var bytes: [UInt8] = []
        while true {
            let more = receive()
            if more.isEmpty { return String(decoding: bytes, as: UTF8.self) }
            bytes += more
        }
    }

    static func withLoopback<R>(_ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }
}

/// A server that does with each connection what the test says.
final class ScriptedServer: Sendable {
    let port: UInt16
    private let descriptor: Int32
    private let held = Mutex<[RawSocket]>([])

    var endpoint: String { "http://127.0.0.1:\(port)" }

    /// The script runs on a thread of its own for each connection, which stays open until the server goes.
    init(_ script: @Sendable @escaping (RawSocket) -> Void) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        port = TestPort.free()
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

    deinit { shutdown(descriptor, Int32(SHUT_RDWR)) }

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
