package import Glibc
internal import Synchronization

/// Nobody listens there.
package struct Unreachable: Error, CustomStringConvertible {
    package let port: UInt16
    package var description: String { "nobody listens on port \(port)" }
}

/// A blocking TCP socket with the last word on every byte.
package final class RawSocket: Sendable {
    private let descriptor: Int32
    private let isOpen = Atomic(true)

    package init(descriptor: Int32) {
        self.descriptor = descriptor
        // A broken test ends, it does not hang.
        var patience = timeval(tv_sec: 60, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, size)
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, size)
    }

    /// - Parameters:
    ///   - host: a numeric IPv4 address.
    ///   - source: the address to come from; on the loopback interface 127.x.y.z are as many callers.
    package convenience init(connectingTo port: UInt16, at host: String = "127.0.0.1", from source: String? = nil) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        let isBound = source.map { source in RawSocket.with(source, 0) { bind(descriptor, $0, $1) } == 0 } ?? true
        guard isBound, RawSocket.with(host, port, { connect(descriptor, $0, $1) }) == 0 else {
            Glibc.close(descriptor)
            throw Unreachable(port: port)
        }
        self.init(descriptor: descriptor)
    }

    deinit { close() }

    package func close() {
        if isOpen.exchange(false, ordering: .relaxed) { Glibc.close(descriptor) }
    }

    /// Says that nothing more comes, and waits a little for the other side to go: what it has sent must not turn the end
    /// into a reset, which would take with it what was sent last.
    package func end() {
        shutdown(descriptor, Int32(SHUT_WR))
        var patience = timeval(tv_sec: 1, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        while !receive().isEmpty {}
        close()
    }

    package func rest(milliseconds: UInt32) { RawSocket.rest(milliseconds: milliseconds) }
    package static func rest(milliseconds: UInt32) { usleep(milliseconds * 1000) }

    package func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// How long `receive` waits.
    package func setPatience(seconds: Int) {
        var patience = timeval(tv_sec: seconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    }

    /// Closes with a reset instead of an end.
    package func reset() {
        var now = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    /// `false` once the other side has gone.
    @discardableResult
    package func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    @discardableResult
    package func send(_ bytes: [UInt8]) -> Bool {
        var bytes = bytes[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { return false }
            bytes = bytes.dropFirst(count)
        }
        return true
    }

    /// What has come; empty at the end or on an error.
    package func receive() -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return count > 0 ? Array(buffer[..<count]) : []
    }

    /// Reads until `marker` has come or the other side has ended.
    package func receive(until marker: String) -> String {
        var bytes: [UInt8] = []
        let marker = Array(marker.utf8)
        while bytes.firstRange(of: marker) == nil {
            let more = receive()
            if more.isEmpty { break }
            bytes += more
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Reads to the end of the head of a message.
    package func receiveHead() -> String { receive(until: "\r\n\r\n") }

    package func receiveToEnd() -> String {
        var bytes: [UInt8] = []
        while true {
            let more = receive()
            if more.isEmpty { return String(decoding: bytes, as: UTF8.self) }
            bytes += more
        }
    }

    package static func withLoopback<R>(_ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        with("127.0.0.1", port, body)
    }

    private static func with<R>(
        _ host: String, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R
    ) -> R {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        inet_pton(AF_INET, host, &address.sin_addr)
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }
}
