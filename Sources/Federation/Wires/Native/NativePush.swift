package import FederationCore
import FederationHTTP

/// One pushed page as a request, once it is signed, and what its answer says.
package struct NativePush: Sendable {
    /// What the pushing node is to sign.
    package let preimage: [UInt8]
    private let unsigned: HTTPRequest

    package init(_ page: PushPage, from node: NodeIdentity, to receiver: ULID, sha256: SHA256) {
        var fields = NativeGreeting(node: node, head: nil).fields
        var body = page.body
        var coding = NativePush.plain
        if body.count >= Limits.zstdLeastBytes, let frame = Zstd.compress(body), frame.count < body.count {
            (body, coding) = (frame, Zstd.name)
            fields["Content-Encoding"] = Zstd.name
        }
        fields["Content-Type"] = NativeRoutes.pageType
        fields[NativeField.from] = NativePush.text(page.from)
        fields[NativeField.position] = page.to
        if !page.successions.isEmpty { fields[NativeField.successions] = NativePush.text(page.successions) }
        if page.attestations > 0 { fields[NativeField.attestations] = String(page.attestations) }
        preimage = NativePush.preimage(
            from: node.id, to: receiver, after: NativePush.text(page.from), through: page.to, coding: coding,
            attestations: page.attestations, bodyHash: sha256(body))
        unsigned = HTTPRequest(
            .post, NativeRoutes.eventsPath, fields: fields, body: body, maxAnswerBytes: Limits.smallAnswerBytes)
    }

    /// - Parameter signature: the pushing node's over `preimage`, as `ed25519:` and base64.
    package func request(signature: String) -> HTTPRequest {
        var request = unsigned
        request.fields[NativeField.signature] = signature
        return request
    }

    /// The feature by which a node says that it takes pages.
    static let feature = "push"
    /// In `Federation-Wants` and `Federation-From`: the beginning of the log. No position is a word without a point.
    static let beginning = "start"

    static func text(_ position: String?) -> String { position ?? beginning }
    static func position(_ text: String) -> String? { text == beginning ? nil : text }

    /// As one header field: an array of JSON, which in this form is visible ASCII.
    private static func text(_ successions: [Attestation]) -> String {
        "[" + successions.map { String(decoding: $0.json, as: UTF8.self) }.joined(separator: ",") + "]"
    }

    /// Reads such a field; what is none of that node's is left out.
    static func successions(_ text: String?, of node: ULID) -> [Attestation] {
        guard let text, let json = try? JSON(Array(text.utf8)) else { return [] }
        let all = (json.array ?? []).prefix(Limits.successionsPushed).compactMap { Attestation($0) }
        return all.filter { $0.origin == node && $0.next != nil }
    }

    /// What the pushing node signs: who pushes to whom, from where to where, and every byte of the body as it travels.
    static func preimage(
        from sender: ULID, to receiver: ULID, after from: String, through to: String, coding: String, attestations: Int,
        bodyHash: Digest
    ) -> [UInt8] {
        let lines = ["federation-push-v1", "\(sender)", "\(receiver)", from, to, coding, "\(attestations)", bodyHash.hex]
        return lines.flatMap { Array($0.utf8) + [0x0A] }
    }

    /// Neither named in a field nor coded.
    static let plain = "identity"

    /// What the answer to `page` says. Only the node that wanted it is believed.
    package static func answer(_ response: HTTPResponse, to page: PushPage, from receiver: ULID) -> PushAnswer {
        // Whoever says so, it costs no more than a wait.
        if response.status == HTTPResponse.busy { return .busy(response.retryAfter) }
        guard let node = response.fields[NativeField.node].flatMap({ ULID($0) }) else {
            return .failed(response.status == 200 ? .malformed(.headerMissing) : .status(response.status))
        }
        guard node == receiver else { return .failed(.identityMismatch) }
        let wants = response.fields[NativeField.wants]
        guard wants.map({ $0.isHeaderToken && $0.utf8.count <= Limits.positionLength }) ?? true else {
            return .failed(.malformed(.headerInvalid))
        }
        switch (response.status, wants) {
        case (200, page.to?): return .taken
        case (200, _): return .failed(.malformed(.headerInvalid))
        case (409, let wants?): return .holds(position(wants))
        case (403, _) where response.errorCode == NativePushRoute.notWanted: return .declined
        default: return .failed(.status(response.status))
        }
    }
}

extension HTTPResponse {
    /// The stable word of a refusal.
    fileprivate var errorCode: String? { (try? JSON(body))?["error"]?["code"]?.string }
}
