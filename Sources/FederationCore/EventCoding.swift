extension Event {
    /// Reads one event from its JSON (Noema section 1.2), checking every shape and bound that refuses an event.
    ///
    /// Unknown members are ignored, as both Noema lines do. A missing `data` is `{}` (the Rust line leaves it out).
    package init(json bytes: [UInt8]) throws(EventRefusal) {
        guard bytes.count <= Limits.eventBytes else { throw .tooLarge(bytes: bytes.count) }
        let json: JSON
        do { json = try JSON(bytes) } catch { throw .notJSON(error) }
        guard json.isObject else { throw .notAnObject }
        guard !json.hasDuplicateKeys else { throw .duplicateKey }
        guard let id = ULID(try Event.text(.id, of: json)) else { throw .invalidID }
        self.init(
            id: id, action: try Event.text(.action, of: json), subject: try Event.text(.traceID, of: json),
            origin: try Event.text(.cortexID, of: json), originName: try Event.text(.origin, of: json),
            timestamp: try Event.text(.timestamp, of: json), payload: try Event.payload(of: json),
            clock: try Event.clock(of: json), signature: try Event.optionalText(.signature, of: json),
            publicKey: try Event.optionalText(.pubkey, of: json))
    }

    private static func text(_ field: EventField, of json: JSON) throws(EventRefusal) -> String {
        guard let value = json[field.rawValue] else { throw .missing(field) }
        guard let text = value.string else { throw .wrongType(field) }
        guard text.utf8.count <= Limits.eventTextBytes else { throw .textTooLong(field, bytes: text.utf8.count) }
        return text
    }

    /// An empty or absent text is none; Rust would refuse `null`, Go takes it for empty.
    private static func optionalText(_ field: EventField, of json: JSON) throws(EventRefusal) -> String? {
        guard let value = json[field.rawValue], !value.isNull else { return nil }
        let text = try text(field, of: json)
        return text.isEmpty ? nil : text
    }

    private static func payload(of json: JSON) throws(EventRefusal) -> Payload {
        if let stub = json[EventField.stub.rawValue] {
            guard let dataHash = Digest(hex: stub["data_sha256"]?.string ?? ""),
                let normalHash = Digest(hex: stub["normal_sha256"]?.string ?? ""), json["data"] == nil
            else { throw .wrongType(.stub) }
            return .stub(Stub(dataHash: dataHash, normalHash: normalHash))
        }
        guard let data = json["data"] else { return .full(Array("{}".utf8)) }
        guard data.isObject || data.isNull else { throw .wrongType(.data) }
        guard data.raw.count <= Limits.eventDataBytes else { throw .tooLarge(bytes: data.raw.count) }
        guard !data.raw.contains(where: { $0 < 0x20 }) else { throw .rawControlByte }
        return .full(Array(data.raw))
    }

    private static func clock(of json: JSON) throws(EventRefusal) -> ReceivedClock {
        guard let value = json["vclock"], !value.isNull else { return .empty }
        guard let members = value.members else { throw .wrongType(.vclock) }
        guard members.count <= Limits.receivedClockEntries else { throw .clockTooLarge(entries: members.count) }
        var entries: [ReceivedClock.Entry] = []
        for (key, value) in members {
            guard key.utf8.count <= Limits.eventTextBytes else { throw .textTooLong(.vclock, bytes: key.utf8.count) }
            guard value.isNumber else { throw .wrongType(.vclock) }
            guard let counter = value.unsigned, counter < Limits.counter else {
                if value.unsigned == nil, value.raw.contains(where: { $0 < 0x30 || $0 > 0x39 }) { throw .wrongType(.vclock) }
                throw .counterTooLarge
            }
            entries.append(ReceivedClock.Entry(key: key, counter: counter))
        }
        return ReceivedClock(entries: entries)
    }

    /// Writes the event as one compact JSON object, members in Noema's order, `data` byte for byte as it came.
    ///
    /// There is no newline in it: `data` holds no raw control byte, and every other text is escaped.
    public var json: [UInt8] {
        var writer = JSONWriter()
        writer.object { writer in
            writer.member("id", id.description)
            writer.member("action", action)
            writer.member("trace_id", subject)
            writer.member("cortex_id", origin)
            writer.member("origin", originName)
            writer.member("timestamp", timestamp)
            switch payload {
            case .full(let data):
                writer.key("data")
                writer.raw(data)
            case .stub(let stub):
                writer.key("stub")
                writer.object {
                    $0.member("data_sha256", stub.dataHash.hex)
                    $0.member("normal_sha256", stub.normalHash.hex)
                }
            }
            if !clock.isEmpty {
                writer.key("vclock")
                writer.raw(clock.json)
            }
            if let signature { writer.member("signature", signature) }
            if let publicKey { writer.member("pubkey", publicKey) }
        }
        return writer.bytes
    }
}

extension ReceivedClock {
    /// `{"KEY":n,…}` in the order the author wrote.
    public var json: [UInt8] {
        var writer = JSONWriter()
        writer.object { for entry in entries { $0.member(entry.key, entry.counter) } }
        return writer.bytes
    }

    /// Reads what `json` wrote; `nil` for anything a log cannot hold.
    package init?(json bytes: [UInt8]) {
        guard let members = try? JSON(bytes).members, members.count <= Limits.receivedClockEntries else { return nil }
        var entries: [Entry] = []
        for (key, value) in members {
            guard let counter = value.unsigned, counter < Limits.counter else { return nil }
            entries.append(Entry(key: key, counter: counter))
        }
        self.init(entries: entries)
    }
}
