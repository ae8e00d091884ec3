/// Header fields of a request or a response, in order. Names are compared without regard to ASCII case (RFC 9110, 5.1).
package struct HTTPFields: Hashable, Sendable, ExpressibleByDictionaryLiteral {
    package struct Field: Hashable, Sendable {
        package var name: String
        package var value: String
    }

    package private(set) var fields: [Field]

    package init(dictionaryLiteral elements: (String, String)...) {
        fields = elements.map { Field(name: $0.0, value: $0.1) }
    }

    /// The first value of a field. Setting replaces every field of that name, and `nil` removes them.
    package subscript(name: String) -> String? {
        get { fields.first { HTTPFields.same($0.name, name) }?.value }
        set {
            fields.removeAll { HTTPFields.same($0.name, name) }
            if let newValue { fields.append(Field(name: name, value: newValue)) }
        }
    }

    package mutating func append(_ name: String, _ value: String) { fields.append(Field(name: name, value: value)) }

    /// How many fields have this name: a second `Host` is an attack, not a choice.
    package func count(of name: String) -> Int { fields.count { HTTPFields.same($0.name, name) } }

    private static func same(_ a: String, _ b: String) -> Bool {
        guard a.utf8.count == b.utf8.count else { return false }
        let (a, b) = (a.utf8.span, b.utf8.span)
        for place in a.indices where a[place] != b[place] && lowercased(a[place]) != lowercased(b[place]) { return false }
        return true
    }

    private static func lowercased(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte }
}

/// One request, as a value. A wire describes it; the host performs it.
package struct HTTPRequest: Hashable, Sendable {
    package enum Method: String, Hashable, Sendable { case get = "GET", post = "POST", put = "PUT", delete = "DELETE" }

    package var method: Method
    /// The path and query, starting with `/`, already percent-encoded; it is put behind the peer's endpoint.
    package var target: String
    package var fields: HTTPFields
    package var body: [UInt8]
    /// The most body bytes the answer may have, decoded; the transfer is cut off at the first byte past it.
    package var maxAnswerBytes: Int
    /// From the first byte sent to the last byte received.
    package var deadline: Duration
    /// The answer has an item on each line, which may be read before the answer's turn comes (`HTTPResponse.lines`).
    package var asksForLines = false
    /// How long the peer was asked to hold its answer while it has no news: the deadline comes that much later.
    package var hold = Duration.zero

    package init(
        _ method: Method, _ target: String, fields: HTTPFields = [:], body: [UInt8] = [],
        maxAnswerBytes: Int = Limits.answerBytes, deadline: Duration = Limits.requestDeadline
    ) {
        self.method = method
        self.target = target
        self.fields = fields
        self.body = body
        self.maxAnswerBytes = maxAnswerBytes
        self.deadline = deadline
    }
}

/// One response, as a value: what a peer answered, or what our own routes answer.
package struct HTTPResponse: Hashable, Sendable {
    package var status: Int
    package var fields: HTTPFields
    package var body: [UInt8]
    /// The lines of `body`, where they were read already; `body` is then empty, as it would be there twice.
    package var lines: ReadLines?

    /// Bytes of the body that came.
    package var length: Int { lines?.bytes ?? body.count }

    package init(status: Int, fields: HTTPFields = [:], body: [UInt8] = []) {
        self.status = status
        self.fields = fields
        self.body = body
    }
}

extension HTTPResponse {
    /// The status that says so.
    package static let busy = 429

    /// How long whoever is busy asks to be left alone, where it says so in seconds; `nil` for any other answer. A date
    /// would have to be compared with a clock that may be another.
    package var retryAfter: Duration? {
        guard status == HTTPResponse.busy, let text = fields["Retry-After"], text.utf8.count <= 9,
            text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let seconds = Int64(text)
        else { return nil }
        return .seconds(seconds)
    }
}

/// How a request came to our server.
package enum RequestChannel: Hashable, Sendable {
    case plain
    /// `client` is what the client has proved to hold, if it was asked and had one.
    case tls(client: ClientCertificate?)
}

/// The certificate of a TLS client: the handshake has proved that the client holds its key.
package struct ClientCertificate: Hashable, Sendable {
    /// SHA-256 of its SubjectPublicKeyInfo (RFC 7469, 2.4): what a pin names.
    package var key: Digest
    /// Whether one of the authorities for clients vouches for it.
    package var isVouchedFor: Bool

    package init(key: Digest, isVouchedFor: Bool) {
        self.key = key
        self.isVouchedFor = isVouchedFor
    }
}

/// One request that reached our server, with what the server knows about where it came from.
package struct ServedRequest: Hashable, Sendable {
    /// Any method token, as it came: an unknown one gets 405, not a crash.
    package var method: String
    /// The path without the query, as it came (not percent-decoded).
    package var path: String
    /// Query parameters in order, percent-decoded.
    package var query: [(name: String, value: String)]
    package var fields: HTTPFields
    package var body: [UInt8]
    /// The numeric address of the other side, such as `127.0.0.1` or `::1`.
    package var remoteAddress: String
    package var channel: RequestChannel
    /// Path and query as they came, which is what a sender signs.
    package var target: String

    package init(
        method: String, path: String, query: [(name: String, value: String)] = [], fields: HTTPFields = [:],
        body: [UInt8] = [], remoteAddress: String = "127.0.0.1", channel: RequestChannel = .plain,
        target: String? = nil
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.fields = fields
        self.body = body
        self.remoteAddress = remoteAddress
        self.channel = channel
        self.target = target ?? path
    }

    /// The first query parameter of this name.
    package func parameter(_ name: String) -> String? { query.first { $0.name == name }?.value }

    package static func == (a: ServedRequest, b: ServedRequest) -> Bool {
        a.method == b.method && a.path == b.path && a.fields == b.fields && a.body == b.body
            && a.remoteAddress == b.remoteAddress && a.channel == b.channel && a.query.map(\.name) == b.query.map(\.name)
            && a.query.map(\.value) == b.query.map(\.value)
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(method)
        hasher.combine(path)
        hasher.combine(body)
    }
}

/// Why a request got no answer. Made from result codes of the transport, never from its texts.
public enum TransportFailure: Error, Hashable, Sendable {
    /// Nobody listens there, or the network does not lead there.
    case refused
    /// The deadline passed.
    case timeout
    /// The name has no address.
    case nameResolution
    /// The TLS handshake failed or the certificate did not verify.
    case tls
    /// The connection was reset.
    case reset
    /// The connection ended before the answer did.
    case endOfFile
    /// The answer was longer than `HTTPRequest.maxAnswerBytes`.
    case answerTooLarge(limit: Int)
    /// Every address of the name is one that nobody may be sent to by others.
    case forbiddenAddress(AddressKind)
    /// The other side does not speak HTTP, or the body is not in the coding that its fields say.
    case malformedAnswer
    case cancelled
    /// Anything else: libcurl's result code.
    case other(code: Int)
}

extension String {
    /// Not empty, and visible ASCII only: fit to be a header value as it is.
    package var isHeaderToken: Bool { !isEmpty && utf8.allSatisfy { (0x21...0x7E).contains($0) } }
}
