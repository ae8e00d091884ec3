extension Reason {
    /// What the reason means, as a clause: `the peer refused the connection`.
    public var words: String {
        switch self {
        case .invalidTraceID: "an event names a record by an id that is not allowed"
        case .unknownAction: "an event has an action that this program does not know"
        case .unknownType: "an event has a record type that this program does not know"
        case .invalidFrontmatter: "an event's content has a member that cannot be read"
        case .networkRefused: "the peer refused the connection"
        case .networkTimeout: "the peer did not answer in time"
        case .networkDNS: "the peer's host name was not found"
        case .networkTLS: "the encrypted connection could not be set up"
        case .networkReset: "the peer broke off the connection"
        case .networkEOF: "the peer closed the connection in the middle of an answer"
        case .auth: "the peer did not accept our key"
        case .identityMismatch: "another node answers at the peer's address than the one pinned"
        case .identityMissing: "the peer does not say who it is"
        case .storeFull: "this node has no room for what the peer has"
        case .signature: "an event is not signed as its origin signs"
        case .other: "something else went wrong"
        }
    }

    /// Shows its causes and remedies.
    package var help: String { "federation help \(rawValue)" }

    /// What a person can do about it.
    public var hint: String {
        switch self {
        case .invalidTraceID, .unknownAction, .unknownType:
            "This program is older than what wrote the event: upgrade it, and the event is tried again by itself."
        case .invalidFrontmatter:
            "Look at the event with `federation quarantine`: its writer has to mend it, or an upgrade has to know it."
        case .networkRefused: "Is the peer running, and is its address and port the one in the configuration?"
        case .networkTimeout: "Is the peer reachable from here, and is it overloaded or behind a firewall?"
        case .networkDNS: "Check the host name in the peer's address, and this machine's name server."
        case .networkTLS: "Check the peer's certificate, its dates and host name, and the authority configured for it."
        case .networkReset: "The peer, or something between, ended the connection: look at the peer's log."
        case .networkEOF: "The peer may have been stopped, or something between cuts long answers: look at its log."
        case .auth: "Compare the key configured here with the peer's: a ring shares one."
        case .identityMismatch:
            "If the peer was replaced on purpose, run `federation reset-peer NAME`; if not, find out who answers there."
        case .identityMissing: "The peer is older than identities, or not set up: upgrade it, or give it one."
        case .storeFull: "Raise `store.max_size`, free some of the disk or purge records; it goes on by itself, nothing is lost."
        case .signature:
            "Look at it with `federation quarantine list`: whoever gave it may have changed it, or its origin has another key."
        case .other: "The log of this node has the facts."
        }
    }
}

/// How a peer's version relates to ours, for a note beside it. Only versions of one program can be compared.
package enum VersionSkew: Hashable, Sendable {
    /// The peer's version is below ours.
    case older
    case newer

    /// - Returns: `nil` where both are the same release, or one of them does not say which it is.
    package init?(of peer: String, from local: String) {
        guard let theirs = VersionSkew.release(peer), let ours = VersionSkew.release(local) else { return nil }
        for index in 0..<Swift.max(theirs.count, ours.count) {
            let (their, our) = (part(index, of: theirs), part(index, of: ours))
            // Digits without leading zeros: the longer is the larger, and no number is too long to compare.
            guard their != our else { continue }
            let isOlder = their.count == our.count ? their.lexicographicallyPrecedes(our) : their.count < our.count
            self = isOlder ? .older : .newer
            return
        }
        return nil

        func part(_ index: Int, of release: [[UInt8]]) -> [UInt8] { index < release.count ? release[index] : [] }
    }

    /// The parts before the first `-`, without a leading `v`: at least two, of digits only (Noema section 6).
    private static func release(_ text: String) -> [[UInt8]]? {
        var bytes = Array(text.utf8.prefix { $0 != 0x2D })
        if bytes.first == 0x76 { bytes.removeFirst() }
        let parts = bytes.split(separator: 0x2E, omittingEmptySubsequences: false)
        guard parts.count >= 2, parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy { (0x30...0x39).contains($0) } }) else {
            return nil
        }
        return parts.map { Array($0.drop { $0 == 0x30 }) }
    }
}
