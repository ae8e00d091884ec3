/// One way of speaking with peers: conversations as client and routes as server, all of them values.
///
/// A wire owns no socket, file, clock, secret or store; what it needs to know of the configuration it is made with.
/// Adding one is a folder, a line in the list of wires and a page of documentation.
package protocol Wire: Sendable {
    var name: WireName { get }
    /// A new conversation with one peer.
    func exchange() -> any Exchange
    /// What it serves, as path prefixes: `/mcp` covers `/mcp` and `/mcp/x`.
    var routes: [String] { get }
    /// Answers one request from a consistent view of the log.
    func respond(to request: ServedRequest, context: RouteContext, view: any LogReading) throws(StoreFailure) -> RouteReply
}

/// What a route is told about the node it answers for.
package struct RouteContext: Sendable {
    package var node: NodeIdentity
    package var now: WallTime
    /// Random bits for whatever the answer mints.
    package var nonce: (UInt64, UInt64)
    package var sha256: SHA256
    /// The peer that the request was proved to come from, where it was.
    package var peerName: String?
    /// The key of the node that the request names is known: a claim without proof is no more than that.
    package var couldProve = false
    /// What `federation status` says, in words and as the Noema tool of that name gives it.
    /// It is made when asked for, from the same view: no other request pays for it.
    package var statusText: @Sendable (any LogReading) throws(StoreFailure) -> String
    /// Whether the answer may be held (`RouteReply.hold`). Not when a route is asked again after a hold.
    package var mayHold = false
    /// The entry without an endpoint that the request says it comes from, where events are taken from such a peer.
    package var pusher: PushingPeer?
    /// Whether the holder of a public key signed exactly these bytes; both texts as `ed25519:` and base64.
    package var isSigned: @Sendable (_ bytes: [UInt8], _ signature: String, _ publicKey: String) -> Bool = { _, _, _ in false }
    /// Whether the request carries this seal, compared in constant time; `false` also where there is no such secret.
    /// Which secret fits, a route may learn only from the body.
    package var carries: @Sendable (RequestSeal) -> Bool

    package init(
        node: NodeIdentity, now: WallTime, nonce: (UInt64, UInt64), sha256: @escaping SHA256, peerName: String?,
        statusText: @escaping @Sendable (any LogReading) throws(StoreFailure) -> String,
        carries: @escaping @Sendable (RequestSeal) -> Bool = { _ in false }
    ) {
        self.node = node
        self.now = now
        self.nonce = nonce
        self.sha256 = sha256
        self.peerName = peerName
        self.statusText = statusText
        self.carries = carries
    }
}

/// What must be on disk before an answer is sent.
package struct RouteCommit: Sendable {
    /// The configured peer it belongs to.
    package var peerName: String
    package var page: PulledPage?
    package var wireValues: [String: [UInt8]?]
    /// A node that somebody suggests.
    package var announcement: Announcement?
    /// Everything that it writes, in place of the rest here, where the route has met the peer itself.
    package var whole: PeerCommit?

    package init(_ whole: PeerCommit) {
        self.init(peerName: whole.peer)
        self.whole = whole
    }

    package init(peerName: String, page: PulledPage? = nil, wireValues: [String: [UInt8]?] = [:]) {
        self.peerName = peerName
        self.page = page
        self.wireValues = wireValues
    }
}

/// An answer that is worth waiting for.
package struct RouteHold: Hashable, Sendable {
    /// Wait until the log has an event after this place.
    package var past: Int64
    package var atMost: Duration

    package init(past: Int64, atMost: Duration) {
        self.past = past
        self.atMost = atMost
    }
}

/// What a route answers.
package struct RouteReply: Sendable {
    package var commit: RouteCommit?
    /// There is nothing to tell yet: the host waits, and then asks the route again, from a fresh view and with
    /// `mayHold` off. `response` is for the host that has no room to wait.
    package var hold: RouteHold?
    /// The answer, given what the commit did (`nil` without one).
    package var response: @Sendable (PageOutcome?) -> HTTPResponse
    /// A conversation to start once the answer is sent: a call-back to this configured peer.
    package var callBack: (peerName: String, exchange: any Exchange)?
    /// Peers that this request proves to be alive, by name: a poll in back-off is tried again at once.
    package var contactWith: String?
    /// The node that the request says it comes from: a claim, and the host decides what it proves.
    package var claimedNode: ULID?
    /// A refusal that its status does not show.
    package var isRefusedCall = false

    package init(
        commit: RouteCommit? = nil, callBack: (peerName: String, exchange: any Exchange)? = nil,
        contactWith: String? = nil, claimedNode: ULID? = nil, response: @escaping @Sendable (PageOutcome?) -> HTTPResponse
    ) {
        self.commit = commit
        self.callBack = callBack
        self.contactWith = contactWith
        self.claimedNode = claimedNode
        self.response = response
    }

    package init(_ response: HTTPResponse) { self.init { _ in response } }
}
