import FederationCore

extension HTTPFields {
    /// The media type of the body in lower case and without its parameters; empty where none is named.
    var mediaType: String {
        let value = self["Content-Type"] ?? ""
        let type = value.utf8.prefix { $0 != 0x3B }.drop { $0 == 0x20 || $0 == 0x09 }
        let end = type.lastIndex { $0 != 0x20 && $0 != 0x09 }.map { type.index(after: $0) } ?? type.startIndex
        return String(decoding: type[..<end].map { $0 >= 0x41 && $0 <= 0x5A ? $0 | 0x20 : $0 }, as: UTF8.self)
    }
}

extension HTTPResponse {
    /// An answer in JSON.
    static func json(_ status: Int, _ body: [UInt8], fields: HTTPFields = [:]) -> HTTPResponse {
        var fields = fields
        fields["Content-Type"] = "application/json"
        return HTTPResponse(status: status, fields: fields, body: body)
    }

    /// The answer to a method that a path has not, with the ones it has. No CORS field is ever sent: no foreign web
    /// page can read a node.
    static func otherMethod(than allowed: String, asked: String) -> HTTPResponse {
        HTTPResponse(status: asked == "OPTIONS" ? 204 : 405, fields: ["Allow": allowed + ", OPTIONS"])
    }
}
