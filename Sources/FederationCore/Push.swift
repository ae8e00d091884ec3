/// What a peer that cannot ask for our log says that it wants of it: everything after a position that it holds.
package struct PushOffer: Hashable, Sendable {
    /// Who wants it.
    package var node: ULID
    /// The position of our log up to which it has it; `nil` for a peer that has nothing.
    package var position: String?

    package init(node: ULID, position: String?) {
        self.node = node
        self.position = position
    }
}

/// A page of our log on its way to a peer.
package struct PushPage: Hashable, Sendable {
    /// The position that the peer is taken to hold, as it said it.
    package var from: String?
    /// The position after the last event.
    package var to: String
    /// The end of the log when the page was made.
    package var head: String
    /// The events as lines of JSON, exactly as a pull would bring them, and behind them what their origins attest.
    package var body: [UInt8]
    /// How many of the lines are attestations.
    package var attestations: Int
    /// The last changes of our key: whoever pinned an earlier one learns by them which is ours now.
    package var successions: [Attestation]

    package init(
        from: String?, to: String, head: String, body: [UInt8], attestations: Int = 0, successions: [Attestation] = []
    ) {
        self.from = from
        self.to = to
        self.head = head
        self.body = body
        self.attestations = attestations
        self.successions = successions
    }

    /// The log goes on after it.
    package var isFollowed: Bool { to != head }

    /// It brings single events that the peer has lost, and leads on to nothing.
    package var mends: Bool { from == to }
}

/// What a peer answered to a page, or why there is no answer.
package enum PushAnswer: Hashable, Sendable {
    /// The page is on its disk, and it holds the position that the page leads to.
    case taken
    /// Nothing was taken: it holds another position.
    case holds(String?)
    /// It wants nothing of us.
    case declined
    /// It has too much to do at the moment, and perhaps says for how long.
    case busy(Duration?)
    case failed(ExchangeFailure)
}

/// A peer of ours that comes to us, as its entry in the configuration says.
package struct PushingPeer: Hashable, Sendable {
    package var name: String
    package var id: ULID
    /// The public key that the configuration insists on.
    package var expectedKey: String?
    /// What becomes of it where the configuration names no key.
    package var firstContact = FirstContact.pin
    package var wireNamespace: String

    package init(name: String, id: ULID, expectedKey: String? = nil, wireNamespace: String = "auto") {
        self.name = name
        self.id = id
        self.expectedKey = expectedKey
        self.wireNamespace = wireNamespace
    }
}

extension PushingPeer {
    package func rule(own: ULID) -> PeerRule {
        PeerRule(own: own, id: id, key: expectedKey, firstContact: firstContact)
    }
}

/// How pushing to a peer stands, as `status` shows it.
package struct PushStatus: Hashable, Sendable {
    package enum State: String, Hashable, Sendable, CaseIterable {
        /// The peer has not said that it wants anything.
        case silent
        /// The peer has what the log holds.
        case current
        case pushing, waiting, stopped
    }

    package var state: State
    /// Failures in a row.
    package var attempt: Int
    package var failure: ExchangeFailure?

    package init(state: State, attempt: Int, failure: ExchangeFailure?) {
        self.state = state
        self.attempt = attempt
        self.failure = failure
    }
}

/// How pages are pushed, apart from what the peer's entry says.
package struct PushPolicy: Hashable, Sendable {
    /// A failure is followed by twice this, then twice as long each time …
    package var retry: Duration = .milliseconds(500)
    /// … up to this, or the interval if that is longer.
    package var longestBackoff: Duration = .seconds(5 * 60)
    /// What was asked for and is not answered for this long is given up.
    package var stall: Duration = .seconds(180)
    /// A position that the peer told while a page of ours was on its way there may be an old one: for this long what
    /// the peer had before is not taken for news.
    package var settle: Duration = .seconds(5)
    /// That many answers in a row that name another position each, and it is left for a while.
    package var corrections = 3
    /// Bytes of the first page; each that is taken doubles it, each that does not arrive makes it a quarter.
    package var firstBytes = Limits.pushFirstBytes
    package var bytes = (16 << 10)...Limits.pushBytes

    package init() {}
}
