// For the words of `sys/socket.h`: see `SocketAddress`.
internal import CCurl
internal import Glibc

/// A bound and listening socket, for an `HTTPServer`: who connects waits until one serves it.
///
/// It is made before its server, so that what answers can know the real port. Made here and not by libmicrohttpd, which
/// does not say why it failed. The server closes the descriptor; nobody does of a socket that none is made for.
package struct ListeningSocket: ~Copyable {
    let descriptor: Int32
    /// The port it listens on: the real one, where 0 was asked for; 0 for a Unix-domain socket.
    package let port: UInt16
    /// Another process listens on it too, and goes on when this one stops.
    let isShared: Bool

    private static let backlog: Int32 = 511

    /// Listens on a numeric address (`127.0.0.1`, `::1`; an IPv6 address never takes IPv4 connections).
    package init(address: String, port: UInt16) throws(HTTPServerFailure) {
        guard let target = SocketAddress(numeric: address, port: port) else { throw .notAnAddress }
        let descriptor = socket(target.family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw ListeningSocket.failure(errno) }
        do throws(HTTPServerFailure) {
            self.port = try ListeningSocket.listen(descriptor, at: target)
        } catch {
            close(descriptor)
            throw error
        }
        self.descriptor = descriptor
        isShared = false
    }

    /// Takes over a socket that another process has made and listens on: it is not shut down when the server stops, so
    /// that whoever connects meanwhile waits for the next one.
    ///
    /// - Throws: `notAListener` for anything but a TCP socket over IPv4 or IPv6 that listens.
    package init(inherited descriptor: Int32) throws(HTTPServerFailure) {
        func option(_ name: Int32) -> Int32? {
            var value: Int32 = 0
            var size = socklen_t(MemoryLayout<Int32>.size)
            return unsafe getsockopt(descriptor, SOL_SOCKET, name, &value, &size) == 0 ? value : nil
        }
        guard option(SO_ACCEPTCONN) == 1, option(SO_TYPE) == Int32(SOCK_STREAM.rawValue),
            let bound = SocketAddress(of: descriptor), bound.family == AF_INET || bound.family == AF_INET6
        else { throw .notAListener }
        // A client that is gone before it is taken in must not hold up the others.
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        self.descriptor = descriptor
        port = bound.port
        isShared = true
    }

    private static func listen(_ descriptor: Int32, at target: SocketAddress) throws(HTTPServerFailure) -> UInt16 {
        var on: Int32 = 1
        let size = socklen_t(MemoryLayout<Int32>.size)
        // A restarted node takes its port back at once, though connections of the last run linger.
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, size)
        if target.family == AF_INET6 {
            unsafe setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &on, size)
        }
        guard unsafe target.withSocketAddress({ unsafe bind(descriptor, $0, $1) }) == 0 else { throw failure(errno) }
        guard Glibc.listen(descriptor, backlog) == 0 else { throw failure(errno) }
        guard let bound = SocketAddress(of: descriptor) else { throw failure(errno) }
        return bound.port
    }

    /// A Unix-domain socket at `path` that only its owner may use (mode 0600). A socket left there by a process that
    /// is gone is replaced: whoever calls holds the lock that says so.
    init(unixPath path: String) throws(HTTPServerFailure) {
        guard let target = SocketAddress(unixPath: path) else { throw .notAnAddress }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw ListeningSocket.failure(errno) }
        unsafe unlink(path)
        // The mode is on the inode before the name is there, so there is no moment when others could connect.
        fchmod(descriptor, 0o600)
        let bound = unsafe target.withSocketAddress { unsafe bind(descriptor, $0, $1) } == 0
        guard bound, unsafe chmod(path, 0o600) == 0, Glibc.listen(descriptor, ListeningSocket.backlog) == 0 else {
            let failure = ListeningSocket.failure(errno)
            close(descriptor)
            throw failure
        }
        self.descriptor = descriptor
        port = 0
        isShared = false
    }

    private static func failure(_ code: Int32) -> HTTPServerFailure {
        switch code {
        case EADDRINUSE: .addressInUse
        case EADDRNOTAVAIL: .addressNotHere
        case EACCES, EPERM: .notPermitted
        default: .system(code: Int(code))
        }
    }
}
