internal import Glibc

/// A descriptor that is closed once nobody has it any more: until then its number is not another's.
package final class OwnedDescriptor: Sendable {
    package let number: Int32

    package init(_ number: Int32) { self.number = number }

    deinit { if number >= 0 { close(number) } }
}

/// A socket that listens on the loopback address, and a thread of its own that hands over who connects.
package final class LoopbackListener: Sendable {
    package let port: UInt16
    private let descriptor: OwnedDescriptor

    /// - Parameters:
    ///   - port: 0 for one that the system chooses, which nobody can take in between.
    ///   - taken: is given each connection, to be closed by it.
    package init(port: UInt16 = 0, taken: @escaping @Sendable (Int32) -> Void) throws {
        let descriptor = OwnedDescriptor(socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0))
        var yes: Int32 = 1
        setsockopt(descriptor.number, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        guard RawSocket.withLoopback(port, { bind(descriptor.number, $0, $1) }) == 0, listen(descriptor.number, 128) == 0 else {
            throw Unreachable(port: port)
        }
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        _ = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor.number, $0, &length) }
        }
        self.port = UInt16(bigEndian: address.sin_port)
        self.descriptor = descriptor
        detach {
            while true {
                let connection = accept(descriptor.number, nil, nil)
                guard connection >= 0 else {
                    if errno == EINTR || errno == ECONNABORTED { continue }
                    break
                }
                // A program that is started meanwhile must not hold it open; one that was in between closes it (`ChildProcess`).
                _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
                taken(connection)
            }
        }
    }

    /// The same for whoever can do nothing without it: the program ends, and says why.
    package static func required(port: UInt16 = 0, taken: @escaping @Sendable (Int32) -> Void) -> LoopbackListener {
        do { return try LoopbackListener(port: port, taken: taken) } catch {
            preconditionFailure("nobody may listen on port \(port) of this machine")
        }
    }

    deinit { stop() }

    /// Listens no more.
    package func stop() { shutdown(descriptor.number, Int32(SHUT_RDWR)) }
}
