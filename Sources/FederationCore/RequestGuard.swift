/// Decides whether a request may be answered at all, so that no foreign web page can read or drive a node
/// (DNS rebinding, cross-site requests).
///
/// `Host` must be `localhost`, an address listened on, or a listed name; the port does not matter. A request with an
/// `Origin` is a browser's, and only a page that the listener itself served may send one.
package struct RequestGuard: Hashable, Sendable {
    package enum Verdict: Hashable, Sendable {
        case allowed
        /// No `Host`, or two: the request is malformed (RFC 9112, 3.2).
        case badHost
        case foreignHost
        case foreignOrigin

        /// What is answered and counted where nothing else is; `nil` for a request that may be answered.
        package var refusal: (status: Int, cause: RefusedRequests.Cause)? {
            switch self {
            case .allowed: nil
            case .badHost: (400, .badHost)
            case .foreignHost: (403, .foreignHost)
            case .foreignOrigin: (403, .foreignOrigin)
            }
        }
    }

    private let names: Set<String>
    private let port: UInt16
    private let scheme: String

    /// - Parameters:
    ///   - addresses: numeric addresses listened on, without brackets.
    ///   - names: further host names, compared without regard to ASCII case.
    package init(addresses: [String], names: [String], port: UInt16, scheme: String = "http") {
        self.names = Set((addresses + names + ["localhost"]).map(RequestGuard.lowercased))
        self.port = port
        self.scheme = scheme
    }

    package func check(_ fields: HTTPFields) -> Verdict {
        guard fields.count(of: "Host") == 1, let host = fields["Host"] else { return .badHost }
        guard let (name, _) = RequestGuard.split(host) else { return .badHost }
        guard names.contains(name) else { return .foreignHost }
        switch fields.count(of: "Origin") {
        case 0: return .allowed
        case 1:
            guard let origin = fields["Origin"], origin.hasPrefix("\(scheme)://"),
                let (originName, originPort) = RequestGuard.split(String(origin.dropFirst(scheme.utf8.count + 3))),
                names.contains(originName), originPort ?? (scheme == "https" ? 443 : 80) == port
            else { return .foreignOrigin }
            return .allowed
        default: return .foreignOrigin
        }
    }

    /// `name:port`, `[v6]:port`, or either without a port; `nil` for anything else.
    private static func split(_ authority: String) -> (name: String, port: UInt16?)? {
        let bytes = Array(authority.utf8)
        let name: ArraySlice<UInt8>
        var rest: ArraySlice<UInt8>
        if bytes.first == 0x5B {
            guard let close = bytes.firstIndex(of: 0x5D) else { return nil }
            name = bytes[1..<close]
            rest = bytes[(close + 1)...]
        } else {
            let colon = bytes.firstIndex(of: 0x3A) ?? bytes.endIndex
            name = bytes[..<colon]
            rest = bytes[colon...]
        }
        guard !name.isEmpty else { return nil }
        let text = lowercased(String(decoding: name, as: UTF8.self))
        if rest.isEmpty { return (text, nil) }
        guard rest.removeFirst() == 0x3A, !rest.isEmpty, rest.allSatisfy({ (0x30...0x39).contains($0) }),
            let port = UInt16(String(decoding: rest, as: UTF8.self))
        else { return nil }
        return (text, port)
    }

    private static func lowercased(_ text: String) -> String {
        String(decoding: text.utf8.map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }, as: UTF8.self)
    }
}
