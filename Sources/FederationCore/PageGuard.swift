/// Decides what a browser may ask of the page, so that no other page in it acts through this one.
///
/// It comes after `RequestGuard`, which looks at `Host` and `Origin`, and before the key.
package enum PageGuard {
    /// What is asked for.
    package enum Kind: Hashable, Sendable {
        /// The page itself: it holds nothing of the node.
        case file
        /// What the node knows.
        case question
        /// Something that is done.
        case command
    }

    /// A field that a form cannot send, and another origin's script only after asking, which is never granted.
    package static let field = "Federation-Page"

    package struct Refusal: Hashable, Sendable {
        package var status: Int
        package var cause: RefusedRequests.Cause
    }

    /// - Returns: `nil` for a request that may be answered.
    package static func refusal(of kind: Kind, method: String, mediaType: String, _ fields: HTTPFields) -> Refusal? {
        let methods = kind == .command ? ["POST"] : ["GET", "HEAD"]
        guard methods.contains(method) else { return Refusal(status: 405, cause: .method) }
        guard kind != .file else { return nil }
        // What browsers say of who asks; `none` is a person who typed the address.
        if let site = fields["Sec-Fetch-Site"], !["same-origin", "none"].contains(site) {
            return Refusal(status: 403, cause: .foreignOrigin)
        }
        guard kind == .command else { return nil }
        guard mediaType == "application/json" else { return Refusal(status: 415, cause: .request) }
        guard fields.count(of: field) == 1, fields[field] == "1" else { return Refusal(status: 403, cause: .foreignOrigin) }
        return nil
    }
}
