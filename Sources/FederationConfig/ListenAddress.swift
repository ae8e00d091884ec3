internal import Glibc

/// An address and a port to listen on: `127.0.0.1:4001`, `[::1]:4001`. Port 0 lets the system choose.
public struct ListenAddress: Hashable, Sendable {
    /// The address in its shortest spelling, IPv6 without brackets.
    public var address: String
    public var port: UInt16
    public var isIPv6: Bool { address.utf8.contains(0x3A) }
    /// Only this machine reaches it.
    package var isLoopback: Bool { IPAddress(address)?.isLoopback ?? false }
    /// Every address of this machine: `0.0.0.0` or `::`.
    package var isUnspecified: Bool { address == "0.0.0.0" || address == "::" }

    package enum Fault: Error, Hashable, Sendable {
        case shape
        case portMissing
        case port
        /// What a name means can change under the program; an address cannot.
        case hostName
    }

    /// Reads an address and a port. Whether this may be listened on is another question (`DecodedConfig.openings`).
    package init(_ text: String) throws(Fault) {
        let host: Substring
        let port: Substring
        if text.utf8.first == 0x5B {
            guard let end = text.firstIndex(of: "]") else { throw .shape }
            host = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            guard !rest.isEmpty else { throw .portMissing }
            guard rest.utf8.first == 0x3A else { throw .shape }
            port = rest.dropFirst()
            guard host.utf8.contains(0x3A) else { throw .shape }
        } else {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count <= 2, !text.isEmpty else { throw .shape }
            guard parts.count == 2 else {
                throw IPAddress(String(text)) == nil && Endpoint.Host(text) == nil ? .shape : .portMissing
            }
            (host, port) = (parts[0], parts[1])
        }
        guard !port.isEmpty, port.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { throw .shape }
        guard let number = UInt16(port) else { throw .port }
        guard let address = IPAddress(String(host)) else {
            throw Endpoint.Host(String(host)) == nil ? .shape : .hostName
        }
        self.address = address.text
        self.port = number
    }
}

extension ListenAddress: CustomStringConvertible {
    public var description: String { isIPv6 ? "[\(address)]:\(port)" : "\(address):\(port)" }
}

/// An IPv4 or IPv6 address, read and written by the C library.
struct IPAddress: Hashable {
    /// The shortest spelling.
    let text: String
    let isLoopback: Bool

    init?(_ spelling: String) {
        var v4 = in_addr()
        var v6 = in6_addr()
        var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let length = socklen_t(buffer.count)
        // `inet_pton` reads up to the first NUL, which would hide what follows it.
        guard !spelling.utf8.contains(0) else { return nil }
        if unsafe inet_pton(AF_INET, spelling, &v4) == 1 {
            unsafe inet_ntop(AF_INET, &v4, &buffer, length)
            isLoopback = UInt32(bigEndian: v4.s_addr) >> 24 == 127
        } else if unsafe inet_pton(AF_INET6, spelling, &v6) == 1 {
            unsafe inet_ntop(AF_INET6, &v6, &buffer, length)
            isLoopback = buffer.starts(with: "::1\0".utf8.map(CChar.init))
        } else {
            return nil
        }
        text = String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
