package import FederationCore

/// What is said between two nodes of which one is of version 0.1: it knows pages by position and events by id, and passes
/// over whatever came later, in either direction.
///
/// The engine is today's on both sides. So this shows that nobody relies on what an older node does not say;
/// `MixedVersionTests` runs the older program itself.
package enum OlderVersion {
    private static let features = #""features":["events","ids"]"#
    private static let parameters = ["after", "limit", "id"]
    private static let fields = [
        "Content-Type", "Federation-Node", "Federation-Name", "Federation-Version", "Federation-Mode", "Federation-Key",
        "Federation-Head", "Federation-Held", "Federation-Position", "Federation-More", "Federation-Count", "Retry-After",
    ]

    /// What such a node understands of a request; `nil` where it has no such path.
    package static func understood(_ request: ServedRequest) -> ServedRequest? {
        guard request.path.hasPrefix("/federation/") else { return request }
        let isKnown = request.path == "/federation/v1/identity" || request.path == "/federation/v1/events" && request.method == "GET"
        guard isKnown else { return nil }
        var request = request
        request.query.removeAll { !parameters.contains($0.name) }
        request.fields["Accept-Encoding"] = nil
        return request
    }

    /// What such a node says, or makes of it.
    package static func said(_ response: HTTPResponse, to request: ServedRequest) -> HTTPResponse {
        guard request.path.hasPrefix("/federation/") else { return response }
        var response = response
        for field in response.fields.fields where !fields.contains(field.name) { response.fields[field.name] = nil }
        if request.path == "/federation/v1/identity" {
            let text = String(decoding: response.body, as: UTF8.self)
            if let start = text.firstRange(of: #""features":["#)?.lowerBound, let end = text[start...].firstIndex(of: "]") {
                response.body = Array((text[..<start] + features + text[text.index(after: end)...]).utf8)
            }
        }
        return response
    }
}
