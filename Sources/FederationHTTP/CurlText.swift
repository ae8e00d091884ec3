internal import FederationCore

/// What a request becomes before libcurl sees it. libcurl takes texts that end at the first NUL and writes fields as
/// they are, so whatever could end a line or a text early is refused here.
enum CurlText {
    /// A request may wait long for news, but a host that is there takes the connection within this time.
    static let longestConnect: Duration = .seconds(15)

    static func url(endpoint: String, target: String) -> String? {
        guard target.utf8.first == UInt8(ascii: "/") else { return nil }
        var prefix = endpoint[...]
        while prefix.utf8.last == UInt8(ascii: "/") { prefix.removeLast() }
        // libcurl guesses a scheme that is missing, and takes "http:/name" for a host.
        let scheme = FieldText.lowercased(String(prefix.prefix(8)))
        guard scheme.hasPrefix("http://") && scheme.count > 7 || scheme == "https://" && prefix.count > 8 else {
            return nil
        }
        let url = prefix + target
        guard url.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else { return nil }
        return String(url)
    }

    /// The request's fields as libcurl reads them; `nil` if one of them would break out of its line.
    static func fieldLines(_ request: HTTPRequest) -> [String]? {
        // An empty one leaves out what libcurl would add: waiting for a 100 before a body, and calling it a form.
        var lines = ["Expect:"]
        if request.fields["Content-Type"] == nil { lines.append("Content-Type:") }
        for field in request.fields.fields {
            guard FieldText.isName(field.name), FieldText.isValue(field.value) else { return nil }
            if FieldText.framing.contains(FieldText.lowercased(field.name)) { continue }
            // "Name:" would remove the field; "Name;" sends it empty.
            let isEmpty = field.value.utf8.allSatisfy { $0 == 0x20 || $0 == 0x09 }
            lines.append(isEmpty ? "\(field.name);" : "\(field.name): \(field.value)")
        }
        return lines
    }
}

extension Duration {
    /// Between nothing and a day, in whole milliseconds rounded up: what C libraries and Dispatch take without
    /// overflow, whatever a caller asks for. Above 0 unless the duration is none: to libcurl 0 means "for ever".
    var boundedMilliseconds: Int {
        let (seconds, attoseconds) = bounded.components
        return Int(seconds) * 1000 + Int((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }

    var bounded: Duration { min(max(self, .zero), .seconds(86_400)) }
}

/// What may stand in a header field (RFC 9110, 5.1 and 5.5).
enum FieldText {
    /// Fields that frame a message. They belong to whoever writes it to the socket.
    static let framing: Set<String> = [
        "connection", "content-length", "expect", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
    ]

    static func isName(_ text: String) -> Bool { !text.isEmpty && text.utf8.allSatisfy(isTokenByte) }

    /// No control characters but the tab: no line can be ended, no text cut off at a NUL.
    static func isValue(_ text: String) -> Bool {
        text.utf8.allSatisfy { ($0 >= 0x20 && $0 != 0x7F) || $0 == 0x09 }
    }

    static func lowercased(_ name: String) -> String {
        String(decoding: name.utf8.map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }, as: UTF8.self)
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
