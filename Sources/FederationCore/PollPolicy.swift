/// One peer of the config, as far as polling it goes.
package struct PolledPeer: Hashable, Sendable {
    package var name: String
    package var mode: PeerMode
    /// From the end of one poll to the beginning of the next.
    package var interval: Duration
    /// Where the wire's own values are kept: the name of a wire, or `auto`.
    package var wireNamespace: String
    /// The identity that the config insists on.
    package var expectedID: ULID?
    /// The public key that the config insists on (`ed25519:` and base64).
    package var expectedKey: String?
    /// What becomes of it where the config names not both of them.
    package var firstContact: FirstContact
    /// Stands for what is shown to it and what it must show, as the files say now; only to be compared.
    package var channel: Digest?

    package init(
        name: String, mode: PeerMode = .sync, interval: Duration = .seconds(30), wireNamespace: String = "auto",
        expectedID: ULID? = nil, expectedKey: String? = nil, firstContact: FirstContact = .pin
    ) {
        self.firstContact = firstContact
        self.name = name
        self.mode = mode
        self.interval = interval
        self.wireNamespace = wireNamespace
        self.expectedID = expectedID
        self.expectedKey = expectedKey
    }

    /// Whether nothing but the interval tells them apart.
    func isSameButForInterval(_ other: PolledPeer) -> Bool {
        var other = other
        other.interval = interval
        return self == other
    }
}

/// How a node polls, apart from what each peer's entry says.
package struct PollPolicy: Hashable, Sendable {
    /// The longest wait after failures, unless the interval is longer.
    package var longestBackoff: Duration = .seconds(5 * 60)
    /// A peer that is busy for so long, and gives nothing meanwhile, has failed.
    package var longestBusy: Duration = .seconds(10 * 60)
    /// A poll in which nothing moves for this long is given up. Longer than a request's own deadline, so it only
    /// acts where an answer is lost between the machine and whoever carries out what it asks.
    package var stall: Duration = .seconds(180)
    /// How long a peer that can is asked to hold its answer until it has news; zero: peers are polled at intervals.
    package var hold = Limits.hold
    /// A hold that ends sooner and brings nothing is no hold: the next one waits.
    package var shortestHold: Duration = .seconds(5)
    /// How long, at first; twice as long each further time, up to the interval.
    package var shortHoldPause: Duration = .seconds(1)
    /// A peer that can be followed and cannot be reached is looked for after twice this, then twice as long each time:
    /// where only one side can reach the other, nobody wakes it.
    package var followRetry: Duration = .milliseconds(500)
    /// A Noema log is read again from its beginning this often (design: as a puller of Noema).
    package var rescanEvery: Duration = .seconds(24 * 3600)
    /// Rescans for other causes are at least this far apart.
    package var rescanPause: Duration = .seconds(10 * 60)
    /// How long a peer that is followed rests once all that it gave, many times in a row, was here already.
    package var stalePause: Duration = .milliseconds(50)
    /// That many failures in a row, and the success after them is followed by a rescan.
    package var rescanAfterFailures = 3
    /// Our log is compared with a native peer's this often, and sooner when something hints at a hole.
    package var reconcileEvery: Duration = .seconds(6 * 3600)
    /// Comparisons that nobody asked for are at least this far apart.
    package var reconcilePause: Duration = .seconds(10 * 60)
    /// Whether a peer is asked for the holes in the numbers of origins.
    package var fillsHoles = true
    /// The holes of the log are looked at this often at most, poll by poll.
    package var holeLook: Duration = .seconds(1)
    /// A hole that a peer was asked for and did not fill is asked for again after this, twice as long each time …
    package var holePause: Duration = .seconds(60)
    /// … up to this.
    package var longestHolePause: Duration = .seconds(6 * 3600)
    /// Requests of one poll: a peer that never ends is left, and polled again later.
    package var requestsPerPoll = Limits.pagesPerPoll

    package init() {}

    /// How long a peer that is busy is left alone: what it asks for, within what a failure could come to; else the
    /// interval. One that asks for no time at all is not asked again at once.
    func wait(ifBusy asked: Duration?, interval: Duration) -> Duration {
        let least = min(interval, .seconds(1))
        return min(max(asked ?? interval, least), max(interval, longestBackoff))
    }
}
