/// What a request of ours proves of who sends it: the node's signature over whom it asks, what, and when.
///
/// It stands beside the claim (`Federation-Node`) in a field of its own:
/// `Federation-Proof: <seconds since 1970> <who is asked> ed25519:<base64>`. Whoever has heard a request can repeat it to
/// the same node for as long as its time is good; what a repeated request does is nothing that the first did not do.
package struct NodeProof: Hashable, Sendable {
    package static let field = "Federation-Proof"

    package var seconds: Int64
    package var receiver: ULID
    /// `ed25519:` and base64.
    package var signature: String

    package init(seconds: Int64, receiver: ULID, signature: String) {
        self.seconds = seconds
        self.receiver = receiver
        self.signature = signature
    }

    /// `nil` for anything but what `text` gives.
    package init?(_ text: String) {
        let parts = text.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 3, text.utf8.count <= 200, let seconds = Int64(parts[0]), String(seconds) == parts[0],
            let receiver = ULID(parts[1])
        else { return nil }
        self.init(seconds: seconds, receiver: receiver, signature: String(parts[2]))
    }

    package var text: String { "\(seconds) \(receiver) \(signature)" }

    /// What is signed: the lines `federation-request-v1`, sender, receiver, seconds, method, target, and the SHA-256 of the
    /// body in hexadecimal, each ended by a newline.
    package static func preimage(
        sender: ULID, receiver: ULID, seconds: Int64, method: String, target: String, body: Digest
    ) -> [UInt8] {
        let lines = ["federation-request-v1", "\(sender)", "\(receiver)", String(seconds), method, target, body.hex]
        return lines.flatMap { Array($0.utf8) + [0x0A] }
    }

    /// Whether it holds for `request`: it is meant for us, its time is near, and the sender's key has signed it.
    ///
    /// - Parameter isSigned: whether a signature, as `ed25519:` and base64, is the sender's over some bytes.
    package func holds(
        for request: ServedRequest, from sender: ULID, to own: ULID, at now: WallTime, sha256: SHA256,
        isSigned: ([UInt8], String) -> Bool
    ) -> Bool {
        guard receiver == own, isTimely(at: now) else { return false }
        let preimage = NodeProof.preimage(
            sender: sender, receiver: own, seconds: seconds, method: request.method, target: request.target,
            body: sha256(request.body))
        return isSigned(preimage, signature)
    }

    /// Whether its time is near enough to `now` to count.
    package func isTimely(at now: WallTime) -> Bool {
        let (apart, overflow) = seconds.subtractingReportingOverflow(now.milliseconds / 1000)
        return !overflow && Duration.seconds(apart.magnitude) <= Limits.proofAge
    }
}
