extension Event {
    /// Reads one event from its JSON (Noema section 1.2), checking every shape and bound that refuses an event.
    ///
    /// Unknown members are ignored, as both Noema lines do. A missing `data` is `{}` (the Rust line leaves it out).
    package init(json bytes: [UInt8]) throws(EventRefusal) { self = try Event.read(bytes).event }

    /// The same, with its `data` as it was read on the way; `nil` where it has none.
    static func read(_ bytes: [UInt8]) throws(EventRefusal) -> (event: Event, data: JSON?) {
        guard bytes.count <= Limits.eventBytes else { throw .tooLarge(bytes: bytes.count) }
        let json: JSON
        do { json = try JSON(bytes) } catch { throw .notJSON(error) }
        guard json.isObject else { throw .notAnObject }
        guard !json.hasDuplicateKeys else { throw .duplicateKey }
        guard let id = ULID(try Event.text(.id, of: json)) else { throw .invalidID }
        let event = Event(
            id: id, action: try text(.action, of: json), subject: try text(.traceID, of: json),
            origin: try text(.cortexID, of: json), originName: try text(.origin, of: json),
            timestamp: try text(.timestamp, of: json), payload: try payload(of: json),
            clock: try clock(of: json), signature: try optionalText(.signature, of: json),
            publicKey: try optionalText(.pubkey, of: json))
        return (event, event.isStub ? nil : json["data"])
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
        // White space between its parts: in a string there is none.
        guard data.isNormal || !data.raw.contains(where: { $0 < 0x20 }) else { throw .rawControlByte }
        return .full(Array(data.raw))
    }

    private static func clock(of json: JSON) throws(EventRefusal) -> ReceivedClock {
        guard let value = json["vclock"], !value.isNull else { return .empty }
        if let vector = VectorClock(plainJSON: value.raw.span) { return ReceivedClock(vector) }
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
        // The names of the members, the id, and what else is written for every event.
        var writer = JSONWriter(capacity: 160 + Int(clamping: storedBytes(clock: 50 * clock.count)))
        write(to: &writer)
        return writer.bytes
    }

    package func write(to writer: inout JSONWriter) {
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
            case .stub(let stub): stub.write(to: &writer)
            }
            if !clock.isEmpty {
                writer.key("vclock")
                writer.raw(clock.json)
            }
            if let signature { writer.member("signature", signature) }
            if let publicKey { writer.member("pubkey", publicKey) }
        }
    }
}

extension Event.Stub {
    /// As the member of an event's JSON that stands in place of `data`.
    package func write(to writer: inout JSONWriter) {
        writer.key("stub")
        writer.object {
            $0.member("data_sha256", dataHash.hex)
            $0.member("normal_sha256", normalHash.hex)
        }
    }
}

extension ReceivedClock {
    /// `{"KEY":n,…}` in the order the author wrote.
    public var json: [UInt8] {
        guard let written else { return vector.plainJSON }
        var writer = JSONWriter()
        writer.object { for entry in written { $0.member(entry.key, entry.counter) } }
        return writer.bytes
    }

    /// Reads what `json` wrote; `nil` for anything a log cannot hold.
    package init?(json bytes: [UInt8]) {
        if let vector = VectorClock(plainJSON: bytes.span) {
            self.init(vector)
            return
        }
        guard let members = try? JSON(bytes).members, members.count <= Limits.receivedClockEntries else { return nil }
        var entries: [Entry] = []
        for (key, value) in members {
            guard let counter = value.unsigned, counter < Limits.counter else { return nil }
            entries.append(Entry(key: key, counter: counter))
        }
        self.init(entries: entries)
    }
}

extension VectorClock {
    /// `{"ULID":n,…}`: no key has anything to escape.
    fileprivate var plainJSON: [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(2 + 50 * count)
        text.append(UInt8(ascii: "{"))
        for entry in entries {
            if text.count > 1 { text.append(UInt8(ascii: ",")) }
            text.append(UInt8(ascii: "\""))
            entry.origin.append(to: &text)
            text.append(UInt8(ascii: "\""))
            text.append(UInt8(ascii: ":"))
            text.append(contentsOf: String(entry.counter).utf8)
        }
        text.append(UInt8(ascii: "}"))
        return text
    }

    /// Reads `{"ULID":n,…}` in order of origin and without a space, as nearly every clock in a log is written: such a one
    /// need not be taken apart as JSON. `nil` for anything else.
    fileprivate init?(plainJSON text: Span<UInt8>) {
        var (entries, place): ([Entry], Int) = ([], 1)
        guard text.count > 2, text[0] == UInt8(ascii: "{") else { return nil }
        while true {
            // Quoted, a colon, at least one digit, and a comma or the closing brace.
            let (start, end) = (place + 1, place + 1 + ULID.length)
            guard end + 3 < text.count, text[place] == UInt8(ascii: "\""), text[end] == UInt8(ascii: "\""),
                text[end + 1] == UInt8(ascii: ":"), let origin = ULID(characters: text.extracting(start..<end)),
                origin > entries.last?.origin ?? .min, entries.count < Limits.receivedClockEntries
            else { return nil }
            var counter: UInt64 = 0
            place = end + 2
            guard text[place] != UInt8(ascii: "0") else { return nil }
            while place < text.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(text[place]) {
                // Below a bound that leaves room for one digit more.
                counter = counter * 10 + UInt64(text[place] - UInt8(ascii: "0"))
                guard counter < Limits.counter / 10 else { return nil }
                place += 1
            }
            guard counter > 0, place < text.count else { return nil }
            entries.append(Entry(origin: origin, counter: counter))
            if text[place] == UInt8(ascii: "}"), place + 1 == text.count { break }
            guard text[place] == UInt8(ascii: ",") else { return nil }
            place += 1
        }
        self.init(inOrder: entries)
    }
}
