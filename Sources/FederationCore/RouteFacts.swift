/// What a transport tells of the way to a peer, step by step, whatever came of the request.
package struct RouteFacts: Hashable, Sendable {
    /// When each step was done, since the transfer began; `nil` for one that was not reached. A name that is an address
    /// is looked up at once, and a connection that was there before is made at once.
    package var lookedUp: Duration?
    package var connected: Duration?
    package var secured: Duration?
    /// The numeric address that was connected to.
    package var address: String?
    /// Why the encrypted connection could not be set up.
    package var tls: TLSFault?

    package init() {}

    /// A transport may know the address alone, where what follows failed.
    var isConnected: Bool { connected != nil || address != nil }
}

/// Why an encrypted connection was not set up.
package enum TLSFault: String, Hashable, Sendable, CaseIterable {
    case expired
    case notYetValid = "not_yet_valid"
    /// No authority that is known here vouches for it.
    case unknownAuthority = "unknown_authority"
    /// The certificate is for another name than the endpoint's.
    case otherName = "other_name"
    /// The key is another than `tls_pin`.
    case otherPin = "other_pin"
    /// A file of ours cannot be used: `ca`, or our own certificate.
    case ownFile = "own_file"
    /// What answers there speaks no TLS, or none that is recent enough, or does not take what we show.
    case handshake
}

/// The date of an answer, against our clock.
package enum ClockDrift {
    /// How far the peer's clock is ahead of ours, by a `Date` field (RFC 9110, 5.6.7: IMF-fixdate) that was written at
    /// some moment between `asked` and `answered`; good to a second and half the time the answer took. `nil` where that
    /// took so long that it says little, as of a request that is held until there is news.
    package static func of(date: String, asked: WallTime, answered: WallTime) -> Duration? {
        let took = answered.since(asked)
        guard took >= .zero, took <= longest, let theirs = time(of: date) else { return nil }
        // The field is cut to whole seconds.
        let middle = asked.advanced(by: answered.since(asked) / 2)
        return theirs.advanced(by: .milliseconds(500)).since(middle)
    }

    private static let longest = Duration.seconds(4)
    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// `Sun, 06 Nov 1994 08:49:37 GMT`.
    private static func time(of text: String) -> WallTime? {
        let parts = text.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 6, parts[0].hasSuffix(","), parts[5] == "GMT",
            let month = months.firstIndex(of: String(parts[2]))
        else { return nil }
        let number = month + 1
        return WallTime(rfc3339: "\(parts[3])-\(number < 10 ? "0" : "")\(number)-\(parts[1])T\(parts[4])Z")
    }
}
