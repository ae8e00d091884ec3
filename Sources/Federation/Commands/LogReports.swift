internal import FederationCore

/// The facts of records and events as JSON: what `--json` prints and the text is made of.
extension JSONWriter {
    mutating func record(_ record: Record) {
        object { writer in writer.recordMembers(record) }
    }

    mutating func recordMembers(_ record: Record) {
        member("id", record.subject)
        member("title", record.title)
        member("type", record.type)
        member("tier", record.tier)
        member("tags", record.tags)
        if !record.author.isEmpty { member("author", record.author) }
        member("lifecycle", record.lifecycle.rawValue)
        member("diverged", record.isDiverged)
        if record.isIncomplete { member("incomplete", true) }
        if let purge = record.purge {
            key("purged")
            object {
                $0.member("event", purge.eventID.description)
                $0.member("action", purge.action)
                $0.member("reason", purge.reason)
            }
        }
        member("votes", record.votes)
        if record.heldCount > 0 { member("held", record.heldCount) }
        member("created", record.created)
        member("updated", record.updated)
        member("origin", record.origin)
        member("heads", record.heads.map(\.description))
    }

    mutating func event(_ stored: StoredEvent, now: WallTime, withData: Bool) {
        let event = stored.event
        object { writer in
            writer.member("seq", stored.seq)
            writer.member("id", event.id.description)
            writer.member("action", event.action)
            writer.member("trace_id", event.subject)
            writer.member("origin", event.origin)
            writer.member("origin_name", event.originName)
            writer.member("timestamp", event.timestamp)
            if let number = event.number { writer.member("number", number) }
            writer.key("vclock")
            writer.raw(event.clock.json)
            writer.member("digest", stored.digest.hex)
            writer.member("signed", event.signature != nil)
            writer.member("verified", stored.verification.code)
            writer.member("peer", stored.peer)
            writer.member("received_at", stored.receivedAt.rfc3339)
            if let hold = stored.hold { writer.member("hold", hold.code) }
            if event.isStub { writer.member("stub", true) }
            if event.id.time > now.advanced(by: Limits.earlyAfter) { writer.member("early", true) }
            if withData, let data = event.data {
                writer.key("data")
                writer.raw(data)
            }
        }
    }

    /// What an event says of its record: of a document of another system, the document as it is.
    mutating func content(_ data: [UInt8], of event: Event) {
        guard event.documentAction == nil else { return member("body", String(decoding: data, as: UTF8.self)) }
        guard let snapshot = try? Snapshot(data: data) else { return }
        member("body", snapshot.body)
        if !snapshot.derivedFrom.isEmpty { member("derived_from", snapshot.derivedFrom) }
        if !snapshot.contentHash.isEmpty { member("content_hash", snapshot.contentHash) }
    }

    /// One head of a record, with its text where it is here.
    mutating func version(_ stored: StoredEvent) {
        let snapshot = stored.event.data.flatMap { try? Snapshot(data: $0) }
        object { writer in
            writer.member("event", stored.event.id.description)
            writer.member("origin", stored.event.origin)
            writer.member("origin_name", stored.event.originName)
            writer.member("timestamp", stored.event.timestamp)
            writer.key("vclock")
            writer.raw(stored.event.clock.json)
            if let snapshot {
                writer.member("title", snapshot.title)
                writer.member("body", snapshot.body)
            }
        }
    }
}

extension LogReading {
    /// The heads of a record as events, in order of id.
    func headEvents(of record: Record) throws(StoreFailure) -> [StoredEvent] {
        var events: [StoredEvent] = []
        for id in record.heads { if let event = try event(id) { events.append(event) } }
        return events
    }
}
