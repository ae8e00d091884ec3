internal import FederationConfig
internal import FederationCore
internal import FederationStore

extension CommandService {
    /// Of a peer, an event or a record, whichever has this name: in that order.
    func why(_ arguments: JSON) async throws(CommandFailure) -> [UInt8] {
        let what = try arguments.required("what")
        let peers = node.config.peers.map(\.name)
        if peers.contains(what) { return try await whyPeer(what) }
        let (config, own, now) = (node.config, node.identity.id, SystemClock.now())
        let found = try await read { (log) throws(StoreFailure) -> EventWhy? in
            if let id = ULID(what), let why = try EventWhy(event: id, of: config, own: own, in: log) { return why }
            return try EventWhy(record: what, of: config, own: own, in: log)
        }
        guard let found else {
            // What begins as an id of one does, and is near one that there is.
            if ULID(what) != nil { throw CommandFailure(.unknownEvent, ["id": what]) }
            let (records, events) = (await recordsNear(what), await eventsNear(what))
            if closest(to: what, among: records) != nil { throw CommandFailure(.unknownRecord, ["id": what], list: records) }
            if closest(to: what, among: events) != nil { throw CommandFailure(.unknownEvent, ["id": what], list: events) }
            throw CommandFailure(.unknownPeer, ["peer": what], list: peers)
        }
        return jsonObject { found.write(to: &$0, at: now, in: config, file: node.opened.fileNow) }
    }
}

/// What became of one event, or of all events of a record.
struct EventWhy: Sendable {
    /// Rows of quarantine that are shown of one event, and events of one record.
    private static let listed = 100

    private let subject: String
    /// `nil` where a record is asked about.
    private let id: String?
    private let stored: [StoredEvent]
    private let stories: [ULID: EventStory]
    private let record: Record?
    private let aside: [QuarantineEntry]
    private let checkpoint: UInt64?
    private let proofTime: ProofTime?
    /// Other events of its origin with the number of this one.
    private let twins: [ULID]
    private let own: ULID
    /// Peers of the configuration, by the identity that they are pinned as.
    private let peers: [String: String]

    /// - Returns: `nil` where there is nothing of it, neither in the log nor beside it.
    init?(event id: ULID, of config: Config, own: ULID, in log: any LogReading) throws(StoreFailure) {
        self.own = own
        self.id = id.description
        aside = try log.quarantine(eventID: id.description, limit: EventWhy.listed)
        peers = try EventWhy.peers(of: config, in: log)
        guard let event = try log.event(id) else {
            guard let first = aside.first else { return nil }
            (subject, stored, stories, checkpoint, proofTime, twins) = (first.subject, [], [:], nil, nil, [])
            record = try log.record(first.subject)
            return
        }
        subject = event.event.subject
        stored = [event]
        let all = try log.events(of: subject).map(\.event)
        stories = EventStory(of: id, subject: subject, events: all).map { [id: $0] } ?? [:]
        record = try log.record(subject)
        let number = event.event.number
        let chained = event.verification == .chained ? event.event.originID : nil
        checkpoint = try chained.flatMap { (origin) throws(StoreFailure) in
            try log.firstCheckpoint(of: origin, from: number ?? 1)?.number
        }
        proofTime = event.foundProved(keptAfter: try log.proofTimesKeptAfter())
        twins = try event.event.originID.map { (origin) throws(StoreFailure) in
            try number.map { (number) throws(StoreFailure) in try log.events(of: origin, number: number) } ?? []
        }?.filter { $0 != id } ?? []
    }

    /// - Returns: `nil` where no event is of this subject.
    init?(record subject: String, of config: Config, own: ULID, in log: any LogReading) throws(StoreFailure) {
        let all = try log.events(of: subject)
        guard !all.isEmpty else { return nil }
        self.own = own
        self.subject = subject
        id = nil
        // The last ones are the ones that are asked about.
        stored = all.suffix(EventWhy.listed)
        let events = all.map(\.event)
        stories = Dictionary(
            stored.compactMap { stored in
                EventStory(of: stored.event.id, subject: subject, events: events).map { (stored.event.id, $0) }
            }) { first, _ in first }
        record = try log.record(subject)
        (aside, checkpoint, proofTime, twins) = ([], nil, nil, [])
        peers = try EventWhy.peers(of: config, in: log)
    }

    private static func peers(of config: Config, in log: any LogReading) throws(StoreFailure) -> [String: String] {
        var peers: [String: String] = [:]
        for peer in config.peers {
            if let pin = try log.state(StateKey.peer(peer.name, .identity)) ?? peer.id?.description { peers[pin] = peer.name }
        }
        return peers
    }

    // MARK: As JSON

    /// - Parameter file: the configuration's, as it is now; `nil` where it cannot be read.
    func write(to writer: inout JSONWriter, at now: WallTime, in config: Config, file: ConfigFile?) {
        guard let id else {
            writer.member("trace_id", subject)
            if let record {
                writer.key("record")
                writer.record(record)
            }
            writer.key("events")
            writer.array { writer in
                for each in stored {
                    writer.object { writer in
                        writer.member("id", each.event.id.description)
                        writer.member("action", each.event.action)
                        writer.member("timestamp", each.event.timestamp)
                        self.writer(each.event, &writer)
                        story(each, &writer)
                    }
                }
            }
            return
        }
        writer.member("event_id", id)
        writer.member("trace_id", subject)
        writer.member("state", state)
        if let event = stored.first { one(event, &writer, now) }
        if let release { MendPlace(of: peers[release.origin], in: config, file: file).write(release.mends, to: &writer) }
        if let record {
            writer.key("record")
            writer.record(record)
        }
        if !aside.isEmpty {
            writer.key("quarantine")
            writer.array { for row in aside { quarantined(row, &$0) } }
        }
    }

    /// What would let it be applied, where it is not and something would. One that is not in the log may have come in several
    /// ways: the last of them that something can be said of.
    private var release: (origin: String, mends: [TrialMend])? {
        guard let event = stored.first else { return aside.reversed().lazy.compactMap { release(of: $0) }.first }
        return event.holdCode.flatMap { release(of: event.event.origin, code: $0, row: event.event.id.description) }
    }

    private func release(of row: QuarantineEntry) -> (origin: String, mends: [TrialMend])? {
        // Whose it is by the id that its policy goes by; the name beside it is whatever its sender likes.
        let origin = (try? JSON(row.bytes))?["cortex_id"]?.string ?? ""
        return release(of: origin, code: row.code, row: String(row.row))
    }

    private func release(of origin: String, code: String, row: String) -> (origin: String, mends: [TrialMend])? {
        let writer = peers[origin].map { EventWriterStanding.peer($0) } ?? (origin.isEmpty ? .unknown : .stranger)
        let mends = TrialMend.ofEvent(code: code, by: writer, origin: ULID(origin), row: row)
        return mends.isEmpty ? nil : (origin, mends)
    }

    private var state: String {
        if let event = stored.first {
            if event.hold != nil { return "held" }
            return record?.purge == nil ? "applied" : "purged"
        }
        return aside.contains { $0.kind == .deferred } ? "deferred" : "refused"
    }

    private func one(_ event: StoredEvent, _ writer: inout JSONWriter, _ now: WallTime) {
        writer.key("event")
        writer.event(event, now: now, withData: false)
        self.writer(event.event, &writer)
        writer.key("proof")
        writer.object {
            $0.member("verified", event.verification.code)
            $0.member("proved", event.verification.isProved)
            if let at = proofTime?.at { $0.member(event.verification.isProved ? "verified_at" : "found_at", at.rfc3339) }
            if let occasion = proofTime?.occasion { $0.member("occasion", occasion.word) }
            if let key = event.event.publicKey { $0.member("public_key", key) }
            if let checkpoint { $0.member("checkpoint", checkpoint) }
        }
        story(event, &writer)
        if event.replacements > 0 { writer.member("replacements", event.replacements) }
        if let at = event.replacedAt { writer.member("replaced_at", at.rfc3339) }
        if !twins.isEmpty { writer.member("same_number", twins.map(\.description)) }
    }

    /// Who wrote it.
    private func writer(_ event: Event, _ writer: inout JSONWriter) {
        writer.key("writer")
        writer.object {
            $0.member("origin", event.origin)
            $0.member("origin_name", event.originName)
            if event.origin == own.description { $0.member("ourselves", true) }
            if let peer = peers[event.origin] { $0.member("peer", peer) }
            if let number = event.number { $0.member("number", number) }
        }
    }

    private func story(_ event: StoredEvent, _ writer: inout JSONWriter) {
        // A key that became known since, or the host's replayer, holds it as well.
        if let hold = event.hold {
            writer.member("effect", "held")
            writer.member("hold", hold.code)
            writer.member("reason", hold.reason.rawValue)
            if let since = event.heldSince { writer.member("held_since", since.rfc3339) }
        }
        guard let story = stories[event.event.id] else { return }
        if event.hold == nil { writer.member("effect", story.effect.word) }
        writer.member("changed", story.changed.map(\.rawValue))
        if story.isPartlyUnknown { writer.member("changed_unknown", true) }
        for (key, ids) in [("replaced", story.replaced), ("superseded_by", story.supersededBy), ("beside", story.beside)]
        where !ids.isEmpty {
            writer.member(key, ids.prefix(EventWhy.listed).map(\.description))
        }
    }

    private func quarantined(_ row: QuarantineEntry, _ writer: inout JSONWriter) {
        writer.object {
            $0.member("row", row.row)
            $0.member("kind", row.kind.rawValue)
            $0.member("peer", row.peer)
            $0.member("reason", row.reason.rawValue)
            $0.member("code", row.code)
            $0.member("first_seen", row.firstSeen.rfc3339)
            $0.member("last_seen", row.lastSeen.rfc3339)
            $0.member("count", row.count)
            if let retry = row.retryAt { $0.member("retry_at", retry.rfc3339) }
        }
    }
}

extension ProofTime.Occasion {
    fileprivate var word: String {
        switch self {
        case .own: "own"
        case .arrival: "arrival"
        case .review: "review"
        case .chain: "chain"
        case .copy: "copy"
        case .unknown: "unknown"
        }
    }
}

extension EventStory.Effect {
    fileprivate var word: String {
        switch self {
        case .held: "held"
        case .shown: "shown"
        case .version: "version"
        case .superseded: "superseded"
        case .register(let wins): wins ? "set" : "overridden"
        case .counted: "counted"
        case .purge(let first): first ? "purged" : "purged_again"
        case .purged: "purged_away"
        case .none: "none"
        }
    }
}
