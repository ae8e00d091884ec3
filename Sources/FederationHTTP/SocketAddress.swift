// libmicrohttpd's header pulls `sockaddr` in or, where a module is built as a whole, libcurl's: their modules show the
// fields.
internal import CCurl
internal import CMicroHTTPD
internal import FederationCore
internal import Glibc

/// An IPv4 or IPv6 address with its port, as the system's calls take and give it.
struct SocketAddress {
    private var storage = sockaddr_storage()
    private var length = socklen_t(0)

    /// A numeric address; `nil` for a name.
    init?(numeric text: String, port: UInt16) {
        guard !text.utf8.contains(0) else { return nil }
        var v4 = sockaddr_in()
        var v6 = sockaddr_in6()
        if unsafe inet_pton(AF_INET, text, &v4.sin_addr) == 1 {
            v4.sin_family = sa_family_t(AF_INET)
            v4.sin_port = port.bigEndian
            unsafe withUnsafeBytes(of: &v4) { unsafe take($0) }
        } else if unsafe inet_pton(AF_INET6, text, &v6.sin6_addr) == 1 {
            v6.sin6_family = sa_family_t(AF_INET6)
            v6.sin6_port = port.bigEndian
            unsafe withUnsafeBytes(of: &v6) { unsafe take($0) }
        } else {
            return nil
        }
    }

    /// A Unix-domain socket; `nil` for a path that does not fit (107 bytes) or holds a NUL.
    init?(unixPath path: String) {
        var local = sockaddr_un()
        let bytes = Array(path.utf8)
        let fits = unsafe withUnsafeMutableBytes(of: &local.sun_path) { room in
            guard !bytes.isEmpty, bytes.count < room.count, !bytes.contains(0) else { return false }
            unsafe room.copyBytes(from: bytes)
            return true
        }
        guard fits else { return nil }
        local.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeBytes(of: &local) { unsafe take($0) }
    }

    /// The address a socket is bound to.
    init?(of descriptor: Int32) {
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let code = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(descriptor, $0, &size)
            }
        }
        guard code == 0 else { return nil }
        length = size
    }

    /// A copy of what the system or a library shows; `nil` if it is neither IPv4 nor IPv6.
    init?(copying pointer: UnsafePointer<sockaddr>?) {
        guard let pointer = unsafe pointer else { return nil }
        let size: Int
        switch Int32(unsafe pointer.pointee.sa_family) {
        case AF_INET: size = MemoryLayout<sockaddr_in>.size
        case AF_INET6: size = MemoryLayout<sockaddr_in6>.size
        default: return nil
        }
        unsafe take(UnsafeRawBufferPointer(start: pointer, count: size))
    }

    private mutating func take(_ bytes: UnsafeRawBufferPointer) {
        length = socklen_t(bytes.count)
        unsafe withUnsafeMutableBytes(of: &storage) { unsafe $0.copyMemory(from: bytes) }
    }

    var family: Int32 { Int32(storage.ss_family) }

    var port: UInt16 {
        switch family {
        case AF_INET: view(sockaddr_in.self) { UInt16(bigEndian: $0.sin_port) }
        case AF_INET6: view(sockaddr_in6.self) { UInt16(bigEndian: $0.sin6_port) }
        default: 0
        }
    }

    /// The address alone, numeric, such as `127.0.0.1` or `::1`.
    var numeric: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let size = socklen_t(text.count)
        switch family {
        case AF_INET:
            var address = view(sockaddr_in.self) { $0.sin_addr }
            unsafe inet_ntop(AF_INET, &address, &text, size)
        case AF_INET6:
            var address = view(sockaddr_in6.self) { $0.sin6_addr }
            unsafe inet_ntop(AF_INET6, &address, &text, size)
        default: break
        }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The address alone, as its bytes; `nil` for another family.
    var network: NetworkAddress? {
        switch family {
        case AF_INET: NetworkAddress(bytes: view(sockaddr_in.self) { address in unsafe withUnsafeBytes(of: address.sin_addr) { unsafe Array($0) } })
        case AF_INET6: NetworkAddress(bytes: view(sockaddr_in6.self) { address in unsafe withUnsafeBytes(of: address.sin6_addr) { unsafe Array($0) } })
        default: nil
        }
    }

    func withSocketAddress<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        unsafe withUnsafePointer(to: storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, length) }
        }
    }

    private func view<A, R>(_ type: A.Type, _ body: (A) -> R) -> R {
        unsafe withUnsafeBytes(of: storage) { unsafe body($0.loadUnaligned(as: type)) }
    }
}
