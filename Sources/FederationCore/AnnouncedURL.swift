/// The URL of a node that somebody else has named: read strictly, before anything is looked up or asked.
package struct AnnouncedURL: Hashable, Sendable {
    package enum Refusal: Error, Hashable, Sendable {
        /// Neither `http` nor `https`.
        case scheme
        /// A name and perhaps a password before the host.
        case userInfo
        /// No host, or one that is no name and no address as they are written; also `0x7f.1`, `017700000001`, zones and
        /// percent-encoded ones.
        case host
        /// A name that is this machine's, or that means something only in one network.
        case localName
        case port
        /// A query, a fragment, or a path with `.` or `..` in it.
        case path
    }

    package enum Host: Hashable, Sendable {
        /// In lower case, of two labels at least.
        case name(String)
        case address(NetworkAddress)
    }

    package let isTLS: Bool
    package let host: Host
    package let port: UInt16
    package let path: String

    package init(_ text: String) throws(Refusal) {
        let schemes = [("http://", false), ("https://", true)]
        let lower = text.prefix(8).lowercased()
        guard text.utf8.count <= Limits.eventTextBytes, let (scheme, isTLS) = schemes.first(where: { lower.hasPrefix($0.0) })
        else { throw .scheme }
        let rest = text.dropFirst(scheme.count)
        guard rest.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x5C }) else { throw .host }
        let end = rest.firstIndex { "/?#".contains($0) } ?? rest.endIndex
        let authority = rest[..<end]
        guard !authority.contains("@") else { throw .userInfo }
        let (hostText, portText) = try AnnouncedURL.split(authority)
        self.isTLS = isTLS
        host = try AnnouncedURL.host(hostText)
        port = try AnnouncedURL.port(portText, isTLS: isTLS)
        path = try AnnouncedURL.path(rest[end...])
    }

    private static func split(_ authority: Substring) throws(Refusal) -> (host: Substring, port: Substring?) {
        if authority.hasPrefix("[") {
            guard let bracket = authority.firstIndex(of: "]") else { throw .host }
            let rest = authority[authority.index(after: bracket)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { throw .host }
            return (authority[...bracket], rest.isEmpty ? nil : rest.dropFirst())
        }
        guard let colon = authority.firstIndex(of: ":") else { return (authority, nil) }
        return (authority[..<colon], authority[authority.index(after: colon)...])
    }

    private static func host(_ text: Substring) throws(Refusal) -> Host {
        if text.hasPrefix("[") {
            let inner = text.dropFirst().dropLast()
            guard inner.contains(":"), let address = NetworkAddress(inner) else { throw .host }
            return .address(address)
        }
        let name = text.lowercased()
        let labels = name.utf8.split(separator: 0x2E, omittingEmptySubsequences: false)
        guard name.utf8.count <= 253,
            labels.allSatisfy({ label in
                (1...63).contains(label.count) && label.first != 0x2D && label.last != 0x2D
                    && label.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
            })
        else { throw .host }
        // What ends in a number is an address or nothing: resolvers read `127.1`, `2130706433` and `0x7f.1` as addresses.
        if let first = labels.last?.first, (0x30...0x39).contains(first) {
            guard let address = NetworkAddress(name) else { throw .host }
            return .address(address)
        }
        let isLocal = labels.count < 2 || localEndings.contains { name == $0 || name.hasSuffix("." + $0) }
        guard !isLocal else { throw .localName }
        return .name(name)
    }

    /// Names that no name server of the internet answers for (RFC 6761, 6762, 7686, 8375, 9476, and by custom).
    private static let localEndings = [
        "localhost", "localdomain", "local", "internal", "intranet", "private", "corp", "home", "lan", "home.arpa",
        "in-addr.arpa", "ip6.arpa", "onion", "alt", "test", "example", "invalid",
    ]

    private static func port(_ text: Substring?, isTLS: Bool) throws(Refusal) -> UInt16 {
        guard let text else { return isTLS ? 443 : 80 }
        guard text.utf8.count <= 5, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), text.utf8.first != 0x30,
            let port = UInt16(text)
        else { throw .port }
        return port
    }

    private static func path(_ text: Substring) throws(Refusal) -> String {
        var path = text
        while path.hasSuffix("/") { path = path.dropLast() }
        let isPlain = path.utf8.allSatisfy { byte in
            (0x61...0x7A).contains(byte | 0x20) || (0x30...0x39).contains(byte) || "/-._~".utf8.contains(byte)
        }
        guard isPlain, !path.split(separator: "/", omittingEmptySubsequences: false).contains(where: { $0 == "." || $0 == ".." })
        else { throw .path }
        return String(path)
    }

    /// The URL in its one spelling, without a slash at the end.
    package var text: String {
        let standard = port == (isTLS ? 443 : 80)
        let shown: String =
            switch host {
            case .name(let name): name
            case .address(let address): address.text
            }
        return "\(isTLS ? "https" : "http")://\(shown)\(standard ? "" : ":\(port)")\(path)"
    }
}

extension NetworkAddress {
    /// As a URL has it: IPv6 in brackets, its groups in full.
    package var text: String {
        guard !isIPv4 else { return bytes.map(String.init).joined(separator: ".") }
        let groups = stride(from: 0, to: 16, by: 2).map { String(UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]), radix: 16) }
        return "[" + groups.joined(separator: ":") + "]"
    }
}
