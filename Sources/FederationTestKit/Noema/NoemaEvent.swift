package import FederationCore

/// One event as a Noema node holds it: texts that it never checked, and `data` as it was stored (Noema section 1.2).
package struct NoemaEvent: Hashable, Sendable {
    package var id: String
    package var action: String
    package var traceID: String
    package var cortexID: String
    package var origin: String
    package var timestamp: String
    package var data: [UInt8]
    package var clock: NoemaClock
    /// Empty when unsigned.
    package var signature: String
    package var publicKey: String

    package init(
        id: String, action: String, traceID: String, cortexID: String, origin: String, timestamp: String,
        data: [UInt8] = Array("{}".utf8), clock: NoemaClock = [:], signature: String = "", publicKey: String = ""
    ) {
        self.id = id
        self.action = action
        self.traceID = traceID
        self.cortexID = cortexID
        self.origin = origin
        self.timestamp = timestamp
        self.data = data
        self.clock = clock
        self.signature = signature
        self.publicKey = publicKey
    }

    /// Reads one element of a batch. What it cannot read spoils the whole batch, in both lines.
    ///
    /// Go takes missing and `null` members for empty; Rust wants its six strings and no `null`.
    package init(_ json: JSON, as rules: NoemaRules) throws(NoemaFailure) {
        guard json.isObject else { throw .unreadableBatch }
        func text(_ key: String, isRequired: Bool) throws(NoemaFailure) -> String {
            guard let value = json[key], rules == .rust || !value.isNull else {
                if rules == .rust, isRequired { throw .unreadableBatch }
                return ""
            }
            guard let text = value.string else { throw .unreadableBatch }
            return text
        }
        id = try text("id", isRequired: true)
        action = try text("action", isRequired: true)
        traceID = try text("trace_id", isRequired: true)
        cortexID = try text("cortex_id", isRequired: true)
        origin = try text("origin", isRequired: true)
        timestamp = try text("timestamp", isRequired: true)
        signature = try text("signature", isRequired: false)
        publicKey = try text("pubkey", isRequired: false)
        data = Array("{}".utf8)
        // Go keeps the bytes that came, Rust the value: a `null` is two different things to them (section 8.3).
        if let value = json["data"], rules == .go || !value.isNull {
            data = rules == .go ? Array(value.raw) : rules.relayed(Array(value.raw))
        }
        var counters: [String: UInt64] = [:]
        if let value = json["vclock"], rules == .rust || !value.isNull {
            guard let members = value.members else { throw .unreadableBatch }
            for (key, value) in members {
                guard let counter = value.unsigned else { throw .unreadableBatch }
                counters[key] = counter
            }
        }
        clock = NoemaClock(counters)
    }

    /// The event as a node of this line serves it: `data` is encoded again, and Rust leaves out an empty one.
    package func json(as rules: NoemaRules) -> [UInt8] {
        var writer = JSONWriter()
        let relayed = rules.relayed(data)
        writer.object { writer in
            writer.member("id", id)
            writer.member("action", action)
            writer.member("trace_id", traceID)
            writer.member("cortex_id", cortexID)
            writer.member("origin", origin)
            writer.member("timestamp", timestamp)
            if rules == .go || relayed != Array("{}".utf8) {
                writer.key("data")
                writer.raw(relayed)
            }
            if !clock.isEmpty {
                writer.key("vclock")
                writer.raw(clock.json)
            }
            if !signature.isEmpty { writer.member("signature", signature) }
            if !publicKey.isEmpty { writer.member("pubkey", publicKey) }
        }
        // Go's encoder escapes the texts beside `data` too.
        return rules == .go ? rules.relayed(writer.bytes) : writer.bytes
    }

    var isContent: Bool { action == NoemaAction.create.rawValue || action == NoemaAction.update.rawValue }
}

/// A Noema node's events, in order of id.
package struct NoemaLog: Sendable {
    package private(set) var events: [NoemaEvent] = []
    private var byTrace: [String: [String]] = [:]

    init() {}

    package func contains(_ id: String) -> Bool {
        let index = firstIndex(notBefore: id)
        return index < events.count && events[index].id == id
    }

    package func event(_ id: String) -> NoemaEvent? {
        let index = firstIndex(notBefore: id)
        return index < events.count && events[index].id == id ? events[index] : nil
    }

    /// The events after an id that need not be there, at most `limit` (section 2.2, 4).
    package func events(since id: String, limit: Int) -> ArraySlice<NoemaEvent> {
        var index = firstIndex(notBefore: id)
        if index < events.count, events[index].id == id { index += 1 }
        return events[index...].prefix(limit)
    }

    /// A trace's events in order of id.
    package func events(of traceID: String) -> [NoemaEvent] {
        (byTrace[traceID] ?? []).sorted(by: isBefore).compactMap(event)
    }

    /// The create or update of a trace with the highest id, whoever wrote it.
    func lastMutation(of traceID: String) -> NoemaEvent? { events(of: traceID).last(where: \.isContent) }

    /// - Precondition: the id is new.
    mutating func insert(_ event: NoemaEvent) {
        let index = firstIndex(notBefore: event.id)
        precondition(index == events.count || events[index].id != event.id, "an id is stored once")
        events.insert(event, at: index)
        byTrace[event.traceID, default: []].append(event.id)
    }

    mutating func plant(_ event: NoemaEvent) {
        let index = firstIndex(notBefore: event.id)
        guard index < events.count, events[index].id == event.id else { return insert(event) }
        byTrace[events[index].traceID]?.removeAll { $0 == event.id }
        events.remove(at: index)
        insert(event)
    }

    private func firstIndex(notBefore id: String) -> Int {
        var (low, high) = (0, events.count)
        while low < high {
            let middle = (low + high) / 2
            if isBefore(events[middle].id, id) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
