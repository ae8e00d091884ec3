/// Where a peer answers: an http or https URL of a host, perhaps a port and a path, and nothing more.
///
/// Two spellings of one place are equal: scheme and host are in lower case, a port that the scheme implies is left
/// out, and so are slashes at the end.
public struct Endpoint: Hashable, Sendable {
    /// What it is spoken with.
    public enum Scheme: String, Hashable, Sendable { case http, https }

    public var scheme: Scheme
    public var host: Host
    public var port: UInt16
    /// Empty, or beginning with `/` and not ending with one.
    public var path: String

    package enum Fault: Error, Hashable, Sendable {
        case scheme, host, port, userInfo, query, fragment, path
        case tooLong(limit: Int)
    }

    static let lengthLimit = 2048

    package init(_ text: String) throws(Fault) {
        guard text.utf8.count <= Endpoint.lengthLimit else { throw .tooLong(limit: Endpoint.lengthLimit) }
        guard let colon = text.firstIndex(of: ":"), let scheme = Scheme(rawValue: text[..<colon].lowercased()),
            text[colon...].hasPrefix("://")
        else { throw .scheme }
        let rest = text[text.index(colon, offsetBy: 3)...]
        let authorityEnd = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
        let authority = rest[..<authorityEnd]
        guard !authority.contains("@") else { throw .userInfo }
        guard !rest.contains("#") else { throw .fragment }
        guard !rest.contains("?") else { throw .query }

        let hostEnd: Substring.Index
        if authority.first == "[" {
            guard let bracket = authority.firstIndex(of: "]") else { throw .host }
            hostEnd = authority.index(after: bracket)
        } else {
            hostEnd = authority.firstIndex(of: ":") ?? authority.endIndex
        }
        guard let host = Host(String(authority[..<hostEnd])) else { throw .host }
        let portText = authority[hostEnd...]
        var port: UInt16 = scheme == .http ? 80 : 443
        if !portText.isEmpty {
            let digits = portText.dropFirst()
            guard portText.first == ":", digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
                let number = UInt16(digits), number > 0
            else { throw .port }
            port = number
        }
        var path = rest[authorityEnd...]
        while path.last == "/" { path.removeLast() }
        guard Endpoint.isPath(path) else { throw .path }
        self.scheme = scheme
        self.host = host
        self.port = port
        self.path = String(path)
    }

    /// The URL, without a slash at the end: what a request's target is put behind.
    public var url: String {
        let standard = port == (scheme == .http ? 80 : 443)
        return "\(scheme.rawValue)://\(host.bracketed)\(standard ? "" : ":\(port)")\(path)"
    }

    /// The host, where it is an address and not a name.
    package var numericHost: String? {
        if case .name = host { nil } else { host.text }
    }

    /// Segments of RFC 3986's `pchar`, none of which is `.` or `..`.
    private static func isPath(_ path: Substring) -> Bool {
        var hexDue = 0
        for byte in path.utf8 {
            if hexDue > 0 {
                guard byte.isASCIIAlphanumeric, byte <= 0x39 || (byte | 0x20) <= 0x66 else { return false }
                hexDue -= 1
            } else if byte == 0x25 {
                hexDue = 2
            } else {
                guard byte.isASCIIAlphanumeric || "/-._~!$&'()*+,;=:@".utf8.contains(byte) else { return false }
            }
        }
        return hexDue == 0 && !path.split(separator: "/").contains { $0 == "." || $0 == ".." }
    }
}

extension Endpoint: CustomStringConvertible {
    public var description: String { url }
}

extension Endpoint {
    /// A host name or an IP address.
    public enum Host: Hashable, Sendable {
        /// In lower case.
        case name(String)
        case ipv4(String)
        /// Without its brackets.
        case ipv6(String)

        /// Reads a host as URLs write it, IPv6 in brackets; `nil` for what is none.
        package init?(_ text: String) {
            if text.utf8.first == 0x5B {
                guard text.utf8.last == 0x5D, text.utf8.contains(0x3A),
                    let address = IPAddress(String(text.dropFirst().dropLast()))
                else { return nil }
                self = .ipv6(address.text)
                return
            }
            let labels = text.utf8.split(separator: 0x2E, omittingEmptySubsequences: false)
            guard text.utf8.count <= 253,
                labels.allSatisfy({ label in
                    (1...63).contains(label.count) && label.first != 0x2D && label.last != 0x2D
                        && label.allSatisfy { $0.isASCIIAlphanumeric || $0 == 0x2D || $0 == 0x5F }
                })
            else { return nil }
            // What ends in a number is an address or nothing: resolvers read `127.1` and `0x7f.1` as addresses too.
            if labels.last?.first.map({ $0 >= 0x30 && $0 <= 0x39 }) ?? true {
                guard let address = IPAddress(text) else { return nil }
                self = .ipv4(address.text)
            } else {
                self = .name(text.lowercased())
            }
        }

        /// The host alone.
        public var text: String {
            switch self {
            case .name(let text), .ipv4(let text), .ipv6(let text): text
            }
        }

        /// The host as a URL or a `Host` field has it.
        public var bracketed: String {
            if case .ipv6(let text) = self { "[\(text)]" } else { text }
        }
    }
}

extension UInt8 {
    var isASCIIAlphanumeric: Bool {
        (self >= 0x30 && self <= 0x39) || ((self | 0x20) >= 0x61 && (self | 0x20) <= 0x7A)
    }
}
