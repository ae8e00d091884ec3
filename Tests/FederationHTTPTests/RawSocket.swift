import Dispatch
import Glibc
import HostileKit
import Synchronization

/// A blocking TCP socket with the last word on every byte, for saying what no HTTP library would say.
final class RawSocket: Sendable {
    let descriptor: Int32
    private let isOpen = Atomic(true)

    init(descriptor: Int32) {
        self.descriptor = descriptor
        // A broken test ends, it does not hang.
        // A `timeval`: the type itself cannot be named where libcrypto's module is seen as well (Swift 6.3).
        var patience = [20, 0]
        let size = socklen_t(2 * MemoryLayout<Int>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, size)
    }

    convenience init?(connectingTo port: UInt16) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard RawSocket.withLoopback(port, { connect(descriptor, $0, $1) }) == 0 else {
            Glibc.close(descriptor)
            return nil
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
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes[sent...].withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    /// What has come; empty at the end or on an error.
    func receive(atMost limit: Int = 65_536) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: limit)
        let count = recv(descriptor, &buffer, limit, 0)
        return count > 0 ? Array(buffer[..<count]) : []
    }

    /// Reads until `marker` has come or the other side has ended.
    func receive(until marker: String) -> String {
        var bytes: [UInt8] = []
        let marker = Array(marker.utf8)
        while !bytes.containsSequence(marker) {
            let more = receive(atMost: 1024)
            if more.isEmpty { break }
            bytes += more
        }
        return String(decoding: bytes, as: UTF8.self)
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
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}

extension [UInt8] {
    fileprivate func containsSequence(_ part: [UInt8]) -> Bool {
        count >= part.count && indices.dropLast(part.count - 1).contains { self[$0...].starts(with: part) }
    }
}

/// A server that answers every connection with a script of the test's own.
final class ScriptedServer: Sendable {
    private final class Held: Sendable { let sockets = Mutex<[RawSocket]>([]) }

    private let listener: LoopbackListener
    private let held: Held

    var port: UInt16 { listener.port }
    var endpoint: String { "http://127.0.0.1:\(port)" }
    var connections: Int { held.sockets.withLock { $0.count } }

    /// The script runs on a thread of its own for each connection, which stays open until the server goes.
    init(_ script: @Sendable @escaping (RawSocket) -> Void) {
        let held = Held()
        self.held = held
        let listener = try? LoopbackListener { connection in
            let socket = RawSocket(descriptor: connection)
            held.sockets.withLock { $0.append(socket) }
            DispatchQueue(label: "script").async { script(socket) }
        }
        guard let listener else { preconditionFailure("nobody may listen") }
        self.listener = listener
    }

    /// A port on which nobody listens.
    static func closedPort() -> UInt16 {
        let server = ScriptedServer { _ in }
        return server.port
    }
}

/// A number that many tasks raise.
final class Count: Sendable {
    private let atomic = Atomic(0)

    var value: Int { atomic.load(ordering: .relaxed) }

    func raise() { atomic.add(1, ordering: .relaxed) }
}

/// Runs blocking code off the Swift threads.
func blocking<R: Sendable>(_ body: @Sendable @escaping () -> R) async -> R {
    await withCheckedContinuation { continuation in
        DispatchQueue(label: "blocking").async { continuation.resume(returning: body()) }
    }
}

/// Waits, looking often, until `condition` holds; `false` if that took more than twenty seconds.
func eventually(_ condition: () async -> Bool) async -> Bool {
    let end = ContinuousClock.now + .seconds(20)
    while ContinuousClock.now < end {
        if await condition() { return true }
        try? await Task.sleep(for: .milliseconds(2))
    }
    return await condition()
}
