/// The size of a set of events and the digest of all of it (`ItemTotal.digest`).
package struct SetDigest: Hashable, Sendable {
    package var count: Int64
    package var digest: Digest

    package init(count: Int64, digest: Digest) {
        self.count = count
        self.digest = digest
    }

    package init(_ total: ItemTotal, _ sha256: SHA256) { self.init(count: total.count, digest: total.digest(sha256)) }
}

/// What the events that were minted before a moment come to, in all and for each origin.
///
/// The moment makes logs comparable that are being written to: what is new lies after it.
package struct LogDigests: Hashable, Sendable {
    /// Milliseconds; ids from there on are left out.
    package var below: UInt64
    package var all: SetDigest
    /// In order of origin; `nil` where there are too many of them, or too many events after the moment.
    package var origins: [OriginDigest]?

    package struct OriginDigest: Hashable, Sendable {
        package var origin: String
        package var digest: SetDigest

        package init(origin: String, digest: SetDigest) {
            self.origin = origin
            self.digest = digest
        }
    }

    package init(below: UInt64, all: SetDigest, origins: [OriginDigest]?) {
        self.below = below
        self.all = all
        self.origins = origins
    }

    /// Computes them; costs a step for each origin and each event after the moment, never one for each event.
    package init(of log: any LogReading, below: UInt64, _ sha256: SHA256) throws(StoreFailure) {
        let bound = LogItem(time: below, digest: .lowest)
        self.init(below: below, all: SetDigest(try log.itemTotal(below: bound), sha256), origins: nil)
        let summaries = try log.origins()
        let newer = try log.items(from: bound, below: nil, limit: Limits.digestedAfterBound + 1)
        guard summaries.count <= Limits.digestedOrigins, newer.count <= Limits.digestedAfterBound else { return }
        var totals: [ExactText: ItemTotal] = [:]
        for summary in summaries {
            totals[ExactText(summary.origin)] = ItemTotal(count: summary.events, sum: summary.sum)
        }
        for item in newer {
            guard let event = try log.event(of: item) else { continue }
            totals[ExactText(event.event.origin)]?.remove(item.digest)
        }
        origins = totals.filter { $0.value.count != 0 }.sorted { $0.key < $1.key }.map { origin, total in
            OriginDigest(origin: origin.text, digest: SetDigest(total, sha256))
        }
    }
}

/// What a conversation asks of our own log, to compare it with a peer's.
package enum ReconcileQuestion: Hashable, Sendable {
    case digests(below: UInt64)
    /// The message that begins.
    case open
    /// What follows from the peer's message.
    case answer([UInt8])
}

package enum ReconcileAnswer: Hashable, Sendable {
    case digests(LogDigests)
    case round(ReconcileRound)
    /// The peer's message is none.
    case malformed
}

/// The next message, and the differences that the last one showed.
package struct ReconcileRound: Hashable, Sendable {
    /// `nil` when there is nothing more to ask.
    package var message: [UInt8]?
    /// Events that only we have.
    package var have: [LogItem]
    /// Events that only the peer has, but for `aside`.
    package var need: [NeededItem]
    /// Events that only the peer has in its log, because we refused or deferred them.
    package var aside: [AsideItem]

    package init(message: [UInt8]?, have: [LogItem] = [], need: [NeededItem] = [], aside: [AsideItem] = []) {
        self.message = message
        self.have = have
        self.need = need
        self.aside = aside
    }
}

/// An event that a peer says it has. It was minted within `times`, which is how the peer finds it.
package struct NeededItem: Hashable, Sendable {
    package var digest: Digest
    package var times: ClosedRange<UInt64>

    package init(digest: Digest, times: ClosedRange<UInt64>) {
        self.digest = digest
        self.times = times
    }
}

/// An event that a peer has and that our quarantine holds.
package struct AsideItem: Hashable, Sendable {
    package var digest: Digest
    package var kind: QuarantineEntry.Kind
    package var reason: Reason
    package var code: String
    /// As far as they could be read.
    package var eventID: String
    package var origin: String
    package var subject: String

    package init(_ entry: QuarantineEntry, digest: Digest) {
        self.digest = digest
        kind = entry.kind
        reason = entry.reason
        code = entry.code
        eventID = entry.eventID
        let origin = (try? JSON(entry.bytes))?["cortex_id"]?.string ?? ""
        self.origin = origin.utf8.count <= Limits.eventTextBytes ? origin : ""
        subject = entry.subject
    }
}

/// How two logs compare, once what could be fetched was fetched.
package struct ReconcileReport: Hashable, Sendable {
    /// Both at one moment, which is `below`.
    package var ours: LogDigests
    package var theirs: LogDigests
    /// Events that were missing here, and came.
    package var fetched = 0
    package var rounds = 0
    /// Minted before the moment and only in our log: the peer will fetch them by itself. The list is cut.
    package var missingThere: [LogItem] = []
    package var missingThereCount = 0
    /// Minted before the moment, as far as is known, and only in the peer's log. The list is cut.
    package var missingHere: [NeededItem] = []
    package var missingHereCount = 0
    /// Only in the peer's log, because we refused or deferred them. The list is cut.
    package var aside: [AsideItem] = []
    package var asideCount = 0

    package init(ours: LogDigests, theirs: LogDigests) {
        self.ours = ours
        self.theirs = theirs
    }

    /// The two logs have the same events.
    package var isEqual: Bool { ours.all == theirs.all }
}

/// The last time that a peer's log and ours were shown to be equal, as `federation_state` keeps it.
package struct SyncProof: Hashable, Sendable {
    package var at: WallTime
    package var events: Int64
    package var digest: String

    package init(at: WallTime, events: Int64, digest: String) {
        self.at = at
        self.events = events
        self.digest = digest
    }

    /// Reads what `json` wrote; `nil` for anything else.
    package init?(json text: String) {
        guard let json = try? JSON(Array(text.utf8)), let at = json["at"]?.string.flatMap({ WallTime(rfc3339: $0) }),
            let events = json["events"]?.integer, let digest = json["digest"]?.string
        else { return nil }
        self.init(at: at, events: events, digest: digest)
    }

    package var json: String {
        var writer = JSONWriter()
        writer.object {
            $0.member("at", at.rfc3339)
            $0.member("events", events)
            $0.member("digest", digest)
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
